// Runs the cases of ControlCases.swift, and writes docs/terminals.md from the same table: no claim there without a case.

import LinuxSystem
import TerminalScreen
import TerminalText
import Testing

struct ControlCaseTests {
    @Test(arguments: ControlCase.all) func isAsTheTableSays(_ item: ControlCase) {
        var filter = AttachFilter()
        var output: [UInt8] = []
        var replies: [UInt8] = []
        filter.feed(ControlCase.bytes(item.input)[...], into: &output, replies: &replies)
        if case .dropped = item.outcome {
            #expect(output == [] && replies == [])
            return
        }
        var screen = Screen(columns: item.columns, rows: item.lines)
        screen.feed(output)
        if let rows = item.rows { #expect(text(screen) == rows) }
        if let cursor = item.cursor { #expect([screen.cursor.row + 1, screen.cursor.column + 1] == cursor) }
        if let style = item.style {
            let cell = screen.cell(row: 0, column: 0)
            #expect(cell.style.selection + cell.decoration.selection == style)
        }
        // The supervisor puts the true place into the answer.
        if !filter.positions.isEmpty {
            replies = Array("\u{1B}[\(screen.cursor.row + 1);\(screen.cursor.column + 1)R".utf8)
        }
        #expect(replies == ControlCase.bytes(item.replies))
    }

    /// The rows with text, as the table has them.
    private func text(_ screen: Screen) -> String {
        var rows = (0..<screen.rows).map(screen.text(row:))
        while rows.last == "" { rows.removeLast() }
        return rows.joined(separator: "|")
    }

    @Test func everyCaseHasANameOfItsOwn() {
        let names = ControlCase.all.map(\.testDescription)
        #expect(Set(names).count == names.count)
        #expect(names.count > 250)
    }

    @Test func theDocumentIsWhatTheTableSays() throws {
        let path = "\(#filePath)".parentPath.parentPath.parentPath + "/docs/terminals.md"
        let text = TerminalsDocument.text
        if ProcessEnvironment.value("CLOCHE_UPDATE_DOCS") == "1" {
            try Files.writeAtomically(path, Array(text.utf8), mode: 0o644)
        }
        #expect(try Files.readText(path) == text, "CLOCHE_UPDATE_DOCS=1 writes it")
    }
}

/// The text of docs/terminals.md.
enum TerminalsDocument {
    static var text: String {
        ([head, parts, passing, deviating, withheld].joined(separator: "\n\n") + "\n")
    }

    private static let head = """
        # Terminals: what the screen does as xterm does

        Every terminal of an agent has a screen in its supervisor ([sessions.md](sessions.md)). What of its output reaches the screen, and people's
        terminals, is what an [allow-list](../Sources/TerminalText/AllowedSequences.swift) names. This file says how the screen carries that out. It is written by a test
        that runs each case (`CLOCHE_UPDATE_DOCS=1 swift test --filter ControlCaseTests`); a case that came out otherwise would fail it.

        The names are those of [esctest](https://github.com/ThomasDickey/esctest2) where it has such a case; the cases themselves are ours
        (`Tests/TerminalScreenTests/ControlCases.swift`), since esctest asks the terminal what it shows (DECRQCRA), which no program may do here. Beside them,
        \(RecordedStream.all.count) recorded streams of programs are compared with xterm, tmux and libvterm.
        """

    /// Streams of vttest against what xterm showed.
    private static var parts: String {
        var lines = [
            "## vttest", "",
            "Recorded streams of its menus, compared with xterm's screen at the end and with libvterm's on the way (`RecordedStreamTests`).",
            "",
            "| menu | | streams | outcome |", "|---|---|---|---|",
        ]
        for part in VTTestPart.all {
            let known = part.streams.flatMap { stream in
                KnownDisagreement.all.filter { $0.stream == stream && $0.oracle == .xterm }
            }
            let outcome = known.isEmpty ? "pass" : "deviates: " + known.map(\.why).joined(separator: "; ")
            let streams = part.streams.map { "`\($0)`" }.joined(separator: ", ")
            lines.append("| \(part.menu) | \(part.what) | \(streams) | \(outcome) |")
        }
        let last = lines.removeLast()
        lines += [
            "| 5 | keyboard | | not tried: keys are passed as they come |",
            "| 6 | reports | | `DA`, `DECID`, `DSR` below; the others are dropped |",
            "| 7 | VT52 | | dropped |", last,
        ]
        return lines.joined(separator: "\n")
    }

    private static var passing: String {
        let cases = ControlCase.all.filter { $0.outcome == .passes }
        var controls: [String] = []
        for item in cases where !controls.contains(item.control) { controls.append(item.control) }
        let rows = controls.sorted().map { control in
            let names = cases.filter { $0.control == control }.map { "`\($0.name)`" }
            return "| \(control) | \(names.joined(separator: " ")) |"
        }
        return "## Pass\n\n\(cases.count) cases.\n\n| | cases |\n|---|---|\n" + rows.joined(separator: "\n")
    }

    private static var deviating: String {
        let rows = ControlCase.all.compactMap { item -> String? in
            guard case .deviates(let why) = item.outcome else { return nil }
            return "| \(item.control) | `\(item.name)` | \(why) |"
        }
        return "## Deviate\n\n| | case | why |\n|---|---|---|\n" + rows.joined(separator: "\n")
    }

    private static var withheld: String {
        let rows = ControlCase.all.compactMap { item -> String? in
            guard case .dropped(let why) = item.outcome else { return nil }
            return "| \(item.control) | \(item.name) | `\(shown(item.input))` | \(why) |"
        }
        return """
            ## Dropped by the filter

            Nothing of these reaches the screen or a person's terminal, and nothing answers them. `␛` is ESC.

            | | cases | tried with | why |
            |---|---|---|---|

            """ + rows.joined(separator: "\n")
    }

    private static func shown(_ input: String) -> String {
        input.unicodeScalars.map { scalar in
            switch scalar.value {
            case 0x07: "␇"
            case 0x80...0x9F: "U+00" + String(scalar.value, radix: 16, uppercase: true)
            default: scalar == "|" ? "\\|" : String(scalar)
            }
        }.joined()
    }
}
