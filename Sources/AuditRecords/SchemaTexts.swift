// What is made of the table of events: the tables in docs/audit.md and schemas/audit.schema.json. Tests keep them equal.

package import ClocheModel

extension AuditSchema {
    /// The lines between which docs/audit.md has the tables.
    package static let tableMarks = (begin: "<!-- events: begin -->", end: "<!-- events: end -->")

    /// Every kind of event in Markdown.
    package static func tables() -> String {
        var text = "### Every record\n\n" + table(head + tail) + "\n"
        for kind in kinds {
            text += "### `\(kind.name)`\n\n\(kind.meaning) Level `\(kind.level.rawValue)`.\n\n"
            if !kind.fields.isEmpty { text += table(kind.fields) + "\n" }
        }
        return text
    }

    private static func table(_ fields: [EventField]) -> String {
        let rows = fields.map { field in
            "| `\(field.name)` | \(field.type.words)\(field.isRequired ? "" : ", optional") | \(field.meaning) |\n"
        }
        return "| key | value | meaning |\n|---|---|---|\n" + rows.joined()
    }

    /// The JSON Schema (draft 2020-12) of one record.
    package static func jsonSchema() -> Document {
        .object([
            "$schema": .string("https://json-schema.org/draft/2020-12/schema"),
            "title": .string("A record of a Cloche audit log"),
            "oneOf": .list(kinds.map(schema)),
        ])
    }

    private static func schema(_ kind: EventKind) -> Document {
        var properties = Document.map([])
        let fields = head + kind.fields + tail
        for field in fields {
            var value = field.type.schema
            if field.name == "v" { value = .object(["const": .integer(version)]) }
            if field.name == "event" { value = .object(["const": .string(kind.name)]) }
            if field.name == "level" { value = .object(["const": .string(kind.level.rawValue)]) }
            value["description"] = .string(field.meaning)
            properties[field.name] = value
        }
        return .object([
            "title": .string(kind.name), "description": .string(kind.meaning), "type": .string("object"),
            "properties": properties, "required": .strings(fields.filter(\.isRequired).map(\.name)),
            "additionalProperties": .bool(false),
        ])
    }
}

extension FieldType {
    /// As the tables name it.
    fileprivate var words: String {
        switch self {
        case .text: "text"
        case .foreignText: "text of the agent's"
        case .word(let words): words.map { "`\($0)`" }.joined(separator: ", ")
        case .number: "number"
        case .truth: "true or false"
        case .texts: "list of texts"
        case .map: "map"
        case .hash: "64 hexadecimal digits"
        }
    }

    fileprivate var schema: Document {
        switch self {
        case .text, .foreignText: .object(["type": .string("string")])
        case .word(let words): .object(["enum": .strings(words)])
        case .number: .object(["type": .string("integer")])
        case .truth: .object(["type": .string("boolean")])
        case .texts: .object(["type": .string("array"), "items": .object(["type": .string("string")])])
        case .map: .object(["type": .string("object")])
        case .hash: .object(["type": .string("string"), "pattern": .string("^[0-9a-f]{64}$")])
        }
    }
}
