// Merging the work of several agents: computed on objects alone, one after the other, so that a conflict and a check that
// fails are known before a branch or a file has moved. What comes out is one commit that a branch can be moved to.

package import ClocheModel
internal import LinuxSystem

/// Where merged work goes.
package enum MergeDestination: Equatable, Sendable {
    /// The branch that is checked out, and its files.
    case checkout
    /// A branch by its short name; made at the commit that is checked out, if it is not there.
    case branch(String)
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
    package let changedFiles: Int
    /// Whether uncommitted changes of it are among them.
    package let includesUncommitted: Bool
    /// What became of it.
    package let outcome: Outcome
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

    /// Whether there is something to move.
    package var isEmpty: Bool { result == start }
    /// The branch's short name.
    package var branchName: String { branch.withoutPrefix("refs/heads/") }
}

/// An agent whose work is to be merged.
package struct MergeSide: Sendable {
    let worktree: AgentWorktree
    let task: String

    /// What its last sync brought; the first line of its task goes into the message.
    package init(_ worktree: AgentWorktree, task: String) {
        self.worktree = worktree
        self.task = task
    }
}

extension GitRepository {
    /// Computes a merge of what the last syncs of several agents brought.
    ///
    /// - Parameters:
    ///   - sides: in this order.
    ///   - message: of the one commit of an octopus, instead of the default one.
    ///   - leavesOut: whether an agent that is in conflict is left out, instead of stopping all of it.
    /// - Throws: `.conflict` with the files and both sides of each; `.state` when the checkout that is to be moved
    ///   is not clean.
    package func merge(
        _ sides: [MergeSide],
        into destination: MergeDestination,
        _ strategy: MergeStrategy,
        message: String? = nil,
        leavesOut: Bool = false,
        waiting: (String) -> Void = { _ in }
    ) throws(ClocheError) -> GroupMerge {
        try checkVersion()
        return try locked(waiting: waiting) { repository throws(ClocheError) in
            let target = try repository.target(destination)
            var fold = MergeFold(repository, target.start, target.name, leavesOut)
            for side in sides { try fold.add(side) }
            let result = try fold.finish(strategy, message)
            return GroupMerge(
                parts: fold.parts,
                branch: target.branch,
                isCheckedOut: target.isCheckedOut,
                previous: target.previous,
                start: target.start,
                result: result,
                changedFiles: try repository.changes(from: target.start, to: result).count
            )
        }
    }

    private struct Target {
        var branch: String
        var isCheckedOut: Bool
        var previous: String?
        var start: String

        var name: String { branch.withoutPrefix("refs/heads/") }
    }

    private func target(_ destination: MergeDestination) throws(ClocheError) -> Target {
        var current: String?
        if topLevel != nil { current = try currentBranch() }
        if case .branch(let name) = destination, "refs/heads/" + name != current {
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
            return Target(branch: branch, isCheckedOut: false, previous: previous, start: start)
        }
        _ = try finishInterruptedMergeLocked()
        let state = try cleanCheckout()
        return Target(branch: state.branch, isCheckedOut: true, previous: state.commit, start: state.commit)
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
            throw ClocheError(
                .state,
                "\(branch.withoutPrefix("refs/heads/").visible) is checked out in another worktree",
                why: place.visible,
                remedy: "run `cloche merge` there, or name another branch"
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

/// A merge that grows by one agent at a time.
private struct MergeFold {
    private let repository: GitRepository
    private let start: String
    private let branch: String
    private let leavesOut: Bool
    private var tip: String
    private var task = ""
    private(set) var parts: [MergePart] = []
    /// Who changed which file.
    private var changed: [(agent: String, paths: Set<[UInt8]>)] = []

    init(_ repository: GitRepository, _ start: String, _ branch: String, _ leavesOut: Bool) {
        (self.repository, self.start, self.branch, self.leavesOut) = (repository, start, branch, leavesOut)
        tip = start
    }

    mutating func add(_ side: MergeSide) throws(ClocheError) {
        let worktree = side.worktree
        let proposal = try worktree.proposal(to: tip, includeUncommitted: true)
        let offered = try worktree.commit(proposal)
        if try repository.isAncestor(offered, of: tip) {
            return note(worktree.agent, offered, 0, proposal, .nothing)
        }
        _ = try repository.git.output(
            ["update-ref", worktree.refs.proposal, offered],
            at: repository.store,
            "the agent's refs could not be written"
        )
        let base = try repository.mergeBase(start, offered)
        var paths: Set<[UInt8]> = []
        if let base { paths = Set(try repository.changes(from: base, to: offered).map(\.path)) }
        // Where there is a checkout, its attributes count.
        let place = try repository.topLevel == nil ? repository.store : repository.checkout()
        switch try repository.mergedTree(of: offered, into: tip, at: place) {
        case .conflict(let files):
            var conflicts: [ConflictingFile] = []
            for (index, path) in files.enumerated() {
                conflicts.append(try conflict(path, base, looksUp: index < Self.mostLookedUp))
            }
            guard leavesOut else { throw error(worktree.agent, conflicts) }
            note(worktree.agent, offered, paths.count, proposal, .conflict(conflicts))
        case .tree(let tree):
            tip = try repository.makeCommit(
                tree: tree,
                parents: [tip, offered],
                message: worktree.defaultMessage(side.task)
            )
            note(worktree.agent, offered, paths.count, proposal, .merged)
            changed.append((worktree.agent, paths))
        }
    }

    private mutating func note(
        _ agent: String,
        _ offered: String,
        _ files: Int,
        _ proposal: Proposal,
        _ outcome: MergePart.Outcome
    ) {
        parts.append(
            MergePart(
                agent: agent,
                offered: offered,
                changedFiles: files,
                includesUncommitted: proposal.includesUncommitted,
                outcome: outcome
            )
        )
    }

    /// The commit that everything is in.
    func finish(_ strategy: MergeStrategy, _ message: String?) throws(ClocheError) -> String {
        let merged = parts.filter { $0.outcome == .merged }
        guard strategy == .octopus || message != nil && merged.count == 1, !merged.isEmpty else { return tip }
        let tree = try repository.git.line(
            ["rev-parse", "--verify", tip + "^{tree}"],
            at: repository.store,
            "the merged files cannot be read"
        )
        let names = merged.map(\.agent).joined(separator: ", ")
        return try repository.makeCommit(
            tree: tree,
            parents: [start] + merged.map(\.offered),
            message: message ?? "Merge agent\(merged.count == 1 ? "" : "s") \(names)\n"
        )
    }

    /// For so many files git is asked who else changed them: an agent may be in conflict in all that there are.
    private static let mostLookedUp = 20

    private func conflict(_ path: String, _ base: String?, looksUp: Bool) throws(ClocheError)
        -> ConflictingFile
    {
        let bytes = Array(path.utf8)
        let agents = changed.filter { $0.paths.contains(bytes) }.map { "agent " + $0.agent }
        if !agents.isEmpty { return ConflictingFile(path: path, others: agents) }
        guard looksUp else { return ConflictingFile(path: path, others: [branch]) }
        let range = base.map { "\($0)..\(start)" } ?? start
        let author = try repository.git.run(
            ["log", "-1", "--format=%an", "--end-of-options", range, "--", path],
            at: repository.store
        ).outputText.withoutFinalNewline
        return ConflictingFile(path: path, others: [author.isEmpty ? branch : "\(author) on \(branch)"])
    }

    private func error(_ agent: String, _ files: [ConflictingFile]) -> ClocheError {
        let shown = files.prefix(20).map { file in
            "\n    \(file.path.visible): agent \(agent) and \(file.others.map(\.visible).joined(separator: ", "))"
        }
        let more = files.count > 20 ? "\n    and \(files.count - 20) more" : ""
        return ClocheError(
            .conflict,
            "\(agent) is in conflict; nothing was merged and no file was touched",
            why: "both changed the same places of:\(shown.joined())\(more)",
            remedy: """
                put \(agent) earlier, leave it out (`--keep-going` leaves out all that are in conflict), or merge it by \
                hand with `git merge cloche/\(agent)/proposal` after the others
                """
        )
    }
}
