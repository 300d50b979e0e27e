// The lines of an inbox's log, as documents; docs/messages.md describes them.

public import ClocheModel

/// One line.
public enum InboxRecord: Equatable, Sendable {
    /// The next message has at least this id; a log begins with it, for the version of the format.
    case next(Int64)
    /// A message came in.
    case message(Message)
    /// A message is something else now.
    case change(id: Int64, state: MessageState, time: Int64, isSettled: Bool)
    /// The recipient has these.
    case settled([Int64])
    /// The key of a message that is not kept.
    case seen(id: Int64, sender: MessageSender, key: String)

    /// The format of the lines; a newer one is refused.
    public static let version: Int64 = 1
}

extension InboxRecord {
    /// The line.
    public var document: Document {
        switch self {
        case .next(let next): .object(["version": .integer(Self.version), "next": .integer(next)])
        case .message(let message): .object(["message": message.kept])
        case .change(let id, let state, let time, let isSettled):
            .map(
                [
                    .init("id", .integer(id)), .init("state", .string(state.rawValue)),
                    .init("time", .integer(time)),
                ] + (isSettled ? [] : [.init("settled", .bool(false))])
            )
        case .settled(let ids): .object(["settled": .list(ids.map { .integer($0) })])
        case .seen(let id, let sender, let key):
            .object(["seen": .integer(id), "sender": sender.document, "key": .string(key)])
        }
    }

    /// Reads a line; nil when it is none.
    public init?(document: Document) {
        if let next = document["next"]?.integer, next > 0 {
            self = .next(next)
        } else if let message = document["message"] {
            guard let message = Message(kept: message) else { return nil }
            self = .message(message)
        } else if let id = document["id"]?.integer {
            guard let state = document["state"]?.string.flatMap(MessageState.init),
                let time = document["time"]?.integer
            else { return nil }
            let isSettled = document["settled"]?.bool ?? true
            self = .change(id: id, state: state, time: time, isSettled: isSettled)
        } else if let ids = document["settled"]?.list {
            self = .settled(ids.compactMap(\.integer))
        } else if let id = document["seen"]?.integer, (1..<Int64.max).contains(id) {
            guard let sender = document["sender"].flatMap(MessageSender.init(document:)),
                let key = document["key"]?.string
            else { return nil }
            self = .seen(id: id, sender: sender, key: key)
        } else {
            return nil
        }
    }
}

extension MessageSender {
    /// The sender as it is kept, and as `--json` prints it.
    public var document: Document {
        switch self {
        case .person(let user): .object(["user": .integer(Int64(user))])
        case .agent(let name, let log): .object(["agent": .string(name), "audit-log": .string(log)])
        }
    }

    init?(document: Document) {
        if let user = document["user"]?.integer.flatMap(UInt32.init(exactly:)) {
            self = .person(user: user)
        } else if let name = document["agent"]?.string, let log = document["audit-log"]?.string {
            self = .agent(name: name, log: log)
        } else {
            return nil
        }
    }
}

extension NewMessage {
    /// What is not as with most messages is left out.
    fileprivate var entries: [Document.Entry] {
        var entries: [Document.Entry] = [.init("text", .string(text))]
        if let replyTo { entries.append(.init("reply-to", .integer(replyTo))) }
        let marks = [
            ("urgent", isUrgent), ("interrupt", interrupts), ("asks", asks), ("awaited", isAwaited),
            ("without-enter", !enter),
        ]
        entries += marks.filter(\.1).map { Document.Entry($0.0, .bool(true)) }
        if !choices.isEmpty { entries.append(.init("choices", .strings(choices))) }
        if let lifetime { entries.append(.init("lifetime", .integer(lifetime))) }
        if let key { entries.append(.init("key", .string(key))) }
        return entries
    }

    fileprivate init?(entries document: Document) {
        guard let text = document["text"]?.string else { return nil }
        func has(_ mark: String) -> Bool { document[mark]?.bool ?? false }
        self.init(
            text,
            replyTo: document["reply-to"]?.integer,
            isUrgent: has("urgent"),
            interrupts: has("interrupt"),
            asks: has("asks"),
            choices: document["choices"]?.stringList ?? [],
            isAwaited: has("awaited"),
            lifetime: document["lifetime"]?.integer,
            key: document["key"]?.string,
            enter: !has("without-enter")
        )
    }
}

extension Message {
    fileprivate var kept: Document {
        var entries: [Document.Entry] = [
            .init("id", .integer(id)), .init("sender", sender.document), .init("time", .integer(time)),
        ]
        if let heldUntil { entries.append(.init("held-until", .integer(heldUntil))) }
        return .map(entries + content.entries)
    }

    fileprivate init?(kept document: Document) {
        guard let id = document["id"]?.integer, (1..<Int64.max).contains(id),
            let sender = document["sender"].flatMap(MessageSender.init(document:)),
            let time = document["time"]?.integer, let content = NewMessage(entries: document)
        else { return nil }
        let held = document["held-until"]?.integer
        self.init(id: id, sender: sender, time: time, content: content, heldUntil: held)
    }

    /// The message for those who read it; the caller says how a time is shown.
    public func document(time shown: (Int64) -> Document) -> Document {
        .object([
            "id": .integer(id), "from": .string(sender.name), "sender": sender.document,
            "state": .string(state.rawValue), "time": shown(time), "changed": shown(changed),
            "expires": expires.map(shown) ?? .null, "reply-to": .optional(content.replyTo),
            "urgent": .bool(content.isUrgent), "interrupt": .bool(content.interrupts),
            "asks": .bool(content.asks), "choices": .strings(content.choices),
            "key": .optional(content.key), "text": .string(content.text),
        ])
    }
}
