// Messages between agents, and between agents and people, as values. What becomes of them in an inbox is in Inbox.swift;
// AgentStore keeps the file, the supervisor types them.

internal import ClocheModel

/// Who sends a message.
public enum MessageSender: Hashable, Sendable {
    /// A user of the host.
    case person(user: UInt32)
    /// An agent; the id of its audit log tells it from another one that has its name later.
    case agent(name: String, log: String)

    /// The name that replies go to; no agent can have the person's.
    public var name: String {
        switch self {
        case .person: Self.personName
        case .agent(let name, _): name
        }
    }

    /// How a person is named where agents are.
    public static let personName = "@person"

    /// Whether it is no agent.
    public var isPerson: Bool { if case .person = self { true } else { false } }
}

/// What has become of a message.
public enum MessageState: String, Equatable, Sendable, CaseIterable {
    /// It waits.
    case queued
    /// It was typed into the agent's terminal, or read from the inbox.
    case delivered
    /// Whoever got it said so, or has replied.
    case acknowledged
    /// Its time was over before.
    case expired
}

/// What is to be sent.
public struct NewMessage: Equatable, Sendable {
    /// What it says.
    public var text: String
    /// The message that it answers, by its id in the sender's own inbox.
    public var replyTo: Int64?
    /// Whether it goes before those that are not.
    public var isUrgent: Bool
    /// Whether the recipient's program is interrupted for it, if it is busy; such a message is urgent.
    public var interrupts: Bool
    /// Whether an answer is wanted.
    public var asks: Bool
    /// Answers to choose from; any other is possible still.
    public var choices: [String]
    /// Whether the sender waits for the answer, which is then not typed into its terminal for a while.
    public var isAwaited: Bool
    /// After how many milliseconds it is too late for it; nil for never.
    public var lifetime: Int64?
    /// What the sender calls it: a second message of the same sender with the same key is the first.
    public var key: String?
    /// Whether Enter follows the text; only a person leaves it out.
    public var enter: Bool

    /// A message that only says something.
    public init(
        _ text: String,
        replyTo: Int64? = nil,
        isUrgent: Bool = false,
        interrupts: Bool = false,
        asks: Bool = false,
        choices: [String] = [],
        isAwaited: Bool = false,
        lifetime: Int64? = nil,
        key: String? = nil,
        enter: Bool = true
    ) {
        self.text = text
        self.replyTo = replyTo
        self.isUrgent = isUrgent || interrupts
        self.interrupts = interrupts
        self.asks = asks
        self.choices = choices
        self.isAwaited = isAwaited
        self.lifetime = lifetime
        self.key = key
        self.enter = enter
    }
}

/// A message in an inbox.
public struct Message: Equatable, Sendable {
    /// Its number in this inbox, from 1; never used for another one.
    public let id: Int64
    /// Who sent it.
    public let sender: MessageSender
    /// When it was queued, in milliseconds since 1970.
    public let time: Int64
    /// What was sent.
    public let content: NewMessage
    /// Until when it is left to whoever waits for it, in milliseconds since 1970, and not typed.
    public let heldUntil: Int64?
    /// What has become of it, as it was written down.
    public internal(set) var state: MessageState
    /// When that was, in milliseconds since 1970.
    public internal(set) var changed: Int64
    /// Whether it is as good as known that the recipient has it: not so for a moment after it was typed.
    public internal(set) var isSettled: Bool

    /// A message that waits.
    init(id: Int64, sender: MessageSender, time: Int64, content: NewMessage, heldUntil: Int64? = nil) {
        (self.id, self.sender, self.time, self.content) = (id, sender, time, content)
        self.heldUntil = heldUntil
        (state, changed, isSettled) = (.queued, time, true)
    }

    /// When it is too late for it, in milliseconds since 1970.
    public var expires: Int64? {
        content.lifetime.map { time.addingReportingOverflow($0) }.map { $0.overflow ? .max : $0.partialValue }
    }

    /// Whether a question waits for its answer still.
    public var isOpenQuestion: Bool { content.asks && (state == .queued || state == .delivered) }

    /// Whether it is too late for it, though nobody has written that down yet.
    public func isOverdue(at now: Int64) -> Bool {
        guard let expires, state == .queued || isOpenQuestion else { return false }
        return now >= expires
    }
}
