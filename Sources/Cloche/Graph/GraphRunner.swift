// Carries out a plan: one loop that does what GraphRun says, one thing at a time, and waits on descriptors when there is
// nothing to do. Every step is on disk before the next is taken, and each can be taken again if it was cut short: an agent
// that is there is known by its mark, a result by its ref, the end by the branch.

internal import AgentStore
package import ClocheModel
internal import GitWorkspace
internal import Glibc
internal import LinuxSystem
internal import ProfileLoading
package import TaskGraph

/// What a run tells while it goes on.
package enum GraphReport {
    /// This has happened.
    case event(GraphEvent)
    /// A person is asked.
    case gate(task: String)
    /// Something that a person should know.
    case note(String)
    /// Time has passed, or an agent does something else.
    case tick
}

/// How a run came to an end for now.
package enum GraphOutcome: Equatable, Sendable {
    /// The branch has the end result.
    case succeeded(commit: String)
    /// Tasks have failed.
    case failed
    /// A person ended it; it can go on.
    case interrupted
}

/// One plan being carried out by this process.
package final class GraphRunner {
    let project: Project
    let repository: GitRepository
    let refs: ResultRefs
    private let holder: GraphHolder
    private(set) var history: GraphHistory
    private let file: String
    /// How many programs may run at once.
    package let width: Int
    /// Whether there was a run before that this one goes on with.
    package private(set) var resumes = false
    /// Whether the branch that was given the result was moved to something else since.
    package private(set) var hasMoved = false
    /// What is told before anybody listens.
    private var untold: [GraphReport] = []
    private var report: ((GraphReport) -> Void)?
    private var agents: [TaskUnit: TaskAgent] = [:]
    private var commands: [GraphAction: TaskCommand] = [:]
    private var killedCommands: [GraphAction: Int] = [:]
    private var losses: [TaskUnit: Int] = [:]
    private var asked: Set<String> = []
    private let signals: SignalDescriptor
    private var isInterrupted = false

    /// Where it stands.
    package var run: GraphRun { history.run }
    var place: GraphDirectory { holder.directory }

    /// Takes the right to carry a plan out, and takes up the run that there is.
    ///
    /// - Throws: `.state` when another process is at it, or the plan has changed where tasks are done; `.wouldLose`
    ///   when beginning anew would lose work.
    package init(_ project: Project, _ planFile: PlanFile, _ options: GraphOptions) throws(ClocheError) {
        let plan = planFile.plan
        try project.state.prepare()
        guard let holder = try project.state.graph(plan.name).take() else {
            throw ClocheError(
                .state,
                "plan \(plan.name) is being carried out already",
                why: "another `cloche up` is at it",
                remedy: "`cloche graph --status \(planFile.name)` shows how it stands"
            )
        }
        self.project = project
        self.holder = holder
        repository = try GitRepository.discover(from: project.directory).durable
        refs = ResultRefs(plan: plan.name)
        width = options.parallel ?? plan.parallel ?? Processors.count
        file = Project.fileName(plan)
        do throws(SystemError) {
            let ending = [SIGINT, SIGTERM, SIGHUP].filter { !SignalDescriptor.isIgnored($0) }
            signals = try SignalDescriptor(ending + [SIGCHLD])
        } catch { throw ClocheError(.system, "signals cannot be read", why: error.description) }
        let before = try Self.earlier(holder, planFile, file, options)
        if before == nil { try project.refuseTakenNames(plan) }
        let pins = try project.check(planFile, known: options.restart ? [:] : before?.pins ?? [:])
        let first = GraphEvent.plan(text: planFile.text, run: Self.newID(), pins: pins)
        if let before, !options.restart {
            history = before
            resumes = true
            try repository.removeLocksFromBeforeBoot()
            let endedBadly = run.isOver && !run.hasSucceeded
            try takeChanges(planFile, pins)
            if endedBadly { try record(.again) }
            let standing = try repository.standing(of: run)
            if standing == .gone { try record(.gone) }
            hasMoved = standing == .moved
            return
        }
        guard let history = try GraphHistory([first], file: file) else {
            preconditionFailure("it has an event")
        }
        self.history = history
        if options.restart {
            try removeRun(before, planFile, options)
            try project.refuseTakenNames(plan)
        }
        try holder.append(first.document)
    }

    /// The run that there is; a journal that cannot be read stops all but who says so.
    private static func earlier(
        _ holder: GraphHolder,
        _ planFile: PlanFile,
        _ file: String,
        _ options: GraphOptions
    ) throws(ClocheError) -> GraphHistory? {
        do throws(ClocheError) {
            return try GraphHistory(Project.events(holder.events(), holder.directory), file: file)
        } catch {
            guard options.restart, options.force else {
                let remedy = "begin anew: `cloche up --restart --force \(planFile.name)`"
                throw ClocheError(error.code, error.what, why: error.why, remedy: remedy)
            }
            return nil
        }
    }

    private static func newID() -> String { String(WallClock.milliseconds, radix: 36) }

    /// A plan that is not what it was goes on only if what is done is as it was.
    private func takeChanges(_ planFile: PlanFile, _ pins: [String: String]) throws(ClocheError) {
        guard planFile.plan != run.plan else { return }
        var changed = run
        let touched = changed.change(to: planFile.plan)
        guard touched.isEmpty else {
            throw ClocheError(
                .state,
                "the plan has changed where tasks are done: \(touched.joined(separator: ", "))",
                why: "what they did was for the plan as it was",
                remedy: """
                    put them back, or begin anew: `cloche up --restart --force \(planFile.name)`; if it is another plan, give \
                    it another `name`
                    """
            )
        }
        // What works still for a task as it was makes place first: a run that is cut short here finds it lost.
        for unit in run.units.keys where run[unit] != changed[unit] { try abandon(unit) }
        try record(.plan(text: planFile.text, run: history.id, pins: pins))
    }

    // MARK: what has happened

    /// Writes down what has happened, then believes it.
    func record(_ event: GraphEvent) throws(ClocheError) {
        try holder.append(event.document)
        try history.apply(event, file: file)
        tell(.event(event))
    }

    /// As `record`, for what may have failed only because a person ended it all: then it is not written down.
    func recordFailure(_ event: GraphEvent) throws(ClocheError) {
        takeSignals()
        if !isInterrupted { try record(event) }
    }

    /// Puts the journal of the run that there was aside.
    func putAside() throws(ClocheError) { try holder.putAside() }

    func note(_ text: String) { tell(.note(text)) }

    private func tell(_ what: GraphReport) {
        if let report { report(what) } else { untold.append(what) }
    }

    /// What the program of a unit does, as far as it is known.
    package func activity(_ unit: TaskUnit) -> HarnessState? { agents[unit]?.activity }

    private func takeSignals() {
        for signal in signals.take() where signal != SIGCHLD { isInterrupted = true }
    }

    // MARK: the loop

    /// Goes on until nothing is left to be done.
    ///
    /// - Parameter ticks: whether the passing of time is told, too.
    package func run(ticks: Bool, _ report: @escaping (GraphReport) -> Void) throws(ClocheError)
        -> GraphOutcome
    {
        self.report = report
        for early in untold { report(early) }
        try removeLeftovers()
        while true {
            takeSignals()
            if isInterrupted {
                try stopAll()
                return .interrupted
            }
            try reapCommands()
            // Last of all that may bring a task before its gate: an answer may be there already, and rings no more.
            try takeAnswers()
            if try step() { continue }
            if run.isOver { break }
            try wait(ticks: ticks)
        }
        guard run.hasSucceeded, let commit = run.merged?.commit else { return .failed }
        try removeLeftovers()
        return .succeeded(commit: commit)
    }

    /// Does one thing of those that can be done now; false when there is none.
    private func step() throws(ClocheError) -> Bool {
        for action in run.next {
            switch action {
            case .ask(let task):
                guard asked.insert(task).inserted else { continue }
                tell(.gate(task: task))
            case .watch(let unit):
                if try watch(unit, isReady: false) { return true }
            case .begin(let unit):
                guard occupied < width else { continue }
                try begin(unit)
                return true
            case .take(let unit):
                agents[unit] = nil
                try take(unit)
                return true
            case .check(let unit, let commit):
                guard commands[action] == nil, occupied < width else { continue }
                commands[action] = try startCheck(unit, commit)
                return true
            case .judge(let task):
                guard commands[action] == nil, occupied < width else { continue }
                commands[action] = try startJudge(task)
                return true
            case .readVerdict(let task, let commit):
                try readVerdict(task, commit)
                return true
            case .merge:
                try merge()
                return true
            case .land(let commit, let previous):
                if try repository.land(commit, on: run.plan.into, from: previous) {
                    try record(.landed)
                } else {
                    // It has moved: the results go onto what is there now.
                    try merge()
                }
                return true
            }
        }
        return false
    }

    private var occupied: Int { run.running.count + commands.count }

    /// Looks at an agent; true when something of it is on record now.
    private func watch(_ unit: TaskUnit, isReady: Bool) throws(ClocheError) -> Bool {
        let agent: TaskAgent
        if let known = agents[unit] {
            agent = known
        } else {
            agent = TaskAgent(try directory(unit), mark: mark(unit))
            agents[unit] = agent
        }
        // One with a socket has news only when that is readable.
        guard isReady || agent.needsLook, let news = try agent.news(isReady: isReady) else { return false }
        agents[unit] = nil
        switch news {
        case .finished, .reportedDone: try record(.ended(unit, failure: nil))
        case .failed(let why): try recordFailure(.ended(unit, failure: why))
        case .lost(let why): try lose(unit, why)
        case .foreign:
            let name = run.plan.agent(unit)
            try record(.ended(unit, failure: "an agent named \(name) exists that is none of this run"))
        }
        return true
    }

    /// How often an agent begins anew that is lost each time, before that is its task's failure.
    private static let mostLosses = 20

    /// An agent is gone through no fault of its own: it begins anew, unless that has happened too often.
    func lose(_ unit: TaskUnit, _ why: String) throws(ClocheError) {
        losses[unit, default: 0] += 1
        guard losses[unit, default: 0] >= Self.mostLosses else { return try record(.lost(unit, why: why)) }
        losses[unit] = nil
        try record(.ended(unit, failure: "it was lost \(Self.mostLosses) times: \(why)"))
    }

    /// Between two looks at an agent that has no socket yet, in milliseconds.
    private static let lookInterval: Int32 = 100
    /// Between two pictures for a person, in milliseconds.
    private static let pictureInterval: Int32 = 1000

    /// Waits until something is worth a look.
    private func wait(ticks: Bool) throws(ClocheError) {
        tell(.tick)
        let watched = run.next.compactMap { action -> TaskUnit? in
            if case .watch(let unit) = action { unit } else { nil }
        }
        let known = watched.compactMap { unit in agents[unit].map { (unit, $0) } }
        let needsLook = known.count < watched.count || known.contains { $0.1.needsLook }
        let outputs = commands.values.flatMap(\.openOutputs)
        var interests = known.map(\.1.interest) + outputs.map(\.interest)
        interests.append(Poll.Interest(signals.descriptor.number, readable: true))
        interests.append(Poll.Interest(holder.bellNumber, readable: true))
        let ready: [Bool]
        do throws(SystemError) {
            let limit = needsLook ? Self.lookInterval : ticks ? Self.pictureInterval : -1
            ready = try Poll.wait(interests, milliseconds: limit)
        } catch { throw ClocheError(.system, "cannot wait for the agents", why: error.description) }
        if ready.last == true {
            holder.silence()
        }
        for (index, output) in outputs.enumerated() where ready[known.count + index] { output.take() }
        for (index, (unit, _)) in known.enumerated() where ready[index] {
            _ = try watch(unit, isReady: true)
        }
    }

    // MARK: persons

    private func takeAnswers() throws(ClocheError) {
        for action in run.next {
            guard case .ask(let task) = action, let approved = place.answer(to: task) else { continue }
            try record(.gate(task: task, approved: approved))
            try place.forgetAnswer(to: task)
            asked.remove(task)
        }
    }

    /// Ends everything so that it can go on later.
    private func stopAll() throws(ClocheError) {
        for (_, command) in commands { command.kill() }
        commands = [:]
        let running = run.running
        if !running.isEmpty { note("stopping \(running.count) agent\(running.count == 1 ? "" : "s")") }
        // All are asked before any is waited for.
        for unit in running { project.askToStop(run.plan.agent(unit)) }
        for unit in running {
            do throws(ClocheError) {
                try project.stop(run.plan.agent(unit))
            } catch  where error.code == .notFound {}  // it was not made yet
            try record(.lost(unit, why: "`up` was ended"))
        }
    }

    // MARK: checks and judges

    private func reapCommands() throws(ClocheError) {
        while let (pid, code) = Subprocess.reap() {
            // Any other child is a supervisor, whose lock tells what there is to know.
            guard let (action, command) = commands.first(where: { $0.value.pid == pid }) else { continue }
            commands[action] = nil
            command.finish()
            guard let code else {
                try killed(action)
                continue
            }
            switch action {
            case .check(let unit, _):
                if let failure = command.failure("the check", status: code) {
                    try recordFailure(.checked(unit, failure: failure))
                } else {
                    try record(.checked(unit, failure: nil))
                    try retire(unit)
                }
            case .judge(let task): try takeVerdict(task, command, code)
            default: break
            }
        }
    }

    /// Kills of one command that are taken for somebody else's doing.
    private static let mostKills = 10

    /// A command was killed from outside: it says nothing of what it was for, and is run again.
    private func killed(_ action: GraphAction) throws(ClocheError) {
        killedCommands[action, default: 0] += 1
        guard killedCommands[action, default: 0] >= Self.mostKills else { return }
        switch action {
        case .check(let unit, _): try record(.checked(unit, failure: "the check was killed again and again"))
        case .judge(let task): try record(.failed(task: task, why: "its judge was killed again and again"))
        default: break
        }
    }
}
