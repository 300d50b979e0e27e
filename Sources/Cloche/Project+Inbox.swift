// What came into an inbox: looked at, taken, acknowledged, and waited for.

internal import AgentStore
internal import AuditRecords
public import ClocheModel
internal import LinuxSystem
public import Messaging

extension Project {
    /// What is in an inbox, the oldest first; nothing changes by it.
    public func inbox(of owner: InboxOwner) throws(ClocheError) -> [Message] {
        let file = try inboxFile(owner)
        try file.refresh()
        return file.inbox.messages
    }

    /// Writes down what is too late in the person's inbox, which no supervisor looks after.
    package func expireForPerson() throws(ClocheError) {
        let file = try inboxFile(.person)
        try file.refresh()
        if file.inbox.overdue(at: WallClock.milliseconds).isEmpty { return }
        try file.change(durably: false) { (inbox) throws(ClocheError) in
            let now = WallClock.milliseconds
            let late = inbox.overdue(at: now)
            try record(.expired, late, of: .person, by: CurrentUser.id)
            return inbox.changes(late.map(\.id), to: .expired, at: now)
        }
    }

    /// What waits in an inbox, in the order of delivery; it counts as delivered from then on, and is not typed.
    public func readInbox(of owner: InboxOwner) throws(ClocheError) -> [Message] {
        let file = try inboxFile(owner)
        return try take(from: file, of: owner) { $0.queue(at: WallClock.milliseconds) }
    }

    /// Notes that messages are delivered.
    private func take(
        from file: InboxFile,
        of owner: InboxOwner,
        _ choice: (Inbox) throws(ClocheError) -> [Message]
    ) throws(ClocheError) -> [Message] {
        var taken: [Message] = []
        try file.change(durably: false) { (inbox) throws(ClocheError) in
            taken = try choice(inbox)
            let queued = taken.filter { $0.state == .queued }
            try record(.delivered, queued, of: owner, by: CurrentUser.id)
            return inbox.changes(queued.map(\.id), to: .delivered, at: WallClock.milliseconds)
        }
        return taken
    }

    /// Notes that the owner of an inbox has seen to messages; those that are, or are too late, stay as they are.
    ///
    /// - Throws: when one is not there.
    public func acknowledge(_ ids: [Int64], in owner: InboxOwner, by user: UInt32) throws(ClocheError) {
        let file = try inboxFile(owner)
        try file.change(durably: true) { (inbox) throws(ClocheError) in
            let now = WallClock.milliseconds
            var messages: [Message] = []
            for id in ids {
                guard let message = inbox[id] else {
                    throw ClocheError(
                        .notFound,
                        "there is no message \(id)",
                        why:
                            "it is not in \(owner == .person ? "your inbox" : "the inbox of \(owner.name)"), or not any more"
                    )
                }
                if [.queued, .delivered].contains(message.state) { messages.append(message) }
            }
            try record(.acknowledged, messages, of: owner, by: user)
            return inbox.changes(messages.map(\.id), to: .acknowledged, at: now)
        }
    }

    /// What has become of messages, in the log of the agent that got them, or, of those to the person, that sent them.
    private func record(
        _ action: AuditEvent.MessageAction,
        _ messages: [Message],
        of owner: InboxOwner,
        by user: UInt32
    ) throws(ClocheError) {
        if messages.isEmpty { return }
        let events = messages.map { AuditEvent(action, $0, by: user) }
        if case .agent(let name) = owner {
            let directory = try agentDirectory(name)
            return try auditLog(directory, try directory.read()).append(events)
        }
        let recipient = Document.Entry("recipient", .string(owner.name))
        for (message, event) in zip(messages, events) {
            // A sender that was deleted has no log any more.
            guard let directory = try? agentDirectory(message.sender.name),
                let record = try? directory.read(),  // the same
                messageSender(record) == message.sender
            else { continue }
            try auditLog(directory, record).append([event.with([recipient])])
        }
    }

    /// The questions that wait for the person, the oldest first.
    public func questions() throws(ClocheError) -> [Message] {
        // Listing makes nothing.
        let file = state.personInbox
        try file.refresh()
        return file.inbox.questions(at: WallClock.milliseconds)
    }

    /// The same for views, which show what they can read.
    var openQuestions: [Message] {
        // One that cannot be read says so to whoever looks into it.
        (try? questions()) ?? []
    }

    // MARK: Waiting

    /// Waits until an inbox has a message that is wanted, at most so many milliseconds; nil when none came.
    ///
    /// - Parameter isWanted: whether a message that waits, or was delivered, is.
    public func waitForMessage(
        in owner: InboxOwner,
        milliseconds: Int64? = nil,
        where isWanted: (Message) -> Bool
    ) throws(ClocheError) -> Message? {
        let file = try inboxFile(owner)
        try file.ensure()
        let watch = FileWatch(file.path)
        let deadline = milliseconds.map { MonotonicClock.milliseconds + $0 }
        while true {
            watch.arm()
            try file.refresh()
            let now = WallClock.milliseconds
            if let found = file.inbox.messages.first(where: { !$0.isOverdue(at: now) && isWanted($0) }) {
                return found
            }
            let left = deadline.map { $0 - MonotonicClock.milliseconds }
            if let left, left <= 0 { return nil }
            guard Files.exists(file.path) else {
                throw ClocheError(.notFound, "the inbox of \(owner.name) is gone")
            }
            do throws(SystemError) {
                try watch.wait(milliseconds: left)
            } catch { throw ClocheError(.system, "cannot wait for messages", why: error.description) }
        }
    }

    /// Waits for the answer to a message that an agent has sent, and takes it: it is not typed any more.
    ///
    /// - Parameters:
    ///   - posted: what `post` or `ask` has given.
    ///   - sender: who sent the message.
    ///   - milliseconds: how long to wait at most; nil for any time.
    /// - Returns: the answer; nil when none came.
    public func waitForAnswer(to posted: Posted, from sender: MessageSender, milliseconds: Int64? = nil)
        throws(ClocheError) -> Message?
    {
        let owner = owner(sender)
        let answer = try waitForMessage(in: owner, milliseconds: milliseconds) { message in
            message.content.replyTo == posted.id && message.sender.name == posted.recipient
        }
        guard let answer else { return nil }
        let file = try inboxFile(owner)
        _ = try take(from: file, of: owner) { inbox in inbox[answer.id].map { [$0] } ?? [] }
        return answer
    }
}
