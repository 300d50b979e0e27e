// learn: the smallest profile for a program, by watching it.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import Learning
internal import LinuxSystem

enum LearnCommand {
    /// How a run under a profile went.
    private struct Trial {
        let profile: String
        let exitCode: Int32
        /// What was refused, and was not while it was recorded.
        let refused: [String]

        /// The program's exit code; 1 if it ended well and something was refused.
        var code: Int32 {
            if exitCode != 0 { return exitCode }
            return refused.isEmpty ? ExitCode.success : ExitCode.negative
        }

        var document: Document {
            .object([
                "profile": .string(profile), "exit-code": .integer(Int64(exitCode)),
                "refused": .strings(refused),
            ])
        }
    }

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
            let trial = try check(name, nil, RunFacts(), options, context)
            if command.flag("json") { context.output.json(trial.document) }
            return trial.code
        }
        let project = try context.project
        try project.checkLearnedName(name, extending: options.profile)
        let isWritten = command.flag("save") || command.value("output") != nil
        // The command may take an hour, and its result would be lost.
        if isWritten {
            try project.checkPlace(of: name, at: command.value("output"), force: command.flag("force"))
        }
        // Standard output has what was learned.
        let run = try StandardStreams.aside { () throws(ClocheError) in
            try project.learn(name, options, in: context.directory, notice: context.output.note)
        }
        if !command.flag("json") { show(run.profile, isWritten: isWritten, context.output) }
        return try finish(run, isWritten: isWritten, options, context)
    }

    private static func show(_ profile: LearnedProfile, isWritten: Bool, _ output: Output) {
        output.note("compared with the profile \(profile.base):")
        for (mark, text, evidence) in profile.difference { output.note("\(mark) \(text)   \(evidence)") }
        if profile.difference.isEmpty { output.note("no difference: it needs all of it, or nothing else") }
        for one in profile.leftOut {
            output.note("not added: \(one.line.isEmpty ? "" : one.line + "   ")\(one.why)")
        }
        if !isWritten { output.bytes(Array(profile.yaml.utf8)) }
    }

    /// Writes and verifies what was learned, as far as that was asked for.
    private static func finish(
        _ run: ObservedRun,
        isWritten: Bool,
        _ options: RunOptions,
        _ context: Context
    ) throws(ClocheError) -> Int32 {
        let command = context.command
        var written: String?
        var trial: Trial?
        var failure: ClocheError?
        do throws(ClocheError) {
            if isWritten { written = try write(run.profile, context) }
            if run.facts.exitCode != 0 {
                context.output.note(
                    "the command ended with \(run.facts.exitCode): it may need more than was seen"
                )
            }
            if command.flag("verify") {
                trial = try check(run.profile.name, run.profile.yaml, run.facts, options, context)
            }
        } catch { failure = error }
        // What was learned is told whatever failed after it.
        if command.flag("json") {
            var document = run.profile.document
            document["exit-code"] = Document.integer(Int64(run.facts.exitCode))
            document["written"] = Document.optional(written)
            document["verified"] = trial.map { $0.document } ?? Document.null
            context.output.json(document)
        }
        if let failure { throw failure }
        if let trial, trial.code != 0 { return trial.code }
        return run.facts.exitCode
    }

    /// Writes a profile; one that cannot be written goes to standard output, so that nothing is lost.
    private static func write(_ profile: LearnedProfile, _ context: Context) throws(ClocheError) -> String {
        let command = context.command
        do throws(ClocheError) {
            let place = try context.project.save(
                profile,
                to: command.value("output"),
                force: command.flag("force")
            )
            context.output.note("written: \(place)")
            return place
        } catch {
            // The document has it, too.
            if !command.flag("json") { context.output.bytes(Array(profile.yaml.utf8)) }
            throw error
        }
    }

    /// Runs the command under a profile, and tells what is refused.
    private static func check(
        _ name: String,
        _ text: String?,
        _ recorded: RunFacts,
        _ options: RunOptions,
        _ context: Context
    ) throws(ClocheError) -> Trial {
        let output = context.output
        let project = try context.project
        let facts = try StandardStreams.aside { () throws(ClocheError) in
            try project.check(name, text: text, options, in: context.directory, notice: output.note)
        }
        let refusals = facts.refusals(beside: recorded)
        for one in refusals {
            output.note((one.isNew ? "refused: " : "refused, as when it was recorded: ") + one.text)
        }
        // Nobody looks at paths without a recording: that none is told does not mean that none was missed.
        output.note(
            "under \(name): ended with \(facts.exitCode), \(RunFacts.summary(of: refusals));"
                + " files that it missed or could not write are not looked at"
        )
        return Trial(
            profile: name,
            exitCode: facts.exitCode,
            refused: refusals.filter { $0.isNew }.map { $0.text }
        )
    }
}
