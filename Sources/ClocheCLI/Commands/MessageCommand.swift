// message: something said to an agent, or to several.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import Messaging
internal import ProfileLoading
internal import Supervision
internal import TerminalText

enum MessageCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let recipients = try Recipients(command.required("name"))
        let message: TypedMessage
        let text = try text(command)
        do throws(MessageProblem) {
            message = try TypedMessage(text)
        } catch { throw ClocheError(messageProblem: error) }
        let enter = !command.flag("no-enter")
        if command.flag("now") {
            let name = command.required("name")
            let report = try context.project.typeMessage(message.text, into: name, enter: enter)
            tell(context, name, message, report, [])
            return ExitCode.success
        }
        let new = NewMessage(
            message.text,
            replyTo: try id(command.value("reply-to")),
            isUrgent: command.flag("urgent"),
            interrupts: command.flag("interrupt"),
            lifetime: try lifetime(command),
            key: command.value("key"),
            enter: enter
        )
        var isOne = false
        if case .agent = recipients { isOne = true }
        let sender = MessageSender.person(user: CurrentUser.id)
        let posted = try context.project.post(new, from: sender, to: recipients, awaitsTyping: isOne)
        guard isOne, let only = posted.first else { return tellAll(context, message, posted) }
        try tell(context, message, only)
        return ExitCode.success
    }

    /// A message's number.
    static func id(_ text: String?) throws(ClocheError) -> Int64? {
        guard let text else { return nil }
        if let id = Int64(text), id > 0, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) { return id }
        throw ClocheError(
            .usage,
            "\(text.debugDescription) is no number of a message",
            remedy: "`cloche inbox --all` shows them"
        )
    }

    private static func lifetime(_ command: ParsedCommand) throws(ClocheError) -> Int64? {
        guard let text = command.value("ttl") else { return nil }
        if let seconds = Quantity.seconds(text), seconds > 0, seconds < 1 << 40 { return seconds * 1000 }
        throw ClocheError(
            .usage,
            "bad --ttl \(text.debugDescription)",
            why: "it must be a duration",
            remedy: "for example --ttl 90s, 30m or 1h30m"
        )
    }

    // MARK: What came of it

    /// Of a message to one agent.
    static func tell(_ context: Context, _ message: TypedMessage, _ posted: Posted) throws(ClocheError) {
        let name = posted.recipient
        var report = posted.report ?? .object(["delivered": .bool(false)])
        if posted.report == nil {
            let agent = try context.project.agent(name)
            report["state"] = .string(agent.state.rawValue)
            report["position"] = .integer(Int64(agent.queuedMessages))
        }
        let more: [Document.Entry] = [
            .init("id", .optional(posted.id)), .init("duplicate", .bool(posted.isDuplicate)),
        ]
        if posted.isDuplicate, !context.command.flag("json") {
            context.output.line("\(name) was sent this before: it is message \(posted.id ?? 0)")
            return
        }
        tell(context, name, message, report, more, isRunning: posted.report != nil)
    }

    private static func tell(
        _ context: Context,
        _ name: String,
        _ message: TypedMessage,
        _ report: Document,
        _ more: [Document.Entry],
        isRunning: Bool = true
    ) {
        let command = context.command
        let enter = !(command.path == ["message"] && command.flag("no-enter"))
        let isDelivered = report["delivered"]?.bool ?? true
        let isPaste = report["bracketed-paste"]?.bool
        if command.flag("json") {
            let entries: [Document.Entry] = [
                .init("name", .string(name)), .init("lines", .integer(Int64(message.lines))),
                .init("bytes", .integer(Int64(message.text.utf8.count))),
                .init("delivered", .bool(isDelivered)), .init("position", report["position"] ?? .null),
                .init("state", report["state"] ?? .null),
                .init("bracketed-paste", isPaste.map { .bool($0) } ?? .null), .init("enter", .bool(enter)),
            ]
            context.output.json(.map(entries + more))
        } else if isDelivered {
            context.output.line(acknowledgement(name, message, isPaste: isPaste ?? false, enter: enter))
        } else {
            let place = report["position"]?.integer ?? 1
            let id = more.first { $0.key == "id" }?.value.integer.map { " as message \($0)" } ?? ""
            let state = visible(report["state"]?.string ?? "busy", limit: 20)
            context.output.line(
                "queued for \(name)" + id + (place > 1 ? ", at place \(place)" : "")
                    + (isRunning
                        ? ": its program is \(state), and gets it when ready"
                        : ": the agent is \(state), and gets it when it runs")
            )
        }
    }

    /// Of one to several.
    private static func tellAll(_ context: Context, _ message: TypedMessage, _ posted: [Posted]) -> Int32 {
        if context.command.flag("json") {
            context.output.json(
                .list(
                    posted.map {
                        .object([
                            "name": .string($0.recipient), "lines": .integer(Int64(message.lines)),
                            "bytes": .integer(Int64(message.text.utf8.count)), "delivered": .bool(false),
                            "enter": .bool(!context.command.flag("no-enter")), "id": .optional($0.id),
                            "duplicate": .bool($0.isDuplicate),
                            "error": $0.refusal?.document ?? .null,
                        ])
                    }
                )
            )
        } else {
            for one in posted {
                if let id = one.id { context.output.line("queued for \(one.recipient): message \(id)") }
            }
        }
        for refusal in posted.compactMap(\.refusal) { context.output.report(refusal, json: false) }
        return posted.compactMap(\.refusal).first.map { ExitCode.of($0) } ?? ExitCode.success
    }

    private static func acknowledgement(_ name: String, _ message: TypedMessage, isPaste: Bool, enter: Bool)
        -> String
    {
        let lines = message.lines == 1 ? "1 line" : "\(message.lines) lines"
        let form = isPaste ? "as a paste" : message.lines > 1 ? "joined by spaces" : ""
        let end = enter ? "and Enter" : "without Enter"
        let count = message.text.unicodeScalars.count
        let amount = "\(lines) of \(count) \(count == 1 ? "character" : "characters")"
        return "typed into \(name): " + [amount, form, end].filter { !$0.isEmpty }.joined(separator: ", ")
    }

    static func text(_ command: ParsedCommand) throws(ClocheError) -> String {
        let bytes: [UInt8]
        let place: String
        switch (command.value("file"), command.argument("text")) {
        case (let file?, _):
            do throws(SystemError) {
                bytes = try Files.read(file, limit: KeysRequest.limit + 1)
            } catch {
                throw ClocheError(
                    .notFound,
                    "cannot read the message",
                    why: error.description,
                    remedy: "check the path"
                )
            }
            place = file
        case (nil, "-"?):
            bytes = standardInput()
            place = "standard input"
        case (nil, let text):
            return text ?? ""
        }
        guard bytes.count <= KeysRequest.limit else {
            throw ClocheError(
                .usage,
                "the message is too long",
                why: "the most is \(KeysRequest.limit) bytes",
                remedy: "put it into a file of the workspace and name it to the agent"
            )
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ClocheError(
                .usage,
                "the message cannot be typed",
                why: "\(visible(place)) is not text in UTF-8",
                remedy: "put it into the workspace and name it to the agent"
            )
        }
        return text
    }

    /// As much of standard input as shows whether it is too much.
    private static func standardInput() -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count <= KeysRequest.limit {
            let part = UserInput.read()
            if part.isEmpty { break }
            bytes += part
        }
        return bytes
    }
}
