// A screen that we draw ourselves: text put at places, in styles, cut where its place ends. `FramePainter` brings it to
// a terminal.
//
// Invariant: whatever text is put, no cell holds a control character or one that changes the order of what is shown,
// and no cell outside the canvas is written. What an agent chose may be put as it is, and cannot do more than stand there.

/// A screen to draw on.
package struct Canvas: Equatable, Sendable {
    /// Characters in a line.
    package let columns: Int
    /// Lines.
    package let rows: Int
    /// Whether colours are kept; attributes such as bold are in any case.
    package let usesColours: Bool
    /// Where the cursor is shown; nil for nowhere.
    package var cursor: Place?
    /// Modes that the terminal is to have while this is shown, as numbers of `CSI ? h`.
    package var modes: Set<Int> = []
    private var grid: Grid
    private var clusters = ClusterTable()

    /// A place on it, both from 0.
    package struct Place: Equatable, Sendable {
        /// From 0.
        package var row: Int
        /// From 0.
        package var column: Int

        /// A place.
        package init(row: Int, column: Int) { (self.row, self.column) = (row, column) }
    }

    /// A blank one.
    package init(columns: Int, rows: Int, usesColours: Bool = true) {
        self.columns = min(max(columns, 1), Screen.largest)
        self.rows = min(max(rows, 1), Screen.largest)
        self.usesColours = usesColours
        grid = Grid(columns: self.columns, rows: self.rows)
    }

    /// Puts text into columns of a row, as much of it as there is room; says where the next would stand.
    @discardableResult
    package mutating func put(
        _ text: String,
        row: Int,
        column: Int,
        end: Int = .max,
        style: Style = .standard
    ) -> Int {
        guard 0..<rows ~= row, column >= 0 else { return column }
        let end = min(end, columns)
        let style = kept(style)
        var column = column
        var last: Int?
        for scalar in text.unicodeScalars where !Self.isDropped(scalar) {
            let width = CharacterWidth.columns(scalar.value)
            if width == 0 {
                guard let last else { continue }
                let content = clusters.join(grid[row, last].content, scalar)
                grid.setContent(content, row, last)
                continue
            }
            guard column + width <= end else { break }
            grid.put(Cell(content: scalar.value, style: style, width: UInt8(width)), row, column)
            last = column
            column += width
        }
        return column
    }

    /// Puts the runs of a line, each in its own style.
    package mutating func put(_ line: ScreenLine, row: Int, column: Int, end: Int = .max) {
        var column = column
        for run in line.runs {
            guard column < min(end, columns) else { return }
            column = put(run.text, row: row, column: column, end: end, style: run.style)
        }
    }

    /// Gives the columns of a row a style, with blanks where they were blank.
    package mutating func paint(row: Int, from start: Int, to end: Int, _ change: (inout Style) -> Void) {
        guard 0..<rows ~= row else { return }
        var column = max(0, start)
        while column < min(end, columns) {
            var cell = grid[row, column]
            let width = max(1, Int(cell.width))
            change(&cell.style)
            cell.style = kept(cell.style)
            if cell.width > 0 { grid.put(cell, row, column) }
            column += width
        }
    }

    private func kept(_ style: Style) -> Style {
        guard !usesColours else { return style }
        var style = style
        (style.foreground, style.background) = (.standard, .standard)
        return style
    }

    /// Nothing that a terminal obeys, and nothing by which words change places.
    private static func isDropped(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0xE0000...0xE007F: return true
        case 0x200C, 0x200D: return false
        case 0..<0x300: return scalar.value == 0xAD
        default: return scalar.properties.generalCategory == .format
        }
    }

    /// How many columns text takes.
    package static func width(of text: String) -> Int {
        text.unicodeScalars.reduce(0) { sum, scalar in
            isDropped(scalar) ? sum : sum + CharacterWidth.columns(scalar.value)
        }
    }

    /// As much of the text as takes no more than so many columns, with a mark at the end where some is missing.
    package static func cut(_ text: String, to width: Int, mark: String = "…") -> String {
        if Self.width(of: text) <= width { return text }
        let room = width - Self.width(of: mark)
        guard room >= 0 else { return "" }
        var kept = String.UnicodeScalarView()
        var taken = 0
        for scalar in text.unicodeScalars where !isDropped(scalar) {
            let columns = CharacterWidth.columns(scalar.value)
            guard taken + columns <= room else { break }
            taken += columns
            kept.append(scalar)
        }
        return String(kept) + mark
    }

    // MARK: What is there

    /// The text of a row, without the blanks at its end.
    package func text(row: Int) -> String { screen.text(row: row) }

    /// One place.
    package func cell(row: Int, column: Int) -> ShownCell { screen.cell(row: row, column: column) }

    /// The screen to be painted.
    package var screen: Screen {
        var screen = Screen(columns: columns, rows: rows, scrollback: 0)
        screen.grid = grid
        screen.clusters = clusters.named()
        screen.modes.on = modes.union([7])
        if let cursor {
            screen.modes.on.insert(25)
            screen.cursor.row = min(max(0, cursor.row), rows - 1)
            screen.cursor.column = min(max(0, cursor.column), columns - 1)
        }
        return screen
    }
}
