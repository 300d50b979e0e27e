// Lines that what follows in the same piece pushes out again: a program that writes line after line, faster than it is
// shown, costs their text and not the cells that nobody would see.

internal import TerminalText

extension Screen {
    /// Takes lines that leave the screen again straight into the lines above; returns what is left to be written.
    ///
    /// The screen has just begun a line.
    mutating func skipLines(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard scrollsWholeLines else { return bytes }
        let lines = Self.plainLines(bytes, columns)
        // Fewer are not worth it; the last ones stay on the screen.
        guard lines.count >= 2 * rows else { return bytes }
        let gone = lines.count - (rows - 1)
        for row in 0..<rows - 1 {
            push(grid, row)
            grid.clear(row, .standard)
        }
        scrollback.push(bytes, lines[..<gone], cursor.style)
        cursor.row = 0
        return bytes[lines[gone].lowerBound...]
    }

    /// Whether a line of plain text that comes now goes to the bottom row and leaves at the top as it is.
    private var scrollsWholeLines: Bool {
        let bottom = grid.lines[rows - 1]
        return rows > 1 && !isAlternate && region == 0..<rows && cursor.row == rows - 1 && cursor.column == 0
            && cursor.style.erased == .standard && cursor.style.decoration == 0
            && cursor.characterSets.isPlain && !modes.inserts
            && bottom.used == 0 && bottom.size == .single && !bottom.isWrapped
    }

    /// The lines of printable ASCII that the bytes begin with: where their text is.
    private static func plainLines(_ bytes: ArraySlice<UInt8>, _ columns: Int) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        let span = bytes.span
        var start = 0
        while true {
            let end = TerminalScanner.endOfASCII(span, from: start)
            guard end - start <= columns, end + 1 < span.count, span[end] == 0x0D, span[end + 1] == 0x0A
            else { return lines }
            lines.append(bytes.startIndex + start..<bytes.startIndex + end)
            start = end + 2
        }
    }
}
