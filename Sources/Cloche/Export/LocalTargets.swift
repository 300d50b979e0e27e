// Destinations on this host: the sockets of journald and of a syslog daemon, and files.

internal import AuditExport
internal import Glibc
internal import LinuxSystem

/// A daemon that takes one datagram a record.
final class DatagramTarget: ExportTarget {
    /// In what form.
    enum Form {
        case journal
        case syslog
    }

    private let path: String
    private let form: Form
    private let wait: ExportWait
    private var socket: Connection?
    /// How long it may have its queue full.
    private static let patience: Int64 = 10_000

    private final class Connection {
        let socket: FileDescriptor

        init(_ path: String) throws(SystemError) { socket = try UnixSocket.connectDatagram(path) }
    }

    init(_ path: String, _ form: Form, _ wait: ExportWait) {
        (self.path, self.form, self.wait) = (path, form, wait)
    }

    func send(_ records: ArraySlice<ExportRecord>) throws(ExportProblem) -> ExportTaken {
        var sent = 0
        do {
            for record in records {
                try send(record)
                sent += 1
            }
        } catch {
            if sent == 0 { throw error }
        }
        return ExportTaken(count: sent)
    }

    private func send(_ record: ExportRecord) throws(ExportProblem) {
        do throws(SystemError) {
            if let known = socket {
                do throws(SystemError) {
                    return try send(record, known)
                } catch  where error.errno != .timedOut {
                    // A daemon that was started again has another socket at the path.
                    socket = nil
                }
            }
            let connection = try Connection(path)
            socket = connection
            try send(record, connection)
        } catch {
            socket = nil
            throw ExportProblem("\(path): \(error.errno)")
        }
    }

    private func send(_ record: ExportRecord, _ connection: Connection) throws(SystemError) {
        switch form {
        case .journal: try sendToJournal(JournalMessage.encode(record), connection)
        case .syslog:
            let stamp = WallClock.syslogStamp(record.time ?? WallClock.milliseconds)
            try pass(SyslogMessage.encode(record, stamp: stamp, process: getpid()), [], connection)
        }
    }

    private func sendToJournal(_ message: [UInt8], _ connection: Connection) throws(SystemError) {
        do throws(SystemError) {
            return try pass(message, [], connection)
        } catch  where error.errno.number == EMSGSIZE || error.errno.number == ENOBUFS {
            // One that is too long for a datagram goes as a file that nobody can change any more.
            let file = try MemoryFile.sealed(message)
            return try pass([], [file.number], connection)
        }
    }

    private func pass(_ message: [UInt8], _ descriptors: [CInt], _ connection: Connection) throws(SystemError)
    {
        let until = MonotonicClock.milliseconds + Self.patience
        let number = connection.socket.number
        while try !UnixSocket.send(connection.socket, message, descriptors: descriptors, wait: false) {
            let left = until - MonotonicClock.milliseconds
            // What fails here fails in the call, too.
            _ = try? wait.wait(Poll.Interest(number, writable: true), milliseconds: max(0, left))
            if left <= 0 || wait.isOver { throw SystemError("sendmsg", .timedOut) }
        }
    }
}

/// A file that records are appended to, one a line, perhaps by several agents at once.
final class FileTarget: ExportTarget {
    private let path: String
    private let forbidden: [String]
    private var file: OpenFile?
    private var isSettled = true

    private final class OpenFile {
        let descriptor: FileDescriptor
        let status: FileStatus

        init(_ descriptor: consuming FileDescriptor, _ status: FileStatus) {
            self.descriptor = descriptor
            self.status = status
        }
    }

    /// A file that lies below none of these directories.
    init(_ path: String, outside forbidden: [String]) { (self.path, self.forbidden) = (path, forbidden) }

    func send(_ records: ArraySlice<ExportRecord>) throws(ExportProblem) -> ExportTaken {
        let file = try open()
        do throws(SystemError) {
            let lines = records.flatMap { $0.identified + [UInt8(ascii: "\n")] }
            try append(lines, file.descriptor)
            isSettled = false
            return ExportTaken(count: records.count)
        } catch { throw ExportProblem(error) }
    }

    private func append(_ lines: [UInt8], _ file: borrowing FileDescriptor) throws(SystemError) {
        try file.locked(path) { () throws(SystemError) -> Void in
            let size = try Files.status(of: file).size
            // What was cut short by a crash stays a line of its own.
            let isCut = try file.byte(at: max(0, size - 1)).map { $0 != UInt8(ascii: "\n") } ?? false
            do throws(SystemError) {
                try file.write(isCut ? [UInt8(ascii: "\n")] + lines : lines)
            } catch {
                // The whole or nothing.
                try file.truncate(to: size)
                throw error
            }
        }
    }

    /// The file at the path; another one when it was renamed, as those that turn logs over do.
    private func open() throws(ExportProblem) -> OpenFile {
        if let file, let now = try? Files.status(path, followLinks: false),  // not there: it is made
            now.inode == file.status.inode, now.device == file.status.device
        {
            return file
        }
        let directory = try directory()
        if forbidden.contains(where: { "\(directory)/".hasPrefix("\($0)/") }) {
            throw ExportProblem(
                "\(path) is among the agent's files",
                remedy: "name a file where the agent cannot write"
            )
        }
        do throws(SystemError) {
            // A pipe would make us wait for its reader.
            let flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
            let opened = try Files.open("\(directory)/\(path.lastComponent)", flags)
            let found = try Files.status(of: opened)
            guard found.kind == .regular else { throw SystemError("open", Errno(EISDIR), path) }
            let result = OpenFile(opened, found)
            file = result
            return result
        } catch { throw problem(error) }
    }

    /// The directory that the file is in, without links.
    private func directory() throws(ExportProblem) -> String {
        let parent = path.parentPath
        do throws(SystemError) {
            return try Files.canonicalPath(parent)
        } catch  where error.errno == .noEntry {
            throw ExportProblem(
                "the directory \(parent) is not there",
                remedy: "make the directory \(parent)"
            )
        } catch { throw problem(error) }
    }

    /// Why the file cannot be opened, and what to do where waiting does not help.
    private func problem(_ error: SystemError) -> ExportProblem {
        switch error.errno.number {
        case ELOOP: ExportProblem("\(path) is a link", remedy: "name a plain file")
        case EISDIR, ENXIO, ENODEV: ExportProblem("\(path) is no plain file", remedy: "name a plain file")
        case ENOTDIR: ExportProblem(error.description, remedy: "name a file in a directory")
        case EACCES, EPERM, EROFS:
            ExportProblem(error.description, remedy: "name a file that you may write")
        default: ExportProblem(error)
        }
    }

    func settle() throws(ExportProblem) {
        guard let file, !isSettled else { return }
        do throws(SystemError) {
            try file.descriptor.synchronize()
            isSettled = true
        } catch { throw ExportProblem(error) }
    }
}
