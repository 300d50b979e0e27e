// Sending messages, questions and answers. Commands call this for the person, and brokers for the agent that speaks to
// them; whether that agent may is judged there. What came is read in Project+Inbox.swift.

internal import AgentStore
internal import AuditRecords
public import ClocheModel
internal import LinuxSystem
public import Messaging
internal import Supervision
internal import TerminalText

/// What came of a message for one recipient.
public struct Posted: Equatable, Sendable {
    /// The agent, or `@person`.
    public let recipient: String
    /// The message's number in the recipient's inbox; nil when it was refused.
    public let id: Int64?
    /// Whether the same was sent before, with the same key, and nothing was sent now.
    public let isDuplicate: Bool
    /// What the recipient's supervisor said of it: `delivered`, or its `position` and the program's `state`; nil when it was
    /// not asked, or there is none.
    public let report: Document?
    /// Why the message was refused.
    public let refusal: ClocheError?
}

/// Whose inbox it is.
public enum InboxOwner: Hashable, Sendable {
    case person
    case agent(String)

    /// `@person`, or the agent's name.
    public var name: String {
        switch self {
        case .person: MessageSender.personName
        case .agent(let name): name
        }
    }
}

extension Project {
    // MARK: Who

    /// An agent as it stands in messages that it sends.
    public func messageSender(_ name: String) throws(ClocheError) -> MessageSender {
        messageSender(try agentDirectory(name).read())
    }

    func messageSender(_ record: AgentRecord) -> MessageSender {
        // An agent of a version whose logs had no id is told apart by when it was made.
        .agent(name: record.name, log: record.auditLog ?? "created \(record.created)")
    }

    /// The inbox of an owner; an agent must be there.
    func inboxFile(_ owner: InboxOwner) throws(ClocheError) -> InboxFile {
        switch owner {
        case .person:
            try state.prepare()
            do throws(SystemError) {
                try Files.makeDirectories(state.personDirectory)
            } catch { throw StoreError.cannotWrite(error) }
            return state.personInbox
        case .agent(let name):
            let directory = try agentDirectory(name)
            _ = try directory.read()
            return directory.inbox
        }
    }

    func owner(_ sender: MessageSender) -> InboxOwner {
        switch sender {
        case .person: .person
        case .agent(let name, _): .agent(name)
        }
    }

    /// The agents that are meant; never the sender.
    private func agents(_ recipients: Recipients, from sender: MessageSender) throws(ClocheError)
        -> [AgentRecord]
    {
        if case .agent(let name) = recipients {
            let record = try agentDirectory(name).read()
            guard messageSender(record) != sender else {
                throw ClocheError(.usage, "an agent sends itself no messages", why: "\(name) is the sender")
            }
            return [record]
        }
        let found = state.agents().compactMap { directory in
            // `list` names those whose record cannot be read.
            (try? directory.read()).flatMap { record in
                recipients.include(record.name, labels: record.labels) && messageSender(record) != sender
                    && ![.creating, .deleting].contains(record.state) ? record : nil
            }
        }
        guard !found.isEmpty else {
            throw ClocheError(
                .notFound,
                "no agent is meant",
                why: "none has such a name or label",
                remedy: "`cloche list --all` shows the agents, `cloche label NAME` an agent's labels"
            )
        }
        return found
    }

    // MARK: Sending

    /// Sends a message; when this returns it is on disk in the inbox of each recipient that has not refused it.
    ///
    /// - Throws: when there is no recipient, or the only one refuses it.
    public func post(_ message: NewMessage, from sender: MessageSender, to recipients: Recipients)
        throws(ClocheError) -> [Posted]
    {
        try post(message, from: sender, to: recipients, awaitsTyping: false)
    }

    /// As above.
    ///
    /// - Parameter awaitsTyping: whether supervisors are asked what came of it, which takes until Enter was pressed.
    package func post(
        _ message: NewMessage,
        from sender: MessageSender,
        to recipients: Recipients,
        awaitsTyping: Bool
    ) throws(ClocheError) -> [Posted] {
        let content = try checked(message, from: sender)
        if case .person = recipients { return [try ask(content, from: sender)] }
        let records = try agents(recipients, from: sender)
        let question = try content.replyTo.map { id throws(ClocheError) in
            try answered(id, by: sender, to: records)
        }
        var posted: [Posted] = []
        for record in records {
            do throws(ClocheError) {
                posted.append(try post(content, from: sender, to: record, question, awaitsTyping))
            } catch {
                if case .agent = recipients { throw error }
                posted.append(
                    Posted(recipient: record.name, id: nil, isDuplicate: false, report: nil, refusal: error)
                )
            }
        }
        if let question { try acknowledge([question.id], in: owner(sender), by: CurrentUser.id) }
        return posted
    }

    private func post(
        _ content: NewMessage,
        from sender: MessageSender,
        to record: AgentRecord,
        _ question: Message?,
        _ awaitsTyping: Bool
    ) throws(ClocheError) -> Posted {
        let directory = state.agent(record.name)
        if content.interrupts { _ = try interruptKeys(ofAgent: record.name) }
        let log = auditLog(directory, record)
        let admission = try admit(
            content,
            from: sender,
            into: directory.inbox,
            of: record.name,
            isAnswerAwaited: question?.content.isAwaited ?? false
        ) { events throws(ClocheError) in try log.append(events, .begun) }
        let report = try poke(directory, awaiting: awaitsTyping ? admission.id : nil)
        // Put on disk beside the message; the sender is answered when both are.
        try log.awaitBegun()
        return Posted(
            recipient: record.name,
            id: admission.id,
            isDuplicate: admission.isDuplicate,
            report: report,
            refusal: nil
        )
    }

    /// Puts a message into an inbox, on disk.
    private func admit(
        _ content: NewMessage,
        from sender: MessageSender,
        into file: InboxFile,
        of name: String,
        isAnswerAwaited: Bool = false,
        family: Set<String> = [],
        recording record: ([AuditEvent]) throws(ClocheError) -> Void
    ) throws(ClocheError) -> (id: Int64, isDuplicate: Bool) {
        var result: (id: Int64, isDuplicate: Bool) = (0, false)
        try file.change(durably: true) { (inbox) throws(ClocheError) in
            let now = WallClock.milliseconds
            let admission: Inbox.Admission
            do throws(InboxFull) {
                admission = try inbox.admit(
                    content,
                    from: sender,
                    isAnswerAwaited: isAnswerAwaited,
                    family: family,
                    at: now
                )
            } catch { throw ClocheError(full: error, name) }
            switch admission {
            case .duplicate(let id):
                result = (id, true)
                return []
            case .new(let message):
                // Before it counts: no message is there that is not on record.
                try record([AuditEvent(.queued, message, by: CurrentUser.id)])
                result = (message.id, false)
                return [.message(message)]
            }
        }
        return result
    }

    /// Tells an agent's supervisor that something came; nil when there is none, or it is not asked.
    private func poke(_ directory: AgentDirectory, awaiting id: Int64?) throws(ClocheError) -> Document? {
        do throws(ClocheError) {
            // One that takes no connections now finds the message when it goes on.
            guard let client = try SupervisorClient.connect(directory, wait: id != nil) else { return nil }
            try client.send(.messages(awaiting: id))
            guard id != nil else { return nil }
            switch try client.receive() {
            case .report(let report)?: return report
            case .failed(let error)?: throw error
            // It has ended meanwhile, or is of a version without inboxes.
            default: return nil
            }
        } catch {
            // The message is in the inbox, whatever becomes of its supervisor.
            if id == nil || error.code == .state { return nil }
            throw error
        }
    }

    /// A message that can be typed and kept.
    private func checked(_ message: NewMessage, from sender: MessageSender) throws(ClocheError) -> NewMessage
    {
        var message = message
        guard (message.key?.utf8.count ?? 0) <= 200, (message.lifetime ?? 1) > 0 else {
            throw ClocheError(
                .usage,
                "the message cannot be sent",
                why: "a key has at most 200 bytes, and a lifetime is more than nothing"
            )
        }
        let lines: Int
        if sender.isPerson {
            do throws(MessageProblem) {
                let typed = try TypedMessage(message.text)
                (message.text, lines) = (typed.text, 0)
            } catch { throw ClocheError(messageProblem: error) }
        } else {
            message.text = MessageFrame.harmless(message.text)
            message.choices = message.choices.map { visible($0) }
            lines = message.text.utf8.reduce(1) { $0 + ($1 == UInt8(ascii: "\n") ? 1 : 0) }
        }
        guard message.text.contains(where: { !$0.isWhitespace }) else {
            throw ClocheError(messageProblem: .empty)
        }
        let most = sender.isPerson ? KeysRequest.limit : MessageFrame.mostBytes
        guard message.text.utf8.count <= most, lines <= MessageFrame.mostLines,
            message.choices.count <= MessageFrame.mostChoices,
            message.choices.allSatisfy({ 1...MessageFrame.mostChoiceBytes ~= $0.utf8.count })
        else {
            throw ClocheError(
                .usage,
                "the message is too long",
                why:
                    "the most is \(most) bytes, \(MessageFrame.mostLines) lines and \(MessageFrame.mostChoices) choices",
                remedy: "put it into a file of the workspace and name it"
            )
        }
        return message
    }

    // MARK: Questions and answers

    /// Sends a message to the person; of one that asks, the answer comes into the sender's inbox as a reply.
    public func ask(_ question: NewMessage, from sender: MessageSender) throws(ClocheError) -> Posted {
        guard case .agent(let name, _) = sender else {
            throw ClocheError(.usage, "a person sends themself no messages")
        }
        let content = try checked(question, from: sender)
        let directory = try agentDirectory(name)
        let log = auditLog(directory, try directory.read())
        // What it answers is checked before, and noted after.
        let answered = try content.replyTo.map { id throws(ClocheError) in
            try self.answered(id, by: sender, to: nil)
        }
        let admission = try admit(
            content,
            from: sender,
            into: inboxFile(.person),
            of: MessageSender.personName,
            family: family(of: name)
        ) { events throws(ClocheError) in
            let recipient = Document.Entry("recipient", .string(MessageSender.personName))
            try log.append(events.map { $0.with([recipient]) }, .begun)
        }
        try log.awaitBegun()
        if let answered { try acknowledge([answered.id], in: .agent(name), by: CurrentUser.id) }
        return Posted(
            recipient: MessageSender.personName,
            id: admission.id,
            isDuplicate: admission.isDuplicate,
            report: nil,
            refusal: nil
        )
    }

    /// The logs of an agent, of the one that a person started it by, and of all others below that one: to the person they are
    /// one.
    private func family(of name: String) -> Set<String> {
        let all = agents().agents.map(\.record)
        func root(_ record: AgentRecord) -> String? {
            var (log, above) = (record.auditLog, record.parent)
            // No tree is deeper; a record that somebody has changed may name itself.
            for _ in 0..<32 {
                guard let parent = above else { break }
                log = parent.auditLog
                above = all.first { $0.auditLog == parent.auditLog }?.parent
            }
            return log
        }
        guard let own = all.first(where: { $0.name == name }).flatMap(root) else { return [] }
        return Set(all.filter { root($0) == own }.compactMap(\.auditLog))
    }

    /// The message in the sender's own inbox that is answered.
    ///
    /// - Parameter records: the agents that the answer goes to; nil for the person.
    private func answered(_ id: Int64, by sender: MessageSender, to records: [AgentRecord]?)
        throws(ClocheError) -> Message
    {
        let file = try inboxFile(owner(sender))
        try file.refresh()
        guard let message = file.inbox[id] else {
            throw ClocheError(
                .notFound,
                "there is no message \(id) to reply to",
                why:
                    "it is not in \(sender.isPerson ? "your inbox" : "the inbox of \(sender.name)"), or not any more",
                remedy: sender.isPerson ? "`cloche inbox --all` lists your messages" : "look into the inbox"
            )
        }
        let isToSender = records.map { $0.count == 1 && messageSender($0[0]) == message.sender }
        guard isToSender ?? message.sender.isPerson else {
            throw ClocheError(
                .usage,
                "message \(id) is not from the one that the reply is for",
                why: "\(message.sender.name) sent it; an agent that has the name of a deleted one is another",
                remedy: "send the reply to \(message.sender.name), or leave out --reply-to"
            )
        }
        let isLate = message.state == .expired || message.isOverdue(at: WallClock.milliseconds)
        guard message.state != .acknowledged || !message.content.asks else {
            throw ClocheError(
                .state,
                "question \(id) of \(message.sender.name) was answered already",
                remedy: "send another message without --reply-to"
            )
        }
        guard !message.content.asks || !isLate else {
            throw ClocheError(
                .state,
                "it is too late for an answer to message \(id)",
                why: message.content.asks
                    ? "\(message.sender.name) waits for it no longer" : "its time is over",
                remedy: sender.isPerson
                    ? "`cloche message \(message.sender.name) TEXT` tells it"
                    : "send a message without --reply-to"
            )
        }
        return message
    }

    /// The question of that number that an agent has asked the person.
    ///
    /// - Throws: when it has asked no such thing; what it asks is told.
    package func question(_ id: Int64, of name: String) throws(ClocheError) -> Message {
        let messages = try inbox(of: .person)
        if let message = messages.first(where: { $0.id == id }), message.sender.name == name {
            return message
        }
        let open = try questions().filter { $0.sender.name == name }
        let asked = open.map { "\(name)/\($0.id): \(visible($0.content.text, limit: 80))" }
        throw ClocheError(
            .usage,
            "\(name) has not asked \(id)",
            why: asked.isEmpty ? "it asks nothing now" : "it asks \(asked.joined(separator: "; "))",
            remedy: "`cloche inbox` lists what agents ask; `cloche message \(name) TEXT` says something else"
        )
    }

    /// Answers a question of an agent's.
    ///
    /// - Parameters:
    ///   - name: `AGENT/ID`, as the person's inbox has it.
    ///   - text: what it is told.
    ///   - user: who answers.
    /// - Returns: what was sent, and the question.
    package func answerQuestion(_ name: String, _ text: String, by user: UInt32, awaitsTyping: Bool)
        throws(ClocheError) -> (answer: Posted, question: Message)
    {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, AgentName.isValid(parts[0]), let id = Int64(parts[1]), id > 0 else {
            throw ClocheError(
                .usage,
                "\(name.debugDescription) is no question",
                why: "it is AGENT/ID, so that no other one is meant",
                remedy: "`cloche inbox` lists what agents ask"
            )
        }
        let question = try question(id, of: parts[0])
        let posted = try post(
            NewMessage(text, replyTo: id),
            from: .person(user: user),
            to: .agent(parts[0]),
            awaitsTyping: awaitsTyping
        )
        guard let first = posted.first else { throw ClocheError(.state, "agent \(parts[0]) is gone") }
        return (first, question)
    }
}

extension ClocheError {
    fileprivate init(full: InboxFull, _ name: String) {
        let whose = full.isOfSender ? " of this sender" : ""
        self.init(
            .state,
            "too many messages wait for \(name == MessageSender.personName ? "the person" : "agent \(name)")",
            why: "\(full.count)\(whose) wait already",
            remedy: name == MessageSender.personName
                ? "`cloche inbox` shows them"
                : "`cloche message --now` types at once, whatever the program does; `cloche inbox \(name)` shows what waits"
        )
    }
}
