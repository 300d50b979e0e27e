// Text of a web page. What is written in this code is markup; every string that is put into it is a value and is
// escaped, twice: characters that could hide, reorder or drive anything stand as `\u{202E}`, as in a terminal, and then
// `&`, `<`, `>` and quotes as entities. There is no other way into a page, so nothing can be forgotten.

internal import TerminalText

/// A piece of a page.
struct HTML: Equatable, ExpressibleByStringInterpolation {
    private(set) var text: String

    /// Nothing.
    init() { text = "" }

    /// Markup from this code; the literal must be one.
    init(stringLiteral value: StaticString) { text = value.description }

    init(stringInterpolation: Interpolation) { text = stringInterpolation.text }

    private init(escaped text: String) { self.text = text }

    /// A value as text.
    static func value(_ value: String, limit: Int = 2000) -> HTML {
        var text = ""
        for scalar in visible(value, limit: limit).unicodeScalars {
            switch scalar {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&quot;"
            case "'": text += "&#39;"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return HTML(escaped: text)
    }

    /// Pieces one after the other.
    static func all(_ pieces: [HTML], by separator: HTML = "") -> HTML {
        HTML(escaped: pieces.map(\.text).joined(separator: separator.text))
    }

    /// The piece, where the condition holds.
    static func when(_ condition: Bool, _ piece: @autoclosure () -> HTML) -> HTML { condition ? piece() : "" }

    static func + (left: HTML, right: HTML) -> HTML { HTML(escaped: left.text + right.text) }

    static func += (left: inout HTML, right: HTML) { left.text += right.text }

    var isEmpty: Bool { text.isEmpty }

    /// What stands between the pieces of a literal.
    struct Interpolation: StringInterpolationProtocol {
        fileprivate var text = ""

        init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + interpolationCount * 16)
        }

        mutating func appendLiteral(_ literal: StaticString) { text += literal.description }

        mutating func appendInterpolation(_ piece: HTML) { text += piece.text }

        mutating func appendInterpolation(_ value: String) { text += HTML.value(value).text }

        mutating func appendInterpolation(_ value: String, limit: Int) {
            text += HTML.value(value, limit: limit).text
        }

        mutating func appendInterpolation(_ number: some BinaryInteger) { text += String(number) }
    }
}
