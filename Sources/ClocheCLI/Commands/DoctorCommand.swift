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
        if context.command.flag("json") {
            context.output.json(.list(checks.map(\.document)))
            return missing ? ExitCode.negative : ExitCode.success
        }
        for check in checks { tell(check, context.output) }
        context.output.line(
            missing ? "something that Cloche needs is missing" : "this machine can run agents"
        )
        return missing ? ExitCode.negative : ExitCode.success
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
