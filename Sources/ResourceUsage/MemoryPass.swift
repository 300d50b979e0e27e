// The dear look at all processes of a sandbox: shared pages divided among those that share them (PSS), and files in memory
// that have no name. Done in steps; UsageMeter decides when.

internal import Glibc
internal import LinuxSystem

/// What a pass has found.
struct MemoryFindings: Equatable {
    /// Bytes of anonymous memory, swapped out or not, each page counted once.
    var anonymous: Int64 = 0
    /// Bytes of files in memory without a name: memfd, shared anonymous mappings, System V segments that are mapped.
    var shared: Int64 = 0
    /// Bytes of open files without a name on other file systems than the sandbox's own in memory.
    var unlinkedBytes: Int64 = 0
    /// Their number.
    var unlinkedFiles: Int64 = 0
}

/// A pass under way: PSS of each process first, then descriptors, then the mappings of those that map shared memory.
///
/// An agent can have so many descriptors that looking at them takes minutes, while its anonymous memory is known soon.
/// Files that are mapped and not open are only found by their mappings, and those that are open as well are already
/// counted: so mappings come second.
///
/// Not seen: descriptors on their way through a socket; of processes that are not dumpable, when Cloche is not root, open
/// files without a name on disks; System V segments that nobody maps; the kernel's own memory for pipes, sockets, page
/// tables and names; huge pages of hugetlbfs. Of the memory that a file on a disk takes in the page cache nothing is
/// counted: the kernel takes it back when it needs it.
struct MemoryPass: ~Copyable {
    /// Files that are told apart; beyond, one that is open twice is counted twice.
    private static let mostFiles = 65536
    /// Shared memory of a process that is too little to look at its mappings; it is counted as it is.
    private static let little: Int64 = 1 << 20

    /// Clock ticks for which a process may be in the memory of its parent: between `vfork(2)` and its exec.
    static let borrowed = Int64(sysconf(CInt(_SC_CLK_TCK))) / 10

    private let places: MemoryPlaces
    private let borrowed: Int64
    /// Bytes of anonymous memory of each process so far.
    private var counted: [Int32: Int64] = [:]
    private(set) var found = MemoryFindings()
    private var files: Set<FileKey> = []
    private var listing: DirectoryStream?
    /// Processes whose descriptors are still to be looked at.
    private var waiting: [Int32] = []
    /// Threads whose descriptors are still to be looked at.
    private var threads: DirectoryStream?
    /// The one whose were looked at already.
    private var seen: Int32 = 0
    private var descriptors: DirectoryStream?
    private var mappers: [Int32] = []
    private var mappings: MappingSum?
    /// Processes that do not let us list their descriptors.
    private var hiding: [Int32] = []
    private var hidden: HiddenDescriptors?
    private var isLookedAtHidden = false

    /// Begins at the first process.
    init(_ table: borrowing ProcessTable, _ places: MemoryPlaces, borrowed: Int64 = Self.borrowed) {
        self.places = places
        self.borrowed = borrowed
        listing = table.listing()
    }

    /// Goes on until all is counted or the clock (`MonotonicClock.microseconds`) is at `deadline`; whether all is.
    mutating func step(_ table: inout ProcessTable, deadline: Int64) -> Bool {
        repeat {
            if let open = descriptors {
                if !look(at: open, &table, deadline) { return false }
                descriptors = nil
            } else if let all = threads {
                // Each may have a table of its own: clone(2) without CLONE_FILES.
                if let thread = all.nextNumber() {
                    if thread != seen { descriptors = table.descriptors(thread) }
                } else {
                    threads = nil
                }
            } else if let all = listing {
                if let pid = all.nextNumber() { begin(pid, &table) } else { listing = nil }
            } else if let pid = waiting.popLast() {
                openDescriptors(pid, &table)
            } else if !isLookedAtHidden {
                lookAtHidden(&table)
            } else if !sumMappings(&table) {
                return true
            }
        } while MonotonicClock.microseconds < deadline
        return false
    }

    private mutating func begin(_ process: Int32, _ table: inout ProcessTable) {
        var pid = process
        var text = table.read(pid, "smaps_rollup")
        if text == nil, let thread = table.survivor(pid) {
            pid = thread
            text = table.read(pid, "smaps_rollup")
        }
        if let text {
            let anonymous =
                KilobyteLine.bytes("Pss_Anon:", in: text) + KilobyteLine.bytes("SwapPss:", in: text)
            let shared = KilobyteLine.bytes("Pss_Shmem:", in: text)
            counted[process] = anonymous
            // All that is mapped; of a page that others map too, PSS is a part.
            let whole = KilobyteLine.bytes("Anonymous:", in: text) + KilobyteLine.bytes("Swap:", in: text)
            if anonymous <= whole / 4 * 3 || !isInItsParentsMemory(process, anonymous, &table) {
                found.anonymous += anonymous
                if shared >= Self.little { mappers.append(pid) } else { found.shared += shared }
            }
        }
        waiting.append(process)
    }

    /// Goes on with the descriptors that processes hide.
    private mutating func lookAtHidden(_ table: inout ProcessTable) {
        if hidden == nil && !hiding.isEmpty { hidden = HiddenDescriptors(hiding, places) }
        guard let (file, isDone) = hidden?.step(&table, files) else {
            isLookedAtHidden = true
            return
        }
        if let file { add(file) }
        isLookedAtHidden = isDone
    }

    private mutating func openDescriptors(_ pid: Int32, _ table: inout ProcessTable) {
        descriptors = table.descriptors(pid)
        if descriptors == nil && errno == EACCES && pid != 1 { hiding.append(pid) }
        (threads, seen) = (table.threads(pid), pid)
    }

    /// Whether a process is so young that it may still have its parent's memory instead of its own, and looks as if.
    ///
    /// PSS divides by how often a page is mapped, and here one mapping has two processes: a big program that starts
    /// others would be counted twice. A child with a copy has the same PSS as its parent too, as long as neither takes new
    /// pages; but then both have half of what is mapped, unless they have written most of it in this short time.
    private func isInItsParentsMemory(_ pid: Int32, _ anonymous: Int64, _ table: inout ProcessTable) -> Bool {
        guard let text = table.read(pid, "stat"), let stat = ProcessStat(text), stat.isFork,
            counted[Int32(clamping: stat.parent)] == anonymous
        else { return false }
        return Self.ticksSinceBoot - stat.start <= borrowed
    }

    private static var ticksSinceBoot: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        let second = Int64(sysconf(CInt(_SC_CLK_TCK)))
        return Int64(time.tv_sec) * second + Int64(time.tv_nsec) * second / 1_000_000_000
    }

    /// Counts what a process has open; whether that was all.
    private mutating func look(
        at open: DirectoryStream,
        _ table: inout ProcessTable,
        _ deadline: Int64
    ) -> Bool {
        var count = 0
        while let number = open.nextNumber() {
            if let file = table.unlinkedFile(open, number) { add(file) }
            count += 1
            if count & 63 == 0 && MonotonicClock.microseconds >= deadline { return false }
        }
        return true
    }

    private mutating func add(_ open: OpenFile) {
        // What the sandbox's own file systems in memory hold is known from themselves.
        if places.devices.contains(open.file.device) || files.contains(open.file) { return }
        if files.count < Self.mostFiles { files.insert(open.file) }
        if open.file.device == places.kernel {
            found.shared += open.bytes
        } else {
            found.unlinkedBytes += open.bytes
            found.unlinkedFiles += 1
        }
    }

    /// Reads on in the mappings of a process; false when there is none left.
    private mutating func sumMappings(_ table: inout ProcessTable) -> Bool {
        if var sum = mappings {
            let isDone = sum.step(places.kernel, files)
            mappings = sum
            if isDone {
                found.shared += sum.bytes
                mappings = nil
            }
            return true
        }
        guard let mapper = mappers.popLast() else { return false }
        if let file = table.openFile(mapper, "smaps") { mappings = MappingSum(file) }
        return true
    }
}

/// The share of a process in the memory that it maps and nobody has open.
struct MappingSum {
    private let file: FileDescriptor.Shared
    private var rest: [UInt8] = []
    private var counts = false
    private(set) var bytes: Int64 = 0

    init(_ file: consuming FileDescriptor) { self.file = FileDescriptor.Shared(file) }

    /// Reads on; whether that was the end.
    ///
    /// - Parameters:
    ///   - kernel: the device of files in memory that have no name.
    ///   - known: files that are counted already.
    mutating func step(_ kernel: UInt64, _ known: Set<FileKey>) -> Bool {
        // A process that has ended meanwhile maps nothing.
        guard let part = try? file.read(upTo: 32768), !part.isEmpty else { return true }
        rest += part
        var start = 0
        while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
            take(rest[start..<end], kernel, known)
            start = end + 1
        }
        rest.removeFirst(start)
        return false
    }

    private mutating func take(_ line: ArraySlice<UInt8>, _ kernel: UInt64, _ known: Set<FileKey>) {
        if let head = MappingHead(line) {
            let key = FileKey(device: head.device, inode: head.inode)
            counts = head.device == kernel && !known.contains(key)
        } else if counts, let share = KilobyteLine.bytes("Pss:", atLine: line) {
            bytes += share
        } else if counts, let share = KilobyteLine.bytes("SwapPss:", atLine: line) {
            bytes += share
        }
    }
}
