// What an agent's programs execute and are refused, for the audit log. An agent decides how much that is: each kind of
// refusal is told at once and from then on counted, and the counts are told once a second; executions are told one by
// one as long as they are not too many. No call is left out: the counts of all records add up to what happened.
//
// Every record takes room for its length, in pieces of 512 bytes: 3,500 at once, and 200 in each second. So an agent that
// does nothing else has 1.8 MB and then 100 KB a second in its log, and 2 MB more at its end; with ends of programs, at level
// `full`, 0.5 MB and 25 KB a second more. The room is in parts, so that much of one kind does not hide another. Counts that have no room wait for it, to the end if they must.

package import SandboxRuntime

/// What is written down of calls.
package enum CallRecord: Equatable, Sendable {
    /// So many refusals that differ in their arguments at most; the first of them.
    case refused(RefusedCall, count: Int)
    /// So many executions of a program; the first of them.
    case executed(ExecutedProgram, count: Int)
    /// How a program ended.
    case ended(ProgramExit)
    /// Of very many different ones, only their number.
    case untold(Untold)

    /// What is only counted.
    package struct Untold: Equatable, Sendable {
        /// Calls that were refused.
        package var refused = 0
        /// Programs that were executed.
        package var executed = 0
        /// Programs that ended.
        package var ended = 0
        /// Programs whose ends nobody waited for.
        package var unwatched = 0
    }
}

/// Decides what is told when; times are milliseconds of the monotonic clock.
package struct CallNotices {
    private struct Refusal: Hashable {
        /// Nil when there are many: a program chooses its name.
        let program: String?
        let call: UInt32
        let error: String
    }

    private struct Execution: Hashable {
        let program: String
        /// Of one that is not there: it may be there a moment later, when the kernel looks.
        var arguments: [String] = []
    }

    /// What may be written, in pieces.
    private struct Room {
        let most: Int64
        let perSecond: Int64
        private var pieces: Int64
        private var lastTime: Int64?

        private static let pieceBytes = 512
        /// What every record has besides, with the digest of the one before it.
        private static let recordBytes = 300

        init(most: Int64, perSecond: Int64) {
            (self.most, self.perSecond, pieces) = (most, perSecond, most)
        }

        /// Takes room for a record with so many bytes of text, if there is so much.
        mutating func take(_ bytes: Int, _ now: Int64) -> Bool {
            let earned = (now - (lastTime ?? now)) * perSecond / 1000
            if earned > 0 || lastTime == nil {
                pieces = min(most, pieces + earned)
                lastTime = now
            }
            let wanted = 1 + Int64((Self.recordBytes + bytes) / Self.pieceBytes)
            guard pieces >= wanted else { return false }
            pieces -= wanted
            return true
        }
    }

    private struct Tally<First> {
        /// The first that is not told yet, or the last that was.
        var first: First
        var untold = 0
        /// When that one happened, and the last.
        var since: Int64
        var lastTime: Int64
    }

    private var refusals: [Refusal: Tally<RefusedCall>] = [:]
    private var executions: [Execution: Tally<ExecutedProgram>] = [:]
    /// Of programs that are not there: looking for one tries many names.
    private var absences: [Execution: Tally<ExecutedProgram>] = [:]
    private var untold = CallRecord.Untold()
    /// When there is something to tell.
    package private(set) var nextTelling: Int64?
    /// For executions one by one, for the first of each program beyond that, and for those of programs that are not there.
    private var room = Room(most: 2000, perSecond: 100)
    private var firstRoom = Room(most: 500, perSecond: 25)
    private var absentRoom = Room(most: 250, perSecond: 20)
    /// For refusals, and for what is counted of executions.
    private var refusedRoom = Room(most: 500, perSecond: 30)
    private var countedRoom = Room(most: 250, perSecond: 25)
    /// For ends, of which only level `full` is told.
    private var endedRoom = Room(most: 1000, perSecond: 50)

    private static let interval: Int64 = 1000
    /// What did not happen for so long is told at once again.
    private static let memory: Int64 = 10_000
    /// So many kinds of each are told apart; refusals after that by call and error alone, which are fewer than twice
    /// the calls that there are.
    private static let mostKinds = 64
    private static let mostAbsences = 256
    private static let mostRefusals = 2048

    /// Nothing has happened yet.
    package init() {}

    /// Notes one; what is to be told at once.
    package mutating func note(_ notice: CallNotice, _ now: Int64) -> CallRecord? {
        switch notice {
        case .refused(let call): note(call, now)
        case .executed(let program): note(program, now)
        case .ended(let exit): note(exit, now)
        case .unwatched: noteUnwatched(now)
        // There are none where a log is kept.
        case .passed: nil
        }
    }

    private mutating func note(_ call: RefusedCall, _ now: Int64) -> CallRecord? {
        // Numbers without a name are as many as a program likes.
        let number = call.name.isEmpty ? UInt32.max : call.number
        var key = Refusal(program: call.program, call: number, error: call.error)
        if refusals[key] == nil, refusals.count >= Self.mostKinds {
            key = Refusal(program: nil, call: number, error: call.error)
        }
        switch Self.count(call, key, in: &refusals, most: Self.mostRefusals, now) {
        case .new where refusedRoom.take(Self.length(call), now): return .refused(call, count: 1)
        case .new: refusals[key]?.untold = 1
        case .counted: break
        case .noRoom: untold.refused += 1
        }
        nextTelling = nextTelling ?? now + Self.interval
        return nil
    }

    private mutating func note(_ program: ExecutedProgram, _ now: Int64) -> CallRecord? {
        if !program.isFound { return noteAbsent(program, now) }
        let length = Self.length(program)
        if room.take(length, now) { return .executed(program, count: 1) }
        let key = Execution(program: program.program)
        switch Self.count(program, key, in: &executions, most: Self.mostKinds, now) {
        case .new where firstRoom.take(length, now): return .executed(program, count: 1)
        case .new: executions[key]?.untold = 1
        case .counted: break
        case .noRoom where firstRoom.take(length, now): return .executed(program, count: 1)
        case .noRoom: untold.executed += 1
        }
        nextTelling = nextTelling ?? now + Self.interval
        return nil
    }

    private mutating func noteAbsent(_ program: ExecutedProgram, _ now: Int64) -> CallRecord? {
        let key = Execution(program: program.program, arguments: program.arguments)
        switch Self.count(program, key, in: &absences, most: Self.mostAbsences, now) {
        case .new where absentRoom.take(Self.length(program), now): return .executed(program, count: 1)
        case .new: absences[key]?.untold = 1
        case .counted: break
        case .noRoom: untold.executed += 1
        }
        nextTelling = nextTelling ?? now + Self.interval
        return nil
    }

    private mutating func note(_ exit: ProgramExit, _ now: Int64) -> CallRecord? {
        if endedRoom.take(exit.program.recordedLength, now) { return .ended(exit) }
        untold.ended += 1
        nextTelling = nextTelling ?? now + Self.interval
        return nil
    }

    private mutating func noteUnwatched(_ now: Int64) -> CallRecord? {
        untold.unwatched += 1
        nextTelling = nextTelling ?? now + Self.interval
        return nil
    }

    private static func length(_ call: RefusedCall) -> Int {
        // A number has twenty at most.
        call.name.utf8.count + call.program.recordedLength + 20 * call.arguments.count
    }

    private static func length(_ program: ExecutedProgram) -> Int {
        let words = program.arguments.reduce(0) { $0 + $1.recordedLength + 3 }
        return words + program.program.recordedLength + (program.directory?.recordedLength ?? 0)
    }

    private enum Place { case new, counted, noRoom }

    private static func count<Key: Hashable, First>(
        _ one: First,
        _ key: Key,
        in tallies: inout [Key: Tally<First>],
        most: Int,
        _ now: Int64
    ) -> Place {
        if var tally = tallies[key] {
            if tally.untold == 0 { (tally.first, tally.since) = (one, now) }
            tally.untold += 1
            tally.lastTime = now
            tallies[key] = tally
            return .counted
        }
        guard tallies.count < most else { return .noRoom }
        tallies[key] = Tally(first: one, since: now, lastTime: now)
        return .new
    }

    /// What was counted and has room, if it is time to tell it.
    package mutating func due(_ now: Int64) -> [CallRecord] {
        guard let time = nextTelling, now >= time else { return [] }
        return tell(now, all: false)
    }

    /// What was counted and is not told yet: the last word.
    package mutating func tellAll(_ now: Int64) -> [CallRecord] { tell(now, all: true) }

    private mutating func tell(_ now: Int64, all: Bool) -> [CallRecord] {
        var (refusedRoom, countedRoom) = (refusedRoom, countedRoom)
        let (refused, isAllRefused) = Self.tell(&refusals, now) {
            all || refusedRoom.take(Self.length($0), now)
        }
        let (executed, isAllExecuted) = Self.tell(&executions, now) {
            all || countedRoom.take(Self.length($0), now)
        }
        let (absent, isAllAbsent) = Self.tell(&absences, now) {
            all || countedRoom.take(Self.length($0), now)
        }
        (self.refusedRoom, self.countedRoom) = (refusedRoom, countedRoom)
        nextTelling = isAllRefused && isAllExecuted && isAllAbsent ? nil : now + Self.interval
        var records = refused.map { CallRecord.refused($0, count: $1) }
        records += (executed + absent).map { CallRecord.executed($0, count: $1) }
        if untold != CallRecord.Untold() {
            records.append(.untold(untold))
            untold = CallRecord.Untold()
        }
        return records
    }

    /// What was counted and has room, in an order that is always the same, and whether that is all; kinds that have not been
    /// seen for a while are forgotten.
    private static func tell<Key: Hashable, First>(
        _ tallies: inout [Key: Tally<First>],
        _ now: Int64,
        _ hasRoom: (First) -> Bool
    ) -> (told: [(First, Int)], isAll: Bool) {
        let counted = tallies.filter { $0.value.untold > 0 }.sorted { $0.value.since < $1.value.since }
        var told: [(First, Int)] = []
        for (key, tally) in counted {
            guard hasRoom(tally.first) else { break }
            told.append((tally.first, tally.untold))
            tallies[key]?.untold = 0
        }
        tallies = tallies.filter { $0.value.untold > 0 || now - $0.value.lastTime < memory }
        return (told, told.count == counted.count)
    }
}
