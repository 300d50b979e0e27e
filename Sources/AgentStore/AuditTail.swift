// A log's records in their order, from any of them on and while it grows: for those who copy it elsewhere. It gives what
// the log's head has, so that nobody ever gets a record that a crash could take away here.

package import AuditRecords
package import ClocheModel
internal import Glibc
internal import LinuxSystem

/// One line of a log.
package struct AuditLine: Equatable, Sendable {
    /// The record, without its newline.
    package let bytes: [UInt8]
    /// Its number.
    package let sequence: Int64
}

/// Gives the records of one log.
package final class AuditTail {
    private let directory: AgentDirectory
    private let log: String
    /// The file that is read, its inode, and its number; 0 before the first, nil in the last.
    private var file: FileDescriptor.Shared?
    private var inode: UInt64 = 0
    private var number: Int64? = 0
    private var buffer: [UInt8] = []
    /// Where the next line begins, and up to where there is no end of it.
    private var lineStart = 0
    private var scanned = 0
    /// A line that was read, and is not on disk for certain.
    private var held: [UInt8]?
    /// The last record that somebody has; what follows it is given when it was found.
    private var sought: ChainEnd?
    private var last: Int64 = 0
    private var headSequence: Int64 = 0
    /// How many records were not there any more when their turn came.
    package private(set) var missed: Int64 = 0

    private static let block = 128 << 10

    /// The records of a log behind one that was given before, or all.
    ///
    /// When the log does not have that one, all are given again.
    package init(_ directory: AgentDirectory, log: String, after position: ChainEnd? = nil)
        throws(ClocheError)
    {
        self.directory = directory
        self.log = log
        guard let position, position.sequence > 0 else { return }
        do throws(SystemError) {
            guard try isOnDisk(position.sequence) else { return }
            sought = position
            number = try place(of: position.sequence)
        } catch { throw Self.failure(error) }
    }

    private static func failure(_ error: SystemError) -> ClocheError {
        ClocheError(.system, "cannot read the audit log", why: error.description)
    }

    /// The number of the file before the one that has a record, or 0.
    private func place(of sequence: Int64) throws(SystemError) -> Int64 {
        var before: Int64 = 0
        var earlier: Int64 = 0
        for part in try directory.auditParts() + [(Int64.max, directory.auditLog)] {
            let opened = try Files.open(part.path, O_RDONLY | O_NOFOLLOW)
            let front = try opened.read(upTo: 64 << 10)
            guard let end = front.firstIndex(of: UInt8(ascii: "\n")),
                let link = AuditRecord.link(front[..<end]), link.sequence <= sequence
            else { return earlier }
            (earlier, before) = (before, part.number)
        }
        return earlier
    }

    // MARK: Records

    /// The next records, at most so many and hardly more bytes; none when there is none at the moment.
    package func next(atMost count: Int, bytes: Int) throws(ClocheError) -> [AuditLine] {
        var lines: [AuditLine] = []
        var size = 0
        do throws(SystemError) {
            while lines.count < count, size < bytes {
                guard let line = try nextLine() else {
                    if sought == nil { break }
                    startAgain()
                    continue
                }
                // What is no record was made by no writer of ours; `verify` names it.
                guard let link = AuditRecord.link(line[...]) else { continue }
                guard try isOnDisk(link.sequence) else {
                    held = line
                    break
                }
                guard isNext(link.sequence, line) else { continue }
                lines.append(AuditLine(bytes: line, sequence: link.sequence))
                size += line.count
            }
        } catch { throw Self.failure(error) }
        return lines
    }

    /// A place to go on from behind a record.
    package func end(behind line: AuditLine) -> ChainEnd {
        ChainEnd(sequence: line.sequence, hash: RecordHash(line.bytes, in: log))
    }

    /// Whether a record is one that has not been given.
    private func isNext(_ sequence: Int64, _ line: [UInt8]) -> Bool {
        if let known = sought {
            if sequence < known.sequence { return false }
            if sequence == known.sequence, RecordHash(line, in: log) != known.hash {
                // The log is another one than the one that was given.
                startAgain()
                return false
            }
            sought = nil
            last = known.sequence
        }
        // A file that was being ended when its writer was killed is there under two names.
        guard sequence > last else { return false }
        if last > 0 { missed += sequence - last - 1 }
        last = sequence
        return true
    }

    private func startAgain() {
        (sought, held, file, inode, number, last) = (nil, nil, nil, 0, 0, 0)
        (buffer, lineStart, scanned) = ([], 0, 0)
    }

    private func isOnDisk(_ sequence: Int64) throws(SystemError) -> Bool {
        if sequence <= headSequence { return true }
        // Without a head that can be read, nothing says how far the log is on disk.
        guard let head = try directory.readAuditHead(), head.log == log else { return true }
        headSequence = head.end.sequence
        return sequence <= headSequence
    }

    // MARK: Lines and files

    /// The next whole line; nil when there is none yet.
    private func nextLine() throws(SystemError) -> [UInt8]? {
        if let line = held {
            held = nil
            return line
        }
        var isLastLook = false
        while true {
            if let newline = buffer[scanned...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { (lineStart, scanned) = (newline + 1, newline + 1) }
                return Array(buffer[lineStart..<newline])
            }
            buffer.removeFirst(lineStart)
            (lineStart, scanned) = (0, buffer.count)
            if buffer.count > AuditRecord.mostBytes { buffer = [] }
            let part = try file?.read(upTo: Self.block) ?? []
            if !part.isEmpty {
                buffer += part
                isLastLook = false
            } else if file != nil, try !isSuperseded() {
                return nil
            } else if file != nil, !isLastLook {
                // What was written before the file was renamed is read before the next one.
                isLastLook = true
            } else {
                (buffer, lineStart, scanned) = ([], 0, 0)
                guard try openNext() else { return nil }
                isLastLook = false
            }
        }
    }

    /// Whether nothing more will be written into the file that is read.
    private func isSuperseded() throws(SystemError) -> Bool {
        if number != nil { return true }
        do throws(SystemError) {
            if try Files.status(directory.auditLog, followLinks: false).inode == inode { return false }
        } catch  where error.errno == .noEntry {
            // A log that is gone, with its agent, has no successor.
            return false
        }
        // It has a number now; one that has been removed was the oldest.
        number = 0
        for part in try directory.auditParts()
        where try Files.status(part.path, followLinks: false).inode == inode {
            number = part.number
        }
        return true
    }

    /// Opens the file behind the one with `number`; false when there is none.
    private func openNext() throws(SystemError) -> Bool {
        while true {
            let before = number ?? 0
            let next = try directory.auditParts().first { $0.number > before }
            do throws(SystemError) {
                let opened = try Files.open(next?.path ?? directory.auditLog, O_RDONLY | O_NOFOLLOW)
                inode = try Files.status(of: opened).inode
                // The last one may have got a number since, and what was opened is the one behind it.
                if next == nil, try directory.auditParts().contains(where: { $0.number > before }) {
                    continue
                }
                file = FileDescriptor.Shared(opened)
                number = next?.number
                return true
            } catch  where error.errno == .noEntry {
                // Removed since the names were read; or there is no log yet.
                if next == nil { return false }
            }
        }
    }
}
