// attach, exec: the agent's terminal and what runs beside it.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import Supervision

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
