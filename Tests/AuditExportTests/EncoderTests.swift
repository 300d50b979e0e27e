// Records in the formats of journald, syslog and files: what a receiver reads, and that no text of an agent's adds to it.

import ClocheModel
import StructuredText
import Testing

@testable import AuditExport

/// The fields of a message in the journal's native protocol, in order; nil when it is none.
private func fields(_ message: [UInt8]) -> [(name: String, value: [UInt8])]? {
    var found: [(String, [UInt8])] = []
    var rest = message[...]
    while !rest.isEmpty {
        guard let end = rest.firstIndex(of: 0x0a) else { return nil }
        let line = rest[..<end]
        rest = rest[(end + 1)...]
        if let equals = line.firstIndex(of: UInt8(ascii: "=")) {
            found.append((text(line[..<equals]), Array(line[(equals + 1)...])))
            continue
        }
        guard rest.count >= 8 else { return nil }
        let count = rest.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        rest = rest.dropFirst(8)
        guard rest.count > count, rest.dropFirst(count).first == 0x0a else { return nil }
        found.append((text(line), Array(rest.prefix(count))))
        rest = rest.dropFirst(count + 1)
    }
    return found
}

private let journalNames = [
    "MESSAGE", "PRIORITY", "SYSLOG_FACILITY", "SYSLOG_IDENTIFIER", "CLOCHE_AGENT", "CLOCHE_PROJECT",
    "CLOCHE_LOG",
    "CLOCHE_SEQ", "CLOCHE_EVENT", "CLOCHE_LEVEL", "CLOCHE_TIME", "CLOCHE_RECORD",
]

@Test func aRecordIsAJournalEntry() throws {
    let record = sample("connect", ["path": .string("direct"), "verdict": .string("refused")])
    let found = try #require(fields(JournalMessage.encode(record)))
    #expect(found.map(\.name) == journalNames)
    let values = Dictionary(uniqueKeysWithValues: found.map { ($0.name, text($0.value)) })
    #expect(values["MESSAGE"] == "direct")
    #expect(values["PRIORITY"] == "4")
    #expect(values["CLOCHE_SEQ"] == "7" && values["CLOCHE_EVENT"] == "connect")
    #expect(values["CLOCHE_RECORD"] == text(record.line))
}

@Test(arguments: ["exec", attack]) func noTextAddsAFieldToAJournalEntry(kind: String) throws {
    let record = sample(kind, ["path": .string(attack), "facts": .strings([attack])])
    let found = try #require(fields(JournalMessage.encode(record)))
    #expect(found.map(\.name) == journalNames)
    #expect(found.first { $0.name == "CLOCHE_AGENT" }.map { text($0.value) } == "fixer")
    #expect(found.first { $0.name == "MESSAGE" }.map { text($0.value) } == attack)
    #expect(found.first { $0.name == "CLOCHE_EVENT" }.map { text($0.value) } == kind)
}

@Test func withoutTheLengthsTheAttackWouldAddFields() throws {
    // The control: the reader of these tests does find such fields.
    let naive = Array("MESSAGE=x\nPRIORITY=0\n".utf8)
    #expect(try #require(fields(naive)).contains { $0.name == "PRIORITY" })
}

@Test func aRecordIsASyslogMessage() throws {
    let record = sample("exec", ["path": .string(attack)])
    let message = SyslogMessage.encode(record, stamp: "Nov 21 10:00:00", process: 42)
    let front = "<110>Nov 21 10:00:00 cloche[42]: "
    #expect(text(message).hasPrefix(front))
    #expect(!message.contains { $0 < 0x20 || $0 == 0x7f })
    let body = try JSONText.parse(Array(message.dropFirst(front.utf8.count)))
    #expect(body["cloche"]?["agent"]?.string == "fixer" && body["cloche"]?["log"]?.string == source.log)
    #expect(body["path"]?.string == attack)
    #expect(text(message).hasSuffix(text(record.line.dropFirst())))
}

@Test(arguments: [100, 9000, 200_000, 5_000_000]) func aLongRecordFitsIntoADatagram(length: Int) throws {
    let long = String(repeating: "ü\"", count: length / 4)
    let record = sample("start", ["a": .string(long), "b": .integer(3), "c": .string(long)])
    let body = record.identified(atMost: SyslogMessage.mostBytes)
    #expect(body.count <= SyslogMessage.mostBytes)
    let read = try JSONText.parse(body)
    #expect(read["seq"]?.integer == 7 && read["b"]?.integer == 3 && read["prev"]?.string?.count == 64)
    #expect((read["left-out"] != nil) == (length > 2000))
    #expect((read["a"] != nil) == (length <= 2000))
}

@Test func manyFactsFitIntoADatagram() throws {
    let list = Document.map((0..<5000).map { .init("fact-with-a-name-\($0)", .string("\($0)")) })
    var event = sample("start").event
    for entry in list.entries ?? [] { event[entry.key] = entry.value }
    let long = try #require(ExportRecord(JSONText.serializeBytes(event), from: source) { _ in "" })
    let body = long.identified(atMost: SyslogMessage.mostBytes)
    #expect(body.count <= SyslogMessage.mostBytes)
    #expect(try JSONText.parse(body)["prev"]?.string?.count == 64)
}

@Test func whoseARecordIsStandsInFront() throws {
    let record = sample("exec", ["path": .string(attack)])
    let line = text(record.identified)
    #expect(line.hasPrefix("{\"cloche\":{\"agent\":\"fixer\",\"log\":\"\(source.log)\"},\"v\":1,\"seq\":7,"))
    #expect(!record.identified.contains(0x0a))
    // The log's own line is still in it.
    #expect(line.hasSuffix(text(record.line.dropFirst())))
}

@Test(arguments: ["", "[1]", "{}", "{\"seq\":\"1\"}", "{\"seq\":1", "{\"seq\":1}\u{0}"])
func whatIsNoRecordDoesNotGoOut(line: String) {
    #expect(ExportRecord(Array(line.utf8), from: source) { _ in "" } == nil)
}

@Test func severities() {
    #expect(sample("exec").severity == .information)
    #expect(sample("denied").severity == .warning)
    #expect(sample("dns", ["verdict": .string("refused")]).severity == .warning)
    #expect(sample("end", ["reason": .string("exited")]).severity == .information)
    #expect(sample("end", ["failure": .string("the agent failed")]).severity == .error)
}
