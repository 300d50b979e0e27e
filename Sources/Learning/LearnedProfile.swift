// A profile that was learned: what differs from the one it extends, line by line with the evidence, and what a person
// is to decide; as YAML, as a difference, and as a document.

package import ClocheModel
internal import TerminalText

/// One value of the learned profile.
package struct LearnedLine: Equatable, Sendable {
    /// How it stands to the profile that is extended.
    package enum Sign: String, Sendable {
        case added, removed, kept
    }

    /// Its key, dotted.
    package let key: String
    /// The value, or one item of a list, as YAML on one line.
    package let text: String
    /// How it stands to the profile that is extended.
    package let sign: Sign
    /// What was seen.
    package let evidence: String
    /// Whether it is an item of a list.
    package let isItem: Bool

    /// A value.
    package init(_ key: String, _ text: String, _ sign: Sign, _ evidence: String, isItem: Bool = false) {
        (self.key, self.text, self.sign, self.isItem) = (key, text, sign, isItem)
        // Programs choose their own names.
        self.evidence = visible(evidence, limit: 300)
    }
}

/// Something that a person is to decide.
package struct LeftOut: Equatable, Sendable {
    /// The line that would add it; empty where none does.
    package let line: String
    /// Why it was not added, and what was seen.
    package let why: String

    /// Left out for that reason.
    package init(_ line: String, why: String) {
        (self.line, self.why) = (visible(line, limit: 400), visible(why, limit: 400))
    }
}

/// A profile that was learned.
package struct LearnedProfile: Equatable, Sendable {
    /// Its name.
    package let name: String
    /// The profile that it extends.
    package let base: String
    /// The command that was run, on one line.
    package let command: String
    /// What was seen of the run as a whole.
    package let summary: String
    /// What differs, and the items that stay in lists that differ.
    package let lines: [LearnedLine]
    /// What a person is to decide.
    package let leftOut: [LeftOut]

    /// A profile of these lines.
    package init(
        name: String,
        base: String,
        command: String,
        summary: String,
        lines: [LearnedLine],
        leftOut: [LeftOut]
    ) {
        (self.name, self.base, self.lines, self.leftOut) = (name, base, lines, leftOut)
        self.command = visible(command, limit: 120)
        self.summary = visible(summary, limit: 300)
    }

    /// The keys that differ, in order.
    private var keys: [String] {
        var keys: [String] = []
        for line in lines where line.sign != .kept && !keys.contains(line.key) { keys.append(line.key) }
        return keys
    }

    /// The profile's file.
    package var yaml: String {
        var text = "# Learned by `cloche learn \(name)`: \(command)\n# \(summary)\n"
        text += "description: What `\(name)` was seen to need\n".replacing("`", by: "")
        text += "extends: \(base)\n"
        var section = ""
        for key in keys {
            let parts = key.split(separator: ".", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { continue }
            if parts[0] != section { text += "\n\(parts[0]):\n" }
            section = parts[0]
            text += yaml(of: key, called: parts[1])
        }
        if !leftOut.isEmpty { text += "\n# Not added; whoever wants one of these writes it above:\n" }
        for one in leftOut { text += "#   \(one.line.isEmpty ? "" : one.line + "   # ")\(one.why)\n" }
        return text
    }

    private func yaml(of key: String, called name: String) -> String {
        let all = lines.filter { $0.key == key }
        let there = all.filter { $0.sign != .removed }
        guard all.contains(where: \.isItem) else {
            return there.map { "  \(name): \($0.text)  # \($0.evidence)\n" }.joined()
        }
        let gone = all.filter { $0.sign == .removed }
        if there.isEmpty { return "  \(name): []  # \(gone.first?.evidence ?? "")\n" }
        let isAppended = gone.isEmpty
        let shown = isAppended ? there.filter { $0.sign == .added } : there
        let width = min(48, shown.map(\.text.utf8.count).max() ?? 0)
        return "  \(name)\(isAppended ? "+" : ""):\n"
            + shown.map { line in
                let gap = String(repeating: " ", count: max(0, width - line.text.utf8.count))
                return "    - \(line.text)\(gap)  # \(line.evidence)\n"
            }.joined()
    }

    /// A line of the difference; the mark is `+`, `-`, or `~` for another value.
    package typealias Difference = (mark: String, text: String, evidence: String)

    /// What differs from the profile that is extended, a line each.
    package var difference: [Difference] { keys.flatMap { difference(of: $0) } }

    private func difference(of key: String) -> [Difference] {
        let all = lines.filter { $0.key == key && $0.sign != .kept }
        // Two lines about one value would leave the reader to put them together.
        if all.count == 2, !all[0].isItem, all[0].sign == .removed, all[1].sign == .added {
            let text = "\(key): \(all[0].text) -> \(all[1].text)"
            return [(mark: "~", text: text, evidence: all[1].evidence)]
        }
        return all.map { line in
            let mark = line.sign == .added ? "+" : "-"
            let text = "\(key)\(line.isItem ? "[]" : ""): \(line.text)"
            return (mark: mark, text: text, evidence: line.evidence)
        }
    }

    /// The same for programs.
    package var document: Document {
        .object([
            "name": .string(name), "extends": .string(base), "command": .string(command),
            "summary": .string(summary),
            "changes": .list(
                lines.map { line in
                    .object([
                        "key": .string(line.key), "value": .string(line.text),
                        "sign": .string(line.sign.rawValue), "evidence": .string(line.evidence),
                    ])
                }
            ),
            "not-added": .list(
                leftOut.map { .object(["line": .string($0.line), "why": .string($0.why)]) }
            ),
            "yaml": .string(yaml),
        ])
    }
}

extension String {
    fileprivate func replacing(_ character: Character, by other: String) -> String {
        split(separator: character, omittingEmptySubsequences: false).joined(separator: other)
    }
}
