// What controls and sequences do: those of `AllowedSequences`, as xterm carries them out. See ctlseqs(ms) of xterm and
// ECMA-48.

package import TerminalText

extension Screen {
    /// A control.
    package mutating func control(_ byte: UInt8) {
        lastCharacter = nil
        switch byte {
        case 0x07: bells &+= 1
        case 0x08:
            cursor.wrapsNext = false
            if cursor.column > 0 { cursor.column -= 1 }
        case 0x09: moveToTab(1)
        case 0x0A, 0x0B, 0x0C:
            cursor.wrapsNext = false
            index()
        case 0x0D:
            cursor.wrapsNext = false
            cursor.column = 0
        case 0x0E: cursor.characterSets.current = 1
        case 0x0F: cursor.characterSets.current = 0
        default: break
        }
    }

    /// An ESC sequence.
    package mutating func escape(_ final: UInt8, _ parser: EscapeParser) {
        lastCharacter = nil
        switch parser.intermediate {
        case 0: escape(Unicode.Scalar(final))
        case UInt8(ascii: "#"):
            if final == UInt8(ascii: "8") { return align() }
            if let size = LineSize(rawValue: final) {
                grid.setSize(cursor.row, size)
                cursor.column = min(cursor.column, width(cursor.row) - 1)
            }
        default: cursor.characterSets.designate(parser.intermediate, final)
        }
    }

    private mutating func escape(_ final: Unicode.Scalar) {
        switch final {
        case "7": saveCursor()
        case "8": restoreCursor()
        case "=": modes.applicationKeypad = true
        case ">": modes.applicationKeypad = false
        case "c": reset()
        case "D":
            cursor.wrapsNext = false
            index()
        case "E":
            cursor.wrapsNext = false
            cursor.column = 0
            index()
        case "H": tabs.insert(cursor.column)
        case "M":
            cursor.wrapsNext = false
            reverseIndex()
        case "N": cursor.characterSets.next = 2
        case "O": cursor.characterSets.next = 3
        default: break
        }
    }

    /// RIS.
    private mutating func reset() {
        let before = (scrollback, version, bells)
        let generation = tableGeneration
        self = Screen(columns: columns, rows: rows, scrollback: scrollback.limit)
        (scrollback, version, bells) = before
        // What was shown of the old table cannot be compared.
        clusters = ClusterTable(generation: generation + 1)
    }

    /// DECSTR.
    private mutating func softReset() {
        modes.set(25, true)
        modes.set(7, true)
        modes.set(1, false)
        (modes.inserts, modes.applicationKeypad) = (false, false)
        region = 0..<rows
        (cursor.style, cursor.underlineBits, link) = (.standard, 0, nil)
        cursor.characterSets = CharacterSets()
        saved[isAlternate ? 1 : 0] = nil
    }

    /// A hyperlink: its beginning, or its end.
    package mutating func command(_ payload: [UInt8]) {
        guard let wanted = Hyperlink(payload) else { return }
        link = wanted.isEnd ? nil : wanted
        decorate()
    }

    /// A CSI sequence.
    package mutating func controlSequence(_ final: UInt8, _ parser: EscapeParser) {
        // REP repeats only what stands directly before it.
        defer { lastCharacter = nil }
        let parameters = parser.parameters
        switch (parser.prefix, parser.intermediate) {
        case (0, 0): plain(Unicode.Scalar(final), parameters)
        case (UInt8(ascii: "?"), 0): privateSequence(Unicode.Scalar(final), parameters)
        case (0, UInt8(ascii: "'")):
            let count = Parameters.count(parameters)
            if final == UInt8(ascii: "}") { shiftColumns(inserts: true, count) }
            if final == UInt8(ascii: "~") { shiftColumns(inserts: false, count) }
        case (0, UInt8(ascii: " ")):
            if final == UInt8(ascii: "q") { modes.cursorShape = Parameters.number(parameters) }
        case (0, UInt8(ascii: "!")): if final == UInt8(ascii: "p") { softReset() }
        default: keyboard(parser.prefix, Unicode.Scalar(final), parameters)
        }
    }

    private mutating func plain(_ final: Unicode.Scalar, _ parameters: [UInt8]) {
        switch final {
        case "m":
            cursor.style.select(parameters, underline: &cursor.underlineBits)
            if link != nil || cursor.underlineBits != 0 || cursor.style.decoration != 0 { decorate() }
        case "A", "B", "C", "D", "E", "F", "G", "H", "I", "Z", "`", "a", "d", "e", "f":
            moveCursor(final, parameters)
        case "s": saveCursor()
        case "u": restoreCursor()
        case "r": setRegion(parameters)
        case "g": clearTabs(Parameters.number(parameters))
        case "h", "l": if Parameters.number(parameters) == 4 { modes.inserts = final == "h" }
        default: edit(final, parameters)
        }
    }

    private mutating func edit(_ final: Unicode.Scalar, _ parameters: [UInt8]) {
        let count = Parameters.count(parameters)
        let style = cursor.style.erased
        switch final {
        case "J": eraseDisplay(Parameters.number(parameters))
        case "K": eraseLine(Parameters.number(parameters))
        case "@":
            cursor.wrapsNext = false
            grid.insert(cursor.row, cursor.column, columns, count, style)
        case "P":
            cursor.wrapsNext = false
            grid.delete(cursor.row, cursor.column, columns, count, style)
        case "X":
            cursor.wrapsNext = false
            grid.erase(cursor.row, cursor.column, min(columns, cursor.column + count), style)
        case "L": insertLines(count)
        case "M": deleteLines(count)
        case "S": scrollUp(region.lowerBound, count)
        case "T": grid.scrollDown(region.lowerBound, region.upperBound, count, style)
        case "b": repeatLast(count)
        default: break
        }
    }

    private mutating func repeatLast(_ count: Int) {
        guard let lastCharacter else { return }
        // More than a screen full shows nothing else. What is slow to write fills a line at most: it would cost much for a
        // few bytes.
        if lastCharacter < 0x80 && !modes.inserts {
            let run = [UInt8](repeating: UInt8(lastCharacter), count: min(count, columns * rows))
            text(run[...], isASCII: true)
        } else {
            for _ in 0..<min(count, columns) { write(lastCharacter) }
        }
    }

    private mutating func moveCursor(_ final: Unicode.Scalar, _ parameters: [UInt8]) {
        let count = Parameters.count(parameters)
        switch final {
        case "A": moveVertically(-count)
        case "B", "e": moveVertically(count)
        case "C", "a": move(row: cursor.row, column: cursor.column + count)
        case "D": move(row: cursor.row, column: cursor.column - count)
        case "E", "F":
            moveVertically(final == "E" ? count : -count)
            cursor.column = 0
        case "G", "`": move(row: cursor.row, column: count - 1)
        case "d": move(row: count - 1, column: cursor.column)
        case "I": moveToTab(count)
        case "Z": moveBackToTab(count)
        default: move(row: count - 1, column: Parameters.count(parameters, 1) - 1)
        }
    }

    /// DECSTBM.
    private mutating func setRegion(_ parameters: [UInt8]) {
        let top = Parameters.count(parameters) - 1
        let bottom = Parameters.number(parameters, 1, otherwise: rows)
        let last = bottom == 0 ? rows : min(bottom, rows)
        guard top < last - 1 || rows == 1 && top < last else { return }
        region = top..<last
        move(row: 0, column: 0)
    }

    private mutating func clearTabs(_ part: Int) {
        if part == 0 { tabs.remove(cursor.column) }
        if part == 3 { tabs = [] }
    }

    private mutating func privateSequence(_ final: Unicode.Scalar, _ parameters: [UInt8]) {
        switch final {
        // Nothing is protected here, as DECSCA does not pass: selective erasing erases.
        case "J": eraseDisplay(Parameters.number(parameters))
        case "K": eraseLine(Parameters.number(parameters))
        case "h", "l":
            var walk = Parameters(parameters)
            while let number = walk.next() { if let mode = number.value { set(mode, final == "h") } }
        default: break
        }
    }

    private mutating func set(_ mode: Int, _ isOn: Bool) {
        switch mode {
        case 47, 1047, 1049: showAlternate(isOn, mode)
        case 1048: if isOn { saveCursor() } else { restoreCursor() }
        default: modes.set(mode, isOn)
        }
    }

    private mutating func showAlternate(_ isOn: Bool, _ mode: Int) {
        if isOn {
            if mode == 1049 { saveCursor() }
            if !isAlternate {
                if hidden.columns != columns || hidden.rows != rows {
                    hidden = Grid(columns: columns, rows: rows)
                }
                swap(&grid, &hidden)
                isAlternate = true
            }
            if mode == 1049 { for row in 0..<rows { grid.clear(row, cursor.style.erased) } }
        } else {
            if isAlternate {
                swap(&grid, &hidden)
                isAlternate = false
                // Only a program that left with 47 may find again what it had drawn there.
                if mode != 47 { hidden = Grid(columns: 1, rows: 1) }
                modes.keyboardFlags[1] = []
            }
            if mode == 1049 { restoreCursor() }
        }
    }

    /// The kitty protocol and modifyOtherKeys.
    private mutating func keyboard(_ prefix: UInt8, _ final: Unicode.Scalar, _ parameters: [UInt8]) {
        let screen = isAlternate ? 1 : 0
        switch (Unicode.Scalar(prefix), final) {
        case (">", "m"): modes.modifyOtherKeys = Parameters.number(parameters, 1)
        case (">", "u"):
            if modes.keyboardFlags[screen].count < TerminalModes.mostKeyboardFlags {
                modes.keyboardFlags[screen].append(Parameters.number(parameters))
            }
        case ("<", "u"):
            modes.keyboardFlags[screen].removeLast(
                min(Parameters.count(parameters), modes.keyboardFlags[screen].count)
            )
        case ("=", "u"):
            let flags = Parameters.number(parameters)
            let before = modes.keyboardFlags[screen].popLast() ?? 0
            let now =
                switch Parameters.number(parameters, 1, otherwise: 1) {
                case 2: before | flags
                case 3: before & ~flags
                default: flags
                }
            modes.keyboardFlags[screen].append(now)
        default: break
        }
    }
}
