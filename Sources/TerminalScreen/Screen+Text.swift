// Writing characters: where each goes, what it covers, and when a line is full.

internal import TerminalText

extension Screen: TerminalSink {
    /// A run of text without controls.
    package mutating func text(_ run: ArraySlice<UInt8>, isASCII: Bool) {
        if isASCII { return write(ascii: run) }
        var place = run.startIndex
        while place < run.endIndex {
            if run[place] < 0x80 {
                var end = place + 1
                while end < run.endIndex && run[end] < 0x80 { end += 1 }
                write(ascii: run[place..<end])
                place = end
            } else {
                let (scalar, length) = Self.decode(run, at: place)
                write(scalar)
                place += length
            }
        }
    }

    /// One character.
    package mutating func scalar(_ scalar: Unicode.Scalar) { write(scalar.value) }

    /// The character at a place of well-formed UTF-8.
    private static func decode(_ bytes: ArraySlice<UInt8>, at place: Int) -> (UInt32, Int) {
        let lead = bytes[place]
        let length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
        guard place + length <= bytes.endIndex else { return (0xFFFD, bytes.endIndex - place) }
        var value = UInt32(lead) & (0x7F >> UInt32(length))
        for offset in 1..<length { value = value << 6 | UInt32(bytes[place + offset] & 0x3F) }
        return (value, length)
    }

    /// Columns of a row: half as many where characters are twice as wide.
    func width(_ row: Int) -> Int { grid.width(row) }

    private mutating func write(ascii run: ArraySlice<UInt8>) {
        guard cursor.characterSets.isPlain, !modes.inserts else {
            for byte in run { write(translated: byte) }
            return
        }
        var rest = run
        while !rest.isEmpty {
            takeWrap()
            let width = width(cursor.row)
            keepInside(width)
            let part = rest.prefix(width - cursor.column)
            grid.put(part, cursor.style, cursor.row, cursor.column)
            rest = rest[part.endIndex...]
            advance(part.count, width)
            // Without wrapping, everything else falls on the last place.
            if !modes.wraps, let last = rest.last, cursor.column == width - 1, part.count > 0 {
                grid.put(Cell(content: UInt32(last), style: cursor.style), cursor.row, cursor.column)
                rest = []
            }
        }
        lastCharacter = run.last.map(UInt32.init)
    }

    /// A line of double width ends in the middle of the others.
    private mutating func keepInside(_ width: Int) {
        if cursor.column >= width { cursor.column = width - 1 }
    }

    private mutating func write(translated byte: UInt8) {
        write(cursor.characterSets.translate(byte))
    }

    /// Moves on behind what was written.
    private mutating func advance(_ count: Int, _ width: Int) {
        if cursor.column + count >= width {
            cursor.column = width - 1
            // Also without wrapping: programs that switch it on again wrap then, as in xterm.
            cursor.wrapsNext = true
        } else {
            cursor.column += count
        }
    }

    /// Begins a new line if the last character filled one.
    private mutating func takeWrap() {
        guard cursor.wrapsNext else { return }
        if modes.wraps { wrap() } else { cursor.wrapsNext = false }
    }

    private mutating func wrap() {
        grid.setWrapped(cursor.row, true)
        cursor.column = 0
        cursor.wrapsNext = false
        index()
    }

    mutating func write(_ scalar: UInt32) {
        let columns = CharacterWidth.columns(scalar)
        if columns == 0 { return join(scalar) }
        takeWrap()
        var width = width(cursor.row)
        keepInside(width)
        if columns > width { return }
        if cursor.column + columns > width {
            // Without wrapping there is no place for it.
            guard modes.wraps else { return }
            wrap()
            width = self.width(cursor.row)
        }
        if modes.inserts {
            grid.insert(cursor.row, cursor.column, self.columns, columns, cursor.style.erased)
        }
        let cell = Cell(content: scalar, style: cursor.style, width: UInt8(columns))
        grid.put(cell, cursor.row, cursor.column)
        lastCharacter = scalar
        advance(columns, width)
    }

    /// A mark joins the character before the cursor.
    private mutating func join(_ scalar: UInt32) {
        guard let scalar = Unicode.Scalar(scalar) else { return }
        var column = cursor.wrapsNext ? cursor.column : cursor.column - 1
        guard column >= 0 else { return }
        if grid[cursor.row, column].width == 0 { column -= 1 }
        guard column >= 0 else { return }
        // Twice as many as can be shown: then throwing out is rare, however many are on the screen.
        let most = max(ClusterTable.most, 2 * (grid.columns * grid.rows + hidden.columns * hidden.rows))
        if clusters.count >= most { dropUnusedClusters() }
        let content = clusters.join(grid[cursor.row, column].content, scalar)
        grid.setContent(content, cursor.row, column)
    }

    private mutating func dropUnusedClusters() {
        let places = clusters.keep(grid.clusters.union(hidden.clusters))
        grid.renumber(places)
        hidden.renumber(places)
    }
}
