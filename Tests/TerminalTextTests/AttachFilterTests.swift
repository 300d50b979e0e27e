// What passes to a user's terminal and what does not.

import Testing

@testable import TerminalText

@Suite struct AttachFilterTests {
    @Test(arguments: [
        "hello", "ä 日本 🐙 \u{200D}", "\u{07}\u{08}\t\n\u{0B}\u{0C}\r\u{0E}\u{0F}",
        "\u{1B}[m", "\u{1B}[0;1;38;5;200m", "\u{1B}[4:3m", "\u{1B}[48:2::1:2:3m",
        "\u{1B}[A\u{1B}[2B\u{1B}[3C\u{1B}[4D\u{1B}[5E\u{1B}[6F\u{1B}[7G\u{1B}[8;9H\u{1B}[1d\u{1B}[2;2f",
        "\u{1B}[J\u{1B}[2J\u{1B}[3J\u{1B}[K\u{1B}[1K\u{1B}[?J\u{1B}[?K\u{1B}[5X",
        "\u{1B}[2L\u{1B}[2M\u{1B}[2P\u{1B}[2@\u{1B}[2S\u{1B}[2T\u{1B}[3b\u{1B}['}",
        "\u{1B}[2;20r\u{1B}[r\u{1B}[g\u{1B}[3g\u{1B}[s\u{1B}[u\u{1B}7\u{1B}8\u{1B}D\u{1B}M\u{1B}E\u{1B}H",
        "\u{1B}[?1049h\u{1B}[?2004h\u{1B}[?1000;1006h\u{1B}[?1004l\u{1B}[?2026h\u{1B}[?25l\u{1B}[?1h\u{1B}[4h",
        "\u{1B}[ q\u{1B}[5 q\u{1B}[!p\u{1B}c\u{1B}=\u{1B}>\u{1B}#8\u{1B}(0\u{1B}(B\u{1B})0",
        "\u{1B}[>1u\u{1B}[<u\u{1B}[=1;1u\u{1B}[>4;2m\u{1B}[>4m",
        "\u{1B}]8;;https://example.org/a?b;c\u{1B}\\x\u{1B}]8;;\u{1B}\\", "\u{1B}]8;id=7;HTTP://a\u{1B}\\",
    ])
    func passes(_ stream: Stream) {
        #expect(attachOutput(stream.text) == stream.text)
    }

    @Test func whatOnlyDrawsLeavesKeysAndMouseAlone() {
        var filter = AttachFilter(drawsOnly: true)
        var output: [UInt8] = []
        let stream =
            "\u{1B}[>1u\u{1B}[<u\u{1B}[=1;1u\u{1B}[>4;2m\u{1B}=\u{1B}>\u{1B}[?1h\u{1B}[?1000;1006h\u{1B}[?2004h"
            + "\u{1B}[?1004h\u{1B}[?25;1002;1049h\u{1B}[31ma\u{1B}[4h\u{1B}(0\u{1B}7"
        filter.feed(Array(stream.utf8), into: &output)
        let text = String(decoding: output, as: UTF8.self)
        #expect(text == "\u{1B}[?25;1049h\u{1B}[31ma\u{1B}[4h\u{1B}(0\u{1B}7")
    }

    @Test(arguments: [
        // Single controls.
        "\u{00}", "\u{05}", "\u{11}\u{13}", "\u{18}\u{1A}", "\u{7F}", "\u{80}\u{9B}\u{9D}\u{9C}",
        // Queries and reports.
        "\u{1B}[c", "\u{1B}[0c", "\u{1B}[>c", "\u{1B}[=c", "\u{1B}Z", "\u{1B}[5n", "\u{1B}[6n", "\u{1B}[?6n",
        "\u{1B}[?996n", "\u{1B}[?2026$p", "\u{1B}[4$p", "\u{1B}P$qm\u{1B}\\", "\u{1B}P+q544e\u{1B}\\",
        "\u{1B}[>q", "\u{1B}[>0q", "\u{1B}[?u", "\u{1B}[?4m", "\u{1B}[x", "\u{1B}[1;1;1;1;1;1*y",
        "\u{1B}[2$w",
        "\u{1B}[?1;1;0S", "\u{1B}['|", "\u{1B}[1;1'z", "\u{1B}[&u", "\u{1B}[1;2\"v", "\u{1B}[1#q",
        // Windows and titles.
        "\u{1B}[11t", "\u{1B}[14t", "\u{1B}[18t", "\u{1B}[20t", "\u{1B}[21t", "\u{1B}[22;0t", "\u{1B}[23t",
        "\u{1B}[2t", "\u{1B}[8;10;10t", "\u{1B}[>2T", "\u{1B}[>2t", "\u{1B}]0;t\u{07}", "\u{1B}]2;t\u{1B}\\",
        "\u{1B}kname\u{1B}\\",
        // Other OSC strings.
        "\u{1B}]52;c;?\u{07}", "\u{1B}]52;c;aGk=\u{1B}\\", "\u{1B}]4;1;?\u{07}", "\u{1B}]10;?\u{07}",
        "\u{1B}]11;#000000\u{07}", "\u{1B}]9;note\u{07}", "\u{1B}]777;notify;a;b\u{07}",
        "\u{1B}]99;;x\u{1B}\\",
        "\u{1B}]1337;File=name=eA==:eA==\u{07}", "\u{1B}]7;file:///\u{07}", "\u{1B}]133;A\u{07}",
        "\u{1B}]633;A\u{07}", "\u{1B}]50;?\u{07}", "\u{1B}]5522;type=read\u{1B}\\", "\u{1B}]\u{07}",
        // Strings.
        "\u{1B}P1;1|17/17\u{1B}\\", "\u{1B}_Gi=1;\u{1B}\\", "\u{1B}^x\u{1B}\\", "\u{1B}Xx\u{1B}\\",
        "\u{1B}Ptmux;\u{1B}\u{1B}\\",
        // Printers, keyboards, encodings, window sizes, hanging mouse modes, unasked reports.
        "\u{1B}[i", "\u{1B}[5i", "\u{1B}[?4i", "\u{1B}[2h", "\u{1B}[12h", "\u{1B}[?3h", "\u{1B}[?1001h",
        "\u{1B}[?2031h", "\u{1B}[?2048h", "\u{1B}[?9001h", "\u{1B}[1;2;3;4;5T", "\u{1B}[62;1\"p", "\u{1B} G",
        "\u{1B} F", "\u{1B}%@", "\u{1B}%G", "\u{1B}[1q", "\u{1B}[>1p", "\u{1B}[>m", "\u{1B}[>41m",
        "\u{1B}[?h",
        "\u{1B}[1;2s", "\u{1B}[?1000r", "\u{1B}[?1000s", "\u{1B}[1:2A", "\u{1B}[h", "\u{1B}(%5", "\u{1B}[  q",
        // Unfinished.
        "\u{1B}", "\u{1B}[", "\u{1B}[1;2", "\u{1B}]0;open", "\u{1B}Popen",
    ])
    func drops(_ stream: Stream) {
        let text = stream.text
        #expect(attachOutput(text) == "")
        // A complete one leaves the filter ready for text, and the checker knows why it may not pass.
        if let last = text.unicodeScalars.last, "\u{07}\\".unicodeScalars.contains(last) {
            #expect(attachOutput("a" + text + "b") == "ab")
            #expect(forbidden(in: Array(text.utf8)) != nil)
        }
    }

    @Test(
        arguments: [
            // Listed modes pass out of a list with others.
            ("\u{1B}[?3;25;1001;2004h", "\u{1B}[?25;2004h"), ("\u{1B}[2;4h", "\u{1B}[4h"),
            // Numbers are cut to size.
            ("\u{1B}[99999999999b", "\u{1B}[9999b"), ("\u{1B}[0000000007A", "\u{1B}[7A"),
            ("\u{1B}[12345;6H", "\u{1B}[9999;6H"),
            // Controls inside a sequence take effect first, CAN and SUB and ESC end it.
            ("\u{1B}[3\n1m", "\n\u{1B}[31m"), ("\u{1B}[3\u{05}1m", "\u{1B}[31m"), ("\u{1B}[3\u{18}1m", "1m"),
            ("\u{1B}[3\u{1A}1m", "1m"), ("\u{1B}[3\u{1B}[1m", "\u{1B}[1m"), ("\u{1B}\u{1B}[1m", "\u{1B}[1m"),
            ("\u{1B}]52;c;aGk=\u{18}x", "x"), ("\u{1B}P\u{1A}x", "x"), ("\u{1B}]0;t\u{1B}[1mx", "\u{1B}[1mx"),
            ("\u{1B}Pq\u{07}x\u{1B}\\y", "y"), ("\u{1B}\u{1B}]52;c;x\u{07}y", "y"),
            // A character that is not ASCII ends a sequence.
            ("\u{1B}[3äx", "äx"), ("\u{1B}é", "é"), ("\u{1B}[1\u{9B}2mx", "2mx"),
            // Links: only to the web, and a refused one does not belong to the link before.
            ("\u{1B}]8;;file:///etc/passwd\u{07}x\u{1B}]8;;\u{07}", "\u{1B}]8;;\u{1B}\\x\u{1B}]8;;\u{1B}\\"),
            ("\u{1B}]8;;javascript:alert(1)\u{07}", "\u{1B}]8;;\u{1B}\\"),
            ("\u{1B}]8;;vscode://x\u{07}", "\u{1B}]8;;\u{1B}\\"),
            ("\u{1B}]8;;https://a b\u{07}", "\u{1B}]8;;\u{1B}\\"),
            ("\u{1B}]8;;https://ä\u{07}", "\u{1B}]8;;\u{1B}\\"),
            ("\u{1B}]8;x=1;https://a\u{07}", "\u{1B}]8;;https://a\u{1B}\\"), ("\u{1B}]8\u{07}", ""),
            ("\u{1B}]8;;http://a\u{0A}b\u{07}", "\u{1B}]8;;\u{1B}\\"), ("\u{1B}]88;;http://a\u{07}", ""),
        ] as [(Stream, Stream)]
    )
    func changes(_ stream: Stream, _ expected: Stream) {
        #expect(attachOutput(stream.text) == expected.text)
    }

    @Test(
        arguments: [
            ([0x80], "\u{FFFD}"), ([0x9B, 0x63], "\u{FFFD}c"), ([0xC0, 0xAF], "\u{FFFD}\u{FFFD}"),
            ([0xC3], "\u{FFFD}"), ([0xC3, 0x41], "\u{FFFD}A"), ([0xC3, 0x1B, 0x5B, 0x63], "\u{FFFD}"),
            ([0xE2, 0x82], "\u{FFFD}"), ([0xE2, 0x82, 0x41], "\u{FFFD}A"),
            ([0xE2, 0x82, 0xC3, 0xA4], "\u{FFFD}ä"),
            ([0xED, 0xA0, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"),
            ([0xF4, 0x90, 0x80, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
            ([0xF0, 0x9F, 0x90, 0x99], "🐙"), ([0xFF, 0xFE], "\u{FFFD}\u{FFFD}"),
            ([0xE0, 0x80, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"),
            ([0xF4, 0x8F, 0xBF, 0xBF], "\u{10FFFF}"), ([0xEF, 0xBF, 0xBD], "\u{FFFD}"),
            ([0xC2, 0x9B, 0x63], "c"),
            ([0xC2, 0xA0], "\u{A0}"), ([0xC2, 0x0A], "\u{FFFD}\n"), ([0xE2, 0x80, 0xAE], "\u{202E}"),
        ] as [([UInt8], String)]
    )
    func repairsUTF8(_ bytes: [UInt8], _ expected: String) {
        #expect(String(validating: attachOutput(bytes), as: UTF8.self) == expected)
        #expect(
            expected == String(decoding: bytes, as: UTF8.self) || bytes.starts(with: [0xC2, 0x9B])
                || bytes.contains(0x1B)
        )
    }

    @Test(
        arguments: [
            ("\u{1B}[c", "\u{1B}[?62;22c"), ("\u{1B}[0c", "\u{1B}[?62;22c"), ("\u{1B}Z", "\u{1B}[?62;22c"),
            ("\u{1B}[5n", "\u{1B}[0n"), ("\u{1B}[6n", "\u{1B}[1;1R"),
            ("x\u{1B}[6n\u{1B}[c", "\u{1B}[1;1R\u{1B}[?62;22c"),
            ("\u{1B}[>c", ""), ("\u{1B}[?6n", ""), ("\u{1B}[1c", ""), ("\u{1B}]11;?\u{07}", ""),
            ("\u{1B}[21t", ""),
        ] as [(Stream, Stream)]
    )
    func answers(_ stream: Stream, _ expected: Stream) {
        let replies = attachOutput([Array(stream.text.utf8)[...]]).replies
        #expect(String(decoding: replies, as: UTF8.self) == expected.text)
    }

    @Test func answersOnlyUpToTheLimit() {
        let questions = Array(String(repeating: "\u{1B}[c", count: 10_000).utf8)
        let replies = attachOutput([questions[...]]).replies
        #expect(replies.count <= QueryAnswers.limit)
        #expect(replies.count > QueryAnswers.limit - 16)
    }

    @Test(arguments: ["\u{1B}]52;c;", "\u{1B}P", "\u{1B}_", "\u{1B}k"])
    func givesUpAStringThatNothingEnds(_ start: Stream) {
        let bytes = Array(start.text.utf8) + [UInt8](repeating: 0x41, count: 2 * EscapeParser.longestString)
        let output = attachOutput(bytes + Array("text".utf8))
        #expect(
            output.count > EscapeParser.longestString - 16 && output.count <= EscapeParser.longestString + 16
        )
        #expect(output.suffix(5).elementsEqual("Atext".utf8))
    }

    @Test func dropsASequenceThatIsTooLong() {
        let long = String(repeating: "1;", count: EscapeParser.longestParameters)
        #expect(attachOutput("\u{1B}[\(long)mx") == "x")
        let target = "https://" + String(repeating: "a", count: Hyperlink.longestTarget)
        #expect(attachOutput("\u{1B}]8;;\(target)\u{07}x") == "\u{1B}]8;;\u{1B}\\x")
        #expect(attachOutput("\u{1B}]8;;\(target + target)\u{07}x") == "x")
    }

    @Test func resetIsHarmlessAndPassesItself() {
        #expect(forbidden(in: AttachFilter.reset) == nil)
        #expect(attachOutput(AttachFilter.reset) == AttachFilter.reset)
    }

    @Test func resetUndoesEveryModeThatPasses() {
        let reset = String(decoding: AttachFilter.reset, as: UTF8.self)
        // 47 and 1047 are left by 1049 too, and 1048 only saves the cursor.
        for mode in AllowedSequences.privateModes.subtracting([47, 1047, 1048]) {
            #expect(reset.contains("\u{1B}[?\(mode)\([7, 25].contains(mode) ? "h" : "l")"), "mode \(mode)")
        }
        for mode in AllowedSequences.modes { #expect(reset.contains("\u{1B}[\(mode)l")) }
    }

    /// tmux moves the cursor when a screen is left that is not shown.
    @Test(arguments: [
        ("plain", false), ("\u{1B}[?1049h", true), ("\u{1B}[?47;25h", true),
        ("\u{1B}[?1049h\u{1B}[?1049l", false),
        ("\u{1B}[47h", false), ("\u{1B}[?1047$p", false),
    ])
    func theAlternateScreenIsLeftWhereItIsShown(_ text: String, _ isAlternate: Bool) {
        var filter = AttachFilter()
        var output: [UInt8] = []
        filter.feed(Array(text.utf8), into: &output)
        #expect(String(decoding: filter.leaving, as: UTF8.self).contains("1049") == isAlternate)
    }
}
