// What of an agent's calls is written down, and when, on a clock that the tests set.

import ClocheModel
import SandboxRuntime
import Testing

@testable import Supervision

@Suite struct CallNoticesTests {
    private func refusal(_ call: UInt32, _ program: String = "p", argument: UInt64 = 0) -> CallNotice {
        .refused(
            RefusedCall(
                number: call,
                name: "call\(call)",
                arguments: [argument, 0, 0, 0, 0, 0],
                error: "EPERM",
                program: program,
                pid: 7
            )
        )
    }

    private func execution(_ program: String, _ arguments: [String] = [], isFound: Bool = true) -> CallNotice
    {
        .executed(
            ExecutedProgram(
                program: program,
                arguments: arguments,
                directory: "/",
                pid: 7,
                parent: 1,
                isFound: isFound
            )
        )
    }

    /// Refusals and executions that records stand for.
    private func sum(_ records: [CallRecord]) -> (refused: Int, executed: Int) {
        records.reduce((0, 0)) { sum, record in
            switch record {
            case .refused(_, let count): (sum.0 + count, sum.1)
            case .executed(_, let count): (sum.0, sum.1 + count)
            case .untold(let untold): (sum.0 + untold.refused, sum.1 + untold.executed)
            case .ended: sum
            }
        }
    }

    @Test func theFirstIsToldAtOnceAndTheRestCounted() {
        var notices = CallNotices()
        guard case .refused(let call, 1)? = notices.note(refusal(1, argument: 5), 1000) else {
            Issue.record("not told")
            return
        }
        #expect(call.arguments[0] == 5)
        #expect(notices.nextTelling == nil)
        for i in 0..<10 { #expect(notices.note(refusal(1, argument: UInt64(i)), 1001) == nil) }
        #expect(notices.nextTelling == 2001)
        #expect(notices.due(2000).isEmpty)
        let records = notices.due(2001)
        #expect(records.count == 1)
        guard case .refused(let second, 10)? = records.first else {
            Issue.record("\(records)")
            return
        }
        #expect(second.arguments[0] == 0, "the first of those that are counted")
        #expect(notices.nextTelling == nil && notices.due(9000).isEmpty)
    }

    @Test func kindsAreToldApart() {
        var notices = CallNotices()
        #expect(notices.note(refusal(1), 0) != nil)
        #expect(notices.note(refusal(2), 0) != nil)
        #expect(notices.note(refusal(1, "other"), 0) != nil)
        #expect(notices.note(refusal(1), 0) == nil)
    }

    @Test func whatHasNotBeenSeenForAWhileIsToldAtOnceAgain() {
        var notices = CallNotices()
        #expect(notices.note(refusal(1), 0) != nil)
        #expect(notices.note(refusal(1), 5000) == nil)
        _ = notices.due(6000)
        #expect(notices.note(refusal(2), 20_000) != nil)
        #expect(notices.note(refusal(2), 20_001) == nil)
        _ = notices.due(21_001)
        #expect(notices.note(refusal(1), 21_002) != nil)
    }

    @Test func noCallIsLeftOut() {
        var notices = CallNotices()
        var records: [CallRecord] = []
        var random = SystemRandomNumberGenerator()
        var (refused, executed) = (0, 0)
        var now: Int64 = 0
        for _ in 0..<50_000 {
            now += .random(in: 0...3, using: &random)
            let kind = Int.random(in: 0..<300, using: &random)
            let notice: CallNotice
            if Bool.random(using: &random) {
                notice = refusal(UInt32(kind % 40), "p\(kind)")
                refused += 1
            } else {
                let arguments = [String(repeating: "x", count: .random(in: 0...4000, using: &random))]
                notice = execution("/bin/\(kind)", arguments, isFound: kind % 7 != 0)
                executed += 1
            }
            if let record = notices.note(notice, now) { records.append(record) }
            if kind % 10 == 0 { records += notices.due(now) }
        }
        records += notices.tellAll(now)
        #expect(sum(records) == (refused, executed))
        #expect(notices.tellAll(now).isEmpty)
    }

    /// An agent that thinks of ever new names does not fill the log with them.
    @Test func newKindsAreBounded() {
        var notices = CallNotices()
        var count = 0
        for i in 0..<100_000 {
            let now = Int64(i / 1000)  // a hundred seconds' worth in a tenth of one
            if notices.note(refusal(1, "p\(i)"), now) != nil { count += 1 }
            if notices.note(execution("/bin/\(i)", isFound: false), now) != nil { count += 1 }
        }
        // 64 programs' refusals, those of all others together, and the room for names that are not there.
        #expect(count <= 64 + 1 + 252)
        let rest = notices.tellAll(100)
        #expect(rest.count <= 8)
        #expect(sum(rest).refused + sum(rest).executed + count == 200_000)
    }

    @Test func executionsAreToldOneByOneUnlessTheyAreTooMany() {
        var notices = CallNotices()
        var (told, records) = (0, 0)
        // Ten seconds of a thousand in each.
        for i in 0..<10_000 {
            if notices.note(execution("/bin/true", ["true"]), Int64(i)) != nil { told += 1 }
            records += notices.due(Int64(i)).count
        }
        #expect((2900...3100).contains(told), "2000 at once and 100 a second: \(told)")
        #expect(records <= 10)
        // And when it is calm again, every one.
        #expect(notices.note(execution("/bin/false"), 60_000) != nil)
    }

    @Test func longCommandLinesTakeMoreRoom() {
        var notices = CallNotices()
        var told = 0
        for _ in 0..<2000
        where notices.note(execution("/bin/x", [String(repeating: "a", count: 4000)]), 0) != nil {
            told += 1
        }
        #expect(told == 2000 / 9 + 1, "and the first of its kind has room of its own")
    }

    /// A table full of names does not hide what is refused.
    @Test func noRefusalIsUntold() {
        var notices = CallNotices()
        for i in 0..<1000 { _ = notices.note(refusal(1, "p\(i)"), 0) }
        guard case .refused(let call, 1)? = notices.note(refusal(2, "mount"), 0) else {
            Issue.record("not told")
            return
        }
        #expect(call.program == "mount")
        let rest = notices.tellAll(0)
        #expect(rest.allSatisfy { if case .untold = $0 { false } else { true } }, "\(rest)")
    }

    @Test func numbersWithoutANameAreOneKind() {
        var notices = CallNotices()
        let all = (0..<5000).compactMap { i in
            let call = RefusedCall(
                number: 1000 + UInt32(i),
                name: "",
                arguments: [],
                error: "ENOSYS",
                program: "p",
                pid: 7
            )
            return notices.note(.refused(call), 0)
        }
        #expect(all.count == 1)
        #expect(notices.tellAll(0).count == 1)
    }

    /// Looking for a program in many places leaves the room for those that are there.
    @Test func namesThatAreNotThereTakeRoomOfTheirOwn() {
        var notices = CallNotices()
        for i in 0..<10_000 { _ = notices.note(execution("/nowhere/\(i)", isFound: false), 0) }
        var told = 0
        for _ in 0..<2000 where notices.note(execution("/bin/true"), 0) != nil { told += 1 }
        #expect(told == 2000)
    }

    @Test func aProgramIsToldDuringAStormOfAnother() {
        var notices = CallNotices()
        for i in 0..<50_000 {
            _ = notices.note(execution("/bin/true"), Int64(i))
            _ = notices.note(execution("/bin/true"), Int64(i))
            _ = notices.due(Int64(i))
        }
        #expect(notices.note(execution("/bin/ssh", ["ssh", "host"]), 50_000) != nil)
    }

    /// What is not there at one moment may be at the next.
    @Test func aCommandLineIsNotHiddenBehindAnother() {
        var notices = CallNotices()
        #expect(notices.note(execution("/tmp/x", ["harmless"], isFound: false), 0) != nil)
        #expect(notices.note(execution("/tmp/x", ["another"], isFound: false), 0) != nil)
        #expect(notices.note(execution("/tmp/x", ["another"], isFound: false), 0) == nil)
    }

    /// Whatever an agent does, a minute of it is some megabytes of log.
    @Test func bytesAreBounded() {
        var notices = CallNotices()
        let control = String(repeating: "\u{1}", count: 680)  // four times 1 KiB of a record
        var bytes = 0
        func count(_ records: [CallRecord]) {
            for record in records {
                switch record {
                case .refused(let call, _): bytes += 450 + 6 * call.program.utf8.count
                case .executed(let program, _):
                    bytes += 300 + program.arguments.reduce(0) { $0 + $1.recordedLength }
                    bytes += program.program.recordedLength + (program.directory?.recordedLength ?? 0)
                case .ended, .untold: bytes += 300
                }
            }
        }
        for i in 0..<60_000 {
            let now = Int64(i)
            let short = "\(i % 640)" + control.prefix(170)
            for isFound in [false, true] {
                count(notices.note(execution(short, [control], isFound: isFound), now).map { [$0] } ?? [])
            }
            count(notices.note(refusal(UInt32(i % 400), "\(i)"), now).map { [$0] } ?? [])
            count(notices.due(now))
        }
        #expect(bytes < 1_900_000 + 60 * 105_000, "\(bytes)")
        bytes = 0
        count(notices.tellAll(60_000))
        #expect(bytes < 2_200_000, "\(bytes)")
    }

    @Test func textsAreCutAsTheyAreWritten() {
        #expect("a\u{1}\"ü".recordedLength == 1 + 6 + 2 + 2)
        #expect("plain".cut(recordedLength: 5) == "plain")
        #expect("plain".cut(recordedLength: 4) == "plai")
        #expect("a\u{1}b".cut(recordedLength: 6) == "a")
        #expect("üü".cut(recordedLength: 3) == "ü")
    }

    @Test func aFloodWaitsForItsAnswers() {
        var pace = CallPace()
        #expect(pace.pause(after: 20_000, 0) == nil)
        #expect(pace.pause(after: 20, 1) == nil)
        #expect(pace.pause(after: 20, 1) == 11)
        #expect(pace.pause(after: 64, 11) == nil)
        var (answered, now): (Int, Int64) = (0, 2000)
        while now < 12_000 {
            answered += 64
            now = pace.pause(after: 64, now) ?? now
            if answered % 640 == 0 { now += 1 }
        }
        #expect((200_000...225_000).contains(answered), "\(answered)")
    }

    @Test func endsAreToldAsFarAsThereIsRoom() {
        var notices = CallNotices()
        let exit = ProgramExit(program: "/bin/true", pid: 7, end: .exited(0), milliseconds: 3)
        let told = (0..<5000).filter { _ in notices.note(.ended(exit), 1000) == .ended(exit) }
        #expect(told.count == 1000)
        #expect(notices.due(2000) == [.untold(CallRecord.Untold(ended: 4000))])
        // And then as much as fits into a second.
        #expect((0..<100).filter { _ in notices.note(.ended(exit), 2000) != nil }.count == 50)
    }
}
