// Untrusted text in messages.

import Testing

@testable import TerminalText

@Suite struct VisibleTextTests {
    @Test(
        arguments: [
            ("plain", "plain"), ("", ""), ("ä 日本 🐙 e\u{301}", "ä 日本 🐙 e\u{301}"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{1B}[31mred", "\\u{1B}[31mred"), ("\u{07}\u{00}\u{7F}\u{9B}", "\\u{7}\\u{0}\\u{7F}\\u{9B}"),
            ("\u{202E}gpj.exe", "\\u{202E}gpj.exe"),
            ("\u{2028}\u{2029}\u{FEFF}\u{AD}", "\\u{2028}\\u{2029}\\u{FEFF}\\u{AD}"),
            ("\u{E0041}\u{E000}", "\\u{E0041}\\u{E000}"), ("👩\u{200D}🚀", "👩\u{200D}🚀"), ("C:\\n", "C:\\n"),
            ("\r\n", "\\r\\n"),
        ] as [(Stream, String)]
    )
    func shows(_ stream: Stream, _ expected: String) {
        #expect(visible(stream.text) == expected)
    }

    @Test(
        arguments: [
            ("abcdef", 6, "abcdef"), ("abcdef", 5, "abcd…"), ("abcdef", 1, "…"), ("abcdef", 0, ""),
            ("", 0, ""),
            ("a", 1, "a"),
            ("ab\u{1B}cd", 8, "ab…"), ("ab\u{1B}", 8, "ab\\u{1B}"), ("ab\u{1B}c", 7, "ab…"),
            ("\n\n\n", 5, "\\n\\n…"), ("\n\n\n", 6, "\\n\\n\\n"),
            ("e\u{301}\u{301}\u{301}", 3, "e\u{301}…"),
        ] as [(Stream, Int, String)]
    )
    func cuts(_ stream: Stream, _ limit: Int, _ expected: String) {
        #expect(visible(stream.text, limit: limit) == expected)
        #expect(visible(stream.text, limit: limit).unicodeScalars.count <= limit)
    }
}
