// The CHANGES column of `cloche list`: what the last sync found, and whether the agent moved on since. It
// runs no program, reads at most a few small files per agent, those of the agent's as bytes of no trust, and looks at the times
// of some others.

internal import ClocheModel
internal import Glibc
internal import LinuxSystem

/// What is known of an agent's changes without a sync.
package struct ChangeSummary: Equatable, Sendable {
    /// Commits beyond what it started from, as of the last sync; nil when there was none yet.
    package let commits: Int?
    /// Whether the workspace had uncommitted changes at the last sync; nil when there was none yet.
    package let uncommitted: Bool?
    /// Whether the agent's commit is another than the last sync's (or than what it started from), or files of its workspace
    /// are younger; nil when that is not known.
    package let movedOn: Bool?

    /// `-`, `+2`, `+2*` with uncommitted changes, a trailing `?` when the agent committed since; `?` when
    /// nothing is known.
    package var text: String {
        var text = "-"
        if let commits, commits > 0 { text = "+\(commits)" }
        if uncommitted == true { text = (text == "-" ? "" : text) + "*" }
        switch movedOn {
        case true?: return text == "-" ? "new" : text + "?"
        case false?: return text
        case nil: return text == "-" ? "?" : text + "?"
        }
    }
}

extension AgentWorktree {
    /// What `list` shows.
    ///
    /// Cheap, and never fails: what cannot be read is not known.
    package func changeSummary() -> ChangeSummary {
        // No such file: there was no sync.
        let record = (try? Files.readText(syncedFile))?.split(separator: "\n").map(String.init) ?? []
        let known =
            // No record of the origin either: then it is not known whether there is something new.
            record.first ?? (try? Files.readText(originFile))?.split(separator: "\n").first.map(String.init)
        var movedOn = privateHead().flatMap { current in known.map { $0 != current } }
        // Of a workspace with too many files, the last sync is what is known.
        if movedOn == false { movedOn = hasFreshFiles() ?? (record.isEmpty ? nil : false) }
        return ChangeSummary(
            commits: record.count >= 3 ? Int(record[1]) : nil,
            uncommitted: record.count >= 3 ? record[2] == "1" : nil,
            movedOn: movedOn
        )
    }

    func recordSync(_ result: SyncResult) throws(ClocheError) {
        let text = "\(result.head)\n\(result.commits)\n\(result.hasUncommittedChanges ? 1 : 0)\n"
        do {
            try Files.writeAtomically(syncedFile, [UInt8](text.utf8))
        } catch {
            throw ClocheError("the agent's git state could not be written", error)
        }
    }

    /// The commit that the agent has checked out, by the bytes of its HEAD and ref files.
    private func privateHead() -> String? {
        var name = "HEAD"
        for _ in 0..<3 {
            guard let line = privateLine(name, limit: 1024) ?? packedRef(name) else { return nil }
            if Self.isObjectName(line) { return line }
            guard line.hasPrefix("ref: refs/") else { return nil }
            name = String(line.dropFirst("ref: ".count))
        }
        return nil
    }

    private func packedRef(_ name: String) -> String? {
        guard let text = privateText("packed-refs", limit: 1 << 20) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasSuffix(" " + name) }
        guard let id = line?.split(separator: " ").first.map(String.init), Self.isObjectName(id) else {
            return nil
        }
        return id
    }

    private func privateLine(_ name: String, limit: Int) -> String? {
        privateText(name, limit: limit)?.split(separator: "\n").first.map(String.init)
    }

    private func privateText(_ name: String, limit: Int) -> String? {
        plainFile(name, below: privateGitDirectory, limit: limit)?.text
    }

    /// The bytes of a small plain file that an agent may have made: no link is followed, no FIFO waited for.
    func plainFile(_ name: String, below path: String, limit: Int) -> [UInt8]? {
        do {
            let directory = try Files.open(path, O_RDONLY | O_DIRECTORY)
            let file = try Files.openBeneath(directory, name, O_RDONLY | O_NONBLOCK)
            guard try Files.status(of: file).kind == .regular else { return nil }
            return try file.readToEnd(limit: limit)
        } catch {
            // Whatever was made of it, a file that cannot be read so is one that tells nothing.
            return nil
        }
    }

    static func isObjectName(_ text: String) -> Bool {
        (text.utf8.count == 40 || text.utf8.count == 64)
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
