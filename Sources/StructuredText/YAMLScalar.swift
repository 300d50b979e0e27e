// What an unquoted YAML scalar means: the core schema of YAML 1.2, in which `no`, `off` and `12:30` are text,
// as a person expects of `restart: no`. Called by YAMLText.

internal import ClocheModel

/// The core schema's rules.
enum YAMLScalar {
    /// The value of an unquoted scalar; nil when it is an integer that does not fit in 64 bits.
    static func resolve(_ text: String) -> Document? {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .real(.infinity)
        case "-.inf", "-.Inf", "-.INF": return .real(-.infinity)
        case ".nan", ".NaN", ".NAN": return .real(.nan)
        default: break
        }
        guard let first = text.utf8.first, first < UInt8(ascii: ":") else { return .string(text) }
        if text.hasPrefix("0x") || text.hasPrefix("0o") { return prefixed(text) }
        let digits = text.utf8.drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
        let signs = text.utf8.count - digits.count
        guard signs <= 1, !digits.isEmpty else { return .string(text) }
        if digits.allSatisfy(isDigit) { return Int64(text).map { .integer($0) } }
        return isReal(digits) ? Double(text).map { .real($0) } ?? .string(text) : .string(text)
    }

    private static func prefixed(_ text: String) -> Document? {
        let radix = text.hasPrefix("0x") ? 16 : 8
        let digits = text.dropFirst(2)
        guard !digits.isEmpty, digits.utf8.allSatisfy({ isDigit($0, radix: radix) }) else {
            return .string(text)
        }
        return Int64(digits, radix: radix).map { .integer($0) }
    }

    // `( "." [0-9]+ | [0-9]+ ( "." [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
    private static func isReal(_ text: Substring.UTF8View) -> Bool {
        var rest = text
        let whole = skipDigits(&rest)
        var fraction = 0
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            fraction = skipDigits(&rest)
        }
        guard whole + fraction > 0 else { return false }
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            rest = rest.dropFirst()
            if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
            guard skipDigits(&rest) > 0 else { return false }
        }
        return rest.isEmpty
    }

    private static func skipDigits(_ text: inout Substring.UTF8View) -> Int {
        let count = text.prefix(while: isDigit).count
        text = text.dropFirst(count)
        return count
    }

    private static func isDigit(_ byte: UInt8) -> Bool { isDigit(byte, radix: 10) }

    private static func isDigit(_ byte: UInt8, radix: Int) -> Bool {
        Character(UnicodeScalar(byte)).hexDigitValue.map { $0 < radix } ?? false
    }
}
