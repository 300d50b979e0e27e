// Text as roff source. The only place where text of a table becomes roff, so that no word of it can be
// taken for a request, an escape or a typographic sign: `-` stays the minus that people can copy.
// See groff(7) and groff_char(7).

/// Escapes text and writes requests.
enum RoffText {
    /// The text with everything escaped that roff would change, but for the start of a line.
    static func inline(_ text: some StringProtocol) -> String {
        text.reduce(into: "") { $0 += sign($1) ?? String($1) }
    }

    /// A line of text: as `inline`, and never taken for a request.
    static func line(_ text: some StringProtocol) -> String {
        let escaped = inline(text)
        return escaped.hasPrefix(".") ? "\\&" + escaped : escaped
    }

    /// A request with arguments: `.TP`, `.SH "SEE ALSO"`.
    static func request(_ name: String, _ arguments: String...) -> String {
        ([".\(name)"] + arguments.map { "\"\(inline($0))\"" }).joined(separator: " ")
    }

    /// The text in bold, within a line.
    static func bold(_ text: some StringProtocol) -> String { "\\fB\(inline(text))\\fR" }

    /// The text in italics, within a line.
    static func italic(_ text: some StringProtocol) -> String { "\\fI\(inline(text))\\fR" }

    /// The special character that shows this sign as it is typed; nil where roff does so by itself.
    private static func sign(_ character: Character) -> String? {
        switch character {
        case "\\": "\\(rs"
        case "-": "\\-"
        case "'": "\\(aq"
        case "\"": "\\(dq"
        case "`": "\\(ga"
        case "^": "\\(ha"
        case "~": "\\(ti"
        default: nil
        }
    }
}
