// A merge of several agents while it is computed: on objects alone, one agent after the other. It stands still at each
// conflict, and nothing is locked meanwhile, since an agent that resolves it may take its time.

package import ClocheModel
internal import LinuxSystem

/// A merge of several agents that is being computed.
package struct GroupMerging: Sendable {
    private let repository: GitRepository
    private let target: GitRepository.MergeTarget
    private var rest: ArraySlice<MergeSide>
    private var tip: String
    private var parts: [MergePart] = []
    /// Who changed which file.
    private var changed: [(agent: String, paths: Set<[UInt8]>)] = []
    /// What it stands still at; nil when all agents are in it, or left out.
    package private(set) var conflict: MergeConflict?

    init(
        _ repository: GitRepository,
        _ target: GitRepository.MergeTarget,
        _ sides: ArraySlice<MergeSide>
    ) {
        (self.repository, self.target, rest, tip) = (repository, target, sides, target.start)
    }

    /// Goes on to the next conflict, or to the end.
    mutating func advance(_ waiting: (String) -> Void) throws(ClocheError) {
        self = try repository.locked(waiting: waiting) { repository throws(ClocheError) in
            var next = self
            while next.conflict == nil, let side = next.rest.popFirst() { try next.add(side, repository) }
            return next
        }
    }

    /// Leaves out the agent that is in conflict.
    package mutating func leaveOut(waiting: (String) -> Void = { _ in }) throws(ClocheError) {
        guard let conflict else { return }
        parts.append(conflict.part)
        self.conflict = nil
        try advance(waiting)
    }

    /// Takes a tree that `AgentWorktree.resolution` found good for what both sides come to.
    package mutating func resolve(
        with tree: String,
        by resolver: String,
        waiting: (String) -> Void = { _ in }
    ) throws(ClocheError) {
        guard let conflict else { return }
        self.conflict = nil
        var part = conflict.part
        (part.outcome, part.resolvedBy) = (.merged, resolver)
        let message = conflict.side.worktree.defaultMessage(conflict.side.task)
        try take(part, conflict.paths, tree, message + "\nConflicts-resolved-by: agent \(resolver)\n")
        try advance(waiting)
    }

    /// The merge, when there is no conflict left.
    ///
    /// - Parameter message: of the one commit of an octopus, instead of the default one.
    package func finish(_ strategy: MergeStrategy, message: String?) throws(ClocheError) -> GroupMerge {
        let result = try commit(strategy, message)
        return GroupMerge(
            parts: parts,
            branch: target.branch,
            isCheckedOut: target.isCheckedOut,
            previous: target.previous,
            start: target.start,
            result: result,
            changedFiles: try repository.changes(from: target.start, to: result).count,
            isAgents: target.isAgents
        )
    }

    /// The commit that everything is in.
    private func commit(_ strategy: MergeStrategy, _ message: String?) throws(ClocheError) -> String {
        let merged = parts.filter { $0.outcome == .merged }
        guard strategy == .octopus || message != nil && merged.count == 1, !merged.isEmpty else { return tip }
        let names = merged.map(\.agent).joined(separator: ", ")
        return try repository.makeCommit(
            tree: try repository.tree(of: tip),
            parents: [target.start] + merged.map(\.offered),
            message: message ?? "Merge agent\(merged.count == 1 ? "" : "s") \(names)\n"
        )
    }

    private mutating func add(_ side: MergeSide, _ repository: GitRepository) throws(ClocheError) {
        let worktree = side.worktree
        let proposal = try worktree.proposal(
            to: tip,
            head: side.synced.head,
            snapshot: side.synced.snapshot
        )
        var part = MergePart(
            agent: worktree.agent,
            offered: try worktree.commit(proposal),
            changedFiles: 0,
            includesUncommitted: proposal.includesUncommitted,
            outcome: .nothing
        )
        if try repository.isAncestor(part.offered, of: tip) { return parts.append(part) }
        _ = try repository.git.output(
            ["update-ref", worktree.refs.proposal, part.offered],
            at: repository.store,
            "the agent's refs could not be written"
        )
        let base = try repository.mergeBase(target.start, part.offered)
        var paths: Set<[UInt8]> = []
        if let base { paths = Set(try repository.changes(from: base, to: part.offered).map(\.path)) }
        part.changedFiles = paths.count
        // Where there is a checkout, its attributes count.
        let place = try repository.topLevel == nil ? repository.store : repository.checkout()
        switch try repository.mergedTree(of: part.offered, into: tip, at: place) {
        case .tree(let tree):
            part.outcome = .merged
            try take(part, paths, tree, worktree.defaultMessage(side.task))
        case .conflict(let names, let tree):
            var files: [ConflictingFile] = []
            for (index, path) in names.enumerated() {
                files.append(try file(path, base, looksUp: index < Self.mostLookedUp))
            }
            part.outcome = .conflict(files)
            conflict = MergeConflict(
                side: side,
                part: part,
                paths: paths,
                tree: tree,
                tip: tip,
                files: files,
                merged: changed.map(\.agent)
            )
        }
    }

    private mutating func take(
        _ part: MergePart,
        _ paths: Set<[UInt8]>,
        _ tree: String,
        _ message: String
    ) throws(ClocheError) {
        tip = try repository.makeCommit(tree: tree, parents: [tip, part.offered], message: message)
        parts.append(part)
        changed.append((part.agent, paths))
    }

    /// For so many files git is asked who else changed them: an agent may be in conflict in all that there are.
    private static let mostLookedUp = 20

    private func file(_ path: String, _ base: String?, looksUp: Bool) throws(ClocheError) -> ConflictingFile {
        let bytes = Array(path.utf8)
        let agents = changed.filter { $0.paths.contains(bytes) }.map { "agent " + $0.agent }
        if !agents.isEmpty { return ConflictingFile(path: path, others: agents) }
        let branch = target.branch.withoutPrefix("refs/heads/")
        guard looksUp else { return ConflictingFile(path: path, others: [branch]) }
        let range = base.map { "\($0)..\(target.start)" } ?? target.start
        let author = try repository.git.run(
            ["log", "-1", "--format=%an", "--end-of-options", range, "--", path],
            at: repository.store
        ).outputText.withoutFinalNewline
        return ConflictingFile(path: path, others: [author.isEmpty ? branch : "\(author) on \(branch)"])
    }
}
