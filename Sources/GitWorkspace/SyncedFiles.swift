// What a sync brought that the one before had not, by path: uncommitted changes included.

package import ClocheModel
internal import LinuxSystem

/// A file that is another than at the sync before.
package struct SyncedFile: Equatable, Sendable {
    /// What became of it.
    package enum Change: String, Sendable {
        case added, modified, deleted, renamed
    }

    /// What it is, or was.
    package enum Kind: String, Sendable {
        case file, link, submodule
    }

    /// What became of it.
    package let change: Change
    /// What it is, or was.
    package let kind: Kind
    /// Its path's bytes.
    package let path: [UInt8]
    /// Those before it was renamed.
    package let from: [UInt8]?

    /// Reads the output of `git diff-tree --raw -z`, where renames have two paths.
    static func all(inRaw output: [UInt8]) -> [SyncedFile] {
        var fields = output.nulSeparated[...]
        var files: [SyncedFile] = []
        while let head = fields.popFirst()?.text {
            // `:MODE MODE OBJECT OBJECT LETTER`
            let facts = head.dropFirst().split(separator: " ").map(String.init)
            guard facts.count >= 5, let letter = facts[4].first, var path = fields.popFirst() else { break }
            var from: [UInt8]?
            if letter == "R" || letter == "C" {
                guard let second = fields.popFirst() else { break }
                // A copy leaves the other where it is.
                if letter == "R" { from = path }
                path = second
            }
            let kind = Kind(mode: facts[1] == "000000" ? facts[0] : facts[1])
            files.append(SyncedFile(change: Change(letter), kind: kind, path: path, from: from))
        }
        return files
    }
}

extension SyncedFile.Change {
    init(_ letter: Character) {
        self =
            switch letter {
            case "A", "C": .added
            case "D": .deleted
            case "R": .renamed
            default: .modified
            }
    }
}

extension SyncedFile.Kind {
    init(mode: String) {
        self =
            switch mode {
            case "120000": .link
            case "160000": .submodule
            default: .file
            }
    }
}

extension AgentWorktree {
    /// The files that differ between what a sync and the one before brought.
    package func changedFiles(of sync: SyncResult) throws(ClocheError) -> [SyncedFile] {
        guard let previous = sync.previous, previous != sync.snapshot else { return [] }
        let arguments = [
            "diff-tree", "-r", "-z", "--raw", "-M", "--no-abbrev", previous, sync.snapshot, "--",
        ]
        let output = try repository.git.output(
            arguments,
            at: repository.store,
            "the changes could not be listed"
        )
        return SyncedFile.all(inRaw: output)
    }
}
