// Reading bytes: a `Span` whose front is taken off piece by piece, and the classes of bytes that names are made of.

extension Span<UInt8> {
    /// Takes a byte off the front; nil when there is none.
    mutating func takeByte() -> UInt8? {
        guard !isEmpty else { return nil }
        let byte = self[0]
        self = extracting(droppingFirst: 1)
        return byte
    }

    /// Takes two bytes off the front, the high one first.
    mutating func takeUInt16() -> UInt16? {
        guard count >= 2 else { return nil }
        let number = UInt16(self[0]) << 8 | UInt16(self[1])
        self = extracting(droppingFirst: 2)
        return number
    }

    /// Drops bytes from the front; false, and nothing done, when there are fewer.
    mutating func skip(_ number: Int) -> Bool {
        guard count >= number else { return false }
        self = extracting(droppingFirst: number)
        return true
    }

    /// The bytes as text; what is no UTF-8 becomes U+FFFD.
    var text: String { unsafe withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) } }

    /// A copy.
    var array: [UInt8] { unsafe withUnsafeBufferPointer { unsafe [UInt8]($0) } }

    /// Where a byte is first; nil when it is not there.
    func firstIndex(of byte: UInt8) -> Int? {
        for index in indices where self[index] == byte { return index }
        return nil
    }

    /// Whether every byte is of a class.
    func isAll(_ bytes: ByteSet) -> Bool {
        for index in indices where !bytes.contains(self[index]) { return false }
        return true
    }

    /// Whether both have the same bytes, upper-case letters of ASCII counting as lower-case ones.
    func isSame(as other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for index in indices where self[index].lowercased != other[index].lowercased { return false }
        return true
    }

    /// Whether these are the characters of `text`, in whatever case.
    func isSame(as text: String) -> Bool { count == text.utf8.count && isSame(as: text.utf8.span) }

    /// Without the spaces and tabs around it.
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, self[start] == .space || self[start] == .tab { start += 1 }
        while start < end, self[end - 1] == .space || self[end - 1] == .tab { end -= 1 }
        return start..<end
    }
}

extension UInt8 {
    static let tab = UInt8(ascii: "\t")
    static let lineFeed = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let space = UInt8(ascii: " ")
    static let colon = UInt8(ascii: ":")

    /// The same, and for `A` to `Z` the small letter.
    var lowercased: UInt8 { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= self ? self | 0x20 : self }

    /// The value of a hexadecimal digit.
    var hexValue: Int? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(self - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"):
            Int(lowercased - UInt8(ascii: "a")) + 10
        default: nil
        }
    }
}

/// Some of the characters of ASCII, a bit each.
///
/// Constants, which cost nothing to come by; BytesTests has them as text.
struct ByteSet: Sendable {
    fileprivate let low: UInt64
    fileprivate let high: UInt64

    func contains(_ byte: UInt8) -> Bool {
        byte < 64 ? low >> UInt64(byte) & 1 == 1 : byte < 128 && high >> UInt64(byte & 63) & 1 == 1
    }

    /// What a token of HTTP is made of (RFC 9110, 5.6.2).
    static let token = ByteSet(low: 0x03ff_6cfa_0000_0000, high: 0x57ff_ffff_c7ff_fffe)
    /// What a host name is made of, and the name of a service.
    static let name = ByteSet(low: 0x03ff_6000_0000_0000, high: 0x07ff_fffe_87ff_fffe)
    /// What a label of such a name is made of.
    static let label = ByteSet(low: 0x03ff_2000_0000_0000, high: 0x07ff_fffe_87ff_fffe)
    /// What a host may be written with: a name, or an address with or without brackets.
    static let socksName = ByteSet(low: 0x07ff_6000_0000_0000, high: 0x07ff_fffe_afff_fffe)
    /// What an IPv6 address is made of.
    static let address6 = ByteSet(low: 0x07ff_4000_0000_0000, high: 0x0000_007e_0000_007e)
    /// What a target of a request is made of: all that is visible but `#`, which never goes to a server.
    static let target = ByteSet(low: 0xffff_fff6_0000_0000, high: 0x7fff_ffff_ffff_ffff)
    /// What a protocol to change to is named by: `websocket`, `TLS/1.0`.
    static let protocolName = ByteSet(low: 0x03ff_ecfa_0000_0000, high: 0x57ff_ffff_c7ff_fffe)
    /// The digits of a decimal number.
    static let digit = ByteSet(low: 0x03ff_0000_0000_0000, high: 0x0000_0000_0000_0000)
}
