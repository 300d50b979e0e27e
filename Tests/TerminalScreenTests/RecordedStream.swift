// The recorded streams, as the tests read them; `record-streams` makes them and says what they are.

import LinuxSystem
import TerminalText
import Testing

/// What a program wrote to its terminal, and the screen it was written for.
struct RecordedStream: Sendable, CustomTestStringConvertible {
    let name: String
    let columns: Int
    let rows: Int

    static let directory = "\(#filePath)".parentPath + "/Streams"

    /// The rows of `index.txt`: name, columns, rows, what it is.
    static let all: [RecordedStream] = {
        // Without the index there is no stream, which `RecordedStreamTests` counts.
        let index = (try? Files.readText(directory + "/index.txt")) ?? ""
        return index.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: "\t")
            guard fields.count == 4, let columns = Int(fields[1]), let rows = Int(fields[2]) else {
                return nil
            }
            return RecordedStream(name: String(fields[0]), columns: columns, rows: rows)
        }
    }()

    var testDescription: String { name }

    /// The bytes as they were written.
    func recorded() throws -> [UInt8] { try Files.read("\(Self.directory)/\(name).stream") }

    /// What `AttachFilter` lets through: this is what a screen is fed with.
    func filtered() throws -> [UInt8] {
        var filter = AttachFilter()
        var output: [UInt8] = []
        filter.feed(try recorded(), into: &output)
        filter.finish(into: &output)
        return output
    }

    /// What tmux or xterm showed of it.
    func expected(_ terminal: KnownDisagreement.Oracle) throws -> ExpectedScreen {
        let ending = terminal == .xterm ? "xterm" : "expected"
        return try ExpectedScreen(Files.readText("\(Self.directory)/\(name).\(ending)"))
    }
}

/// An `.expected` file of tmux, or an `.xterm` file: the cursor, then each row's text.
struct ExpectedScreen {
    let lines: [String]
    let cursorRow: Int
    let cursorColumn: Int
    let cursorIsVisible: Bool
    let isAlternate: Bool

    init(_ text: String) {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let head = lines.removeFirst().split(separator: " ")
        lines.removeLast()
        self.lines = lines
        cursorRow = Int(head[1]) ?? -1
        cursorColumn = Int(head[2]) ?? -1
        cursorIsVisible = !head.contains("hidden")
        isAlternate = head.contains("alternate")
    }

    /// The rows in which a grid has other text, by number from 0, then what differs of the cursor.
    func differences(from grid: ShownGrid) -> [String] {
        // A letter with a mark equals the one that is both, which xterm makes of them.
        var found = (0..<grid.rows).filter { lines[$0] != grid.text($0) }.map(String.init)
        if (cursorRow, cursorColumn) != (grid.cursorRow, grid.cursorColumn) { found.append("cursor") }
        if cursorIsVisible != grid.cursorIsVisible { found.append("visible") }
        if isAlternate != grid.isAlternate { found.append("alternate") }
        return found
    }
}
