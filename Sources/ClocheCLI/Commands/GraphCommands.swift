// up, graph: plans of tasks carried out and drawn. What a run looks like meanwhile is in Graph/.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import TaskGraph
internal import TerminalText

enum UpCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let (command, project) = (context.command, try context.project)
        let file = try project.readPlan(command.argument("plan") ?? "")
        let approved = command.values("approve")
        let denied = command.values("deny")
        if let both = approved.first(where: denied.contains) {
            throw ClocheError(.usage, "task \(both) cannot be approved and denied at once")
        }
        if !approved.isEmpty || !denied.isEmpty {
            for (tasks, answer) in [(approved, true), (denied, false)] {
                for task in tasks { try self.answer(task, answer, file, project, context) }
            }
            return ExitCode.success
        }
        if command.flag("dry-run") { return try dryRun(file, project, context) }
        var options = GraphOptions()
        options.parallel = command.value("parallel").flatMap { Int($0) }
        options.restart = command.flag("restart")
        options.force = command.flag("force")
        let runner = try GraphRunner(project, file, options)
        let view = GraphView(runner, file.name, context.output, json: command.flag("json"))
        view.begin()
        let outcome = try runner.run(ticks: view.wantsTicks, view.show)
        view.end(outcome)
        return switch outcome {
        case .succeeded: ExitCode.success
        case .failed: ExitCode.negative
        case .interrupted: ExitCode.interrupted
        }
    }

    private static func answer(
        _ task: String,
        _ approved: Bool,
        _ file: PlanFile,
        _ project: Project,
        _ context: Context
    ) throws(ClocheError) {
        let isHeld = try project.answerGate(task, of: file.plan, approved: approved)
        if context.command.flag("json") {
            return context.output.json(
                .object([
                    "task": .string(task), "approved": .bool(approved), "running": .bool(isHeld),
                ])
            )
        }
        context.output.line("\(approved ? "approved" : "denied") \(task)")
        if !isHeld { context.output.note("nobody is at it now: `cloche up \(file.name)` goes on with it") }
    }

    private static func dryRun(_ file: PlanFile, _ project: Project, _ context: Context) throws(ClocheError)
        -> Int32
    {
        let status = try project.graphStatus(file.plan)
        if status == nil { try project.refuseTakenNames(file.plan) }
        try project.check(file, known: status?.history.pins ?? [:])
        if context.command.flag("json") {
            context.output.json(GraphCommand.document(file.plan, status, nil))
            return ExitCode.success
        }
        for line in GraphDrawing(file.plan).lines(width: GraphCommand.width) { context.output.line(line) }
        context.output.line()
        let width = file.plan.parallel ?? Processors.count
        context.output.line("at most \(width) at once; nothing was started")
        if let status {
            context.output.line(GraphCommand.summary(status.history.run, isHeld: status.isHeld))
        }
        return ExitCode.success
    }
}

enum GraphCommand {
    /// Of a terminal as it is, and otherwise what fits everywhere.
    static var width: Int { Terminal.size(1).map { max(40, Int($0.columns)) } ?? 80 }

    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let (command, project) = (context.command, try context.project)
        let file = try project.readPlan(command.argument("plan") ?? "")
        if command.flag("svg") {
            context.output.bytes(Array(GraphDrawing(file.plan).svg(of: file.plan).utf8))
            return ExitCode.success
        }
        let status = command.flag("status") ? try project.graphStatus(file.plan) : nil
        let standing = try status.flatMap { status throws(ClocheError) in
            try project.standing(of: status.history.run)
        }
        if command.flag("json") {
            context.output.json(document(status?.history.run.plan ?? file.plan, status, standing))
            return ExitCode.success
        }
        guard command.flag("status") else {
            for line in GraphDrawing(file.plan).lines(width: width) { context.output.line(line) }
            return ExitCode.success
        }
        guard let status else {
            context.output.line("\(file.plan.name) has not begun; `cloche up \(file.name)` begins it")
            return ExitCode.success
        }
        show(status, standing, file.name, context.output)
        return ExitCode.success
    }

    private static func show(
        _ status: GraphStatus,
        _ standing: ResultStanding?,
        _ file: String,
        _ output: Output
    ) {
        let run = status.history.run
        // What reads from a pipe cuts lines itself, if it wants to.
        let room = Terminal.isTerminal(1) ? width : 10_000
        var tree = GraphTree(run, width: room, color: output.usesColors)
        tree.isHeld = status.isHeld
        for line in tree.lines() { output.line(line) }
        output.line()
        if Terminal.isTerminal(1) { for line in failures(run) { output.line(line) } }
        if let conflict = run.conflict { output.line(visible(conflict, limit: 2000)) }
        let into = run.plan.into
        let end: String
        switch standing {
        case .there?: end = "\(into) has the result"
        case .gone?: end = "\(into) is gone or was taken back: `cloche up \(file)` makes it again"
        case .moved?:
            let commit = run.merged?.commit.prefix(12) ?? ""
            end = "\(into) was moved and does not have the result: git merge \(commit)"
        case nil where status.isHeld: end = "`cloche up` is at it"
        case nil where run.isOver: end = "`cloche up \(file)` tries what has failed again"
        case nil: end = "no `cloche up` is at it: `cloche up \(file)` goes on"
        }
        output.line(summary(run, isHeld: status.isHeld) + "; " + end)
    }

    /// What has failed, each with why, and where to look.
    static func failures(_ run: GraphRun) -> [String] {
        run.states.compactMap { task, state in
            guard case .failed(let why) = state else { return nil }
            var units = task.units.filter { if case .failed = run[$0].phase { true } else { false } }
            let judge = TaskUnit(task.name, .judge)
            if case .failed = run[judge].phase { units = [judge] }
            let logs = units.map { "`cloche logs \(run.plan.agent($0))`" }.joined(separator: ", ")
            return "\(task.name) failed: \(visible(why, limit: 2000))" + (logs.isEmpty ? "" : " (\(logs))")
        }
    }

    /// The run in one line.
    static func summary(_ run: GraphRun, isHeld: Bool = true) -> String {
        var counts: [(String, Int)] = []
        for (task, state) in run.states {
            let word = word(task, state, run, isHeld)
            if let index = counts.firstIndex(where: { $0.0 == word }) {
                counts[index].1 += 1
            } else {
                counts.append((word, 1))
            }
        }
        return counts.map { "\($0.1) \($0.0)" }.joined(separator: ", ")
    }

    /// A task's state in a word: what began is stopped when nobody is at it and no agent of it is left at work.
    private static func word(_ task: PlannedTask, _ state: TaskState, _ run: GraphRun, _ isHeld: Bool)
        -> String
    {
        let isAtWork = isHeld || task.units.contains { run[$0].phase == .running }
        return state == .running && !isAtWork ? "stopped" : state.word
    }

    /// A plan, and how its run stands, for scripts.
    static func document(_ plan: TaskPlan, _ status: GraphStatus?, _ standing: ResultStanding?) -> Document {
        var document = Document.object([
            "name": .string(plan.name), "into": .string(plan.into),
            "parallel": .optional(plan.parallel.map { Int64($0) }), "keep": .bool(plan.keep),
            "tasks": .list(plan.tasks.map { task($0, plan, status) }),
        ])
        guard let status else { return document }
        let run = status.history.run
        document["running"] = .bool(status.isHeld)
        document["landed"] = .bool(run.hasLanded)
        document["branch"] = .optional(standing?.rawValue)
        document["conflict"] = .optional(run.conflict)
        document["commit"] = .optional(run.merged?.commit)
        return document
    }

    private static func task(_ task: PlannedTask, _ plan: TaskPlan, _ status: GraphStatus?) -> Document {
        var document = Document.object([
            "name": .string(task.name), "needs": .strings(task.waitsFor), "profile": .optional(task.profile),
            "prompt": .string(task.prompt), "agents": .strings(task.units.map { plan.agent($0) }),
            "check": .optional(task.check), "gate": .bool(task.hasGate),
            "retries": .integer(Int64(task.retries)),
            "outputs": .map(task.outputs.map { Document.Entry($0.name, .string($0.path)) }),
        ])
        guard let status else { return document }
        let run = status.history.run
        let state = run.state(of: task.name)
        document["state"] = .string(word(task, state, run, status.isHeld))
        switch state {
        case .succeeded(let commit): document["commit"] = .string(commit)
        case .failed(let why): document["failure"] = .string(why)
        case .skipped(let cause): document["because-of"] = .string(cause)
        case .blocked, .gated, .ready, .running: break
        }
        document["attempts"] = .integer(Int64(task.units.map { run[$0].begins }.max() ?? 0))
        return document
    }
}

extension TaskState {
    /// The state in a word.
    var word: String {
        switch self {
        case .blocked: "blocked"
        case .gated: "waits for a person"
        case .ready: "ready"
        case .running: "running"
        case .succeeded: "done"
        case .failed: "failed"
        case .skipped: "skipped"
        }
    }
}
