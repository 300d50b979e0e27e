// What deleting an agent would lose: commits on no other branch, and changes that no branch holds.

package import ClocheModel
internal import LinuxSystem

/// Work of an agent that is nowhere else.
package struct UnmergedWork: Equatable, Sendable {
    /// Commits that no other branch, remote branch or tag has.
    package let commits: Int
    /// The same on other branches or stashes that the agent made, by name.
    package let otherRefs: [String]
    /// Files with uncommitted changes that no branch holds.
    package let uncommittedFiles: Int
    /// Why more may be lost than is known: a sync that failed, files left out of it.
    package let unknown: [String]

    /// Whether deleting loses nothing.
    package var isEmpty: Bool {
        commits == 0 && otherRefs.isEmpty && uncommittedFiles == 0 && unknown.isEmpty
    }

    /// What would be lost, for a sentence: "2 commits, uncommitted changes in 3 files".
    package var text: String {
        var parts: [String] = []
        if commits > 0 { parts.append("\(commits) commit\(commits == 1 ? "" : "s")") }
        if uncommittedFiles > 0 {
            parts.append("uncommitted changes in \(uncommittedFiles) file\(uncommittedFiles == 1 ? "" : "s")")
        }
        if !otherRefs.isEmpty { parts.append("its own " + otherRefs.map(\.visible).joined(separator: ", ")) }
        return (parts + unknown).joined(separator: ", ")
    }
}

extension AgentWorktree {
    /// What deleting this agent would lose.
    ///
    /// - Parameter sync: the sync made just before; nil when it failed, so that there may be more.
    package func unmergedWork(after sync: SyncResult?) throws(ClocheError) -> UnmergedWork {
        var unknown = sync == nil ? ["whatever it did since the last sync"] : []
        unknown += sync?.notices.filter(\.isIncomplete).map(\.text) ?? []
        guard let head = try repository.commit(refs.head), let snapshot = try repository.commit(refs.snapshot)
        else {
            return UnmergedWork(commits: 0, otherRefs: [], uncommittedFiles: 0, unknown: unknown)
        }
        var others: [String] = []
        for (name, object) in try otherRefs() where try commitsOnlyIn([object, "^" + head]) > 0 {
            others.append(name)
        }
        if try isContained(snapshot) {
            return UnmergedWork(commits: 0, otherRefs: others, uncommittedFiles: 0, unknown: unknown)
        }
        return UnmergedWork(
            commits: try commitsOnlyIn([head]),
            otherRefs: others,
            uncommittedFiles: try isProposalMerged(snapshot)
                ? 0 : try repository.changes(from: head, to: snapshot).count,
            unknown: unknown
        )
    }

    /// Commits reachable from these that no branch, remote branch or tag has, the agent's own branch aside.
    private func commitsOnlyIn(_ commits: [String]) throws(ClocheError) -> Int {
        let others = ["--not", "--exclude=\(branchName)", "--branches", "--remotes", "--tags"]
        let result = try repository.git.run(["rev-list", "--count"] + commits + others, at: repository.store)
        // A tag of something that is no commit counts as nothing.
        return result.status == 0 ? Int(result.outputText.withoutFinalNewline) ?? 1 : 0
    }

    /// Other refs of the agent that the last sync brought, by their names inside.
    private func otherRefs() throws(ClocheError) -> [(name: String, object: String)] {
        let listing = try repository.git.output(
            ["for-each-ref", "--format=%(objectname) %(refname)", refs.other],
            at: repository.store,
            "the agent's refs cannot be listed"
        )
        return listing.text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ").map(String.init)
            return fields.count == 2 ? (fields[1].withoutPrefix(refs.other), fields[0]) : nil
        }
    }

    /// Whether merging a commit would change nothing: the branch has it by another way, a squash or
    /// cherry-picks.
    private func isContained(_ commit: String) throws(ClocheError) -> Bool {
        for target in Set([try origin().branch, "HEAD"].compactMap { $0 }) {
            guard let tip = try repository.commit(target) else { continue }
            let merged = try repository.git.run(
                ["merge-tree", "--write-tree", "--no-messages", tip, commit],
                at: repository.store
            )
            let tree = try repository.git.run(["rev-parse", tip + "^{tree}"], at: repository.store)
            if merged.status == 0, merged.output == tree.output { return true }
        }
        return false
    }

    /// Whether a branch has the agent's uncommitted changes just as they are.
    private func isProposalMerged(_ snapshot: String) throws(ClocheError) -> Bool {
        guard let proposal = try repository.commit(refs.proposal) else { return false }
        guard try commitsOnlyIn([proposal]) == 0 else { return false }
        return try repository.changes(from: proposal, to: snapshot).isEmpty
    }
}
