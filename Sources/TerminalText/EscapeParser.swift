// The state machine of escape sequences (ECMA-48, and the DEC VT500 parser that terminals share). It is
// given every byte that is not plain text and says when a sequence is whole; it never says what to do
// with one. Used by `TerminalScanner`. Invariants: memory is bounded by the limits below, and a whole
// sequence is made only of the parts kept here, so that a filter which writes a sequence out again
// writes exactly what it judged.

/// An incremental parser of ESC and CSI sequences and of control strings.
package struct EscapeParser: Sendable {
    /// What a byte led to.
    enum Event: Equatable {
        /// The byte is part of something unfinished, or ended something that is to be dropped.
        case nothing
        /// A C0 control to carry out, also when it stands inside a sequence.
        case control(UInt8)
        /// An ESC sequence ended with this byte; see `intermediate`.
        case escape(UInt8)
        /// A CSI sequence ended with this byte; see `prefix`, `parameters` and `intermediate`.
        case controlSequence(UInt8)
        /// An OSC string ended; see `payload`.
        case command
        /// The byte is not part of any sequence: an unfinished one was given up before it.
        case notTaken
    }

    private enum State: Sendable {
        case ground
        case escape
        case escapeIgnored
        case sequenceStart
        case sequence
        case sequenceIgnored
        case string
        case stringEscape
    }

    /// The longest parameters of a CSI sequence, in bytes; a longer sequence is dropped.
    static let longestParameters = 256
    /// The longest OSC string that is kept, in bytes; a longer one is dropped.
    static let longestPayload = 4096
    /// After so many bytes a string that nothing ends is given up, and what follows is text again.
    static let longestString = 1 << 20

    /// `<`, `=`, `>` or `?` after CSI, or 0.
    package private(set) var prefix: UInt8 = 0
    /// The byte of 0x20-0x2F before the final one, or 0.
    package private(set) var intermediate: UInt8 = 0
    /// Digits, `;` and `:`; each number has at most four digits, a greater one became 9999.
    package private(set) var parameters: [UInt8] = []
    /// The content of an OSC string.
    package private(set) var payload: [UInt8] = []

    private var state = State.ground
    private var digits = 0
    private var stringLength = 0
    private var isCommand = false

    /// Whether no sequence is open.
    var isGround: Bool { state == .ground }

    /// Takes the next byte.
    mutating func take(_ byte: UInt8) -> Event {
        if state == .string || state == .stringEscape { return takeInString(byte) }
        switch byte {
        case Byte.escape:
            beginEscape()
            return .nothing
        case Byte.cancel, Byte.substitute:
            state = .ground
            return .nothing
        case 0x00...0x1F: return .control(byte)
        case Byte.delete: return .nothing
        case 0x80...0xFF:
            state = .ground
            return .notTaken
        default: return takePrintable(byte)
        }
    }

    /// Gives up an unfinished sequence.
    mutating func reset() { state = .ground }

    private mutating func beginEscape() {
        state = .escape
        prefix = 0
        intermediate = 0
        digits = 0
        parameters.removeAll(keepingCapacity: true)
    }

    private mutating func takePrintable(_ byte: UInt8) -> Event {
        switch state {
        case .escape: return takeAfterEscape(byte)
        case .sequenceStart:
            state = .sequence
            if case UInt8(ascii: "<")...UInt8(ascii: "?") = byte {
                prefix = byte
                return .nothing
            }
            return takeInSequence(byte)
        case .sequence: return takeInSequence(byte)
        case .escapeIgnored:
            if byte >= 0x30 { state = .ground }
            return .nothing
        case .sequenceIgnored:
            if byte >= 0x40 { state = .ground }
            return .nothing
        case .ground, .string, .stringEscape: return .notTaken
        }
    }

    private mutating func takeAfterEscape(_ byte: UInt8) -> Event {
        if byte < 0x30 {
            if intermediate != 0 { state = .escapeIgnored }
            intermediate = byte
            return .nothing
        }
        guard intermediate == 0 else {
            state = .ground
            return .escape(byte)
        }
        switch byte {
        case UInt8(ascii: "["): state = .sequenceStart
        case UInt8(ascii: "]"): beginString(isCommand: true)
        // DCS, SOS, PM, APC, and the window title of screen(1).
        case UInt8(ascii: "P"), UInt8(ascii: "X"), UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "k"):
            beginString(isCommand: false)
        default:
            state = .ground
            return .escape(byte)
        }
        return .nothing
    }

    private mutating func takeInSequence(_ byte: UInt8) -> Event {
        switch byte {
        case 0x20...0x2F:
            if intermediate != 0 { state = .sequenceIgnored }
            intermediate = byte
        case 0x30...0x3B where intermediate == 0: addParameter(byte)
        case 0x30...0x3F: state = .sequenceIgnored
        default:
            state = .ground
            return .controlSequence(byte)
        }
        return .nothing
    }

    /// Keeps numbers short: repeat counts of many digits have hung terminals (CVE-2012-2738).
    private mutating func addParameter(_ byte: UInt8) {
        guard byte <= UInt8(ascii: "9") else {
            digits = 0
            return append(byte)
        }
        if digits == 1, parameters.last == UInt8(ascii: "0") {
            parameters[parameters.count - 1] = byte
        } else if digits == 4 {
            parameters.removeLast(4)
            parameters += "9999".utf8
        } else {
            digits += 1
            append(byte)
        }
    }

    private mutating func append(_ byte: UInt8) {
        if parameters.count < EscapeParser.longestParameters {
            parameters.append(byte)
        } else {
            state = .sequenceIgnored
        }
    }
}

// MARK: - Strings

extension EscapeParser {
    private mutating func beginString(isCommand: Bool) {
        state = .string
        stringLength = 0
        self.isCommand = isCommand
        payload.removeAll(keepingCapacity: true)
    }

    private mutating func takeInString(_ byte: UInt8) -> Event {
        if state == .stringEscape {
            guard byte == UInt8(ascii: "\\") else {
                beginEscape()
                return take(byte)
            }
            return endString()
        }
        switch byte {
        case Byte.escape: state = .stringEscape
        case Byte.cancel, Byte.substitute: state = .ground
        case Byte.bell where isCommand: return endString()
        default:
            stringLength += 1
            if stringLength >= EscapeParser.longestString { state = .ground }
            if isCommand, stringLength <= EscapeParser.longestPayload { payload.append(byte) }
        }
        return .nothing
    }

    private mutating func endString() -> Event {
        state = .ground
        return isCommand && stringLength <= EscapeParser.longestPayload ? .command : .nothing
    }
}

/// The control bytes that this module names.
enum Byte {
    static let bell: UInt8 = 0x07
    static let backspace: UInt8 = 0x08
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let shiftIn: UInt8 = 0x0F
    static let cancel: UInt8 = 0x18
    static let substitute: UInt8 = 0x1A
    static let escape: UInt8 = 0x1B
    static let delete: UInt8 = 0x7F
}
