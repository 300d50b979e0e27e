// Tables and lists that a log of any length cannot make larger than a page can bear. What does not fit is counted.

/// Values by their keys, in the order in which the keys came; at most so many.
struct BoundedTable<Key: Hashable, Value> {
    private var numbers: [Key: Int] = [:]
    private(set) var keys: [Key] = []
    private(set) var values: [Value] = []
    private let limit: Int
    /// How many changes found no room.
    private(set) var left = 0

    init(limit: Int) { self.limit = limit }

    /// Changes the value under a key, made anew if there is none; nothing happens when there is no room for one more.
    @discardableResult
    mutating func change(_ key: Key, new: @autoclosure () -> Value, _ change: (inout Value) -> Void) -> Bool {
        if let number = numbers[key] {
            change(&values[number])
            return true
        }
        guard values.count < limit else {
            left += 1
            return false
        }
        numbers[key] = values.count
        keys.append(key)
        var value = new()
        change(&value)
        values.append(value)
        return true
    }

    subscript(key: Key) -> Value? { numbers[key].map { values[$0] } }
}

/// The first of many and the last; how many lie between.
struct Ends<Element> {
    private(set) var first: [Element] = []
    private var ring: [Element] = []
    private var next = 0
    private let mostFirst: Int
    private let mostLast: Int
    /// How many came.
    private(set) var count = 0

    init(first: Int, last: Int) { (mostFirst, mostLast) = (first, last) }

    mutating func append(_ element: Element) {
        count += 1
        if first.count < mostFirst { return first.append(element) }
        if ring.count < mostLast { return ring.append(element) }
        guard mostLast > 0 else { return }
        ring[next] = element
        next = (next + 1) % mostLast
    }

    /// Those at the end, oldest first.
    var last: [Element] { Array(ring[next...] + ring[..<next]) }

    /// How many there is nothing of.
    var left: Int { count - first.count - ring.count }
}

/// The last lines of a text, as many as fit; in the order of their numbers.
struct Tail {
    private var lines: [(number: Int64, text: String)] = []
    private var begin = 0
    private var bytes = 0
    private let limit: Int
    private(set) var count = 0

    init(bytes limit: Int) { self.limit = limit }

    /// Appends a line; one without a number stays behind the one before.
    mutating func append(_ line: String, number: Int64? = nil) {
        count += 1
        bytes += line.utf8.count
        lines.append((number ?? lines.last?.number ?? 0, line))
        while bytes > limit, begin < lines.count - 1 {
            bytes -= lines[begin].text.utf8.count
            lines[begin].text = ""
            begin += 1
        }
        if begin > 1024, begin > lines.count / 2 {
            lines.removeFirst(begin)
            begin = 0
        }
    }

    /// Those that fit, in the order of their numbers.
    var kept: [String] {
        // Equal numbers, as of lines without any, stay in the order in which they came.
        lines[begin...].enumerated().sorted {
            ($0.element.number, $0.offset) < ($1.element.number, $1.offset)
        }.map { $0.element.text }
    }
}

/// Counts over time, in slots that grow longer as time goes on.
struct Slots {
    /// How long a slot is, in milliseconds.
    private(set) var width: Int64 = 50
    private(set) var counts: [Int] = []
    static let most = 240

    mutating func add(at offset: Int64, _ count: Int = 1) {
        let offset = max(0, offset)
        while offset / width >= Int64(Self.most) { widen() }
        let number = Int(offset / width)
        if number >= counts.count { counts += Array(repeating: 0, count: number + 1 - counts.count) }
        let (sum, overflow) = counts[number].addingReportingOverflow(count)
        counts[number] = overflow ? .max : sum
    }

    /// Makes the slots at least so long.
    mutating func widen(to wanted: Int64) { while width < wanted { widen() } }

    private mutating func widen() {
        width *= 2
        counts = stride(from: 0, to: counts.count, by: 2).map { number in
            let (sum, overflow) = counts[number].addingReportingOverflow(
                number + 1 < counts.count ? counts[number + 1] : 0
            )
            return overflow ? .max : sum
        }
    }
}
