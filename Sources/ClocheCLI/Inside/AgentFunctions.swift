// What the agents' commands do. Each has been granted; what it is about is judged by `ActingAgent`.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import GitWorkspace
internal import LinuxSystem
internal import Supervision
internal import TerminalText

/// The agents' commands.
enum AgentFunctions {
    typealias Function = @Sendable (AgentContext) throws(ClocheError) -> Int32

    /// Runs the command that was typed.
    static func run(_ context: AgentContext) throws(ClocheError) -> Int32 {
        let word = context.command.path[0]
        guard let verb = AgentVerb(rawValue: word) else {
            throw ClocheError(.usage, "`cloche \(word)` is for programs", remedy: "see `cloche help`")
        }
        do throws(ClocheError) {
            try context.agent.require(verb)
            return try carryOut(verb, context)
        } catch {
            // A start says more of itself.
            if refusals.contains(error.code), verb != .start {
                // The refusal is what matters.
                try? context.agent.noteRefusal(of: verb, subject(verb, context.command), error)
            }
            throw error
        }
    }

    /// How it is said that something may not be, or is not there for who asks; a check that fails or a conflict is no refusal.
    private static let refusals: [ClocheError.Code] = [.state, .notFound, .configuration, .exists]

    /// Whom or what a request is about, where it says.
    private static func subject(_ verb: AgentVerb, _ command: ParsedCommand) -> String? {
        switch verb {
        case .look, .diff, .sync, .share: command.required("name")
        case .message: command.required("to")
        default: command.rest.first
        }
    }

    private static func carryOut(_ verb: AgentVerb, _ context: AgentContext) throws(ClocheError) -> Int32 {
        guard verb.takesShare else { return try function(verb)(context) }
        let lock = try context.agent.lockFamily()
        defer { _ = lock.isLocked }
        // It may have waited long, and nobody may want it any more.
        if context.connection.hasEnded(after: 0) { return ExitCode.negative }
        return try function(verb)(context)
    }

    private static func function(_ verb: AgentVerb) -> Function {
        switch verb {
        case .whoami: whoami
        case .report: report
        case .list: list
        case .start: start
        case .stop: stop
        case .wait: AgentWait.run
        case .look: look
        case .diff: diff
        case .sync: sync
        case .merge: merge
        case .requestMerge: AgentMessages.requestMerge
        case .message: AgentMessages.message
        case .inbox: AgentMessages.inbox
        case .ask: AgentMessages.ask
        case .share: share
        }
    }

    private static func whoami(_ context: AgentContext) throws(ClocheError) -> Int32 {
        let (agent, policy) = (context.agent, context.agent.policy)
        let family = agent.family()
        let children = family.filter { $0.relation == .child }.map(\.record.name)
        if context.command.flag("json") {
            context.output.json(
                .object([
                    "name": .string(agent.record.name), "parent": .optional(agent.record.parent?.name),
                    "children": .strings(children), "branch": .optional(agent.record.branch),
                    "profile": .string(agent.record.profile),
                    "verbs": .strings(policy.verbs.map(\.rawValue)), "message": .strings(policy.recipients),
                    "most-children": .integer(policy.depth > 0 ? policy.children : 0),
                    "depth": .integer(policy.depth),
                ])
            )
            return ExitCode.success
        }
        let lines = [
            "you are \(agent.record.name)" + (agent.record.branch.map { ", on branch \($0)" } ?? ""),
            agent.record.parent.map { "your parent is \($0.name)" } ?? "a person started you",
            children.isEmpty ? "you have no children" : "your children: " + children.joined(separator: ", "),
            policy.children > 0 && policy.depth > 0
                ? "you may have \(policy.children) at a time, \(policy.depth) generation\(policy.depth == 1 ? "" : "s") deep"
                : "you may start no agents",
            "you may write to: \(policy.recipients.joined(separator: ", "))",
            "your commands: \(policy.verbs.map(\.rawValue).joined(separator: ", "))",
        ]
        for line in lines { context.output.line(line) }
        return ExitCode.success
    }

    private static func report(_ context: AgentContext) throws(ClocheError) -> Int32 {
        // The table lets nothing else through.
        let state = HarnessState.Activity(rawValue: context.command.required("state")) ?? .working
        try context.agent.report(state, context.command.rest.joined(separator: " "))
        return ExitCode.success
    }

    private static func list(_ context: AgentContext) throws(ClocheError) -> Int32 {
        let all = context.command.flag("all")
        let shown = context.agent.family().filter { all || $0.isLiving }
        if context.command.flag("json") {
            context.output.json(.list(shown.map(document)))
        } else {
            let rows = shown.map { agent in
                [
                    agent.record.name, agent.relation.rawValue, agent.state.rawValue,
                    agent.activity.map { $0.activity.rawValue } ?? "-", agent.record.branch ?? "-",
                    visible(agent.record.task.split(separator: "\n").first.map(String.init) ?? "", limit: 60),
                ]
            }
            context.output.table(rows, header: ["NAME", "IS", "STATE", "ACTIVITY", "BRANCH", "TASK"])
        }
        return ExitCode.success
    }

    /// What one agent is told of another: nothing of the host.
    static func document(_ agent: FamilyMember) -> Document {
        let record = agent.record
        return .object([
            "name": .string(record.name), "is": .string(agent.relation.rawValue),
            "state": .string(agent.state.rawValue),
            "result": agent.result?.document ?? .null,
            "activity": .optional(agent.activity?.activity.rawValue), "text": .optional(agent.activity?.text),
            "exit-code": .optional(record.exitCode), "failure": .optional(record.failure),
            "branch": .optional(record.branch), "profile": .string(record.profile),
            "task": .string(record.task),
        ])
    }

    private static func start(_ context: AgentContext) throws(ClocheError) -> Int32 {
        let command = context.command
        var task = command.argument("task") ?? ""
        if task == "-" { task = try input() }
        let child = try context.agent.start(
            ChildOptions(
                name: command.required("name"),
                task: task,
                profile: command.value("profile"),
                overrides: command.values("set"),
                readOnly: command.flag("read-only-workspace"),
                variables: command.assignments("env").map { Document.Entry($0.key, .string($0.value)) },
                labels: try AgentLabel.changed([], by: command.values("label"))
            )
        )
        if command.flag("json") {
            var fields = document(child.agent)
            fields["narrowed"] = .strings(child.narrowed)
            context.output.json(fields)
        } else {
            let branch = child.agent.record.branch.map { " on branch \($0)" } ?? ""
            context.output.line("\(child.agent.record.name) runs\(branch)")
            if !child.narrowed.isEmpty {
                context.output.line(
                    "with less than its profile has: \(child.narrowed.joined(separator: ", "))"
                )
            }
        }
        return ExitCode.success
    }

    /// What came at standard input, as text.
    static func input() throws(ClocheError) -> String {
        var bytes: [UInt8] = []
        while case let part = UserInput.read(), !part.isEmpty { bytes += part }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ClocheError(.usage, "standard input is not text in UTF-8", remedy: "give text")
        }
        return text
    }

    private static func stop(_ context: AgentContext) throws(ClocheError) -> Int32 {
        let grace = context.command.number("grace").map { Int32(clamping: $0) }
        for name in context.command.rest {
            let wasRunning = try context.agent.stop(name, graceSeconds: grace)
            context.output.line(wasRunning ? "\(name) stopped" : "\(name) had ended")
        }
        return ExitCode.success
    }

    private static func look(_ context: AgentContext) throws(ClocheError) -> Int32 {
        let name = context.command.required("name")
        let lines = context.command.number("lines") ?? 0
        var shown = try context.agent.screen(of: name, linesAbove: lines)
        while shown.last?.allSatisfy({ $0 == " " }) == true { shown.removeLast() }
        for line in shown { context.output.line(line) }
        return ExitCode.success
    }

    private static func diff(_ context: AgentContext) throws(ClocheError) -> Int32 {
        let name = context.command.required("name")
        _ = try context.agent.child(name)
        let form: DiffForm = context.command.flag("stat") ? .stat(width: 100) : .patch(binary: false)
        // More is not shown anyway; what a child has written may be as long as it likes.
        let diff = try context.agent.project.diff(name, form, atMost: AgentRequestProgram.mostOutput).diff
        context.output.bytes(diff.output)
        return ExitCode.success
    }

    private static func sync(_ context: AgentContext) throws(ClocheError) -> Int32 {
        let name = context.command.required("name")
        _ = try context.agent.child(name)
        let result = try context.agent.project.sync(name)
        if context.command.flag("json") {
            context.output.json(
                .object([
                    "name": .string(name), "commit": .string(result.head),
                    "commits": .integer(Int64(result.commits)),
                    "uncommitted": .bool(result.hasUncommittedChanges),
                ])
            )
        } else {
            context.output.line(result.head)
            if result.hasUncommittedChanges {
                context.output.note("\(name) has changes that are not committed")
            }
        }
        return ExitCode.success
    }

    private static func share(_ context: AgentContext) throws(ClocheError) -> Int32 {
        let command = context.command
        let text = command.rest == ["-"] ? try input() : command.rest.joined(separator: " ") + "\n"
        let (name, file) = (command.required("name"), command.required("file"))
        try context.agent.project.addToShare(
            name,
            file: file,
            bytes: Array(text.utf8),
            by: context.agent.record.name
        )
        return ExitCode.success
    }

    private static func merge(_ context: AgentContext) throws(ClocheError) -> Int32 {
        let command = context.command
        let outcome = try context.agent.merge(
            command.rest,
            check: command.value("check"),
            keepGoing: command.flag("keep-going"),
            isWanted: { !context.connection.hasEnded(after: 0) }
        )
        if command.flag("json") {
            context.output.json(
                .object([
                    "branch": .string(outcome.merge.branchName), "commit": .string(outcome.merge.result),
                    "merged": .strings(outcome.merge.merged),
                ])
            )
        } else {
            context.output.line(
                "\(outcome.merge.branchName) has \(outcome.merge.merged.joined(separator: ", ")): "
                    + outcome.merge.result
            )
        }
        return ExitCode.success
    }
}
