// The lines of a stream of server-sent events, in pieces of any size: only the data matters here. Lines end with LF, CR LF or
// CR; the first may have a byte order mark. See "Server-sent events" in the HTML standard. Called by UsageReader.

/// Splits a stream of events into the data of its lines.
struct EventLines {
    /// What a stream consists of; the ranges are those of the bytes that `next` was given.
    enum Part: Equatable {
        /// The data of a whole line.
        case line(Range<Int>)
        /// Some of the data of a line that is not wholly there; `begins` for the first of it.
        case piece(Range<Int>, begins: Bool)
    }

    /// The stream has said that it is over: `[DONE]`.
    private(set) var isDone = false

    private enum Kind { case undecided, data, other }

    private static let field = Array("data:".utf8)
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
    private static let done = Array("[DONE]".utf8)

    private var kind = Kind.undecided
    /// The first bytes of a line that is not decided yet.
    private var head: [UInt8] = []
    private var isFirstLine = true
    private var isAfterReturn = false
    /// No data of the line was handed over yet.
    private var begins = true
    /// What there is of a line's data, as long as it may be `[DONE]`.
    private var mark: [UInt8] = []

    /// The next part of these bytes that matters; nil at their end.
    mutating func next(_ bytes: UnsafeRawBufferPointer, _ position: inout Int) -> Part? {
        while position < bytes.count {
            if isAfterReturn {
                isAfterReturn = false
                if unsafe bytes[position] == 0x0A {
                    position += 1
                    continue
                }
            }
            let start = position
            let end = unsafe Self.lineEnd(bytes, from: start)
            let ends = end < bytes.count
            position = ends ? end + 1 : end
            if ends { isAfterReturn = unsafe bytes[end] == 0x0D }
            if let part = unsafe part(bytes, start..<end, ends: ends) { return part }
        }
        return nil
    }

    /// The next LF or CR, or the end.
    private static func lineEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index < bytes.count {
            while index + 8 <= bytes.count {
                let word = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                if word.hasByte(0x0A) || word.hasByte(0x0D) { break }
                index += 8
            }
            guard index < bytes.count else { break }
            let byte = unsafe bytes[index]
            if byte == 0x0A || byte == 0x0D { return index }
            index += 1
        }
        return index
    }

    private mutating func part(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, ends: Bool) -> Part? {
        let isWhole = ends && kind == .undecided && head.isEmpty
        var start = range.lowerBound
        while kind == .undecided && start < range.upperBound {
            decide(unsafe bytes[start])
            start += 1
        }
        defer { if ends { endLine() } }
        switch kind {
        case .undecided, .other: return nil
        case .data:
            unsafe noteMark(UnsafeRawBufferPointer(rebasing: bytes[start..<range.upperBound]))
            if isWhole { return .line(start..<range.upperBound) }
            if start == range.upperBound { return nil }
            defer { begins = false }
            return .piece(start..<range.upperBound, begins: begins)
        }
    }

    private mutating func decide(_ byte: UInt8) {
        head.append(byte)
        if isFirstLine && head == Self.byteOrderMark {
            head.removeAll(keepingCapacity: true)
            isFirstLine = false
        } else if head.count == Self.field.count {
            kind = head == Self.field ? .data : .other
        }
    }

    private mutating func endLine() {
        if kind == .data && mark == Self.done { isDone = true }
        kind = .undecided
        isFirstLine = false
        begins = true
        head.removeAll(keepingCapacity: true)
        mark.removeAll(keepingCapacity: true)
    }

    private mutating func noteMark(_ data: UnsafeRawBufferPointer) {
        for index in data.indices where mark.count <= Self.done.count {
            let byte = unsafe data[index]
            if byte != UInt8(ascii: " ") { mark.append(byte) }
            if mark.first != Self.done.first && !mark.isEmpty { return }
        }
    }
}

extension UInt64 {
    /// Whether one of its eight bytes is this one.
    func hasByte(_ byte: UInt8) -> Bool {
        let word = self ^ (0x0101_0101_0101_0101 &* UInt64(byte))
        return (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080 != 0
    }
}
