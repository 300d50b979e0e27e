// When to look again at what nobody stops but us. Pure: numbers in, milliseconds out.

/// How long a look at something that grows may be put off.
package enum SamplingPace {
    /// Milliseconds between two looks at least, and at most.
    package static let bounds: ClosedRange<Int64> = 10...1000
    /// Bytes per second that one runaway process fills: the pace holds for it without having seen it run.
    static let runaway: Int64 = 1 << 30

    /// Milliseconds until the next look.
    ///
    /// What grows by 1 GiB/s from now on is seen when it has used half of what lies between now and twice its limit;
    /// the other half is for the look itself and the kill. What grows already is looked at when it reaches its limit,
    /// and what grows faster than 1 GiB/s is expected to go on with twice its pace.
    ///
    /// - Parameters:
    ///   - limit: nil is none, and the pace that of a display.
    ///   - growth: bytes per second between the last two looks.
    package static func delay(limit: Int64?, used: Int64, growth: Int64 = 0) -> Int64 {
        guard let limit else { return bounds.upperBound }
        let (most, now, pace) = (Double(limit), Double(max(0, used)), Double(max(0, growth)))
        let worst = pace > Double(runaway) ? 2 * pace : Double(runaway)
        var seconds = (2 * most - now) / worst / 2
        if pace > 0 { seconds = min(seconds, max(0, most - now) / pace) }
        let milliseconds = min(seconds * 1000, Double(bounds.upperBound))
        return max(bounds.lowerBound, Int64(max(0, milliseconds)))
    }
}
