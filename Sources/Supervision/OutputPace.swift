// How much a terminal's program may write in the long run. `yes` that runs for a night must not cost the host a processor;
// a build or a `cat` of any size that people wait for is not slowed. Pure: time comes in, a decision goes out.

/// What a window may still read.
struct OutputPace: Equatable {
    /// So much at any speed, in bytes.
    static let reserve: Int64 = 512 << 20
    /// Then so much, in bytes a millisecond: about a sixth of one processor.
    static let rate: Int64 = 8 << 10
    /// How long a pause is, in milliseconds.
    static let pause: Int64 = 50

    private var left = Self.reserve
    private var counted: Int64?

    /// Output was read; until when nothing more is to be, in milliseconds of the monotonic clock, or nil.
    mutating func took(_ bytes: Int, at now: Int64) -> Int64? {
        let elapsed = now - (counted ?? now)
        counted = now
        left = min(Self.reserve, left + elapsed * Self.rate) - Int64(bytes)
        return left < 0 ? now + Self.pause : nil
    }
}
