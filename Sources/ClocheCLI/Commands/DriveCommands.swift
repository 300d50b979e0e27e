// keys, message, resize: an agent's terminal without attaching to it.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import Supervision
internal import TerminalText

enum KeysCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let form: KeysRequest.Form = command.flag("literal") ? .literal : command.flag("hex") ? .hex : .names
        let place = try WindowPlace(command.required("name"))
        let isInterrupt = command.flag("interrupt")
        let words = isInterrupt ? try context.project.interruptKeys(ofAgent: place.agent) : command.rest
        if form == .names { for word in words { try check(word) } }
        var request = KeysRequest(form, words, repeats: Int64(command.number("repeat") ?? 1))
        request.window = place.window
        let report = try context.project.type(request, into: place.agent)
        if command.flag("json") { context.output.json(report) }
        return ExitCode.success
    }

    /// The supervisor reads words again; here, names are known that were perhaps meant.
    private static func check(_ word: String) throws(ClocheError) {
        do throws(UnknownKey) {
            _ = try KeyWord(word)
        } catch { throw ClocheError(unknownKey: error, near: near(error.name)) }
    }

    static func near(_ name: String) -> [String] {
        let found = Suggestion.nearest(to: name.lowercased(), among: KeyWord.names.map { $0.lowercased() })
        return KeyWord.names.filter { found.contains($0.lowercased()) }
    }
}

enum MessageCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let name = command.required("name")
        let message: TypedMessage
        let text = try text(command)
        do throws(MessageProblem) {
            message = try TypedMessage(text)
        } catch { throw ClocheError(messageProblem: error) }
        let enter = !command.flag("no-enter")
        let now = command.flag("now")
        let report = try context.project.message(message.text, to: name, enter: enter, now: now)
        let isDelivered = report["delivered"]?.bool ?? true
        let isPaste = report["bracketed-paste"]?.bool
        if command.flag("json") {
            context.output.json(
                .object([
                    "name": .string(name), "lines": .integer(Int64(message.lines)),
                    "bytes": .integer(Int64(message.text.utf8.count)),
                    "delivered": .bool(isDelivered), "position": report["position"] ?? .null,
                    "state": report["state"] ?? .null,
                    "bracketed-paste": isPaste.map { .bool($0) } ?? .null, "enter": .bool(enter),
                ])
            )
        } else if isDelivered {
            context.output.line(acknowledgement(name, message, isPaste: isPaste ?? false, enter: enter))
        } else {
            let place = report["position"]?.integer ?? 1
            context.output.line(
                "queued for \(name)" + (place > 1 ? ", number \(place)" : "")
                    + ": its program is \(visible(report["state"]?.string ?? "busy", limit: 20)), and gets it when ready"
            )
        }
        return ExitCode.success
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

    private static func text(_ command: ParsedCommand) throws(ClocheError) -> String {
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

enum ResizeCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let name = command.required("name")
        let wanted = try size(command.required("size"))
        let report = try context.project.resize(name, wanted)
        if command.flag("json") {
            context.output.json(report)
        } else {
            context.output.line("\(name): \(text(report["old"])) -> \(text(report["new"]))")
        }
        return ExitCode.success
    }

    private static func text(_ size: Document?) -> String {
        "\(size?["columns"]?.integer ?? 0)x\(size?["rows"]?.integer ?? 0)"
    }

    static func size(_ text: String) throws(ClocheError) -> TerminalSize {
        let parts = text.split(separator: "x", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part in
            part.utf8.allSatisfy { 0x30...0x39 ~= $0 }
                ? UInt16(part).flatMap { 1...1000 ~= $0 ? $0 : nil } : nil
        }
        guard parts.count == 2, numbers.count == 2 else {
            throw ClocheError(
                .usage,
                "bad size '\(visible(text, limit: 40))'",
                why: "it must be COLUMNSxROWS, each from 1 to 1000",
                remedy: "for example 120x40"
            )
        }
        return TerminalSize(columns: numbers[0], rows: numbers[1])
    }
}
