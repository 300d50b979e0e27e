// Reading a log in its order from any record on, through the files that it has, and after it was changed.

import AuditRecords
import ClocheModel
import LinuxSystem
import Testing

@testable import AgentStore

@Suite struct AuditTailTests {
    let state: TemporaryState
    let agent: AgentDirectory
    let record: AgentRecord
    let id = AuditLog.newID()

    init() throws {
        state = try TemporaryState()
        agent = try state.project().agent("fixer")
        var record = AgentRecord.full()
        record.auditLog = id
        self.record = record
        _ = try agent.create(record)
    }

    func log(rotate: Int64 = 1 << 20, keep: Int64? = nil, _ writer: AuditLog.Writer = .command) -> AuditLog {
        let sync: AuditPolicy.Sync = writer == .command ? .none : .security
        return AuditLog(agent, record, AuditPolicy(sync: sync, rotateBytes: rotate, keptFiles: keep), writer)
    }

    func write(_ count: Int, _ log: AuditLog) throws {
        for number in 0..<count { try log.append(.networkUntold, ["count": .integer(Int64(number))]) }
    }

    func tail(after position: ChainEnd? = nil) throws -> AuditTail {
        try AuditTail(agent, log: id, after: position)
    }

    func all(_ tail: AuditTail, atMost count: Int = 7, bytes: Int = 1 << 20) throws -> [AuditLine] {
        var lines: [AuditLine] = []
        while true {
            let part = try tail.next(atMost: count, bytes: bytes)
            if part.isEmpty { return lines }
            #expect(part.count <= count)
            lines += part
        }
    }

    @Test(arguments: [1 << 20, 2000, 500] as [Int64]) func allRecordsAreGivenOnceInOrder(rotate: Int64) throws
    {
        let tail = try tail()
        #expect(try all(tail).isEmpty)
        let log = log(rotate: rotate)
        var found: [AuditLine] = []
        for _ in 0..<20 {
            try write(3, log)
            found += try all(tail)
        }
        #expect(found.map(\.sequence) == Array(1...Int64(found.count)) && found.count >= 61)
        #expect((try agent.auditParts().count > 3) == (rotate < 10_000))
        // The whole at once, and of every piece of it.
        #expect(try all(self.tail()) == found)
        #expect(try all(self.tail(), atMost: 100_000, bytes: 1) == found)
        for index in stride(from: 0, to: found.count, by: 7) {
            let rest = try all(self.tail(after: tail.end(behind: found[index])))
            #expect(rest == Array(found[(index + 1)...]), "after \(index)")
        }
        #expect(tail.missed == 0)
    }

    @Test func aFollowerSeesFilesThatFollowEachOther() throws {
        let log = log(rotate: 2000)
        let slow = try tail()
        try write(1, log)
        #expect(try slow.next(atMost: 1, bytes: 1).map(\.sequence) == [1])
        try write(100, log)
        let rest = try all(slow)
        #expect(rest.first?.sequence == 2 && rest.last?.sequence == Int64(rest.count + 1) && rest.count > 100)
    }

    @Test func whatWasRemovedBeforeItsTurnIsCounted() throws {
        let log = log(rotate: 2000, keep: 1)
        let slow = try tail()
        try write(1, log)
        #expect(try all(slow).count == 2)
        try write(100, log)
        let rest = try all(slow)
        // The file that was open is still read to its end.
        #expect(rest.first?.sequence == 3 && slow.missed > 50)
        #expect(Int64(rest.count) + slow.missed == (rest.last?.sequence ?? 0) - 2)
        #expect(rest.map(\.sequence) == rest.map(\.sequence).sorted())
    }

    @Test func whatIsNotOnDiskIsNotGiven() throws {
        let log = log(.supervisor)
        try log.append(.create, ["profile": .string("p"), "task": .string("")])
        let tail = try tail()
        #expect(try all(tail).count == 2)
        try write(2, log)
        #expect(try all(tail).isEmpty)
        try log.append(.end, ["reason": .string("exited")])
        #expect(try all(tail).map(\.sequence) == [3, 4, 5])
    }

    @Test func aLogWithoutAHeadIsGiven() throws {
        try write(3, log())
        try Files.remove(agent.auditHead)
        #expect(try all(tail()).count == 4)
    }

    @Test func aTornRecordIsGivenWhenItIsWhole() throws {
        let log = log()
        try write(1, log)
        let tail = try tail()
        #expect(try all(tail).count == 2)
        try Files.openForAppending(agent.auditLog).write(Array("{\"v\":1,\"seq\":3,".utf8))
        #expect(try all(tail).isEmpty)
        // The next writer takes it away, and what it writes is longer.
        try write(1, self.log())
        #expect(try all(self.tail()).map(\.sequence) == [1, 2, 3, 4])
    }

    @Test func anotherLogThanTheOneThatWasGivenIsGivenAgain() throws {
        try write(3, log())
        let lines = try all(tail())
        let end = try tail().end(behind: lines[2])
        // Another record has the number.
        let other = ChainEnd(sequence: end.sequence, hash: RecordHash([1], in: id))
        #expect(try all(tail(after: other)) == lines)
        // No record has it.
        let beyond = ChainEnd(sequence: 99, hash: end.hash)
        #expect(try all(tail(after: beyond)) == lines)
        // The control.
        #expect(try all(tail(after: end)) == [lines[3]])
    }

    @Test func aFileThatIsThereUnderTwoNamesIsGivenOnce() throws {
        try write(3, log())
        try Files.link(agent.auditLog, as: agent.auditPart(1))
        #expect(try all(tail()).map(\.sequence) == [1, 2, 3, 4])
    }

    @Test func linesThatAreNoRecordsArePassedOver() throws {
        let log = log()
        try write(1, log)
        try Files.openForAppending(agent.auditLog).write(Array("no record\n\n{}\n".utf8))
        try write(1, self.log())
        #expect(try all(tail()).map(\.sequence) == [1, 2, 3])
    }

    @Test func aPositionIsKept() throws {
        try write(3, log())
        let lines = try all(tail())
        let name = "file:/x"
        let lock = try FileLock(agent.exportPosition(name))
        var position = try agent.readExportPosition(name, log: id)
        #expect(position == ExportPosition(name, log: id))
        position.end = try tail().end(behind: lines[1])
        position.problem = "away"
        try agent.writeExportPosition(position)
        #expect(try agent.readExportPosition(name, log: id) == position)
        position.problem = ""
        try agent.writeExportPosition(position)
        #expect(try agent.readExportPosition(name, log: id) == position)
        #expect(try agent.exportPositions() == [position])
        // Of another log it is none.
        #expect(try agent.readExportPosition(name, log: "other").end.sequence == 0)
        #expect(lock?.isLocked == true)
    }
}
