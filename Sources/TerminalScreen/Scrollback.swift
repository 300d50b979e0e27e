// Lines that have left the top of the screen: as text with styles, packed, so that a line costs about its length. Kept
// in blocks; when there are too many bytes, the oldest block goes.

internal import TerminalText

/// A line of text with its styles.
package struct ScreenLine: Equatable, Sendable {
    /// A piece in one style.
    package struct Run: Equatable, Sendable {
        /// What stands there.
        package var text: String
        /// How it is drawn.
        package var style: Style
        /// The colour of its underline, and its link.
        package var decoration: Decoration

        /// A piece.
        package init(text: String, style: Style, decoration: Decoration = .none) {
            (self.text, self.style, self.decoration) = (text, style, decoration)
        }

        /// A piece in the style that an SGR sequence of these numbers sets; a link that is none of the web is left out.
        package init(text: String, selection: String, link: String?) {
            self.init(text: text, style: Style())
            style.select(Array(selection.utf8), underline: &decoration.underlineBits)
            if let link = link.flatMap({ Hyperlink(Array("8;;\($0)".utf8)) }), !link.isEnd {
                decoration.link = link
            }
        }

        /// The numbers of an SGR sequence for it.
        package var selection: String { style.selection + decoration.selection }
    }

    /// From left to right; nothing where the line ends.
    package var runs: [Run] = []
    /// Whether the text goes on in the next line.
    package var isWrapped = false

    /// A line.
    package init(runs: [Run] = [], isWrapped: Bool = false) {
        (self.runs, self.isWrapped) = (runs, isWrapped)
    }

    /// The text without styles.
    package var text: String { runs.map(\.text).joined() }
}

struct Scrollback: Sendable {
    private struct Block: Sendable {
        var bytes: [UInt8] = []
        /// Where each line begins.
        var starts: [Int32] = []
    }

    private static let blockBytes = 32768

    /// The most bytes that are kept, about.
    let limit: Int
    private var blocks: [Block] = []
    private var total = 0
    /// What they take.
    var bytes: Int { total }
    /// Lines that are kept.
    private(set) var count = 0

    init(limit: Int) { self.limit = limit }

    mutating func removeAll() { self = Scrollback(limit: limit) }

    /// Takes a row in.
    mutating func push(
        _ cells: ArraySlice<Cell>,
        _ row: Grid.Row,
        _ clusters: ClusterTable,
        _ decorations: DecorationTable
    ) {
        guard limit > 0 else { return }
        if blocks.last.map({ $0.bytes.count >= Self.blockBytes }) ?? true { openBlock() }
        let last = blocks.count - 1
        let before = blocks[last].bytes.count
        blocks[last].starts.append(Int32(before))
        PackedLine.append(
            cells,
            isWrapped: row.isWrapped,
            isUniform: row.isUniform,
            clusters,
            decorations,
            to: &blocks[last].bytes
        )
        total += blocks[last].bytes.count - before
        count += 1
    }

    private mutating func openBlock() {
        var fresh = Block()
        while total > limit, blocks.count > 1 {
            var oldest = blocks.removeFirst()
            total -= oldest.bytes.count
            count -= oldest.starts.count
            oldest.bytes.removeAll(keepingCapacity: true)
            oldest.starts.removeAll(keepingCapacity: true)
            fresh = oldest
        }
        blocks.append(fresh)
    }

    /// Takes the newest line out.
    mutating func pop() -> ScreenLine? {
        guard let last = blocks.indices.last, let start = blocks[last].starts.popLast() else { return nil }
        let line = PackedLine.read(blocks[last].bytes[Int(start)...])
        total -= blocks[last].bytes.count - Int(start)
        blocks[last].bytes.removeLast(blocks[last].bytes.count - Int(start))
        count -= 1
        if blocks[last].starts.isEmpty { blocks.removeLast() }
        return line
    }

    /// The newest `most` lines, oldest of them first.
    func lines(most: Int) -> [ScreenLine] {
        var left = min(most, count)
        var parts: [[ScreenLine]] = []
        for block in blocks.reversed() where left > 0 {
            let starts = block.starts.suffix(left)
            parts.append(starts.map { PackedLine.read(block.bytes[Int($0)...]) })
            left -= starts.count
        }
        return parts.reversed().flatMap { $0 }
    }
}

/// One line as bytes: flags, how many runs, then for each its style, its decoration if it has one, its length and its UTF-8.
enum PackedLine {
    private static let headerBytes = 3
    private static let wrapped: UInt8 = 1
    /// Beside a style's attributes: a decoration follows.
    private static let decorated: UInt32 = 1 << 16
    /// A line that has so many bytes keeps no more links.
    private static let mostBytes = 1 << 16

    static func append(
        _ cells: ArraySlice<Cell>,
        isWrapped: Bool,
        isUniform: Bool = false,
        _ clusters: ClusterTable,
        _ decorations: DecorationTable,
        to bytes: inout [UInt8]
    ) {
        let header = bytes.count
        bytes += [isWrapped ? wrapped : 0, 0, 0]
        var runs = 0
        var start = cells.startIndex
        while start < cells.endIndex {
            let style = cells[start].style
            bytes.appendNumber(style.foregroundBits)
            bytes.appendNumber(style.backgroundBits)
            let attributes = UInt32(style.attributes & Style.attributeMask)
            if style.decoration == 0 {
                bytes.appendNumber(attributes)
            } else {
                bytes.appendNumber(attributes | decorated)
                let full = bytes.count - header > mostBytes
                append(decorations[style.decoration], withLink: !full, to: &bytes)
            }
            let length = bytes.count
            bytes.appendNumber(0)
            var place = start
            if isUniform {
                place = cells.endIndex
                append(ascii: cells, to: &bytes)
            }
            while place < cells.endIndex, cells[place].style == style || cells[place].width == 0 {
                clusters.append(cells[place], to: &bytes)
                place += 1
            }
            bytes.setNumber(UInt32(bytes.count - length - 4), at: length)
            runs += 1
            start = place
        }
        bytes[header + 1] = UInt8(truncatingIfNeeded: runs)
        bytes[header + 2] = UInt8(truncatingIfNeeded: runs >> 8)
    }

    private static func append(_ decoration: Decoration, withLink: Bool, to bytes: inout [UInt8]) {
        let link = withLink ? decoration.link?.payload ?? [] : []
        bytes.appendNumber(decoration.underlineBits)
        bytes.appendNumber(UInt32(link.count))
        bytes += link
    }

    private static func append(ascii cells: ArraySlice<Cell>, to bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: cells.count))
        let span = cells.span
        var output = bytes.mutableSpan
        for place in 0..<span.count { output[start + place] = UInt8(truncatingIfNeeded: span[place].content) }
    }

    static func read(_ bytes: ArraySlice<UInt8>) -> ScreenLine {
        var line = ScreenLine()
        var place = bytes.startIndex
        line.isWrapped = bytes[place] == wrapped
        let runs = Int(bytes[place + 1]) | Int(bytes[place + 2]) << 8
        place += headerBytes
        for _ in 0..<runs {
            var style = Style()
            style.foregroundBits = bytes.number(at: place)
            style.backgroundBits = bytes.number(at: place + 4)
            let attributes = bytes.number(at: place + 8)
            style.attributes = UInt16(truncatingIfNeeded: attributes)
            place += 12
            var decoration = Decoration.none
            if attributes & decorated != 0 {
                decoration.underlineBits = bytes.number(at: place)
                let length = Int(bytes.number(at: place + 4))
                place += 8
                if length > 0 { decoration.link = Hyperlink(Array(bytes[place..<place + length])) }
                place += length
            }
            let length = Int(bytes.number(at: place))
            place += 4
            let text = String(decoding: bytes[place..<place + length], as: UTF8.self)
            line.runs.append(ScreenLine.Run(text: text, style: style, decoration: decoration))
            place += length
        }
        return line
    }
}

extension [UInt8] {
    fileprivate mutating func appendNumber(_ value: UInt32) {
        append(UInt8(truncatingIfNeeded: value))
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value >> 16))
        append(UInt8(truncatingIfNeeded: value >> 24))
    }

    fileprivate mutating func setNumber(_ value: UInt32, at place: Int) {
        for byte in 0..<4 { self[place + byte] = UInt8(truncatingIfNeeded: value >> (8 * UInt32(byte))) }
    }
}

extension ArraySlice<UInt8> {
    fileprivate func number(at place: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(self[place + $1]) << (8 * UInt32($1)) }
    }
}
