// The four character sets that a program can name and switch between, of which programs use the line drawing one.

/// Designations of G0 to G3, and which of them is in use.
struct CharacterSets: Equatable, Sendable {
    /// The final bytes of `ESC (` and its like.
    var names: InlineArray<4, UInt8> = [0x42, 0x42, 0x42, 0x42]  // B, ASCII
    /// The one in use, switched by SO and SI.
    var current: UInt8 = 0
    /// The one for the next character alone (SS2, SS3).
    var next: UInt8?

    static func == (a: Self, b: Self) -> Bool {
        a.current == b.current && a.next == b.next && (0..<4).allSatisfy { a.names[$0] == b.names[$0] }
    }

    /// Whether ASCII stands for itself.
    var isPlain: Bool { next == nil && names[Int(current)] == UInt8(ascii: "B") }

    mutating func designate(_ intermediate: UInt8, _ name: UInt8) {
        guard case 0x28...0x2B = intermediate else { return }
        names[Int(intermediate - 0x28)] = name
    }

    /// The character that an ASCII byte stands for.
    mutating func translate(_ byte: UInt8) -> UInt32 {
        let name = names[Int(next ?? current)]
        next = nil
        switch name {
        case UInt8(ascii: "0"):
            return 0x60...0x7E ~= byte ? Self.drawing[Int(byte - 0x60)] : byte == 0x5F ? 0xA0 : UInt32(byte)
        case UInt8(ascii: "A") where byte == UInt8(ascii: "#"): return 0xA3
        default: return UInt32(byte)
        }
    }

    /// DEC Special Graphics from 0x60 on.
    private static let drawing: [UInt32] = [
        0x25C6, 0x2592, 0x2409, 0x240C, 0x240D, 0x240A, 0x00B0, 0x00B1, 0x2424, 0x240B, 0x2518, 0x2510,
        0x250C, 0x2514, 0x253C, 0x23BA, 0x23BB, 0x2500, 0x23BC, 0x23BD, 0x251C, 0x2524, 0x2534, 0x252C,
        0x2502, 0x2264, 0x2265, 0x03C0, 0x2260, 0x00A3, 0x00B7,
    ]
}
