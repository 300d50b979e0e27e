// What is drawn by ourselves: clipped, and never more than text.

import Testing

@testable import TerminalScreen

@Suite struct CanvasTests {
    @Test func textIsCutAtItsPlace() {
        var canvas = Canvas(columns: 10, rows: 2)
        #expect(canvas.put("hello", row: 0, column: 2) == 7)
        canvas.put("abcdef", row: 0, column: 7)
        canvas.put("漢字", row: 1, column: 0, end: 3)
        #expect(canvas.text(row: 0) == "  helloabc" && canvas.text(row: 1) == "漢")
        #expect(canvas.put("x", row: 2, column: 0) == 0 && canvas.put("x", row: -1, column: 0) == 0)
        #expect(canvas.put("x", row: 0, column: 10) == 10 && canvas.put("x", row: 0, column: -1) == -1)
        #expect(Canvas(columns: 0, rows: -5).columns == 1 && Canvas(columns: 5000, rows: 1).columns == 1000)
    }

    @Test func nothingATerminalObeysGetsIn() {
        var canvas = Canvas(columns: 80, rows: 1)
        let hostile = "a\u{1B}]52;c;x\u{7}b\u{9B}31m\r\nc\u{202E}d\u{200B}\u{AD}\u{E0041}\u{2028}e"
        canvas.put(hostile, row: 0, column: 0)
        #expect(canvas.text(row: 0) == "a]52;c;xb31mcde")
        for value in (0...0x2100 as ClosedRange<UInt32>) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            canvas.put("x\(Character(scalar))", row: 0, column: 0)
            let shown = canvas.cell(row: 0, column: 0).text + canvas.cell(row: 0, column: 1).text
            for scalar in shown.unicodeScalars {
                #expect(scalar.value >= 0x20 && !(0x7F..<0xA0 ~= scalar.value), "U+\(value)")
                #expect(!(0x202A...0x202E ~= scalar.value) && !(0x2066...0x2069 ~= scalar.value))
            }
        }
    }

    @Test func withoutColoursAttributesStay() {
        var style = Style.standard
        (style.foreground, style.background) = (.indexed(1), .rgb(1, 2, 3))
        style[.bold] = true
        var canvas = Canvas(columns: 4, rows: 1, usesColours: false)
        canvas.put("x", row: 0, column: 0, style: style)
        canvas.put(ScreenLine(runs: [.init(text: "y", style: style)]), row: 0, column: 1)
        canvas.paint(row: 0, from: 2, to: 9) { $0.background = .indexed(4) }
        for column in 0..<4 {
            let cell = canvas.cell(row: 0, column: column)
            #expect(cell.style.foreground == .standard && cell.style.background == .standard)
            #expect(cell.style.bold == (column < 2))
        }
    }

    @Test func aLineOfRunsKeepsTheirStyles() {
        var red = Style.standard
        red.foreground = .indexed(1)
        var canvas = Canvas(columns: 6, rows: 1)
        let line = ScreenLine(runs: [.init(text: "ab", style: red), .init(text: "cdefgh", style: .standard)])
        canvas.put(line, row: 0, column: 1, end: 5)
        #expect(canvas.text(row: 0) == " abcd")
        #expect(
            canvas.cell(row: 0, column: 2).style == red && canvas.cell(row: 0, column: 3).style == .standard
        )
    }

    @Test func cuttingSaysThatSomethingIsMissing() {
        #expect(Canvas.cut("hello", to: 5) == "hello" && Canvas.cut("hello", to: 4) == "hel…")
        #expect(Canvas.cut("漢字漢字", to: 6) == "漢字…" && Canvas.cut("hello", to: 0) == "")
        #expect(Canvas.width(of: "e\u{301}漢\u{1B}") == 3)
    }

    /// Frames of canvases that are made anew each time bring a terminal to show each of them, also where characters
    /// of several scalars change places in their tables.
    @Test func framesFollowEachOther() {
        var painter = FramePainter(columns: 20, rows: 2)
        var terminal = Screen(columns: 20, rows: 2)
        for (number, text) in ["e\u{301}x", "o\u{308}x", "plain", "o\u{308}e\u{301}", "e\u{301}o\u{308}"]
            .enumerated()
        {
            var canvas = Canvas(columns: 20, rows: 2)
            canvas.put(text, row: number % 2, column: 3)
            canvas.cursor = number == 1 ? Canvas.Place(row: 1, column: 4) : nil
            canvas.modes = [1000, 1006, 2004]
            terminal.feed(painter.frame(canvas.screen))
            for row in 0..<2 { #expect(terminal.text(row: row) == canvas.text(row: row), "\(number)") }
            #expect(terminal.modes.showsCursor == (number == 1))
            #expect(terminal.modes.on.isSuperset(of: [1000, 1006, 2004]))
        }
        #expect(Canvas(columns: 2, rows: 2) == Canvas(columns: 2, rows: 2))
    }
}
