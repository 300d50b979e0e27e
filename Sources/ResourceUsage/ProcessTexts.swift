// What files of /proc say of one process, taken apart without a copy. Pure; the texts are the kernel's, the name of the
// program in them is the agent's.

/// Numbers of `/proc/N/stat`.
struct ProcessStat: Equatable {
    /// Threads, those that have ended and wait for nobody left out.
    let threads: Int64
    /// Clock ticks of its own, and of children that it has waited for.
    let ticks: Int64
    /// Its parent, by the id inside.
    let parent: Int64
    /// Whether it has not yet executed a program of its own.
    let isFork: Bool
    /// Clock ticks since boot at which it began.
    let start: Int64
    /// Whether its first thread has ended.
    let isEnded: Bool

    /// `PF_FORKNOEXEC` of the kernel's `linux/sched.h`.
    private static let forkedWithoutExec: Int64 = 0x40

    /// The name in parentheses may hold anything, parentheses too; what follows the last one is numbers.
    init?(_ text: ArraySlice<UInt8>) {
        guard let end = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        var words = Words(text[(end + 1)...])
        // After the name come fields 3 and on: the state, the parent; 9 are the flags.
        let state = text[(end + 1)...].first { $0 > 32 }
        guard words.skip(1), let parent = words.nextNumber(), words.skip(4), let flags = words.nextNumber(),
            words.skip(4)
        else { return nil }
        // 14 to 17 are times.
        var ticks: Int64 = 0
        for _ in 14...17 {
            guard let time = words.nextNumber() else { return nil }
            ticks &+= time
        }
        // 20 is the count of threads, 22 the start.
        guard words.skip(2), let threads = words.nextNumber(), words.skip(1), let start = words.nextNumber()
        else { return nil }
        (self.threads, self.ticks, self.parent, self.start) = (threads, ticks, parent, start)
        isEnded = state == UInt8(ascii: "Z")
        isFork = flags & Self.forkedWithoutExec != 0
    }
}

/// Pages of `/proc/N/statm`.
struct ProcessPages: Equatable {
    /// Pages in memory that belong to no file: the rest of what is resident is file and shared memory.
    let anonymous: Int64

    init?(_ text: ArraySlice<UInt8>) {
        var words = Words(text)
        guard words.skip(1), let resident = words.nextNumber(), let shared = words.nextNumber() else {
            return nil
        }
        anonymous = max(0, resident - shared)
    }
}

/// Lines `Name:   123 kB` of `/proc/N/status`, `smaps` and `smaps_rollup`.
enum KilobyteLine {
    /// The bytes of the line that begins so; 0 when there is none.
    static func bytes(_ name: StaticString, in text: ArraySlice<UInt8>) -> Int64 {
        var start = text.startIndex
        while start < text.endIndex {
            if let bytes = bytes(name, atLine: text[start...]) { return bytes }
            guard let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) else { return 0 }
            start = end + 1
        }
        return 0
    }

    /// The bytes, if the text begins with the name.
    static func bytes(_ name: StaticString, atLine text: ArraySlice<UInt8>) -> Int64? {
        let length = name.utf8CodeUnitCount
        let isIt = name.withUTF8Buffer { unsafe text.prefix(length).elementsEqual($0) }
        guard isIt else { return nil }
        var words = Words(text.dropFirst(length))
        return words.nextNumber().map { $0 &* 1024 }
    }
}

/// The first line of a mapping in `/proc/N/smaps`: `start-end rw-s offset major:minor inode  path`.
struct MappingHead: Equatable {
    let device: UInt64
    let inode: UInt64

    /// Nil when the line is none: those of a mapping's numbers begin with a capital letter.
    init?(_ line: ArraySlice<UInt8>) {
        guard let first = line.first, (48...57).contains(first) || (97...102).contains(first) else {
            return nil
        }
        let words = line.split(separator: 32, maxSplits: 5, omittingEmptySubsequences: true)
        guard words.count >= 5 else { return nil }
        let numbers = words[3].split(separator: UInt8(ascii: ":"))
        guard numbers.count == 2,
            let major = UInt64(Substring(decoding: numbers[0], as: UTF8.self), radix: 16),
            let minor = UInt64(Substring(decoding: numbers[1], as: UTF8.self), radix: 16),
            let inode = UInt64(Substring(decoding: words[4], as: UTF8.self))
        else { return nil }
        device = DeviceNumber.make(major, minor)
        self.inode = inode
    }
}

/// Device numbers as `stat(2)` gives them, `makedev(3)`.
enum DeviceNumber {
    static func make(_ major: UInt64, _ minor: UInt64) -> UInt64 {
        (major & 0xffff_f000) << 32 | (major & 0xfff) << 8 | (minor & 0xffff_ff00) << 12 | minor & 0xff
    }
}

/// Words between spaces.
private struct Words {
    private let text: ArraySlice<UInt8>
    private var position: Int

    init(_ text: ArraySlice<UInt8>) { (self.text, position) = (text, text.startIndex) }

    mutating func skip(_ count: Int) -> Bool {
        for _ in 0..<count {
            passSpaces()
            guard position < text.endIndex else { return false }
            while position < text.endIndex, text[position] > 32 { position += 1 }
        }
        return true
    }

    /// A number that is not negative; a negative one is 0.
    mutating func nextNumber() -> Int64? {
        passSpaces()
        guard position < text.endIndex else { return nil }
        let isNegative = text[position] == UInt8(ascii: "-")
        if isNegative { position += 1 }
        var value: Int64 = 0
        let start = position
        while position < text.endIndex, (48...57).contains(text[position]) {
            value = value &* 10 &+ Int64(text[position] - 48)
            position += 1
        }
        return position == start ? nil : isNegative ? 0 : value
    }

    private mutating func passSpaces() {
        while position < text.endIndex, text[position] <= 32 { position += 1 }
    }
}
