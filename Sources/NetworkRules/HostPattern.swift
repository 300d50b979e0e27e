// Names of hosts with wildcards, as rules write them: `*` is one label, `**` one or more.

internal import ClocheModel

/// A name in which labels may be wildcards.
struct HostPattern: Equatable, Sendable {
    private enum Label: Equatable, Sendable {
        case exact(Substring)
        case any
    }

    /// The labels; nil for any number of them.
    private let labels: [Label?]

    /// The pattern of a text.
    init(_ text: String) throws(HostError) {
        var labels: [Label?] = []
        // A wildcard is checked as a label of one letter would be.
        var plain: [Substring] = []
        for label in text.split(separator: ".", omittingEmptySubsequences: false) {
            switch label {
            case "*", "**": plain.append("x")
            default:
                if label.contains("*") {
                    throw HostError(
                        "a '*' stands for a whole part between dots: '*' for one, '**' for one or more"
                    )
                }
                plain.append(label)
            }
        }
        let written = text.split(separator: ".")
        let name = try HostText.name(plain.joined(separator: "."))
        for (label, written) in zip(name.split(separator: "."), written) {
            switch written {
            case "*": labels.append(.any)
            case "**": labels += [.any, nil]
            default: labels.append(.exact(label))
            }
        }
        if case .exact(let last)?? = labels.last, HostText.endsInNumber(last) {
            throw HostError("its last part is a number; addresses are written a.b.c.d or a.b.c.d/BITS")
        }
        let exact = written.filter { !$0.contains("*") }
        if !exact.isEmpty && exact.allSatisfy({ HostText.endsInNumber(String($0)) }) {
            throw HostError("its parts are numbers; a range of addresses is written a.b.c.d/BITS")
        }
        self.labels = labels
    }

    /// The name that it is, if it has no wildcard.
    var plainName: HostName? {
        var parts: [Substring] = []
        for label in labels {
            guard let label, case .exact(let text) = label else { return nil }
            parts.append(text)
        }
        // It was read from one.
        return try? HostName(parts.joined(separator: "."))
    }

    /// Whether the name fits.
    func matches(_ name: HostName) -> Bool {
        Wildcards.fit(labels, name.labels) { label, part in
            switch label {
            case .exact(let text): text == part
            case .any: true
            }
        }
    }
}
