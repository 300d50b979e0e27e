// audit, audit report: what is on record of an agent, as lines and as a page.

internal import AuditReport
internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import ProfileLoading
internal import StructuredText
internal import SyscallFilter
internal import TerminalText

enum AuditCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let name = context.command.argument("name")
        let project = try context.project
        let query = try query(context.command)
        try check(query.kinds, project, name)
        if let destination = context.command.value("to") {
            return try send(destination, query, project, context)
        }
        let stream = try project.audit(of: name, query)
        let lines = Lines(context, project, isOfAll: name == nil)
        guard context.command.flag("follow") else {
            while let record = try stream.next() {
                lines.show(record)
                if context.output.problem != nil { return ExitCode.success }
            }
            note(stream, query, lines.count, context)
            return ExitCode.success
        }
        return try follow(stream, lines, name, project, context)
    }

    private static func follow(
        _ stream: AuditStream,
        _ lines: Lines,
        _ name: String?,
        _ project: Project,
        _ context: Context
    ) throws(ClocheError) -> Int32 {
        while true {
            // Asked before the last look: what it wrote last is there when it has ended.
            let runs = try name.map { name throws(ClocheError) in try project.agent(name).isRunning } ?? true
            while let record = try stream.next() { lines.show(record) }
            if !runs || context.output.problem != nil { return ExitCode.success }
            Pause.milliseconds(150)
            try stream.findNewAgents()
        }
    }

    private static func send(
        _ destination: String,
        _ query: AuditQuery,
        _ project: Project,
        _ context: Context
    ) throws(ClocheError) -> Int32 {
        let follows = context.command.flag("follow")
        let output = context.output
        let result = try project.sendAudit(
            of: context.command.required("name"),
            query,
            to: destination,
            isFollowing: follows
        ) { problem in
            // Without --follow, it is the error that ends the command.
            if follows { output.note(problem ?? "\(visible(destination)) takes records again") }
        }
        let records = result.sent == 1 ? "1 record" : "\(result.sent) records"
        output.note("sent \(records) to \(visible(destination))")
        if result.refused > 0 { output.note(refused(result)) }
        return result.refused == 0 ? ExitCode.success : ExitCode.negative
    }

    /// What the destination did not want, as far as it is known.
    private static func refused(_ result: AuditSending) -> String {
        let were = result.refused == 1 ? "1 record was" : "\(result.refused) records were"
        let why = result.why.isEmpty ? "" : " (\(visible(result.why, limit: 500)))"
        let lead = result.refused == 1 ? "it is" : "the first is"
        let first = result.firstRefused.map { ", \(lead) record \($0)" } ?? ""
        return "\(were) not wanted by the destination\(why)\(first)"
    }

    /// A kind that there is not would be an empty answer, which can be taken for good news.
    private static func check(_ kinds: Set<String>, _ project: Project, _ name: String?) throws(ClocheError) {
        let unknown = kinds.subtracting(AuditQuery.knownKinds)
        if unknown.isEmpty { return }
        // A newer version may have written the log: what is in it is a kind.
        let stream = try project.audit(of: name)
        while !unknown.isSubset(of: stream.kindsSeen) {
            if try stream.next() == nil { break }
        }
        guard let wrong = unknown.subtracting(stream.kindsSeen).sorted().first else { return }
        throw ClocheError(
            .usage,
            "\(wrong.debugDescription) is no kind of event",
            why: "there are \(AuditQuery.knownKinds.sorted().joined(separator: ", "))",
            remedy: "docs/audit.md says what each of them tells"
        )
    }

    private static func query(_ command: ParsedCommand) throws(ClocheError) -> AuditQuery {
        let kinds = command.values("kind").flatMap { $0.split(separator: ",").map(String.init) }
        let since = try command.value("since").map { text throws(ClocheError) in
            try AuditSince.time(text, now: WallClock.milliseconds)
        }
        return AuditQuery(
            kinds: Set(kinds),
            onlyDenied: command.flag("denied"),
            since: since,
            last: command.number("last")
        )
    }

    /// What a person cannot see from the lines, or from none.
    private static func note(_ stream: AuditStream, _ query: AuditQuery, _ count: Int, _ context: Context) {
        let name = context.command.argument("name")
        if stream.unreadable > 0 {
            let were = stream.unreadable == 1 ? "1 line is" : "\(stream.unreadable) lines are"
            context.output.note("\(were) no records: cut short by a crash, or changed")
        }
        guard count == 0 else { return }
        let missing = query.kinds.subtracting(stream.kindsSeen).sorted()
        let seen = stream.kindsSeen.sorted().map { visible($0, limit: 40) }.joined(separator: ", ")
        if !missing.isEmpty && !seen.isEmpty && query.since == nil {
            context.output.note("no record of \(missing.joined(separator: ", ")); there are \(seen)")
        } else {
            let denied = query.onlyDenied ? " that was denied" : ""
            let what = query.kinds.isEmpty ? denied : " of that kind"
            // As the log has times, without fractions of a second.
            let time = query.since.map { Timestamp.short($0).split(separator: " ").joined(separator: "T") }
            let since = time.map { " since \($0)Z" } ?? ""
            context.output.note("nothing\(what)\(since) is on record" + (name.map { " of \($0)" } ?? ""))
        }
    }

    /// Prints records, as lines or as JSON.
    private final class Lines {
        private let context: Context
        private let isJSON: Bool
        private let isOfAll: Bool
        private var width = 0
        private(set) var count = 0

        init(_ context: Context, _ project: Project, isOfAll: Bool) {
            self.context = context
            self.isOfAll = isOfAll
            isJSON = context.command.flag("json")
            if isOfAll { width = min(24, project.agents().agents.map(\.record.name.count).max() ?? 0) }
        }

        func show(_ record: AgentEvent) {
            count += 1
            let output = context.output
            if isJSON {
                var entries = record.event.entries ?? []
                // The first field, so that a line tells at its beginning whose it is.
                if isOfAll {
                    entries.removeAll { $0.key == "agent" }
                    entries.insert(Document.Entry("agent", .string(record.agent)), at: 0)
                }
                return output.line(JSONText.serialize(.map(entries)))
            }
            let agent = isOfAll ? AuditText.padded(record.agent, width) : nil
            output.line(AuditText.line(record.event, agent: agent) { output.styled($0, $1) })
        }
    }
}

enum AuditReportCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let name = context.command.required("name")
        let file = context.command.value("output").flatMap { $0 == "-" ? nil : $0 }
        if file == nil, context.command.value("output") == nil, Terminal.isTerminal(1) {
            throw ClocheError(
                .usage,
                "a page is not for a terminal",
                why: "it would be printed here",
                remedy: "`cloche audit report \(name) -o \(name).html`"
            )
        }
        let page = Array(try page(context, name).utf8)
        guard let file else {
            context.output.bytes(page)
            return ExitCode.success
        }
        do throws(SystemError) {
            try Files.writeAtomically(file, page, sync: false)
        } catch {
            throw ClocheError(
                .system,
                "cannot write the report",
                why: error.description,
                remedy: "another place with -o"
            )
        }
        context.output.note("wrote \(file)")
        return ExitCode.success
    }

    private static func page(_ context: Context, _ name: String) throws(ClocheError) -> String {
        let project = try context.project
        let agent = try project.agent(name)
        var subject = ReportSubject(
            agent.record,
            state: agent.state,
            made: WallClock.milliseconds,
            version: ClocheCommandLine.version
        )
        subject.rules = try rules(project, name)
        subject.settings = settings(StoredProfile.withoutPlaces(agent.record.effective))
        var report = AuditReport(subject)
        var refusals = NetworkRefusals(limit: 5000)
        let stream = try project.audit(of: name)
        while let record = try stream.next() {
            report.add(record.event)
            refusals.add(record.event)
        }
        report.denials = refusals.list.map { WhyText.reported($0, agent: name) }
        report.denialsLeft = refusals.left
        report.callReasons = try reasons(project, name, report.deniedCalls)
        report.unreadable = stream.unreadable
        return report.page()
    }

    /// Why the agent's filter refuses these calls, and which group of calls would allow each.
    private static func reasons(_ project: Project, _ name: String, _ calls: Set<String>) throws(ClocheError)
        -> [String: CallReason]
    {
        if calls.isEmpty { return [:] }
        let policy = try project.policy(ofAgent: name).policy
        var groups: [String: String] = [:]
        for group in SyscallTable.builtInGroups where !policy.syscalls.groups.contains(group) {
            var wider = policy
            wider.syscalls.groups.append(group)
            for row in try project.syscallTable(wider)
            where row.verdict == .allow && calls.contains(row.name) && groups[row.name] == nil {
                groups[row.name] = group
            }
        }
        var reasons: [String: CallReason] = [:]
        for row in try project.syscallTable(policy) where calls.contains(row.name) {
            let why = row.refusals.isEmpty ? [row.why] : row.refusals.map { "\($0.why) (when \($0.when))" }
            let group = row.verdict == .allow ? nil : groups[row.name]
            reasons[row.name] = CallReason(
                why: why.joined(separator: "; "),
                lines: group.map { lines(group: $0, call: row.name, policy) } ?? []
            )
        }
        return reasons
    }

    /// What a profile says to allow a call, by a group of calls and what that group needs beside it.
    private static func lines(group: String, call: String, _ policy: Policy) -> [String] {
        // With `+`, since a list alone would take the place of the one of all agents.
        let line = "syscalls: {groups+: [\(NetworkEntry.quoted(group))]}"
        guard group == "nested-namespaces" else { return [line] }
        var needed: [String] = []
        if policy.confinement.nestedNamespaces == 0 { needed.append("nested-namespaces: 16") }
        // Landlock lets no program mount.
        if policy.confinement.landlock, mounting.contains(call) { needed.append("landlock: off") }
        return needed.isEmpty ? [line] : [line, "confinement: {\(needed.joined(separator: ", "))}"]
    }

    private static let mounting: Set<String> = [
        "mount", "umount2", "pivot_root", "fsopen", "fsconfig", "fsmount", "fspick", "open_tree",
        "open_tree_attr", "move_mount", "mount_setattr",
    ]

    private static func rules(_ project: Project, _ name: String) throws(ClocheError)
        -> [ReportSubject.Setting]
    {
        let network = try project.shownNetwork(ofAgent: name)
        let mode = ReportSubject.Setting("mode", network.settings.mode.rawValue)
        return [mode]
            + [("allow", network.allow), ("deny", network.deny)].flatMap { key, rules in
                rules.map { ReportSubject.Setting(key, $0.rule, origin: $0.origin) }
            }
    }

    /// Every value under its key, without what may be secret: a page is made to be passed on.
    private static func settings(_ effective: Document) -> [ReportSubject.Setting] {
        var effective = Policy.withoutSecrets(effective)
        effective["network"]?["definitions"] = nil
        effective["syscalls"]?["definitions"] = nil
        return effective.leaves.map { ReportSubject.Setting($0.path, Document.inline($0.value)) }
    }
}
