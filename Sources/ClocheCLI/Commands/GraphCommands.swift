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
        try project.check(file.plan, known: status?.history.pins ?? [:])
        if context.command.flag("json") {
            context.output.json(GraphCommand.document(file.plan, status))
            return ExitCode.success
        }
        for line in GraphDrawing(file.plan).lines(width: GraphCommand.width) { context.output.line(line) }
        context.output.line()
        let width = file.plan.parallel ?? Processors.count
        context.output.line("at most \(width) at once; nothing was started")
        if let status { context.output.line(GraphCommand.summary(status.history.run)) }
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
        if command.flag("json") {
            context.output.json(document(status?.history.run.plan ?? file.plan, status))
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
        let run = status.history.run
        for line in GraphTree(run, width: width, color: context.output.usesColors).lines() {
            context.output.line(line)
        }
        context.output.line()
        context.output.line(summary(run) + (status.isHeld ? "; `cloche up` is at it" : ""))
        return ExitCode.success
    }

    /// The run in one line.
    static func summary(_ run: GraphRun) -> String {
        var counts: [(String, Int)] = []
        for (_, state) in run.states {
            let word = state.word
            if let index = counts.firstIndex(where: { $0.0 == word }) {
                counts[index].1 += 1
            } else {
                counts.append((word, 1))
            }
        }
        let shown = counts.map { "\($0.1) \($0.0)" }.joined(separator: ", ")
        return run.hasLanded ? "\(shown); \(run.plan.into) has the result" : shown
    }

    /// A plan, and how its run stands, for scripts.
    static func document(_ plan: TaskPlan, _ status: GraphStatus?) -> Document {
        var document = Document.object([
            "name": .string(plan.name), "into": .string(plan.into),
            "parallel": .optional(plan.parallel.map { Int64($0) }), "keep": .bool(plan.keep),
            "tasks": .list(plan.tasks.map { task($0, plan, status?.history.run) }),
        ])
        guard let status else { return document }
        let run = status.history.run
        document["running"] = .bool(status.isHeld)
        document["landed"] = .bool(run.hasLanded)
        document["commit"] = .optional(run.merged?.commit)
        return document
    }

    private static func task(_ task: PlannedTask, _ plan: TaskPlan, _ run: GraphRun?) -> Document {
        var document = Document.object([
            "name": .string(task.name), "needs": .strings(task.waitsFor), "profile": .optional(task.profile),
            "prompt": .string(task.prompt), "agents": .strings(task.units.map { plan.agent($0) }),
            "check": .optional(task.check), "gate": .bool(task.hasGate),
            "retries": .integer(Int64(task.retries)),
            "outputs": .map(task.outputs.map { Document.Entry($0.name, .string($0.path)) }),
        ])
        guard let run else { return document }
        let state = run.state(of: task.name)
        document["state"] = .string(state.word)
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
