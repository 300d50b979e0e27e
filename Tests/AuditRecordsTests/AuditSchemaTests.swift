// The table of events, and what is made of it.

import ClocheModel
import LinuxSystem
import StructuredText
import Testing

@testable import AuditRecords

@Suite struct AuditSchemaTests {
    @Test func everyRowIsDescribedOnce() {
        let names = AuditSchema.kinds.map(\.name)
        #expect(Set(names).count == names.count)
        let frame = (AuditSchema.head + AuditSchema.tail).map(\.name)
        for kind in AuditSchema.kinds {
            #expect(kind.meaning.hasSuffix("."), "\(kind.name)")
            #expect(AuditSchema.kind(kind.name)?.meaning == kind.meaning)
            let fields = kind.fields.map(\.name)
            #expect(Set(fields).count == fields.count && Set(fields).isDisjoint(with: frame), "\(kind.name)")
            for field in kind.fields { #expect(field.meaning.hasSuffix("."), "\(kind.name).\(field.name)") }
        }
    }

    @Test func levelsAreKeptAsTheProfileSays() {
        #expect(EventKind.start.level.isKept(at: .minimal) && !EventKind.exec.level.isKept(at: .minimal))
        #expect(EventKind.exec.level.isKept(at: .standard) && !EventLevel.full.isKept(at: .standard))
        #expect(EventLevel.full.isKept(at: .full))
    }

    @Test func theJSONSchemaHasEveryKind() throws {
        let schema = AuditSchema.jsonSchema()
        let kinds = schema["oneOf"]?.list ?? []
        #expect(
            kinds.compactMap { $0.value(at: ["properties", "event", "const"])?.string }
                == AuditSchema.kinds.map(\.name)
        )
        for kind in kinds { #expect(kind["additionalProperties"] == .bool(false)) }
    }

    /// The repository.
    private static let root = "\(#filePath)".parentPath.parentPath.parentPath

    /// After a change of the table, `CLOCHE_UPDATE_DOCS=1 swift test --filter AuditSchemaTests` writes both.
    @Test func theTablesAreInTheDocument() throws {
        let path = Self.root + "/docs/audit.md"
        let text = try Files.readText(path)
        let marks = AuditSchema.tableMarks
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let begin = try #require(lines.firstIndex { $0 == marks.begin })
        let end = try #require(lines.firstIndex { $0 == marks.end })
        let wanted = "\n" + AuditSchema.tables()
        if ProcessEnvironment.value("CLOCHE_UPDATE_DOCS") != nil {
            let head = lines[...begin].joined(separator: "\n")
            let tail = lines[end...].joined(separator: "\n")
            try Files.writeAtomically(path, Array("\(head)\n\(wanted)\n\(tail)".utf8), mode: 0o644)
        } else {
            let current = lines[(begin + 1)..<end].joined(separator: "\n")
            #expect(current == wanted, "run CLOCHE_UPDATE_DOCS=1 swift test --filter AuditSchemaTests")
        }
    }

    @Test func theSchemaFileIsMadeOfTheTable() throws {
        let path = Self.root + "/schemas/audit.schema.json"
        let wanted = JSONText.serializeBytes(AuditSchema.jsonSchema(), pretty: true) + [UInt8(ascii: "\n")]
        if ProcessEnvironment.value("CLOCHE_UPDATE_DOCS") != nil {
            try Files.makeDirectories(path.parentPath, mode: 0o755)
            try Files.writeAtomically(path, wanted, mode: 0o644)
        } else {
            #expect(
                try Files.read(path) == wanted,
                "run CLOCHE_UPDATE_DOCS=1 swift test --filter AuditSchemaTests"
            )
        }
    }
}
