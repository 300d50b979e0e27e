// What the command line makes of sizes, mistyped keys and conditions to wait for, and how a line is found in output.

import ClocheModel
import LinuxSystem
import Testing

@testable import Cloche
@testable import ClocheCLI

@Suite struct DriveTests {
    @Test func readsSizes() throws {
        #expect(try ResizeCommand.size("120x40") == TerminalSize(columns: 120, rows: 40))
        for text in [
            "", "x", "120", "120x", "0x40", "1001x40", "+1x40", "120x40x1", "120X40", "-1x2", "70000x1",
        ] {
            #expect(throws: ClocheError.self, "\(text)") { try ResizeCommand.size(text) }
        }
    }

    @Test func namesKeysThatWerePerhapsMeant() {
        #expect(KeysCommand.near("entre") == ["Enter"])
        #expect(KeysCommand.near("Pagedwn") == ["PageDown"])
        #expect(KeysCommand.near("Foo").isEmpty)
    }

    @Test func findsLinesInPieces() throws {
        var search = LineSearch(try PosixRegex("^(ready|pass(word)?: ?)$"))
        #expect(search.feed(Array("not ready\r\n".utf8)) == nil)
        #expect(search.feed(Array("rea".utf8)) == nil)
        #expect(search.feed(Array("\u{1B}[1mdy\u{1B}[0m".utf8)) == "ready", "a line that is not ended")
        #expect(search.feed(Array("\r\n".utf8)) == "ready", "the same, now that it is")
        #expect(search.feed(Array("\r\npass: ".utf8)) == "pass: ")
        #expect(search.feed(Array("word:\r".utf8)) == nil, "what has become of it is another line")
    }
}
