// Regular expressions of the C library.

import Testing

@testable import LinuxSystem

@Suite struct PosixRegexTests {
    @Test(arguments: [
        ("tests? passed", "12 tests passed.", true), ("^ok$", "ok", true), ("^ok$", "ok ", false),
        ("(a|b){2}", "xab", true), ("(a|b){2}", "xa", false), ("^$", "", true), ("ü.", "über", true),
        ("[[:digit:]]+ of", "3 of 4", true),
    ])
    func matches(_ pattern: String, _ line: String, _ expected: Bool) throws {
        #expect(try PosixRegex(pattern).matches(Array(line.utf8)) == expected)
    }

    @Test(arguments: ["(", "[a", "a{2,1}", "*("]) func saysWhatIsWrong(_ pattern: String) {
        let error = #expect(throws: PosixRegexError.self) { try PosixRegex(pattern) }
        #expect(error?.why.isEmpty == false)
    }

    @Test(arguments: [
        (#"\d+"#, "\\d has no meaning here: a digit is [0-9]"),
        (#"a\\\D"#, "\\D has no meaning here: what is no digit is [^0-9]"),
        (
            #"^\t"#,
            "\\t has no meaning here: lines are looked at one by one, and a tab is the character itself"
        ),
        (#"[\d]\y"#, "\\y has no meaning here: leave the backslash out"),
        (#"[]d]\q"#, "\\q has no meaning here: leave the backslash out"),
    ])
    func refusesEscapesOfOtherLanguages(_ pattern: String, _ why: String) {
        let error = #expect(throws: PosixRegexError.self) { try PosixRegex(pattern) }
        #expect(error?.why == why)
    }

    @Test(arguments: [
        (#"[\d]"#, "d"), (#"\w\W\s\S"#, "a- b"), (#"\bok\b"#, "is ok."), (#"\."#, "."), (#"\\d"#, #"\d"#),
        (#"[^]\n]"#, "x"), (#"^[[:space:]\d]+$"#, #" \d "#), (#"[[.].]\d]"#, "]"),
    ])
    func takesTheEscapesThatThereAre(_ pattern: String, _ line: String) throws {
        #expect(try PosixRegex(pattern).matches(Array(line.utf8)))
    }

    @Test func isTheSameAfterItWasRenewed() throws {
        let pattern = try PosixRegex("(a|b|ab)*c$")
        let line = Array(String(repeating: "ab", count: 2_000).utf8)
        for _ in 0..<20 {
            #expect(!pattern.matches(line))
            #expect(pattern.matches(Array("abc".utf8)))
        }
    }
}
