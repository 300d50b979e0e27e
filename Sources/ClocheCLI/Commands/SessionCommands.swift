// attach, exec: the agent's terminal and what runs beside it.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import Supervision
internal import TerminalText

enum AttachCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let place = try WindowPlace(command.required("name"))
        var request = AttachRequest(size: AttachSession.size, window: place.window)
        request.readOnly = command.flag("read-only")
        request.steals = command.flag("steal")
        request.linesAbove = command.number("lines") ?? 0
        return try attach(context, place.agent, request, showsHint: !command.flag("quiet"))
    }

    static func attach(
        _ context: Context,
        _ name: String,
        _ request: AttachRequest = AttachRequest(size: AttachSession.size),
        showsHint: Bool = true
    ) throws(ClocheError) -> Int32 {
        guard Terminal.isTerminal(0) && Terminal.isTerminal(1) else {
            throw ClocheError(
                .usage,
                "attach needs a terminal",
                why: "standard input or output is none",
                remedy:
                    "`cloche look \(name)` shows the screen, `cloche logs -f \(name)` the output without one"
            )
        }
        let project = try context.project
        let outcome = try project.attach(name, request) { key in
            showsHint ? hint(key, name, request) : ""
        }
        switch outcome {
        case .detached:
            let window = request.window == 0 ? "" : ":\(request.window)"
            context.output.note("detached; \(name)\(window) goes on")
        case .taken: context.output.note("another terminal has taken \(name) over; it goes on")
        case .exited(let code):
            context.output.note("the program of the window has ended with exit code \(code)")
            return code
        case .ended(let reason): context.output.note("\(name) has ended: \(reason)")
        case .lost:
            context.output.note("\(name) was lost: its supervisor died")
            return ExitCode.negative
        }
        return ExitCode.success
    }

    private static func hint(_ key: DetachKey, _ name: String, _ request: AttachRequest) -> String {
        let window = request.window == 0 ? "" : ":\(request.window)"
        let leaving = key == .none ? "no key detaches" : "\(key) detaches"
        return " cloche: \(visible(name))\(window)\(request.readOnly ? ", read-only" : "") | \(leaving) "
    }
}

/// An agent and one of its windows, as `fixer:2`.
struct WindowPlace {
    let agent: String
    let window: Int

    /// Reads `NAME` or `NAME:WINDOW`.
    init(_ text: String) throws(ClocheError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        agent = String(parts[0])
        guard parts.count == 2 else {
            window = 0
            return
        }
        guard let number = Int(parts[1]), number >= 0 else {
            throw ClocheError(
                .usage,
                "bad window \(visible(String(parts[1])))",
                why: "behind the colon stands a number",
                remedy: "`cloche windows \(visible(agent))` lists them"
            )
        }
        window = number
    }
}

enum WindowsCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let windows = try context.project.windows(context.command.required("name"))
        if context.command.flag("json") {
            context.output.json(.list(windows))
            return ExitCode.success
        }
        var rows: [[String]] = []
        for window in windows {
            let words = window["command"]?.stringList ?? []
            rows.append([
                "\(window["number"]?.integer ?? 0)",
                "\(window["columns"]?.integer ?? 0)x\(window["rows"]?.integer ?? 0)",
                "\(window["viewers"]?.integer ?? 0)", visible(words.joined(separator: " ")),
            ])
        }
        context.output.table(rows, header: ["WINDOW", "SIZE", "VIEWERS", "COMMAND"])
        return ExitCode.success
    }
}

enum LookCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let place = try WindowPlace(command.required("name"))
        let above = command.flag("scrollback") ? Int(Int32.max) : command.number("lines") ?? 0
        let report = try context.project.look(
            place.agent,
            LookRequest(window: place.window, linesAbove: above)
        )
        if command.flag("json") {
            context.output.json(report.document)
            return ExitCode.success
        }
        let still = Still(report: report, title: "\(command.required("name")), a screen of Cloche's")
        for form in [Still.Form.svg, .png] {
            guard let file = command.value(form.rawValue) else { continue }
            try still.write(form, to: file, context.output)
            return ExitCode.success
        }
        context.output.bytes(try still.bytes(command.flag("ansi") ? .ansi : .text))
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
