// The cells of a screen. Rows are places in one block of memory, and scrolling turns the order of the rows instead of
// moving cells: a program that writes line after line costs the line, not the screen.
//
// Invariant: from `used` on, every cell of a row is `Cell.blank`.

/// How large a line's characters are drawn (DECDHL, DECDWL): the last byte of its `ESC #`.
enum LineSize: UInt8, Sendable {
    case single = 0x35  // 5
    case doubleWidth = 0x36  // 6
    case upperHalf = 0x33  // 3
    case lowerHalf = 0x34  // 4
}

struct Grid: Sendable, Equatable {
    struct Row: Sendable, Equatable {
        /// Where its cells are, in rows from the block's start.
        var place: Int32
        /// Cells from here on are blank.
        var used: Int32 = 0
        /// The text goes on in the next row without a line's end.
        var isWrapped = false
        var size = LineSize.single
        /// The cells before `used` are ASCII in one style, as those of most lines are; else it is not known.
        var isUniform = true
    }

    let columns: Int
    let rows: Int
    private(set) var cells: [Cell]
    private(set) var lines: [Row]

    init(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
        cells = Array(repeating: .blank, count: columns * rows)
        lines = (0..<rows).map { Row(place: Int32($0)) }
    }

    static func == (a: Grid, b: Grid) -> Bool {
        guard a.columns == b.columns, a.rows == b.rows else { return false }
        return (0..<a.rows).allSatisfy { row in
            a.lines[row].size == b.lines[row].size
                && (0..<a.columns).allSatisfy { a[row, $0] == b[row, $0] }
        }
    }

    private func index(_ row: Int, _ column: Int) -> Int { Int(lines[row].place) * columns + column }

    subscript(row: Int, column: Int) -> Cell { cells[index(row, column)] }

    func used(_ row: Int) -> Int { Int(lines[row].used) }

    func cells(of row: Int) -> ArraySlice<Cell> {
        let start = index(row, 0)
        return cells[start..<start + columns]
    }

    /// Columns of a row that can be seen: half as many where characters are twice as wide.
    func width(_ row: Int) -> Int { lines[row].size == .single ? columns : max(1, columns / 2) }

    /// The cells of a row that can be seen and may be other than blank.
    func visible(_ row: Int) -> ArraySlice<Cell> {
        let cells = cells(of: row).prefix(min(used(row), width(row)))
        return cells.last?.width == 2 ? cells.dropLast() : cells
    }

    mutating func setWrapped(_ row: Int, _ isWrapped: Bool) { lines[row].isWrapped = isWrapped }

    mutating func setSize(_ row: Int, _ size: LineSize) { lines[row].size = size }

    // MARK: Writing

    /// Puts a cell; halves of wide characters that it cuts become blank.
    mutating func put(_ cell: Cell, _ row: Int, _ column: Int) {
        let width = max(1, Int(cell.width))
        openGap(row, column, column + width)
        lines[row].isUniform = false
        let start = index(row, column)
        cells[start] = cell
        if width == 2 { cells[start + 1] = Cell(style: cell.style, width: 0) }
    }

    /// Changes what a cell has, not its width.
    mutating func setContent(_ content: UInt32, _ row: Int, _ column: Int) {
        lines[row].isUniform = false
        lines[row].used = max(lines[row].used, Int32(column + 1))
        cells[index(row, column)].content = content
    }

    /// Puts a run of ASCII.
    mutating func put(_ text: ArraySlice<UInt8>, _ style: Style, _ row: Int, _ column: Int) {
        let used = Int(lines[row].used)
        let covers = column == 0 && text.count >= used
        let continues = column == used && used > 0 && lines[row].isUniform && self[row, 0].style == style
        lines[row].isUniform = covers || continues
        openGap(row, column, column + text.count)
        let start = index(row, column)
        let bytes = text.span
        var span = cells.mutableSpan
        for place in 0..<bytes.count {
            span[start + place] = Cell(content: UInt32(bytes[place]), style: style, width: 1)
        }
    }

    /// Makes ready to write columns `start` to `end`: no wide character reaches across either side.
    private mutating func openGap(_ row: Int, _ start: Int, _ end: Int) {
        let used = Int(lines[row].used)
        if start < used {
            if start > 0 { cut(row, start) }
            if end < used { cut(row, end) }
        }
        if end > used { lines[row].used = Int32(end) }
    }

    /// If a wide character reaches across the left side of a column, both halves become blank.
    private mutating func cut(_ row: Int, _ column: Int) {
        let place = index(row, column)
        guard cells[place].width == 0 else { return }
        cells[place] = .blank(cells[place].style)
        cells[place - 1] = .blank(cells[place - 1].style)
    }

    /// Erases columns `start` to `end`.
    mutating func erase(_ row: Int, _ start: Int, _ end: Int, _ style: Style) {
        guard start < end else { return }
        let used = Int(lines[row].used)
        if start < used {
            if start > 0 { cut(row, start) }
            if end < used { cut(row, end) }
        }
        let blank = Cell.blank(style)
        let isPlain = blank == .blank
        let last = isPlain ? min(end, used) : end
        if start < last {
            let base = index(row, 0)
            unsafe cells.withUnsafeMutableBufferPointer { all in
                unsafe all[base + start..<base + last].update(repeating: blank)
            }
        }
        if isPlain && end >= used {
            if start < used { lines[row].used = Int32(start) }
        } else {
            lines[row].isUniform = false
        }
        if !isPlain && end > used { lines[row].used = Int32(end) }
    }

    /// Erases a whole row.
    mutating func clear(_ row: Int, _ style: Style) {
        erase(row, 0, columns, style)
        lines[row].isWrapped = false
        lines[row].size = .single
        lines[row].isUniform = lines[row].used == 0
    }

    // MARK: Moving

    /// Moves rows `top` to `bottom` up by `count`; blank ones come in below.
    mutating func scrollUp(_ top: Int, _ bottom: Int, _ count: Int, _ style: Style) {
        let count = min(count, bottom - top)
        guard count > 0 else { return }
        for row in top..<top + count { clear(row, style) }
        rotate(top, bottom, by: count)
    }

    /// Moves rows `top` to `bottom` down by `count`; blank ones come in above.
    mutating func scrollDown(_ top: Int, _ bottom: Int, _ count: Int, _ style: Style) {
        let count = min(count, bottom - top)
        guard count > 0 else { return }
        for row in bottom - count..<bottom { clear(row, style) }
        rotate(top, bottom, by: bottom - top - count)
    }

    private mutating func rotate(_ top: Int, _ bottom: Int, by count: Int) {
        if count == 1 {
            var span = lines.mutableSpan
            let first = span[top]
            for row in top..<bottom - 1 { span[row] = span[row + 1] }
            span[bottom - 1] = first
        } else {
            let part = Array(lines[top..<bottom])
            for row in top..<bottom { lines[row] = part[(row - top + count) % part.count] }
        }
    }

    /// Moves what stands from `column` to `end` to the right by `count`; blank cells come in.
    mutating func insert(_ row: Int, _ column: Int, _ end: Int, _ count: Int, _ style: Style) {
        let count = min(count, end - column)
        guard count > 0 else { return }
        cut(row, column, beforeMoving: end)
        cut(row, end - count, beforeMoving: end)
        let base = index(row, 0)
        var place = base + end - 1
        while place >= base + column + count {
            cells[place] = cells[place - count]
            place -= 1
        }
        lines[row].used = Int32(columns)
        lines[row].isUniform = false
        erase(row, column, column + count, style)
        shrink(row)
    }

    /// Takes `count` cells out at `column`; what follows up to `end` moves to the left.
    mutating func delete(_ row: Int, _ column: Int, _ end: Int, _ count: Int, _ style: Style) {
        let count = min(count, end - column)
        guard count > 0 else { return }
        cut(row, column, beforeMoving: end)
        cut(row, column + count, beforeMoving: end)
        let base = index(row, 0)
        for place in base + column..<base + end - count { cells[place] = cells[place + count] }
        lines[row].used = Int32(columns)
        lines[row].isUniform = false
        // What stands there has moved: no half of it is cut.
        for place in base + end - count..<base + end { cells[place] = .blank(style) }
        shrink(row)
    }

    private mutating func cut(_ row: Int, _ column: Int, beforeMoving end: Int) {
        if column > 0 && column < columns { cut(row, column) }
        if end < columns { cut(row, end) }
    }

    /// Brings `used` back to what is used.
    private mutating func shrink(_ row: Int) {
        var used = columns
        let base = index(row, 0)
        while used > 0 && cells[base + used - 1] == .blank { used -= 1 }
        lines[row].used = Int32(used)
    }

    // MARK: Another size

    /// The same rows from `first` on in another size: cut on the right, blank where nothing was.
    func resized(columns: Int, rows: Int, from first: Int) -> Grid {
        var other = Grid(columns: columns, rows: rows)
        for row in 0..<min(rows, self.rows - first) {
            let shown = min(columns, used(first + row))
            for column in 0..<shown {
                let cell = self[first + row, column]
                // Of a wide character that the right side cuts, nothing stays.
                if column + Int(cell.width) > columns { break }
                other.cells[row * columns + column] = cell
            }
            other.lines[row].used = Int32(shown)
            other.lines[row].isWrapped = lines[first + row].isWrapped && columns == self.columns
            other.lines[row].size = lines[first + row].size
            other.lines[row].isUniform = false
        }
        return other
    }

    /// Gives every cell that is a cluster another place in the table.
    mutating func renumber(_ places: [UInt32: UInt32]) {
        for place in cells.indices where cells[place].isCluster {
            cells[place].content = places[cells[place].content] ?? UInt32(0xFFFD)
        }
    }

    /// The places in the table of decorations that cells have.
    var decorations: Set<Int> { Set(cells.lazy.map(\.style.decoration).filter { $0 != 0 }) }

    /// Every content that is a cluster.
    var clusters: Set<UInt32> { Set(cells.lazy.filter(\.isCluster).map(\.content)) }
}
