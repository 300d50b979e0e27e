// Reading a log that is longer than what is asked for, has several files, grows, and was not written in order.

import ClocheModel
import Glibc
import LinuxSystem
import StructuredText
import Testing

@testable import AgentStore

@Suite struct AuditReaderTests {
    let state: TemporaryState
    let agent: AgentDirectory

    init() throws {
        state = try TemporaryState()
        agent = try state.project().agent("fixer")
        _ = try agent.create(.full())
    }

    /// A record of that second after 10:00.
    static func line(_ number: Int, second: Int? = nil, padding: Int = 0) -> String {
        let second = second ?? number
        let time = WallClock.format(1_795_255_200_000 + Int64(second) * 1000)
        return JSONText.serialize(
            .object([
                "time": .string(time), "event": .string(number % 2 == 0 ? "even" : "odd"),
                "number": .integer(Int64(number)), "padding": .string(String(repeating: "x", count: padding)),
            ])
        ) + "\n"
    }

    func write(_ text: String, file: String = "audit.jsonl") throws {
        try Files.openForAppending("\(agent.path)/\(file)").write(Array(text.utf8))
    }

    func numbers(_ reader: AuditReader) throws -> [Int64] {
        var numbers: [Int64] = []
        while let entry = try reader.next() { numbers.append(entry.event["number"]?.integer ?? -1) }
        return numbers
    }

    func numbers(last: Int? = nil, since: Int? = nil, where isWanted: (Document) -> Bool = { _ in true })
        throws -> [Int64]
    {
        let reader = try AuditReader(agent)
        let since = since.map { 1_795_255_200_000 + Int64($0) * 1000 }
        try reader.seek(last: last, since: since, where: isWanted)
        return try numbers(reader)
    }

    @Test func theFilesAreOneLogInTheOrderOfTheirNumbers() throws {
        for number in 1...12 { try write(Self.line(number), file: "audit.\(number).jsonl") }
        try write(Self.line(13))
        try write("no log", file: "audit.x.jsonl")
        try write("no log", file: "audit.jsonl.new")
        #expect(try numbers() == Array(1...13))
        // Some from before are given, too: they might have been written in another order.
        #expect(try numbers(last: 1) == Array(10...13))
        #expect(try numbers(last: 4) == Array(7...13))
        #expect(try numbers(last: 13) == Array(1...13) && numbers(last: 99) == Array(1...13))
        #expect(try numbers(last: 2) { $0["event"]?.string == "even" } == Array(7...13))
    }

    @Test func aLogThatIsNotThereYetIsEmptyAndMayCome() throws {
        let reader = try AuditReader(agent)
        #expect(try reader.next() == nil)
        #expect(try numbers(last: 5).isEmpty)
        try write(Self.line(1))
        #expect(try numbers(reader) == [1])
    }

    /// Lines longer than a block of the search, blocks in the midst of lines, an empty line, no last newline.
    @Test(arguments: [0, 100, 60_000, 300_000])
    func theEndIsFoundFromTheEnd(padding: Int) throws {
        let count = padding > 1000 ? 12 : 3000
        for number in 0..<count { try write(Self.line(number, padding: padding)) }
        try write("\n{\"torn")
        for last in [1, 2, count / 2, count - 1, count, count + 1] {
            let first = max(0, count - last - 3)
            #expect(try numbers(last: last) == Array(Int64(first)..<Int64(count)), "\(last)")
        }
        for since in [0, 1, count / 2, count - 1] {
            // More may be given, never less.
            let found = try numbers(since: since)
            #expect(found.contains(Int64(since)) && found.last == Int64(count - 1), "\(since)")
        }
    }

    @Test func littleIsReadOfALargeLog() throws {
        let text = (0..<20_000).map { Self.line($0, padding: 200) }.joined()
        try write(text)
        var looked = 0
        let reader = try AuditReader(agent)
        try reader.seek(last: 10, since: nil) { _ in
            looked += 1
            return true
        }
        #expect(looked == 10)
        looked = 0
        try reader.seek(last: nil, since: 1_795_255_200_000 + 19_990_000) { _ in
            looked += 1
            return true
        }
        #expect(looked < 1200 && looked >= 10)
        let first = try #require(try reader.next()?.event["number"]?.integer)
        #expect(first > 18_000 && first <= 19_990)
    }

    @Test func recordsComeInOrderOfTheirTime() throws {
        for (number, second) in [(1, 10), (2, 12), (3, 11), (4, 10), (5, 15), (6, 14), (7, 30)] {
            try write(Self.line(number, second: second))
        }
        #expect(try numbers() == [1, 4, 3, 2, 6, 5, 7])
        // A clock that was set back far: nothing is lost, and nothing waits for ever.
        try write(Self.line(8, second: 1) + Self.line(9, second: 2))
        #expect(try Set(numbers()) == Set(1...9) && numbers().count == 9)
    }

    @Test func whatIsWrittenLaterIsReadLaterThroughARenaming() throws {
        try write(Self.line(1))
        let reader = try AuditReader(agent)
        #expect(try numbers(reader) == [1])
        try write("{\"number\":2,")
        #expect(try numbers(reader).isEmpty)
        try write("\"time\":\"2026-11-21T10:00:02Z\"}\n" + Self.line(3))
        #expect(try numbers(reader) == [2, 3])
        // The last word of a file, read after it has its new name, and two files more since the last look.
        try write(Self.line(4))
        try Files.rename(agent.auditLog, agent.path + "/audit.1.jsonl")
        try write(Self.line(5))
        try Files.rename(agent.auditLog, agent.path + "/audit.2.jsonl")
        try write(Self.line(6))
        #expect(try numbers(reader) == [4, 5, 6])
        #expect(try reader.next() == nil && reader.unreadable == 0)
        // Retention may take what was not read.
        try Files.rename(agent.auditLog, agent.path + "/audit.3.jsonl")
        try write(Self.line(7))
        for number in 1...3 { try Files.remove("\(agent.path)/audit.\(number).jsonl") }
        #expect(try numbers(reader) == [7])
    }

    @Test func linesThatAreNoRecordsAreCounted() throws {
        try write(
            Self.line(1) + "{\"event\":\"en\nnull\n[1]\n\"x\"\n{\"a\":1,\"a\":2}\n\u{0}\n" + Self.line(2)
        )
        let reader = try AuditReader(agent)
        #expect(try numbers(reader) == [1, 2])
        #expect(reader.unreadable == 6)
    }

    @Test func noLinkIsFollowed() throws {
        try write(Self.line(1), file: "elsewhere")
        try Files.makeSymbolicLink(agent.auditLog, to: agent.path + "/elsewhere")
        #expect(throws: ClocheError.self) { try AuditReader(agent) }
    }
}
