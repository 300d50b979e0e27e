// From the words of a command line to a command's function and an exit code. One function per command, in
// Commands/; the tables of the command line itself are in CommandSyntax.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem

/// What every command function gets.
struct Context {
    let command: ParsedCommand
    let output: Output
    let installation: Installation
    /// The directory that `-C` names, or the current one.
    let directory: String

    var project: Project {
        get throws(ClocheError) { try Project(at: directory, installation: installation) }
    }
}

/// The command line.
package enum ClocheCommandLine {
    /// The version, as `--version` prints it.
    package static let version = "0.1.0"

    /// Runs one command and returns its exit code.
    package static func run(_ words: [String]) -> Int32 {
        if words.first == "internal" { return InternalCommands.run(Array(words.dropFirst())) }
        do throws(SyntaxError) {
            switch try CommandParser(.cloche).parse(words) {
            case .help(let path): return help(path)
            case .version: return printVersion()
            case .run(let command): return run(command)
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

    private static func run(_ command: ParsedCommand) -> Int32 {
        let output = Output(color: command.value("color"))
        do throws(ClocheError) {
            guard let function = functions[command.path.joined(separator: " ")] else {
                throw ClocheError(.usage, "\(command.path.joined(separator: " ")) is not there yet")
            }
            let directory = command.value("project") ?? "."
            let installation = try Installation()
            let code = try function(
                Context(command: command, output: output, installation: installation, directory: directory)
            )
            if output.isReaderGone { return ExitCode.brokenPipe }
            if let problem = output.problem { throw problem }
            return code
        } catch {
            let declaresJSON = command.location.spec.options.contains { $0.name == "json" }
            output.report(error, json: declaresJSON && command.flag("json"))
            return ExitCode.of(error)
        }
    }

    private typealias Function = @Sendable (Context) throws(ClocheError) -> Int32

    private static let functions: [String: Function] = [
        "init": InitCommand.run,
        "start": StartCommand.run,
        "run": RunCommand.run,
        "list": ListCommand.run,
        "attach": AttachCommand.run,
        "logs": LogsCommand.run,
        "exec": ExecCommand.run,
        "diff": DiffCommand.run,
        "sync": SyncCommand.run,
        "merge": MergeCommand.run,
        "stop": StopCommand.run,
        "resume": ResumeCommand.run,
        "delete": DeleteCommand.run,
        "explain": ExplainCommand.run,
        "audit": AuditCommand.run,
        "doctor": DoctorCommand.run,
        "path": PathCommand.run,
        "config show": ConfigCommand.show,
        "config path": ConfigCommand.path,
        "config trust": ConfigCommand.trust,
        "profile list": ProfileCommand.list,
        "profile show": ProfileCommand.show,
        "profile check": ProfileCommand.check,
        "profile schema": ProfileCommand.schema,
        "profile syscalls": ProfileCommand.syscalls,
        "completion": TextCommands.completion,
        "manual": TextCommands.manual,
    ]
}

/// What Cloche runs of itself; no person types these.
enum InternalCommands {
    static func run(_ words: [String]) -> Int32 {
        do {
            let installation = try Installation()
            switch (words.first, words.count) {
            case ("supervise", 4):
                guard let mode = StartMode(rawValue: words[2]), let number = CInt(words[3]),
                    let ready = FileDescriptor(inherited: number)
                else {
                    break
                }
                return SupervisorProcess.run(
                    words[1],
                    mode,
                    ready: ready,
                    installation: installation
                )
            case ("export", 2...):
                // git adds the path of the repository it believes to speak to.
                return try ExportProcess.run(words[1], installation: installation)
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
