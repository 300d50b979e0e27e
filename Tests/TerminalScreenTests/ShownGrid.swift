// A screen as a plain table, so that the model and libvterm can be compared place by place.

import TerminalScreen

/// One place of a screen, with what both sides know: libvterm 0.1.4 has no dim, no hidden and no overlined text.
struct Place: Equatable {
    var text = " "
    /// 0 in the right half of a wide character.
    var width = 1
    var bold = false
    var italic = false
    /// The number behind `4:` of SGR; libvterm knows 0 to 3.
    var underline = 0
    var blink = false
    var reverse = false
    var strike = false
    var foreground = Colour.standard
    var background = Colour.standard
}

/// All that is compared.
struct ShownGrid: Equatable {
    let columns: Int
    let rows: Int
    var places: [[Place]]
    var cursorRow: Int
    var cursorColumn: Int
    var cursorIsVisible: Bool
    var isAlternate: Bool

    /// A row as text, without the blanks at its end.
    func text(_ row: Int) -> String {
        var text = places[row].map(\.text).joined().unicodeScalars
        while text.last == " " { text.removeLast() }
        return String(text)
    }

    /// What a wide character's right half looks like is nobody's business; its style is that of the left one.
    mutating func forgetRightHalves() {
        for row in places.indices {
            for column in 1..<columns where places[row][column].width == 0 {
                places[row][column] = places[row][column - 1]
                places[row][column].text = ""
                places[row][column].width = 0
            }
        }
    }

    /// The rows that differ, by number from 0, then what differs of the cursor.
    func differences(from other: ShownGrid) -> [String] {
        var found = (0..<rows).filter { places[$0] != other.places[$0] }.map(String.init)
        if (cursorRow, cursorColumn) != (other.cursorRow, other.cursorColumn) { found.append("cursor") }
        if cursorIsVisible != other.cursorIsVisible { found.append("visible") }
        if isAlternate != other.isAlternate { found.append("alternate") }
        return found
    }
}

extension ShownGrid {
    /// What the model shows.
    init(_ screen: Screen) {
        columns = screen.columns
        rows = screen.rows
        places = (0..<screen.rows).map { row in
            (0..<screen.columns).map { Place(screen.cell(row: row, column: $0)) }
        }
        cursorRow = screen.cursor.row
        cursorColumn = screen.cursor.column
        cursorIsVisible = screen.modes.showsCursor
        isAlternate = screen.isAlternate
        forgetRightHalves()
    }
}

extension Place {
    fileprivate init(_ cell: ShownCell) {
        text = cell.text
        width = cell.width
        bold = cell.style.bold
        italic = cell.style.italic
        underline = cell.style.underline
        blink = cell.style.blink
        reverse = cell.style.reverse
        strike = cell.style.strike
        foreground = cell.style.foreground
        background = cell.style.background
    }
}

extension Place: CustomStringConvertible {
    /// Short, for the message of a failing test.
    var description: String {
        var words = ["\"\(text)\"", "width \(width)"]
        if bold { words.append("bold") }
        if italic { words.append("italic") }
        if underline > 0 { words.append("underline \(underline)") }
        if blink { words.append("blink") }
        if reverse { words.append("reverse") }
        if strike { words.append("strike") }
        if foreground != .standard { words.append("fg \(foreground)") }
        if background != .standard { words.append("bg \(background)") }
        return words.joined(separator: " ")
    }
}
