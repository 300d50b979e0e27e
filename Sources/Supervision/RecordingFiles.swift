// A recording read from its files as one, from the beginning and while it grows: for `logs`, `replay` and whoever attaches.

package import AgentStore
internal import Glibc
package import LinuxSystem
package import SessionRecording

/// The events of one agent's recording.
///
/// Where the second file begins, its times go on from the end of the first.
package final class RecordingFiles {
    private struct Part {
        let file: FileDescriptor.Shared
        let inode: UInt64
    }

    /// The file that is written to.
    package let path: String
    private var current: Part?
    /// Those that follow `current`.
    private var following: [Part] = []
    private var reader = RecordingReader()
    /// Before `current`, another was read to its end.
    private var hasEarlier = false
    /// How many events of `current` there were.
    private var seen = 0
    /// The time at which `current` begins.
    private var start: Int64 = 0
    private var skippedBefore = 0

    /// The time of the last event that was given, in microseconds.
    package private(set) var time: Int64 = 0
    /// The header of the file that was read first; there after the first events.
    package private(set) var header: RecordingHeader?
    /// How many lines were no events.
    package var skipped: Int { skippedBefore + reader.skipped }
    /// Whether there is a recording.
    package var exists: Bool { current != nil }

    /// Opens what there is; the files that are open stay so, whatever the supervisor does with them.
    package init(_ directory: AgentDirectory) throws(SystemError) {
        path = directory.recording
        try rewind()
    }

    /// Goes back to the beginning of what there is now.
    package func rewind() throws(SystemError) {
        (current, hasEarlier, time, skippedBefore, header) = (nil, false, 0, 0, nil)
        following = try openParts()
        advance()
        hasEarlier = false
    }

    /// The next events, as many as come at once; nil when there are no more for now.
    package func next() throws(SystemError) -> [RecordingEvent]? {
        while let part = current {
            let bytes = try part.file.read(upTo: 65536)
            if bytes.isEmpty {
                if following.isEmpty { return nil }
                advance()
                continue
            }
            var events: [RecordingEvent] = []
            reader.feed(bytes[...], into: &events)
            if header == nil { header = reader.header }
            let repeated = hasEarlier ? max(0, (reader.header?.repeated ?? 0) - seen) : 0
            seen += events.count
            events.removeFirst(min(repeated, events.count))
            for index in events.indices {
                // In a file that somebody has changed, time may go back.
                time = max(time, start + events[index].time)
                events[index].time = time
            }
            return events
        }
        return nil
    }

    /// Looks for files that have come since; afterwards `next` goes on.
    package func refresh() throws(SystemError) {
        guard following.isEmpty else { return }
        guard let last = current else { return try rewind() }
        guard let now = try status(path), now != last.inode else { return }
        let parts = try openParts()
        // A part that is not there any more was followed by two others meanwhile.
        let known = parts.firstIndex { $0.inode == last.inode }
        following = Array(parts[(known.map { $0 + 1 } ?? 0)...])
    }

    private func advance() {
        skippedBefore += reader.skipped
        (reader, seen, start, hasEarlier) = (RecordingReader(), 0, time, true)
        current = following.isEmpty ? nil : following.removeFirst()
    }

    private func openParts() throws(SystemError) -> [Part] {
        while true {
            let older = try open(path + ".1")
            let newer = try open(path)
            // Between the two, the newer may have become the older.
            guard try status(path + ".1") == older?.inode else { continue }
            return [older, newer].compactMap { $0 }
        }
    }

    private func status(_ path: String) throws(SystemError) -> UInt64? {
        do throws(SystemError) {
            return try Files.status(path, followLinks: false).inode
        } catch  where error.errno == .noEntry { return nil }
    }

    private func open(_ path: String) throws(SystemError) -> Part? {
        do throws(SystemError) {
            let file = FileDescriptor.Shared(try Files.open(path, O_RDONLY | O_NOFOLLOW))
            return Part(file: file, inode: try file.status().inode)
        } catch  where error.errno == .noEntry { return nil }
    }
}

extension RecordingFiles {
    /// The last bytes that were shown, beginning at a line's start where there is one.
    package static func tail(_ directory: AgentDirectory, bytes: Int) -> [UInt8] {
        var all: [UInt8] = []
        for path in [directory.recording, directory.recording + ".1"] where all.count < bytes {
            // Nothing that can be read is nothing that can be shown.
            all = ((try? shown(path, last: 4 * bytes)) ?? []) + all
        }
        guard all.count > bytes else { return all }
        let part = all.suffix(bytes)
        guard let newline = part.firstIndex(of: 0x0a) else { return Array(part) }
        return Array(part[(newline + 1)...])
    }

    private static func shown(_ path: String, last count: Int) throws(SystemError) -> [UInt8] {
        let file = try Files.open(path, O_RDONLY | O_NOFOLLOW)
        let size = try Files.status(of: file).size
        // A line may be long: what is sought may be in one of which only the end is within the count.
        let start = max(0, size - Int64(count + 2 * RecordingLine.longestText))
        var reader = RecordingReader(inside: start > 0)
        var events: [RecordingEvent] = []
        reader.feed(try file.read(at: start, count: Int(size - start))[...], into: &events)
        return events.filter { $0.kind == .output }.flatMap(\.bytes)
    }

    /// What versions before recordings kept of a terminal, older file first.
    package static func earlierLog(_ directory: AgentDirectory) -> [UInt8] {
        [directory.sessionLog + ".1", directory.sessionLog].flatMap { path -> [UInt8] in
            // Either file may be missing: nothing was shown then, or not enough for two.
            (try? Files.read(path)) ?? []
        }
    }
}
