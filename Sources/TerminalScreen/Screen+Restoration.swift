// A screen as bytes: what brings a terminal of the same size, whatever it showed before, to show this screen and to be
// in this state, so that it can follow the program's output from here on. Also the first event of a recording that goes
// on in a new file.
//
// Only sequences that `AttachFilter` lets through are written, so that a recording passes it unchanged.

internal import TerminalText

extension Screen {
    /// Brings a terminal of this size into this state.
    ///
    /// - Parameter scrolledOff: how many lines that have left the top are written first, into the terminal's own.
    package func restoration(scrolledOff count: Int = 0) -> [UInt8] {
        var writer = SequenceWriter(clusters, decorations)
        writer.bytes += AttachFilter.reset
        // Shown at once where the terminal can.
        writer.sequence("[?2026h")
        // Where nothing was saved, what the terminal saved before does not count either.
        writer.sequence("[H", "[2J", "7")
        write(linesAbove: count, &writer)
        // While no line is of double width, whose right half cannot be reached.
        restoreTabs(&writer)
        let main = isAlternate ? hidden : grid
        writer.write(main)
        if isAlternate {
            // What the terminal saves on its way there is what the program comes back to.
            restore(saved[0] ?? Cursor(), in: main, &writer)
            for flags in modes.keyboardFlags[0] { writer.sequence("[>\(flags)u") }
            writer.sequence("[?1049h", "[0m", "[2J")
            if saved[1] == nil { writer.sequence("[H", "7") }
            writer.write(grid)
        }
        if let cursor = saved[isAlternate ? 1 : 0] {
            restore(cursor, in: grid, &writer)
            writer.sequence("7")
        }
        if region != 0..<rows { writer.sequence("[\(region.lowerBound + 1);\(region.upperBound)r") }
        restoreModes(&writer)
        restore(cursor, in: grid, link: link, &writer)
        // The last: in insert mode, the character that is written anew would move.
        if modes.inserts { writer.sequence("[4h") }
        if !modes.wraps { writer.sequence("[?7l") }
        if !modes.on.contains(2026) { writer.sequence("[?2026l") }
        return writer.bytes
    }

    private func write(linesAbove count: Int, _ writer: inout SequenceWriter) {
        guard count > 0 else { return }
        let lines = scrollback.lines(most: count)
        for line in lines {
            for run in line.runs {
                writer.select(run.style, run.decoration)
                writer.bytes += Array(run.text.utf8)
            }
            writer.select(.standard)
            writer.bytes += [0x0D, 0x0A]
        }
        // Out of the screen, all of them.
        if !lines.isEmpty { for _ in 0..<rows { writer.bytes.append(0x0A) } }
        writer.sequence("[H", "[2J")
    }

    private func restoreTabs(_ writer: inout SequenceWriter) {
        guard tabs != Self.standardTabs(columns) else { return }
        writer.sequence("[3g")
        for tab in tabs.sorted() { writer.sequence("[1;\(tab + 1)H", "H") }
    }

    private func restoreModes(_ writer: inout SequenceWriter) {
        for mode in TerminalModes.settable where mode != 7 && modes.on.contains(mode) {
            writer.sequence("[?\(mode)h")
        }
        if !modes.showsCursor { writer.sequence("[?25l") }
        if modes.applicationKeypad { writer.sequence("=") }
        if modes.modifyOtherKeys != 0 { writer.sequence("[>4;\(modes.modifyOtherKeys)m") }
        if modes.cursorShape != 0 { writer.sequence("[\(modes.cursorShape) q") }
        for flags in modes.keyboardFlags[isAlternate ? 1 : 0] { writer.sequence("[>\(flags)u") }
    }

    /// The cursor's place, style and character sets.
    private func restore(
        _ cursor: Cursor,
        in grid: Grid,
        link: Hyperlink? = nil,
        _ writer: inout SequenceWriter
    ) {
        var column = min(cursor.column, grid.width(cursor.row) - 1)
        let wrapsNext = cursor.wrapsNext && column == grid.width(cursor.row) - 1
        if wrapsNext, grid[cursor.row, column].width == 0 { column -= 1 }
        writer.sequence("[\(cursor.row + 1);\(column + 1)H")
        if wrapsNext {
            writer.select(CharacterSets())
            let last = grid[cursor.row, column]
            // A wide character in the middle of a line that became one of double width: it is not seen there.
            let isCut = column + Int(last.width) > grid.width(cursor.row)
            writer.write(isCut ? Cell(style: last.style) : last)
        }
        let decoration = Decoration(underlineBits: cursor.underlineBits, link: link)
        writer.select(cursor.style.undecorated, decoration)
        writer.select(cursor.characterSets)
        if let next = cursor.characterSets.next { writer.sequence(next == 2 ? "N" : "O") }
    }
}

/// Writes cells for a terminal, with as few sequences as it takes.
struct SequenceWriter {
    var bytes: [UInt8] = []
    /// The style that the terminal has now.
    private(set) var style = Style.standard
    private var decoration = Decoration.none
    private var sets = CharacterSets()
    private let clusters: ClusterTable
    private let decorations: DecorationTable
    /// So many bytes of links are written; behind them, text stands without.
    private static let mostLinks = 1 << 18
    private var links = 0

    init(_ clusters: ClusterTable, _ decorations: DecorationTable) {
        (self.clusters, self.decorations) = (clusters, decorations)
    }

    /// Sequences without their ESC.
    mutating func sequence(_ texts: String...) {
        for text in texts {
            bytes.append(0x1B)
            bytes += Array(text.utf8)
        }
        if texts.contains("[0m") { (style, decoration.underlineBits) = (.standard, 0) }
    }

    mutating func select(_ wanted: Style) {
        select(wanted.undecorated, decorations[wanted.decoration])
    }

    /// A style without a place in the table, and its decoration.
    mutating func select(_ wanted: Style, _ decoration: Decoration) {
        let before = self.decoration
        var decoration = decoration
        if links > Self.mostLinks { decoration.link = nil }
        self.decoration = decoration
        if wanted != style || decoration.underlineBits != before.underlineBits {
            style = wanted
            sequence("[\(wanted.selection)\(decoration.selection)m")
            style = wanted
            self.decoration = decoration
        }
        guard decoration.link != before.link else { return }
        let sequence = (decoration.link ?? Hyperlink.end).sequence
        links += sequence.count
        bytes += sequence
    }

    mutating func select(_ wanted: CharacterSets) {
        for place in 0..<4 where wanted.names[place] != sets.names[place] {
            bytes += [0x1B, 0x28 + UInt8(place), wanted.names[place]]
        }
        if wanted.current != sets.current { bytes.append(wanted.current == 1 ? 0x0E : 0x0F) }
        sets = wanted
    }

    mutating func write(_ cell: Cell) {
        select(cell.style)
        clusters.append(cell, to: &bytes)
    }

    /// A whole grid on a blank screen.
    mutating func write(_ grid: Grid) {
        select(CharacterSets())
        // Behind a line that goes on, the next is written without a jump: then the terminal knows it too.
        var follows = false
        for row in 0..<grid.rows {
            let line = grid.lines[row]
            let used = grid.used(row)
            if used > 0 || line.size != .single {
                if !follows { sequence("[\(row + 1);1H") }
                if line.size != .single {
                    sequence("#\(Character(Unicode.Scalar(line.size.rawValue)))")
                }
                write(grid.visible(row))
            }
            follows = isFollowed(row, in: grid)
        }
        select(.standard)
    }

    /// Whether the next row may be written behind this one as the terminal wraps it.
    private func isFollowed(_ row: Int, in grid: Grid) -> Bool {
        let line = grid.lines[row]
        guard line.isWrapped, line.size == .single, row + 1 < grid.rows, grid.lines[row + 1].size == .single,
            grid.used(row) == grid.columns, grid.used(row + 1) > 0
        else { return false }
        return grid[row, grid.columns - 1] != .blank && grid[row + 1, 0] != .blank
    }

    /// Cells from left to right; long gaps are erased instead of written.
    mutating func write(_ cells: ArraySlice<Cell>) {
        var place = cells.startIndex
        while place < cells.endIndex {
            let gap = cells[place...].prefix { $0 == .blank }
            if gap.count > 8 {
                sequence("[\(gap.count)C")
                place = gap.endIndex
            } else {
                write(cells[place])
                place += 1
            }
        }
    }
}
