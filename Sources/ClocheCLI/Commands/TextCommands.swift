// completion, manual: texts made from the command tables.

internal import ClocheModel
internal import CommandSyntax

enum TextCommands {
    static func completion(_ context: Context) throws(ClocheError) -> Int32 {
        guard let shell = Shell(rawValue: context.command.required("shell")) else {
            throw ClocheError(.usage, "no completion for that shell", remedy: "bash, zsh or fish")
        }
        context.output.bytes(Array(ToolSpec.cloche.completionScript(for: shell).utf8))
        return ExitCode.success
    }

    static func manual(_ context: Context) throws(ClocheError) -> Int32 {
        let page = ManualPage(
            .cloche,
            version: ClocheCommandLine.version,
            date: "2026-11-21",
            exitStatuses: ExitCode.table
        )
        context.output.bytes(Array(page.roff.utf8))
        return ExitCode.success
    }
}
