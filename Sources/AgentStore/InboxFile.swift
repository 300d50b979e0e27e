// The log of one inbox, `inbox.jsonl`: a line per message, and per change of one. Several processes write to it (the
// recipient's supervisor, commands, those that act for other agents), each under the lock of `inbox.lock`; whoever only
// reads needs none. A line counts when its end is there: what a crash left of the last one is cut off by the next writer.
//
// Lines are appended, and put on disk before anybody is told that a message is queued. When most of them say nothing any
// more, the log is replaced by a shorter one that says the same.

package import ClocheModel
internal import Glibc
internal import LinuxSystem
package import Messaging
internal import StructuredText

/// An inbox as it is on disk, and what of it was read.
package final class InboxFile {
    /// The log's path.
    package let path: String
    private let lockPath: String
    /// What its lines say, as far as they were read.
    package private(set) var inbox = Inbox()
    private var log: OpenLog?

    private final class OpenLog {
        let file: FileDescriptor
        let status: FileStatus
        /// Behind the last line that was read.
        var end: Int64 = 0

        init(_ path: String, _ flags: CInt) throws(SystemError) {
            file = try Files.open(path, flags | O_NOFOLLOW)
            status = try Files.status(of: file)
        }
    }

    /// The inbox in a directory; nothing is read or made yet.
    package init(in directory: String) {
        path = directory + "/inbox.jsonl"
        lockPath = directory + "/inbox.lock"
    }

    // MARK: Reading

    /// Reads what has come since it was read last; an inbox that is not there yet is empty.
    package func refresh() throws(ClocheError) {
        do throws(SystemError) {
            try readOn()
        } catch  where error.errno == .noEntry {
            (inbox, log) = (Inbox(), nil)
        } catch { throw Self.cannotRead(error) }
        if isNewer { throw newer }
    }

    /// Whether a newer version has written it.
    private var isNewer = false

    private func readOn() throws(SystemError) {
        let there = try Files.status(path, followLinks: false)
        if log.map({ $0.status.inode != there.inode || $0.status.device != there.device }) ?? true {
            (inbox, isNewer) = (Inbox(), false)
            log = try OpenLog(path, O_RDWR | O_APPEND)
        }
        guard let log else { return }
        let size = try Files.status(of: log.file).size
        if size <= log.end { return }
        let bytes = try log.file.read(at: log.end, count: Int(size - log.end))
        guard let last = bytes.lastIndex(of: Self.lineEnd) else { return }
        for line in bytes[..<last].split(separator: Self.lineEnd) { take(Array(line)) }
        log.end += Int64(last + 1)
    }

    private static let lineEnd = UInt8(ascii: "\n")

    private func take(_ line: [UInt8]) {
        // What no version wrote, such as a sector that a power cut left empty, says nothing.
        guard let document = try? JSONText.parse(line) else { return }
        if let version = document["version"]?.integer, version > InboxRecord.version { isNewer = true }
        if let record = InboxRecord(document: document) { inbox.apply(record) }
    }

    // MARK: Writing

    /// Changes the inbox while no other process does.
    ///
    /// - Parameters:
    ///   - durably: whether what is written is on disk when this returns.
    ///   - patience: how long the lock is waited for, in milliseconds.
    ///   - body: says what is to be written, from what the inbox is now; when it throws, nothing is.
    /// - Returns: whether the lock could be had; never false with a patience of more than nothing.
    @discardableResult
    package func change(
        durably: Bool,
        within patience: Int64 = FileDescriptor.lockPatience,
        _ body: (Inbox) throws(ClocheError) -> [InboxRecord]
    ) throws(ClocheError) -> Bool {
        let outcome: Result<Void, ClocheError>
        do throws(SystemError) {
            let lock = try Files.open(lockPath, O_RDWR | O_CREAT | O_NOFOLLOW)
            outcome = try lock.locked(lockPath, within: patience) { () throws(SystemError) in
                do throws(ClocheError) {
                    try refresh()
                    let records = try body(inbox)
                    if !records.isEmpty { try write(records, durably: durably) }
                    return .success(())
                } catch { return .failure(error) }
            }
        } catch  where error.call == "flock" && error.errno == .wouldBlock && patience <= 0 {
            return false
        } catch { throw StoreError.cannotWrite(error) }
        try outcome.get()
        return true
    }

    private func write(_ records: [InboxRecord], durably: Bool) throws(ClocheError) {
        do throws(SystemError) {
            if log == nil {
                try replace(by: [.next(1)] + records)
                return
            }
            try append(records, durably: durably)
            if inbox.isWorthCompacting { try replace(by: inbox.compacted) }
        } catch { throw StoreError.cannotWrite(error) }
    }

    private func append(_ records: [InboxRecord], durably: Bool) throws(SystemError) {
        guard let log else { return }
        // What a crash left of a line: nobody was told of it.
        if try Files.status(of: log.file).size > log.end { try log.file.truncate(to: log.end) }
        let lines = Self.lines(records)
        do throws(SystemError) {
            try log.file.write(lines)
            if durably { try log.file.synchronize() }
        } catch {
            // The whole or nothing.
            try log.file.truncate(to: log.end)
            throw error
        }
        log.end += Int64(lines.count)
        for record in records { inbox.apply(record) }
    }

    private static func lines(_ records: [InboxRecord]) -> [UInt8] {
        records.reduce(into: []) { bytes, record in
            bytes += JSONText.serializeBytes(record.document)
            bytes.append(lineEnd)
        }
    }

    /// Puts another log in its place, on disk before anything is appended to it.
    private func replace(by records: [InboxRecord]) throws(SystemError) {
        try Files.writeAtomically(path, Self.lines(records))
        try Files.synchronizeDirectory(path.parentPath)
        try readOn()
    }

    /// Makes it, if it is not there, so that it can be watched.
    package func ensure() throws(ClocheError) {
        if Files.exists(path) { return }
        try change(durably: false) { (_) throws(ClocheError) in Files.exists(path) ? [] : [.next(1)] }
    }

    // MARK: Errors

    private static func cannotRead(_ error: SystemError) -> ClocheError {
        ClocheError(.system, "cannot read an inbox", why: error.description)
    }

    private var newer: ClocheError {
        ClocheError(
            .state,
            "the inbox was written by a newer Cloche",
            why: path,
            remedy: "use that version, or one later"
        )
    }
}

extension AgentDirectory {
    /// The agent's inbox.
    package var inbox: InboxFile { InboxFile(in: path) }

    /// Messages as versions before inboxes kept them.
    var oldMessages: String { path + "/messages.json" }

    /// Takes over what an earlier version kept; only the agent's supervisor may, which no older one is beside.
    package func adoptOldMessages(into file: InboxFile) throws(ClocheError) {
        // No file, as a rule.
        guard let bytes = try? Files.read(oldMessages, limit: 4 << 20) else { return }
        // What is none of ours cannot be told.
        let list = (try? JSONText.parse(bytes))?.list ?? []
        try file.change(durably: true) { (inbox) throws(ClocheError) in
            var (inbox, records) = (inbox, [InboxRecord]())
            for (number, message) in list.enumerated() {
                guard let text = message["text"]?.string, let enter = message["enter"]?.bool,
                    let user = message["by"]?.integer.flatMap(UInt32.init(exactly:)),
                    let time = message["time"]?.integer
                else { continue }
                // After a crash in between, the same ones are recognised.
                let new = NewMessage(text, key: "messages.json \(time) \(number)", enter: enter)
                do throws(InboxFull) {
                    guard case .new(let message) = try inbox.admit(new, from: .person(user: user), at: time)
                    else { continue }
                    inbox.apply(.message(message))
                    records.append(.message(message))
                } catch { break }  // they were bounded by less
            }
            return records
        }
        do throws(SystemError) {
            try Files.remove(oldMessages)
        } catch { throw StoreError.cannotWrite(error) }
    }

    /// How many messages wait for the agent's program.
    package var queuedMessages: Int {
        let file = inbox
        // One that cannot be read says so to whoever reads it.
        try? file.refresh()
        // Of an earlier version, until its agent is started again; there is none, as a rule.
        let old = (try? Files.read(oldMessages, limit: 4 << 20)).flatMap { try? JSONText.parse($0) }
        return file.inbox.queue(at: WallClock.milliseconds).count + (old?.list?.count ?? 0)
    }
}

extension ProjectState {
    /// The inbox of the person, for what agents of the project ask; the name of its directory is no agent's.
    package var personInbox: InboxFile { InboxFile(in: personDirectory) }

    /// Where that is.
    package var personDirectory: String { path + "/.person" }
}
