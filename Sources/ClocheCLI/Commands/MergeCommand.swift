// merge: the work of one agent, or of several, into a branch.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import GitWorkspace
internal import LinuxSystem
internal import TerminalText

enum MergeCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let output = context.output
        if command.flag("undo") { return try undo(context) }
        let names = try names(context)
        if names.count != 1 || command.flag("all") || isOfSeveral(command) {
            return try several(names, context)
        }
        let name = names[0]
        let dryRun = command.flag("dry-run")
        output.progress("fetching from \(name)")
        let (merge, warnings, synced) = try context.project.merge(
            name,
            message: command.value("message"),
            dryRun: dryRun,
            progress: output.progress
        )
        if command.flag("json") {
            output.json(document(name, merge, warnings, synced))
            return ExitCode.success
        }
        if let commit = merge.commit {
            let files = SyncCommand.count(merge.changedFiles, "file")
            let extra = merge.includesUncommitted ? ", uncommitted changes included" : ""
            if dryRun {
                output.line("\(name) merges cleanly into \(merge.branch): \(files) would change\(extra)")
                return ExitCode.success
            }
            output.line("merged \(name) into \(merge.branch): \(files) changed\(extra)")
            output.line(
                "  commit  \(commit.prefix(12))    undo  cloche merge --undo"
            )
        } else {
            output.line("\(merge.branch) has everything of \(name) already")
        }
        SyncCommand.tell(synced, context)
        for warning in warnings { output.note("look at " + warning.text) }
        for file in merge.unfilteredFiles {
            output.note(
                "\(visible(file)) is there as committed: no filter ran; `git lfs pull` or the like completes it"
            )
        }
        return ExitCode.success
    }

    private static func document(
        _ name: String,
        _ merge: MergeResult,
        _ warnings: [DiffWarning],
        _ synced: SyncResult
    ) -> Document {
        .object([
            "name": .string(name), "commit": .optional(merge.commit), "into": .string(merge.branch),
            "previous": .string(merge.previous), "changed-files": .integer(Int64(merge.changedFiles)),
            "uncommitted": .bool(merge.includesUncommitted), "warnings": .strings(warnings.map(\.text)),
            "protected": DiffCommand.protected(warnings),
            "notices": .strings(synced.notices.map(\.text)),
            "unfiltered-files": .strings(merge.unfilteredFiles),
        ])
    }

    // MARK: several agents

    /// Whether one agent, too, is merged the way several are.
    private static func isOfSeveral(_ command: ParsedCommand) -> Bool {
        ["into", "strategy", "check", "resolve-with", "timeout"].contains { command.value($0) != nil }
            || command.flag("keep-going")
    }

    private static func names(_ context: Context) throws(ClocheError) -> [String] {
        let command = context.command
        guard command.flag("all") else {
            if !command.rest.isEmpty { return command.rest }
            throw ClocheError(
                .usage,
                "merge needs the names of agents",
                remedy: "name them in the order in which they are to be merged, or say --all"
            )
        }
        guard command.rest.isEmpty else {
            throw ClocheError(.usage, "--all and names exclude each other", remedy: "say one of both")
        }
        let names = try context.project.agents().agents.map(\.record)
            .filter { $0.branch != nil && !$0.resolvesConflict }.map(\.name)
        if names.isEmpty { throw ClocheError(.notFound, "no agent has a branch to merge") }
        return names
    }

    private static func several(_ names: [String], _ context: Context) throws(ClocheError) -> Int32 {
        let (command, output) = (context.command, context.output)
        var options = MergeOptions(names)
        if let branch = command.value("into") { options.destination = .branch(branch) }
        options.strategy = command.value("strategy").flatMap(MergeStrategy.init(rawValue:)) ?? .sequential
        options.message = command.value("message")
        if options.message != nil, options.strategy == .sequential, names.count > 1 {
            throw ClocheError(
                .usage,
                "--message is of one merge commit",
                why: "one after the other, each agent has its own",
                remedy: "add --strategy octopus"
            )
        }
        options.leavesOut = command.flag("keep-going")
        options.check = command.value("check")
        if let name = command.value("check-profile") { options.checkProfile = .named(name) }
        options.resolveProfile = command.value("resolve-with")
        if let time = command.value("timeout") {
            guard options.resolveProfile != nil else {
                throw ClocheError(
                    .usage,
                    "--timeout is of a resolving agent",
                    remedy: "add --resolve-with PROFILE"
                )
            }
            options.resolveSettings = ["limits.wall-clock=\(time)"]
        }
        options.dryRun = command.flag("dry-run")
        let outcome = try context.project.merge(options, progress: output.progress)
        let leftOut = outcome.merge.parts.contains { if case .conflict = $0.outcome { true } else { false } }
        if command.flag("json") {
            output.json(document(outcome, options))
        } else {
            show(outcome, options, context)
        }
        return leftOut ? ExitCode.negative : ExitCode.success
    }

    private static func show(_ outcome: MergeOutcome, _ options: MergeOptions, _ context: Context) {
        let (merge, output) = (outcome.merge, context.output)
        let branch = visible(merge.branchName)
        let merged = merge.merged.joined(separator: ", ")
        let files = SyncCommand.count(merge.changedFiles, "file")
        if merge.isEmpty {
            output.line("\(branch) has nothing new to take")
        } else if options.dryRun {
            output.line("\(merged) would merge cleanly into \(branch): \(files) would change")
        } else {
            output.line("merged \(merged) into \(branch): \(files) changed")
        }
        let width = merge.parts.map(\.agent.count).max() ?? 0
        for part in merge.parts {
            let name = AuditText.padded(part.agent, width)
            output.line("  \(name)  \(text(part))")
        }
        if !merge.isEmpty, !options.dryRun {
            output.line("  commit  \(merge.result.prefix(12))    undo  cloche merge --undo")
        }
        for (_, synced) in outcome.synced { SyncCommand.tell(synced, context) }
        for (agent, warning) in outcome.warnings { output.note("look at \(warning.text) (\(agent))") }
    }

    private static func text(_ part: MergePart) -> String {
        let files = SyncCommand.count(part.changedFiles, "file")
        switch part.outcome {
        case .merged:
            let extra = part.includesUncommitted ? ", uncommitted changes included" : ""
            return files + extra + (part.resolvedBy.map { ", its conflicts resolved by \($0)" } ?? "")
        case .nothing: return "nothing new"
        case .conflict(let conflicts):
            let shown = conflicts.prefix(20).map { file in
                "\n      \(visible(file.path)), as \(file.others.map { visible($0) }.joined(separator: ", ")) did"
            }
            let more = conflicts.count > 20 ? "\n      and \(conflicts.count - 20) more" : ""
            return "left out: it changed the same places of" + shown.joined() + more
        }
    }

    private static func document(_ outcome: MergeOutcome, _ options: MergeOptions) -> Document {
        let merge = outcome.merge
        return .object([
            "commit": .optional(merge.isEmpty ? nil : merge.result), "into": .string(merge.branchName),
            "previous": .optional(merge.previous), "changed-files": .integer(Int64(merge.changedFiles)),
            "check": .optional(options.check), "dry-run": .bool(options.dryRun),
            "agents": .list(
                merge.parts.map { part in
                    let warnings = outcome.warnings.filter { $0.agent == part.agent }.map(\.warning)
                    let synced = outcome.synced.filter { $0.agent == part.agent }.map(\.result)
                    return .map(
                        facts(part) + [
                            Document.Entry("warnings", .strings(warnings.map(\.text))),
                            Document.Entry("protected", DiffCommand.protected(warnings)),
                            Document.Entry("notices", .strings(synced.flatMap(\.notices).map(\.text))),
                        ]
                    )
                }
            ),
        ])
    }

    private static func facts(_ part: MergePart) -> [Document.Entry] {
        var conflicts: [ConflictingFile] = []
        var outcome = "merged"
        switch part.outcome {
        case .merged: break
        case .nothing: outcome = "nothing"
        case .conflict(let files): (outcome, conflicts) = ("conflict", files)
        }
        let files = conflicts.map { file in
            Document.object(["path": .string(file.path), "others": .strings(file.others)])
        }
        return [
            Document.Entry("name", .string(part.agent)), Document.Entry("outcome", .string(outcome)),
            Document.Entry("offered", .string(part.offered)),
            Document.Entry("changed-files", .integer(Int64(part.changedFiles))),
            Document.Entry("uncommitted", .bool(part.includesUncommitted)),
            Document.Entry("conflicts", .list(files)),
            Document.Entry("resolved-by", .optional(part.resolvedBy)),
        ]
    }

    private static func undo(_ context: Context) throws(ClocheError) -> Int32 {
        guard context.command.rest.isEmpty else {
            throw ClocheError(.usage, "--undo takes back the last merge", remedy: "say it without names")
        }
        let undone = try context.project.undoMerge(progress: context.output.progress)
        if context.command.flag("json") {
            context.output.json(
                .object([
                    "branch": .string(undone.branch), "merge": .string(undone.merge),
                    "previous": .optional(undone.previous),
                ])
            )
            return ExitCode.success
        }
        let branch = visible(undone.branch)
        guard let previous = undone.previous else {
            context.output.line(
                "removed \(branch), which the merge had made; it was at \(undone.merge.prefix(12))"
            )
            return ExitCode.success
        }
        context.output.line(
            "\(branch) is at \(previous.prefix(12)) again; the merge was \(undone.merge.prefix(12))"
        )
        return ExitCode.success
    }
}
