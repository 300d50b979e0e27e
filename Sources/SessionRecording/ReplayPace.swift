// When the events of a recording are shown again: time in, time out.

/// How fast a recording is played.
package struct ReplayPace: Equatable, Sendable {
    /// How many times faster than it was recorded.
    package var speed: Double
    /// The longest time without an event, in microseconds of the recording; nil keeps every one.
    package var idleLimit: Int64?

    /// The pace of the recording itself, or another.
    package init(speed: Double = 1, idleLimit: Int64? = nil) {
        self.speed = speed
        self.idleLimit = idleLimit
    }

    /// How long to wait between two times of a recording, in microseconds.
    package func delay(from earlier: Int64, to later: Int64) -> Int64 {
        let gap = max(0, later - earlier)
        return Int64((Double(min(gap, idleLimit ?? gap)) / speed).rounded())
    }

    /// Where in the recording one is, `left` microseconds before the event at `later` is due.
    package func position(from earlier: Int64, to later: Int64, left: Int64) -> Int64 {
        max(earlier, later - Int64((Double(max(0, left)) * speed).rounded()))
    }
}

/// A time in a recording as a person types it.
package enum RecordingTime {
    /// Microseconds of `1:02:03`, `10:32`, `632` or `1.5`; nil of anything else.
    package static func microseconds(_ text: String) -> Int64? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard 1...3 ~= parts.count, let last = parts.last, let seconds = decimal(last) else { return nil }
        if parts.count > 1 && seconds >= 60_000_000 { return nil }
        var minutes: Int64 = 0
        for (place, part) in parts.dropLast().enumerated() {
            guard part.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), part.utf8.count <= 6, let value = Int64(part),
                place == 0 || value < 60
            else { return nil }
            minutes = minutes * 60 + value
        }
        return minutes * 60_000_000 + seconds
    }

    /// Seconds with at most six decimals.
    private static func decimal(_ text: Substring) -> Int64? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { 0x30...0x39 ~= $0 } }),
            parts[0].utf8.count <= 9, let whole = Int64(parts[0])
        else { return nil }
        let fraction = parts.count == 2 ? parts[1].prefix(6) : "0"
        let zeros = String(repeating: "0", count: 6 - fraction.count)
        return Int64(fraction + zeros).map { whole * 1_000_000 + $0 }
    }
}
