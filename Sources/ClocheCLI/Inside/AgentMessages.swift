// message, inbox, ask, request-merge, inside.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import GitWorkspace
internal import LinuxSystem
internal import Messaging
internal import ProfileLoading
internal import Supervision
internal import TerminalText

enum AgentMessages {
    /// Between two looks whether whoever waits has gone, in milliseconds.
    private static let interval: Int64 = 500

    static func message(_ context: AgentContext) throws(ClocheError) -> Int32 {
        let command = context.command
        let message = NewMessage(
            try text(command),
            replyTo: try command.value("reply-to").map { text throws(ClocheError) in try id(text) },
            isUrgent: command.flag("urgent"),
            interrupts: command.flag("interrupt"),
            asks: command.flag("asks"),
            lifetime: try milliseconds(command, "ttl"),
            key: command.value("key")
        )
        let posted = try context.agent.post(message, to: command.required("to"))
        if command.flag("json") {
            context.output.json(.list(posted.map(document)))
        } else {
            for one in posted {
                let word = one.refusal.map { "refused: \($0.what)" } ?? "queued as \(one.id ?? 0)"
                context.output.line("\(one.recipient): \(word)\(one.isDuplicate ? " before" : "")")
            }
        }
        return posted.contains { $0.refusal == nil } ? ExitCode.success : ExitCode.negative
    }

    private static func document(_ posted: Posted) -> Document {
        .object([
            "name": .string(posted.recipient), "id": .optional(posted.id),
            "duplicate": .bool(posted.isDuplicate), "refused": .optional(posted.refusal?.what),
        ])
    }

    static func inbox(_ context: AgentContext) throws(ClocheError) -> Int32 {
        let (command, agent) = (context.command, context.agent)
        let acknowledged = command.values("ack")
        if !acknowledged.isEmpty {
            var ids: [Int64] = []
            for text in acknowledged { ids.append(try id(text)) }
            try agent.project.acknowledge(ids, in: agent.inbox, by: CurrentUser.id)
            return ExitCode.success
        }
        if command.flag("wait"), try waits(context, for: { $0.state == .queued }) == nil {
            context.output.note("the time is over; nothing has come")
            return ExitCode.timeout
        }
        let messages =
            command.flag("all")
            ? try agent.project.inbox(of: agent.inbox) : try agent.project.readInbox(of: agent.inbox)
        if command.flag("json") {
            context.output.json(.list(messages.map { $0.document { .string(WallClock.format($0)) } }))
        } else {
            for message in messages { context.output.line(MessageFrame.text(of: message)) }
        }
        return ExitCode.success
    }

    /// A message that is wanted; nil when the time is over, or nobody waits any more.
    private static func waits(_ context: AgentContext, for isWanted: (Message) -> Bool) throws(ClocheError)
        -> Message?
    {
        let end = try milliseconds(context.command, "timeout").map { MonotonicClock.milliseconds + $0 }
        while true {
            let left = end.map { $0 - MonotonicClock.milliseconds } ?? .max
            if left <= 0 { return nil }
            let found = try context.agent.project.waitForMessage(
                in: context.agent.inbox,
                milliseconds: min(left, interval),
                where: isWanted
            )
            if let found { return found }
            if context.connection.hasEnded(after: 0) { return nil }
        }
    }

    static func ask(_ context: AgentContext) throws(ClocheError) -> Int32 {
        let command = context.command
        let end = try milliseconds(command, "timeout")
        let question = NewMessage(
            try text(command),
            asks: true,
            choices: command.values("choice"),
            isAwaited: !command.flag("no-wait"),
            lifetime: end
        )
        let posted = try context.agent.ask(question)
        if command.flag("no-wait") {
            context.output.line("asked as \(posted.id ?? 0); the answer will be in your inbox")
            return ExitCode.success
        }
        let deadline = end.map { MonotonicClock.milliseconds + $0 }
        while true {
            let left = deadline.map { $0 - MonotonicClock.milliseconds } ?? .max
            if left <= 0 {
                context.output.note("the time is over; nobody has answered")
                return ExitCode.timeout
            }
            if let answer = try context.agent.answer(to: posted, within: min(left, interval)) {
                if command.flag("json") {
                    context.output.json(.object(["answer": .string(answer.content.text)]))
                } else {
                    context.output.line(answer.content.text)
                }
                return ExitCode.success
            }
            if context.connection.hasEnded(after: 0) { return ExitCode.negative }
        }
    }

    static func requestMerge(_ context: AgentContext) throws(ClocheError) -> Int32 {
        let agent = context.agent
        guard let branch = agent.record.branch else {
            throw ClocheError(.state, "\(agent.record.name) has no branch", why: "it works in no worktree")
        }
        let synced = try agent.project.sync(agent.record.name)
        let text = context.command.rest.joined(separator: " ")
        let commits = synced.commits == 1 ? "1 commit" : "\(synced.commits) commits"
        let request = "asks you to merge \(branch) (\(commits)); `cloche merge \(agent.record.name)` does"
        let posted = try context.agent.ask(
            NewMessage(text.isEmpty ? request : "\(request): \(text)", asks: true)
        )
        context.output.line("put to the person as \(posted.id ?? 0); an answer will be in your inbox")
        return ExitCode.success
    }

    // MARK: Words

    private static func text(_ command: ParsedCommand) throws(ClocheError) -> String {
        let words = command.rest
        if words != ["-"] { return words.joined(separator: " ") }
        return try AgentFunctions.input()
    }

    private static func id(_ text: String) throws(ClocheError) -> Int64 {
        if let id = Int64(text), id > 0 { return id }
        throw ClocheError(
            .usage,
            "not the number of a message: \(text.debugDescription)",
            remedy: "`cloche inbox --all` shows them"
        )
    }

    private static func milliseconds(_ command: ParsedCommand, _ option: String) throws(ClocheError) -> Int64?
    {
        guard let text = command.value(option) else { return nil }
        if let seconds = Quantity.seconds(text) { return min(seconds, 1_000_000_000) * 1000 }
        throw ClocheError(
            .usage,
            "bad time '\(visible(text, limit: 40))'",
            why: "it must be seconds or a duration",
            remedy: "for example 30, 10m or 1h30m"
        )
    }
}
