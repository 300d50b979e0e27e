// What a changed log is said to be, and what a whole one is not.

import ClocheModel
import StructuredText
import Testing

@testable import AuditRecords

@Suite struct AuditChainTests {
    private static let log = SampleLog("00112233445566778899aabbccddeeff", records: 40)
    private static let other = SampleLog("ffeeddccbbaa99887766554433221100", records: 40)

    @Test func hashesAreThoseOfSha256() throws {
        // printf 'cloche-audit-1 0123\n{}' | sha256sum
        let hash = RecordHash(Array("{}".utf8), in: "0123")
        #expect(hash.hexadecimal == "145478dc93cbe026a755c0e33ce2bb4ce295c167f0eadc973bbf59d052b8a0e2")
        #expect(RecordHash(hexadecimal: hash.hexadecimal.utf8) == hash)
        let empty = RecordHash.sha256(hexadecimalOf: [])
        #expect(empty == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(RecordHash(hexadecimal: hash.hexadecimal.uppercased().utf8) == nil)
        #expect(RecordHash(hexadecimal: hash.hexadecimal.dropLast().utf8) == nil)
    }

    @Test func aRecordHasItsKeysInOrder() throws {
        let first = try JSONText.parse(Self.log.lines[0])
        #expect(
            first.entries?.map(\.key) == [
                "v", "seq", "time", "mono", "event", "level", "user", "id", "agent", "project", "prev",
            ]
        )
        #expect(first["prev"]?.string == RecordHash([], in: Self.log.id).hexadecimal)
        let second = try JSONText.parse(Self.log.lines[1])
        #expect(second["seq"]?.integer == 2 && second["level"]?.string == "standard")
        #expect(second["prev"]?.string == RecordHash(Self.log.lines[0], in: Self.log.id).hexadecimal)
        #expect(AuditRecord.link(Self.log.lines[1][...])?.sequence == 2)
    }

    @Test func aHeadIsALineOfOneLength() throws {
        let head = Self.log.head
        #expect(head.line.count == LogHead.length && LogHead(head.line) == head)
        func at(_ sequence: Int64) -> LogHead {
            LogHead(log: head.log, end: ChainEnd(sequence: sequence, hash: head.end.hash), size: .max)
        }
        let far = at((1 << 60) - 1)
        #expect(far.line.count == LogHead.length && LogHead(far.line) == far)
        // The next record must have a number, too.
        #expect(LogHead(at(1 << 60).line) == nil && LogHead(at(.max).line) == nil)
        #expect(LogHead(head.line.dropLast()) == nil && LogHead([]) == nil)
    }

    @Test func aWholeLogIsUnchanged() {
        let report = Self.log.verify(Self.log.bytes)
        #expect(report.findings.isEmpty && report.first == 1 && report.last == Self.log.head.end)
        #expect(report.log == Self.log.id && report.records == 40)
    }

    @Test func whatLiesBehindTheHeadIsNoTampering() {
        // The last three were written, and the writer was killed before it replaced the head.
        var behind = Self.log
        let before = SampleLog.bytes(Array(behind.lines.dropLast(3)))
        let hash = RecordHash(behind.lines[36], in: behind.id)
        behind.head = LogHead(
            log: behind.id,
            end: ChainEnd(sequence: 37, hash: hash),
            size: Int64(before.count)
        )
        #expect(behind.verify(behind.bytes).findings.isEmpty)
        // Or in the middle of the last.
        let torn = behind.verify(behind.bytes.dropLast(9))
        #expect(torn.isTorn && !torn.isChanged && torn.findings.count == 1)
        #expect(torn.findings.first?.sequence == 40 && torn.last?.sequence == 39)
        // With the head at the end, the same cut is one.
        let cut = Self.log.verify(Self.log.bytes.dropLast(9))
        #expect(cut.isChanged && cut.firstBad == 40)
    }

    @Test func aMissingOrOtherHeadIsTold() {
        var headless = AuditChain(log: Self.log.id, head: nil)
        headless.read("audit.jsonl", Self.log.bytes, number: nil)
        #expect(headless.finish().findings.map(\.problem) == [.headless])
        var whole = Self.log
        whole.lines = Self.other.lines
        whole.head = Self.other.head
        // Another agent's log with its head: only the agent's record tells.
        let found = Self.log.verify(Self.other.bytes)
        #expect(found.firstBad == 1)
        // That no record fits has one reason.
        #expect(found.findings.map(\.problem) == [.otherLog])
        var swapped = AuditChain(log: Self.log.id, head: Self.other.head)
        swapped.read("audit.jsonl", Self.other.bytes, number: nil)
        #expect(swapped.finish().findings.first?.problem == .otherLog)
    }

    @Test func anEmptyLogBeforeItsFirstRecordIsWhole() {
        let head = LogHead(log: "ab", end: ChainEnd(beginningOf: "ab"), size: 0)
        var chain = AuditChain(log: "ab", head: head)
        chain.read("audit.jsonl", [], number: nil)
        #expect(chain.finish().findings.isEmpty)
    }

    // MARK: Files

    /// The log in three files, as rotation makes them.
    private static func rotated(oldest: Int64) -> (parts: [[UInt8]], head: LogHead, id: String) {
        let id = "0f0f"
        var parts: [[UInt8]] = []
        var end = ChainEnd(beginningOf: id)
        var size = 0
        for part in 0..<3 as Range<Int64> {
            var bytes: [UInt8] = []
            for number in 0..<5 {
                let time = AuditTime(wall: 0, text: "", boot: 0)
                var facts: [Document.Entry] = []
                if number == 0 {
                    facts = [.init("id", .string(id))]
                    if part > 0 {
                        facts += [.init("continues", .integer(part)), .init("oldest", .integer(oldest))]
                    }
                }
                let made = AuditRecord.next(
                    after: end,
                    in: id,
                    number == 0 ? .log : .pause,
                    facts,
                    user: 0,
                    at: time
                )
                bytes += made.line
                end = made.end
            }
            parts.append(bytes)
            size = bytes.count
        }
        return (parts, LogHead(log: id, end: end, size: Int64(size)), id)
    }

    private static func verify(_ parts: [(Int64?, [UInt8])], _ head: LogHead, _ id: String) -> ChainReport {
        var chain = AuditChain(log: id, head: head)
        for (number, bytes) in parts {
            chain.read(number.map { "audit.\($0).jsonl" } ?? "audit.jsonl", bytes, number: number)
        }
        return chain.finish()
    }

    @Test func theChainGoesOnFromFileToFile() {
        let (parts, head, id) = Self.rotated(oldest: 1)
        let whole = Self.verify([(1, parts[0]), (2, parts[1]), (nil, parts[2])], head, id)
        #expect(whole.findings.isEmpty && whole.first == 1 && whole.last?.sequence == 15)
        let gap = Self.verify([(1, parts[0]), (nil, parts[2])], head, id)
        #expect(gap.firstBad == 6)
        let short = Self.verify([(1, parts[0].dropLast(3)), (2, parts[1]), (nil, parts[2])], head, id)
        #expect(short.firstBad == 5)
    }

    @Test func filesThatRetentionTookAreNotMissed() {
        let (parts, head, id) = Self.rotated(oldest: 2)
        let kept = Self.verify([(2, parts[1]), (nil, parts[2])], head, id)
        #expect(kept.findings.isEmpty && kept.first == 6)
        // One more is gone than was ever taken away.
        let taken = Self.verify([(nil, parts[2])], head, id)
        #expect(taken.firstBad == 10 && taken.findings.first?.problem == .missing)
    }

    // MARK: 200 changes

    /// One change of the log: the bytes, and the number of the first bad record.
    private struct Mutation {
        let name: String
        let bytes: [UInt8]
        let firstBad: Int64
    }

    private static func mutation(_ number: Int, _ random: inout FixedRandom) -> Mutation {
        let count = log.lines.count
        var lines = log.lines
        let index = Int.random(in: 0..<count, using: &random)
        switch number % 8 {
        case 0:
            var bytes = log.bytes
            let place = Int.random(in: 0..<bytes.count, using: &random)
            bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            return Mutation(name: "flip at \(place)", bytes: bytes, firstBad: record(at: place))
        case 1:
            let (low, high) = (
                min(index, count - 2), Int.random(in: min(index, count - 2) + 1..<count, using: &random)
            )
            lines.swapAt(low, high)
            return Mutation(
                name: "swap \(low) \(high)",
                bytes: SampleLog.bytes(lines),
                firstBad: Int64(low + 1)
            )
        case 2:
            let end = Int.random(in: index..<count, using: &random)
            lines.removeSubrange(index...end)
            return Mutation(
                name: "cut \(index)-\(end)",
                bytes: SampleLog.bytes(lines),
                firstBad: Int64(index + 1)
            )
        case 3:
            let place = Int.random(in: 0..<log.bytes.count, using: &random)
            return Mutation(
                name: "end at \(place)",
                bytes: Array(log.bytes[..<place]),
                firstBad: record(at: place)
            )
        case 4:
            let place = Int.random(in: index..<count, using: &random)
            lines.insert(lines[index], at: place + 1)
            return Mutation(
                name: "copy \(index) behind \(place)",
                bytes: SampleLog.bytes(lines),
                firstBad: Int64(place + 2)
            )
        case 5:
            let end = Int.random(in: index..<count, using: &random)
            lines.replaceSubrange(index...end, with: other.lines[index...end])
            return Mutation(
                name: "the other's \(index)-\(end)",
                bytes: SampleLog.bytes(lines),
                firstBad: Int64(index + 1)
            )
        case 6:
            let place = Int.random(in: 1...count, using: &random)
            lines.insert(other.lines[index], at: place)
            return Mutation(
                name: "the other's \(index) at \(place)",
                bytes: SampleLog.bytes(lines),
                firstBad: Int64(place + 1)
            )
        default:
            // The next record is made to fit the changed one, and so is itself another than was written.
            let changed = min(max(index, 1), count - 2)
            lines[changed] = replacing("host", "evil", in: lines[changed])
            let hash = RecordHash(lines[changed], in: log.id).hexadecimal
            let old = RecordHash(log.lines[changed], in: log.id).hexadecimal
            lines[changed + 1] = replacing(old, hash, in: lines[changed + 1])
            return Mutation(
                name: "rewritten \(changed)",
                bytes: SampleLog.bytes(lines),
                firstBad: Int64(changed + 2)
            )
        }
    }

    private static func replacing(_ old: String, _ new: String, in line: [UInt8]) -> [UInt8] {
        let (old, new) = (Array(old.utf8), Array(new.utf8))
        let place = line.indices.first { line[$0...].starts(with: old) } ?? 0
        return Array(line[..<place]) + new + line[(place + old.count)...]
    }

    /// The number of the record that has a byte; its newline belongs to it.
    private static func record(at place: Int) -> Int64 {
        var end = 0
        for (index, line) in log.lines.enumerated() {
            end += line.count + 1
            if place < end { return Int64(index + 1) }
        }
        return Int64(log.lines.count + 1)
    }

    @Test func everyChangeIsFoundAndItsFirstBadRecordNamed() {
        var random = FixedRandom(7)
        for number in 0..<400 {
            let mutation = Self.mutation(number, &random)
            let report = Self.log.verify(mutation.bytes)
            #expect(report.isChanged, "\(mutation.name)")
            #expect(report.firstBad == mutation.firstBad, "\(mutation.name): \(report.findings.prefix(2))")
        }
    }

    @Test func everySingleBitIsFound() {
        let small = SampleLog("0123456789abcdef0123456789abcdef", records: 4)
        let whole = small.bytes
        for place in whole.indices {
            for bit in 0..<8 as Range<UInt8> {
                var bytes = whole
                bytes[place] ^= 1 << bit
                let before = whole[..<place].filter { $0 == UInt8(ascii: "\n") }.count
                #expect(small.verify(bytes).firstBad == Int64(before + 1), "byte \(place), bit \(bit)")
            }
        }
    }
}
