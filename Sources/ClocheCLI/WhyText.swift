// Refusals in words: what was refused, why, and what would allow it. Hosts and paths in them are the agent's words.

internal import AuditReport
internal import Cloche
internal import ClocheModel
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

    /// The same for a report.
    static func reported(_ refusal: NetworkRefusal, agent: String) -> ReportedDenial {
        let command = command(refusal, agent: agent)
        return ReportedDenial(
            what(refusal),
            why: refusal.why,
            rule: refusal.rule,
            line: command == nil ? nil : refusal.suggestion,
            command: command ?? remedy(refusal, agent: agent),
            count: Int64(refusal.count),
            first: refusal.first,
            last: refusal.last
        )
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
            return "a connection to \(place)" + by(refusal.programs)
                + (paths.isEmpty ? "" : ", " + paths.joined(separator: " and "))
        }
    }

    private static func by(_ programs: [String]) -> String {
        if programs.isEmpty { return "" }
        let shown = programs.prefix(3).map { visible($0, limit: 40) }.joined(separator: ", ")
        return " by \(shown)" + (programs.count > 3 ? " and others" : "")
    }

    private static let words = [
        "transparent": "made directly", "connect": "through the proxy (CONNECT)", "http": "through the proxy",
        "socks": "through the proxy (SOCKS)", "dns": "by DNS over TCP",
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
        switch refusals.mode {
        case NetworkMode.none?:
            notes.append(
                "\(agent) has no network (network.mode: none), and what it tries is not recorded; `cloche stop \(agent)`,"
                    + " `cloche policy set \(agent) network.mode=allow` and `cloche resume \(agent)` give it one of rules"
            )
        case .host?:
            notes.append("\(agent) has the host's network, where nothing is refused and nothing recorded")
        case .allow?, .open?, nil: break
        }
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
