// The profile schema as JSON Schema (draft 2020-12), so that an editor completes and checks profiles. Made
// from the rows of ProfileSchema; the loader's own check stays the one that decides.

package import ClocheModel

extension ProfileSchema {
    /// The JSON Schema of a profile file, `profiles/NAME.yaml`.
    package static func profileSchema() -> Document {
        document("A Cloche profile", object(keys))
    }

    /// The JSON Schema of a configuration file, `config.yaml`.
    package static func configurationSchema() -> Document {
        let reference = Document.object(["$ref": .string("#/$defs/profile")])
        let name = schema(of: .text(.profileName))
        let properties = Document.object([
            "profile": described(name, "The profile used when a command names none."),
            "overrides": described(reference, "A partial profile merged over whichever is used."),
            "profiles": described(
                .object(["type": .string("object"), "propertyNames": name, "additionalProperties": reference]
                ),
                "Profiles by name."
            ),
        ])
        var root = Document.object([
            "type": .string("object"), "properties": properties, "additionalProperties": .bool(false),
        ])
        root["$defs"] = .object(["profile": object(keys)])
        return document("A Cloche configuration file", root)
    }

    private static func document(_ title: String, _ body: Document) -> Document {
        let head: [Document.Entry] = [
            .init("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
            .init("title", .string(title)),
        ]
        return .map(head + (body.entries ?? []))
    }

    private static func object(_ rows: [SchemaKey], isRecord: Bool = false) -> Document {
        var properties = Document.map([])
        for row in rows {
            var value = isRecord ? schema(of: row.type) : nullable(row.type)
            value = described(value, row.description)
            if let standard = row.standard { value["default"] = standard }
            properties[row.name] = value
            if !isRecord, case .list = row.type {
                properties[row.name + "+"] = described(
                    schema(of: row.type),
                    "Items appended to `\(row.name)` of lower layers."
                )
            }
        }
        return .object([
            "type": .string("object"), "properties": properties, "additionalProperties": .bool(false),
        ])
    }

    /// Every setting may be null, which takes back what lower layers say.
    private static func nullable(_ type: ValueType) -> Document {
        .object(["anyOf": .list([schema(of: type), .object(["type": .string("null")])])])
    }

    private static func described(_ schema: Document, _ description: String) -> Document {
        .map([Document.Entry("description", .string(description))] + (schema.entries ?? []))
    }

    private static func schema(of type: ValueType) -> Document {
        switch type {
        case .boolean: .object(["type": .string("boolean")])
        case .integer(let range):
            .object([
                "type": .string("integer"), "minimum": .integer(range.lowerBound),
                "maximum": .integer(range.upperBound),
            ])
        case .size(let minimum): quantity("^[0-9]+ ?(TiB|GiB|MiB|KiB|TB|GB|MB|kB|B)?$", minimum: minimum)
        case .rate(let minimum):
            quantity("^[0-9]+ ?(TiB|GiB|MiB|KiB|TB|GB|MB|kB|B)?(/s)?$", minimum: minimum)
        case .duration(let minimum):
            quantity("^([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$", minimum: minimum)
        case .cores(let minimum):
            .object([
                "anyOf": .list([
                    .object(["type": .string("number"), "minimum": .real(Double(minimum) / 1000)]),
                    .object(["type": .string("string"), "pattern": .string("^[0-9]*\\.?[0-9]*$")]),
                ])
            ])
        case .money:
            .object([
                "anyOf": .list([
                    .object(["type": .string("number"), "minimum": .real(0.0001)]),
                    .object(["type": .string("string"), "pattern": .string("^(\\$[0-9.]+|[0-9.]+ *(USD)?)$")]
                    ),
                ])
            ])
        case .percent: quantity("^[0-9]+%$", minimum: 1)
        case .choice(let words): .object(["enum": .strings(words)])
        case .countedChoice(let words, let counted, _):
            .object(["anyOf": .list([.object(["enum": .strings(words)]), countedMap(counted)])])
        case .text(let form): text(form)
        case .orNone(let inner):
            .object(["anyOf": .list([.object(["const": .string("none")]), schema(of: inner)])])
        case .list(let item): .object(["type": .string("array"), "items": schema(of: item)])
        case .map(let key, let value):
            .object([
                "type": .string("object"), "propertyNames": text(key),
                "additionalProperties": nullable(value),
            ])
        case .record(let rows, let rule): record(rows, rule)
        case .section(let rows): object(rows)
        case .template: .object(["type": .string("object")])
        case .commandLine:
            .object([
                "anyOf": .list([
                    .object(["type": .string("string")]),
                    .object([
                        "type": .string("array"), "minItems": .integer(1), "items": text(.any),
                    ]),
                ])
            ])
        case .networkRule:
            .object([
                "anyOf": .list([.object(["type": .string("string")]), record(networkRule, .networkRule)])
            ])
        }
    }

    private static func quantity(_ pattern: String, minimum: Int64) -> Document {
        .object([
            "anyOf": .list([
                .object(["type": .string("integer"), "minimum": .integer(minimum)]),
                .object(["type": .string("string"), "pattern": .string(pattern)]),
            ])
        ])
    }

    private static func countedMap(_ key: String) -> Document {
        .object([
            "type": .string("object"), "properties": .object([key: schema(of: .integer(1...1000))]),
            "required": .strings([key]), "additionalProperties": .bool(false),
        ])
    }

    private static func text(_ form: TextForm) -> Document {
        var schema = Document.object(["type": form.takesAnyScalar ? .strings(scalarTypes) : .string("string")]
        )
        if let pattern = form.pattern { schema["pattern"] = .string(pattern) }
        return schema
    }

    private static let scalarTypes = ["string", "number", "boolean"]

    private static func record(_ rows: [SchemaKey], _ rule: RecordRule) -> Document {
        var schema = object(rows, isRecord: true)
        switch rule {
        case .bind: schema["required"] = .strings(["source"])
        case .networkRule: schema["required"] = .strings(["host"])
        case .pattern: schema["required"] = .strings(["match", "state"])
        case .credential: schema["oneOf"] = one(of: ["env", "file", "command", "kept", "login", "public"])
        case .service: schema["required"] = .strings(["url"])
        case .login: schema["required"] = .strings(["token-url", "access", "refresh"])
        case .server: schema["oneOf"] = one(of: ["command", "url"])
        }
        return schema
    }

    private static func one(of keys: [String]) -> Document {
        .list(keys.map { .object(["required": .strings([$0])]) })
    }
}
