// What is asked of a window: to be attached to it, or what it shows. And the answer to the latter.

package import ClocheModel
package import LinuxSystem
package import TerminalScreen
internal import TerminalText

/// A terminal wants to be shown a window.
package struct AttachRequest: Equatable, Sendable {
    /// The terminal's size.
    package var size: TerminalSize
    /// The window's number.
    package var window: Int
    /// Whether nothing typed is passed on.
    package var readOnly: Bool
    /// Whether other terminals that type are sent away.
    package var steals: Bool
    /// How many lines that have left the screen are written first.
    package var linesAbove: Int

    /// A request.
    package init(
        size: TerminalSize,
        window: Int = 0,
        readOnly: Bool = false,
        steals: Bool = false,
        linesAbove: Int = 0
    ) {
        (self.size, self.window, self.readOnly) = (size, window, readOnly)
        (self.steals, self.linesAbove) = (steals, linesAbove)
    }

    var document: Document {
        .object([
            "columns": .integer(Int64(size.columns)), "rows": .integer(Int64(size.rows)),
            "window": .integer(Int64(window)), "read-only": .bool(readOnly), "steals": .bool(steals),
            "lines-above": .integer(Int64(linesAbove)),
        ])
    }

    init?(document: Document) {
        guard let columns = document["columns"]?.integer, let rows = document["rows"]?.integer,
            let window = document["window"]?.integer, let readOnly = document["read-only"]?.bool,
            let steals = document["steals"]?.bool, let linesAbove = document["lines-above"]?.integer
        else { return nil }
        self.init(
            size: TerminalSize(columns: UInt16(clamping: columns), rows: UInt16(clamping: rows)),
            window: Int(window),
            readOnly: readOnly,
            steals: steals,
            linesAbove: Int(linesAbove)
        )
    }
}

/// Somebody wants to know what a window shows.
package struct LookRequest: Equatable, Sendable {
    /// The window's number.
    package var window: Int
    /// How many lines that have left the screen are wanted too.
    package var linesAbove: Int

    /// A request.
    package init(window: Int = 0, linesAbove: Int = 0) {
        (self.window, self.linesAbove) = (window, linesAbove)
    }

    var document: Document {
        .object(["window": .integer(Int64(window)), "lines-above": .integer(Int64(linesAbove))])
    }

    init?(document: Document) {
        guard let window = document["window"]?.integer, let lines = document["lines-above"]?.integer else {
            return nil
        }
        self.init(window: Int(window), linesAbove: Int(lines))
    }
}

/// What a window shows.
package struct ScreenReport: Equatable, Sendable {
    /// The screen's size.
    package var columns: Int
    /// The screen's size.
    package var rows: Int
    /// Where the program writes next, from 0.
    package var cursorRow: Int
    /// Where the program writes next, from 0.
    package var cursorColumn: Int
    /// Whether the cursor is shown.
    package var showsCursor: Bool
    /// Whether a full-screen program has the alternate screen.
    package var isAlternate: Bool
    /// Lines that have left the screen, as many as were asked for, oldest first.
    package var above: [ScreenLine]
    /// The lines of the screen.
    package var lines: [ScreenLine]

    /// What a screen shows.
    package init(_ screen: Screen, linesAbove: Int) {
        (columns, rows) = (screen.columns, screen.rows)
        (cursorRow, cursorColumn) = (screen.cursor.row, screen.cursor.column)
        showsCursor = screen.modes.showsCursor
        isAlternate = screen.isAlternate
        above = screen.scrolledOff(most: linesAbove)
        lines = (0..<screen.rows).map(screen.line(row:))
    }

    /// The report as it is sent and as `--json` prints it.
    package var document: Document {
        .object([
            "columns": .integer(Int64(columns)), "rows": .integer(Int64(rows)),
            "cursor": .object([
                "row": .integer(Int64(cursorRow)), "column": .integer(Int64(cursorColumn)),
                "visible": .bool(showsCursor),
            ]),
            "alternate": .bool(isAlternate), "above": .list(above.map(\.document)),
            "lines": .list(lines.map(\.document)),
        ])
    }

    /// Reads a report that a supervisor sent.
    package init?(document: Document) {
        guard let columns = document["columns"]?.integer, let rows = document["rows"]?.integer,
            let row = document["cursor"]?["row"]?.integer,
            let column = document["cursor"]?["column"]?.integer,
            let visible = document["cursor"]?["visible"]?.bool, let alternate = document["alternate"]?.bool,
            let above = document["above"]?.list, let lines = document["lines"]?.list
        else { return nil }
        (self.columns, self.rows, cursorRow, cursorColumn) = (Int(columns), Int(rows), Int(row), Int(column))
        (showsCursor, isAlternate) = (visible, alternate)
        self.above = above.compactMap(ScreenLine.init(document:))
        self.lines = lines.compactMap(ScreenLine.init(document:))
    }
}

extension ScreenLine {
    fileprivate var document: Document {
        .object([
            "text": .string(text), "wrapped": .bool(isWrapped),
            "runs": .list(
                runs.map { run in
                    var document = Document.object([
                        "text": .string(run.text), "sgr": .string(run.selection),
                    ])
                    document["link"] = run.decoration.link.map { .string($0.target) }
                    return document
                }
            ),
        ])
    }

    fileprivate init?(document: Document) {
        guard let runs = document["runs"]?.list, let wrapped = document["wrapped"]?.bool else { return nil }
        self.init(
            runs: runs.compactMap { run in
                guard let text = run["text"]?.string, let numbers = run["sgr"]?.string else { return nil }
                return Run(text: text, selection: numbers, link: run["link"]?.string)
            },
            isWrapped: wrapped
        )
    }
}
