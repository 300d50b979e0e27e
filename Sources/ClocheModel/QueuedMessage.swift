// A message that waits until an agent program is ready for it. Values only; the supervisor types them, AgentDirectory has
// the file that keeps them.

/// One message for an agent.
public struct QueuedMessage: Equatable, Sendable {
    /// What is typed.
    public var text: String
    /// Whether Enter follows.
    public var enter: Bool
    /// The user on the host whose command it was.
    public var user: UInt32
    /// When it was queued, in milliseconds since 1970.
    public var time: Int64

    /// A message.
    public init(text: String, enter: Bool, user: UInt32, time: Int64) {
        self.text = text
        self.enter = enter
        self.user = user
        self.time = time
    }
}

extension QueuedMessage {
    /// The message as it is kept.
    public var document: Document {
        .object([
            "text": .string(text), "enter": .bool(enter), "by": .integer(Int64(user)),
            "time": .integer(time),
        ])
    }

    /// Reads what was kept; nil when it is no message.
    public init?(document: Document) {
        guard let text = document["text"]?.string, let enter = document["enter"]?.bool,
            let user = document["by"]?.integer.flatMap(UInt32.init(exactly:)),
            let time = document["time"]?.integer
        else { return nil }
        self.init(text: text, enter: enter, user: user, time: time)
    }
}
