// Takes a terminal's byte stream apart into text, controls and whole sequences, and hands each to a sink.
// It is the one reading of the bytes that `AttachFilter` and `PlainTextFilter` share, so that they cannot
// disagree on what is text. Invariants: a sink sees only well-formed UTF-8, never a C1 control, and the
// same events wherever the stream is cut into chunks.

/// What reads the parts of a terminal's output.
package protocol TerminalSink {
    /// Whether carriage returns and line feeds may come within a run of text, as most of them do.
    static var takesLines: Bool { get }
    /// A run of plain text: UTF-8 without controls or bidirectional marks; or nothing but ASCII.
    mutating func text(_ run: ArraySlice<UInt8>, isASCII: Bool)
    /// One character that may need a look: a bidirectional mark, U+FFFD for broken bytes, or any other.
    mutating func scalar(_ scalar: Unicode.Scalar)
    /// A C0 control other than ESC, CAN and SUB.
    mutating func control(_ byte: UInt8)
    /// An ESC sequence; the parser holds its intermediate byte.
    mutating func escape(_ final: UInt8, _ parser: EscapeParser)
    /// A CSI sequence; the parser holds its prefix, parameters and intermediate byte.
    mutating func controlSequence(_ final: UInt8, _ parser: EscapeParser)
    /// An OSC string.
    mutating func command(_ payload: [UInt8])
}

extension TerminalSink {
    /// They are controls.
    package static var takesLines: Bool { false }
}

/// The incremental reader in front of a sink.
package struct TerminalScanner: Sendable {
    private var parser = EscapeParser()
    private var decoder = UTF8Decoder()

    /// A reader at the start of a stream.
    package init() {}

    /// Whether nothing is begun, neither a sequence nor a character.
    package var isAtRest: Bool { parser.isGround && !decoder.isPending }

    /// Reads the next bytes of the stream.
    package mutating func scan<Sink: TerminalSink>(_ bytes: ArraySlice<UInt8>, into sink: inout Sink) {
        var position = bytes.startIndex
        while position < bytes.endIndex {
            if isAtRest {
                let (end, isASCII) = TerminalScanner.endOfPlainRun(bytes, from: position, Sink.takesLines)
                if end > position {
                    sink.text(bytes[position..<end], isASCII: isASCII)
                    position = end
                    continue
                }
            }
            take(bytes[position], &sink)
            position += 1
        }
    }

    /// Ends the stream: an unfinished character is a broken one, an unfinished sequence is dropped.
    package mutating func finish(into sink: inout some TerminalSink) {
        if decoder.isPending { sink.scalar("\u{FFFD}") }
        decoder.reset()
        parser.reset()
    }

    private mutating func take(_ byte: UInt8, _ sink: inout some TerminalSink) {
        if parser.isGround, decoder.isPending || byte >= 0x20 && byte != Byte.delete {
            return takeText(byte, &sink)
        }
        switch parser.take(byte) {
        case .nothing: break
        case .control(let byte): sink.control(byte)
        case .escape(let final): sink.escape(final, parser)
        case .controlSequence(let final): sink.controlSequence(final, parser)
        case .command: sink.command(parser.payload)
        case .notTaken: takeText(byte, &sink)
        }
    }

    private mutating func takeText(_ byte: UInt8, _ sink: inout some TerminalSink) {
        switch decoder.take(byte) {
        case .incomplete: break
        // C1 as code points: xterm and VTE obey them, most terminals do not. Reading U+009D as the start
        // of a string would swallow the text after a badly converted quotation mark.
        case .scalar(let scalar) where 0x80...0x9F ~= scalar.value: break
        case .scalar(let scalar): sink.scalar(scalar)
        case .broken: sink.scalar("\u{FFFD}")
        case .brokenBefore:
            sink.scalar("\u{FFFD}")
            take(byte, &sink)
        }
    }

    /// Where the run of text ends that no sink needs to look at; `start` itself when there is none.
    private static func endOfPlainRun(_ bytes: ArraySlice<UInt8>, from start: Int, _ takesLines: Bool)
        -> (Int, isASCII: Bool)
    {
        let span = bytes.span
        let first = bytes.startIndex
        var position = start - first
        var isASCII = true
        while position < span.count {
            position = endOfASCII(span, from: position)
            guard position < span.count else { break }
            let lead = span[position]
            if takesLines && (lead == 0x0D || lead == 0x0A) {
                position += 1
                continue
            }
            let length = UTF8Decoder.sequenceLength(lead)
            guard length > 1, span.count - position >= length else { break }
            let second = span[position + 1]
            guard UTF8Decoder.secondByteRange(lead).contains(second), !needsLook(lead, second) else { break }
            for offset in 2..<length where span[position + offset] & 0xC0 != 0x80 {
                return (position + first, isASCII)
            }
            isASCII = false
            position += length
        }
        return (position + first, isASCII)
    }

    /// Where printable ASCII ends.
    package static func endOfASCII(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var position = start
        while position + 8 <= bytes.count,
            isPrintable(unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: position, as: UInt64.self))
        {
            position += 8
        }
        while position < bytes.count, 0x20...0x7E ~= bytes[position] { position += 1 }
        return position
    }

    /// Whether eight bytes are printable ASCII; where they are, it may also say that they are not.
    private static func isPrintable(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let deletes = word ^ (ones &* 0x7F)
        let found = (word &- ones &* 0x20) | word | ((deletes &- ones) & ~deletes)
        return found & (ones &* 0x80) == 0
    }

    /// Whether a character starting so may be a C1 control or a bidirectional mark.
    private static func needsLook(_ lead: UInt8, _ second: UInt8) -> Bool {
        switch lead {
        case 0xC2: second < 0xA0
        case 0xD8: second == 0x9C
        case 0xE2: second <= 0x81
        default: false
        }
    }
}
