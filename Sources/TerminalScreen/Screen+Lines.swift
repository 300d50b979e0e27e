// Moving the cursor between lines, and lines on the screen: line feeds, scrolling, inserting, erasing.

extension Screen {
    /// One line down; the region scrolls when its last line is left.
    mutating func index() {
        if cursor.row == region.upperBound - 1 {
            scrollUp(region.lowerBound, 1)
        } else if cursor.row < rows - 1 {
            cursor.row += 1
        }
    }

    /// One line up; the region scrolls when its first line is left.
    mutating func reverseIndex() {
        if cursor.row == region.lowerBound {
            grid.scrollDown(region.lowerBound, region.upperBound, 1, cursor.style.erased)
        } else if cursor.row > 0 {
            cursor.row -= 1
        }
    }

    /// Moves lines from `top` to the region's end up.
    mutating func scrollUp(_ top: Int, _ count: Int) {
        let count = min(count, region.upperBound - top)
        if top == 0 && !isAlternate { for row in 0..<count { push(grid, row) } }
        grid.scrollUp(top, region.upperBound, count, cursor.style.erased)
    }

    /// IL and DL, which do nothing outside the region.
    mutating func insertLines(_ count: Int) {
        guard region.contains(cursor.row) else { return }
        grid.scrollDown(cursor.row, region.upperBound, count, cursor.style.erased)
        cursor.column = 0
        cursor.wrapsNext = false
    }

    mutating func deleteLines(_ count: Int) {
        guard region.contains(cursor.row) else { return }
        grid.scrollUp(cursor.row, region.upperBound, count, cursor.style.erased)
        cursor.column = 0
        cursor.wrapsNext = false
    }

    /// DECIC and DECDC: columns of every line of the region.
    mutating func shiftColumns(inserts: Bool, _ count: Int) {
        guard region.contains(cursor.row) else { return }
        for row in region {
            if inserts {
                grid.insert(row, cursor.column, columns, count, cursor.style.erased)
            } else {
                grid.delete(row, cursor.column, columns, count, cursor.style.erased)
            }
        }
    }

    /// ED.
    mutating func eraseDisplay(_ part: Int) {
        let style = cursor.style.erased
        switch part {
        case 0:
            eraseLine(0)
            for row in cursor.row + 1..<max(rows, cursor.row + 1) { grid.clear(row, style) }
        case 1:
            for row in 0..<cursor.row { grid.clear(row, style) }
            eraseLine(1)
        case 2: for row in 0..<rows { grid.clear(row, style) }
        case 3: scrollback.removeAll()
        default: break
        }
    }

    /// EL.
    mutating func eraseLine(_ part: Int) {
        let style = cursor.style.erased
        switch part {
        case 0:
            grid.erase(cursor.row, cursor.column, columns, style)
            grid.setWrapped(cursor.row, false)
        case 1: grid.erase(cursor.row, 0, cursor.column + 1, style)
        case 2:
            grid.erase(cursor.row, 0, columns, style)
            grid.setWrapped(cursor.row, false)
        default: break
        }
        cursor.wrapsNext = false
    }

    /// DECALN: the screen full of E.
    mutating func align() {
        region = 0..<rows
        let line = [UInt8](repeating: UInt8(ascii: "E"), count: columns)
        for row in 0..<rows {
            grid.clear(row, .standard)
            grid.put(line[...], .standard, row, 0)
        }
        (cursor.row, cursor.column, cursor.wrapsNext) = (0, 0, false)
    }

    // MARK: The cursor

    /// Puts the cursor somewhere on the screen.
    mutating func move(row: Int, column: Int) {
        cursor.row = min(max(row, 0), rows - 1)
        cursor.column = min(max(column, 0), width(cursor.row) - 1)
        cursor.wrapsNext = false
    }

    /// Up and down stop at the region's sides when they begin inside.
    mutating func moveVertically(_ count: Int) {
        let inside = region.contains(cursor.row)
        let first = inside || cursor.row >= region.lowerBound ? region.lowerBound : 0
        let last = inside || cursor.row < region.upperBound ? region.upperBound - 1 : rows - 1
        let row = count < 0 ? max(cursor.row + count, first) : min(cursor.row + count, last)
        move(row: row, column: cursor.column)
    }

    /// In the last column nothing changes: what comes next still begins a new line.
    mutating func moveToTab(_ count: Int) {
        let last = width(cursor.row) - 1
        for _ in 0..<min(count, columns) {
            guard cursor.column < last else { return }
            repeat { cursor.column += 1 } while cursor.column < last && !tabs.contains(cursor.column)
        }
    }

    mutating func moveBackToTab(_ count: Int) {
        cursor.wrapsNext = false
        for _ in 0..<min(count, columns) {
            guard cursor.column > 0 else { return }
            repeat { cursor.column -= 1 } while cursor.column > 0 && !tabs.contains(cursor.column)
        }
    }

    mutating func saveCursor() { saved[isAlternate ? 1 : 0] = cursor }

    mutating func restoreCursor() {
        cursor = saved[isAlternate ? 1 : 0] ?? Cursor()
        cursor.row = min(cursor.row, rows - 1)
        cursor.column = min(cursor.column, columns - 1)
        decorate()
    }
}
