// How many processes and threads were started lately, from the last process id that init tells. Pure.

internal import LinuxSystem

/// Starts within the last minute.
///
/// Each start takes the next process id of the namespace, so the difference of two is the number of starts between them.
/// Beyond the highest id they go on at 300, and ids in use are passed over: then a few starts fewer are counted. Starts
/// that failed late count as well. A whole round of ids between two answers cannot be seen: ask often enough.
package struct StartRate: Equatable, Sendable {
    /// The first id after a wrap: the kernel keeps those below for its first processes (`RESERVED_PIDS`).
    private static let reserved: Int64 = 300
    /// Seconds that are looked back.
    private static let window: Int64 = 60

    private let limit: Int64
    private let round: Int64
    private var last: Int32?
    /// Starts by the second in which they were learnt, oldest first.
    private var seconds: [(second: Int64, starts: Int64)] = []

    /// Nothing started yet.
    ///
    /// - Parameter pidMax: the content of `/proc/sys/kernel/pid_max` inside, one more than the highest id.
    package init(limit: Int64, pidMax: Int64) {
        self.limit = limit
        round = max(1, pidMax - Self.reserved)
    }

    /// Nothing started yet in the namespace whose init has this process id here.
    package init(limit: Int64, init pid: Int32) {
        // Where it cannot be read, the kernel's own greatest.
        let text = try? ProcessFiles(of: pid).pidMax()
        self.init(limit: limit, pidMax: text.flatMap { Int64($0) } ?? 4 << 20)
    }

    /// Starts in the last minute, as of the last answer.
    package var startsInLastMinute: Int64 { seconds.reduce(0) { $0 + $1.starts } }

    /// Takes an answer of init at `now` (milliseconds); whether more were started within a minute than may be.
    ///
    /// The first answer counts from the namespace's first process on.
    package mutating func counted(_ lastPid: Int32, now: Int64) -> Bool {
        guard lastPid >= 0 else { return false }  // init could not tell
        var starts = Int64(lastPid) - Int64(last ?? 1)
        if starts < 0 { starts = max(0, starts + round) }
        last = lastPid
        let second = now / 1000
        seconds.removeAll { $0.second <= second - Self.window }
        if seconds.last?.second == second {
            seconds[seconds.count - 1].starts += starts
        } else {
            seconds.append((second, starts))
        }
        return startsInLastMinute > limit
    }

    /// Whether two have seen the same.
    package static func == (a: StartRate, b: StartRate) -> Bool {
        a.limit == b.limit && a.round == b.round && a.last == b.last
            && a.seconds.elementsEqual(b.seconds) { $0 == $1 }
    }
}
