// What is done for one task: its agent made and its work taken, checks and judges, and the merge at the end.

internal import AgentStore
internal import ClocheModel
internal import GitWorkspace
internal import LinuxSystem
internal import Supervision
internal import TaskGraph

extension GraphRunner {
    func directory(_ unit: TaskUnit) throws(ClocheError) -> AgentDirectory {
        try project.agentDirectory(run.plan.agent(unit))
    }

    /// What tells the agent of one beginning from that of every other.
    func mark(_ unit: TaskUnit) -> String {
        "\(run.plan.name).\(history.id)/\(unit.name)/\(run[unit].begins)"
    }

    private func isOurs(_ mark: String?) -> Bool {
        mark?.hasPrefix("\(run.plan.name).\(history.id)/") == true
    }

    // MARK: beginning

    /// Makes an agent and starts it.
    func begin(_ unit: TaskUnit) throws(ClocheError) {
        guard let task = run.plan[unit.task] else { return }
        let options: StartOptions
        do throws(ClocheError) {
            try clear(unit)
            var (profile, prompt) = (task.profile, task.prompt)
            if unit.part == .judge, case .agent(let own, let text)? = task.judge {
                (profile, prompt) = (own ?? task.profile, text)
            }
            options = StartOptions(
                name: run.plan.agent(unit),
                task: try filled(prompt),
                profile: profile,
                overrides: unit.part == .judge ? [] : task.overrides,
                workspace: .worktree(base: try base(unit, task))
            )
        } catch {
            // Beginning again would come to the same.
            return try recordFailure(.failed(task: unit.task, why: Self.words(error)))
        }
        try start(unit, options)
    }

    private func start(_ unit: TaskUnit, _ planned: StartOptions) throws(ClocheError) {
        var options = planned
        guard case .worktree(let base?) = options.workspace else { return }
        try record(.begin(unit, base: base))
        options.variables = [Document.Entry(TaskAgent.variable, .string(mark(unit)))]
        do throws(ClocheError) {
            _ = try project.start(options)
        } catch {
            switch error.code {
            // Its supervisor was killed before it could say anything.
            case .system: try lose(unit, Self.words(error))
            case .git: try recordFailure(.ended(unit, failure: Self.words(error)))
            default: try recordFailure(.failed(task: unit.task, why: Self.words(error)))
            }
        }
    }

    /// An error in one line, which is kept as why something failed.
    static func words(_ error: ClocheError) -> String {
        var text = error.why.isEmpty ? error.what : "\(error.what): \(error.why)"
        // Trying again comes to the same: this says what helps.
        if error.code == .conflict { text += "\n(\(error.remedy))" }
        let lines = text.split(separator: "\n").map { $0.drop { $0 == " " } }
        return String(lines.joined(separator: " ").prefix(2000))
    }

    /// Where an agent begins; what was computed once is taken again.
    private func base(_ unit: TaskUnit, _ task: PlannedTask) throws(ClocheError) -> String {
        if let base = run[unit].base { return base }
        if unit.part == .judge { return try sideBySide(task) }
        switch task.base {
        case .revision(let name): return history.pins[name] ?? name
        case .task(let name): return run.result(of: name) ?? name
        case .needs:
            let head = history.pins[""] ?? "HEAD"
            let results = results(of: task.needs)
            if results.count == 1 { return results[0].commit }
            if results.isEmpty { return head }
            return try repository.merge(
                results,
                onto: head,
                called: "the plan's base",
                as: refs.base(task.name)
            )
        }
    }

    private func results(of tasks: [String]) -> [TaskResult] {
        tasks.compactMap { name in
            guard let task = run.plan[name], let commit = run.result(of: name) else { return nil }
            let unit = task.units.first { run[$0].phase == .good(commit) } ?? TaskUnit(name, .only)
            return TaskResult(task: name, commit: commit, ref: refs.result(unit.name))
        }
    }

    private func sideBySide(_ task: PlannedTask) throws(ClocheError) -> String {
        try repository.sideBySide(run.candidates(of: task), as: refs.base(task.name + "-judge"))
    }

    /// Bytes of one output that a prompt may quote, and of a whole prompt: the kernel takes 128 KiB as one argument.
    private static let mostQuoted = 64 << 10
    private static let mostPrompt = 120 << 10

    private func filled(_ prompt: String) throws(ClocheError) -> String {
        let template = PromptTemplate(prompt)
        var values: [String: String] = [:]
        for piece in template.pieces {
            guard case .output(let name, let output) = piece, let commit = run.result(of: name),
                let path = run.plan[name]?.outputs.first(where: { $0.name == output })?.path
            else { continue }
            let text = try repository.text(of: path, in: commit, limit: Self.mostQuoted)
            guard let text, !text.utf8.contains(0) else {
                throw ClocheError(
                    .state,
                    "output \(output) of task \(name) cannot be quoted",
                    why: "\(path) is no text of at most \(Self.mostQuoted >> 10) KiB",
                    remedy: "name the file in the prompt; the agent has it in its workspace"
                )
            }
            // As a shell's `$(...)` has it.
            values[piece.text] = String(text.reversed().drop(while: \.isNewline).reversed())
        }
        let filled = template.filled { values[$0.text] }
        guard filled.utf8.count <= Self.mostPrompt else {
            throw ClocheError(
                .state,
                "the prompt is longer than \(Self.mostPrompt >> 10) KiB with what it quotes"
            )
        }
        return filled
    }

    /// Removes what an earlier beginning of a unit left; another's agent is not touched.
    private func clear(_ unit: TaskUnit) throws(ClocheError) {
        let directory = try directory(unit)
        guard directory.exists else { return }
        // One whose record cannot be read is nobody's that we know.
        guard isOurs((try? directory.read()).flatMap(TaskAgent.mark)) else {
            throw ClocheError(.exists, "an agent named \(directory.name) exists that is none of this run")
        }
        try drop(unit, directory)
    }

    /// Ends and removes the agent of a unit whose task is another now.
    func abandon(_ unit: TaskUnit) throws(ClocheError) {
        let directory = try directory(unit)
        // As above.
        guard directory.exists, isOurs((try? directory.read()).flatMap(TaskAgent.mark)) else { return }
        try drop(unit, directory)
    }

    /// Removes an agent of ours with all that it has not handed over.
    private func drop(_ unit: TaskUnit, _ directory: AgentDirectory) throws(ClocheError) {
        if run.plan.keep {
            let kept = "cloche-kept/\(directory.name)-\(run[unit].begins)"
            do throws(ClocheError) {
                try project.sync(directory.name)
                try repository.keepBranch("cloche/" + directory.name, as: kept)
            } catch { note("the half-done work of \(directory.name) could not be kept: \(error.what)") }
        }
        try remove(directory)
    }

    /// How often a removal is tried, and the time between, in milliseconds: the sandbox of a supervisor that was killed a
    /// moment ago may still be ending, and a git that outlives a killed `up` may still be at work.
    private static let removals = 50
    private static let removalPace: Int32 = 100

    private func remove(_ directory: AgentDirectory) throws(ClocheError) {
        for _ in 1..<Self.removals {
            do throws(ClocheError) {
                guard directory.exists else { return }
                try project.delete(directory.name, force: true)
                return
            } catch { Pause.milliseconds(Self.removalPace) }
        }
        try project.delete(directory.name, force: true)
    }

    // MARK: taking

    /// Takes the work of an agent that is done, as one commit.
    func take(_ unit: TaskUnit) throws(ClocheError) {
        guard let task = run.plan[unit.task] else { return }
        let name = run.plan.agent(unit)
        let commit: String
        do throws(ClocheError) {
            // One that says that it is done is there still.
            try project.stop(name)
            let (directory, record, found) = try project.gitAgent(name)
            if TaskAgent.isFromBeforeBoot(record) { return try lose(unit, TaskAgent.beforeBoot) }
            let worktree = try found.durable
            let synced = try sync(directory, record, worktree)
            for notice in synced.notices {
                if case .noSnapshot = notice {
                    throw ClocheError(
                        .git,
                        "its uncommitted changes could not be taken over",
                        why: notice.text,
                        remedy: "have the task commit its work"
                    )
                }
                if notice.isIncomplete { note("\(name): \(notice.text)") }
            }
            commit = try worktree.takeResult(as: refs.result(unit.name))
            for output in unit.part == .judge ? [] : task.outputs {
                if try !repository.hasFile(output.path, in: commit) {
                    throw ClocheError(.state, "its output \(output.name) is missing", why: output.path)
                }
            }
        } catch {
            return try recordFailure(.ended(unit, failure: Self.words(error)))
        }
        try record(.result(unit, commit: commit))
        if case .good = run[unit].phase { try retire(unit) }
    }

    /// How often a fetch is tried: the process at its far end can be killed as any other.
    private static let fetches = 5

    private func sync(_ directory: AgentDirectory, _ record: AgentRecord, _ worktree: AgentWorktree)
        throws(ClocheError) -> SyncResult
    {
        for _ in 1..<Self.fetches {
            do throws(ClocheError) {
                return try project.sync(directory, record, worktree)
            } catch  where error.code == .git { continue }
        }
        return try project.sync(directory, record, worktree)
    }

    /// Removes the agent of a unit whose result is kept elsewhere, unless agents are to stay.
    func retire(_ unit: TaskUnit) throws(ClocheError) {
        let directory = try directory(unit)
        guard !run.plan.keep, directory.exists else { return }
        // As above.
        guard isOurs((try? directory.read()).flatMap(TaskAgent.mark)) else { return }
        do throws(ClocheError) {
            try remove(directory)
        } catch { note("agent \(directory.name) could not be removed: \(Self.words(error))") }
    }

    /// What was cut short between a result and the removal of its agent; when all is well, those that failed, too.
    func removeLeftovers() throws(ClocheError) {
        for (unit, state) in run.units.sorted(by: { $0.key.name < $1.key.name }) {
            var isDone = run.hasSucceeded
            if case .good = state.phase { isDone = true }
            if isDone { try retire(unit) }
        }
    }

    // MARK: checks and judges

    func startCheck(_ unit: TaskUnit, _ commit: String) throws(ClocheError) -> TaskCommand? {
        guard let task = run.plan[unit.task], let line = task.check else { return nil }
        return try TaskCommand(
            line,
            on: commit,
            profile: task.checkProfile,
            called: unit.name + ".check",
            project,
            repository,
            place
        )
    }

    func startJudge(_ name: String) throws(ClocheError) -> TaskCommand? {
        guard let task = run.plan[name], case .command(let line)? = task.judge else { return nil }
        return try TaskCommand(
            line,
            on: try sideBySide(task),
            profile: task.checkProfile,
            called: name + ".judge",
            project,
            repository,
            place
        )
    }

    /// What a judge's command has printed.
    func takeVerdict(_ name: String, _ command: TaskCommand, _ code: Int32) throws(ClocheError) {
        if let failure = command.failure("its judge", status: code) {
            return try recordFailure(.failed(task: name, why: failure))
        }
        try choose(name, command.lastLine, "the last line that its judge printed")
    }

    /// What a judging agent has written.
    func readVerdict(_ name: String, _ commit: String) throws(ClocheError) {
        let text = try repository.text(of: "winner", in: commit, limit: 4096)
        try choose(name, text, "the file `winner` of its judge")
        try retire(TaskUnit(name, .judge))
    }

    private func choose(_ name: String, _ said: String?, _ source: String) throws(ClocheError) {
        let word = said?.split(whereSeparator: \.isWhitespace).last.map { String($0) } ?? ""
        let numbers = run.plan[name].map { run.candidates(of: $0).map(\.number) } ?? []
        guard let number = Int(word), numbers.contains(number) else {
            let shown = numbers.map(String.init).joined(separator: ", ")
            let why = "\(source) names no candidate: \(String(word.prefix(80)).debugDescription), of \(shown)"
            return try record(.failed(task: name, why: why))
        }
        try record(.chosen(task: name, candidate: number))
    }

    // MARK: the end

    /// Merges the results that nobody builds on onto the branch of the end result, as it is now.
    func merge() throws(ClocheError) {
        let tip = try repository.uncheckedBranch(run.plan.into).tip
        let start = tip ?? history.pins[""] ?? "HEAD"
        let results = results(of: run.plan.sinks.map(\.name))
        let commit: String
        do throws(ClocheError) {
            commit = try repository.merge(results, onto: start, called: run.plan.into, as: refs.end)
        } catch {
            if error.code == .conflict { try record(.conflict(why: Self.words(error))) }
            throw error
        }
        try record(.merged(commit: commit, previous: tip))
    }

    // MARK: beginning anew

    /// Removes the run that there is, with its agents and results.
    func removeRun(_ before: GraphHistory?, _ file: PlanFile, _ options: GraphOptions) throws(ClocheError) {
        let plan = file.plan
        if let before, !options.force, !before.run.hasSucceeded {
            let done = before.run.states.filter { if case .succeeded = $0.state { true } else { false } }
                .count
            let running = before.run.running.count
            if done + running > 0 {
                throw ClocheError(
                    .wouldLose,
                    "beginning anew would lose the work of \(plan.name)",
                    why: "\(done) tasks are done, and \(running) at work, and no branch has that yet",
                    remedy:
                        "`cloche up \(file.name)` goes on; `cloche up --restart --force \(file.name)` drops it"
                )
            }
        }
        let prefix = before.map { "\(plan.name).\($0.id)/" } ?? plan.name + "."
        for directory in project.state.agents() {
            // One whose record cannot be read is nobody's that we know.
            guard (try? directory.read()).flatMap(TaskAgent.mark)?.hasPrefix(prefix) == true else { continue }
            try project.delete(directory.name, force: true)
        }
        try repository.forget(below: refs.all)
        try putAside()
    }
}

extension Project {
    /// Asks an agent to end, and does not wait.
    func askToStop(_ name: String) {
        // Whoever waits for its end afterwards asks again, and tells what is wrong.
        guard let client = try? SupervisorClient.connect(agentDirectory(name), wait: false) else { return }
        try? client.send(.stop(graceSeconds: nil))  // the same
    }
}
