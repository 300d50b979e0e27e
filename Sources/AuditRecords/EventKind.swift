// What a row of the table of events says. The rows are in AuditSchema and the files beside it; the writer takes an
// event's level from them, and docs/audit.md and the JSON Schema are made of them.

package import ClocheModel

/// What it takes to have an event on record.
package enum EventLevel: String, Sendable, CaseIterable {
    /// Always there, and on disk before whoever caused it is answered: what people do, and how an agent lives.
    case security
    /// With a profile's `audit.level` of `standard` or `full`: what an agent does.
    case standard
    /// With `full` only.
    case full

    /// Whether a profile's level keeps such events.
    package func isKept(at level: AuditPolicy.Level) -> Bool {
        switch self {
        case .security: true
        case .standard: level != .minimal
        case .full: level == .full
        }
    }
}

/// One kind of event.
package struct EventKind: Sendable {
    /// What it is called in the log.
    package let name: String
    /// What it takes to have it on record.
    package let level: EventLevel
    /// When such a record is made, in one sentence.
    package let meaning: String
    /// Its facts, in the order in which they are written.
    package let fields: [EventField]

    init(_ name: String, _ level: EventLevel, _ meaning: String, _ fields: [EventField] = []) {
        self.name = name
        self.level = level
        self.meaning = meaning
        self.fields = fields
    }
}

/// One fact of an event.
package struct EventField: Sendable {
    /// Its key.
    package let name: String
    /// What its value may be.
    package let type: FieldType
    /// Whether every record of the kind has it.
    package let isRequired: Bool
    /// What it says, in one sentence.
    package let meaning: String

    /// A fact that every record of the kind has.
    static func always(_ name: String, _ type: FieldType, _ meaning: String) -> EventField {
        EventField(name: name, type: type, isRequired: true, meaning: meaning)
    }

    /// A fact that is there when there is something to say.
    static func maybe(_ name: String, _ type: FieldType, _ meaning: String) -> EventField {
        EventField(name: name, type: type, isRequired: false, meaning: meaning)
    }
}

/// What a fact's value may be.
package enum FieldType: Sendable {
    /// Text that Cloche or a person chose.
    case text
    /// Text that the agent chose: any characters, to be shown with care.
    case foreignText
    /// One of some words.
    case word([String])
    /// A whole number.
    case number
    /// True or false.
    case truth
    /// A list of texts.
    case texts
    /// A map.
    case map
    /// The hash of a record, or of a text: 64 hexadecimal digits.
    case hash
}
