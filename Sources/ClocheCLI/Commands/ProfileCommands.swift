// profile new, profile check: a profile made by questions, and tried.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import ProfileLoading
internal import Supervision

enum NewProfileCommand {
    /// What is asked: the option that answers it, the key of `harness` that it is for, and the question.
    private static let questions: [(option: String, key: String, isWords: Bool, text: String)] = [
        ("program", "command", true, "Program and the arguments that it always gets"),
        ("task-args", "task", true, "Arguments for a task, with {task} in its place"),
        ("resume-args", "resume", true, "Arguments to go on with the last conversation"),
        ("resume-task-args", "resume-task", true, "The same with a new task, with {task} in its place"),
        ("model-args", "model", true, "Arguments for a model, with {model} in its place"),
        ("check", "check", true, "A command that ends well if the program works, such as PROGRAM --version"),
        (
            "instructions-file", "instructions.file", false,
            "File below the home in which it reads instructions"
        ),
        ("skills-dir", "skills", false, "Directory below the home in which it looks for skills"),
        ("mcp-file", "mcp.file", false, "File below the home with its MCP servers, as JSON"),
        ("mcp-key", "mcp.key", false, "The key in that file under which they stand"),
        ("install", "install", false, "How to install it, in one sentence"),
    ]

    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let project = try context.project
        var profile = NewProfile(name: command.required("name"))
        try project.refuseTaken(profile.name)
        let asks =
            Terminal.isTerminal(0) && Terminal.isTerminal(1) && !command.flag("no-questions")
            && !command.flag("json")
        if let base = command.value("extends") { profile.base = base }
        profile.description = try answer(command.value("description"), asks, "What it is, in one line") ?? ""
        for (option, key, isWords, text) in questions {
            let answer = try answer(command.value(option), asks, text) ?? ""
            if isWords {
                profile.words.append((key, NewProfile.words(answer)))
            } else {
                profile.texts.append((key, answer))
            }
        }
        profile.variables = command.values("env")
        if profile.variables.isEmpty, asks {
            profile.variables = NewProfile.words(try ask("Variables with a key for its service"))
        }
        profile.hosts = command.values("network")
        if profile.hosts.isEmpty, asks {
            profile.hosts = NewProfile.words(try ask("Hosts that it must reach, or bundles such as github"))
        }
        guard profile.words.contains(where: { $0.key == "command" && !$0.words.isEmpty }) else {
            throw ClocheError(
                .usage,
                "which program is profile \(profile.name) for?",
                why: "no --program was given",
                remedy: "for example --program \"crab --yes\"; on a terminal, it is asked for"
            )
        }
        let path = try project.make(profile)
        if command.flag("json") {
            context.output.json(.object(["profile": .string(profile.name), "file": .string(path)]))
        } else {
            context.output.line("wrote \(path)")
            context.output.line("next: cloche profile check \(profile.name)")
        }
        return ExitCode.success
    }

    private static func answer(_ given: String?, _ asks: Bool, _ question: String) throws(ClocheError)
        -> String?
    {
        if given != nil || !asks { return given }
        return try ask(question)
    }

    private static func ask(_ question: String) throws(ClocheError) -> String {
        UserOutput.write(Array("\(question): ".utf8), to: 1)
        guard let line = readLine(strippingNewline: true) else {
            throw ClocheError(
                .usage,
                "no profile was made",
                why: "the input ended",
                remedy: "answer, or use options"
            )
        }
        return line
    }
}

enum CheckProfileCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let project = try context.project
        let words = context.command.rest
        let names = words.filter { !isFile($0) }
        if words.isEmpty || names.isEmpty { return files(words, project, context) }
        guard names.count == words.count else {
            throw ClocheError(
                .usage,
                "files and profiles cannot be checked together",
                why: "\(names[0]) is the name of a profile",
                remedy: "give a file with a slash: ./\(names[0])"
            )
        }
        return try profiles(names, project, context)
    }

    private static func isFile(_ word: String) -> Bool { word.contains("/") || word.hasSuffix(".yaml") }

    /// What is wrong with files, nothing being started.
    private static func files(_ files: [String], _ project: Project, _ context: Context) -> Int32 {
        var problems: [String] = []
        if files.isEmpty { problems = project.profiles.check() }
        for file in files {
            do throws(ClocheError) {
                _ = try project.profiles.load(name: file.contains("/") ? file : "./" + file)
            } catch { problems.append(error.description) }
        }
        if context.command.flag("json") {
            context.output.json(
                .object(["ok": .bool(problems.isEmpty), "problems": .strings(problems.map(Output.safe))])
            )
        } else {
            for problem in problems { context.output.line(Output.safe(problem)) }
            if problems.isEmpty { context.output.line("no mistakes found") }
        }
        return problems.isEmpty ? ExitCode.success : ExitCode.negative
    }

    private static func profiles(_ names: [String], _ project: Project, _ context: Context)
        throws(ClocheError) -> Int32
    {
        let command = context.command
        let isJSON = command.flag("json")
        var results: [Document] = []
        var isGood = true
        for name in names {
            var findings: [Document] = []
            if names.count > 1 && !isJSON { context.output.line("\(name):") }
            let passed = project.tryProfile(
                name,
                task: command.value("task"),
                seconds: command.number("timeout") ?? 60
            ) { finding in
                if isJSON { findings.append(document(finding)) } else { tell(finding, context.output) }
            }
            isGood = isGood && passed
            results.append(
                .object(["profile": .string(name), "ok": .bool(passed), "findings": .list(findings)])
            )
        }
        if isJSON { context.output.json(.list(results)) }
        return isGood ? ExitCode.success : ExitCode.negative
    }

    private static func document(_ finding: ProfileFinding) -> Document {
        .object([
            "subject": .string(finding.subject), "outcome": .string(finding.outcome.rawValue),
            "detail": .string(finding.detail), "remedy": .string(finding.remedy),
        ])
    }

    private static func tell(_ finding: ProfileFinding, _ output: Output) {
        let mark =
            switch finding.outcome {
            case .ok: output.styled("ok    ", .green)
            case .note: output.styled("note  ", .yellow)
            case .failed: output.styled("failed", .red)
            }
        output.line("\(mark)  \(finding.subject): \(finding.detail)")
        if finding.outcome != .ok && !finding.remedy.isEmpty { output.line("        \(finding.remedy)") }
    }
}
