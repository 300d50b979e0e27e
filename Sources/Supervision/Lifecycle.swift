// When a supervisor acts by itself: limits, the grace of a stop, restarts. Pure: time comes in, a decision
// goes out.

internal import ClocheModel

struct Lifecycle: Equatable {
    /// What is to be done now.
    enum Due: Equatable {
        /// The grace of a stop is over.
        case kill
        /// The wait before another start is over.
        case restart
        /// A limit was reached: the agent is to be asked to end.
        case limit(EndReason)
    }

    /// When the run began: a program that is started again has the time of its whole run.
    private var startedAt: Int64?
    private var lastActivity: Int64 = 0
    private var pausedAt: Int64?
    private var killAt: Int64?
    private var restartAt: Int64?
    /// The harness has ended, and what comes after it runs: its limits are over.
    private var isOver = false
    private var failures: Int64 = 0
    /// Why the agent is being ended; nil while it may run.
    private(set) var stopReason: EndReason?

    /// The harness runs, from `now` on (milliseconds of the monotonic clock, as everywhere here).
    mutating func started(at now: Int64) {
        startedAt = startedAt ?? now
        lastActivity = now
        pausedAt = nil
        restartAt = nil
        isOver = false
    }

    /// The terminal showed or took something.
    mutating func activity(at now: Int64) { lastActivity = now }

    /// The agent is frozen; that it is silent is not its own doing.
    mutating func pause(at now: Int64) { pausedAt = pausedAt ?? now }

    /// The agent goes on.
    mutating func unpause(at now: Int64) {
        guard let pausedAt else { return }
        // What was typed meanwhile counts as activity.
        lastActivity += max(0, now - max(pausedAt, lastActivity))
        self.pausedAt = nil
    }

    /// How long the run takes so far.
    func elapsedMilliseconds(now: Int64) -> Int64 { max(0, now - (startedAt ?? now)) }

    /// How long the terminal has been silent; time in which the agent was frozen does not count.
    func idleMilliseconds(now: Int64) -> Int64 { max(0, (pausedAt ?? now) - lastActivity) }

    /// The agent is asked to end; it is killed after the grace.
    ///
    /// A second, shorter grace counts.
    mutating func stop(_ reason: EndReason, now: Int64, graceSeconds: Int64) {
        if stopReason == nil { stopReason = reason }
        killAt = min(killAt ?? .max, now + max(0, graceSeconds) * 1000)
        restartAt = nil
    }

    /// The harness has ended, and neither its grace nor its limits cut what comes after it; another stop does.
    mutating func programEnded() {
        isOver = true
        killAt = nil
    }

    /// Whether a failed harness is started again.
    func mayRestart(_ policy: RestartPolicy) -> Bool {
        if case .onFailure(let attempts) = policy { failures < attempts } else { false }
    }

    /// Milliseconds until the next restart: a fifth of a second, doubled each time, at most thirty seconds.
    var restartDelay: Int64 { min(30_000, 200 << min(failures, 8)) }

    /// The harness failed at `now` and is to start again after `restartDelay`.
    mutating func scheduleRestart(now: Int64) {
        restartAt = now + restartDelay
        failures += 1
    }

    /// The next moment at which something may be due; nil when nothing ever is.
    func nextDeadline(_ limits: LimitsPolicy) -> Int64? {
        if let restartAt { return restartAt }
        if let killAt { return killAt }
        return limitDeadlines(limits).map(\.1).min()
    }

    /// What is due.
    mutating func due(_ limits: LimitsPolicy, now: Int64) -> Due? {
        if let restartAt {
            guard now >= restartAt else { return nil }
            self.restartAt = nil
            return .restart
        }
        if let killAt { return now >= killAt ? .kill : nil }
        return limitDeadlines(limits).first { now >= $0.1 }.map { .limit($0.0) }
    }

    private func limitDeadlines(_ limits: LimitsPolicy) -> [(EndReason, Int64)] {
        if isOver { return [] }
        var deadlines: [(EndReason, Int64)] = []
        if let seconds = limits.wallClockSeconds, let startedAt {
            deadlines.append((.wallClock, startedAt + seconds * 1000))
        }
        if pausedAt == nil, let seconds = limits.idleSeconds {
            deadlines.append((.idle, lastActivity + seconds * 1000))
        }
        return deadlines
    }
}
