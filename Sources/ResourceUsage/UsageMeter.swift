// What an agent uses where no cgroup tells: the supervisor looks at its processes from outside, cheaply and often, and
// dearly when only that can tell. One thread, so no look takes longer than a few milliseconds; a longer one goes on in the
// next.

internal import Glibc
package import LinuxSystem

/// What one look has shown.
package struct UsageReading: Equatable, Sendable {
    /// Processes, init among them.
    package var processes: Int64 = 0
    /// Threads of all of them.
    package var threads: Int64 = 0
    /// Processor time since the start, in microseconds; it never falls.
    package var cpuMicroseconds: Int64 = 0
    /// The best guess at the memory in use: anonymous memory with swap, and files in memory; not the page cache.
    package var memoryBytes: Int64 = 0
    /// More memory is in use than may be, for certain.
    package var isBeyondMemoryLimit = false
    /// Bytes of open files without a name on disks, as of the last full look.
    package var unlinkedBytes: Int64 = 0
    /// Their number.
    package var unlinkedFiles: Int64 = 0
}

/// The measuring of one sandbox; it must go when the sandbox is gone, because it holds its file systems in memory.
package struct UsageMeter: ~Copyable {
    /// Microseconds that a look may take for the census, and for the pass.
    private static let budget: Int64 = 2500
    /// Milliseconds between full looks when nothing asks for one.
    private static let longestWithoutPass: Int64 = 10_000

    private var table: ProcessTable
    private let places: MemoryPlaces
    private let limit: Int64?
    private static let tick = 1_000_000 / Int64(sysconf(CInt(_SC_CLK_TCK)))

    private var census: Census?
    private var pass: MemoryPass?
    private var last: (findings: MemoryFindings, moment: MemoryEstimate.Moment)?
    private var moment = MemoryEstimate.Moment()
    private var reading = UsageReading()
    /// Processor time that vanished with processes for which nobody waited.
    private var lostTicks: Int64 = 0
    private var ticks: Int64 = 0

    private var censusCost: Int64 = 0
    private var censusDue: Int64 = 0
    /// Before this, nobody who asks gets a new census.
    private var soonestCensus: Int64 = 0
    private var measured: (at: Int64, likely: Int64)?

    private var passCost: Int64 = 0
    private var passDue: Int64 = 0
    /// The cheap numbers when it began.
    private var passMoment = MemoryEstimate.Moment()
    /// Whether the last pass found too much.
    ///
    /// A process that is counted, forks and ends within a pass is counted twice: a second one decides.
    private var wasBeyond = false

    /// When the next look is due (`MonotonicClock.milliseconds`).
    package private(set) var nextLook: Int64 = 0

    /// Whether a full look has ended and none is under way.
    var isSettled: Bool { last != nil && pass == nil && census == nil }

    /// Measures the sandbox whose init has this process id here; to be made before its first program has run for long.
    package init(init pid: Int32, memoryLimit: Int64?) throws(SystemError) {
        let table = try ProcessTable(ofInit: pid)
        places = try MemoryPlaces(ofInit: pid)
        limit = memoryLimit
        self.table = table
    }

    /// Looks, at most some milliseconds long, and says what is known now.
    ///
    /// - Parameter isAsked: somebody wants to see the numbers, and those of some while ago would tell a wrong rate.
    package mutating func look(now: Int64, isAsked: Bool = false) -> UsageReading {
        reading.isBeyondMemoryLimit = false
        if isAsked { censusDue = min(censusDue, max(now, soonestCensus)) }
        if now >= censusDue { takeCensus(now) }
        if pass != nil { goOn(now) }
        // Where too much is likely in use, what is sure should not wait; other work has its turn between two steps.
        let isUrgent = wasBeyond || limit.map { reading.memoryBytes > $0 } ?? false
        let step = isUrgent ? 1 : SamplingPace.bounds.lowerBound
        nextLook = pass == nil ? censusDue : min(censusDue, now + step)
        return reading
    }

    private mutating func takeCensus(_ now: Int64) {
        let start = MonotonicClock.microseconds
        var census = census ?? Census(&table, readsSwap: SystemMemory.now.swapped > 0)
        let isDone = census.step(&table, deadline: start + Self.budget)
        censusCost += MonotonicClock.microseconds - start
        self.census = isDone ? nil : census
        censusDue = now + SamplingPace.bounds.lowerBound
        // What is not counted to the end is still in use.
        if let limit, census.sums.largest + places.bytes > limit { reading.isBeyondMemoryLimit = true }
        if isDone { conclude(census.sums, now) }
    }

    /// Takes a census over, plans the next, and begins a pass where only that can tell.
    private mutating func conclude(_ sums: CensusSums, _ now: Int64) {
        let host = SystemMemory.now
        moment = MemoryEstimate.Moment(
            anonymous: sums.anonymous + sums.swapped,
            largest: sums.largest,
            placed: places.bytes,
            host: host.shared + host.swapped
        )
        reading.processes = sums.processes
        reading.threads = sums.threads
        if sums.ticks < ticks { lostTicks += ticks - sums.ticks }
        ticks = sums.ticks
        reading.cpuMicroseconds = (ticks + lostTicks) * Self.tick
        let estimate = MemoryEstimate(moment, last: last)
        reading.memoryBytes = estimate.likely
        plan(estimate, now)
        // Of one processor, looking at very many processes may take a quarter.
        soonestCensus = now + max(SamplingPace.bounds.lowerBound, censusCost * 3 / 1000)
        censusDue = max(censusDue, soonestCensus)
        censusCost = 0
        if pass == nil && isPassDue(estimate, now) { beginPass() }
    }

    private mutating func plan(_ estimate: MemoryEstimate, _ now: Int64) {
        var growth: Int64 = 0
        if let measured, now > measured.at {
            growth = max(0, estimate.likely - measured.likely) * 1000 / (now - measured.at)
        }
        measured = (now, estimate.likely)
        censusDue = now + SamplingPace.delay(limit: limit, used: estimate.likely, growth: growth)
    }

    private func isPassDue(_ estimate: MemoryEstimate, _ now: Int64) -> Bool {
        if last == nil || now >= passDue + Self.longestWithoutPass { return true }
        guard let limit, estimate.isInDoubt(limit) else { return false }
        return now >= passDue || estimate.likely > limit
    }

    private mutating func beginPass() {
        pass = MemoryPass(table, places)
        passMoment = moment
        passCost = 0
    }

    private mutating func goOn(_ now: Int64) {
        guard var pass = pass.take() else { return }
        let start = MonotonicClock.microseconds
        let isDone = pass.step(&table, deadline: start + Self.budget)
        passCost += MonotonicClock.microseconds - start
        let found = pass.found
        // A part of it may tell enough.
        let isBeyond = limit.map { found.anonymous + found.shared + places.bytes > $0 } ?? false
        if isDone || isBeyond {
            conclude(found, isWhole: isDone, isBeyond: isBeyond, now)
        } else {
            self.pass = consume pass
        }
    }

    private mutating func conclude(_ found: MemoryFindings, isWhole: Bool, isBeyond: Bool, _ now: Int64) {
        passDue = now + max(SamplingPace.delay(limit: limit, used: reading.memoryBytes), passCost * 3 / 1000)
        if isWhole {
            last = (found, passMoment)
            reading.unlinkedBytes = found.unlinkedBytes
            reading.unlinkedFiles = found.unlinkedFiles
            let estimate = MemoryEstimate(moment, last: last)
            reading.memoryBytes = estimate.likely
            plan(estimate, now)
        }
        if isBeyond && wasBeyond { reading.isBeyondMemoryLimit = true }
        if isBeyond && !wasBeyond { beginPass() }
        wasBeyond = isBeyond
    }
}
