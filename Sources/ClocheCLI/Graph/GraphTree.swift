// A run as a tree of lines: the drawing of the plan with what each task does now. What agents say is made harmless here.

internal import ClocheModel
internal import TaskGraph
internal import TerminalText

/// The lines of a run.
struct GraphTree {
    private let run: GraphRun
    private let width: Int
    private let color: Bool
    /// Since when a task has been running, in words; nil when that is not known.
    var elapsed: (String) -> String? = { _ in nil }
    /// Whether an `up` is at it.
    var isHeld = true
    /// What the programs of a task do.
    var activity: (PlannedTask) -> HarnessState? = { _ in nil }

    init(_ run: GraphRun, width: Int, color: Bool) {
        (self.run, self.width, self.color) = (run, width, color)
    }

    /// The lines; where there is no room for all, those of tasks that nothing happens to are counted instead.
    func lines(most: Int = .max) -> [String] {
        let states = Dictionary(run.states.map { ($0.task.name, $0.state) }) { first, _ in first }
        let rows = GraphDrawing(run.plan).rows
        let column = min(width / 2, rows.map { $0.rail.count + $0.task.name.count }.max() ?? 0)
        func line(_ row: GraphDrawing.Row) -> String {
            text(row, states[row.task.name] ?? .blocked, column)
        }
        if rows.count <= most { return rows.map(line) }
        let lively = rows.filter { (states[$0.task.name] ?? .blocked).isLively }.prefix(max(1, most - 1))
        return lively.map(line) + [
            "  … and \(rows.count - lively.count) more: " + GraphCommand.summary(run, isHeld: isHeld)
        ]
    }

    private func text(_ row: GraphDrawing.Row, _ state: TaskState, _ column: Int) -> String {
        let name = row.rail + row.task.name
        let gap = String(repeating: " ", count: max(0, column - name.count))
        let (mark, style) = state.mark
        let plain = GraphDrawing.shortened(name + gap + "  " + words(row.task, state), width - 2)
        return (color ? style.paint(mark) : mark) + " " + plain
    }

    private func words(_ task: PlannedTask, _ state: TaskState) -> String {
        switch state {
        case .blocked: return ""
        case .ready: return "ready"
        case .gated: return "waits for a person: --approve \(task.name)"
        case .succeeded(let commit): return "done  \(commit.prefix(10))" + attempts(task)
        case .failed(let why): return "failed: " + visible(why, limit: 2000)
        case .skipped(let cause): return "skipped: \(cause) failed"
        case .running: return running(task)
        }
    }

    private func running(_ task: PlannedTask) -> String {
        var parts = [phase(task)]
        if let time = elapsed(task.name) { parts.append(time) }
        if let state = activity(task) {
            parts.append(
                state.activity.rawValue + (state.text.isEmpty ? "" : ": " + visible(state.text, limit: 80))
            )
        }
        return parts.joined(separator: "  ") + attempts(task)
    }

    private func phase(_ task: PlannedTask) -> String {
        let phases = task.units.map { run[$0].phase }
        let good = phases.filter { if case .good = $0 { true } else { false } }.count
        let isChecked = phases.contains { if case .taken = $0 { true } else { false } }
        let runs = phases.contains(.running)
        var word = runs ? "running" : isChecked ? "being checked" : "waiting for room"
        if !isHeld, !runs {
            word = "stopped"
        } else if !runs, !isChecked, good > 0, !phases.contains(.idle) {
            word = "being judged"
        }
        return task.candidates > 1 ? "\(word), \(good) of \(task.candidates) good" : word
    }

    private func attempts(_ task: PlannedTask) -> String {
        let failures = task.units.map { run[$0].failures }.max() ?? 0
        return failures > 0 && task.candidates == 1 ? "  attempt \(failures + 1)" : ""
    }
}

extension TaskState {
    /// Whether a person would look at it.
    fileprivate var isLively: Bool {
        switch self {
        case .running, .gated, .failed: true
        case .blocked, .ready, .succeeded, .skipped: false
        }
    }

    fileprivate var mark: (String, Output.Style) {
        switch self {
        case .blocked, .ready: ("·", .faint)
        case .gated: ("?", .yellow)
        case .running: ("●", .bold)
        case .succeeded: ("✓", .green)
        case .failed: ("✗", .red)
        case .skipped: ("-", .faint)
        }
    }
}
