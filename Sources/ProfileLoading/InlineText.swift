// A value on one line, for `explain` and for messages.

package import ClocheModel

extension Document {
    /// The value on one line, as YAML would have it in flow style.
    package static func inline(_ value: Document) -> String {
        switch value {
        case .null: "null"
        case .bool(let flag): String(flag)
        case .integer(let number): String(number)
        case .real(let number): String(number)
        case .string(let text): text.isEmpty || text.contains("\n") ? quoted(text) : text
        case .list(let items): "[" + items.map(inline).joined(separator: ", ") + "]"
        case .map(let entries):
            "{" + entries.map { "\($0.key): \(inline($0.value))" }.joined(separator: ", ") + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let escaped = lines.map { line in
            line.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\"")
        }
        return "\"" + escaped.joined(separator: "\\n") + "\""
    }
}
