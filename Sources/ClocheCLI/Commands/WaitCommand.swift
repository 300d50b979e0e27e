// wait, pause, unpause: agents by name, until they end or while they stand still.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import ProfileLoading
internal import TerminalText

enum WaitCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let project = try context.project
        let timeout = try timeout(command)
        if let condition = try WaitForCommand.condition(command) {
            return try WaitForCommand.run(context, condition, milliseconds: timeout)
        }
        let names =
            command.flag("all")
            ? project.agents().agents.filter(\.isRunning).map(\.record.name) : command.rest
        let wantsJSON = command.flag("json")
        let ends = try project.wait(for: names, any: command.flag("any"), milliseconds: timeout) { end in
            if !wantsJSON { for line in Self.lines(end) { context.output.line(line) } }
        }
        if wantsJSON { context.output.json(.list(ends.map(document))) }
        let isEnough = command.flag("any") ? !ends.isEmpty : ends.count == Set(names).count
        if !isEnough && !names.isEmpty {
            let ended = Set(ends.map(\.record.name))
            let rest = names.filter { !ended.contains($0) }
            let verb = rest.count == 1 ? "has" : "have"
            context.output.note("the time is over; \(rest.joined(separator: ", ")) \(verb) not ended")
            return ExitCode.timeout
        }
        if let first = ends.first, ends.count == 1 || command.flag("any") { return code(first) }
        return ends.allSatisfy { code($0) == ExitCode.success } ? ExitCode.success : ExitCode.negative
    }

    /// What `--timeout` says, in milliseconds.
    private static func timeout(_ command: ParsedCommand) throws(ClocheError) -> Int64? {
        guard let text = command.value("timeout") else { return nil }
        if let seconds = Quantity.seconds(text), seconds <= 1_000_000_000 { return seconds * 1000 }
        throw ClocheError(
            .usage,
            "bad timeout \(text.debugDescription)",
            why: "it must be a duration",
            remedy: "for example --timeout 90s, 30m or 1h30m"
        )
    }

    /// What an agent's end makes of this command's own.
    private static func code(_ end: AgentEnd) -> Int32 {
        switch (end.state, end.exitCode) {
        case (.stopped, nil): ExitCode.negative
        case (_, nil): ExitCode.cloche
        // Its program took the end well, and was ended by a limit all the same.
        case (.failed, 0?): ExitCode.negative
        case (_, let code?): Int32(clamping: code)
        }
    }

    private static func lines(_ end: AgentEnd) -> [String] {
        let name = end.record.name
        if end.state == .deleting { return ["\(name) was deleted"] }
        guard let reason = end.reason else { return ["\(name) never ran"] }
        let code = end.exitCode.map { " (exit code \($0))" } ?? ""
        var lines = ["\(name) ended: \(reason.rawValue)\(code)"]
        if let failure = end.record.failure { lines.append("  " + visible(failure, limit: 1000)) }
        return lines
    }

    private static func document(_ end: AgentEnd) -> Document {
        .object([
            "name": .string(end.record.name), "state": .string(end.state.rawValue),
            "end-reason": .optional(end.reason?.rawValue), "exit-code": .optional(end.exitCode),
            "failure": .optional(end.record.failure),
            "ended": .optional(end.record.ended.map(WallClock.format)),
        ])
    }
}

enum PauseCommand {
    static func pause(_ context: Context) throws(ClocheError) -> Int32 {
        let project = try context.project
        return try ForEach.name(names(context, project, .running), context) { name throws(ClocheError) in
            let changed = try project.pause(name)
            context.output.line(changed ? "\(name) paused" : "\(name) was paused already")
        }
    }

    static func unpause(_ context: Context) throws(ClocheError) -> Int32 {
        let project = try context.project
        return try ForEach.name(names(context, project, .paused), context) { name throws(ClocheError) in
            let changed = try project.unpause(name)
            context.output.line(changed ? "\(name) goes on" : "\(name) was not paused")
        }
    }

    private static func names(_ context: Context, _ project: Project, _ state: AgentState) -> [String] {
        context.command.flag("all")
            ? project.agents().agents.filter { $0.state == state }.map(\.record.name) : context.command.rest
    }
}
