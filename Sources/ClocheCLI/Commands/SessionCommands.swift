// attach, exec, logs: the agent's terminal and what runs beside it.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import Supervision
internal import TerminalText

enum AttachCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        try attach(context, context.command.required("name"), readOnly: context.command.flag("read-only"))
    }

    static func attach(_ context: Context, _ name: String, readOnly: Bool) throws(ClocheError) -> Int32 {
        guard Terminal.isTerminal(0) && Terminal.isTerminal(1) else {
            throw ClocheError(
                .usage,
                "attach needs a terminal",
                why: "standard input or output is none",
                remedy: "`cloche logs -f \(name)` shows the output without one"
            )
        }
        switch try context.project.attach(name, readOnly: readOnly) {
        case .detached: context.output.note("detached; \(name) goes on")
        case .ended(let reason): context.output.note("\(name) has ended: \(reason)")
        case .lost:
            context.output.note("\(name) was lost: its supervisor died")
            return ExitCode.negative
        }
        return ExitCode.success
    }
}

enum ExecCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let terminal: Bool? = command.flag("tty") ? true : command.flag("no-tty") ? false : nil
        return try context.project.exec(
            command.required("name"),
            ExecOptions(
                command: command.rest,
                directory: command.value("workdir"),
                variables: StartCommand.variables(command.values("env")),
                terminal: terminal
            )
        )
    }
}

enum LogsCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let project = try context.project
        let name = command.required("name")
        var shown = try project.sessionLog(name)
        var filter = PlainTextFilter()
        var text: [UInt8] = []
        filter.feed(shown[...], into: &text)
        guard command.flag("follow") else {
            filter.finish(into: &text)
            context.output.bytes(last(text, command.number("lines")))
            return ExitCode.success
        }
        context.output.bytes(last(text, command.number("lines")))
        while true {
            let running = try project.agent(name).isRunning
            let now = try project.sessionLog(name)
            // The log was rotated when it no longer begins with what was shown.
            let fresh = now.starts(with: shown.prefix(4096)) && now.count >= shown.count ? shown.count : 0
            var more: [UInt8] = []
            filter.feed(now[fresh...], into: &more)
            if !running { filter.finish(into: &more) }
            context.output.bytes(more)
            shown = now
            if !running { return ExitCode.success }
            Pause.milliseconds(150)
        }
    }

    /// The last lines; nil means all.
    private static func last(_ text: [UInt8], _ lines: Int?) -> [UInt8] {
        guard let lines else { return text }
        var rest = text[...]
        if rest.last == 0x0a { rest = rest.dropLast() }
        var left = lines
        var start = rest.endIndex
        while start > rest.startIndex && left > 0 {
            let newline = rest[..<start].lastIndex(of: 0x0a)
            left -= 1
            guard let newline else { return text }
            if left == 0 { return Array(text[(newline + 1)...]) }
            start = newline
        }
        return lines == 0 ? [] : text
    }
}
