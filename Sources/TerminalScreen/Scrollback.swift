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

        /// Bytes that it takes.
        var cost: Int { bytes.count + MemoryLayout<Int32>.stride * starts.count }
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
        push { bytes in
            PackedLine.append(
                cells,
                isWrapped: row.isWrapped,
                isUniform: row.isUniform,
                clusters,
                decorations,
                to: &bytes
            )
        }
    }

    /// Takes lines of ASCII in one style without decoration in: from each start to its end.
    mutating func push(_ text: ArraySlice<UInt8>, _ lines: ArraySlice<Range<Int>>, _ style: Style) {
        for line in lines { push { PackedLine.append(ascii: text[line], style, to: &$0) } }
    }

    private mutating func push(_ append: (inout [UInt8]) -> Void) {
        guard limit > 0 else { return }
        if blocks.last.map({ $0.bytes.count >= Self.blockBytes }) ?? true { openBlock() }
        let last = blocks.count - 1
        let before = blocks[last].cost
        blocks[last].starts.append(Int32(blocks[last].bytes.count))
        append(&blocks[last].bytes)
        total += blocks[last].cost - before
        count += 1
    }

    private mutating func openBlock() {
        var fresh = Block()
        while total > limit, blocks.count > 1 {
            var oldest = blocks.removeFirst()
            total -= oldest.cost
            count -= oldest.starts.count
            oldest.bytes.removeAll(keepingCapacity: true)
            oldest.starts.removeAll(keepingCapacity: true)
            fresh = oldest
        }
        blocks.append(fresh)
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
            if style.decoration == 0 {
                append(style, to: &bytes)
            } else {
                let full = bytes.count - header > mostBytes
                append(style, decorations[style.decoration], withLink: !full, to: &bytes)
            }
            let length = bytes.count - 4
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

    /// A line of ASCII in one style without decoration.
    static func append(ascii text: ArraySlice<UInt8>, _ style: Style, to bytes: inout [UInt8]) {
        bytes += [0, text.isEmpty ? 0 : 1, 0]
        if text.isEmpty { return }
        append(style, length: text.count, to: &bytes)
        bytes += text
    }

    /// Begins a run.
    private static func append(_ style: Style, length: Int = 0, to bytes: inout [UInt8]) {
        let attributes = UInt32(style.attributes & Style.attributeMask)
        let words = (
            style.foregroundBits.littleEndian, style.backgroundBits.littleEndian, attributes.littleEndian,
            UInt32(length).littleEndian
        )
        unsafe withUnsafeBytes(of: words) { unsafe bytes.append(contentsOf: $0) }
    }

    /// Begins a run that has a decoration.
    private static func append(
        _ style: Style,
        _ decoration: Decoration,
        withLink: Bool,
        to bytes: inout [UInt8]
    ) {
        let link = withLink ? decoration.link?.payload ?? [] : []
        append(style, to: &bytes)
        bytes.setNumber(UInt32(style.attributes & Style.attributeMask) | decorated, at: bytes.count - 8)
        bytes.setNumber(decoration.underlineBits, at: bytes.count - 4)
        bytes.appendNumber(UInt32(link.count))
        bytes += link
        bytes.appendNumber(0)
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
        unsafe Swift.withUnsafeBytes(of: value.littleEndian) { unsafe append(contentsOf: $0) }
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
