// Records as a log has them, some with what an attacker would like to be structure.

import ClocheModel
import StructuredText

@testable import AuditExport

let source = ExportSource(agent: "fixer", project: "/p", log: "0123456789abcdef0123456789abcdef")

/// Text that ends lines, fields and strings in every format that records go out in.
let attack =
    "x\nPRIORITY=0\nCLOCHE_AGENT=other\n\n<0>Nov 21 10:00:00 sshd[1]: \"}],\"a\":[{\"\r\u{0}\u{1b}[2J\u{85}\u{2028}"

func sample(_ kind: String, _ facts: KeyValuePairs<String, Document> = [:], sequence: Int64 = 7)
    -> ExportRecord
{
    var entries: [Document.Entry] = [
        .init("v", .integer(1)), .init("seq", .integer(sequence)),
        .init("time", .string("2026-11-21T10:00:00.123Z")), .init("mono", .integer(5)),
        .init("event", .string(kind)), .init("level", .string("standard")), .init("user", .integer(1000)),
    ]
    entries += facts.map { .init($0.key, $0.value) }
    entries.append(.init("prev", .string(String(repeating: "a", count: 64))))
    let line = JSONText.serializeBytes(.map(entries))
    guard let record = ExportRecord(line, from: source, words: { $0["path"]?.string ?? "words" }) else {
        preconditionFailure("a record")
    }
    return record
}

func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
