// The files of an audit log: `audit.jsonl`, which is written to, `audit.N.jsonl` before it, and `audit.head`.

package import AuditRecords
internal import ClocheModel
internal import Glibc
package import LinuxSystem

extension AgentDirectory {
    /// The earlier files of the audit log, oldest first.
    ///
    /// One that was being made when its maker was killed is the file that is written to still, and is left out.
    package func auditParts() throws(SystemError) -> [(number: Int64, path: String)] {
        let current = try? Files.status(auditLog, followLinks: false)  // not there: no part is the same
        var parts: [(number: Int64, path: String)] = []
        for name in try Files.list(path) where name.hasPrefix("audit.") && name.hasSuffix(".jsonl") {
            guard let number = Int64(name.dropFirst(6).dropLast(6)), number > 0,
                name == "audit.\(number).jsonl"
            else { continue }
            let status = try Files.status(auditPart(number), followLinks: false)
            if status.inode == current?.inode && status.device == current?.device { continue }
            parts.append((number, auditPart(number)))
        }
        return parts.sorted { $0.number < $1.number }
    }

    /// The audit log's head; nil when it is not there, or is none.
    package func readAuditHead(within patience: Int64 = FileDescriptor.lockPatience) throws(SystemError)
        -> LogHead?
    {
        do throws(SystemError) {
            let file = try Files.open(auditHead, O_RDONLY | O_NOFOLLOW)
            return try file.locked(auditHead, shared: true, within: patience) { () throws(SystemError) in
                LogHead(try file.read(at: 0, count: LogHead.length + 1))
            }
        } catch  where error.errno == .noEntry {
            return nil
        }
    }

    /// Replaces the head, unless another writer has got further.
    ///
    /// One that was not there, or was none, is put on disk at once, as any is with `isDurable`.
    func writeAuditHead(
        _ head: LogHead,
        isDurable: Bool = false,
        within patience: Int64 = FileDescriptor.lockPatience
    ) throws(SystemError) {
        let file = try Files.open(auditHead, O_RDWR | O_CREAT | O_NOFOLLOW)
        try file.locked(auditHead, within: patience) { () throws(SystemError) -> Void in
            let old = LogHead(try file.read(at: 0, count: LogHead.length + 1))
            if let old, old.log == head.log, old.end.sequence > head.end.sequence { return }
            try file.overwrite(head.line)
            if old == nil { try file.truncate(to: Int64(LogHead.length)) }
            if old == nil || isDurable { try file.synchronize() }
        }
    }
}

extension ClocheError {
    /// What is said when another process does not give the lock of an audit log's file back; nil of another error.
    static func auditLogHeld(_ error: SystemError) -> ClocheError? {
        guard error.call == "flock", error.errno == .wouldBlock else { return nil }
        let holder = FileLock.flockHolder(error.subject)
        return ClocheError(
            .system,
            "another process holds the audit log",
            why: "\(holder.map { "process \($0)" } ?? "it") has the lock of \(error.subject): \(error.errno)",
            remedy:
                "end \(holder.map { "process \($0)" } ?? "that process"), or let it go on if it is stopped"
        )
    }
}

/// A place in a file of a log, behind a record, and the chain's end there.
typealias ChainPlace = (size: Int64, end: ChainEnd)

/// The file that is written to, open, and what is known of its end.
final class OpenAuditFile {
    let file: FileDescriptor
    private let status: FileStatus
    /// How long it was when it was looked at last, and the chain's end there; nil when it was not looked at.
    var known: ChainPlace?

    init(_ path: String, forWriting: Bool = true) throws(SystemError) {
        let flags = forWriting ? O_RDWR | O_APPEND | O_CREAT : O_RDONLY
        let opened = try Files.open(path, flags | O_NOFOLLOW)
        status = try Files.status(of: opened)
        file = opened
    }

    /// Whether a path still leads to it.
    func isStillAt(_ path: String) throws(SystemError) -> Bool {
        do throws(SystemError) {
            let now = try Files.status(path, followLinks: false)
            return now.inode == status.inode && now.device == status.device
        } catch  where error.errno == .noEntry {
            return false
        }
    }

    /// The first line; nil when there is no whole one.
    func firstLine() throws(SystemError) -> ArraySlice<UInt8>? {
        let front = try file.read(at: 0, count: 64 << 10)
        return front.firstIndex(of: UInt8(ascii: "\n")).map { front[..<$0] }
    }

    /// Whether the file begins with the record that follows a chain's end.
    func begins(behind end: ChainEnd) throws(SystemError) -> Bool {
        guard let line = try firstLine(), let link = AuditRecord.link(line) else { return false }
        return link.sequence == end.sequence + 1 && link.previous == end.hash
    }

    /// Whether the record is there that the chain is known to have at a place.
    func holds(_ place: ChainPlace, in id: String) throws(SystemError) -> Bool {
        if place.size == 0 { return true }
        guard let line = try line(endingAt: place.size) else { return false }
        return RecordHash(line, in: id) == place.end.hash
    }

    /// Goes along the records behind a place, as far as there are whole lines.
    func follow(_ place: ChainPlace, in id: String) throws(SystemError) -> ChainPlace {
        var (size, end) = place
        let length = try Files.status(of: file).size
        var bytes = try file.read(at: size, count: Int(max(0, length - size)))[...]
        while let newline = bytes.firstIndex(of: UInt8(ascii: "\n")) {
            let line = bytes[..<newline]
            // One that is no record, or does not follow, breaks the chain where it is.
            if let link = AuditRecord.link(line), link.sequence == end.sequence + 1, link.previous == end.hash
            {
                end = ChainEnd(sequence: link.sequence, hash: RecordHash(line, in: id))
            }
            size += Int64(line.count) + 1
            bytes = bytes[(newline + 1)...]
        }
        return (size, end)
    }

    /// The line that ends, with its newline, at a place; nil when none does.
    func line(endingAt place: Int64) throws(SystemError) -> ArraySlice<UInt8>? {
        var count: Int64 = 4096
        while true {
            let begin = max(0, place - count)
            let bytes = try file.read(at: begin, count: Int(place - begin))
            guard bytes.count == Int(place - begin), bytes.last == UInt8(ascii: "\n") else { return nil }
            let line = bytes.dropLast()
            if let newline = line.lastIndex(of: UInt8(ascii: "\n")) { return line[(newline + 1)...] }
            if begin == 0 { return line }
            if count > AuditRecord.mostBytes { return nil }
            count *= 4
        }
    }
}
