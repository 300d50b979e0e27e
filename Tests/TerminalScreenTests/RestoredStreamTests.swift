// What attaching paints, for every recorded stream: a second terminal that is fed the restoration shows the same, place by
// place. The second terminal is libvterm, and another model for what libvterm does not know.

import TerminalText
import Testing

@testable import TerminalScreen

struct RestoredStreamTests {
    /// What libvterm 0.1.4 shows otherwise although the restoration is right, and why.
    private static let known: [String: (places: [String], why: String)] = [
        "torture-broken-text": (["1"], "U+FFFE is drawn as U+FFFD, and a mark on a mark is dropped"),
        "torture-combining": (
            ["2", "3", "5", "6", "11"],
            "as in the stream; a mark in the last column is lost where 16 characters before it end"
        ),
        "torture-emoji": (["9", "13"], "its table of widths is older than these emoji"),
        "torture-underlines": (["0"], "does not know 4:4 and 4:5"),
        "torture-wrap-and-5": (["4"], "a mark in the last column is lost where 16 characters before it end"),
        "vttest-double": (["8"], "the model keeps what is out of sight on a line of double width"),
    ]

    private static func screen(_ stream: RecordedStream) throws -> Screen {
        var screen = Screen(columns: stream.columns, rows: stream.rows)
        screen.feed(try stream.filtered())
        return screen
    }

    /// A terminal that has shown something else before.
    private static let before = Array("\u{1B}[?1049h\u{1B}[7;45mother\u{1B}[3;5r\u{1B}(0\u{1B}[?25l".utf8)

    @Test(arguments: RecordedStream.all) func libvtermIsPaintedTheSame(_ stream: RecordedStream) throws {
        let screen = try Self.screen(stream)
        let oracle = VTermOracle(columns: stream.columns, rows: stream.rows)
        oracle.feed(Self.before[...])
        oracle.feed(screen.restoration()[...])
        let (shown, wanted) = (ShownGrid(screen), oracle.grid())
        let found = shown.differences(from: wanted)
        let known = Self.known[stream.name]?.places ?? []
        guard found != known else { return }
        Issue.record("\(stream.name): \(RecordedStreamTests.report(shown, wanted, found, known))")
    }

    /// Another model has the whole state, and goes on alike.
    @Test(arguments: RecordedStream.all) func anotherModelGoesOnAlike(_ stream: RecordedStream) throws {
        var screen = try Self.screen(stream)
        var other = Screen(columns: stream.columns, rows: stream.rows)
        other.feed(Self.before)
        other.feed(screen.restoration())
        expectSame(screen, other)
        let more = Array("more\r\n\ttext\u{1B}8back\u{1B}M\u{1B}[?1049lmain\r\n\nand more\u{1B}[b".utf8)
        screen.feed(more)
        other.feed(more)
        expectSame(screen, other)
    }

    private func expectSame(_ a: Screen, _ b: Screen) {
        for row in 0..<a.rows {
            let column = (0..<a.width(row)).first {
                a.cell(row: row, column: $0) != b.cell(row: row, column: $0)
            }
            #expect(column == nil, "row \(row)")
            #expect(a.grid.lines[row].size == b.grid.lines[row].size, "row \(row)")
        }
        #expect(a.cursor == b.cursor)
        #expect(a.isAlternate == b.isAlternate && a.modes == b.modes && a.region == b.region)
        #expect(a.tabs == b.tabs)
    }

    /// The comparison sees one attribute of one place.
    @Test func aDifferenceOfOnePlaceIsFound() throws {
        let screen = try Self.screen(try #require(RecordedStream.all.first { $0.name == "htop" }))
        let oracle = VTermOracle(columns: screen.columns, rows: screen.rows)
        oracle.feed(screen.restoration()[...])
        oracle.feed(Array("\u{1B}7\u{1B}[4;9H\u{1B}[3mx\u{1B}8".utf8)[...])
        #expect(ShownGrid(screen).differences(from: oracle.grid()) == ["3"])
    }
}
