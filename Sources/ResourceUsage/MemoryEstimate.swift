// What is known of a sandbox's memory from the last dear look (MemoryPass) and the last cheap one (Census). Pure.

/// Memory of a sandbox between two bounds, in bytes.
struct MemoryEstimate: Equatable {
    /// A moment's cheap numbers.
    struct Moment: Equatable {
        /// Anonymous memory, shared pages counted for each process, swapped out or not.
        var anonymous: Int64 = 0
        /// The most of one process.
        var largest: Int64 = 0
        /// What the sandbox's own file systems in memory hold.
        var placed: Int64 = 0
        /// Shared memory and swap of the whole host: what it has not grown by, no sandbox has taken.
        var host: Int64 = 0
    }

    /// In use for certain.
    let least: Int64
    /// The best guess.
    let likely: Int64
    /// More is not in use.
    let most: Int64

    /// - Parameter last: the last pass and the cheap numbers of its time; nil before the first.
    init(_ now: Moment, last: (findings: MemoryFindings, moment: Moment)?) {
        least = now.largest + now.placed
        let (found, then) = last ?? (MemoryFindings(), Moment(placed: now.placed, host: now.host))
        // Files in memory without a name are only seen in a pass; but all shared memory is counted by the host.
        let unseen = max(0, now.host - then.host - max(0, now.placed - then.placed))
        most = max(least, now.anonymous + now.placed + found.shared + unseen)
        // What one process has got since is taken to be its own.
        let anonymous = last == nil ? now.anonymous : found.anonymous + max(0, now.anonymous - then.anonymous)
        likely = min(most, max(least, min(anonymous, now.anonymous) + now.placed + found.shared))
    }

    /// Whether only a pass can tell if this is beyond the limit.
    func isInDoubt(_ limit: Int64) -> Bool { least <= limit && most > limit }
}
