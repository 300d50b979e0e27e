// The audit log on disk: several writers, crashes, rotation, and what somebody does to it between two records.

import AuditRecords
import ClocheModel
import Glibc
import LinuxSystem
import Testing

@testable import AgentStore

@Suite struct AuditLogTests {
    /// An agent with an empty log.
    private final class Place {
        let state: TemporaryState
        let agent: AgentDirectory
        let record: AgentRecord

        init() throws {
            state = try TemporaryState()
            agent = try state.project().agent("fixer")
            var record = AgentRecord.full()
            record.auditLog = AuditLog.newID()
            self.record = record
            _ = try agent.create(record)
        }

        func log(_ settings: AuditPolicy = AuditPolicy(sync: .none), _ writer: AuditLog.Writer = .command)
            -> AuditLog
        {
            AuditLog(agent, record, settings, writer)
        }

        func events() throws -> [String?] { try AuditHistory(agent).events().map { $0["event"]?.string } }

        func verify() throws -> ChainReport { try AuditHistory(agent).verify(record.auditLog) }
    }

    private static func untold(_ log: AuditLog, _ count: Int) throws {
        try log.append(.networkUntold, ["count": .integer(Int64(count))])
    }

    @Test func keepsEventsInOrder() throws {
        let place = try Place()
        #expect(try place.events().isEmpty)
        try place.log().append(.create, ["profile": .string("a\nb"), "task": .string("")])
        try place.log().append(.end, ["reason": .string("exited"), "failure": .null])
        let events = try AuditHistory(place.agent).events()
        #expect(events.map { $0["event"]?.string } == ["log", "create", "end"])
        #expect(events[0]["id"]?.string == place.record.auditLog && events[0]["agent"]?.string == "fixer")
        #expect(events[1]["profile"]?.string == "a\nb" && events[2]["failure"] == nil)
        #expect(events[1]["user"]?.integer == Int64(CurrentUser.id))
        #expect(events[1]["time"]?.string?.hasSuffix("Z") == true)
        #expect(events.map { $0["seq"]?.integer } == [1, 2, 3])
        #expect(try Files.status(place.agent.auditLog).mode == 0o600)
        #expect(try place.verify().findings.isEmpty)
    }

    @Test func theLevelDecidesWhatIsKept() throws {
        let place = try Place()
        let log = place.log(AuditPolicy(level: .minimal, sync: .none))
        try Self.untold(log, 1)
        try log.append([AuditEvent(.pause, []), AuditEvent(.networkUntold, [])])
        #expect(try place.events() == ["log", "pause"])
    }

    @Test func severalWritersMakeOneChain() throws {
        let place = try Place()
        let (one, other) = (place.log(), place.log())
        for number in 0..<20 { try Self.untold(number % 3 == 0 ? one : other, number) }
        let report = try place.verify()
        #expect(report.findings.isEmpty && report.last?.sequence == 21)
        #expect(try place.agent.readAuditHead()?.end == report.last)
    }

    @Test func whatACrashCutShortIsTakenAwayAndTold() throws {
        let place = try Place()
        try place.log().append(.pause)
        try Files.openForAppending(place.agent.auditLog).write(Array("{\"v\":1,\"se".utf8))
        let torn = try place.verify()
        #expect(torn.isTorn && !torn.isChanged)
        #expect(try place.events() == ["log", "pause"])
        try place.log().append(.unpause)
        let events = try AuditHistory(place.agent).events()
        #expect(events.map { $0["event"]?.string } == ["log", "pause", "repair", "unpause"])
        #expect(events[2]["bytes"]?.integer == 10)
        #expect(try place.verify().findings.isEmpty)
    }

    @Test func recordsBehindTheHeadAreGoneOnFrom() throws {
        let place = try Place()
        let log = place.log(AuditPolicy(), .supervisor)
        try log.append(.pause)
        // Standard records of a supervisor whose head comes later, and which is killed before that.
        for number in 0..<5 { try Self.untold(log, number) }
        #expect(try place.agent.readAuditHead()?.end.sequence == 2)
        try place.log().append(.unpause)
        let report = try place.verify()
        #expect(report.findings.isEmpty && report.last?.sequence == 8)
    }

    @Test func whatIsNotUrgentIsOnDiskSoonAfter() throws {
        let place = try Place()
        let log = place.log(AuditPolicy(), .supervisor)
        try Self.untold(log, 1)
        let due = try #require(log.settleDue)
        #expect(due <= MonotonicClock.milliseconds + 200)
        #expect(try place.agent.readAuditHead()?.end.sequence == 0)
        // As a supervisor's loop does.
        let end = MonotonicClock.milliseconds + 10_000
        while let due = log.settleDue, MonotonicClock.milliseconds < end {
            Pause.milliseconds(Int32(clamping: max(0, due - MonotonicClock.milliseconds)))
            try log.settleIfDue(MonotonicClock.milliseconds)
        }
        #expect(log.settleDue == nil)
        #expect(try place.agent.readAuditHead()?.end.sequence == 2)
    }

    @Test func whatIsBegunIsOnDiskWhenItWasAwaited() throws {
        let place = try Place()
        let log = place.log(AuditPolicy(), .supervisor)
        try log.append(.pause, [:], .begun)
        try Self.untold(log, 1)
        try log.awaitBegun()
        #expect(try place.agent.readAuditHead()?.end.sequence == 2)
        try log.append(.unpause)
        #expect(try place.agent.readAuditHead()?.end.sequence == 4)
    }

    @Test func whatIsAwaitedSoonIsWrittenAtOnceAndOnDiskInTheSameTurn() throws {
        let place = try Place()
        let log = place.log(AuditPolicy(), .supervisor)
        try log.append(.attach, [:], .soon)
        #expect(try Files.read(place.agent.auditLog).split(separator: UInt8(ascii: "\n")).count == 2)
        #expect(try place.agent.readAuditHead()?.end.sequence == 0)
        // Whatever the time is.
        try log.settleIfDue(0)
        #expect(try place.agent.readAuditHead()?.end.sequence == 2)
    }

    /// A command has no later.
    @Test func forACommandSoonIsNow() throws {
        let place = try Place()
        try place.log(AuditPolicy()).append(.attach, [:], .soon)
        #expect(try place.agent.readAuditHead()?.end.sequence == 2)
    }

    // MARK: What somebody does between two records

    @Test func aCutLogIsNotHealedByTheNextRecord() throws {
        let place = try Place()
        for number in 0..<10 { try Self.untold(place.log(), number) }
        let bytes = try Files.read(place.agent.auditLog)
        let lines = bytes.split(separator: UInt8(ascii: "\n"))
        let kept = lines[..<6].flatMap { $0 + [UInt8(ascii: "\n")] }
        try Files.writeAtomically(place.agent.auditLog, kept)
        #expect(try place.verify().firstBad == 7)
        try place.log().append(.pause)
        try place.log().append(.unpause)
        #expect(try place.verify().firstBad == 7)
        #expect(try place.agent.readAuditHead()?.end.sequence == 13)
    }

    @Test func aCutWhileTheWriterHasItOpenIsNotHealed() throws {
        let place = try Place()
        let log = place.log()
        for number in 0..<10 { try Self.untold(log, number) }
        let size = try Files.status(place.agent.auditLog).size
        try Files.openForUpdate(place.agent.auditLog).truncate(to: size / 2)
        for number in 0..<10 { try Self.untold(log, number) }
        let report = try place.verify()
        #expect(report.isChanged && (report.firstBad ?? 99) < 9)
    }

    @Test func aLostHeadIsToldAndTheChainGoesOn() throws {
        let place = try Place()
        try place.log().append(.pause)
        try Files.remove(place.agent.auditHead)
        #expect(try place.verify().findings.map(\.problem) == [.headless])
        try place.log().append(.unpause)
        #expect(try place.verify().findings.isEmpty)
        #expect(try place.events() == ["log", "pause", "repair", "unpause"])
        #expect(try AuditHistory(place.agent).events()[2]["head-lost"]?.bool == true)
        // With a record before it that is not as it was, nothing is healed.
        var bytes = try Files.read(place.agent.auditLog)
        bytes[20] ^= 1
        try Files.writeAtomically(place.agent.auditLog, bytes)
        try Files.writeAtomically(place.agent.auditHead, [])
        try place.log().append(.pause)
        #expect(try place.verify().isChanged)
    }

    @Test func aLostHeadOfSeveralFilesIsMadeAnew() throws {
        for kept in [nil, 2] as [Int64?] {
            let place = try Place()
            let settings = AuditPolicy(sync: .none, rotateBytes: 4096, keptFiles: kept)
            for number in 0..<60 { try Self.untold(place.log(settings), number) }
            let last = try #require(try place.verify().last)
            // Empty, too long, and no head at all; torn at the end, too.
            try Files.writeAtomically(place.agent.auditHead, [])
            try place.log(settings).append(.pause)
            let head = try Files.read(place.agent.auditHead)
            try Files.writeAtomically(place.agent.auditHead, head + head)
            try Files.openForAppending(place.agent.auditLog).write(Array("{\"v\":1".utf8))
            try place.log(settings).append(.pause)
            try Files.remove(place.agent.auditHead)
            try Files.remove(place.agent.auditLog)
            #expect(try place.verify().findings.map(\.problem).contains(.headless))
            try Files.writeAtomically(place.agent.auditLog, [])
            try place.log(settings).append(.pause)
            let report = try place.verify()
            #expect(report.findings.isEmpty, "\(kept as Any): \(report.findings)")
            #expect(
                try AuditHistory(place.agent).events().suffix(3).map { $0["event"]?.string } == [
                    "log", "repair", "pause",
                ]
            )
            #expect(last.sequence > 60)
        }
    }

    @Test func anotherAgentsLogIsNotGoneOnFrom() throws {
        let (place, other) = (try Place(), try Place())
        try place.log().append(.pause)
        try other.log().append(.pause)
        for file in [\AgentDirectory.auditLog, \AgentDirectory.auditHead] {
            try Files.writeAtomically(place.agent[keyPath: file], Files.read(other.agent[keyPath: file]))
        }
        #expect(try place.verify().firstBad == 1)
        try place.log().append(.unpause)
        #expect(try place.verify().firstBad == 1)
    }

    @Test func aLogOfAnOlderVersionIsPutAside() throws {
        let place = try Place()
        try Files.writeAtomically(place.agent.auditLog, Array("{\"time\":\"x\",\"event\":\"start\"}\n".utf8))
        try place.log().append(.pause)
        #expect(try place.events() == ["log", "pause"])
        #expect(Files.exists(place.agent.path + "/audit.unchained"))
        #expect(try place.verify().findings.isEmpty)
    }

    @Test func aLogThatCannotBeWrittenIsAnError() throws {
        let place = try Place()
        // An agent's log is never written through a link.
        try Files.makeSymbolicLink(place.agent.auditLog, to: place.state.root.path + "/elsewhere")
        #expect(throws: ClocheError.self) { try place.log().append(.pause) }
        #expect(!Files.exists(place.state.root.path + "/elsewhere"))
    }

    // MARK: Rotation

    @Test func aLongFileIsFollowedByAnother() throws {
        let place = try Place()
        let settings = AuditPolicy(sync: .none, rotateBytes: 4096)
        let (one, other) = (place.log(settings), place.log(settings))
        for number in 0..<100 { try Self.untold(number % 2 == 0 ? one : other, number) }
        let parts = try place.agent.auditParts()
        #expect(parts.count > 3 && parts.map(\.number) == Array(1...Int64(parts.count)))
        let report = try place.verify()
        #expect(report.findings.isEmpty && report.first == 1)
        let counts = try AuditHistory(place.agent).events().compactMap { $0["count"]?.integer }
        #expect(counts == Array(0..<100))
        try Files.remove(parts[1].path)
        #expect(try place.verify().isChanged)
    }

    @Test func onlySoManyFilesAreKept() throws {
        let place = try Place()
        let log = place.log(AuditPolicy(sync: .security, rotateBytes: 4096, keptFiles: 2))
        for number in 0..<100 { try Self.untold(log, number) }
        let parts = try place.agent.auditParts()
        #expect(parts.count == 2 && parts[0].number > 2)
        let report = try place.verify()
        #expect(report.findings.isEmpty && (report.first ?? 0) > 1)
        // One that was kept is missed.
        try Files.remove(parts[0].path)
        let taken = try place.verify()
        #expect(taken.isChanged && taken.findings.first?.problem == .missing)
    }

    @Test func aRotationThatWasKilledIsGoneOnFrom() throws {
        let place = try Place()
        let settings = AuditPolicy(sync: .none, rotateBytes: 4096)
        for number in 0..<15 { try Self.untold(place.log(settings), number) }
        // The second name is there and the next file is not.
        try Files.link(place.agent.auditLog, as: place.agent.auditPart(1))
        #expect(try place.agent.auditParts().isEmpty)
        #expect(try place.verify().findings.isEmpty)
        for number in 15..<40 { try Self.untold(place.log(settings), number) }
        #expect(try place.verify().findings.isEmpty)
        let counts = try AuditHistory(place.agent).events().compactMap { $0["count"]?.integer }
        #expect(counts == Array(0..<40))
        #expect(try !place.agent.auditParts().isEmpty)
    }

    @Test func aKillBetweenTheNextFileAndTheHeadIsGoneOnFrom() throws {
        // The head is the one of the file before, or, after a power cut, one of some records before its end; the next
        // file has its first record, or others have written more.
        for (behind, isCut) in [(1, true), (1, false), (4, true)] {
            let place = try Place()
            let settings = AuditPolicy(sync: .none, rotateBytes: 4096)
            var heads: [[UInt8]] = []
            var count = 0
            while try place.agent.auditParts().count < 2 {
                if count > 0 { heads.append(try Files.read(place.agent.auditHead)) }
                try Self.untold(place.log(settings), count)
                count += 1
            }
            let log = try Files.read(place.agent.auditLog)
            let end = try #require(log.firstIndex(of: UInt8(ascii: "\n")))
            if isCut { try Files.writeAtomically(place.agent.auditLog, Array(log[...end])) }
            try Files.writeAtomically(place.agent.auditHead, heads[heads.count - behind])
            #expect(try place.verify().findings.isEmpty)
            for number in 0..<3 { try Self.untold(place.log(settings), count + number) }
            let report = try place.verify()
            #expect(report.findings.isEmpty, "\(behind), \(isCut): \(report.findings)")
            #expect(try place.agent.readAuditHead()?.end == report.last)
            // A head whose record is nowhere is still no place to go on from.
            let other = LogHead(
                log: try #require(place.record.auditLog),
                end: ChainEnd(sequence: 9, hash: RecordHash([], in: "x")),
                size: 700
            )
            try Files.writeAtomically(place.agent.auditHead, other.line)
            try Self.untold(place.log(settings), 0)
            #expect(try place.verify().isChanged)
        }
    }

    // MARK: Locks that others hold

    @Test func whoeverHoldsTheLogIsNotWaitedForLong() throws {
        let place = try Place()
        let (log, own) = (place.log(), getpid())
        try log.append(.pause)
        for path in [place.agent.auditLog, place.agent.auditHead] {
            let file = try Files.openForUpdate(path)
            #expect(flock(file.number, LOCK_EX) == 0)
            let began = MonotonicClock.milliseconds
            var failure: ClocheError?
            do throws(ClocheError) { try log.append(.pause) } catch { failure = error }
            let waited = MonotonicClock.milliseconds - began
            #expect(failure?.what == "another process holds the audit log")
            #expect(failure?.why.contains("process \(own) has the lock of \(path)") == true)
            #expect(waited >= 1900 && waited < 10_000, "\(waited) ms")
            // The next ones are not waited for again: whoever has many to write is to end.
            for _ in 0..<20 { #expect(throws: ClocheError.self) { try log.append(.pause) } }
            log.release()
            #expect(MonotonicClock.milliseconds - began < waited + 1500)
            #expect(throws: ClocheError.self) { try place.verify() }
            #expect(flock(file.number, LOCK_UN) == 0)
            try log.append(.unpause)
            #expect(try place.verify().findings.isEmpty)
            // Readers do not keep each other out.
            #expect(flock(file.number, LOCK_SH) == 0)
            #expect(try place.verify().findings.isEmpty)
        }
    }

    @Test func theLatestEventsAreThoseWhollyInTheLastBytes() throws {
        let place = try Place()
        #expect(try AuditHistory(place.agent).latestEvents(bytes: 100).isEmpty)
        let log = place.log(AuditPolicy(sync: .none, rotateBytes: 4096))
        for number in 10..<60 { try Self.untold(log, number) }
        func counts(_ bytes: Int) throws -> [Int64] {
            try AuditHistory(place.agent).latestEvents(bytes: bytes).compactMap { $0["count"]?.integer }
        }
        #expect(try counts(1 << 20) == Array(10..<60))
        #expect(try counts(0).isEmpty && counts(10).isEmpty)
        for bytes in [500, 3000, 5000, 9000] {
            let found = try counts(bytes)
            #expect(!found.isEmpty && found == Array((60 - Int64(found.count))..<60), "\(bytes)")
            #expect(found.count <= bytes / 200, "\(bytes)")
        }
    }
}
