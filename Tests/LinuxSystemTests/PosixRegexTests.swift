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
}
