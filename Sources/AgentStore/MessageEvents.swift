// What of messages is on record: which one, whose, and what becomes of it; not what it says.

internal import AuditRecords
package import ClocheModel
package import Messaging

extension AuditEvent {
    /// What a message's record says happened.
    package enum MessageAction: String, Sendable {
        case queued, delivered, acknowledged, expired, left
    }

    /// A message, in its recipient's log; of one to the person, in its sender's.
    ///
    /// - Parameter user: the user on the host by whose process it happens.
    package init(_ action: MessageAction, _ message: Message, by user: UInt32) {
        let content = message.content
        var facts: [Document.Entry] = [
            .init("action", .string(action.rawValue)),
            .init("bytes", .integer(Int64(content.text.utf8.count))),
            .init("id", .integer(message.id)),
        ]
        switch message.sender {
        case .person(let sender): facts.append(.init("by", .integer(Int64(sender))))
        case .agent(let name, let log):
            facts += [
                .init("by", .integer(Int64(user))), .init("sender", .string(name)),
                .init("sender-log", .string(log)),
            ]
        }
        if let id = content.replyTo { facts.append(.init("reply-to", .integer(id))) }
        if content.isUrgent { facts.append(.init("urgent", .bool(true))) }
        if content.asks { facts.append(.init("asks", .bool(true))) }
        self.init(.message, facts)
    }

    /// The same with more facts.
    package func with(_ more: [Document.Entry]) -> AuditEvent { AuditEvent(kind, facts + more, at: time) }
}
