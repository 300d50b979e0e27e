import Testing

@testable import TerminalScreen

/// What programs write, and where it stands then.
struct ScreenTests {
    private func screen(_ text: String, columns: Int = 10, rows: Int = 4) -> Screen {
        var screen = Screen(columns: columns, rows: rows)
        screen.feed(Array(text.utf8))
        return screen
    }

    private func rows(_ screen: Screen) -> [String] { (0..<screen.rows).map(screen.text(row:)) }

    @Test func textWrapsAndScrolls() {
        let screen = screen("0123456789abc\r\nx\r\ny\r\nz\r\nlast")
        #expect(rows(screen) == ["x", "y", "z", "last"])
        #expect(screen.scrolledOff(most: 10).map(\.text) == ["0123456789", "abc"])
        #expect(screen.scrolledOff(most: 10).map(\.isWrapped) == [true, false])
        #expect((screen.cursor.row, screen.cursor.column) == (3, 4))
    }

    @Test func theLastColumnIsLeftOnlyByTheNextCharacter() {
        #expect(rows(screen("0123456789\rX"))[0] == "X123456789")
        #expect(rows(screen("0123456789\u{1B}[KX"))[0] == "012345678X")
        #expect(rows(screen("\u{1B}[?7l0123456789abX"))[0] == "012345678X")
    }

    @Test func wideCharactersAndMarks() {
        let screen = screen("a漢b\u{301}漢漢x漢c")
        #expect(rows(screen) == ["a漢b\u{301}漢漢x", "漢c", "", ""])
        #expect(screen.cell(row: 0, column: 1).width == 2)
        #expect(screen.cell(row: 0, column: 2).text == "")
        // Half of one is overwritten: the other half goes too.
        #expect(rows(self.screen("漢漢\u{1B}[1;2HX"))[0] == " X漢")
    }

    @Test func theAlternateScreenIsLeftAsItWasFound() {
        let screen = screen("shell$ \u{1B}[?1049h\u{1B}[2J\u{1B}[Hfull\u{1B}[?1049lmore")
        #expect(rows(screen) == ["shell$ mor", "e", "", ""])
    }

    @Test func regionsInsertingAndDeleting() {
        let filled = "1\r\n2\r\n3\r\n4"
        #expect(rows(screen(filled + "\u{1B}[2;3r\u{1B}[3;1H\nX")) == ["1", "3", "X", "4"])
        #expect(rows(screen(filled + "\u{1B}[2;1H\u{1B}[L")) == ["1", "", "2", "3"])
        #expect(rows(screen(filled + "\u{1B}[2;1H\u{1B}[M")) == ["1", "3", "4", ""])
        #expect(rows(screen("abcdef\u{1B}[1;3H\u{1B}[2@"))[0] == "ab  cdef")
        #expect(rows(screen("abcdef\u{1B}[1;3H\u{1B}[2P"))[0] == "abef")
        #expect(rows(screen("abcdef\u{1B}[1;3H\u{1B}[2X"))[0] == "ab  ef")
        #expect(rows(screen("abcdef\u{1B}[4hX\u{1B}[1;1HY"))[0] == "YabcdefX")
    }

    @Test func stylesAreKeptByCell() {
        let screen = screen("\u{1B}[1;2;38;2;1;2;3;48:5;200mA\u{1B}[22;4:3mB\u{1B}[mC")
        let a = screen.cell(row: 0, column: 0).style
        #expect(a.bold && a.dim && a.foreground == .rgb(1, 2, 3) && a.background == .indexed(200))
        let b = screen.cell(row: 0, column: 1).style
        #expect(!b.bold && !b.dim && b.underline == 3 && b.foreground == .rgb(1, 2, 3))
        #expect(screen.cell(row: 0, column: 2).style == .standard)
    }

    @Test func lineDrawing() {
        #expect(rows(screen("\u{1B}(0lqk\u{1B}(Bq"))[0] == "┌─┐q")
    }

    @Test func piecesGiveWhatTheWholeGives() {
        let text = "a漢\u{1B}[1;31mb\u{1B}[2;3Hx\u{1B}[?1049hq\u{1B}(0q\u{1B}[3;1Hlong line that wraps"
        let bytes = Array(text.utf8)
        var whole = Screen(columns: 10, rows: 4)
        whole.feed(bytes)
        var pieces = Screen(columns: 10, rows: 4)
        for byte in bytes { pieces.feed([byte]) }
        #expect(pieces.grid == whole.grid && pieces.cursor == whole.cursor)
    }

    @Test func aNewSizeKeepsTheCursorOnTheScreen() {
        var screen = screen("1\r\n2\r\n3\r\n4")
        screen.resize(columns: 6, rows: 2)
        #expect(rows(screen) == ["3", "4"])
        #expect(screen.scrolledOff(most: 9).map(\.text) == ["1", "2"])
        screen.resize(columns: 20, rows: 5)
        #expect(rows(screen) == ["3", "4", "", "", ""])
    }

    @Test func aWiderScreenHasMoreTabStops() {
        var screen = screen("\u{1B}[3g", columns: 10)
        screen.resize(columns: 30, rows: 4)
        screen.feed(Array("\ta\tb".utf8))
        #expect(rows(screen)[0] == "                a       b")
    }

    @Test func scrollbackIsBounded() {
        var screen = Screen(columns: 80, rows: 4, scrollback: 100_000)
        for number in 0..<20000 { screen.feed(Array("line \(number)\r\n".utf8)) }
        let lines = screen.scrolledOff(most: .max)
        #expect(lines.last?.text == "line 19996")
        #expect(lines.count > 1000 && lines.count < 8000)
        // Empty ones take room, too.
        for _ in 0..<100 { screen.feed(Array(String(repeating: "\r\n", count: 2000).utf8)) }
        #expect(screen.scrolledOff(most: .max).count < 30000)
    }
}

/// A terminal that comes later is brought into the same state.
struct RestorationTests {
    @Test(arguments: [
        "plain", "0123456789", "0123456789abcdef", "\u{1B}[1;31mred\u{1B}[44m\u{1B}[K", "漢漢漢漢漢",
        "shell\u{1B}7\u{1B}[?1049h\u{1B}[2;3Hfull\u{1B}[7m", "\u{1B}[2;3r\u{1B}[3;2Hx", "\u{1B}(0qq",
        "\u{0E}\u{1B})0q",
        "\u{1B}[3g\u{1B}[1;5H\u{1B}H\u{1B}[2;2Hx",
        "\u{1B}[3g\u{1B}[1;8H\u{1B}H\u{1B}[1;1H\u{1B}#3top",
        "\u{1B}[?1;5;1002;1006;2004;1004h\u{1B}=\u{1B}[5 q\u{1B}[?25l",
        "\u{1B}[4habc\u{1B}[?7l", "\u{1B}#6wide\r\n\u{1B}#3top", "\u{1B}[>4;2m\u{1B}[>5u",
        "e\u{301}x\r\n\n\n\n\nend",
        "\u{1B}[44m\u{1B}[2J\u{1B}[3;3Hx\u{1B}[0m", "a\u{1B}[20Cb\u{1B}[1;5Hc", "\u{1B}[?47hx\u{1B}[?47ly",
    ])
    func givesTheSameState(_ text: String) {
        var first = Screen(columns: 10, rows: 4)
        first.feed(Array(text.utf8))
        var second = Screen(columns: 10, rows: 4)
        second.feed(Array("\u{1B}[?1049h\u{1B}[31mother\u{1B}[2;3r".utf8))
        second.feed(first.restoration())
        expectSame(first, second)
        // And they go on alike.
        let more = Array("\u{1B}8more\r\n\ttext\u{1B}[?1049l and more".utf8)
        first.feed(more)
        second.feed(more)
        expectSame(first, second)
    }

    private func expectSame(_ a: Screen, _ b: Screen) {
        #expect((0..<a.rows).map(a.text(row:)) == (0..<b.rows).map(b.text(row:)))
        #expect((0..<a.rows).map(a.line(row:)).map(\.runs) == (0..<b.rows).map(b.line(row:)).map(\.runs))
        #expect((0..<a.rows).map { a.grid.lines[$0].size } == (0..<b.rows).map { b.grid.lines[$0].size })
        #expect(a.isAlternate == b.isAlternate)
        #expect(a.cursor == b.cursor)
        #expect(a.modes == b.modes)
        #expect(a.region == b.region)
        #expect(a.tabs == b.tabs)
    }
}

/// What leaves the top is what stood there.
struct ScrollbackTests {
    @Test(arguments: [
        "plain", "\u{1B}[31mred", "red\u{1B}[31mred", "\u{1B}[31mred\u{1B}[m\r\n\u{1B}[31mabcdef\rxy",
        "漢字\rab", "abc\r漢",
        "abc\u{1B}[1;6Hdef", "\u{1B}[44m\u{1B}[2Kabc", "abcdef\u{1B}[1;3H\u{1B}[P",
        "abcdef\u{1B}[1;3H\u{1B}[@x", "e\u{301}",
        "abcdef\u{1B}[1;3H\u{1B}[31m\u{1B}[K", "abcdef\u{1B}[1;3H\u{1B}[Kx", "abc\r\u{1B}[31mabcdef",
        "\u{1B}[31m  x",
        "abcdef\u{1B}[1;2H\u{1B}[X\u{1B}[31m\u{1B}[1;7Hz", "\u{1B}[5Cx\rabcde",
        "0123456789abc\u{1B}[1;31mdef",
    ])
    func keepsLines(_ text: String) {
        var screen = Screen(columns: 10, rows: 4)
        screen.feed(Array(text.utf8))
        let lines = (0..<4).map(screen.line(row:))
        screen.feed(Array("\u{1B}[m\u{1B}[4;1H\n\n\n\n".utf8))
        #expect(screen.scrolledOff(most: 4) == lines)
    }
}
