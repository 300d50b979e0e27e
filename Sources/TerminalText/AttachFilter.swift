// Stands between an agent's pty and the user's terminal in `attach`, `run` and `exec` with a terminal.
// What it lets through is an allow-list (`AllowedSequences`): text, cursor and screen control, key and
// mouse modes. It writes each sequence anew from its parsed parts, so that a terminal that reads odd
// bytes differently sees none. Invariant 9: the output can neither make the terminal answer, nor write
// its clipboard, title or files.

/// Makes an agent's output harmless for the terminal it is shown on.
///
/// Incremental: chunks may end anywhere, also inside a character or a sequence.
package struct AttachFilter: Sendable {
    private var scanner = TerminalScanner()
    private var sink = AttachSink()

    /// A filter at the start of a stream.
    ///
    /// - Parameter drawsOnly: what changes the terminal's keys and mouse does not pass either. For whoever reads the
    ///   user's keys itself while the output is shown.
    package init(drawsOnly: Bool = false) { sink.drawsOnly = drawsOnly }

    /// Filters the next bytes and appends what may be shown to `output`.
    ///
    /// - Parameter replies: what to write to the pty, so that a program that asks its terminal something
    ///   does not wait for ever (`QueryAnswers`). It grows to `QueryAnswers.limit` bytes at most: pass
    ///   the queue of the pty's input, and a program that asks without reading makes nothing grow.
    package mutating func feed(
        _ bytes: ArraySlice<UInt8>,
        into output: inout [UInt8],
        replies: inout [UInt8]
    ) {
        swap(&sink.output, &output)
        swap(&sink.replies, &replies)
        sink.positions.removeAll(keepingCapacity: true)
        if !sink.signals.isEmpty { sink.signals.removeAll() }
        scanner.scan(bytes, into: &sink)
        swap(&sink.replies, &replies)
        swap(&sink.output, &output)
    }

    /// Where the last piece asked for the cursor's place, in the order of the questions.
    ///
    /// The answer that stands in `replies` is a place that is always there, `QueryAnswers.position`: who
    /// has a screen puts the true one in its stead.
    package var positions: [CursorQuestion] { sink.positions }

    /// The OSC strings of the last piece that may be `TerminalSignal`s, the newest of them; none of them has passed.
    package var signals: [[UInt8]] { sink.signals }

    /// Filters the next bytes; questions to the terminal are dropped without an answer.
    package mutating func feed(_ bytes: ArraySlice<UInt8>, into output: inout [UInt8]) {
        var ignored: [UInt8] = []
        feed(bytes, into: &output, replies: &ignored)
    }

    /// Filters the next bytes; questions to the terminal are dropped without an answer.
    package mutating func feed(_ bytes: [UInt8], into output: inout [UInt8]) {
        feed(bytes[...], into: &output)
    }

    /// Ends the stream: a character that was cut off shows as U+FFFD, an unfinished sequence is dropped.
    package mutating func finish(into output: inout [UInt8]) {
        swap(&sink.output, &output)
        scanner.finish(into: &sink)
        swap(&sink.output, &output)
    }

    /// What leaves the user's terminal as a shell expects it, after what has passed.
    package var leaving: [UInt8] { sink.isAlternate ? Self.reset : Self.resetOfMain }

    /// What leaves the user's terminal as a shell expects it, whatever passed through a filter before.
    ///
    /// Most terminals do not move the cursor when the main screen is shown. tmux does: it goes where the last full-screen
    /// program began.
    package static let reset = reset(alternate: true)

    /// What leaves the user's terminal as a shell expects it, when the main screen is shown.
    private static let resetOfMain = reset(alternate: false)

    private static func reset(alternate: Bool) -> [UInt8] {
        ((alternate ? leavingAlternate : ["\u{1B}[?2026l"]) + leavingModes).flatMap(\.utf8)
    }

    private static let leavingAlternate = [
        "\u{1B}[?2026l",  // synchronized output off first, so that the rest shows
        // Leaving the alternate screen restores the cursor saved on the main one. Where the main screen
        // is shown already, that is the one saved here. Terminals that do not know the kitty protocol
        // may read the pop as `CSI u`, which restores the cursor too: it stays inside the saves.
        "\u{1B}7", "\u{1B}[<99u", "\u{1B}[?1049l",
    ]

    private static let leavingModes = [
        "\u{1B}7", "\u{1B}[<99u", "\u{1B}[r", "\u{1B}8",
        "\u{1B}[?9l", "\u{1B}[?1000l", "\u{1B}[?1002l", "\u{1B}[?1003l",
        "\u{1B}[?1005l", "\u{1B}[?1006l", "\u{1B}[?1015l", "\u{1B}[?1016l",
        "\u{1B}[?1004l", "\u{1B}[?2004l",
        "\u{1B}[?1l", "\u{1B}>", "\u{1B}[>4m",  // cursor keys, keypad, modifyOtherKeys
        "\u{1B}[?5l", "\u{1B}[?7h", "\u{1B}[4l",
        "\u{1B}]8;;\u{1B}\\", "\u{0F}", "\u{1B}(B", "\u{1B})B", "\u{1B}[0m",
        "\u{1B}[?12l", "\u{1B}[0 q", "\u{1B}[?25h",
    ]
}

/// A program's question where its cursor is.
package struct CursorQuestion: Equatable, Sendable {
    /// So much of the piece's output stands before it.
    package let output: Int
    /// Where its answer begins in the replies.
    package let reply: Int
}

/// Judges and writes the parts of the stream.
private struct AttachSink: TerminalSink {
    var output: [UInt8] = []
    var replies: [UInt8] = []
    var positions: [CursorQuestion] = []
    var signals: [[UInt8]] = []
    var drawsOnly = false
    /// What has passed left the terminal on its alternate screen.
    var isAlternate = false
    private let rules = AllowedSequences.rules
    private static let mostSignals = 16

    /// They pass as they are.
    static var takesLines: Bool { true }

    mutating func text(_ run: ArraySlice<UInt8>, isASCII: Bool) { output.append(contentsOf: run) }

    mutating func scalar(_ scalar: Unicode.Scalar) { output.append(contentsOf: scalar.utf8) }

    mutating func control(_ byte: UInt8) {
        if Byte.bell...Byte.shiftIn ~= byte { output.append(byte) }
    }

    mutating func escape(_ final: UInt8, _ parser: EscapeParser) {
        if AllowedSequences.allowsEscape(final, intermediate: parser.intermediate) {
            let isOfKeys = parser.intermediate == 0 && AllowedSequences.keypadEscapes.contains(final)
            if drawsOnly && isOfKeys { return }
            output.append(Byte.escape)
            if parser.intermediate != 0 { output.append(parser.intermediate) }
            output.append(final)
        } else {
            QueryAnswers.answerEscape(final, parser, into: &replies)
        }
    }

    mutating func controlSequence(_ final: UInt8, _ parser: EscapeParser) {
        let rule = rules[AllowedSequences.index(parser.prefix, parser.intermediate, final)]
        switch rule {
        case .drop:
            let before = replies.count
            let asksPlace = QueryAnswers.answerControlSequence(final, parser, into: &replies)
            if asksPlace { positions.append(CursorQuestion(output: output.count, reply: before)) }
        case .modes: write(final, parser, modes: AllowedSequences.modes)
        case .privateModes:
            write(
                final,
                parser,
                modes: drawsOnly ? AllowedSequences.drawingModes : AllowedSequences.privateModes
            )
        default:
            // The keyboard protocols; nothing else that passes has one of these.
            if drawsOnly && "<=>".utf8.contains(parser.prefix) { return }
            if AttachSink.allows(parser.parameters, rule) { write(final, parser, parser.parameters) }
        }
    }

    mutating func command(_ payload: [UInt8]) {
        if let link = Hyperlink(payload) { return output.append(contentsOf: link.sequence) }
        guard TerminalSignal.isOne(payload) else { return }
        // Of a flood in one piece, the newest are enough.
        if signals.count == Self.mostSignals { signals.removeFirst() }
        signals.append(payload)
    }

    private static func allows(_ parameters: [UInt8], _ rule: SequenceRule) -> Bool {
        switch rule {
        case .numbers: !parameters.contains(UInt8(ascii: ":"))
        case .subnumbers: true
        case .oneNumber: parameters.allSatisfy { $0 <= UInt8(ascii: "9") }
        case .noNumbers: parameters.isEmpty
        case .modifyOtherKeys:
            parameters.first == UInt8(ascii: "4") && !parameters.contains(UInt8(ascii: ":"))
                && (parameters.count == 1 || parameters[1] == UInt8(ascii: ";"))
        case .drop, .modes, .privateModes: false
        }
    }

    private mutating func write(_ final: UInt8, _ parser: EscapeParser, modes: Set<Int>) {
        var kept: [UInt8] = []
        for number in parser.parameters.split(separator: UInt8(ascii: ";")) {
            guard let mode = AttachSink.number(number), modes.contains(mode) else { continue }
            if !kept.isEmpty { kept.append(UInt8(ascii: ";")) }
            kept += number
            if [47, 1047, 1049].contains(mode) && parser.prefix != 0 {
                isAlternate = final == UInt8(ascii: "h")
            }
        }
        if !kept.isEmpty { write(final, parser, kept) }
    }

    /// The value of digits, of which the parser keeps four at most; nil when there is anything else.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        var value = 0
        for digit in digits {
            guard digit <= UInt8(ascii: "9") else { return nil }
            value = value * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return value
    }

    private mutating func write(_ final: UInt8, _ parser: EscapeParser, _ parameters: [UInt8]) {
        output.append(Byte.escape)
        output.append(UInt8(ascii: "["))
        if parser.prefix != 0 { output.append(parser.prefix) }
        output.append(contentsOf: parameters)
        if parser.intermediate != 0 { output.append(parser.intermediate) }
        output.append(final)
    }
}
