// A question and its answer are often some microseconds apart, and to be woken costs more than that, in a virtual
// machine several times more. So the network looks again for a moment before it sleeps, as long as that pays.

/// Whether to look again before sleeping.
///
/// It pays while what was waited for last came within that moment; one that passes in vain ends it, until the next wait
/// that turns out to have been so short. Nobody who moves many bytes gains by it: then others need the processor.
struct Linger {
    private var pays = false
    /// When the present moment is over, in microseconds of the monotonic clock.
    private var end: Int64 = 0
    private var lastEnd: Int64 = 0
    private var isBulk = false

    /// About what it costs to sleep and be woken.
    private static let moment: Int64 = 50
    private static let bulk: Int64 = 32 << 10

    /// A turn begins.
    mutating func begin(_ now: Int64) {
        if now - lastEnd < Self.moment { pays = true }
        (end, isBulk) = (0, false)
    }

    /// There was something to do.
    mutating func found(_ now: Int64) { end = now + Self.moment }

    /// Whether there was something in this turn, and more may come.
    var isWaiting: Bool { end > 0 }

    /// So many bytes were moved at once.
    mutating func moved(_ count: Int64) { if count > Self.bulk { isBulk = true } }

    /// Whether to look once more; the turn ends at `turnEnd`.
    mutating func goesOn(_ now: Int64, before turnEnd: Int64) -> Bool {
        if pays && !isBulk && now < end && now < turnEnd { return true }
        // It passed in vain.
        if end > 0 && now >= end { pays = false }
        lastEnd = now
        return false
    }
}
