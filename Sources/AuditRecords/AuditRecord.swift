// One record as the line that is written: a JSON object whose first and last keys are the same in every record.

package import ClocheModel
internal import StructuredText

/// When something happened.
package struct AuditTime: Equatable, Sendable {
    /// Milliseconds since 1970.
    package let wall: Int64
    /// The same moment as text.
    package let text: String
    /// Milliseconds since the machine started.
    package let boot: Int64

    /// A moment on both clocks.
    package init(wall: Int64, text: String, boot: Int64) {
        (self.wall, self.text, self.boot) = (wall, text, boot)
    }
}

/// The end of a chain of records: what the next one needs to know.
package struct ChainEnd: Equatable, Sendable {
    /// The number of the last record; 0 before the first.
    package let sequence: Int64
    /// Its hash.
    package let hash: RecordHash

    /// Behind a record.
    package init(sequence: Int64, hash: RecordHash) {
        (self.sequence, self.hash) = (sequence, hash)
    }

    /// Before the first record of a log.
    package init(beginningOf log: String) { self.init(sequence: 0, hash: RecordHash([], in: log)) }
}

/// Records of one log, made and read.
package enum AuditRecord {
    /// Makes the next record of a log: its line with a newline, and the chain's new end.
    package static func next(
        after end: ChainEnd,
        in log: String,
        _ kind: EventKind,
        _ facts: [Document.Entry],
        user: Int64,
        at time: AuditTime
    ) -> (line: [UInt8], end: ChainEnd) {
        var entries: [Document.Entry] = [
            .init("v", .integer(AuditSchema.version)), .init("seq", .integer(end.sequence + 1)),
            .init("time", .string(time.text)), .init("mono", .integer(time.boot)),
            .init("event", .string(kind.name)), .init("level", .string(kind.level.rawValue)),
            .init("user", .integer(user)),
        ]
        // A fact without a value is none.
        entries += facts.filter { $0.value != .null }
        entries.append(.init("prev", .string(end.hash.hexadecimal)))
        var line = JSONText.serializeBytes(.map(entries))
        let hash = RecordHash(line, in: log)
        line.append(UInt8(ascii: "\n"))
        return (line, ChainEnd(sequence: end.sequence + 1, hash: hash))
    }

    /// What chains a line to its neighbours: its number, and the hash of the record before; nil when it is no record.
    ///
    /// Only the two ends are looked at. What is between them is proven by the hash alone.
    package static func link(_ line: ArraySlice<UInt8>) -> (
        sequence: Int64, previous: RecordHash
    )? {
        guard line.count < mostBytes, line.starts(with: headMark) else { return nil }
        var sequence: Int64 = 0
        var rest = line.dropFirst(headMark.count)
        var digits = 0
        while let digit = rest.first, UInt8(ascii: "0")...UInt8(ascii: "9") ~= digit, digits < 18 {
            sequence = sequence * 10 + Int64(digit - UInt8(ascii: "0"))
            rest = rest.dropFirst()
            digits += 1
        }
        guard digits > 0, rest.first == UInt8(ascii: ",") else { return nil }
        let end = Array(rest.suffix(tailMark.count + 64 + 2))
        guard end.count == tailMark.count + 64 + 2, end.starts(with: tailMark),
            end.suffix(2) == [0x22, 0x7d],
            let previous = RecordHash(hexadecimal: end.dropFirst(tailMark.count).dropLast(2))
        else { return nil }
        return (sequence, previous)
    }

    /// What a record `sign` says was signed; nil for any other.
    package static func signed(_ line: ArraySlice<UInt8>) -> (sequence: Int64, hash: String)? {
        // It is short, and what it is stands at its beginning: no other line is parsed.
        guard line.count < 1000, line.prefix(200).contains(signMark) else { return nil }
        // Whatever somebody made of it: other findings tell.
        guard let record = try? JSONText.parse(Array(line)),
            record["event"]?.string == EventKind.sign.name, let sequence = record["record"]?.integer,
            let hash = record["hash"]?.string
        else { return nil }
        return (sequence, hash)
    }

    /// More than any record has: facts are bounded where they are made.
    package static let mostBytes = 16 << 20
    private static let headMark = Array("{\"v\":\(AuditSchema.version),\"seq\":".utf8)
    private static let tailMark = Array(",\"prev\":\"".utf8)
    private static let signMark = Array("\"event\":\"\(EventKind.sign.name)\"".utf8)
}
