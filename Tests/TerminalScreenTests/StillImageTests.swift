import Testing

@testable import TerminalScreen

/// Pictures of screens; the program's pictures are read by an XML parser in the integration tests.
struct StillImageTests {
    private func svg(_ text: String, columns: Int = 20, rows: Int = 2, title: String = "a") -> String {
        var screen = Screen(columns: columns, rows: rows)
        screen.feed(Array(text.utf8))
        let lines = (0..<rows).map(screen.line(row:))
        return StillImage(columns: columns, lines: lines, cursor: nil, title: title).svg
    }

    @Test func whatAnAgentWroteStaysText() {
        let hostile = "</text><script>&\"'"
        let picture = svg(hostile, columns: 40, title: "</title><script>")
        #expect(
            !picture.contains("<script") && picture.contains("&lt;/text&gt;&lt;script&gt;&amp;&quot;&#39;")
        )
        #expect(picture.contains("<title>&lt;/title&gt;&lt;script&gt;</title>"))
        // The control: without the hostile text, the same elements are there.
        let plain = svg(String(repeating: "x", count: hostile.count), columns: 40)
        #expect(picture.split(separator: "<").count == plain.split(separator: "<").count)
    }

    @Test func whatXMLCannotHoldIsReplaced() {
        let picture = svg("a\u{FFFE}b\u{FFFF}c")
        #expect(picture.contains(">a\u{FFFD}b\u{FFFD}c</text>"))
    }

    @Test func everyRunHasItsColumn() {
        let picture = svg("ab  \u{1B}[31mcd漢e")
        #expect(picture.contains("<text x=\"0\" y=\"14\" textLength=\"18\""))
        #expect(picture.contains("<text x=\"36\" y=\"14\" textLength=\"18\""))
        #expect(picture.contains("<text x=\"54\" y=\"14\" textLength=\"18\""))
        #expect(picture.contains("<text x=\"72\" y=\"14\" textLength=\"9\""))
    }

    @Test(arguments: [
        ("\u{1B}[1mx", "font-weight=\"bold\""), ("\u{1B}[3mx", "font-style=\"italic\""),
        ("\u{1B}[2mx", "fill-opacity=\"0.6\""), ("\u{1B}[4mx", "M0 16.5H9"), ("\u{1B}[4:2mx", "M0 17.5H9"),
        ("\u{1B}[4:3mx", "q2.25 -3"), ("\u{1B}[4:4mx", "stroke-dasharray=\"1 2\""),
        ("\u{1B}[4:5mx", "stroke-dasharray=\"5 4\""), ("\u{1B}[9mx", "M0 10.5H9"),
        ("\u{1B}[53mx", "M0 1.5H9"),
        ("\u{1B}[31mx", "fill=\"#cd0000\""), ("\u{1B}[38;5;196mx", "fill=\"#ff0000\""),
        ("\u{1B}[38;5;244mx", "fill=\"#808080\""), ("\u{1B}[48;2;1;2;3mx", "height=\"19\" fill=\"#010203\""),
        ("\u{1B}[7mx", "height=\"19\" fill=\"#d8d8d8\""),
    ])
    func attributesAreDrawn(_ input: String, _ wanted: String) {
        #expect(svg(input).contains(wanted))
        #expect(!svg("x").contains(wanted))
    }

    @Test func hiddenTextIsNotThere() {
        #expect(!svg("\u{1B}[8msecret").contains("secret"))
    }
}
