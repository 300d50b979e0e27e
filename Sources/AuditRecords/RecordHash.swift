// What chains the records of an audit log: SHA-256 over a record's bytes, and over the id of the log it is in. With the
// id, records of another log do not even follow each other here, so that a piece of one is told from a change.

internal import CSodium

/// The hash of one record within its log.
package struct RecordHash: Equatable, Sendable {
    /// The 32 bytes.
    package let bytes: [UInt8]

    /// Of a record in a log: SHA-256 of `cloche-audit-1 ID`, a newline, and the line without its newline.
    ///
    /// The first record of a log follows the hash of an empty line.
    package init(_ line: ArraySlice<UInt8>, in log: String) {
        bytes = Self.sha256(Array("cloche-audit-1 \(log)\n".utf8) + line)
    }

    /// The same of a line that is an array of its own.
    package init(_ line: [UInt8], in log: String) { self.init(line[...], in: log) }

    /// Reads 64 hexadecimal digits in small letters; nil when they are anything else.
    package init?(hexadecimal text: some Collection<UInt8>) {
        guard text.count == 64 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        var high: UInt8?
        for character in text {
            let digit: UInt8
            switch character {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = character - UInt8(ascii: "a") + 10
            default: return nil
            }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        self.bytes = bytes
    }

    /// As 64 hexadecimal digits.
    package var hexadecimal: String { Self.hexadecimal(bytes) }

    /// SHA-256 of any bytes, as hexadecimal digits.
    package static func sha256(hexadecimalOf bytes: [UInt8]) -> String { hexadecimal(sha256(bytes)) }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let text = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }

    private static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(crypto_hash_sha256_BYTES))
        // It has no way to fail.
        _ = unsafe crypto_hash_sha256(&digest, bytes, UInt64(bytes.count))
        return digest
    }
}
