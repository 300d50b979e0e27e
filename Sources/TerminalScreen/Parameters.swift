// The numbers of a control sequence, read in place: sequences are frequent, so nothing is allocated for one.

/// A walk along the numbers of a control sequence.
struct Parameters {
    /// One number; nil where none stands.
    struct Number {
        var value: Int?
        /// Whether a `:` follows: the next number belongs to this one.
        var continues: Bool
    }

    private let bytes: [UInt8]
    private var position = 0
    private var ended = false
    private var continues = false

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The next number; nil behind the last.
    ///
    /// Without any number there is one that is missing.
    mutating func next() -> Number? {
        if ended { return nil }
        continues = false
        var value: Int?
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                value = min((value ?? 0) * 10 + Int(byte - UInt8(ascii: "0")), 99999)
            case UInt8(ascii: ":"):
                continues = true
                return Number(value: value, continues: true)
            default: return Number(value: value, continues: false)
            }
        }
        ended = true
        return Number(value: value, continues: false)
    }

    /// Passes what still belongs to the number taken last.
    mutating func skipParts() {
        while continues, next() != nil {}
    }

    /// The number at a place, or what stands for a missing one.
    static func number(_ bytes: [UInt8], _ place: Int = 0, otherwise: Int = 0) -> Int {
        var walk = Parameters(bytes)
        for _ in 0..<place where walk.next() == nil { return otherwise }
        return walk.next()?.value ?? otherwise
    }

    /// A count: 1 where it is missing or 0.
    static func count(_ bytes: [UInt8], _ place: Int = 0) -> Int {
        max(1, number(bytes, place, otherwise: 1))
    }
}
