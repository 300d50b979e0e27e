// dashboard: the agents of a project on the whole screen; also what `cloche` alone opens on a terminal.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import Supervision

enum DashboardCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let project = try context.project
        let rings = context.command.flag("bell")
        let isTerminal = Terminal.isTerminal(0) && Terminal.isTerminal(1)
        let isPlain = context.command.flag("plain") || (isTerminal && isDumb)
        guard isPlain || isTerminal else {
            throw ClocheError(
                .usage,
                "dashboard needs a terminal",
                why: "standard input or output is none",
                remedy:
                    "`cloche list` shows the agents once, `cloche dashboard --plain` each change as a line"
            )
        }
        do {
            if isPlain { return try PlainDashboard(project, rings: rings).run() }
            let style = StatsCommand.style(context.output)
            let session = try DashboardSession(
                project,
                DashboardLook(unicode: style.unicode, colours: style.colors),
                rings: rings,
                DashboardCommands(
                    executable: context.installation.executable,
                    project: project.directory
                )
            )
            return try session.run()
        } catch let error as ClocheError {
            throw error
        } catch { throw ClocheError(.system, "cannot show the agents", why: "\(error)") }
    }

    private static var isDumb: Bool { ProcessEnvironment.value("TERM") == "dumb" }

    /// Whether `cloche` without a word opens it: before a person, in a project that has agents.
    static var opensByItself: Bool {
        guard Terminal.isTerminal(0) && Terminal.isTerminal(1),
            // What is wrong is told by the command that a person then types.
            let installation = try? Installation(),
            // The same.
            let project = try? Project(at: ".", installation: installation)
        else { return false }
        return !project.agents().agents.isEmpty
    }
}
