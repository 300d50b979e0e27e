// A log in memory, to be changed and verified.

import ClocheModel

@testable import AuditRecords

/// The lines of a log without newlines, with its head.
struct SampleLog {
    let id: String
    var lines: [[UInt8]] = []
    var head: LogHead

    /// A log of so many records.
    init(_ id: String, records: Int) {
        self.id = id
        var end = ChainEnd(beginningOf: id)
        var size: Int64 = 0
        for number in 1...records {
            let time = AuditTime(
                wall: Int64(number),
                text: "2026-11-21T10:00:00.000Z",
                boot: Int64(number * 7)
            )
            let facts: [Document.Entry] =
                number == 1
                ? [.init("id", .string(id)), .init("agent", .string("a")), .init("project", .string("/p"))]
                : [.init("name", .string("host\(number % 3).test")), .init("why", .string("\"ü\n"))]
            let kind = number == 1 ? EventKind.log : EventKind.dns
            let made = AuditRecord.next(after: end, in: id, kind, facts, user: 0, at: time)
            lines.append(Array(made.line.dropLast()))
            size += Int64(made.line.count)
            end = made.end
        }
        head = LogHead(log: id, end: end, size: size)
    }

    var bytes: [UInt8] { Self.bytes(lines) }

    static func bytes(_ lines: [[UInt8]]) -> [UInt8] { lines.flatMap { $0 + [UInt8(ascii: "\n")] } }

    /// What verifying these bytes in its place says.
    func verify(_ bytes: [UInt8]) -> ChainReport {
        var chain = AuditChain(log: id, head: head)
        chain.read("audit.jsonl", bytes, number: nil)
        return chain.finish()
    }
}

/// Numbers that are the same in every run.
struct FixedRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
