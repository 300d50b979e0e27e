// learn: the smallest profile for a program, by watching it.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import Learning
internal import LinuxSystem

enum LearnCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let name = command.required("name")
        var options = RunOptions(
            command: command.rest,
            profile: command.value("profile"),
            workspace: try StartCommand.workspace(
                command.value("workspace"),
                base: nil,
                standard: .directory(nil)
            ),
            variables: StartCommand.variables(command.values("env"))
        )
        guard !options.command.isEmpty else {
            throw ClocheError(
                .usage,
                "no command to learn from",
                remedy: "for example `cloche learn build -- make`"
            )
        }
        if command.flag("check") {
            options.profile = nil
            return try check(name, nil, RunFacts(), options, context)
        }
        let project = try context.project
        try project.checkLearnedName(name, extending: options.profile)
        // Standard output has what was learned.
        let run = try StandardStreams.aside { () throws(ClocheError) in
            try project.learn(name, options, in: context.directory, notice: context.output.note)
        }
        let isWritten = command.flag("save") || command.value("output") != nil
        try show(run, isWritten: isWritten, context)
        if isWritten {
            let place = try project.save(
                run.profile,
                to: command.value("output"),
                force: command.flag("force")
            )
            context.output.note("written: \(place)")
        }
        if run.facts.exitCode != 0 {
            context.output.note(
                "the command ended with \(run.facts.exitCode): it may need more than was seen"
            )
        }
        if command.flag("verify") {
            let code = try check(name, run.profile.yaml, run.facts, options, context)
            if code != 0 { return code }
        }
        return run.facts.exitCode
    }

    private static func show(_ run: ObservedRun, isWritten: Bool, _ context: Context) throws(ClocheError) {
        let output = context.output
        if context.command.flag("json") { return output.json(run.profile.document) }
        output.note("compared with the profile \(run.profile.base):")
        for (sign, text, evidence) in run.profile.difference {
            output.note("\(sign == .added ? "+" : "-") \(text)   \(evidence)")
        }
        if run.profile.difference.isEmpty {
            output.note("no difference: it needs all of it, or nothing else")
        }
        for one in run.profile.leftOut {
            output.note("not added: \(one.line.isEmpty ? "" : one.line + "   ")\(one.why)")
        }
        if !isWritten { output.bytes(Array(run.profile.yaml.utf8)) }
    }

    /// Runs the command under a profile; 1 if something was refused that was not refused while it was recorded.
    private static func check(
        _ name: String,
        _ text: String?,
        _ recorded: RunFacts,
        _ options: RunOptions,
        _ context: Context
    ) throws(ClocheError) -> Int32 {
        let output = context.output
        let project = try context.project
        let facts = try StandardStreams.aside { () throws(ClocheError) in
            try project.check(name, text: text, options, in: context.directory, notice: output.note)
        }
        let refusals = facts.refusals(beside: recorded)
        for one in refusals {
            output.note((one.isNew ? "refused: " : "refused, as when it was recorded: ") + one.text)
        }
        let count = refusals.filter(\.isNew).count
        output.note("under \(name): ended with \(facts.exitCode), \(count == 0 ? "no" : "\(count)") refusals")
        if context.command.flag("json"), text == nil {
            output.json(
                .object([
                    "profile": .string(name), "exit-code": .integer(Int64(facts.exitCode)),
                    "refused": .strings(refusals.filter(\.isNew).map(\.text)),
                ])
            )
        }
        if facts.exitCode != 0 { return facts.exitCode }
        return count == 0 ? 0 : 1
    }
}
