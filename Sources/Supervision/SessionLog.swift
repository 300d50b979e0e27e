// What window 0 showed, on disk: already made harmless, bounded, in two files of which the older is dropped.

package import AgentStore
internal import Glibc
internal import LinuxSystem

/// The terminal's log of one agent.
package struct SessionLog: ~Copyable {
    private let path: String
    private let limit: Int64
    private var file: FileDescriptor?
    private var written: Int64 = 0

    /// Opens the log for appending; it keeps at most `limit` bytes.
    package init(_ directory: AgentDirectory, limit: Int64) {
        path = directory.sessionLog
        self.limit = max(limit, 65536)
        open()
    }

    private mutating func open() {
        do {
            let opened = try Files.openForAppending(path)
            written = try Files.status(of: opened).size
            file = consume opened
        } catch {
            // Without a log the agent goes on: what its terminal shows is not what is promised to be kept.
            file = nil
            written = 0
        }
    }

    /// Appends; when the disk is full, what does not fit is dropped.
    package mutating func append(_ bytes: [UInt8]) {
        if written + Int64(bytes.count) > limit / 2 && written > 0 {
            try? Files.rename(path, path + ".1")  // kept in one file then, until the disk allows
            open()
        }
        try? file?.write(bytes)  // see above: a full disk costs the log, not the agent
        written += Int64(bytes.count)
    }

    /// The last bytes, beginning at a line's start where there is one.
    package static func tail(_ directory: AgentDirectory, bytes: Int) -> [UInt8] {
        let all = read(directory)
        guard all.count > bytes else { return all }
        let part = all.suffix(bytes)
        guard let newline = part.firstIndex(of: 0x0a) else { return Array(part) }
        return Array(part[(newline + 1)...])
    }

    /// Everything that is kept, older file first.
    package static func read(_ directory: AgentDirectory) -> [UInt8] {
        [directory.sessionLog + ".1", directory.sessionLog].flatMap { path -> [UInt8] in
            // Either file may be missing: nothing was shown yet, or not enough for two.
            (try? Files.read(path)) ?? []
        }
    }
}
