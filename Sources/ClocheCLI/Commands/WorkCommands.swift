// diff, sync, merge: taking over what an agent did.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import GitWorkspace
internal import LinuxSystem
internal import TerminalText

enum SyncCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let project = try context.project
        let names =
            command.flag("all")
            ? project.agents().agents.filter { $0.record.branch != nil }.map(\.record.name) : command.rest
        var results: [Document] = []
        let code = try ForEach.name(names, context) { name throws(ClocheError) in
            context.output.progress("fetching from \(name)")
            let result = try project.sync(name)
            if command.flag("json") {
                results.append(document(name, result))
            } else {
                let more = result.hasUncommittedChanges ? " and uncommitted changes" : ""
                context.output.line(
                    "\(name): \(count(result.commits, "commit"))\(more), branch cloche/\(name)"
                )
                tell(result, context)
            }
        }
        if command.flag("json") { context.output.json(.list(results)) }
        return code
    }

    static func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }

    static func tell(_ result: SyncResult, _ context: Context) {
        for notice in result.notices { context.output.note(notice.text) }
    }

    private static func document(_ name: String, _ result: SyncResult) -> Document {
        .object([
            "name": .string(name), "head": .string(result.head), "commits": .integer(Int64(result.commits)),
            "uncommitted": .bool(result.hasUncommittedChanges),
            "notices": .strings(result.notices.map(\.text)),
        ])
    }
}

enum DiffCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let output = context.output
        let toTerminal = Terminal.isTerminal(1) || command.flag("for-terminal")
        let width = Terminal.size(1).map { Int($0.columns) } ?? 80
        let form: DiffForm =
            command.flag("stat")
            ? .stat(width: width)
            : command.flag("name-only") || command.flag("json") ? .names : .patch(binary: !toTerminal)
        output.progress("fetching from \(command.required("name"))")
        let (diff, synced) = try context.project.diff(command.required("name"), form)
        if command.flag("json") {
            output.json(document(diff, synced))
            return ExitCode.success
        }
        if command.flag("name-only") {
            for name in names(diff.output) { output.line(toTerminal ? visible(name, limit: 4096) : name) }
        } else if toTerminal {
            output.bytes(Array(DiffText.forTerminal(diff.output, colored: output.usesColors).utf8))
        } else {
            output.bytes(diff.output)
        }
        SyncCommand.tell(synced, context)
        for warning in diff.warnings { output.note("look at " + warning.text) }
        return ExitCode.success
    }

    /// The names of a listing whose lines are a letter, a tab and a name; a renamed file has its old name
    /// before.
    private static func names(_ output: [UInt8]) -> [String] {
        String(decoding: output, as: UTF8.self).split(separator: "\n").map { line in
            String(line.split(separator: "\t").last ?? line)
        }
    }

    /// The paths of protected names among what changed.
    static func protected(_ warnings: [DiffWarning]) -> Document {
        .strings(warnings.filter(\.isProtected).map(\.path))
    }

    private static func document(_ diff: AgentDiff, _ synced: SyncResult) -> Document {
        let lines = String(decoding: diff.output, as: UTF8.self).split(separator: "\n").map(String.init)
        return .object([
            "base": .string(diff.base), "head": .string(synced.head),
            "commits": .integer(Int64(synced.commits)),
            "uncommitted": .bool(synced.hasUncommittedChanges),
            "changed-files": .integer(Int64(diff.changedFiles)), "files": .strings(lines),
            "warnings": .strings(diff.warnings.map(\.text)), "protected": protected(diff.warnings),
            "notices": .strings(synced.notices.map(\.text)),
        ])
    }
}
