// A screen shown in a terminal of another size: the part around the cursor, dots where the terminal is larger. Each frame
// writes only what differs from the one before, so a fast program costs a slow terminal nothing.

internal import TerminalText

/// Draws a screen again and again in one terminal.
package struct FramePainter: Sendable {
    private let columns: Int
    private let rows: Int
    /// What the terminal shows; nil before the first frame.
    private var shown: Grid?
    private var generation = 0
    private var modes = TerminalModes()

    /// For a terminal of this size, whatever it shows.
    package init(columns: Int, rows: Int) {
        self.columns = min(max(columns, 1), Screen.largest)
        self.rows = min(max(rows, 1), Screen.largest)
    }

    /// What brings the terminal from the frame before to the screen as it is now.
    package mutating func frame(_ screen: Screen) -> [UInt8] {
        var writer = SequenceWriter(screen.clusters, screen.decorations)
        writer.sequence("[?2026h")
        let top = Self.offset(of: screen.cursor.row, in: screen.rows, shown: rows)
        let left = Self.offset(of: screen.cursor.column, in: screen.columns, shown: columns)
        let wanted = compose(screen, top, left)
        if shown == nil {
            writer.bytes = AttachFilter.reset
            writer.sequence("[?1049h", "[?2026h", "[0m", "[2J")
        }
        // Characters of several scalars, or links, have new places in their table: what is shown cannot be compared.
        let before = shown.map { generation == screen.tableGeneration ? $0 : nil } ?? nil
        write(
            wanted,
            before ?? Grid(columns: columns, rows: rows),
            all: before == nil && shown != nil,
            &writer
        )
        (shown, generation) = (wanted, screen.tableGeneration)
        writer.select(.standard)
        switchModes(screen.modes, &writer)
        writer.sequence("[\(screen.cursor.row - top + 1);\(screen.cursor.column - left + 1)H")
        writer.sequence("[?25\(screen.modes.showsCursor ? "h" : "l")", "[?2026l")
        return writer.bytes
    }

    /// How much of the screen is out of sight before the part that is shown.
    private static func offset(of cursor: Int, in size: Int, shown: Int) -> Int {
        size <= shown ? 0 : min(max(0, cursor - shown + 1), size - shown)
    }

    private func compose(_ screen: Screen, _ top: Int, _ left: Int) -> Grid {
        var grid = Grid(columns: columns, rows: rows)
        var outside = Cell(content: 0xB7)
        outside.style[.dim] = true
        for row in 0..<rows {
            let isInside = row + top < screen.rows
            let inside = isInside ? min(columns, screen.columns - left) : 0
            for column in 0..<inside {
                let cell = screen.grid[row + top, column + left]
                // Of a wide character, a half is not shown.
                if cell.width == 0 || column + Int(cell.width) > inside { continue }
                if cell != .blank { grid.put(cell, row, column) }
            }
            for column in inside..<columns { grid.put(outside, row, column) }
        }
        return grid
    }

    private func write(_ wanted: Grid, _ before: Grid, all: Bool, _ writer: inout SequenceWriter) {
        for row in 0..<rows {
            let differs = { (column: Int) in all || wanted[row, column] != before[row, column] }
            guard var start = (0..<columns).first(where: differs),
                let end = (0..<columns).last(where: differs)
            else { continue }
            while start > 0 && wanted[row, start].width == 0 { start -= 1 }
            writer.sequence("[\(row + 1);\(start + 1)H")
            for column in start...end { writer.write(wanted[row, column]) }
        }
    }

    /// How keys and the mouse are reported is the program's wish in this terminal too.
    private mutating func switchModes(_ wanted: TerminalModes, _ writer: inout SequenceWriter) {
        // Shown otherwise, or the terminal's own matter here: reverse video, wrapping, the cursor, frames.
        let left: Set<Int> = [5, 7, 25, 2026]
        for mode in modes.on.subtracting(wanted.on).subtracting(left).sorted() {
            writer.sequence("[?\(mode)l")
        }
        for mode in wanted.on.subtracting(modes.on).subtracting(left).sorted() {
            writer.sequence("[?\(mode)h")
        }
        if wanted.applicationKeypad != modes.applicationKeypad {
            writer.sequence(wanted.applicationKeypad ? "=" : ">")
        }
        if wanted.modifyOtherKeys != modes.modifyOtherKeys {
            writer.sequence("[>4;\(wanted.modifyOtherKeys)m")
        }
        modes = wanted
    }
}
