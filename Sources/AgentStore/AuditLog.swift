// What happened to an agent: a chain of records, appended by its supervisor and by commands. It lies in the agent's
// directory on the host, which no sandbox shows. docs/audit.md describes the files for those who read them.
//
// A record is written, then put on disk (`fdatasync`), then the head beside the log is replaced. So the head names a
// record that no crash takes away, and a log that lacks it was changed. What lies behind the head was acknowledged to
// nobody: a part of a record there is what a crash left. Whoever appends holds the log's flock(2), and goes on from what
// the head says when the log does not have it: the chain is broken there for good, and `verify` finds the place.

package import AuditRecords
package import ClocheModel
internal import Glibc
internal import LinuxSystem

extension AuditTime {
    /// This moment.
    package static var now: AuditTime { AuditTime(at: WallClock.milliseconds, boot: BootClock.milliseconds) }

    init(at wall: Int64, boot: Int64) { self.init(wall: wall, text: WallClock.format(wall), boot: boot) }
}

/// Something that happened.
package struct AuditEvent: Sendable {
    /// What kind of thing.
    package let kind: EventKind
    /// What belongs to it.
    package let facts: [Document.Entry]
    /// When it happened.
    package let time: AuditTime

    /// Something that happened at this time.
    package init(_ kind: EventKind, _ facts: [Document.Entry], at time: AuditTime = .now) {
        (self.kind, self.facts, self.time) = (kind, facts, time)
    }
}

/// Writes an agent's audit log.
package final class AuditLog {
    /// Who writes.
    package enum Writer: Sendable {
        /// A command, which has ended before anything could be put on disk later.
        case command
        /// A process that calls `settleIfDue` when `settleDue` says so.
        case supervisor
    }

    /// When what was appended is on disk.
    package enum Settling: Sendable {
        /// Before `append` returns, or later, as the profile says for the events.
        case standard
        /// It is begun, and whoever must wait calls `awaitBegun`.
        case begun
        /// Together with what another writes next, who waits for all.
        case left
        /// As `standard`, but at the next `settleIfDue`: whoever caused it sees something first, and does nothing
        /// before that.
        case soon
    }

    /// Milliseconds from a record, or the last time, until it is begun; until 200 there is time for the disk.
    private static let pause: Int64 = 100
    /// Milliseconds until it is looked whether it has ended.
    private static let look: Int64 = 20

    let directory: AgentDirectory
    let settings: AuditPolicy
    private let project: String
    private let writer: Writer
    private var id: String?
    private var current: OpenAuditFile?
    /// What was written to `current` and may not be on disk.
    private var unsettled: ChainPlace?
    private var background: BackgroundSync?
    /// What is on disk when the background has done its work.
    private var beingSettled: ChainPlace?
    /// How long a lock is waited for: after one that was not given back, the others are not waited for again.
    private var patience = FileDescriptor.lockPatience
    /// When that was begun.
    private var begun: Int64 = 0
    /// When `settleIfDue` is to be called, in milliseconds of the monotonic clock; nil when nothing waits for it.
    package private(set) var settleDue: Int64?
    /// Whether `settleIfDue` is to wait for the disk.
    private var isAwaited = false
    /// Whether what was to be written last could not be written, or not be put on disk.
    package private(set) var hasFailed = false

    /// The log of an agent.
    package init(
        _ directory: AgentDirectory,
        _ record: AgentRecord,
        _ settings: AuditPolicy,
        _ writer: Writer = .command
    ) {
        self.directory = directory
        self.settings = settings
        self.writer = writer
        project = record.project
        id = record.auditLog
    }

    /// An id for a new log.
    package static func newID() -> String {
        let halves = [UInt64.random(in: 0...UInt64.max), UInt64.random(in: 0...UInt64.max)]
        return halves.map { half in
            let digits = String(half, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// Whether events of a kind are on record: nobody needs to collect the facts of others.
    package func keeps(_ kind: EventKind) -> Bool { kind.level.isKept(at: settings.level) }

    // MARK: Appending

    /// Appends one event.
    ///
    /// - Throws: when it cannot be written; whoever does something that must be recorded stops then.
    package func append(
        _ kind: EventKind,
        _ facts: KeyValuePairs<String, Document> = [:],
        _ settling: Settling = .standard
    ) throws(ClocheError) {
        try append([AuditEvent(kind, facts.map { Document.Entry($0.key, $0.value) })], settling)
    }

    /// Appends several events at once; those beyond the profile's level are left out.
    ///
    /// - Throws: as for one.
    package func append(_ events: [AuditEvent], _ settling: Settling = .standard) throws(ClocheError) {
        let kept = events.filter { keeps($0.kind) }
        if kept.isEmpty { return }
        do throws(SystemError) {
            try write(kept)
            let isUrgent = settings.sync == .all || kept.contains { $0.kind.level == .security }
            switch (settling, settings.sync) {
            case (.left, _): return
            case (_, .none): try replaceHead(unsettled)
            case (.begun, _): try beginSettling()
            case (.soon, _) where isUrgent && writer == .supervisor:
                isAwaited = true
                settleDue = MonotonicClock.milliseconds
            case (_, _) where isUrgent || writer == .command: try settleNow()
            default: settleDue = settleDue ?? MonotonicClock.milliseconds + Self.pause
            }
            (patience, hasFailed) = (FileDescriptor.lockPatience, false)
        } catch { throw cannotWrite(error) }
    }

    private func cannotWrite(_ error: SystemError) -> ClocheError {
        hasFailed = true
        if let held = ClocheError.auditLogHeld(error) {
            patience = 0
            return held
        }
        return ClocheError(
            .system,
            "cannot write the audit log",
            why: "\(directory.auditLog): \(error.errno)",
            remedy: "free some space; an agent is not run without its log"
        )
    }

    private func write(_ events: [AuditEvent]) throws(SystemError) {
        try withFile { (log: OpenAuditFile, id: String) throws(SystemError) -> Bool in
            let (first, prefix) = try catchUp(log, id)
            guard let known = log.known else { return false }
            if known.size >= settings.rotateBytes, prefix.isEmpty {
                try rotate(log, id, known)
                return false
            }
            var lines = prefix
            var end = known.end
            let user = Int64(CurrentUser.id)
            for event in first + events {
                let made = AuditRecord.next(
                    after: end,
                    in: id,
                    event.kind,
                    event.facts,
                    user: user,
                    at: event.time
                )
                lines += made.line
                end = made.end
            }
            do throws(SystemError) {
                try log.file.write(lines)
            } catch {
                // The whole or nothing.
                try log.file.truncate(to: known.size)
                throw error
            }
            let size = known.size + Int64(lines.count)
            log.known = (size, end)
            unsettled = (size, end)
            try reserve(log.file, from: known.size, to: size)
            return true
        }
    }

    /// Does something with the log's last file while nobody else writes to it, again when it asks for that.
    private func withFile(_ body: (OpenAuditFile, _ id: String) throws(SystemError) -> Bool)
        throws(SystemError)
    {
        while true {
            let id = try identify()
            let log: OpenAuditFile
            if let current { log = current } else { log = try OpenAuditFile(directory.auditLog) }
            current = log
            let isDone = try log.file.locked(directory.auditLog, within: patience) {
                () throws(SystemError) -> Bool in
                guard try log.isStillAt(directory.auditLog) else {
                    current = nil
                    return false
                }
                return try body(log, id)
            }
            if isDone { return }
        }
    }

    /// The log's id; the head is there before the log's first record.
    private func identify() throws(SystemError) -> String {
        if current != nil, let id { return id }
        if let head = try directory.readAuditHead(within: patience) {
            let known = id ?? head.log
            id = known
            return known
        }
        let made = id ?? Self.newID()
        id = made
        if Files.exists(directory.auditLog) {
            try putAsideUnchained()
        } else if try directory.auditParts().isEmpty {
            try replaceHead((0, ChainEnd(beginningOf: made)))
        }
        return made
    }

    /// A log of a version without chains is kept under another name.
    private func putAsideUnchained() throws(SystemError) {
        let bytes = try Files.read(directory.auditLog, limit: 4)
        guard bytes.starts(with: Array("{\"ti".utf8)) else { return }
        try Files.rename(directory.auditLog, directory.path + "/audit.unchained")
    }

    // MARK: What others have written

    /// Finds the end of the chain anew if the file has another length than when it was looked at last.
    ///
    /// - Returns: what must be recorded first, and what bytes must come even before that.
    private func catchUp(_ log: OpenAuditFile, _ id: String) throws(SystemError) -> ([AuditEvent], [UInt8]) {
        let size = try Files.status(of: log.file).size
        if let known = log.known {
            if known.size == size { return ([], []) }
            guard try log.holds(known, in: id) else { return try goOn(log, behind: known.end, size) }
            return (try follow(log, known, id, size), [])
        }
        guard let head = try directory.readAuditHead(within: patience) else {
            return (try findEnd(log, id, size), [])
        }
        if size == 0 {
            log.known = (0, head.end)
            return ([try beginning(id)], [])
        }
        let place = (head.size, head.end)
        if try log.holds(place, in: id) { return (try follow(log, place, id, size), []) }
        // A file was ended, and the head is still the one before that.
        if let last = try directory.auditParts().last {
            let part = try OpenAuditFile(last.path, forWriting: false)
            if try part.holds(place, in: id) {
                let end = try part.follow(place, in: id).end
                if try log.begins(behind: end) { return (try follow(log, (0, end), id, size), []) }
            }
        }
        return try goOn(log, behind: head.end, size)
    }

    /// Somebody has changed the file: the chain goes on from where it was, and is broken here for good.
    private func goOn(_ log: OpenAuditFile, behind end: ChainEnd, _ size: Int64) throws(SystemError)
        -> ([AuditEvent], [UInt8])
    {
        log.known = (size, end)
        var last: UInt8?
        if size > 0 { last = try log.file.byte(at: size - 1) }
        let isWhole = last == nil || last == UInt8(ascii: "\n")
        return ([], isWhole ? [] : [UInt8(ascii: "\n")])
    }

    /// Without a head that can be read, all files are gone along from the first record that is kept.
    private func findEnd(_ log: OpenAuditFile, _ id: String, _ size: Int64) throws(SystemError)
        -> [AuditEvent]
    {
        var parts: [OpenAuditFile] = []
        for part in try directory.auditParts() {
            parts.append(try OpenAuditFile(part.path, forWriting: false))
        }
        var end = ChainEnd(beginningOf: id)
        if let line = try (parts.first ?? log).firstLine(), let link = AuditRecord.link(line),
            link.sequence > 1
        {
            end = ChainEnd(sequence: link.sequence - 1, hash: link.previous)
        }
        for part in parts { end = try part.follow((0, end), in: id).end }
        let isNew = size == 0 && parts.isEmpty
        log.known = (0, end)
        let events = size == 0 ? [try beginning(id)] : try follow(log, (0, end), id, size)
        return isNew ? events : events + [AuditEvent(.repair, [.init("head-lost", .bool(true))])]
    }

    /// Goes along the records behind a place; takes away what a crash left of the last.
    private func follow(_ log: OpenAuditFile, _ place: ChainPlace, _ id: String, _ size: Int64)
        throws(SystemError) -> [AuditEvent]
    {
        let found = try log.follow(place, in: id)
        log.known = found
        if found.size == size { return [] }
        try log.file.truncate(to: found.size)
        let repair = AuditEvent(.repair, [.init("bytes", .integer(size - found.size))])
        return found.size == 0 ? [try beginning(id), repair] : [repair]
    }

    private func beginning(_ id: String) throws(SystemError) -> AuditEvent {
        let parts = try directory.auditParts()
        return beginning(id, continues: parts.last?.number, oldest: parts.first?.number)
    }

    private func beginning(_ id: String, continues: Int64?, oldest: Int64?) -> AuditEvent {
        AuditEvent(
            .log,
            [
                .init("id", .string(id)), .init("agent", .string(directory.name)),
                .init("project", .string(project)), .init("continues", .optional(continues)),
                .init("oldest", .optional(oldest)),
            ]
        )
    }

    // MARK: Rotation

    /// Ends a file and begins the next; each moment on the way is one from which the next writer goes on.
    private func rotate(_ log: OpenAuditFile, _ id: String, _ known: (size: Int64, end: ChainEnd))
        throws(SystemError)
    {
        try log.file.truncate(to: known.size)
        try log.file.synchronize()
        let isDurable = settings.sync != .none
        try replaceHead(known, isDurable: isDurable)
        let parts = try directory.auditParts()
        let number = (parts.last?.number ?? 0) + 1
        var oldest = parts.first?.number ?? number
        if let kept = settings.keptFiles { oldest = max(oldest, number - kept + 1) }
        let event = beginning(id, continues: number, oldest: oldest)
        let user = Int64(CurrentUser.id)
        let made = AuditRecord.next(
            after: known.end,
            in: id,
            event.kind,
            event.facts,
            user: user,
            at: event.time
        )
        // With its first record, so that nobody sees an empty one.
        let path = directory.auditLog
        try Files.writeAtomically(path + ".next", made.line, sync: isDurable)
        // What was begun and not finished has the number already.
        try Files.remove(directory.auditPart(number))
        try Files.link(path, as: directory.auditPart(number))
        // Nobody appends to the next one before the head is there.
        let next = try Files.open(path + ".next", O_RDWR | O_NOFOLLOW)
        try next.locked(path, within: patience) { () throws(SystemError) -> Void in
            try Files.rename(path + ".next", path)
            if isDurable { try Files.synchronizeDirectory(directory.path) }
            try replaceHead((Int64(made.line.count), made.end), isDurable: isDurable)
        }
        for part in parts where part.number < oldest { try Files.remove(part.path) }
        unsettled = nil
        current = nil
    }

    // MARK: On disk

    /// Waits until what `append` has begun to put on disk is there.
    ///
    /// - Throws: when it cannot be; what was appended may be lost.
    package func awaitBegun() throws(ClocheError) {
        do throws(SystemError) {
            try finishSettling(wait: true)
        } catch { throw cannotWrite(error) }
    }

    /// Does what `settleDue` asks for, without waiting where the kernel can do it by itself; for what is to be on disk
    /// `soon`, it waits.
    ///
    /// - Throws: as `awaitBegun`.
    package func settleIfDue(_ now: Int64) throws(ClocheError) {
        do throws(SystemError) {
            if isAwaited {
                isAwaited = false
                return try settleNow()
            }
            guard let due = settleDue, now >= due else { return }
            try finishSettling(wait: false)
            if beingSettled != nil {
                settleDue = now + Self.look
            } else if unsettled == nil {
                settleDue = nil
            } else if now < begun + Self.pause {
                settleDue = begun + Self.pause
            } else {
                try beginSettling()
            }
        } catch { throw cannotWrite(error) }
    }

    private func settleNow() throws(SystemError) {
        guard let unsettled, let current else { return }
        try current.file.synchronize()
        try replaceHead(unsettled)
        if beingSettled == nil { settleDue = nil }
    }

    private func beginSettling() throws(SystemError) {
        try finishSettling(wait: true)
        guard let unsettled, let current else { return }
        background = background ?? BackgroundSync()
        guard let background else { return try settleNow() }
        do throws(SystemError) {
            try background.begin(current.file)
        } catch {
            return try settleNow()
        }
        beingSettled = unsettled
        self.unsettled = nil
        begun = MonotonicClock.milliseconds
        settleDue = begun + Self.look
    }

    private func finishSettling(wait: Bool) throws(SystemError) {
        guard let background, let settled = beingSettled, try background.hasEnded(wait: wait) else { return }
        beingSettled = nil
        try replaceHead(settled)
    }

    private func replaceHead(_ place: ChainPlace?, isDurable: Bool = false) throws(SystemError) {
        guard let place, let id else { return }
        let head = LogHead(log: id, end: place.end, size: place.size)
        try directory.writeAuditHead(head, isDurable: isDurable, within: patience)
        if unsettled?.end == place.end { unsettled = nil }
    }

    // MARK: Room on a full disk

    /// Keeps room for what is pending when the disk is full.
    private static let reserved: Int64 = 256 << 10

    /// Reserves room behind the log whenever half of it is used up.
    ///
    /// - Throws: when there is none; what was appended is written, and what comes next has the other half.
    private func reserve(_ file: borrowing FileDescriptor, from old: Int64, to new: Int64) throws(SystemError)
    {
        let half = Self.reserved / 2
        if old > 0 && old / half == new / half { return }
        try file.reserve(from: new, count: Self.reserved)
    }

    /// Gives back what is reserved, with everything on disk: for the time being, nothing more will be written.
    package func release() {
        do throws(SystemError) {
            try finishSettling(wait: true)
            if settings.sync != .none { try settleNow() }
            try withFile { (log: OpenAuditFile, _) throws(SystemError) -> Bool in
                // That cuts off nothing but what lies behind the end.
                try log.file.truncate(to: Files.status(of: log.file).size)
                return true
            }
        } catch {}  // left to the next who appends
    }
}
