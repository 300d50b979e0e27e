// What is made from the schema's rows: the JSON Schema for editors and the key reference in docs/profiles.md.

import ClocheModel
import LinuxSystem
import StructuredText
import Testing

@testable import ProfileLoading

@Suite struct SchemaTests {
    /// Every row with its dotted path.
    static func rows(_ keys: [SchemaKey] = ProfileSchema.keys, _ prefix: String = "") -> [(
        path: String, row: SchemaKey
    )] {
        keys.flatMap { row -> [(path: String, row: SchemaKey)] in
            let path = prefix + row.name
            return [(path, row)] + (row.children.map { rows($0, path + ".") } ?? [])
        }
    }

    @Test func everyRowIsDescribedAndItsDefaultIsValid() {
        let source = SettingSource(layer: .standard, place: "", isUntrusted: false)
        for (path, row) in SchemaTests.rows() {
            #expect(row.description.hasSuffix("."), "\(path)")
            #expect(!row.description.contains("\n"), "\(path)")
            guard let standard = row.standard, row.children == nil else { continue }
            if case .map = row.type { continue }
            var reader = ValueReader(source: source, hostHome: "/")
            let node = LocatedNode(standard, at: TextPosition(line: 1, column: 1))
            #expect(reader.read(node, as: row.type, key: path) == standard, "\(path)")
        }
    }

    @Test func theJSONSchemaHasEveryKey() throws {
        let schema = ProfileSchema.profileSchema()
        #expect(schema["$schema"] == .string("https://json-schema.org/draft/2020-12/schema"))
        for (path, row) in SchemaTests.rows() {
            var node: Document? = schema
            for name in path.split(separator: ".") {
                node = (node?["anyOf"]?.list?.first ?? node)?["properties"]?[String(name)]
            }
            #expect(node?["description"] == .string(row.description), "\(path)")
        }
        #expect(schema["additionalProperties"] == .bool(false))
        #expect(try JSONText.parse(JSONText.serializeBytes(schema, pretty: true)) == schema)
    }

    @Test func oneKeyOfTheJSONSchemaInFull() {
        let idle = ProfileSchema.profileSchema().value(at: ["properties", "limits", "anyOf"])?.list?.first?
            .value(at: ["properties", "idle"])
        let expected = """
            {"description":"How long the terminal may be silent, without output or input; then the agent is stopped, \
            and ends with `idle`.",\
            "anyOf":[{"anyOf":[{"const":"none"},{"anyOf":[{"type":"integer","minimum":1},{"type":"string",\
            "pattern":"^([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$"}]}]},{"type":"null"}],"default":"none"}
            """
        #expect(idle.map { JSONText.serialize($0) } == expected)
    }

    @Test func theConfigurationSchemaRefersToTheProfileSchema() {
        let schema = ProfileSchema.configurationSchema()
        #expect(schema["properties"]?.entries?.map(\.key) == ConfigurationFile.keys)
        #expect(schema.value(at: ["$defs", "profile", "properties", "harness"]) != nil)
    }

    /// After a change of the schema, `CLOCHE_UPDATE_DOCS=1 swift test --filter SchemaTests` writes it.
    @Test func theKeyReferenceIsInTheDocument() throws {
        let path = "\(#filePath)".parentPath.parentPath.parentPath + "/docs/profiles.md"
        let text = try Files.readText(path)
        let marks = ProfileSchema.referenceMarks
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let begin = try #require(lines.firstIndex { $0 == marks.begin })
        let end = try #require(lines.firstIndex { $0 == marks.end })
        let wanted = "\n" + ProfileSchema.keyReference()
        let current = lines[(begin + 1)..<end].joined(separator: "\n")
        if ProcessEnvironment.value("CLOCHE_UPDATE_DOCS") != nil {
            let head = lines[...begin].joined(separator: "\n")
            let tail = lines[end...].joined(separator: "\n")
            try Files.writeAtomically(path, Array("\(head)\n\(wanted)\n\(tail)".utf8), mode: 0o644)
        } else {
            #expect(current == wanted, "run CLOCHE_UPDATE_DOCS=1 swift test --filter SchemaTests")
        }
    }
}
