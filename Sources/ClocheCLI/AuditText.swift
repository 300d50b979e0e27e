// Events of the audit log as lines: those of the network in columns, others as the facts they have.

internal import ClocheModel
internal import ProfileLoading
internal import TerminalText

enum AuditText {
    /// The event on one line; nothing that an agent chose can drive a terminal.
    static func line(_ event: Document) -> String {
        let name = visible(event["event"]?.string ?? "?", limit: 40)
        let time = visible(event["time"]?.string ?? "?", limit: 40)
        guard let columns = columns(name, event) else { return "\(time)  \(name)  \(facts(event))" }
        return "\(time)  \(padded(name, 10))  \(padded(columns.verdict, 8))  \(columns.text)"
    }

    private static func facts(_ event: Document) -> String {
        let facts = (event.entries ?? []).filter { !["time", "event"].contains($0.key) && $0.value != .null }
        return facts.map { "\($0.key)=\(visible(Document.inline($0.value), limit: 300))" }.joined(
            separator: " "
        )
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// Verdict and text of an event of the network; nil for others.
    private static func columns(_ name: String, _ event: Document) -> (verdict: String, text: String)? {
        switch name {
        case "dns":
            return (
                word(event["verdict"]), joined([word(event["name"]), word(event["type"]), reason(event)])
            )
        case "connect":
            return (word(event["verdict"]), joined([place(event), way(event), rule(event), reason(event)]))
        case "disconnect":
            return ("ended", joined([place(event), traffic(event), reason(event)]))
        case "forward":
            let from = PortForward(document: event).map { "\($0.place) to port \($0.target)" }
            return (word(event["action"]), from.map { visible($0, limit: 100) } ?? facts(event))
        case "network-untold":
            return ("", "\(event["count"]?.integer ?? 0) more events, too fast to be recorded one by one")
        default: return nil
        }
    }

    private static func joined(_ parts: [String]) -> String {
        parts.filter { !$0.isEmpty }.joined(separator: "  ")
    }

    private static func word(_ value: Document?) -> String { visible(value?.string ?? "", limit: 300) }

    /// `HOST:PORT (ADDRESS)`, as far as it is known.
    private static func place(_ event: Document) -> String {
        let host = word(event["host"])
        let place = event["port"]?.integer.map { "\(host):\($0)" } ?? (host.isEmpty ? "?" : host)
        let address = word(event["address"])
        return address.isEmpty || address == host ? place : "\(place) (\(address))"
    }

    /// How it was asked for, and by whom.
    private static func way(_ event: Document) -> String {
        let program = event["program"]?.string.map { visible($0, limit: 40) }
        let pid = event["pid"]?.integer.map { "(\($0))" }
        return [word(event["path"]), program, pid].compactMap(\.self).filter { !$0.isEmpty }.joined(
            separator: " "
        )
    }

    private static func rule(_ event: Document) -> String {
        let rule = word(event["rule"])
        return rule.isEmpty ? "" : "rule \(rule)"
    }

    private static func reason(_ event: Document) -> String {
        let why = word(event["why"])
        let rule = word(event["denied-by"])
        return rule.isEmpty ? why : "\(why): \(rule)"
    }

    private static func traffic(_ event: Document) -> String {
        func bytes(_ key: String) -> String {
            let text = Amount.bytes(event[key]?.integer ?? 0)
            return text.last?.isNumber == true ? text + " B" : "\(text.dropLast()) \(text.suffix(1))iB"
        }
        let milliseconds = event["milliseconds"]?.integer ?? 0
        return "sent \(bytes("sent")), received \(bytes("received")) in \(milliseconds) ms"
    }
}
