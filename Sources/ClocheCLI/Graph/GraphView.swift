// What `up` shows meanwhile: on a terminal the tree, drawn again in its place; elsewhere a line for each thing that happens,
// as words or as JSON.

internal import Cloche
internal import ClocheModel
internal import LinuxSystem
internal import StructuredText
internal import TaskGraph
internal import TerminalText

final class GraphView {
    private enum Form { case tree, lines, json }

    private let runner: GraphRunner
    private let file: String
    private let output: Output
    private let form: Form
    /// Lines of the tree on the screen.
    private var drawn = 0
    private var began: [String: Int64] = [:]
    /// When the tree was drawn last.
    private var drawnAt: Int64 = 0
    /// Between two trees, in milliseconds.
    private static let pace: Int64 = 100

    init(_ runner: GraphRunner, _ file: String, _ output: Output, json: Bool) {
        (self.runner, self.file, self.output) = (runner, file, output)
        let canDraw = Terminal.isTerminal(1) && ProcessEnvironment.value("TERM") != "dumb"
        form = json ? .json : canDraw ? .tree : .lines
    }

    /// Whether it shows how long things take.
    var wantsTicks: Bool { form == .tree }

    /// Says what is begun.
    func begin() {
        let plan = runner.run.plan
        let done = runner.run.states.filter { if case .succeeded = $0.state { true } else { false } }.count
        if form == .json {
            return json([
                .init("event", .string("run")), .init("plan", .string(plan.name)),
                .init("resumes", .bool(runner.resumes)), .init("parallel", .integer(Int64(runner.width))),
                .init("tasks", .integer(Int64(plan.tasks.count))), .init("done", .integer(Int64(done))),
            ])
        }
        let count = "\(plan.tasks.count) task\(plan.tasks.count == 1 ? "" : "s")"
        if runner.run.hasSucceeded {
            output.line("\(plan.name) is done already; `cloche up --restart \(file)` begins anew")
        } else if runner.run.merged != nil, runner.resumes, done == plan.tasks.count {
            output.line("\(plan.name) is done, but \(plan.into) does not have the result: it is made again")
        } else if runner.resumes {
            output.line("\(plan.name) goes on where it stopped: \(done) of \(count) done")
        } else {
            output.line("\(plan.name): \(count), at most \(runner.width) at once, into \(plan.into)")
        }
    }

    /// Shows what is told.
    func show(_ report: GraphReport) {
        if case .event(.begin(let unit, _)) = report { began[unit.task] = MonotonicClock.milliseconds }
        switch form {
        case .json: showJSON(report)
        case .lines:
            if let line = line(report) { output.line(line) }
        case .tree:
            if case .note(let text) = report {
                erase()
                output.note(visible(text, limit: 1000))
            }
            draw(always: false)
        }
    }

    /// Says how it ended.
    func end(_ outcome: GraphOutcome) {
        let plan = runner.run.plan
        if form == .tree { draw(always: true) }
        if form == .json {
            var entries: [Document.Entry] = [.init("event", .string("end"))]
            switch outcome {
            case .succeeded(let commit):
                entries += [
                    .init("outcome", .string("succeeded")), .init("into", .string(plan.into)),
                    .init("commit", .string(commit)),
                ]
            case .failed: entries.append(.init("outcome", .string("failed")))
            case .interrupted: entries.append(.init("outcome", .string("interrupted")))
            }
            return json(entries)
        }
        switch outcome {
        case .succeeded(let commit):
            if runner.hasMoved {
                output.line("\(plan.into) was moved since and does not have the result of \(plan.name)")
                output.line("  commit  \(commit.prefix(12))    take it over  git merge \(commit.prefix(12))")
                return
            }
            output.line("\(plan.into) has the result of \(plan.name)")
            output.line("  commit  \(commit.prefix(12))    take it over  git merge \(plan.into)")
        case .failed:
            // The tree has room for their first words.
            if form == .tree { for line in GraphCommand.failures(runner.run) { output.line(line) } }
            output.line(
                "\(plan.name) did not succeed: \(GraphCommand.summary(runner.run)); nothing was merged"
            )
            output.note("`cloche up \(file)` tries what has failed again")
        case .interrupted: output.note("`cloche up \(file)` goes on")
        }
    }

    // MARK: JSON

    private func json(_ entries: [Document.Entry]) { output.line(JSONText.serialize(.map(entries))) }

    private func showJSON(_ report: GraphReport) {
        switch report {
        case .event(let event): output.line(JSONText.serialize(event.document))
        case .gate(let task): json([.init("event", .string("waiting")), .init("task", .string(task))])
        case .note(let text): json([.init("event", .string("note")), .init("text", .string(text))])
        case .tick: break
        }
    }

    // MARK: lines

    private func line(_ report: GraphReport) -> String? {
        switch report {
        case .tick: nil
        case .note(let text): visible(text, limit: 1000)
        case .gate(let task): "\(task) waits for a person: `cloche up \(file) --approve \(task)`"
        case .event(let event): line(event)
        }
    }

    private func line(_ event: GraphEvent) -> String? {
        switch event {
        case .plan: "the plan has changed where nothing was done"
        case .gate(let task, let approved): "\(task) \(approved ? "approved" : "denied")"
        case .begin(let unit, _): "\(unit.name) begins" + attempt(unit)
        case .lost(let unit, let why): "\(unit.name) is lost and begins anew: \(visible(why))"
        case .ended(let unit, let failure?):
            "\(unit.name) failed: \(visible(failure, limit: 1000))" + again(unit)
        case .ended: nil
        case .result(let unit, let commit):
            runner.run.plan[unit.task]?.check == nil || unit.part == .judge
                ? "\(unit.name) is done: \(commit.prefix(12))"
                : "\(unit.name) is being checked: \(commit.prefix(12))"
        case .checked(let unit, let failure?):
            "\(unit.name) failed: \(visible(failure, limit: 1000))" + again(unit)
        case .checked(let unit, nil): "\(unit.name) is done: its check succeeded"
        case .chosen(let task, let candidate): "\(task): candidate \(candidate) is the best"
        case .failed(let task, let why): "\(task) failed: \(visible(why, limit: 1000))"
        case .again: "what has failed is tried again"
        case .merged(let commit, _): "the results are merged: \(commit.prefix(12))"
        // The error at the end tells it.
        case .conflict: nil
        case .landed, .gone: nil
        }
    }

    private func attempt(_ unit: TaskUnit) -> String {
        let failures = runner.run[unit].failures
        return failures > 0 ? ", attempt \(failures + 1)" : ""
    }

    private func again(_ unit: TaskUnit) -> String {
        runner.run[unit].phase == .idle
            ? "; it is tried again" : " (`cloche logs \(runner.run.plan.agent(unit))`)"
    }

    // MARK: the tree

    private func erase() {
        guard drawn > 0 else { return }
        output.bytes(Array("\u{1B}[\(drawn)A\r\u{1B}[J".utf8))
        drawn = 0
    }

    private func draw(always: Bool) {
        let now = MonotonicClock.milliseconds
        guard always || now - drawnAt >= Self.pace else { return }
        drawnAt = now
        let size = Terminal.size(1)
        var tree = GraphTree(
            runner.run,
            width: max(20, Int(size?.columns ?? 80) - 1),
            color: output.usesColors
        )
        tree.elapsed = { [began] name in began[name].map { Self.time((now - $0) / 1000) } }
        tree.activity = { [runner] task in
            task.units.compactMap { runner.activity($0) }.max { $0.since < $1.since }
        }
        let lines = tree.lines(most: max(3, Int(size?.rows ?? 24) - 2))
        // One write, so that nobody sees half of it.
        var text = drawn > 0 ? "\u{1B}[\(drawn)A\r" : ""
        for line in lines { text += "\u{1B}[2K" + line + "\n" }
        output.bytes(Array((text + "\u{1B}[J").utf8))
        drawn = lines.count
    }

    private static func time(_ seconds: Int64) -> String {
        let rest = seconds % 60
        return "\(seconds / 60):\(rest < 10 ? "0" : "")\(rest)"
    }
}
