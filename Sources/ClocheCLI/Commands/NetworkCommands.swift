// forward, ports, why: an agent's network while it runs.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import TerminalText

enum ForwardCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let name = command.required("name")
        let project = try context.project
        guard let word = command.argument("port") else {
            if command.flag("remove") || command.value("bind") != nil {
                throw ClocheError(
                    .usage,
                    "--remove and --bind need a port",
                    remedy: "for example `cloche forward \(name) --remove 3000`"
                )
            }
            show(try project.network(ofAgent: name).forwards, context, verb: "leads to")
            return ExitCode.success
        }
        let ports = try ForwardedPorts(word)
        if command.flag("remove") {
            let ended = try project.endForwards(
                name,
                to: ports.target,
                // As it was made: any port of the host.
                from: ports.port == 0 ? nil : ports.port,
                on: command.value("bind")
            )
            show(ended, context, verb: "no longer leads to")
            return ExitCode.success
        }
        let address = command.value("bind") ?? "127.0.0.1"
        let made = try project.forward(name, to: ports.target, from: ports.port, on: address)
        show([made], context, verb: "leads to")
        if !command.flag("json"), !["127.0.0.1", "::1"].contains(address) {
            context.output.note(
                "whoever reaches \(made.address) of this machine reaches port \(made.target) of \(name)"
            )
        }
        return ExitCode.success
    }

    private static func show(_ forwards: [PortForward], _ context: Context, verb: String) {
        if context.command.flag("json") { return context.output.json(.list(forwards.map(\.document))) }
        let name = context.command.required("name")
        for forward in forwards {
            context.output.line("\(forward.place) \(verb) port \(forward.target) of \(name)")
        }
        if forwards.isEmpty { context.output.note("no port of this machine leads to \(name)") }
    }
}

/// `[HOSTPORT:]PORT`; with a colon and no number before it, or 0, any port of the host will do.
struct ForwardedPorts: Equatable {
    let port: UInt16?
    let target: UInt16

    init(_ word: String) throws(ClocheError) {
        let parts = word.split(separator: ":", omittingEmptySubsequences: false)
        let before = parts.count == 2 ? (parts[0].isEmpty ? 0 : Self.number(parts[0])) : nil
        guard (1...2).contains(parts.count), parts.count == 1 || before != nil, let last = parts.last,
            let target = Self.number(last), target > 0
        else {
            throw ClocheError(
                .usage,
                "bad port \(word.debugDescription)",
                why: "it is [HOSTPORT:]PORT, each a number up to 65535",
                remedy: "for example 3000, 8080:3000, or 0:3000 for any free port of this machine"
            )
        }
        self.port = before
        self.target = target
    }

    /// Digits alone: `UInt16` would take a sign as well.
    private static func number(_ text: Substring) -> UInt16? {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? UInt16(text) : nil
    }
}

enum PortsCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let name = context.command.required("name")
        let ports = try context.project.listeningPorts(ofAgent: name)
        if context.command.flag("json") {
            context.output.json(.list(ports.map(document)))
        } else if ports.isEmpty {
            context.output.note("nothing waits for connections inside \(name)")
        } else {
            context.output.table(ports.map(row), header: ["PORT", "ADDRESS", "PROGRAM", "FORWARDED FROM"])
        }
        return ExitCode.success
    }

    private static func row(_ port: ListeningPort) -> [String] {
        let owners = port.owners.map { "\(visible($0.program, limit: 40)) (\($0.pid))" }
        let shown = owners.prefix(3).joined(separator: ", ") + (owners.count > 3 ? ", ..." : "")
        return [
            String(port.port), port.address, shown.isEmpty ? "?" : shown,
            port.forwards.isEmpty ? "-" : port.forwards.map(\.place).joined(separator: ", "),
        ]
    }

    private static func document(_ port: ListeningPort) -> Document {
        .object([
            "port": .integer(Int64(port.port)), "address": .string(port.address),
            "processes": .list(
                port.owners.map {
                    .object(["pid": .integer(Int64($0.pid)), "program": .string($0.program)])
                }
            ),
            "forwards": .list(port.forwards.map(\.document)),
        ])
    }
}

enum WhyCommand {
    /// Shown unless --last says otherwise.
    private static let usual = 10

    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let name = context.command.required("name")
        let project = try context.project
        let found = try project.refusals(ofAgent: name)
        let shown = found.list.suffix(context.command.number("last") ?? usual)
        if context.command.flag("json") {
            context.output.json(.list(shown.map { document($0, name) }))
            return ExitCode.success
        }
        for (index, refusal) in shown.enumerated() {
            if index > 0 { context.output.line() }
            let lines = WhyText.lines(refusal, agent: name)
            context.output.line(context.output.styled(lines[0], .bold))
            for line in lines.dropFirst() { context.output.line("  " + line) }
        }
        if shown.isEmpty {
            context.output.line(
                "nothing of the network was refused to \(name); for refused system calls: "
                    + "cloche audit \(name) --denied"
            )
        }
        for note in WhyText.notes(found, shown: shown.count, agent: name) { context.output.note(note) }
        return ExitCode.success
    }

    private static func document(_ refusal: NetworkRefusal, _ name: String) -> Document {
        .object([
            "kind": .string(refusal.kind.rawValue), "host": .string(refusal.host),
            "port": .optional(refusal.port),
            "paths": .strings(refusal.paths), "programs": .strings(refusal.programs),
            "reason": .string(refusal.reason), "why": .string(refusal.why),
            "denied-by": .optional(refusal.rule), "would-allow": .optional(refusal.suggestion),
            "command": .optional(WhyText.command(refusal, agent: name)),
            "count": .integer(Int64(refusal.count)),
            "first": .string(refusal.first), "last": .string(refusal.last),
        ])
    }
}
