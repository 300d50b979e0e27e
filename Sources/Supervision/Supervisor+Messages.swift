// Messages for the program of window 0: those of the agent's inbox, each typed when the program is ready. Called by requests
// and from the loop.
//
// That one was delivered is written down before Enter is pressed, and a moment later that this is settled. A supervisor
// that finds one of its predecessor's that is not settled types it again: the program may have died before it read it.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import LinuxSystem
internal import Messaging
internal import StructuredText
internal import TerminalText

/// What a supervisor does with its agent's inbox.
struct Typing {
    let file: InboxFile
    var pace = MessagePace()
    /// The messages whose text was typed, and whose Enter is due.
    var current: [Message] = []
    /// Those that are not to be typed again in this run.
    var done: Set<Int64> = []
    /// Those of which it is not written down yet that they were delivered.
    var unwritten: [Int64] = []
    /// When messages were typed, and when they are settled, in milliseconds of the monotonic clock.
    var unsettled: [(id: Int64, typed: Int64, due: Int64)] = []
    /// Who is answered when Enter has been pressed, and what.
    var answered: (token: UInt64, report: Document)?
    /// What was said of the last one that was typed without Enter.
    var last: (id: Int64, report: Document)?
    /// Whose message Enter is pressed for.
    var enterBy: UInt32 = 0
    /// The last message of the inbox when none was of a person, and no other is typed.
    var seenInVain: Int64?
    /// When the inbox is looked at again, though nobody says that something came.
    var lookDue: Int64 = 0
    /// When its lock is tried again.
    var retryDue: Int64?
    /// When something of what waits is due by the calendar, on the monotonic clock.
    var calendarDue: Int64?

    init(_ directory: AgentDirectory) { file = directory.inbox }

    /// Takes over what the supervisor before has left.
    func begin(_ directory: AgentDirectory) throws(ClocheError) {
        try directory.adoptOldMessages(into: file)
        try file.refresh()
        guard !file.inbox.unsettled.isEmpty else { return }
        try file.change(durably: true) { (inbox) throws(ClocheError) in
            inbox.changes(inbox.unsettled, to: .queued, at: WallClock.milliseconds)
        }
    }

    /// Those that wait, the next one first.
    var waiting: [Message] {
        file.inbox.queue(at: WallClock.milliseconds).filter { message in
            !done.contains(message.id) && !current.contains { $0.id == message.id }
        }
    }

    /// When something is due, in milliseconds of the monotonic clock.
    var nextMoment: Int64? {
        [pace.nextMoment, unsettled.map(\.due).min(), retryDue, calendarDue].compactMap { $0 }.min()
    }
}

extension Supervisor {
    /// Between two looks at the inbox that nobody asks for, in milliseconds: they cost nothing while nothing else happens.
    private static let lookInterval: Int64 = 250

    // MARK: Requests

    /// Types a message at once, whatever the program does; answers when it is typed, Enter included.
    func send(_ request: KeysRequest, for viewer: Viewer) {
        do throws(ClocheError) {
            try refuseUnlessTyping()
            guard request.isUrgent else {
                throw ClocheError(
                    .state,
                    "agent \(record.name) takes no such message",
                    why: "the command is of another version of Cloche than its supervisor",
                    remedy: "`cloche stop \(record.name)` and `cloche resume \(record.name)`"
                )
            }
            pressEnter()
            let report = try type(request.words.first ?? "", enter: request.enter, by: viewer.user)
            guard request.enter else { return reply(viewer, .report(report)) }
            typing.answered = (viewer.token, report)
        } catch { reply(viewer, .failed(error)) }
    }

    /// Something came into the inbox; whoever asks after a message is answered when it was typed, or must wait.
    func lookAtMessages(awaiting id: Int64?, for viewer: Viewer) {
        typing.lookDue = 0
        do throws(ClocheError) {
            try handleMessages()
        } catch { return reply(viewer, .failed(error)) }  // the loop meets it, too
        guard let id else { return }
        if typing.current.contains(where: { $0.id == id }) {
            typing.answered = (viewer.token, typing.answered?.report ?? .object(["delivered": .bool(true)]))
        } else {
            reply(viewer, .report(typing.last?.id == id ? typing.last?.report ?? .null : report(of: id)))
        }
    }

    private func report(of id: Int64) -> Document {
        let place = typing.waiting.firstIndex { $0.id == id }
        return .object([
            "delivered": .bool(place == nil), "position": .optional(place.map { Int64($0 + 1) }),
            "state": .string(
                record.state == .running ? following.watch.current.activity.rawValue : record.state.rawValue
            ),
        ])
    }

    // MARK: Typing

    /// Goes on with what is due, and with what waits when the program is ready.
    func handleMessages() throws(ClocheError) {
        let now = MonotonicClock.milliseconds
        // A frozen program is pressed nothing.
        if let due = typing.pace.enterDue, now >= due, record.state != .paused { pressEnter() }
        if typing.pace.settles(at: now) { tellWaiting() }
        try lookAtInbox(now)
        try typeNext(now)
        typing.pace.endInterruption(at: now)
        try writeTyped(now)
    }

    private func typeNext(_ now: Int64) throws(ClocheError) {
        guard record.state == .running, sandbox != nil, harnessWindow.isOpen,
            typing.file.inbox.waitingCount > 0, typing.current.isEmpty
        else { return }
        let finding = following.watch.settle(at: now)
        guard let message = nextTyped(finding) else { return }
        do throws(ClocheError) {
            if !typing.pace.mayType(finding, at: now) {
                guard try interrupts(for: message, finding, now) else { return }
            }
            try deliver(message.sender.isPerson ? [message] : together(with: message))
        } catch {
            if audit.hasFailed { throw error }
            // What can never be typed keeps the others waiting no longer; a terminal that is full of what was typed is
            // tried again when the program reads.
            if error.code == .usage { typing.done.insert(message.id) }
        }
    }

    /// The next message that is typed.
    ///
    /// What agents say would be commands to a program that takes words of nobody; and Enter says yes where a program asks
    /// for something, which is for a person to say.
    private func nextTyped(_ finding: StateWatch.Finding) -> Message? {
        let (inbox, now) = (typing.file.inbox, WallClock.milliseconds)
        if policy.harness.takesMessages, finding.activity != .waiting {
            return inbox.next(at: now, without: typing.done)
        }
        // They may be many, and this is asked all the time.
        if typing.seenInVain == inbox.lastID { return nil }
        let found = inbox.next(at: now, without: typing.done) { $0.sender.isPerson }
        if !typing.waiting.contains(where: { $0.sender.isPerson }) { typing.seenInVain = inbox.lastID }
        return found
    }

    /// Presses the keys that interrupt the program, if the message wants that; whether it may be typed now.
    private func interrupts(for message: Message, _ finding: StateWatch.Finding, _ now: Int64)
        throws(ClocheError) -> Bool
    {
        let keys = policy.harness.interrupt
        guard message.content.interrupts, !keys.isEmpty else { return false }
        switch typing.pace.step(to: message.id, isOfAgent: !message.sender.isPerson, finding, at: now) {
        case .wait: return false
        case .type: return true
        case .interrupt:
            _ = try type(KeysRequest(.names, keys), by: user(of: message))
            return false
        }
    }

    private func user(of message: Message) -> UInt32 {
        if case .person(let user) = message.sender { user } else { CurrentUser.id }
    }

    /// The most messages of agents, and the most bytes, that are typed at once.
    private static let (mostTogether, mostBytesTogether) = (32, 16 << 10)

    /// The messages of agents that come next, where a paste keeps their lines apart: one turn of a program for all of them.
    private func together(with first: Message) -> [Message] {
        var batch = [first]
        guard keyModes(of: harnessWindow).bracketedPaste else { return batch }
        var taken = typing.done.union([first.id])
        var bytes = first.content.text.utf8.count
        while batch.count < Self.mostTogether,
            let next = typing.file.inbox.next(at: WallClock.milliseconds, without: taken),
            !next.sender.isPerson
        {
            bytes += next.content.text.utf8.count
            if bytes > Self.mostBytesTogether { break }
            batch.append(next)
            taken.insert(next.id)
        }
        return batch
    }

    private func deliver(_ batch: [Message]) throws(ClocheError) {
        guard let first = batch.first else { return }
        let enter = first.content.enter
        let text = batch.map(MessageFrame.text).joined(separator: "\n")
        let report = try type(text, enter: enter, by: user(of: first))
        guard enter else {
            typing.last = (first.id, report)
            return typed(batch)
        }
        typing.current = batch
        typing.answered = (0, report)
    }

    private func typed(_ batch: [Message]) {
        typing.done.formUnion(batch.map(\.id))
        typing.unwritten += batch.map(\.id)
    }

    /// Types a text; Enter follows by `handleMessages`.
    private func type(_ text: String, enter: Bool, by user: UInt32) throws(ClocheError) -> Document {
        var report = try type(KeysRequest(.message, [text], enter: enter), by: user)
        report["delivered"] = .bool(true)
        let now = MonotonicClock.milliseconds
        typing.pace.typed(enter: enter, answers: !following.watch.isGuess, at: now)
        typing.enterBy = user
        return report
    }

    /// Presses the Enter that is due after a text, and tells whoever sent it.
    private func pressEnter() {
        guard typing.pace.enterDue != nil, typing.pace.pressesEnter(at: .max) else { return }
        let answered = typing.answered.take()
        let viewer = answered.flatMap { viewers[$0.token] }
        do throws(ClocheError) {
            let batch = typing.current
            typing.current = []
            typed(batch)
            if !batch.isEmpty { try writeTyped(MonotonicClock.milliseconds) }
            _ = try type(KeysRequest(.names, ["Enter"]), by: typing.enterBy)
            if let answered, let viewer { reply(viewer, .report(answered.report)) }
        } catch {
            if let viewer { reply(viewer, .failed(error)) }
        }
    }

    // MARK: The inbox

    /// Reads what has come, and notes what is too late.
    private func lookAtInbox(_ now: Int64) throws(ClocheError) {
        let isDue =
            (typing.calendarDue.map { now >= $0 } ?? false) || (typing.retryDue.map { now >= $0 } ?? false)
        guard now >= typing.lookDue || isDue else { return }
        typing.lookDue = now + Self.lookInterval
        typing.retryDue = nil
        // One that cannot be read now is looked at again.
        try? typing.file.refresh()
        let wall = WallClock.milliseconds
        if !typing.file.inbox.overdue(at: wall).isEmpty {
            try change { (inbox) throws(ClocheError) in
                let late = inbox.overdue(at: wall)
                try audit.append(late.map { AuditEvent(.expired, $0, by: CurrentUser.id) })
                return inbox.changes(late.map(\.id), to: .expired, at: wall)
            }
        }
        typing.calendarDue = typing.file.inbox.nextMoment(after: wall).map { now + ($0 - wall) }
    }

    /// Changes the inbox if its lock is free; whether it was.
    ///
    /// Nobody is waited for here, while the agent's terminal waits for us.
    @discardableResult
    private func change(_ body: (Inbox) throws(ClocheError) -> [InboxRecord]) throws(ClocheError) -> Bool {
        do throws(ClocheError) {
            if try typing.file.change(durably: false, within: 0, body) { return true }
        } catch {
            // On a full disk messages are typed again in the next run, which is less than the agent's end.
            if audit.hasFailed { throw error }
            return true
        }
        typing.retryDue = MonotonicClock.milliseconds + MessagePace.retry
        return false
    }

    /// Writes down what was typed, and what is settled.
    private func writeTyped(_ now: Int64) throws(ClocheError) {
        let settled = settled(at: now)
        if typing.unwritten.isEmpty && settled.isEmpty { return }
        let written = typing.unwritten
        let isDone = try change { (inbox) throws(ClocheError) in
            let typed = written.compactMap { inbox[$0] }.filter { $0.state == .queued }
            // On disk with the record of Enter.
            try audit.append(typed.map { AuditEvent(.delivered, $0, by: user(of: $0)) }, .left)
            return inbox.changes(written, to: .delivered, isSettled: false, at: WallClock.milliseconds)
                + (settled.isEmpty ? [] : [.settled(settled)])
        }
        guard isDone else { return }
        typing.unsettled.removeAll { settled.contains($0.id) }
        typing.unsettled += written.map { ($0, now, now + MessagePace.settling) }
        typing.unwritten = []
    }

    /// Those that the program must have by now; what it has not read yet is waited for, ever longer.
    private func settled(at now: Int64) -> [Int64] {
        let due = typing.unsettled.filter { $0.due <= now }
        guard let first = due.first else { return [] }
        if first.due == 0 || !hasUnread { return due.map(\.id) }
        for index in typing.unsettled.indices where typing.unsettled[index].due <= now {
            typing.unsettled[index].due = now + max(MessagePace.settling, now - typing.unsettled[index].typed)
        }
        return []
    }

    /// Whether the program has not read all that was typed.
    private var hasUnread: Bool {
        if !harnessWindow.input.isEmpty { return true }
        guard let terminal = harnessWindow.terminal.take() else { return false }
        let isUnread = Terminal.hasUnreadInput(terminal)
        harnessWindow.terminal = consume terminal
        return isUnread
    }

    /// The program has ended: what was typed without its Enter is typed again, and it had all else.
    func interruptMessages() {
        typing.pace.interrupted()
        let current = typing.current.first
        typing.current = []
        settleAll()
        guard let answered = typing.answered.take(), let viewer = viewers[answered.token] else { return }
        reply(viewer, current.map { .report(report(of: $0.id)) } ?? .failed(betweenStarts))
    }

    private func settleAll() {
        for index in typing.unsettled.indices { typing.unsettled[index].due = 0 }
    }

    /// The agent ends: what waits is on record, and stays for its next run.
    func leaveMessages() {
        interruptMessages()
        do throws(ClocheError) {
            let last = MonotonicClock.milliseconds + FileDescriptor.lockPatience
            while !typing.unwritten.isEmpty || !typing.unsettled.isEmpty, MonotonicClock.milliseconds < last {
                settleAll()
                try writeTyped(MonotonicClock.milliseconds)
                if typing.retryDue.take() != nil { Pause.milliseconds(Int32(MessagePace.retry)) }
            }
            try audit.append(typing.waiting.map { AuditEvent(.left, $0, by: user(of: $0)) })
        } catch {}  // a log that cannot be written has ended it already
    }
}
