// What waits for one agent, or for the person, and what has become of it: a value that is made by applying the records of
// a log, one after another. Whoever wants to change it asks it which records say so, has them written, and applies them;
// InboxFile of AgentStore does that. Any beginning of a log is a log, so a crash leaves the inbox as it was a moment before.

internal import ClocheModel

/// The messages of one recipient.
public struct Inbox: Equatable, Sendable {
    /// How much may wait in one inbox, and of one sender in it: no agent fills another's.
    public struct Bounds: Equatable, Sendable {
        /// Messages.
        public var messages: Int
        /// Bytes of their texts.
        public var bytes: Int

        /// Of the whole inbox.
        public static let all = Bounds(messages: 2048, bytes: 4 << 20)
        /// Of one sender.
        public static let oneSender = Bounds(messages: 512, bytes: 256 << 10)
    }

    /// Messages of which nothing is to come any more, and keys of earlier ones, that compaction keeps.
    static let (keptMessages, keptBytes, keptKeys) = (200, 256 << 10, 2000)
    /// A log of so few records is left as it is.
    static let fewRecords = 256
    /// How long the answer to a question that is waited for is left to whoever waits, in milliseconds.
    static let hold: Int64 = 10_000

    struct Key: Hashable, Sendable {
        var sender: MessageSender
        var key: String
    }

    /// All that are kept, by id.
    public private(set) var messages: [Message] = []
    /// The ids of those that wait, in their order.
    private(set) var waiting: [Int64] = []
    private(set) var keys: [Key: Int64] = [:]
    /// The id of the next one.
    private(set) var next: Int64 = 1
    /// The id of the newest one, 0 before the first.
    public var lastID: Int64 { next - 1 }
    /// How many records were applied.
    private(set) var records = 0

    /// An inbox without messages.
    public init() {}

    /// The message with an id; nil when it is not kept any more, or there was none.
    public subscript(id: Int64) -> Message? { index(id).map { messages[$0] } }

    private func index(_ id: Int64) -> Int? {
        var (low, high) = (0, messages.count)
        while low < high {
            let middle = (low + high) / 2
            if messages[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < messages.count && messages[low].id == id ? low : nil
    }

    // MARK: Records

    /// Makes a record count; one that cannot follow what was before says nothing.
    public mutating func apply(_ record: InboxRecord) {
        records += 1
        switch record {
        case .next(let id): next = max(next, id)
        case .seen(let id, let sender, let key): note(id, sender, key)
        case .message(let message):
            guard message.id >= next else { return }
            next = message.id + 1
            messages.append(message)
            if message.state == .queued { waiting.append(message.id) }
            if let key = message.content.key { note(message.id, message.sender, key) }
        case .change(let id, let state, let time, let isSettled):
            guard let index = index(id), messages[index].mayBecome(state) else { return }
            if messages[index].state == .queued { waiting.removeAll { $0 == id } }
            messages[index].state = state
            messages[index].changed = time
            messages[index].isSettled = isSettled || state != .delivered
            if state == .queued { waiting.insert(id, at: waiting.firstIndex { $0 > id } ?? waiting.count) }
        case .settled(let ids):
            for id in ids { if let index = index(id) { messages[index].isSettled = true } }
        }
    }

    private mutating func note(_ id: Int64, _ sender: MessageSender, _ key: String) {
        // Whoever sent the key first has its id.
        keys[Key(sender: sender, key: key)] = keys[Key(sender: sender, key: key)] ?? id
        next = max(next, id + 1)
    }

    // MARK: What waits

    /// How many wait.
    public var waitingCount: Int { waiting.count }

    /// Those that wait, in the order in which they are to be delivered; what is too late is left out.
    public func queue(at now: Int64) -> [Message] {
        let queued = waiting.compactMap { self[$0] }.filter { !$0.isOverdue(at: now) }
        return queued.filter(\.content.isUrgent) + queued.filter { !$0.content.isUrgent }
    }

    /// The next one to be typed; none that is left to whoever waits for it, nor those of the same sender behind that.
    ///
    /// - Parameter isTyped: tells which are typed at all; nil for all.
    public func next(
        at now: Int64,
        without typed: Set<Int64> = [],
        where isTyped: ((Message) -> Bool)? = nil
    ) -> Message? {
        var held: Set<Lane> = []
        return queue(at: now).first { message in
            if typed.contains(message.id) || isTyped?(message) == false { return false }
            let lane = Lane(sender: message.sender, isUrgent: message.content.isUrgent)
            if let until = message.heldUntil, now < until { held.insert(lane) }
            return !held.contains(lane)
        }
    }

    /// What keeps its order.
    private struct Lane: Hashable {
        var sender: MessageSender
        var isUrgent: Bool
    }

    /// When something of what waits is too late, or left to nobody any more, in milliseconds since 1970.
    public func nextMoment(after now: Int64) -> Int64? {
        let held = waiting.compactMap { self[$0]?.heldUntil }.filter { $0 > now }
        let ends = pending.compactMap(\.expires)
        return (held + ends).min()
    }

    /// Questions that wait for an answer, the oldest first.
    public func questions(at now: Int64) -> [Message] {
        messages.filter { $0.isOpenQuestion && !$0.isOverdue(at: now) }
    }

    private var pending: [Message] { messages.filter { $0.state == .queued || $0.isOpenQuestion } }

    // MARK: Changes

    /// What comes of a new message.
    public enum Admission: Equatable, Sendable {
        /// It is to be written down.
        case new(Message)
        /// It was sent before, and has this id.
        case duplicate(Int64)
    }

    /// Looks whether a message may come in.
    ///
    /// - Parameters:
    ///   - isAnswerAwaited: whether it answers a question whose sender waits for it.
    ///   - family: the logs of those that count as one sender with this one.
    /// - Throws: when too much waits, of this sender or at all.
    public func admit(
        _ content: NewMessage,
        from sender: MessageSender,
        isAnswerAwaited: Bool = false,
        family: Set<String> = [],
        at now: Int64
    ) throws(InboxFull) -> Admission {
        if let key = content.key, let id = keys[Key(sender: sender, key: key)] { return .duplicate(id) }
        let pending = pending.filter { !$0.isOverdue(at: now) }
        let own = pending.filter { message in
            if case .agent(_, let log) = message.sender, family.contains(log) { return true }
            return message.sender == sender
        }
        guard fits(content, own, .oneSender) else { throw InboxFull(count: own.count, isOfSender: true) }
        guard fits(content, pending, .all) else { throw InboxFull(count: pending.count, isOfSender: false) }
        let hold = isAnswerAwaited ? now + Self.hold : nil
        return .new(Message(id: next, sender: sender, time: now, content: content, heldUntil: hold))
    }

    private func fits(_ content: NewMessage, _ others: [Message], _ bounds: Bounds) -> Bool {
        let bytes = others.reduce(content.size) { $0 + $1.content.size }
        return others.count < bounds.messages && bytes <= bounds.bytes
    }

    /// The records that say what has become of messages; of those that cannot become it, none.
    public func changes(_ ids: [Int64], to state: MessageState, isSettled: Bool = true, at now: Int64)
        -> [InboxRecord]
    {
        ids.compactMap { id in
            guard let message = self[id], message.mayBecome(state) else { return nil }
            return .change(id: id, state: state, time: now, isSettled: isSettled)
        }
    }

    /// The messages that are too late now and nobody has written down so.
    public func overdue(at now: Int64) -> [Message] { pending.filter { $0.isOverdue(at: now) } }

    /// Those that were typed, and it is not known that the program has them.
    public var unsettled: [Int64] { messages.filter { !$0.isSettled }.map(\.id) }

    // MARK: Compaction

    /// Whether most of the log is of no use any more.
    public var isWorthCompacting: Bool { records > Self.fewRecords && records > 2 * compacted.count }

    /// A log that says the same of all that matters: what waits, and the newest of the rest.
    public var compacted: [InboxRecord] {
        var kept: Set<Int64> = []
        var (count, bytes) = (0, 0)
        for message in messages.reversed() {
            if message.state == .queued || message.isOpenQuestion || !message.isSettled {
                kept.insert(message.id)
                continue
            }
            (count, bytes) = (count + 1, bytes + message.content.size)
            if count <= Self.keptMessages, bytes <= Self.keptBytes { kept.insert(message.id) }
        }
        let seen = keys.filter { !kept.contains($0.value) }.sorted { $0.value < $1.value }
        let keys: [InboxRecord] = seen.suffix(Self.keptKeys).map {
            .seen(id: $0.value, sender: $0.key.sender, key: $0.key.key)
        }
        // Behind the messages: what has a lower id than another before it is no new message.
        return [.next(1)] + messages.filter { kept.contains($0.id) }.flatMap(\.records) + keys + [.next(next)]
    }
}

/// Too much waits.
public struct InboxFull: Error, Equatable, Sendable {
    /// How many wait.
    public let count: Int
    /// Whether all of them are of the sender who was refused.
    public let isOfSender: Bool
}

extension NewMessage {
    /// What it takes of an inbox's room.
    var size: Int {
        choices.reduce(text.utf8.count + (key?.utf8.count ?? 0)) { $0 + $1.utf8.count }
    }
}

extension Message {
    /// Whether it can become that; what is typed is `queued` again when its supervisor died a moment later.
    func mayBecome(_ next: MessageState) -> Bool {
        switch (state, next) {
        case (.queued, .delivered), (.queued, .acknowledged), (.queued, .expired): true
        case (.delivered, .acknowledged): true
        case (.delivered, .expired): content.asks
        case (.delivered, .queued): !isSettled
        default: false
        }
    }

    /// The records that it is made of.
    fileprivate var records: [InboxRecord] {
        let first = Message(id: id, sender: sender, time: time, content: content, heldUntil: heldUntil)
        if state == .queued { return [.message(first)] }
        return [.message(first), .change(id: id, state: state, time: changed, isSettled: isSettled)]
    }
}
