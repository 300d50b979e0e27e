// The cells of a screen. Rows are places in one block of memory, and scrolling turns the order of the rows instead of
// moving cells: a program that writes line after line costs the line, not the screen.
//
// Invariant: from `used` on, a row is blank, whatever its cells are. A row that was never written has none.

/// How large a line's characters are drawn (DECDHL, DECDWL): the last byte of its `ESC #`.
enum LineSize: UInt8, Sendable {
    case single = 0x35  // 5
    case doubleWidth = 0x36  // 6
    case upperHalf = 0x33  // 3
    case lowerHalf = 0x34  // 4
}

struct Grid: Sendable, Equatable {
    struct Row: Sendable, Equatable {
        /// Where its cells are, in rows from the block's start; -1 as long as it has none.
        var place: Int32 = -1
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
        cells = []
        lines = Array(repeating: Row(), count: rows)
    }

    static func == (a: Grid, b: Grid) -> Bool {
        guard a.columns == b.columns, a.rows == b.rows else { return false }
        return (0..<a.rows).allSatisfy { row in
            a.lines[row].size == b.lines[row].size
                && (0..<a.columns).allSatisfy { a[row, $0] == b[row, $0] }
        }
    }

    /// Of a row that has cells.
    private func index(_ row: Int, _ column: Int) -> Int { Int(lines[row].place) * columns + column }

    subscript(row: Int, column: Int) -> Cell {
        column < lines[row].used ? cells[index(row, column)] : .blank
    }

    func used(_ row: Int) -> Int { Int(lines[row].used) }

    /// The cells of a row that are used.
    func cells(of row: Int) -> ArraySlice<Cell> {
        if used(row) == 0 { return [] }
        let start = index(row, 0)
        return cells[start..<start + used(row)]
    }

    /// Columns of a row that can be seen: half as many where characters are twice as wide.
    func width(_ row: Int) -> Int { lines[row].size == .single ? columns : max(1, columns / 2) }

    /// The cells of a row that can be seen and may be other than blank.
    func visible(_ row: Int) -> ArraySlice<Cell> {
        let cells = cells(of: row).prefix(width(row))
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
        use(row, column + 1)
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
        } else {
            use(row, start)
        }
        if end > used {
            if lines[row].place < 0 { giveCells(row) }
            lines[row].used = Int32(end)
        }
    }

    /// Blanks up to `end` become cells.
    private mutating func use(_ row: Int, _ end: Int) {
        let used = Int(lines[row].used)
        guard end > used else { return }
        if lines[row].place < 0 { giveCells(row) }
        fill(row, used, end, .blank)
        lines[row].used = Int32(end)
    }

    private mutating func giveCells(_ row: Int) {
        // At once, since growing would copy; memory that is not written to costs nothing.
        if cells.isEmpty { cells.reserveCapacity(columns * rows) }
        lines[row].place = Int32(cells.count / columns)
        cells.append(contentsOf: repeatElement(.blank, count: columns))
    }

    private mutating func fill(_ row: Int, _ start: Int, _ end: Int, _ cell: Cell) {
        let base = index(row, 0)
        unsafe cells.withUnsafeMutableBufferPointer { all in
            unsafe all[base + start..<base + end].update(repeating: cell)
        }
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
        if blank == .blank && end >= used {
            lines[row].used = Int32(min(start, used))
            return
        }
        use(row, start)
        if lines[row].place < 0 { giveCells(row) }
        fill(row, start, end, blank)
        lines[row].isUniform = false
        lines[row].used = Int32(max(end, used))
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
            let first = lines[top]
            unsafe lines.withUnsafeMutableBufferPointer { all in
                let rest = unsafe UnsafeMutableBufferPointer(rebasing: all[top..<bottom - 1])
                _ = unsafe rest.update(fromContentsOf: all[top + 1..<bottom])
            }
            lines[bottom - 1] = first
        } else {
            let part = Array(lines[top..<bottom])
            for row in top..<bottom { lines[row] = part[(row - top + count) % part.count] }
        }
    }

    /// Moves what stands from `column` to `end` to the right by `count`; blank cells come in.
    mutating func insert(_ row: Int, _ column: Int, _ end: Int, _ count: Int, _ style: Style) {
        let count = min(count, end - column)
        guard count > 0 else { return }
        use(row, columns)
        cut(row, column, beforeMoving: end)
        cut(row, end - count, beforeMoving: end)
        let base = index(row, 0)
        var place = base + end - 1
        while place >= base + column + count {
            cells[place] = cells[place - count]
            place -= 1
        }
        lines[row].isUniform = false
        erase(row, column, column + count, style)
        shrink(row)
    }

    /// Takes `count` cells out at `column`; what follows up to `end` moves to the left.
    mutating func delete(_ row: Int, _ column: Int, _ end: Int, _ count: Int, _ style: Style) {
        let count = min(count, end - column)
        guard count > 0 else { return }
        use(row, columns)
        cut(row, column, beforeMoving: end)
        cut(row, column + count, beforeMoving: end)
        let base = index(row, 0)
        for place in base + column..<base + end - count { cells[place] = cells[place + count] }
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
        var used = self.used(row)
        if used == 0 { return }
        let base = index(row, 0)
        while used > 0 && cells[base + used - 1] == .blank { used -= 1 }
        lines[row].used = Int32(used)
    }

    // MARK: Another size

    /// The same rows from `first` on in another size: cut on the right, blank where nothing was.
    func resized(columns: Int, rows: Int, from first: Int) -> Grid {
        var other = Grid(columns: columns, rows: rows)
        for row in 0..<min(rows, self.rows - first) {
            var kept = cells(of: first + row).prefix(columns)
            // Of a wide character that the right side cuts, nothing stays.
            if kept.count == columns, kept.last?.width == 2 { kept = kept.dropLast() }
            if !kept.isEmpty {
                other.use(row, kept.count)
                let base = other.index(row, 0)
                for (column, cell) in kept.enumerated() { other.cells[base + column] = cell }
            }
            other.lines[row].isWrapped = lines[first + row].isWrapped && columns == self.columns
            other.lines[row].size = lines[first + row].size
            other.lines[row].isUniform = false
        }
        return other
    }

    /// Gives every cell that is a cluster another place in the table.
    mutating func renumber(_ places: [UInt32: UInt32]) {
        for row in 0..<rows {
            for place in cells(of: row).indices where cells[place].isCluster {
                cells[place].content = places[cells[place].content] ?? UInt32(0xFFFD)
            }
        }
    }

    /// The places in the table of decorations that cells have.
    var decorations: Set<Int> {
        Set((0..<rows).flatMap { cells(of: $0).lazy.map(\.style.decoration).filter { $0 != 0 } })
    }

    /// Every content that is a cluster.
    var clusters: Set<UInt32> {
        Set((0..<rows).flatMap { cells(of: $0).lazy.filter(\.isCluster).map(\.content) })
    }
}
