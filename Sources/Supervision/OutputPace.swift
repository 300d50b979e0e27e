// How much a terminal's program writes at once, and how much work it may make in the long run. `yes` that runs for a
// night must not cost the host a processor, nor must sequences that are short to write and long to carry out; a build or
// a `cat` that people wait for is not slowed. Pure: time comes in, a decision goes out.

/// What a window's output may still cost.
struct OutputPace: Equatable {
    /// So much at any speed, in microseconds of a processor: half a gigabyte of text, and more.
    static let reserve: Int64 = 20_000_000
    /// Then so much, in microseconds each millisecond: a sixth of a processor.
    static let rate: Int64 = 167
    /// A pause of less, in milliseconds, costs more than it saves.
    static let shortestPause: Int64 = 20

    private var left = Self.reserve
    private var counted: Int64?

    /// Output was shown, which took so many microseconds; until when nothing more is to be read, in milliseconds of the
    /// monotonic clock, or nil.
    mutating func took(_ cost: Int64, at now: Int64) -> Int64? {
        let elapsed = now - (counted ?? now)
        counted = now
        left = min(Self.reserve, left + elapsed * Self.rate) - cost
        return left < 0 ? now + max(Self.shortestPause, -left / Self.rate) : nil
    }
}

/// Whether a program writes so much at the moment that a thread that reads ahead is worth its start.
struct OutputBurst: Equatable {
    /// So many bytes...
    static let much = 256 << 10
    /// ...in so many milliseconds.
    static let slot: Int64 = 20

    private var began: Int64 = 0
    private var bytes = 0

    /// It has written so many bytes.
    mutating func took(_ count: Int, at now: Int64) -> Bool {
        if now - began >= Self.slot { (began, bytes) = (now, 0) }
        bytes += count
        return bytes >= Self.much
    }
}
