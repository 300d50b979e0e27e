// init, explain, config, profile: what holds here and why.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import ProfileLoading
internal import StructuredText
internal import SyscallFilter
internal import TerminalText

enum InitCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let project = try context.project
        let found = project.findPrograms()
        let best = found.first { $0.isInstalled && $0.credential != nil } ?? found.first { $0.isInstalled }
        let profile = best?.profile ?? ProfileLoader.standardProfile
        let path = try project.writeConfiguration(profile: profile, force: context.command.flag("force"))
        if context.command.flag("json") {
            context.output.json(
                .object([
                    "file": .string(path), "profile": .string(profile),
                    "programs": .list(
                        found.map(\.document)
                    ),
                ])
            )
            return ExitCode.success
        }
        tell(found, path, profile, context.output)
        return ExitCode.success
    }

    private static func tell(_ found: [FoundProgram], _ path: String, _ profile: String, _ output: Output) {
        output.line("wrote \(path); default profile: \(output.styled(profile, .bold))")
        let installed = found.filter(\.isInstalled)
        for program in installed {
            let credential = program.credential.map { "key: \($0)" } ?? "no key found"
            let place = visible(program.place ?? "")
            output.line(
                "  found    \(program.program)  (\(place), profile \(program.profile), \(credential))"
            )
        }
        for program in found where !program.isInstalled {
            let refusal = program.refusal.map { "  (not brought in: \(visible($0)))" } ?? ""
            output.line("  missing  \(program.program)\(refusal)")
        }
        if installed.isEmpty {
            output.line("no agent program is installed; the profile `shell` runs command lines")
            if let first = found.first { output.line("  \(first.install)") }
        }
        output.line("next: cloche start NAME \"\(installed.isEmpty ? "COMMAND LINE" : "TASK")\"")
    }
}

extension FoundProgram {
    /// The program as `init --json` and `doctor --json` print it.
    var document: Document {
        .object([
            "profile": .string(profile), "program": .string(program), "installed": .bool(isInstalled),
            "place": .optional(place), "refusal": .optional(refusal), "credential": .optional(credential),
            "install": .string(install),
        ])
    }
}

enum ExplainCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let project = try context.project
        guard let name = command.argument("name") else {
            let profile = try project.effectiveProfile(command.value("profile"))
            let plan = command.flag("plan") ? try project.plan(of: profile.policy) : nil
            print(profile.explainRows.map { ($0.key, $0.value, $0.origin) }, profile.document, plan, context)
            return ExitCode.success
        }
        let document = StoredProfile.withoutPlaces(try project.policy(ofAgent: name).document)
        let plan = command.flag("plan") ? try project.plan(ofAgent: name) : nil
        // Origins are told where the configuration still gives what the agent was made with.
        let agent = try project.agent(name)
        // A profile that is broken or gone by now gives something else, too.
        let now = try? project.effectiveProfile(agent.record.profile)
        let isSame = now.map { StoredProfile.withoutPlaces($0.document) } == document
        let rows = isSame ? now?.explainRows.map { ($0.key, $0.value, $0.origin) } : nil
        if rows == nil && !command.flag("json") {
            context.output.note(
                "\(name) has the profile it was made with; with --set or changed files, origins are not known"
            )
        }
        let unplaced = document.leaves.map { ($0.path, Document.inline($0.value), "") }
        print(rows ?? unplaced, document, plan, context)
        return ExitCode.success
    }

    private static func print(
        _ rows: [(String, String, String)],
        _ document: Document,
        _ plan: SandboxPlan?,
        _ context: Context
    ) {
        if context.command.flag("json") {
            var result = Document.object([
                "effective": document,
                "rows": .list(
                    rows.map {
                        .object(["key": .string($0.0), "value": .string($0.1), "origin": .string($0.2)])
                    }
                ),
            ])
            if let plan { result["plan"] = plan.document }
            return context.output.json(result)
        }
        for (key, value, origin) in rows {
            let from =
                origin.isEmpty ? "" : context.output.styled("  # \(visible(origin, limit: 300))", .faint)
            context.output.line("\(key): \(visible(value, limit: 2000))\(from)")
        }
        guard let plan else { return }
        context.output.line("\nnamespaces: \(plan.namespaces.joined(separator: " "))")
        let id = plan.identity
        context.output.line("identity: user \(id.user) inside is \(id.hostUser) on the host")
        for line in plan.lines { context.output.line(visible(line, limit: 2000)) }
    }
}

enum ConfigCommand {
    static func show(_ context: Context) throws(ClocheError) -> Int32 {
        let project = try context.project
        let profile = try project.effectiveProfile(nil)
        let places: KeyValuePairs<String, Document> = [
            "project": .string(project.directory),
            "profile": .string(profile.name),
            "state": .string(project.installation.stateDirectory),
            "config": .string(project.installation.configDirectory),
            "cache": .string(project.installation.cacheDirectory),
        ]
        if context.command.flag("json") {
            var document = Document.object(places)
            document["effective"] = profile.document
            context.output.json(document)
            return ExitCode.success
        }
        for (key, value) in places { context.output.line("\(key): \(value.string ?? "")") }
        context.output.line("\n" + context.output.styled("default profile \(profile.name):", .bold))
        for row in profile.explainRows {
            let from = context.output.styled("  # \(visible(row.origin, limit: 300))", .faint)
            context.output.line("  \(row.key): \(visible(row.value, limit: 2000))\(from)")
        }
        return ExitCode.success
    }

    static func path(_ context: Context) throws(ClocheError) -> Int32 {
        let project = try context.project
        let user = project.installation.configDirectory
        for file in [
            user + "/config.yaml", user + "/profiles/", project.directory + "/.cloche/config.yaml",
            project.directory + "/.cloche/profiles/",
        ] {
            context.output.line(file + (Files.exists(file) ? "" : "  (absent)"))
        }
        for file in project.profiles.projectFiles() where !file.isTrusted {
            context.output.note(
                "\(file.path) is not trusted: it may narrow, not widen; `cloche config trust`"
            )
        }
        return ExitCode.success
    }

    static func trust(_ context: Context) throws(ClocheError) -> Int32 {
        let files = try context.project.profiles.trustProject()
        for file in files { context.output.line("trusted as it is now: \(file)") }
        if files.isEmpty { context.output.line("nothing to trust that was not trusted already") }
        return ExitCode.success
    }
}

enum ProfileCommand {
    static func list(_ context: Context) throws(ClocheError) -> Int32 {
        let profiles = try context.project.profiles
        let names = profiles.names()
        let bundles = Set(profiles.bundleNames())
        if context.command.flag("names") {
            for profile in names { context.output.line(profile.name) }
        } else if context.command.flag("json") {
            context.output.json(
                .list(
                    names.map { profile in
                        .object([
                            "name": .string(profile.name), "layers": .strings(profile.layers.map(\.rawValue)),
                            "bundle": .bool(bundles.contains(profile.name)),
                            "description": .string(profile.description),
                        ])
                    }
                )
            )
        } else {
            let standard = profiles.defaultName()
            let rows = names.map { profile in
                [
                    profile.name + (profile.name == standard ? " *" : ""),
                    profile.layers.map(\.rawValue).joined(separator: "+"),
                    visible(profile.description, limit: 100),
                ]
            }
            context.output.table(rows, header: ["PROFILE", "FROM", "DESCRIPTION"])
        }
        return ExitCode.success
    }

    static func show(_ context: Context) throws(ClocheError) -> Int32 {
        let profile = try context.project.effectiveProfile(context.command.required("profile"))
        if context.command.flag("json") {
            context.output.json(profile.document)
            return ExitCode.success
        }
        context.output.line("# \(profile.chain.joined(separator: " < "))")
        for row in profile.explainRows {
            context.output.line("\(row.key): \(visible(row.value, limit: 4000))")
        }
        return ExitCode.success
    }

    static func schema(_ context: Context) throws(ClocheError) -> Int32 {
        context.output.json(ProfileSchema.profileSchema())
        return ExitCode.success
    }

    static func syscalls(_ context: Context) throws(ClocheError) -> Int32 {
        let project = try context.project
        let policy = try project.effectiveProfile(context.command.argument("profile")).policy
        let rows = try project.syscallTable(policy)
        if context.command.flag("json") {
            context.output.json(.object(["calls": .list(rows.map(document)), "others": .string("ENOSYS")]))
            return ExitCode.success
        }
        context.output.table(rows.flatMap(lines), header: ["NUMBER", "CALL", "GROUP", "ANSWER"])
        context.output.note(
            "every other number is answered with ENOSYS; a call of another architecture, or of x32, kills the process"
        )
        return ExitCode.success
    }

    private static func document(_ row: SyscallRow) -> Document {
        var result = Document.object(["number": .integer(Int64(row.number)), "name": .string(row.name)])
        switch row.verdict {
        case .allow: result["answer"] = .string("allow")
        case .refuse(let answer): result["answer"] = .string(answer)
        case .allowWhen(let cases, let otherwise):
            result["answer"] = .string(otherwise)
            result["allow-when"] = .strings(cases)
        }
        result["refuse-when"] = .list(
            row.refusals.map {
                .object(["when": .string($0.when), "answer": .string($0.answer), "why": .string($0.why)])
            }
        )
        result["why"] = .string(row.why)
        result["group"] = .string(row.group)
        return result
    }

    /// A call's row, and one for each condition.
    private static func lines(_ row: SyscallRow) -> [[String]] {
        var conditions: [String] = []
        var answer: String
        switch row.verdict {
        case .allow: answer = "allow"
        case .refuse(let error): answer = error
        case .allowWhen(let cases, let otherwise):
            answer = "\(otherwise), but for these arguments"
            conditions = cases.map { "  allow when \($0)" }
        }
        if !row.why.isEmpty { answer += ": " + visible(row.why, limit: 300) }
        conditions += row.refusals.map {
            "  \($0.answer) when \($0.when): \(visible($0.why, limit: 300))"
        }
        return [[String(row.number), row.name, row.group, answer]] + conditions.map { ["", "", "", $0] }
    }
}
