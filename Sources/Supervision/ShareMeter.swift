// How much is in a shared directory that an agent may write. Each supervisor of such an agent measures, and ends its own:
// who of them filled it cannot be told, and none of them may go on.

internal import ClocheModel
internal import ResourceUsage
internal import SandboxRuntime

/// The measuring of one shared directory.
struct ShareMeter {
    private let share: SharedDirectory
    private var meter: DiskMeter

    init(_ share: SharedDirectory) {
        self.share = share
        meter = DiskMeter([share.files], bytes: share.bytes, files: share.count)
    }

    /// When the next look is due, in milliseconds of the monotonic clock.
    var nextLook: Int64 { meter.nextLook }

    /// Measures what is due, and tells if it is too much.
    mutating func look(_ now: Int64) -> LimitBreach? {
        guard let found = meter.look(now: now) else { return nil }
        if found.isUncountable {
            return LimitBreach(ofShare: share, "there are more directories side by side than can be counted")
        }
        if found.isBeyondBytes {
            let (held, most) = (Amount.bytes(found.usage.bytes), Amount.bytes(share.bytes))
            return LimitBreach(ofShare: share, "\(held) are in it, at most \(most) may be")
        }
        if found.isBeyondFiles {
            return LimitBreach(
                ofShare: share,
                "\(found.usage.files) files are in it, at most \(share.count) may be"
            )
        }
        return nil
    }

    /// Gives up a measurement that is under way.
    mutating func stop() { meter.stop() }
}
