// Labels of agents: words by which several are meant at once.

/// A label's key and, where there is one, its value.
public struct AgentLabel: Equatable, Sendable {
    /// The key.
    public let key: String
    /// The value; nil where none is said.
    public let value: String?

    /// The most labels that an agent has.
    public static let most = 32

    /// Reads `KEY` or `KEY=VALUE`.
    ///
    /// - Throws: when one of them is of other characters, or too long.
    public init(query text: String) throws(ClocheError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
            String.init
        )
        let value = parts.count == 2 ? parts[1] : nil
        guard let key = parts.first, Self.isWord(key), value.map({ $0.isEmpty || Self.isWord($0) }) ?? true
        else {
            throw ClocheError(
                .usage,
                "not a label: \(text.debugDescription)",
                why: "it is KEY or KEY=VALUE, of at most 63 letters, digits, '.', '_', '/' and '-' each",
                remedy: "for example `role=reviewer`"
            )
        }
        (self.key, self.value) = (key, value)
    }

    /// Labels as an agent has them, by key; one that is said without a value has an empty one.
    ///
    /// - Parameters:
    ///   - labels: those it has already.
    ///   - changes: `KEY=VALUE`, `KEY`, or `KEY-` to take one away.
    /// - Throws: when a change is none, or there are too many.
    public static func changed(_ labels: [Document.Entry], by changes: [String]) throws(ClocheError)
        -> [Document.Entry]
    {
        var labels = labels
        for change in changes {
            let isRemoval = change.hasSuffix("-") && !change.contains("=")
            let label = try AgentLabel(query: isRemoval ? String(change.dropLast()) : change)
            labels.removeAll { $0.key == label.key }
            if !isRemoval { labels.append(.init(label.key, .string(label.value ?? ""))) }
        }
        guard labels.count <= most else {
            throw ClocheError(
                .usage,
                "an agent has at most \(most) labels",
                why: "it would have \(labels.count)"
            )
        }
        return labels.sorted { $0.key < $1.key }
    }

    private static func isWord(_ text: String) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last, text.utf8.count <= 63 else {
            return false
        }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && text.utf8.allSatisfy { isAlphanumeric($0) || [0x2d, 0x2e, 0x2f, 0x5f].contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        default: false
        }
    }
}
