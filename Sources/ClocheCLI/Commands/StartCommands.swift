// start, run, resume: what makes a sandbox.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import ProfileLoading
internal import StructuredText

enum StartCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let project = try context.project
        var options = try options(command)
        options.supervisor = context.supervisor
        let agent = try project.start(options, progress: context.output.progress)
        if command.flag("attach") {
            return try AttachCommand.attach(context, agent.record.name)
        }
        try announce(agent, context, quiet: command.flag("quiet"))
        return ExitCode.success
    }

    /// What the agent is to be.
    static func options(_ command: ParsedCommand) throws(ClocheError) -> StartOptions {
        var options = StartOptions(name: command.required("name"), task: command.argument("task") ?? "")
        options.profile = command.value("profile")
        options.overrides = try overrides(command) + ShareCommand.overrides(command.values("share"))
        options.workspace = try workspace(
            command.value("workspace"),
            base: command.value("base"),
            standard: .worktree(base: nil)
        )
        options.readOnly = command.flag("read-only-workspace")
        options.variables = variables(command.values("env"))
        options.labels = try AgentLabel.changed([], by: command.values("label"))
        return options
    }

    /// What is set on top of the profile; `--model` is one of its keys, whose value is no YAML.
    static func overrides(_ command: ParsedCommand) -> [String] {
        let model = command.value("model").map { "model=" + JSONText.serialize(.string($0)) }
        return command.values("set") + (model.map { [$0] } ?? [])
    }

    static func announce(_ agent: AgentInfo, _ context: Context, quiet: Bool) throws(ClocheError) {
        let output = context.output
        if context.command.path == ["start"], context.command.flag("json") {
            return output.json(ListCommand.document(agent))
        }
        if quiet { return output.line(agent.record.name) }
        output.line(
            "\(output.styled(agent.record.name, .bold)) is \(agent.state.rawValue), with profile \(agent.record.profile)"
        )
        if let branch = agent.record.branch { output.line("  branch     \(branch)") }
        output.line("  workspace  \(agent.record.workspacePath)")
        switch agent.record.networkMode {
        case .none:
            if agent.record.effective["network"]?["allow"]?.list?.isEmpty == false {
                output.line(output.styled("  network    none: rules hold with network.mode: allow", .yellow))
            }
        case .allow, .open:
            output.line("  network    \(StoredProfile.networkSummary(agent.record.effective))")
        case .host: output.line(output.styled("  network    the host's, unfiltered", .yellow))
        }
        for line in limitNotes(agent.record) { output.line(output.styled("  limits     " + line, .yellow)) }
        output.line("  attach     cloche attach \(agent.record.name)   (ctrl-] then d detaches)")
    }

    /// What of its limits a person would expect to be held better.
    private static func limitNotes(_ record: AgentRecord) -> [String] {
        var notes: [String] = []
        if record.limits(heldBy: .supervisor).contains(LimitName.memory.rawValue) {
            notes.append(
                "memory is measured, and the agent ended when it uses more: it has no cgroup that holds it"
            )
        }
        let loose = record.limits(heldBy: .nobody)
        if !loose.isEmpty {
            notes.append("held by nobody here: \(loose.joined(separator: ", ")); see `cloche doctor`")
        }
        return notes
    }

    /// `worktree`, `dir`, `dir:PATH`, `none`.
    static func workspace(_ text: String?, base: String?, standard: WorkspaceChoice) throws(ClocheError)
        -> WorkspaceChoice
    {
        let choice: WorkspaceChoice
        switch text {
        case nil:
            if let base { choice = .worktree(base: base) } else { choice = standard }
        case "worktree"?: choice = .worktree(base: base)
        case "dir"?: choice = .directory(nil)
        case "none"?: choice = .empty
        case let other?:
            guard other.hasPrefix("dir:"), other.utf8.count > 4 else {
                throw ClocheError(
                    .usage,
                    "bad workspace \(other.debugDescription)",
                    why: "it is worktree, dir, dir:PATH or none",
                    remedy: "for example --workspace dir:/srv/data"
                )
            }
            choice = .directory(String(other.dropFirst(4)))
        }
        if let base, case .worktree = choice {
            _ = base
        } else if base != nil {
            throw ClocheError(
                .usage,
                "--base is for a worktree",
                remedy: "leave one of --base and --workspace out"
            )
        }
        return choice
    }

    /// `NAME=value`, or `NAME` to pass this shell's on.
    static func variables(_ words: [String]) -> [Document.Entry] {
        words.map { word in
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
                String.init
            )
            return Document.Entry(parts[0], parts.count == 2 ? .string(parts[1]) : .null)
        }
    }
}

enum RunCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let options = RunOptions(
            command: command.rest,
            profile: command.value("profile"),
            overrides: try StartCommand.overrides(command) + ShareCommand.overrides(command.values("share")),
            workspace: try StartCommand.workspace(
                command.value("workspace"),
                base: nil,
                standard: .directory(nil)
            ),
            readOnly: command.flag("read-only-workspace"),
            variables: StartCommand.variables(command.values("env"))
        )
        return try context.project.run(options, in: context.directory, notice: context.output.note)
    }
}

enum ResumeCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let agent = try context.project.resume(
            command.required("name"),
            task: command.argument("task") ?? "",
            overrides: StartCommand.overrides(command)
        )
        if command.flag("attach") {
            return try AttachCommand.attach(context, agent.record.name)
        }
        try StartCommand.announce(agent, context, quiet: false)
        return ExitCode.success
    }
}
