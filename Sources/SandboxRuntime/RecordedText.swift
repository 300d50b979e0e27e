// How long a program's text becomes in a record: JSON writes a control character with six, so what a program chooses is
// counted as it is written.

extension String {
    /// Bytes of it between the quotes of a record's line.
    package var recordedLength: Int { utf8.reduce(0) { $0 + Self.recordedLength(of: $1) } }

    /// As much of its beginning as takes at most so many bytes there; whole characters.
    package func cut(recordedLength most: Int) -> String {
        // Nothing is longer than six of its bytes.
        if utf8.count <= most / 6 || recordedLength <= most { return self }
        var (length, end) = (0, utf8.startIndex)
        for place in unicodeScalars.indices {
            let next = unicodeScalars.index(after: place)
            length += utf8[place..<next].reduce(0) { $0 + Self.recordedLength(of: $1) }
            if length > most { return String(unicodeScalars[..<end]) }
            end = next
        }
        return self
    }

    private static func recordedLength(of byte: UInt8) -> Int {
        switch byte {
        case 0..<0x20, 0x7f: 6
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): 2
        default: 1
        }
    }
}
