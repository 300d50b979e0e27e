// When to walk, and what the walk means. A walk reads every directory, so it waits until the file system itself has lost
// as much room as the agent may still use.

internal import Glibc
package import LinuxSystem

/// Decides when trees are walked.
///
/// Pure. Room that others free meanwhile hides what an agent takes; so there are walks besides, the more often the less
/// they cost: of a tree with a few thousand names every five seconds.
package struct DiskWatch {
    /// Milliseconds between two walks at least.
    static let shortest: Int64 = 100
    /// Milliseconds between two walks that nothing asks for.
    static let routine: ClosedRange<Int64> = 5000...60_000
    /// Milliseconds between two walks at most where the file system counts no files.
    static let longestUncounted: Int64 = 10_000

    private let limit: (bytes: Int64?, files: Int64?)
    private var last: (usage: DiskUsage, room: [FileSystemRoom], at: Int64, cost: Int64)?

    /// Nil is no limit: then walks are for the display only.
    package init(bytes: Int64?, files: Int64?) { limit = (bytes, files) }

    /// A walk has ended at `now`.
    ///
    /// - Parameters:
    ///   - room: of each file system, when the walk began.
    ///   - cost: microseconds of work.
    package mutating func walked(_ usage: DiskUsage, _ room: [FileSystemRoom], now: Int64, cost: Int64) {
        last = (usage, room, now, cost)
    }

    /// The most that can be in use: all that has gone since was taken by the agent.
    package func most(_ room: [FileSystemRoom]) -> DiskUsage {
        guard let last else { return DiskUsage() }
        var usage = last.usage
        for (then, now) in zip(last.room, room) {
            usage.bytes += max(0, then.freeBytes - now.freeBytes)
            usage.files += max(0, then.freeFiles - now.freeFiles)
        }
        return usage
    }

    /// Whether a walk is due.
    package func isDue(_ room: [FileSystemRoom], now: Int64) -> Bool {
        guard let last else { return true }
        let since = now - last.at
        // Of one processor, walks take a tenth at most; when nothing asks for them, a thousandth, or a hundredth if
        // that is more than a minute.
        if since < max(Self.shortest, last.cost / 100) { return false }
        let routine = min(max(last.cost, Self.routine.lowerBound), Self.routine.upperBound)
        if since >= max(routine, last.cost / 10) || isBeyond(most(room)) { return true }
        let isUncounted = limit.files != nil && room.contains { $0.files == 0 }
        return isUncounted && since >= Self.longestUncounted
    }

    /// Whether more is in use than may be.
    package func isBeyond(_ usage: DiskUsage) -> Bool { isBeyondBytes(usage) || isBeyondFiles(usage) }

    func isBeyondBytes(_ usage: DiskUsage) -> Bool { limit.bytes.map { usage.bytes > $0 } ?? false }

    func isBeyondFiles(_ usage: DiskUsage) -> Bool { limit.files.map { usage.files > $0 } ?? false }

    /// Milliseconds until the room is looked at again.
    package func delay(_ room: [FileSystemRoom]) -> Int64 {
        if limit.bytes == nil && limit.files == nil { return Self.longestUncounted }
        return max(50, SamplingPace.delay(limit: limit.bytes, used: most(room).bytes))
    }
}

/// What a walk has shown.
package struct DiskReading: Equatable, Sendable {
    /// All trees, with open files without a name.
    package var usage: DiskUsage
    /// More bytes than may be.
    package var isBeyondBytes: Bool
    /// More files than may be.
    package var isBeyondFiles: Bool
    /// So many directories that not all were looked into, lest their names fill the supervisor's memory.
    package var isUncountable: Bool
}

/// The measuring of an agent's trees on disk.
package struct DiskMeter {
    /// Microseconds that one look may take.
    private static let budget: Int64 = 3000

    private let trees: [String]
    private let places: [FileDescriptor.Shared]
    private var watch: DiskWatch
    private var walk: (work: DiskWalk, room: [FileSystemRoom], cost: Int64)?

    /// When the next look is due (`MonotonicClock.milliseconds`).
    package private(set) var nextLook: Int64 = 0

    /// Measures these trees, none within another; those that are absent have nothing.
    package init(_ trees: [String], bytes: Int64?, files: Int64?) {
        self.trees = trees
        watch = DiskWatch(bytes: bytes, files: files)
        var places: [FileDescriptor.Shared] = []
        var devices: Set<UInt64> = []
        for tree in trees {
            // What is absent is on no file system.
            guard let place = try? Files.open(tree, Files.placeOnly | O_DIRECTORY),
                // What is open has a status.
                let status = try? Files.status(of: place), devices.insert(status.device).inserted
            else { continue }
            places.append(FileDescriptor.Shared(place))
        }
        self.places = places
    }

    /// Gives up a walk that is under way.
    package mutating func stop() { walk = nil }

    /// Goes on with what is due, some milliseconds long; a result whenever a walk has ended.
    ///
    /// - Parameter unlinked: open files without a name, which no walk finds: those of `UsageReading`.
    package mutating func look(now: Int64, unlinked: (bytes: Int64, files: Int64) = (0, 0)) -> DiskReading? {
        let start = MonotonicClock.microseconds
        if walk == nil {
            let room = places.compactMap { FileSystemRoom(of: $0.number) }
            guard watch.isDue(room, now: now) else {
                nextLook = now + watch.delay(room)
                return nil
            }
            walk = (DiskWalk(trees), room, 0)
        }
        nextLook = now + SamplingPace.bounds.lowerBound
        let done = walk?.work.step(deadline: start + Self.budget)
        walk?.cost += MonotonicClock.microseconds - start
        guard var usage = done, let ended = walk else { return nil }
        walk = nil
        usage.bytes += unlinked.bytes
        usage.files += unlinked.files
        watch.walked(usage, ended.room, now: now, cost: ended.cost)
        nextLook = now + watch.delay(ended.room)
        return DiskReading(
            usage: usage,
            isBeyondBytes: watch.isBeyondBytes(usage),
            isBeyondFiles: watch.isBeyondFiles(usage),
            isUncountable: ended.work.isUncountable
        )
    }
}
