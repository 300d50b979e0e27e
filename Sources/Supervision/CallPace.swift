// How many calls of an agent's are answered in a second. Answering is work of the supervisor's, which the agent's own
// limits do not count; a caller that waits does nothing meanwhile, and makes fewer calls.

/// A bucket of answers; times are milliseconds of the monotonic clock.
struct CallPace {
    /// Some three times what a storm of executions needs.
    private static let perSecond: Int64 = 20_000
    private static let most: Int64 = 20_000
    /// A pause of less costs more than it saves.
    private static let shortestPause: Int64 = 10

    private var room = CallPace.most
    private var lastTime: Int64?

    /// Until when the next ones wait after so many were answered; nil if they need not.
    mutating func pause(after count: Int, _ now: Int64) -> Int64? {
        room = min(Self.most, room + (now - (lastTime ?? now)) * Self.perSecond / 1000) - Int64(count)
        lastTime = now
        guard room < 0 else { return nil }
        return now + max(Self.shortestPause, -room * 1000 / Self.perSecond)
    }
}
