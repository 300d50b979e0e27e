// Reading an agent's log: all its files, from where it is asked for, in order of time, and on while it grows. The end is
// found from the end: what is not asked for is not read. Used by everything that shows what is on record.

package import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import StructuredText

/// One record as it was read.
package struct AuditEntry: Sendable {
    /// The record.
    package let event: Document
    /// Its time, in milliseconds since 1970; of a record without one, that of the record before.
    package let time: Int64
}

/// Reads one agent's log, `audit.1.jsonl`, `audit.2.jsonl` and so on, and `audit.jsonl` last.
package final class AuditReader {
    private let directory: AgentDirectory
    private var file: FileDescriptor.Shared?
    private var inode: UInt64 = 0
    /// Files between the one that is read and the newest, oldest first.
    private var later: [String] = []
    private var buffer: [UInt8] = []
    /// Where the line begins that is next, and up to where there is no end of it.
    private var lineStart = 0
    private var scanned = 0
    /// Read, and not yet given out: they may have to wait for one that is written later and was earlier.
    private var waiting: [AuditEntry] = []
    private var begin = 0
    private var newest: Int64 = .min
    private var lastTime: Int64 = 0
    /// Lines that are no records: a crash cut them short, or someone changed them.
    package private(set) var unreadable = 0

    /// What is written together may be of different times; nothing is later than this.
    fileprivate static let window: Int64 = 2000
    private static let block = 128 << 10

    /// The log of an agent, from its beginning.
    ///
    /// - Throws: when there is a log that cannot be read; one that is not there yet is empty.
    package init(_ directory: AgentDirectory) throws(ClocheError) {
        self.directory = directory
        later = try Self.files(directory)
        try openNext()
    }

    /// The paths of the files, oldest first.
    private static func files(_ directory: AgentDirectory) throws(ClocheError) -> [String] {
        do throws(SystemError) {
            return try directory.auditParts().map(\.path) + [directory.auditLog]
        } catch { throw failure(error) }
    }

    private static func failure(_ error: SystemError) -> ClocheError {
        ClocheError(.system, "cannot read the audit log", why: error.description)
    }

    /// Opens the next file that is there.
    private func openNext() throws(ClocheError) {
        while !later.isEmpty {
            let path = later.removeFirst()
            do throws(SystemError) {
                let opened = try Files.open(path, O_RDONLY | O_NOFOLLOW)
                inode = try Files.status(of: opened).inode
                file = FileDescriptor.Shared(opened)
                return
            } catch  where error.errno == .noEntry {
                // Renamed or removed since the names were read; what it became has a later number.
                continue
            } catch { throw Self.failure(error) }
        }
    }

    // MARK: Where to begin

    /// Goes to where the last `count` records that `isWanted` takes begin, and none before `since`.
    ///
    /// Reads from the end as far as that needs; called before the first `next`. Records are not quite in order of time,
    /// so some more may follow than were asked for.
    package func seek(
        last count: Int?,
        since: Int64?,
        where isWanted: (Document) -> Bool
    ) throws(ClocheError) {
        guard count != nil || since != nil else { return }
        var paths = try Self.files(directory)
        var search = BackwardSearch(left: count ?? .max, since: since)
        while let path = paths.popLast() {
            do throws(SystemError) {
                let opened = try Files.open(path, O_RDONLY | O_NOFOLLOW)
                let found = try Self.scan(opened, &search, isWanted)
                guard found.isEnough || paths.isEmpty else { continue }
                try opened.rewind(to: found.place)
                inode = try Files.status(of: opened).inode
                file = FileDescriptor.Shared(opened)
            } catch  where error.errno == .noEntry {
                continue
            } catch { throw Self.failure(error) }
            later = Array(try Self.files(directory).drop { $0 != path }.dropFirst())
            return
        }
    }

    /// Looks at a file's lines from its last; gives the place of the first one that is needed, and whether those before
    /// it are not.
    private static func scan(
        _ file: borrowing FileDescriptor,
        _ search: inout BackwardSearch,
        _ isWanted: (Document) -> Bool
    ) throws(SystemError) -> (place: Int64, isEnough: Bool) {
        var end = try Files.status(of: file).size
        // The front of the line whose rest was in the block behind; what has no end is no line yet.
        var rest: [UInt8] = []
        var isCut = true
        while end > 0 {
            let start = max(0, end - Int64(block))
            var bytes = try file.read(at: start, count: Int(end - start))
            bytes += rest
            var lineEnd = bytes.count
            while let newline = bytes[..<lineEnd].lastIndex(of: 0x0a) {
                let line = bytes[(newline + 1)..<lineEnd]
                if !isCut, !line.isEmpty, let event = document(line), search.passes(event, isWanted) {
                    return (start + Int64(newline) + 1, true)
                }
                lineEnd = newline
                isCut = false
            }
            rest = Array(bytes[..<lineEnd])
            end = start
        }
        guard !isCut, !rest.isEmpty, let event = document(rest[...]) else { return (0, false) }
        return (0, search.passes(event, isWanted))
    }

    private static func document(_ line: ArraySlice<UInt8>) -> Document? {
        // What does not parse is counted by whoever reads on.
        guard let document = try? JSONText.parse(Array(line)), document.entries != nil else { return nil }
        return document
    }

    // MARK: Records

    /// The next record in order of time; nil when there is none at the moment.
    package func next() throws(ClocheError) -> AuditEntry? {
        while begin == waiting.count || newest - waiting[begin].time <= Self.window {
            guard let line = try nextLine() else { break }
            if line.isEmpty { continue }
            guard let event = Self.document(line) else {
                unreadable += 1
                continue
            }
            lastTime = event["time"]?.string.flatMap(Timestamp.parse) ?? lastTime
            take(AuditEntry(event: event, time: lastTime))
        }
        guard begin < waiting.count else { return nil }
        let entry = waiting[begin]
        begin += 1
        if begin > 4096 || begin == waiting.count {
            waiting.removeFirst(begin)
            begin = 0
        }
        return entry
    }

    /// Puts it behind all that are not later.
    private func take(_ entry: AuditEntry) {
        newest = max(newest, entry.time)
        var place = waiting.count
        while place > begin, waiting[place - 1].time > entry.time { place -= 1 }
        waiting.insert(entry, at: place)
    }

    /// The next whole line; nil when there is none yet.
    private func nextLine() throws(ClocheError) -> ArraySlice<UInt8>? {
        var isLastLook = false
        while true {
            if let newline = buffer[scanned...].firstIndex(of: 0x0a) {
                defer { (lineStart, scanned) = (newline + 1, newline + 1) }
                return buffer[lineStart..<newline]
            }
            buffer.removeFirst(lineStart)
            (lineStart, scanned) = (0, buffer.count)
            let part = try readMore()
            if !part.isEmpty {
                buffer += part
                continue
            }
            // What was written before the file was renamed is read before the next one.
            if !isLastLook {
                guard try isSuperseded() else { return nil }
                isLastLook = true
                continue
            }
            let torn = buffer
            (buffer, scanned) = ([], 0)
            try openNext()
            if !torn.isEmpty { return torn[...] }
            isLastLook = false
        }
    }

    private func readMore() throws(ClocheError) -> [UInt8] {
        guard let file else { return [] }
        do throws(SystemError) {
            return try file.read(upTo: Self.block)
        } catch { throw Self.failure(error) }
    }

    /// Whether nothing more will be written into the file that is read; `later` has what follows it then.
    private func isSuperseded() throws(ClocheError) -> Bool {
        if !later.isEmpty { return true }
        // A log that is gone, with its agent, has no successor.
        guard let now = try? Files.status(directory.auditLog, followLinks: false) else { return false }
        if file == nil {
            later = [directory.auditLog]
            return true
        }
        if now.inode == inode { return false }
        let all = try Self.files(directory)
        // One that is gone was the oldest: all that there are follow it.
        let own = all.firstIndex { (try? Files.status($0, followLinks: false))?.inode == inode }
        later = Array(all[(own.map { $0 + 1 } ?? 0)...])
        return !later.isEmpty
    }
}

/// How far back a log has to be read.
private struct BackwardSearch {
    /// Wanted records that are still missing.
    var left: Int
    let since: Int64?
    /// The earliest of the wanted ones so far.
    private var earliest: Int64 = .max

    init(left: Int, since: Int64?) { (self.left, self.since) = (left, since) }

    /// Takes a record into account, the latest first; whether nothing before it is needed.
    ///
    /// What is written together may be of different times, so a little more is looked at than was asked for.
    mutating func passes(_ event: Document, _ isWanted: (Document) -> Bool) -> Bool {
        let time = event["time"]?.string.flatMap(Timestamp.parse)
        if left > 0, isWanted(event) {
            left -= 1
            earliest = min(earliest, time ?? .max)
        }
        guard let time else { return false }
        let edge = max(since ?? .min, left <= 0 ? earliest : .min)
        return edge > .min && time < edge - AuditReader.window
    }
}
