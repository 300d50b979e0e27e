// policy: what of the network an agent may reach, shown and changed.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import TerminalText

enum PolicyCommand {
    static func set(_ context: Context) throws(ClocheError) -> Int32 {
        let name = context.command.required("name")
        return try tell(try context.project.changeNetwork(ofAgent: name, set: context.command.rest), context)
    }

    static func allow(_ context: Context) throws(ClocheError) -> Int32 {
        let name = context.command.required("name")
        return try tell(
            try context.project.changeNetwork(ofAgent: name, allow: context.command.rest),
            context
        )
    }

    static func deny(_ context: Context) throws(ClocheError) -> Int32 {
        let name = context.command.required("name")
        return try tell(try context.project.changeNetwork(ofAgent: name, deny: context.command.rest), context)
    }

    private static func tell(_ change: NetworkChange, _ context: Context) throws(ClocheError) -> Int32 {
        let name = context.command.required("name")
        if context.command.flag("json") {
            context.output.json(
                .object([
                    "changed": .bool(change.isChanged), "running": .bool(change.isRunning),
                    "closed": .integer(change.closed),
                    "later-ports": .list(change.laterPorts.map { .integer($0) }),
                ])
            )
            return ExitCode.success
        }
        context.output.line(text(change, name))
        let network = try context.project.shownNetwork(ofAgent: name)
        if network.settings.mode == .none || network.settings.mode == .host {
            let mode = network.settings.mode.rawValue
            context.output.note("network.mode of \(name) is \(mode), in which no rule counts")
        }
        if !change.laterPorts.isEmpty {
            let ports = change.laterPorts.map(String.init).joined(separator: ", ")
            context.output.note(
                "connections to port \(ports) are not taken: this kernel hands over 64 ports at most, and none at which"
                    + " a program inside listens"
            )
        }
        return ExitCode.success
    }

    private static func text(_ change: NetworkChange, _ name: String) -> String {
        if !change.isChanged { return "nothing changed: \(name) has these rules already" }
        if !change.isRunning { return "\(name) will have the new rules when it is resumed" }
        switch change.closed {
        case 0: return "\(name) has the new rules"
        case 1: return "\(name) has the new rules; 1 connection was closed"
        default: return "\(name) has the new rules; \(change.closed) connections were closed"
        }
    }

    // MARK: show

    static func show(_ context: Context) throws(ClocheError) -> Int32 {
        let network = try context.project.shownNetwork(ofAgent: context.command.required("name"))
        if context.command.flag("json") {
            context.output.json(document(network))
            return ExitCode.success
        }
        let settings = network.settings
        let output = context.output
        output.line("mode            \(settings.mode.rawValue)")
        show(network.allow, "allow", output)
        show(network.deny, "deny", output)
        let servers = settings.dnsServers.joined(separator: ", ")
        output.line("dns             \(servers.isEmpty ? "the host's" : servers)")
        output.line("upstream-proxy  \(settings.upstreamProxy ?? "none")")
        output.line("hidden-names    \(settings.allowsHiddenNames ? "allow" : "refuse")")
        return ExitCode.success
    }

    private static func show(_ rules: [ShownRule], _ title: String, _ output: Output) {
        output.line(
            title + (rules.isEmpty ? String(repeating: " ", count: 16 - title.count) + "nothing" : "")
        )
        for rule in rules {
            let origin = rule.origin.isEmpty ? "" : "  # \(visible(rule.origin, limit: 300))"
            output.line("  \(visible(rule.rule, limit: 2000))\(output.styled(origin, .faint))")
            for part in rule.parts { output.line("    \(visible(part, limit: 2000))") }
        }
    }

    private static func document(_ network: ShownNetwork) -> Document {
        func rules(_ rules: [ShownRule]) -> Document {
            .list(
                rules.map {
                    .object([
                        "rule": .string($0.rule), "origin": .string($0.origin), "parts": .strings($0.parts),
                    ])
                }
            )
        }
        let settings = network.settings
        return .object([
            "mode": .string(settings.mode.rawValue), "allow": rules(network.allow),
            "deny": rules(network.deny),
            "dns": .strings(settings.dnsServers), "upstream-proxy": .optional(settings.upstreamProxy),
            "proxy-variables": .bool(settings.proxyVariables),
            "hidden-names": .string(settings.allowsHiddenNames ? "allow" : "refuse"),
        ])
    }
}
