// Whom a message is for: an agent, several by a pattern of names or by a label, or the person.

public import ClocheModel

/// Those who get a message.
public enum Recipients: Equatable, Sendable {
    /// The person.
    case person
    /// The agent of this name.
    case agent(String)
    /// The agents whose names match.
    case pattern(String)
    /// The agents with a label, whatever its value when that is nil.
    case label(String, value: String?)

    /// Reads `@person`, `NAME`, `NA*E`, `label:KEY` or `label:KEY=VALUE`.
    ///
    /// - Throws: when a label is none.
    public init(_ text: String) throws(ClocheError) {
        if text == MessageSender.personName {
            self = .person
        } else if text.hasPrefix("label:") {
            let label = try AgentLabel(query: String(text.dropFirst(6)))
            self = .label(label.key, value: label.value)
        } else {
            self = text.contains("*") ? .pattern(text) : .agent(text)
        }
    }

    /// Whether an agent is among those who are meant by what they have in common.
    public func include(_ name: String, labels: [Document.Entry]) -> Bool {
        switch self {
        case .person: false
        case .agent(let wanted): name == wanted
        case .pattern(let pattern): NamePattern(pattern).matches(name)
        case .label(let key, let value):
            labels.contains { $0.key == key && (value == nil || $0.value.string == value) }
        }
    }
}
