// Refusals in words: what was refused, why, and what would allow it. Hosts and paths in them are the agent's words.

internal import Cloche
internal import CommandSyntax
internal import TerminalText

enum WhyText {
    /// A line of what and when, and below it why and what to do.
    static func lines(_ refusal: NetworkRefusal, agent: String) -> [String] {
        var lines = [
            "\(time(refusal.last))  \(what(refusal))\(times(refusal))", visible(refusal.why, limit: 1000),
        ]
        if let rule = refusal.rule { lines.append("denied by  \(visible(rule, limit: 1000))") }
        if let command = command(refusal, agent: agent) {
            lines.append("to allow   \(command)")
        } else if let remedy = remedy(refusal, agent: agent) {
            lines.append("to allow   \(remedy)")
        }
        return lines
    }

    /// The command that would allow it; nil where no single rule would.
    static func command(_ refusal: NetworkRefusal, agent: String) -> String? {
        guard let rule = refusal.suggestion, visible(rule, limit: 4000) == rule else { return nil }
        // A host and its ports need no quotes in any shell.
        let isPlain = rule.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || ".-_:,/".contains($0)) }
        let word = isPlain && !rule.hasPrefix("-") ? rule : rule.quotedForShell
        return "cloche policy allow \(agent) \(word)"
    }

    private static func what(_ refusal: NetworkRefusal) -> String {
        let place = visible(refusal.place, limit: 300)
        switch refusal.kind {
        case .name: return "the name \(place)"
        case .connection:
            let paths = refusal.paths.map { words[$0] ?? $0 }.filter { !$0.isEmpty }
            return "a connection to \(place)" + (paths.isEmpty ? "" : ", " + paths.joined(separator: " and "))
        }
    }

    private static let words = [
        "transparent": "made directly", "connect": "by the proxy's CONNECT", "http": "by the proxy",
        "socks": "by SOCKS", "dns": "by DNS over TCP",
    ]

    private static func times(_ refusal: NetworkRefusal) -> String {
        refusal.count == 1 ? "" : ", \(refusal.count) times since \(time(refusal.first))"
    }

    /// Without fractions of a second.
    private static func time(_ text: String) -> String {
        let whole = text.prefix { $0 != "." }
        return visible(whole.count < text.count ? whole + "Z" : String(text), limit: 40)
    }

    /// What to do where a rule of `allow` is not enough.
    private static func remedy(_ refusal: NetworkRefusal, agent: String) -> String? {
        switch refusal.reason {
        case "denied": "take the rule out of network.deny; `cloche policy show \(agent)` has all rules"
        case "name-hidden": "cloche policy set \(agent) network.hidden-names=allow"
        case "no-network": "cloche policy set \(agent) network.mode=allow, while it is stopped"
        case "name-mismatch", "invalid-host", "malformed", "path-unclear":
            "no rule does: what the program said could mean another place than the one it was allowed"
        default: nil
        }
    }

    /// What the list leaves out.
    static func notes(_ refusals: NetworkRefusals, shown: Int, agent: String) -> [String] {
        var notes: [String] = []
        let hidden = refusals.list.count - shown
        if hidden > 0 { notes.append("\(hidden) earlier; --last \(refusals.list.count) shows all") }
        if refusals.untold > 0 {
            notes.append("\(refusals.untold) more events came too fast to be recorded one by one")
        }
        if refusals.failed > 0 {
            let were = refusals.failed == 1 ? "connection was" : "connections were"
            notes.append(
                "\(refusals.failed) \(were) allowed and could not be made; `cloche audit \(agent)` says why"
            )
        }
        return notes
    }
}
