// What the user's terminal sends for a key, seen as far as the detach key needs it. An agent's program may
// switch the terminal to the kitty protocol or to modifyOtherKeys, and then ctrl-] does not arrive as one
// byte: without this file a program could make itself impossible to leave. Used by `DetachKeyMatcher`.
// The forms: https://sw.kovidgoyal.net/kitty/keyboard-protocol/ and xterm's `modifyOtherKeys`.

/// What a piece of typed input means.
enum TypedKey: Equatable {
    /// A key that has a byte in the old encoding.
    case byte(UInt8)
    /// Another key.
    case other
    /// No key press: a release, a modifier, a movement of the mouse, a change of focus.
    case none

    /// Reads a whole CSI sequence without the `ESC [`.
    init(sequence: ArraySlice<UInt8>) {
        guard let final = sequence.last else {
            self = .other
            return
        }
        let fields = sequence.dropLast().split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
            .map { $0.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map(Self.number) }
        switch Unicode.Scalar(final) {
        case "u": self = TypedKey.kitty(fields)
        case "~" where fields.count == 3 && fields[0] == [27]:
            self = TypedKey.key(code: fields[2].first ?? nil, modifiers: fields[1].first ?? nil)
        case "M": self = .none
        case "m": self = sequence.first == UInt8(ascii: "<") ? .none : .other
        case "I", "O": self = sequence.count == 1 ? .none : .other
        case "A", "B", "C", "D", "E", "F", "H", "P", "Q", "R", "S", "~":
            self = fields.dropFirst().first?.dropFirst().first == 3 ? .none : .other
        default: self = .other
        }
    }

    /// `CSI code:shifted:base ; modifiers:event ; text u`.
    private static func kitty(_ fields: [[Int?]]) -> TypedKey {
        let second = fields.dropFirst().first ?? []
        var code = fields.first?.first ?? nil
        // Left and right shift, control, alt and so on; and event 3 is a release.
        if let code, 57441...57454 ~= code { return .none }
        if second.dropFirst().first == 3 { return .none }
        // A key of another alphabet goes by its place on the keyboard, where the terminal tells it.
        if let own = code, own > 0x7F, let base = fields.first?.dropFirst(2).first { code = base }
        return key(code: code, modifiers: second.first ?? nil)
    }

    private static func key(code: Int?, modifiers: Int?) -> TypedKey {
        guard let code, let byte = UInt8(exactly: code), byte < 0x80 else { return .other }
        // Bit by bit shift, alt, ctrl, super, hyper, meta; above them the locks, which do not matter.
        switch (max(modifiers ?? 1, 1) - 1) & 0x3F {
        case 0: return .byte(byte)
        case 1: return 0x61...0x7A ~= byte ? .byte(byte - 0x20) : .byte(byte)
        case 4 where byte == 0x20: return .byte(0)
        case 4 where 0x40...0x5F ~= byte || 0x61...0x7A ~= byte: return .byte(byte & 0x1F)
        // @ ^ _ need the shift key; the kitty protocol tells the key they are on.
        case 5: return shiftedControls[byte].map(TypedKey.byte) ?? .other
        default: return .other
        }
    }

    private static let shiftedControls: [UInt8: UInt8] = [
        UInt8(ascii: "@"): 0x00, UInt8(ascii: "2"): 0x00,
        UInt8(ascii: "^"): 0x1E, UInt8(ascii: "6"): 0x1E,
        UInt8(ascii: "_"): 0x1F, UInt8(ascii: "-"): 0x1F,
    ]

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        Int(String(decoding: digits, as: UTF8.self))
    }
}
