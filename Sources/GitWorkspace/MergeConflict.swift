// A conflict of a merge, and what an agent makes of it: it begins at a commit of both sides with the conflict's markers in
// its files, so that all it commits descends from both, and its files are taken only when no marker is left in them.

package import ClocheModel
internal import LinuxSystem

/// An agent's work that does not go together with what was merged before.
package struct MergeConflict: Sendable {
    let side: MergeSide
    let part: MergePart
    let paths: Set<[UInt8]>
    /// Both sides, with markers.
    let tree: String
    /// What has been merged so far, as a commit.
    package let tip: String
    /// The files in conflict.
    package let files: [ConflictingFile]
    /// The agents that were merged before.
    package let merged: [String]

    /// The agent that is in conflict.
    package var agent: String { part.agent }
    /// The commit that it offers.
    package var offered: String { part.offered }

    /// The refusal of the whole merge.
    ///
    /// - Parameter attempt: the agent that was to resolve it, and why what it did was not taken.
    package func refusal(_ attempt: (agent: String, why: String)? = nil) -> ClocheError {
        let shown = files.prefix(20).map { file in
            "\n    \(file.path.visible): agent \(agent) and \(file.others.map(\.visible).joined(separator: ", "))"
        }
        let more = files.count > 20 ? "\n    and \(files.count - 20) more" : ""
        var why = "both changed the same places of:\(shown.joined())\(more)"
        var remedy = """
            put \(agent) earlier, leave it out (`--keep-going` leaves out all that are in conflict), or merge it by \
            hand with `git merge cloche/\(agent)/proposal` after the others
            """
        if let attempt {
            why += "\n  agent \(attempt.agent) did not resolve it: \(attempt.why.visible)"
            remedy = """
                `cloche logs \(attempt.agent)` and `cloche diff \(attempt.agent)` show what it did; once it is finished \
                there (`cloche resume \(attempt.agent)`), `cloche merge \(attempt.agent)` takes it; or \(remedy)
                """
        }
        return ClocheError(
            .conflict,
            "\(agent) is in conflict; nothing was merged and no file was touched",
            why: why,
            remedy: remedy
        )
    }
}

/// What came of an agent's attempt at a conflict.
package enum Resolution: Equatable, Sendable {
    /// These files, as a tree.
    case files(String)
    /// Nothing that could be taken; why.
    case unusable(String)
}

extension GitRepository {
    /// Makes the commit that a resolving agent begins at: both sides, with markers in the files.
    package func commit(of conflict: MergeConflict) throws(ClocheError) -> String {
        try makeCommit(
            tree: conflict.tree,
            parents: [conflict.tip, conflict.offered],
            message: "cloche: \(conflict.agent) merged, with conflicts\n"
        )
    }

    /// What git says of a conflict, one line for each; some kinds leave no marker in any file.
    package func description(of conflict: MergeConflict) throws(ClocheError) -> [String] {
        let arguments = [
            "merge-tree", "--write-tree", "--messages", "--name-only", "--allow-unrelated-histories",
        ]
        let result = try git.run(arguments + [conflict.tip, conflict.offered], at: store)
        return result.outputText.split(separator: "\n").filter { $0.hasPrefix("CONFLICT (") }
            .map { String($0).visible }
    }

    func tree(of commit: String) throws(ClocheError) -> String {
        try git.line(
            ["rev-parse", "--verify", commit + "^{tree}"],
            at: store,
            "the files of a commit cannot be read"
        )
    }
}

extension AgentWorktree {
    /// Judges what a sync brought of an agent that was to resolve a conflict.
    ///
    /// - Parameter start: the commit that it began at.
    package func resolution(of conflict: MergeConflict, from start: String, _ synced: SyncResult)
        throws(ClocheError) -> Resolution
    {
        for case .noSnapshot(let why) in synced.notices {
            return .unusable("its uncommitted changes could not be taken over: \(why)")
        }
        guard try repository.isAncestor(start, of: synced.head) else {
            return .unusable("its commits do not go on from the merge that it was given")
        }
        if synced.snapshot == start { return .unusable("it changed and committed nothing") }
        let changes = try repository.changes(from: start, to: synced.snapshot)
        let paths = Set(conflict.files.map(\.path) + changes.filter { !$0.isDeleted }.map(\.path.text))
        // git would not find it by a name that lost its bytes.
        if let odd = paths.first(where: { $0.unicodeScalars.contains("\u{fffd}") }) {
            return .unusable("the name of \(odd.visible) is not UTF-8")
        }
        let sides = try markers([conflict.tip, conflict.offered], paths.sorted())
        let left = try markers([synced.snapshot], paths.sorted()).subtracting(sides)
        let others = try movedAside(conflict, in: synced.snapshot)
        if let path = (left.map(\.path) + others).min() {
            return .unusable("\(path.visible) still has what the conflict left")
        }
        return .files(try repository.tree(of: synced.snapshot))
    }

    private struct Marker: Hashable {
        let path: String
        let line: String
    }

    /// Paths in one command: the kernel limits the length of its arguments.
    private static let pathsAtOnce = 100

    /// The lines that look like a conflict's markers; each side may have some of its own, in a text on git, say.
    private func markers(_ commits: [String], _ paths: [String]) throws(ClocheError) -> Set<Marker> {
        let pattern = "^(<{7,}|>{7,}|[|]{7,})([[:space:]]|$)|^={7,}[[:space:]]?$"
        var found: Set<Marker> = []
        for commit in commits {
            for first in stride(from: 0, to: paths.count, by: Self.pathsAtOnce) {
                let some = paths[first..<min(first + Self.pathsAtOnce, paths.count)]
                // As text, whatever it is, with its path ended by a NUL, and nothing that the configuration adds.
                let result = try repository.git.run(
                    [
                        "grep", "-a", "-z", "--no-color", "--no-line-number", "--no-column",
                        "--no-recurse-submodules", "-E", "-e", pattern, commit, "--",
                    ] + some,
                    at: repository.store
                )
                guard result.status <= 1 else { throw Git.failure("the files cannot be searched", result) }
                for line in result.outputText.split(separator: "\n") {
                    let parts = line.split(separator: "\0", maxSplits: 1).map(String.init)
                    let path = parts[0].withoutPrefix(commit + ":")
                    found.insert(Marker(path: path, line: parts.count > 1 ? parts[1] : ""))
                }
            }
        }
        return found
    }

    /// Files that git put aside under names with a side's commit in them, where a directory was in their way.
    private func movedAside(_ conflict: MergeConflict, in commit: String) throws(ClocheError) -> [String] {
        var names: [String] = []
        for file in conflict.files
        where file.path.hasSuffix("~" + conflict.tip) || file.path.hasSuffix("~" + conflict.offered) {
            let found = try repository.git.run(
                ["rev-parse", "-q", "--verify", "\(commit):\(file.path)"],
                at: repository.store
            )
            if found.status == 0 { names.append(file.path) }
        }
        return names
    }
}
