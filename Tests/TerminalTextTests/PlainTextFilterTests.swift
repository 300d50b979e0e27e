// What `cloche logs` shows of terminal output.

import Testing

@testable import TerminalText

@Suite struct PlainTextFilterTests {
    @Test(
        arguments: [
            ("one\r\ntwo\r\n", "one\ntwo\n"), ("one\ntwo", "one\ntwo\n"), ("", ""), ("\n\n", "\n\n"),
            ("a\r\r\nb\n", "a\nb\n"),
            // Progress bars.
            ("10%\r50%\r100%\n", "100%\n"), ("long text\rshort\n", "short\n"),
            ("10%\r\u{1B}[K100%\r\n", "100%\n"),
            ("bar\r\u{1B}[K\nnext\n", "\nnext\n"), ("bar\u{1B}[2Kx\n", "x\n"), ("bar\u{1B}[K\n", "bar\n"),
            ("a\u{1B}[1Gb\n", "b\n"), ("a\u{1B}[20Gb\n", "a b\n"), ("same\r", "same\n"),
            // Backspace.
            ("abc\u{08}\u{08}x\n", "ax\n"), ("ü\u{08}x\n", "x\n"), ("\u{08}\u{08}x\n", "x\n"),
            ("n\u{08}na\u{08}a\n", "na\n"),
            ("a\r\u{08}\n", "a\n"), ("a\n\u{08}b\n", "a\nb\n"),
            // Sequences and controls.
            ("\u{1B}[1mbold\u{1B}[0m\n", "bold\n"), ("a\u{1B}]0;title\u{07}b\n", "ab\n"),
            ("a\u{1B}Pq\u{1B}\\b\n", "ab\n"),
            ("a\tb\n", "a\tb\n"), ("a\u{07}\u{00}\u{05}\u{0B}\u{0C}\u{7F}\u{9B}b\n", "ab\n"),
            ("\u{1B}]8;;http://x\u{07}link\u{1B}]8;;\u{07}\n", "link\n"), ("a\u{1B}(0b\n", "ab\n"),
            ("a\u{1B}[?25lb\n", "ab\n"),
            // Moves of the cursor are white space.
            ("a\u{1B}[3Cb\n", "a   b\n"), ("a\u{1B}[5;1Hb\n", "a\nb\n"), ("\u{1B}[H\u{1B}[2Jx\n", "x\n"),
            ("a\u{1B}[Ab\n", "a\nb\n"),
            ("a\u{1B}[2Jb\n", "a\nb\n"), ("a\u{1B}Eb\n", "a\nb\n"),
            ("\u{1B}[9999Cx\n", Stream(String(repeating: " ", count: 200) + "x\n")),
            // Marks that reorder text show.
            ("a\u{202E}b\u{2066}c\u{200F}d\u{061C}\n", "a\\u{202E}b\\u{2066}c\\u{200F}d\\u{61C}\n"),
            ("日本 \u{200D}é\n", "日本 \u{200D}é\n"),
        ] as [(Stream, Stream)]
    )
    func shows(_ stream: Stream, _ expected: Stream) {
        #expect(plainOutput(stream.text) == expected.text)
    }

    @Test func brokenBytesShow() {
        #expect(plainOutput([0x61, 0xFF, 0x62, 0xC3, 0x0A]) == "a\u{FFFD}b\u{FFFD}\n")
        #expect(plainOutput([0x61, 0xE2, 0x82]) == "a\u{FFFD}\n")
    }

    @Test(arguments: ["x", "ü", "日", "🐙", "\u{202E}"])
    func longLinesAreBroken(_ stream: Stream) {
        let character = stream.text
        let shown = character == "\u{202E}" ? "\\u{202E}" : character
        let output = plainOutput(String(repeating: character, count: PlainTextFilter.longestLine))
        let lines = output.utf8.split(separator: Byte.lineFeed)
        #expect(lines.allSatisfy { $0.count <= PlainTextFilter.longestLine })
        #expect(lines.dropLast().allSatisfy { $0.count > PlainTextFilter.longestLine - shown.utf8.count })
        #expect(output.filter { $0 != "\n" } == String(repeating: shown, count: PlainTextFilter.longestLine))
    }

    @Test func aLineOfJustTheLimitIsOne() {
        let line = String(repeating: "x", count: PlainTextFilter.longestLine)
        #expect(plainOutput(line + "\n" + line + "y\n") == line + "\n" + line + "\ny\n")
    }

    @Test func nothingComesBeforeTheLineEnds() {
        var filter = PlainTextFilter()
        var output: [UInt8] = []
        filter.feed(Array("half".utf8), into: &output)
        #expect(output.isEmpty)
        filter.feed(Array(" a line\nrest".utf8), into: &output)
        #expect(output.elementsEqual("half a line\n".utf8))
        filter.finish(into: &output)
        filter.finish(into: &output)
        #expect(output.elementsEqual("half a line\nrest\n".utf8))
    }
}
