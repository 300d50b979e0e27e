// Merging an agent's work into the branch that the user has checked out. The merge is computed on objects
// alone; only when it is known to succeed does the checkout move, in steps that MergeJournal can finish or
// take back after a crash:
//
//   1 proposal and merge commit made        objects only: nothing shows
//   2 journal written                       from here on a crash is repaired by the next merge
//   3 index.lock taken, files written       git read-tree -m -u: files that do not change stay as they are
//   4 index replaced, branch moved          one rename, one ref update
//   5 journal and lock removed

package import ClocheModel
internal import LinuxSystem

/// What a merge did.
package struct MergeResult: Equatable, Sendable {
    /// The merge commit; nil when the branch held everything already.
    package let commit: String?
    /// Where the branch was; `git reset --keep` to it takes the merge back.
    package let previous: String
    /// The branch's short name.
    package let branch: String
    /// Files that changed in the checkout.
    package let changedFiles: Int
    /// Whether uncommitted changes of the agent are part of it.
    package let includesUncommitted: Bool
    /// Files that a filter (LFS) would have turned into something else; they are there as committed.
    package let unfilteredFiles: [String]
}

extension AgentWorktree {
    /// Merges what the last sync brought into the branch that is checked out in the repository's checkout.
    ///
    /// - Parameters:
    ///   - task: what the agent was asked for; its first line goes into the message.
    ///   - message: the whole message, instead of the default one.
    ///   - includeUncommitted: if false, the agent's commits only.
    ///   - dryRun: if true, everything is found out and made but for the last step: branch and checkout stay.
    /// - Throws: `.conflict` when both sides changed the same lines, `.state` when the checkout is not clean,
    ///   is not on a branch or has untracked files in the way. Nothing is changed then.
    package func merge(
        task: String = "",
        message: String? = nil,
        includeUncommitted: Bool = true,
        dryRun: Bool = false,
        waiting: (String) -> Void = { _ in }
    ) throws(ClocheError) -> MergeResult {
        try repository.checkVersion()
        return try repository.locked(waiting: waiting) { repository throws(ClocheError) in
            _ = try repository.finishInterruptedMergeLocked()
            let state = try repository.cleanCheckout()
            let short = state.branch.withoutPrefix("refs/heads/")
            let proposal = try proposal(to: state.commit, includeUncommitted: includeUncommitted)
            let offered = try commit(proposal)
            if try repository.isAncestor(offered, of: state.commit) {
                return .nothing(state.commit, short)
            }
            _ = try repository.git.output(
                ["update-ref", refs.proposal, offered],
                at: repository.store,
                "the agent's refs could not be written"
            )
            let place = try repository.checkout()
            let tree: String
            switch try repository.mergedTree(of: offered, into: state.commit, at: place) {
            case .tree(let one): tree = one
            case .conflict(let files, _): throw conflict(files, into: state)
            }
            let merged = try repository.makeCommit(
                tree: tree,
                parents: [state.commit, offered],
                message: message ?? defaultMessage(task)
            )
            let changes = try repository.changes(from: state.commit, to: merged)
            if !dryRun {
                try repository.moveCheckout(state, to: merged, changes, reason: "cloche merge \(agent)")
                try LastMerge(branch: state.branch, old: state.commit, new: merged)
                    .write(repository.commonDirectory)
            }
            return MergeResult(
                commit: merged,
                previous: state.commit,
                branch: short,
                changedFiles: changes.count,
                includesUncommitted: proposal.includesUncommitted,
                unfilteredFiles: try repository.filteredFiles(among: changes)
            )
        }
    }

    /// The message of its merge commit.
    func defaultMessage(_ task: String) -> String {
        let line = task.split(whereSeparator: \.isNewline).first.map { String($0).visible } ?? ""
        let shown = line.count > 120 ? line.prefix(119) + "\u{2026}" : line[...]
        return shown.isEmpty ? "Merge agent \(agent)\n" : "Merge agent \(agent): \(shown)\n"
    }

    private func conflict(_ names: [String], into state: CheckoutState) -> ClocheError {
        let shown = names.prefix(20).map { "\n    \($0.visible)" }.joined()
        let more = names.count > 20 ? "\n    and \(names.count - 20) more" : ""
        let branch = state.branch.withoutPrefix("refs/heads/").visible
        return ClocheError(
            .conflict,
            "\(agent) and \(branch) are in conflict; nothing was merged and no file was touched",
            why:
                "both changed the same places of \(names.count) file\(names.count == 1 ? "" : "s"):\(shown)\(more)",
            remedy: """
                merge by hand with `git merge cloche/\(agent)/proposal`, resolve, `git commit`; or ask the agent to take \
                the other side into account and merge again
                """
        )
    }
}

extension MergeResult {
    fileprivate static func nothing(_ commit: String, _ branch: String) -> MergeResult {
        MergeResult(
            commit: nil,
            previous: commit,
            branch: branch,
            changedFiles: 0,
            includesUncommitted: false,
            unfilteredFiles: []
        )
    }
}

/// What `git-merge-tree(1)` finds.
enum MergedTree: Equatable {
    case tree(String)
    /// Both sides changed the same places of these files; the tree has them with markers.
    case conflict([String], String)
}

extension GitRepository {
    /// Merges two commits on objects alone.
    func mergedTree(of offered: String, into commit: String, at place: Git.Place) throws(ClocheError)
        -> MergedTree
    {
        let result = try git.run(
            [
                "merge-tree", "--write-tree", "-z", "--name-only", "--no-messages",
                "--allow-unrelated-histories",
                commit, offered,
            ],
            at: place
        )
        let fields = result.output.nulSeparated.map(\.text)
        guard let tree = fields.first, result.status <= 1, AgentWorktree.isObjectName(tree) else {
            throw Git.failure("the merge could not be computed", result)
        }
        if result.status == 0 { return .tree(tree) }
        var seen: Set<String> = []
        return .conflict(fields.dropFirst().filter { seen.insert($0).inserted }, tree)
    }

    /// Moves branch, index and files from the checkout's commit to another.
    func moveCheckout(
        _ state: CheckoutState,
        to merged: String,
        _ changes: [FileChange],
        reason: String
    ) throws(ClocheError) {
        let place = try checkout()
        let inTheWay = try filesInTheWay(of: changes, place)
        guard inTheWay.isEmpty else {
            let shown = inTheWay.prefix(10).map(\.visible).joined(separator: ", ")
            throw ClocheError(
                .state,
                "untracked files are in the way of the merge",
                why: shown + (inTheWay.count > 10 ? " and \(inTheWay.count - 10) more" : ""),
                remedy: "move them away, or commit them, and merge again"
            )
        }
        let lock = try IndexLock(gitDirectory)
        defer { lock.release() }
        try lock.copyIndex()
        var copied = place
        copied.indexFile = lock.copy
        // Only to bring what git remembers of each file up to date; a file that differs shows in the next
        // step.
        _ = try git.run(["update-index", "-q", "--refresh"], at: copied)
        let move = ["read-tree", "-m", "-u", state.commit, merged]
        _ = try git.output(move + ["--dry-run"], at: copied, "the checkout cannot be moved to the merge")
        let journal = MergeJournal(branch: state.branch, old: state.commit, new: merged)
        try journal.write(gitDirectory)
        do throws(ClocheError) {
            _ = try git.output(move, at: copied, "the merged files could not be written")
            try lock.replaceIndex()
            try moveBranch(journal, reason)
        } catch {
            // What failed is the error to tell; the journal stays if this fails as well.
            _ = try? rollBack(journal, lock)
            throw error
        }
        try MergeJournal.remove(gitDirectory)
    }

    func moveBranch(_ journal: MergeJournal, _ reason: String) throws(ClocheError) {
        let lines =
            "update ORIG_HEAD \(journal.old)\nupdate \(journal.branch) \(journal.new) \(journal.old)\n"
        _ = try git.output(
            ["update-ref", "-m", reason, "--stdin"],
            at: Git.Place(gitDirectory),
            input: [UInt8](lines.utf8),
            "the branch could not be moved"
        )
    }

    /// Changed files for which `.gitattributes` names a filter that is configured.
    fileprivate func filteredFiles(among changes: [FileChange]) throws(ClocheError) -> [String] {
        let drivers = Set(configuration.withoutDrivers.filter { $0.key.hasPrefix("filter.") }.map(\.key))
        let names: [UInt8] = changes.filter { !$0.isDeleted }.flatMap { $0.path + [0] }
        guard !drivers.isEmpty, !names.isEmpty else { return [] }
        let fields = try git.output(
            ["check-attr", "-z", "--stdin", "filter"],
            at: try checkout(),
            input: names,
            "the attributes of the merged files cannot be read"
        ).nulSeparated.map(\.text)
        return stride(from: 0, to: fields.count - 2, by: 3).compactMap { index in
            drivers.contains("filter.\(fields[index + 2]).clean") ? fields[index] : nil
        }
    }
}

extension String {
    /// The text without a beginning that it may have.
    func withoutPrefix(_ prefix: String) -> String {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : self
    }
}
