// The cheap look at all processes of a sandbox: how many, their processor time, their memory by what /proc counts anyway.

internal import Glibc
internal import LinuxSystem

/// What all processes of a sandbox come to, by one look at each.
struct CensusSums: Equatable {
    var processes: Int64 = 0
    var threads: Int64 = 0
    /// Clock ticks of all living processes and of all that they have waited for.
    var ticks: Int64 = 0
    /// Bytes of anonymous memory, a page that several processes share (after a fork) counted for each of them.
    var anonymous: Int64 = 0
    /// The most that one process has: pages of one process are counted once, so so much is in use for certain.
    var largest: Int64 = 0
    /// Bytes swapped out, as `anonymous` is counted; only looked for when the host has something swapped out.
    var swapped: Int64 = 0
}

/// A census under way; it may take several steps, because an agent may have as many processes as it likes.
///
/// The processor time of a process that ends goes to whoever waits for it, in the end to init; so the sum over the living
/// has everything once. Missed is the time of processes whose parent ignores `SIGCHLD`, which the kernel adds to nobody's;
/// what was seen of them before is kept by `UsageMeter`. A process that ends or is waited for while the census is under
/// way may be missed or counted twice in this one sum.
struct Census {
    private(set) var sums = CensusSums()
    private let readsSwap: Bool
    private static let pageSize = Int64(sysconf(CInt(_SC_PAGESIZE)))

    /// Begins at the first process.
    init(_ table: inout ProcessTable, readsSwap: Bool) {
        self.readsSwap = readsSwap
        table.rewind()
    }

    /// Goes on until all are counted or the clock (`MonotonicClock.microseconds`) is at `deadline`; whether all are.
    mutating func step(_ table: inout ProcessTable, deadline: Int64) -> Bool {
        var count = 0
        while let pid = table.next() {
            add(pid, &table)
            count += 1
            if count & 15 == 0 && MonotonicClock.microseconds >= deadline { return false }
        }
        return true
    }

    private mutating func add(_ pid: Int32, _ table: inout ProcessTable) {
        guard let text = table.read(pid, "stat"), let stat = ProcessStat(text) else { return }
        sums.processes += 1
        sums.threads += stat.threads
        sums.ticks &+= stat.ticks
        guard let pid = stat.isEnded && stat.threads > 1 ? table.survivor(pid) : pid,
            let text = table.read(pid, "statm"), let pages = ProcessPages(text)
        else { return }
        let anonymous = pages.anonymous &* Self.pageSize
        sums.anonymous += anonymous
        sums.largest = max(sums.largest, anonymous)
        if readsSwap, let text = table.read(pid, "status") {
            sums.swapped += KilobyteLine.bytes("VmSwap:", in: text)
        }
    }
}
