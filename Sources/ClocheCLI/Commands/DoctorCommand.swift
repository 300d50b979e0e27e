// doctor: every feature of kernel and host, tried, with a remedy for what is missing.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import SandboxRuntime
internal import TerminalText

enum DoctorCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let installation = context.installation
        let checks = HostProbe.run(
            executable: installation.executable,
            state: installation.stateDirectory,
            directory: context.directory
        )
        let missing = checks.contains { $0.status == .missing }
        let programs = try context.project.findPrograms()
        if context.command.flag("json") {
            context.output.json(.list(checks.map(\.document) + [document(programs)]))
            return missing ? ExitCode.negative : ExitCode.success
        }
        for check in checks { tell(check, context.output) }
        tell(programs, context.output)
        context.output.line(
            missing ? "something that Cloche needs is missing" : "this machine can run agents"
        )
        return missing ? ExitCode.negative : ExitCode.success
    }

    /// Agent programs as one more check: none is needed, since `shell` and `command` run anything.
    private static func document(_ programs: [FoundProgram]) -> Document {
        .object([
            "id": .string("agent-programs"), "title": .string("agent programs"),
            "status": .string(programs.contains(where: \.isInstalled) ? "ok" : "degraded"),
            "detail": .string(detail(programs)), "remedy": .string(remedy(programs)),
            "required-for": .string("the profiles named after them"),
            "programs": .list(programs.map(\.document)),
        ])
    }

    private static func detail(_ programs: [FoundProgram]) -> String {
        let found = programs.compactMap { program in program.place.map { "\(program.program) (\($0))" } }
        let missing = programs.filter { !$0.isInstalled }.map(\.program)
        return (found.isEmpty ? "none was found" : found.joined(separator: ", "))
            + (missing.isEmpty ? "" : "; not installed: \(missing.joined(separator: ", "))")
    }

    /// What to do about programs that are there and not brought in; how to install one when there is none.
    private static func remedy(_ programs: [FoundProgram]) -> String {
        let refused = programs.compactMap { program in
            program.refusal.map { "\(program.program) is not brought in: \($0)" }
        }
        let hints = programs.contains(where: \.isInstalled) ? [] : programs.map(\.install)
        return (refused + hints).joined(separator: "\n")
    }

    private static func tell(_ programs: [FoundProgram], _ output: Output) {
        let found = programs.contains(where: \.isInstalled)
        let mark = found ? output.styled("ok      ", .green) : output.styled("degraded", .yellow)
        output.line("\(mark)  agent programs: \(visible(detail(programs), limit: 4000))")
        for line in remedy(programs).split(separator: "\n") {
            output.line("          \(visible(String(line), limit: 1000))")
        }
    }

    private static func tell(_ check: HostCheck, _ output: Output) {
        let mark =
            switch check.status {
            case .ok: output.styled("ok      ", .green)
            case .degraded: output.styled("degraded", .yellow)
            case .missing: output.styled("missing ", .red)
            }
        output.line("\(mark)  \(check.title): \(visible(check.detail, limit: 1000))")
        if check.status == .ok { return }
        if !check.requiredFor.isEmpty { output.line("          needed for: \(check.requiredFor)") }
        for line in check.remedy.split(separator: "\n") {
            output.line("          \(visible(String(line), limit: 1000))")
        }
    }
}
