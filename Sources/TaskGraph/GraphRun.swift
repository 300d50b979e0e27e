// Where a graph stands, and what is to be done next: a value that is fed with events and starts nothing itself. The same
// events make the same state, so that a run goes on from its journal as if nothing had happened; and whatever is to be done
// follows from the state alone, so that nothing is done twice that is on record.

/// The state of one agent of a task.
package struct UnitState: Equatable, Sendable {
    /// How far it is.
    package enum Phase: Equatable, Sendable {
        /// To be started, for the first time or again.
        case idle
        /// Its agent is there, or was about to be made.
        case running
        /// Its agent is done; its work is still its own.
        case done
        /// Its work is this commit, which has not been checked.
        case taken(String)
        /// Its work is this commit, and good.
        case good(String)
        /// No further attempt is made.
        case failed(String)
    }

    /// How far it is.
    package var phase = Phase.idle
    /// Attempts that have failed.
    package var failures = 0
    /// How often an agent was begun, those included that were lost.
    package var begins = 0
    /// Where the last one began.
    package var base: String?
    /// Why the last attempt failed.
    package var lastFailure: String?
}

/// Where a task stands.
package enum TaskState: Equatable, Sendable {
    /// Something that it needs is not there yet.
    case blocked
    /// Waits for a person.
    case gated
    /// Can begin.
    case ready
    /// Agents, checks or a judge are at work.
    case running
    /// Its result is this commit.
    case succeeded(String)
    /// It cannot be done.
    case failed(String)
    /// Something that it needs has failed: that.
    case skipped(String)
}

/// Something to be done.
package enum GraphAction: Hashable, Sendable {
    /// Ask a person.
    case ask(task: String)
    /// Start an agent.
    case begin(TaskUnit)
    /// Wait until an agent is done.
    case watch(TaskUnit)
    /// Take the work of an agent that is done.
    case take(TaskUnit)
    /// Check a result.
    case check(TaskUnit, commit: String)
    /// Have a command choose among results.
    case judge(task: String)
    /// Read which one the judging agent chose.
    case readVerdict(task: String, commit: String)
    /// Merge the results that nobody builds on.
    case merge
    /// Move the branch to the end result.
    case land(commit: String, previous: String?)
}

/// The commit that everything is in, before the branch has it.
package struct EndResult: Equatable, Sendable {
    /// The commit.
    package let commit: String
    /// Where the branch was; nil when it was not there.
    package let previous: String?
}

/// A run of a plan, as far as it has come.
package struct GraphRun: Equatable, Sendable {
    /// What is done.
    package private(set) var plan: TaskPlan
    /// Each agent's state.
    package private(set) var units: [TaskUnit: UnitState] = [:]
    /// What was chosen by judges.
    private var chosen: [String: Int] = [:]
    /// Answers of persons.
    private var gates: [String: Bool] = [:]
    /// Tasks that cannot be done.
    private var failures: [String: String] = [:]
    /// The end result.
    package private(set) var merged: EndResult?
    /// Why the results made no end result when that was tried last.
    package private(set) var conflict: String?
    /// Whether the branch has the end result.
    package private(set) var hasLanded = false

    /// A run at its beginning.
    package init(_ plan: TaskPlan) { self.plan = plan }

    /// Whether a person has said no to a task.
    package func isDenied(_ task: String) -> Bool { gates[task] == false }

    /// The state of one agent.
    package subscript(unit: TaskUnit) -> UnitState { units[unit] ?? UnitState() }

    /// Takes in what has happened.
    package mutating func apply(_ event: GraphEvent) {
        switch event {
        case .plan: break
        case .gate(let task, let approved):
            gates[task] = approved
            if !approved { failures[task] = "a person said no" }
        case .begin(let unit, let base):
            change(unit) { ($0.phase, $0.base, $0.begins) = (.running, base, $0.begins + 1) }
        case .lost(let unit, _): change(unit) { $0.phase = .idle }
        case .ended(let unit, let failure):
            if let failure { fail(unit, failure) } else { change(unit) { $0.phase = .done } }
        case .result(let unit, let commit):
            let isGood = unit.part != .judge && plan[unit.task]?.check == nil
            change(unit) { $0.phase = isGood ? .good(commit) : .taken(commit) }
        case .checked(let unit, let failure):
            if let failure { return fail(unit, failure) }
            change(unit) { if case .taken(let commit) = $0.phase { $0.phase = .good(commit) } }
        case .chosen(let task, let candidate): chosen[task] = candidate
        case .failed(let task, let why): failures[task] = why
        case .again: forgetFailures()
        case .merged(let commit, let previous):
            (merged, conflict) = (EndResult(commit: commit, previous: previous), nil)
        case .conflict(let why): conflict = why
        case .landed: hasLanded = true
        case .gone: hasLanded = false
        }
    }

    private mutating func change(_ unit: TaskUnit, _ body: (inout UnitState) -> Void) {
        body(&units[unit, default: UnitState()])
    }

    /// One more attempt, as long as the task has some left.
    private mutating func fail(_ unit: TaskUnit, _ why: String) {
        let retries = plan[unit.task]?.retries ?? 0
        change(unit) {
            $0.failures += 1
            $0.lastFailure = why
            $0.phase = $0.failures <= retries ? .idle : .failed(why)
        }
    }

    /// Everything that has failed is as if it had never been tried.
    private mutating func forgetFailures() {
        for task in plan.tasks {
            guard case .failed = state(of: task.name) else { continue }
            if gates[task.name] == false { gates[task.name] = nil }
            failures[task.name] = nil
            for unit in task.units + [TaskUnit(task.name, .judge)] {
                let begins = self[unit].begins
                // What was good stays good, unless it was the choice among such that failed.
                if case .good = self[unit].phase { continue }
                units[unit] = UnitState(begins: begins)
            }
        }
    }

    /// Goes on with a changed plan.
    ///
    /// What is not done may change, whether it had begun or not: nothing was built on it. It begins anew.
    ///
    /// - Returns: the tasks that are done and are not what they were, or are gone; with any, nothing is changed.
    package mutating func change(to new: TaskPlan) -> [String] {
        let changed = plan.tasks.filter { new[$0.name] != $0 }
        let touched = changed.map(\.name).filter { result(of: $0) != nil }
        guard touched.isEmpty else { return touched }
        for task in changed { forget(task, for: new[task.name]) }
        plan = new
        // What is new has to get there, too; what the branch has already is not merged again.
        (merged, conflict, hasLanded) = (nil, nil, false)
        return []
    }

    /// A task is as if it had never begun, nor a person agreed to it; good candidates stay if only who judges them changes.
    private mutating func forget(_ task: PlannedTask, for new: PlannedTask?) {
        var rejudged = task
        rejudged.judge = new?.judge
        (gates[task.name], failures[task.name], chosen[task.name]) = (nil, nil, nil)
        for unit in task.units + [TaskUnit(task.name, .judge)] {
            guard let state = units[unit] else { continue }
            if case .good = state.phase, rejudged == new { continue }
            units[unit] = UnitState(begins: state.begins)
        }
    }
}

// MARK: what follows from it

extension GraphRun {
    /// Where a task stands.
    package func state(of name: String) -> TaskState {
        var known: [String: TaskState] = [:]
        for task in plan.tasks {
            known[task.name] = state(of: task, known)
            if task.name == name { break }
        }
        return known[name] ?? .blocked
    }

    /// Where every task stands, in the plan's order.
    package var states: [(task: PlannedTask, state: TaskState)] {
        var known: [String: TaskState] = [:]
        return plan.tasks.map { task in
            let state = state(of: task, known)
            known[task.name] = state
            return (task, state)
        }
    }

    private func state(of task: PlannedTask, _ before: [String: TaskState]) -> TaskState {
        if let why = failures[task.name] { return .failed(why) }
        var isBlocked = false
        for need in task.waitsFor {
            switch before[need] ?? .blocked {
            case .succeeded: continue
            case .failed: return .skipped(need)
            case .skipped(let cause): return .skipped(cause)
            default: isBlocked = true
            }
        }
        if isBlocked { return .blocked }
        if task.hasGate, gates[task.name] != true { return .gated }
        if let commit = result(of: task) { return .succeeded(commit) }
        let phases = task.units.map { self[$0].phase }
        let failed = phases.compactMap { if case .failed(let why) = $0 { why } else { nil } }
        if failed.count == phases.count {
            return .failed(phases.count == 1 ? failed[0] : "no candidate is good: \(failed[0])")
        }
        if case .failed(let why) = self[TaskUnit(task.name, .judge)].phase {
            return .failed("its judge: " + why)
        }
        return task.units.allSatisfy { self[$0].begins == 0 } ? .ready : .running
    }

    /// The good candidates of a task, by number.
    package func candidates(of task: PlannedTask) -> [(number: Int, commit: String)] {
        task.units.enumerated().compactMap { index, unit in
            if case .good(let commit) = self[unit].phase { (index + 1, commit) } else { nil }
        }
    }

    private func isSettled(_ task: PlannedTask) -> Bool {
        task.units.allSatisfy { unit in
            switch self[unit].phase {
            case .good, .failed: true
            default: false
            }
        }
    }

    private func result(of task: PlannedTask) -> String? {
        guard isSettled(task) else { return nil }
        let good = candidates(of: task)
        if let number = chosen[task.name] { return good.first { $0.number == number }?.commit }
        // Among one there is nothing to choose.
        return task.judge == nil || good.count == 1 ? good.first?.commit : nil
    }

    /// The commit of a task that has succeeded.
    package func result(of name: String) -> String? {
        if case .succeeded(let commit) = state(of: name) { commit } else { nil }
    }

    /// What is to be done now, all of it at once as far as there is room.
    package var next: [GraphAction] {
        var actions: [GraphAction] = []
        let states = states
        for (task, state) in states {
            switch state {
            case .gated: actions.append(.ask(task: task.name))
            case .ready, .running: actions += self.actions(task)
            // An agent that runs still for a task that cannot be done any more is waited for.
            case .failed: actions += task.units.filter { self[$0].phase == .running }.map { .watch($0) }
            case .blocked, .succeeded, .skipped: break
            }
        }
        guard states.allSatisfy({ if case .succeeded = $0.state { true } else { false } }), !hasLanded else {
            return actions
        }
        if let merged { return [.land(commit: merged.commit, previous: merged.previous)] }
        return [.merge]
    }

    private func actions(_ task: PlannedTask) -> [GraphAction] {
        let actions = task.units.compactMap { action($0, task) }
        guard actions.isEmpty, isSettled(task), let judge = task.judge else { return actions }
        if case .command = judge { return [.judge(task: task.name)] }
        let unit = TaskUnit(task.name, .judge)
        if case .taken(let commit) = self[unit].phase {
            return [.readVerdict(task: task.name, commit: commit)]
        }
        return action(unit, task).map { [$0] } ?? []
    }

    private func action(_ unit: TaskUnit, _ task: PlannedTask) -> GraphAction? {
        switch self[unit].phase {
        case .idle: .begin(unit)
        case .running: .watch(unit)
        case .done: .take(unit)
        case .taken(let commit): task.check != nil ? .check(unit, commit: commit) : nil
        case .good, .failed: nil
        }
    }

    /// Whether nothing is left to be done: all is well, or what is left cannot be done.
    package var isOver: Bool { next.isEmpty }

    /// Whether it ended well.
    package var hasSucceeded: Bool { hasLanded }

    /// Agents that are there, as far as the journal knows.
    package var running: [TaskUnit] {
        units.filter { $0.value.phase == .running }.map(\.key).sorted { $0.name < $1.name }
    }
}
