// Decodes UTF-8 one byte at a time, so that a character may be split over any number of reads. Used by
// `TerminalScanner`. What is not well-formed is reported once per maximal subpart, as the Unicode
// standard (chapter 3, "U+FFFD Substitution of Maximal Subparts") and every modern terminal do.

/// An incremental UTF-8 decoder: at most three bytes of state.
struct UTF8Decoder: Sendable {
    /// What a byte led to.
    enum Step: Equatable {
        /// More bytes are needed.
        case incomplete
        /// A character ended here.
        case scalar(Unicode.Scalar)
        /// The bytes so far, this one included, are no character.
        case broken
        /// The bytes before this one are no character; this one must be read anew.
        case brokenBefore
    }

    private var value: UInt32 = 0
    private var missing = 0
    private var nextRange: ClosedRange<UInt8> = 0x80...0xBF

    /// Whether the decoder is inside a character.
    var isPending: Bool { missing > 0 }

    /// Takes the next byte.
    mutating func take(_ byte: UInt8) -> Step {
        guard missing > 0 else { return begin(byte) }
        guard nextRange.contains(byte) else {
            missing = 0
            return .brokenBefore
        }
        value = value << 6 | UInt32(byte & 0x3F)
        nextRange = 0x80...0xBF
        missing -= 1
        if missing > 0 { return .incomplete }
        return Unicode.Scalar(value).map(Step.scalar) ?? .broken
    }

    /// Forgets an unfinished character.
    mutating func reset() { missing = 0 }

    private mutating func begin(_ lead: UInt8) -> Step {
        let count = UTF8Decoder.sequenceLength(lead)
        switch count {
        case 0: return .broken
        case 1: return .scalar(Unicode.Scalar(lead))
        default: break
        }
        missing = count - 1
        value = UInt32(lead) & (0xFF >> UInt32(count + 1))
        nextRange = UTF8Decoder.secondByteRange(lead)
        return .incomplete
    }

    /// How many bytes a character has that starts with `lead`; 0 when none does.
    static func sequenceLength(_ lead: UInt8) -> Int {
        switch lead {
        case 0x00...0x7F: 1
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 0
        }
    }

    /// What may follow `lead`: this is where overlong forms, surrogates and numbers past U+10FFFF end.
    static func secondByteRange(_ lead: UInt8) -> ClosedRange<UInt8> {
        switch lead {
        case 0xE0: 0xA0...0xBF
        case 0xED: 0x80...0x9F
        case 0xF0: 0x90...0xBF
        case 0xF4: 0x80...0x8F
        default: 0x80...0xBF
        }
    }
}
