// From the words of a command line to a command's function and an exit code. One function per command, in
// Commands/; the tables of the command line itself are in CommandSyntax.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import Gateway
internal import LinuxSystem
internal import SandboxRuntime
internal import TerminalText

/// What every command function gets.
struct Context {
    let command: ParsedCommand
    let output: Output
    let installation: Installation
    /// The directory that `-C` names, or the current one.
    let directory: String
    /// For the agent that is to be started.
    let supervisor: WaitingSupervisor?

    var project: Project {
        get throws(ClocheError) { try Project(at: directory, installation: installation) }
    }
}

/// The command line.
package enum ClocheCommandLine {
    /// The version, as `--version` prints it.
    package static let version = "0.1.0"

    /// What was begun before the command line was read.
    package struct Prepared {
        fileprivate var supervisor: WaitingSupervisor?
    }

    /// The first thing that the program does: what a sandbox will need for certain is begun.
    package static func prepare() -> Prepared {
        StandardStreams.open()
        if AgentClient.socketPath != nil { return Prepared() }
        guard CommandLine.argc > 1, let first = unsafe CommandLine.unsafeArgv[1] else { return Prepared() }
        let word = unsafe String(cString: first)
        guard ["run", "learn", "start", InternalCommands.ahead].contains(word),
            // What fails in these two fails again, and is told, when its result is needed.
            let installation = try? Installation()
        else {
            return Prepared()
        }
        if word == "start" {
            return Prepared(supervisor: try? WaitingSupervisor(installation, ownNetwork: true))  // as above
        }
        ChildAhead.clone(executable: installation.executable, isBusy: word == "run" || word == "learn")
        return Prepared()
    }

    /// Runs one command and returns its exit code.
    package static func run(_ words: [String], _ prepared: Prepared) -> Int32 {
        if let first = words.first, first == "internal" || first == InternalCommands.ahead {
            return InternalCommands.run(Array(words.dropFirst()))
        }
        if let socket = AgentClient.socketPath { return AgentClient.run(words, socket) }
        let words = words.isEmpty && DashboardCommand.opensByItself ? ["dashboard"] : words
        do throws(SyntaxError) {
            switch try CommandParser(.cloche).parse(words) {
            case .help(let path): return help(path)
            case .version: return printVersion()
            case .run(let command): return run(command, prepared)
            }
        } catch {
            let usage = error.usage.isEmpty ? "" : "\n  usage: \(error.usage)"
            Output(color: nil).report(
                ClocheError(.usage, error.what, why: error.why, remedy: error.remedy + usage),
                json: false
            )
            return ExitCode.usage
        }
    }

    private static func help(_ path: [String]) -> Int32 {
        let width = Terminal.size(1).map { min(Int($0.columns), 110) } ?? 80
        Output(color: nil).bytes(Array(HelpText(.cloche, width: max(width, 40)).text(for: path).utf8))
        return ExitCode.success
    }

    private static func printVersion() -> Int32 {
        Output(color: nil).line("cloche \(version)")
        return ExitCode.success
    }

    private static func run(_ command: ParsedCommand, _ prepared: Prepared) -> Int32 {
        let output = Output(color: command.value("color"))
        do throws(ClocheError) {
            guard let function = function(command.path) else {
                throw ClocheError(.usage, "\(command.path.joined(separator: " ")) is not there yet")
            }
            let directory = command.value("project") ?? "."
            let installation = try Installation()
            let code = try function(
                Context(
                    command: command,
                    output: output,
                    installation: installation,
                    directory: directory,
                    supervisor: prepared.supervisor
                )
            )
            if output.isReaderGone { return ExitCode.brokenPipe }
            if let problem = output.problem { throw problem }
            return code
        } catch {
            let declaresJSON = command.location.spec.options.contains { $0.name == "json" }
            output.report(placed(error, command), json: declaresJSON && command.flag("json"))
            return ExitCode.of(error)
        }
    }

    /// An agent that is not found because the command was typed in another directory than its own.
    private static func placed(_ error: ClocheError, _ command: ParsedCommand) -> ClocheError {
        guard error.code == .notFound, error.what.hasPrefix("no agent named "),
            // What fails here is not why the command failed.
            let installation = try? Installation(),
            // The same.
            let project = try? Project(at: command.value("project") ?? ".", installation: installation),
            project.isNowhere
        else { return error }
        return ClocheError(
            error.code,
            error.what,
            why: "\(visible(project.directory)) is in no git repository and no project",
            remedy:
                "go to the project of the agent, or name it: `cloche -C DIR \(command.path.joined(separator: " ")) ...`"
        )
    }

    typealias Function = @Sendable (Context) throws(ClocheError) -> Int32

    private static func function(_ path: [String]) -> Function? {
        switch (path.first ?? "", path.count > 1 ? path[1] : "") {
        case ("init", _): InitCommand.run
        case ("start", _): StartCommand.run
        case ("run", _): RunCommand.run
        case ("learn", _): LearnCommand.run
        case ("list", _): ListCommand.run
        case ("dashboard", _): DashboardCommand.run
        case ("attach", _): AttachCommand.run
        case ("look", _): LookCommand.run
        case ("windows", _): WindowsCommand.run
        case ("logs", _): LogsCommand.run
        case ("replay", _): ReplayCommand.run
        case ("exec", _): ExecCommand.run
        case ("stats", _): StatsCommand.run
        case ("top", _): TopCommand.run
        case ("cost", _): CostCommand.run
        case ("wait", _): WaitCommand.run
        case ("keys", _): KeysCommand.run
        case ("message", _): MessageCommand.run
        case ("inbox", _): InboxCommand.run
        case ("answer", _): AnswerQuestionCommand.run
        case ("label", _): LabelCommand.run
        case ("resize", _): ResizeCommand.run
        case ("requests", _): RequestsCommand.run
        case ("approve", _): AnswerCommand.approve
        case ("deny", _): AnswerCommand.deny
        case ("forward", _): ForwardCommand.run
        case ("ports", _): PortsCommand.run
        case ("why", _): WhyCommand.run
        case ("policy", "show"): PolicyCommand.show
        case ("policy", "set"): PolicyCommand.set
        case ("policy", "allow"): PolicyCommand.allow
        case ("policy", "deny"): PolicyCommand.deny
        case ("pause", _): PauseCommand.pause
        case ("unpause", _): PauseCommand.unpause
        case ("diff", _): DiffCommand.run
        case ("sync", _): SyncCommand.run
        case ("merge", _): MergeCommand.run
        case ("up", _): UpCommand.run
        case ("graph", _): GraphCommand.run
        case ("stop", _): StopCommand.run
        case ("resume", _): ResumeCommand.run
        case ("delete", _): DeleteCommand.run
        case ("snapshot", _): SnapshotCommand.run
        case ("rollback", _): RollbackCommand.run
        case ("fork", _): ForkCommand.run
        case ("explain", _): ExplainCommand.run
        case ("netcheck", _): NetcheckCommand.run
        case ("inspect", _): InspectCommand.run
        case ("audit", "report"): AuditReportCommand.run
        case ("audit", "verify"): AuditVerifyCommand.run
        case ("audit", "sign"): AuditSignCommand.run
        case ("audit", _): AuditCommand.run
        case ("doctor", _): DoctorCommand.run
        case ("path", _): PathCommand.run
        case ("completion", _): TextCommands.completion
        case ("manual", _): TextCommands.manual
        case ("share", let name): ShareCommand.function(name)
        case ("schedule", let name): ScheduleCommand.function(name)
        case ("credential", let name): CredentialCommand.function(name)
        case ("config", "show"): ConfigCommand.show
        case ("config", "path"): ConfigCommand.path
        case ("config", "trust"): ConfigCommand.trust
        case ("profile", "list"): ProfileCommand.list
        case ("profile", "show"): ProfileCommand.show
        case ("profile", "new"): NewProfileCommand.run
        case ("profile", "check"): CheckProfileCommand.run
        case ("profile", "schema"): ProfileCommand.schema
        case ("profile", "syscalls"): ProfileCommand.syscalls
        default: nil
        }
    }
}

/// What Cloche runs of itself; no person types these.
enum InternalCommands {
    /// In place of `internal`: the process will build a sandbox with a network of its own.
    static let ahead = "internal-ahead"

    static func run(_ words: [String]) -> Int32 {
        do {
            switch (words.first, words.count) {
            case ("supervise", 1): return SupervisorProcess.run()
            case ("gateway", 1): return GatewayProgram.run()
            case ("agent-request", 2): return AgentRequestProgram.run(words[1])
            case ("check", 4): return try CheckProgram.run(words[1], files: words[2], words[3])
            case ("post-messages", 3): return try PostMessages.run(words[1], words[2])
            case ("scheduled", 2): return try ScheduleCommand.due(words[1])
            case ("send-audit", 3): return try ExportFollower.run(words[1], to: words[2])
            case ("export", 2...):
                // git adds the path of the repository it believes to speak to.
                return try ExportProcess.run(words[1], installation: Installation())
            default: break
            }
            throw ClocheError(.usage, "not a command for people", remedy: "see `cloche help`")
        } catch {
            let failure = error as? ClocheError ?? ClocheError(.system, "\(error)")
            Output(color: "never").report(failure, json: false)
            return ExitCode.of(failure)
        }
    }
}
