// inbox, answer: what agents ask and tell people, and what is said to it; label.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import Messaging
internal import ProfileLoading
internal import Supervision
internal import TerminalText

enum InboxCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let project = try context.project
        let owner = command.argument("name").map { InboxOwner.agent($0) } ?? .person
        let acknowledged = command.values("ack")
        if !acknowledged.isEmpty {
            var ids: [Int64] = []
            for text in acknowledged { if let id = try MessageCommand.id(text) { ids.append(id) } }
            try project.acknowledge(ids, in: owner, by: CurrentUser.id)
            return ExitCode.success
        }
        if command.flag("wait"), try wait(context, owner) == false { return ExitCode.timeout }
        let messages = try chosen(context, owner)
        if command.flag("json") {
            context.output.json(.list(messages.map { $0.document { .string(WallClock.format($0)) } }))
        } else if messages.isEmpty {
            context.output.note(owner == .person ? "nothing is new, and no agent asks" : "nothing waits")
        } else {
            for message in messages { show(message, owner, context.output) }
        }
        return ExitCode.success
    }

    /// What is shown; what is new for the person is delivered by that.
    private static func chosen(_ context: Context, _ owner: InboxOwner) throws(ClocheError) -> [Message] {
        let project = try context.project
        let now = WallClock.milliseconds
        if owner == .person { try project.expireForPerson() }
        if context.command.flag("all") {
            let messages = try project.inbox(of: owner)
            if owner == .person { _ = try project.readInbox(of: owner) }
            return messages
        }
        guard owner == .person else { return try project.inbox(of: owner).filter { isShown($0, now) } }
        let open = try project.questions()
        let new = try project.readInbox(of: owner)
        return (open + new.filter { message in !open.contains { $0.id == message.id } }).sorted {
            $0.id < $1.id
        }
    }

    private static func isShown(_ message: Message, _ now: Int64) -> Bool {
        (message.state == .queued || message.isOpenQuestion) && !message.isOverdue(at: now)
    }

    private static func wait(_ context: Context, _ owner: InboxOwner) throws(ClocheError) -> Bool {
        var milliseconds: Int64?
        if let text = context.command.value("timeout") {
            guard let seconds = Quantity.seconds(text), seconds <= 1_000_000_000 else {
                throw ClocheError(
                    .usage,
                    "bad timeout \(text.debugDescription)",
                    why: "it must be a duration",
                    remedy: "for example --timeout 90s, 30m or 1h30m"
                )
            }
            milliseconds = seconds * 1000
        }
        let found = try context.project.waitForMessage(in: owner, milliseconds: milliseconds) {
            $0.state == .queued || $0.isOpenQuestion
        }
        return found != nil
    }

    private static func show(_ message: Message, _ owner: InboxOwner, _ output: Output) {
        let content = message.content
        let sender = visible(message.sender.isPerson ? "you" : message.sender.name)
        let name = owner == .person ? "\(sender)/\(message.id)" : "\(message.id) from \(sender)"
        var facts = [content.asks ? "asks" : "", content.isUrgent ? "urgent" : ""].filter { !$0.isEmpty }
        if let id = content.replyTo { facts.append("in reply to \(id)") }
        facts += [message.state.rawValue, "\(max(0, (WallClock.milliseconds - message.time) / 1000))s ago"]
        output.line("\(output.styled(name, .bold))  \(facts.joined(separator: ", "))")
        for line in content.text.split(separator: "\n", omittingEmptySubsequences: false) {
            output.line("  " + visible(String(line), limit: .max))
        }
        if !content.choices.isEmpty {
            output.line("  choices: " + content.choices.map { visible($0) }.joined(separator: " | "))
        }
        if owner == .person, message.isOpenQuestion { output.line("  cloche answer \(name) TEXT") }
    }
}

enum AnswerQuestionCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let text = try MessageCommand.text(context.command)
        let message: TypedMessage
        do throws(MessageProblem) {
            message = try TypedMessage(text)
        } catch { throw ClocheError(messageProblem: error) }
        let (posted, question) = try context.project.answerQuestion(
            context.command.required("question"),
            message.text,
            by: CurrentUser.id,
            awaitsTyping: false
        )
        if context.command.flag("json") {
            context.output.json(
                .object(["name": .string(posted.recipient), "id": .optional(posted.id)])
            )
        } else {
            context.output.line("answered \(posted.recipient)")
        }
        let choices = question.content.choices
        if !choices.isEmpty, !choices.contains(message.text) {
            let shown = choices.map { visible($0) }.joined(separator: " | ")
            context.output.note("that is none of the choices that it gave: \(shown)")
        }
        return ExitCode.success
    }
}

enum LabelCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let name = context.command.required("name")
        let project = try context.project
        let changes = context.command.rest
        let labels =
            changes.isEmpty ? try project.agent(name).record.labels : try project.label(name, changes)
        if context.command.flag("json") {
            context.output.json(.map(labels))
        } else {
            for label in labels { context.output.line(text(label)) }
        }
        return ExitCode.success
    }

    static func text(_ label: Document.Entry) -> String {
        let value = label.value.string ?? ""
        return visible(value.isEmpty ? label.key : "\(label.key)=\(value)")
    }
}
