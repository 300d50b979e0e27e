// The model against two other terminals, on what real programs wrote and on streams written by hand.

import LinuxSystem
import TerminalScreen
import Testing

struct RecordedStreamTests {
    @Test func thereAreManyStreamsAndTheyAreSmall() throws {
        #expect(RecordedStream.all.count >= 100)
        for stream in RecordedStream.all {
            let size = try stream.recorded().count
            #expect(1...60_000 ~= size, "\(stream.name): \(size) bytes")
        }
    }

    /// libvterm 0.1.4 writes beyond its array of 16 numbers, and crashes later.
    private static let overflowing = "torture-many-numbers"

    /// The last screen is the same.
    ///
    /// Before it, libvterm has the cursor elsewhere at the end of a full line of wide
    /// characters, and other characters for some of DEC Special Graphics.
    private static let differsOnTheWay: Set = ["torture-long-lines", "vttest-characters"]

    /// Every place, colour and attribute, the cursor, and which screen is shown.
    @Test(arguments: RecordedStream.all.filter { $0.name != overflowing })
    func libvtermShowsTheSame(_ stream: RecordedStream) throws {
        let bytes = try stream.filtered()
        var screen = Screen(columns: stream.columns, rows: stream.rows)
        let oracle = VTermOracle(columns: stream.columns, rows: stream.rows)
        let known = KnownDisagreement.places(stream.name, .libvterm)
        // On the way too, where nothing is known to differ: a full-screen program ends with a blank screen.
        let stops = known.isEmpty && !Self.differsOnTheWay.contains(stream.name) ? 8 : 1
        var start = 0
        for stop in 1...stops {
            // Before a sequence: libvterm draws a character that is cut in two twice.
            let mark = bytes[(bytes.count * stop / stops)...].firstIndex(of: 0x1B)
            let end = stop == stops ? bytes.count : mark ?? bytes.count
            screen.feed(bytes[start..<end])
            oracle.feed(bytes[start..<end])
            start = end
            let (shown, wanted) = (ShownGrid(screen), oracle.grid())
            let found = shown.differences(from: wanted)
            guard found != known else { continue }
            Issue.record("\(stream.name), \(end) bytes: \(Self.report(shown, wanted, found, known))")
            return
        }
    }

    @Test(arguments: RecordedStream.all) func tmuxShowsTheSame(_ stream: RecordedStream) throws {
        try compare(stream, .tmux)
    }

    @Test(arguments: RecordedStream.all) func xtermShowsTheSame(_ stream: RecordedStream) throws {
        try compare(stream, .xterm)
    }

    /// The text of every row, and the cursor.
    private func compare(_ stream: RecordedStream, _ terminal: KnownDisagreement.Oracle) throws {
        var screen = Screen(columns: stream.columns, rows: stream.rows)
        screen.feed(try stream.filtered())
        let (shown, wanted) = (ShownGrid(screen), try stream.expected(terminal))
        let found = wanted.differences(from: shown)
        let known = KnownDisagreement.places(stream.name, terminal)
        guard found != known else { return }
        let rows = found.compactMap(Int.init)
        let lines = rows.map {
            "\n \($0)  model: \(shown.text($0))|\n \($0)  \(terminal): \(wanted.lines[$0])|"
        }
        let cursors = """
            \n cursor  model: \(shown.cursorRow) \(shown.cursorColumn), \(terminal): \(wanted.cursorRow) \
            \(wanted.cursorColumn)
            """
        Issue.record("\(stream.name): found \(found), known \(known)\(lines.joined())\(cursors)")
    }

    /// A stream may be cut anywhere.
    ///
    /// `CLOCHE_UPDATE_STREAMS=DIR` keeps there what `record-streams --expected` feeds to tmux.
    @Test(arguments: RecordedStream.all) func piecesShowTheSameAsTheWhole(_ stream: RecordedStream) throws {
        let bytes = try stream.filtered()
        if let directory = ProcessEnvironment.value("CLOCHE_UPDATE_STREAMS") {
            try Files.makeDirectories(directory, mode: 0o755)
            try Files.writeAtomically("\(directory)/\(stream.name).filtered", bytes, mode: 0o644)
        }
        var whole = Screen(columns: stream.columns, rows: stream.rows)
        whole.feed(bytes)
        var pieces = Screen(columns: stream.columns, rows: stream.rows)
        for start in stride(from: 0, to: bytes.count, by: 7) {
            pieces.feed(bytes[start..<min(start + 7, bytes.count)])
        }
        #expect(ShownGrid(pieces) == ShownGrid(whole))
    }

    /// A disagreement of a stream that is gone would stay in the table for ever.
    @Test func everyKnownDisagreementIsAboutAStream() {
        let names = Set(RecordedStream.all.map(\.name))
        for row in KnownDisagreement.all { #expect(names.contains(row.stream), "\(row.stream)") }
    }

    /// Where two grids differ first in each row.
    static func report(_ shown: ShownGrid, _ wanted: ShownGrid, _ found: [String], _ known: [String])
        -> String
    {
        var text = "found \(found), known \(known)"
        for row in found.compactMap(Int.init) {
            guard
                let column = (0..<shown.columns).first(where: {
                    shown.places[row][$0] != wanted.places[row][$0]
                })
            else { continue }
            text +=
                "\n \(row):\(column)  model: \(shown.places[row][column]), libvterm: \(wanted.places[row][column])"
            text += "\n   \(shown.text(row))|\n   \(wanted.text(row))|"
        }
        text += "\n cursor  model: \(shown.cursorRow) \(shown.cursorColumn) visible \(shown.cursorIsVisible)"
        text += ", libvterm: \(wanted.cursorRow) \(wanted.cursorColumn) visible \(wanted.cursorIsVisible)"
        return text
    }
}
