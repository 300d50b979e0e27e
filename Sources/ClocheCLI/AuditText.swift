// Events of the audit log as lines in columns.

internal import AuditReport
internal import ClocheModel
internal import TerminalText

enum AuditText {
    /// The event on one line; nothing that an agent chose can drive a terminal.
    ///
    /// - Parameters:
    ///   - event: as the log has it.
    ///   - agent: the agent's name, padded to its column, where several agents are shown.
    ///   - style: colours a part, given as plain text.
    static func line(
        _ event: Document,
        agent: String? = nil,
        style: (String, Output.Style) -> String = { text, _ in text }
    ) -> String {
        let words = EventWords(event)
        let time = visible(event["time"]?.string ?? "?", limit: 40)
        let verdict = padded(words.verdict, 8)
        let cells = [
            style(time, .faint), agent.map { style($0, .bold) }, padded(words.name, 10),
            color(words.verdict).map { style(verdict, $0) } ?? verdict, words.text,
        ]
        var line = cells.compactMap(\.self).joined(separator: "  ")
        while line.last == " " { line.removeLast() }
        return line
    }

    private static func color(_ verdict: String) -> Output.Style? {
        switch verdict {
        case "refused", "denied": .red
        case "failed": .yellow
        default: nil
        }
    }

    /// A text with spaces behind it.
    static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
