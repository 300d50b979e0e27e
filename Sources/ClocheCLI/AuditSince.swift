// The value of `--since`: how long ago, or a time. Times are UTC, as those of the log; a time of day alone is today's or
// yesterday's, whichever was last.

internal import ClocheModel
internal import ProfileLoading

enum AuditSince {
    /// Milliseconds since 1970 of what a person typed, at a moment of that clock.
    static func time(_ text: String, now: Int64) throws(ClocheError) -> Int64 {
        if let seconds = Quantity.seconds(text) {
            let (ago, overflow) = seconds.multipliedReportingOverflow(by: 1000)
            if !overflow { return max(0, now - min(ago, now)) }
        }
        if let time = Timestamp.parse(text) { return time }
        if let time = Timestamp.parseTimeOfDay(text) {
            let today = now - now % 86_400_000 + time
            // A time that is still to come today was yesterday.
            return today <= now ? today : today - 86_400_000
        }
        throw ClocheError(
            .usage,
            "bad value \(text.debugDescription) of option '--since'",
            why: "it is neither a duration nor a time",
            remedy:
                "for example 90s, 10m, 1h30m, 2d, 14:05, 2026-11-21 or 2026-11-21T14:05:00Z; times are UTC"
        )
    }
}
