// A message of an agent as another agent's program is shown it. Its first line says whose it is, and every line of its
// text stands behind a mark: no text can look like the first line of another message, nor like a person's words.

internal import TerminalText

/// How messages are typed.
public enum MessageFrame {
    /// The most that an agent's message has: with its frame it must be typed at once.
    public static let (mostBytes, mostLines) = (32 << 10, 4096)
    /// The most answers that a question may offer, and the most bytes of each.
    public static let (mostChoices, mostChoiceBytes) = (16, 200)

    /// An agent's text without anything that drives a terminal, hides, or reorders what is shown; line ends and tabs stay.
    public static func harmless(_ text: String) -> String {
        // A line end of other systems is one character to Swift.
        let unix = text.unicodeScalars.filter { $0 != "\r" }
        let lines = unix.split(separator: "\n", omittingEmptySubsequences: false)
        let shown = lines.map { line in
            line.split(separator: "\t", omittingEmptySubsequences: false)
                .map { visible(String(String.UnicodeScalarView($0)), limit: .max) }
                .joined(separator: "\t")
        }
        return shown.joined(separator: "\n")
    }

    /// What is typed for a message.
    public static func text(of message: Message) -> String {
        let text = message.content.text
        guard case .agent(let name, _) = message.sender else {
            return message.content.replyTo.map { "[answer to your question \($0)]\n\(text)" } ?? text
        }
        let lines = harmless(text).unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
        return header(of: message, from: name)
            + lines.map { "\n> " + String(String.UnicodeScalarView($0)) }.joined()
    }

    private static func header(of message: Message, from name: String) -> String {
        let content = message.content
        let kind = content.asks ? "question" : "message"
        var parts = ["\(content.isUrgent ? "urgent " : "")\(kind) \(message.id) from \(visible(name))"]
        if let id = content.replyTo { parts[0] += " in reply to your message \(id)" }
        if !content.choices.isEmpty {
            parts.append("choices: " + content.choices.map { visible($0) }.joined(separator: " | "))
        }
        parts.append("answer: cloche message \(visible(name)) --reply-to \(message.id) TEXT")
        return "[" + parts.joined(separator: "; ") + "]"
    }
}
