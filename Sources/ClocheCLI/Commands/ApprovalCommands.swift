// requests, approve, deny: what agents ask for.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import TerminalText

enum RequestsCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let name = context.command.argument("name")
        let requests = try context.project.requests(ofAgent: name)
        if context.command.flag("json") {
            context.output.json(.list(requests.map(document)))
        } else if requests.isEmpty {
            context.output.note("no agent asks for anything")
        } else {
            let now = WallClock.milliseconds
            context.output.table(
                requests.map { row($0, now) },
                header: ["REQUEST", "CLASS", "WAITS", "LEFT", "COUNT", "WHAT"]
            )
            context.output.note("`cloche approve REQUEST` or `cloche deny REQUEST` answers one")
        }
        return ExitCode.success
    }

    private static func row(_ request: AgentRequest, _ now: Int64) -> [String] {
        let held = request.request
        return [
            request.name, held.kind.description, "\(max(0, (now - held.since) / 1000))s",
            "\(max(0, (held.until - now) / 1000))s", String(held.count),
            // Whoever decides sees all of it.
            visible(held.target, limit: .max),
        ]
    }

    private static func document(_ request: AgentRequest) -> Document {
        var document = request.request.document { .string(WallClock.format($0)) }
        document["agent"] = .string(request.agent)
        document["request"] = .string(request.name)
        return document
    }
}

enum AnswerCommand {
    static func approve(_ context: Context) throws(ClocheError) -> Int32 { try answer(true, context) }

    static func deny(_ context: Context) throws(ClocheError) -> Int32 { try answer(false, context) }

    private static func answer(_ isApproval: Bool, _ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let name = command.required("request")
        let isLasting = command.flag("always")
        let (kind, target) = try context.project.answerRequest(
            name,
            isApproval: isApproval,
            isLasting: isLasting
        )
        if command.flag("json") {
            context.output.json(
                .object([
                    "request": .string(name), "class": .string(kind), "target": .string(target),
                    "approved": .bool(isApproval), "always": .bool(isLasting),
                ])
            )
        } else {
            let word = isApproval ? "approved" : "denied"
            let time = isLasting ? ", and the like until the agent ends" : ""
            context.output.line("\(word) \(name): \(kind) \(visible(target, limit: .max))\(time)")
        }
        return ExitCode.success
    }
}
