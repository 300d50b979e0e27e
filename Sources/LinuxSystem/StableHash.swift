// A short name for a text, the same in every run: parts of file names, and which id of a range an agent gets.

/// A hash that is the same in every run; not for secrets.
///
/// FNV-1a, 64 bits.
package enum StableHash {
    /// The hash as a number.
    package static func value(of text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }

    /// The hash as 16 hexadecimal digits.
    package static func hexadecimal(_ text: String) -> String {
        let digits = String(value(of: text), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
