// Merging the work of several agents: computed on objects alone (GroupMerging), one after the other, so that a conflict and
// a check that fails are known before a branch or a file has moved. What comes out is one commit that a branch can be moved to.

package import ClocheModel
internal import LinuxSystem

/// Where merged work goes.
package enum MergeDestination: Equatable, Sendable {
    /// The branch that is checked out, and its files.
    case checkout
    /// A branch by its short name; made at the commit that is checked out, if it is not there.
    case branch(String)
    /// The same for an agent, which moves nothing that anybody has checked out, and whose merges are not what a person takes
    /// back.
    case agentsBranch(String)
}

extension MergeDestination {
    /// The short name of the branch that is named.
    fileprivate var branch: String? {
        switch self {
        case .checkout: nil
        case .branch(let name), .agentsBranch(let name): name
        }
    }

    fileprivate var isAgents: Bool { if case .agentsBranch = self { true } else { false } }
}

/// What the history of a merge of several agents looks like.
package enum MergeStrategy: String, Equatable, Sendable {
    /// A merge commit for each agent.
    case sequential
    /// One merge commit with all agents as parents.
    case octopus
}

/// One agent in a merge of several.
package struct MergePart: Equatable, Sendable {
    /// What became of it.
    package enum Outcome: Equatable, Sendable {
        /// Its work is in the result.
        case merged
        /// The branch had everything already.
        case nothing
        /// Left out: these files, each with who else changed them.
        case conflict([ConflictingFile])
    }

    /// The agent.
    package let agent: String
    /// The commit that it offers.
    package let offered: String
    /// Files that it changed since it left the branch.
    package internal(set) var changedFiles: Int
    /// Whether uncommitted changes of it are among them.
    package let includesUncommitted: Bool
    /// What became of it.
    package internal(set) var outcome: Outcome
    /// The agent that resolved a conflict of it, if one did.
    package internal(set) var resolvedBy: String?
}

/// A file that an agent and somebody else changed at the same places.
package struct ConflictingFile: Equatable, Sendable {
    /// Its path in the repository.
    package let path: String
    /// Agents of the same merge that changed it, or else who changed it last on the branch.
    package let others: [String]
}

/// A merge of several agents that has been computed, and has moved nothing.
package struct GroupMerge: Equatable, Sendable {
    /// Each agent, in the order of the merge.
    package let parts: [MergePart]
    /// The branch that it is for, as a full ref name.
    package let branch: String
    /// Whether that is the one that is checked out.
    package let isCheckedOut: Bool
    /// Where the branch is; nil if it is not there yet.
    package let previous: String?
    /// The commit that the merge began at.
    package let start: String
    /// What the branch is to be moved to; `start` when there is nothing to merge.
    package let result: String
    /// Files that differ between the two.
    package let changedFiles: Int
    /// Whether an agent merges, which is not what a person takes back.
    package var isAgents = false

    /// Whether there is something to move.
    package var isEmpty: Bool { result == start }
    /// The branch's short name.
    package var branchName: String { branch.withoutPrefix("refs/heads/") }
}

/// An agent whose work is to be merged.
package struct MergeSide: Sendable {
    let worktree: AgentWorktree
    let synced: SyncResult
    let task: String

    /// What a sync brought; the first line of its task goes into the message.
    package init(_ worktree: AgentWorktree, _ synced: SyncResult, task: String) {
        (self.worktree, self.synced, self.task) = (worktree, synced, task)
    }
}

extension GitRepository {
    /// Begins a merge of what syncs of several agents brought, and computes it up to its first conflict.
    ///
    /// - Parameter sides: in this order.
    /// - Throws: `.state` when the checkout that is to be moved is not clean.
    package func beginMerge(
        _ sides: [MergeSide],
        into destination: MergeDestination,
        waiting: (String) -> Void = { _ in }
    ) throws(ClocheError) -> GroupMerging {
        try checkVersion()
        let target = try locked(waiting: waiting) { repository throws(ClocheError) in
            try repository.target(destination)
        }
        var merging = GroupMerging(self, target, sides[...])
        try merging.advance(waiting)
        return merging
    }

    struct MergeTarget: Sendable {
        var branch: String
        var isCheckedOut: Bool
        var previous: String?
        var start: String
        /// Whether an agent merges.
        var isAgents = false

        var name: String { branch.withoutPrefix("refs/heads/") }
    }

    private func target(_ destination: MergeDestination) throws(ClocheError) -> MergeTarget {
        var current: String?
        if topLevel != nil { current = try currentBranch() }
        // What an agent merges into is refused below when it is checked out, here or elsewhere.
        if let name = destination.branch, destination.isAgents || "refs/heads/" + name != current {
            let branch = "refs/heads/" + name
            try checkBranchName(name)
            try refuseCheckedOutElsewhere(branch)
            let previous = try commit(branch)
            var start = previous
            if start == nil { start = try commit("HEAD") }
            guard let start else {
                throw ClocheError(
                    .state,
                    "there is no commit to begin at",
                    remedy: "make one first: git commit"
                )
            }
            var target = MergeTarget(branch: branch, isCheckedOut: false, previous: previous, start: start)
            target.isAgents = destination.isAgents
            return target
        }
        _ = try finishInterruptedMergeLocked()
        let state = try cleanCheckout()
        return MergeTarget(
            branch: state.branch,
            isCheckedOut: true,
            previous: state.commit,
            start: state.commit
        )
    }

    /// Refuses what cannot name a branch that we would make.
    func checkBranchName(_ name: String) throws(ClocheError) {
        // git expands `@{-1}` and the like, and takes names that it would not make.
        let checked = try git.run(["check-ref-format", "--branch", name], at: store)
        guard checked.status == 0, checked.outputText.withoutFinalNewline == name, !name.hasPrefix("-"),
            !name.hasPrefix("refs/"), !["HEAD", "@"].contains(name)
        else { throw ClocheError(.usage, "\(name.visible) cannot name a branch") }
    }

    /// A branch that moved under another checkout would make all of its files look changed.
    func refuseCheckedOutElsewhere(_ branch: String) throws(ClocheError) {
        let listing = try git.output(
            ["worktree", "list", "--porcelain", "-z"],
            at: store,
            "the worktrees cannot be listed"
        )
        var place = ""
        for field in listing.nulSeparated.map(\.text) {
            if field.hasPrefix("worktree ") { place = field.withoutPrefix("worktree ") }
            guard field == "branch " + branch else { continue }
            let name = branch.withoutPrefix("refs/heads/").visible
            let isHere = place == topLevel
            throw ClocheError(
                .state,
                isHere ? "\(name) is checked out here" : "\(name) is checked out in another worktree",
                why: place.visible,
                remedy: isHere
                    ? "name another branch" : "run `cloche merge` there, or name another branch"
            )
        }
    }

    /// Moves the branch to a merge that was computed.
    ///
    /// - Throws: `.state` when the branch has moved since, or its checkout is not clean any more.
    package func land(_ merge: GroupMerge, waiting: (String) -> Void = { _ in }) throws(ClocheError) {
        try locked(waiting: waiting) { repository throws(ClocheError) in
            let reason = "cloche merge " + merge.merged.joined(separator: " ")
            if merge.isCheckedOut {
                _ = try repository.finishInterruptedMergeLocked()
                let state = try repository.cleanCheckout()
                guard state.branch == merge.branch, state.commit == merge.start else { throw merge.movedOn }
                let changes = try repository.changes(from: merge.start, to: merge.result)
                try repository.moveCheckout(state, to: merge.result, changes, reason: reason)
            } else {
                guard try repository.commit(merge.branch) == merge.previous else { throw merge.movedOn }
                try repository.refuseCheckedOutElsewhere(merge.branch)
                try repository.moveUncheckedBranch(
                    merge.branch,
                    to: merge.result,
                    from: merge.previous,
                    reason
                )
            }
            if merge.isAgents { return }
            try LastMerge(branch: merge.branch, old: merge.previous, new: merge.result)
                .write(repository.commonDirectory)
        }
    }

    /// Moves a branch that has no checkout; `from` nil makes it.
    func moveUncheckedBranch(_ branch: String, to new: String, from old: String?, _ reason: String)
        throws(ClocheError)
    {
        let zero = String(repeating: "0", count: new.utf8.count)
        _ = try git.output(
            ["update-ref", "-m", reason, branch, new, old ?? zero],
            at: store,
            "the branch could not be moved"
        )
    }
}

extension GroupMerge {
    /// The agents whose work is in it.
    package var merged: [String] { parts.filter { $0.outcome == .merged }.map(\.agent) }

    fileprivate var movedOn: ClocheError {
        ClocheError(
            .state,
            "\(branchName.visible) has moved while the merge was being made; nothing was merged",
            remedy: "merge again"
        )
    }
}
