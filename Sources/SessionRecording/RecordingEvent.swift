// The parts of a recording as values. The form on disk is asciicast v2, https://docs.asciinema.org/manual/asciicast/v2/:
// a line of JSON that describes the recording, and a line for each event. Written by RecordingLine.swift, read by
// RecordingReader.swift.

/// What is said of a recording before its first event.
package struct RecordingHeader: Equatable, Sendable {
    /// Width of the terminal at the beginning.
    package var columns: Int
    /// Height of the terminal at the beginning.
    package var rows: Int
    /// When it began, in seconds since 1970.
    package var began: Int64?
    /// What is recorded; of an agent, its name.
    package var title: String
    /// The variable `TERM` of the recorded program; empty if it is not known.
    package var terminal: String
    /// So many of the first events paint the screen as the recording before this one left it.
    ///
    /// Whoever has played that one passes over them. In the file it is `"cloche": {"repeated": N}`, which other programs
    /// ignore.
    package var repeated: Int

    /// A recording of a terminal of this size.
    package init(
        columns: Int,
        rows: Int,
        began: Int64? = nil,
        title: String = "",
        terminal: String = "",
        repeated: Int = 0
    ) {
        self.columns = columns
        self.rows = rows
        self.began = began
        self.title = title
        self.terminal = terminal
        self.repeated = repeated
    }
}

/// What happened at one time.
package struct RecordingEvent: Equatable, Sendable {
    /// Kinds of event, as the format names them.
    package enum Kind: UInt8, Sendable {
        /// The terminal showed something.
        case output = 0x6f
        /// Something was typed.
        case input = 0x69
        /// The terminal has another size, `80x24`.
        case resize = 0x72
        /// A place with a name.
        case marker = 0x6d
    }

    /// Microseconds since the beginning.
    package var time: Int64
    /// What kind.
    package var kind: Kind
    /// The text; of a file that somebody has changed, not always UTF-8.
    package var bytes: [UInt8]

    /// An event.
    package init(_ time: Int64, _ kind: Kind, _ bytes: [UInt8]) {
        self.time = time
        self.kind = kind
        self.bytes = bytes
    }

    /// A change of the terminal's size.
    package init(_ time: Int64, columns: Int, rows: Int) {
        self.init(time, .resize, Array("\(columns)x\(rows)".utf8))
    }

    /// The size that a change of it names; nil of other events, and of what is no size.
    package var size: (columns: Int, rows: Int)? {
        guard kind == .resize else { return nil }
        let parts = bytes.split(separator: UInt8(ascii: "x"), omittingEmptySubsequences: false)
        guard parts.count == 2, let columns = Int(String(decoding: parts[0], as: UTF8.self)),
            let rows = Int(String(decoding: parts[1], as: UTF8.self)),
            1...65535 ~= columns, 1...65535 ~= rows
        else { return nil }
        return (columns, rows)
    }
}
