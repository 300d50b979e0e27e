// Plans of tasks: read, checked against this project, and where their runs are. GraphRunner carries one out.

internal import AgentStore
package import ClocheModel
internal import GitWorkspace
internal import LinuxSystem
internal import ProfileLoading
internal import StructuredText
package import TaskGraph
internal import TerminalText

/// A plan's file.
package struct PlanFile: Sendable {
    /// What it says.
    package let text: String
    /// Its path as it was named.
    package let name: String
    /// The plan.
    package let plan: TaskPlan
}

/// How a plan is to be carried out.
package struct GraphOptions: Sendable {
    /// How many programs may run at once; nil takes the plan's number, or that of the processors.
    package var parallel: Int?
    /// Whether a run that there is makes place for a new one.
    package var restart = false
    /// Whether that is done even if it loses work.
    package var force = false

    /// Goes on with the run that there is.
    package init() {}
}

/// How the run of a plan stands.
package struct GraphStatus: Sendable {
    /// Where it stands.
    package let history: GraphHistory
    /// Whether a process is at it.
    package let isHeld: Bool
}

/// What the branch of the end has of a result that it was given.
package enum ResultStanding: String, Sendable {
    /// It has it.
    case there = "has-result"
    /// It is gone, or where it was before.
    case gone
    /// It was moved to something else.
    case moved
}

extension GitRepository {
    /// What the branch of the end has of the result of a run; nil before it was given any.
    func standing(of run: GraphRun) throws(ClocheError) -> ResultStanding? {
        guard run.hasLanded, let end = run.merged else { return nil }
        guard let tip = try commit("refs/heads/" + run.plan.into) else { return .gone }
        if try isAncestor(end.commit, of: tip) { return .there }
        return tip == end.previous ? .gone : .moved
    }
}

extension Project {
    /// Reads a plan from a file.
    package func readPlan(_ path: String) throws(ClocheError) -> PlanFile {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Files.read(path, limit: 2 << 20)
        } catch {
            throw ClocheError(
                .notFound,
                "the plan cannot be read",
                why: error.description,
                remedy: "check its path"
            )
        }
        return PlanFile(
            text: String(decoding: bytes, as: UTF8.self),
            name: path,
            plan: try TaskPlan.read(bytes, file: path)
        )
    }

    /// Refuses a plan that cannot be carried out here: profiles, revisions, the branch of its end.
    ///
    /// - Parameter known: what a run that there is has taken them for; those need not be there any more.
    /// - Returns: the commits that its revisions stand for; the one that is checked out is under the empty name.
    @discardableResult
    package func check(_ file: PlanFile, known: [String: String] = [:]) throws(ClocheError) -> [String:
        String]
    {
        let plan = file.plan
        var seen: Set<[String]> = []
        for task in plan.tasks {
            var profiles = [(task.profile, task.overrides)]
            if task.check != nil || task.judge != nil { profiles.append((task.checkProfile, [])) }
            if case .agent(let profile, _)? = task.judge { profiles.append((profile ?? task.profile, [])) }
            for (profile, overrides) in profiles where seen.insert([profile ?? ""] + overrides).inserted {
                do throws(ClocheError) {
                    _ = try self.profiles.load(name: profile, overrides: overrides)
                } catch {
                    let place = TaskPlan.place(of: task.origin, in: file.text).map { ":\($0.line)" } ?? ""
                    let what = "\(visible(file.name))\(place): task \(task.name): \(error.what)"
                    throw ClocheError(error.code, what, why: error.why, remedy: error.remedy)
                }
            }
        }
        let repository = try GitRepository.discover(from: directory)
        guard let head = try repository.commit("HEAD") else {
            throw ClocheError(
                .git,
                "the repository has no commit yet",
                why: "every task starts from one",
                remedy: "make the first: git commit --allow-empty -m 'first commit'"
            )
        }
        var pins = ["": head]
        for task in plan.tasks {
            guard case .revision(let name) = task.base, known[name] == nil else { continue }
            guard let commit = try repository.commit(name) else {
                throw ClocheError(.notFound, "task \(task.name): no commit \(name.debugDescription)")
            }
            pins[name] = commit
        }
        do throws(ClocheError) {
            _ = try repository.uncheckedBranch(plan.into)
        } catch  where error.code == .state {
            throw ClocheError(
                .state,
                error.what,
                why: error.why,
                remedy: "name another branch with `into`; `git merge` it when it is good"
            )
        }
        return pins.merging(known) { $1 }
    }

    /// Refuses a plan that has not begun if agents of others have the names of its own.
    package func refuseTakenNames(_ plan: TaskPlan) throws(ClocheError) {
        for task in plan.tasks {
            for unit in task.units + [TaskUnit(task.name, .judge)] {
                let directory = try agentDirectory(plan.agent(unit))
                guard directory.exists else { continue }
                throw ClocheError(
                    .exists,
                    "an agent named \(directory.name) exists already",
                    why: "task \(task.name) needs that name",
                    remedy: "`cloche delete \(directory.name)` first, or give the plan another `name`"
                )
            }
        }
        let namesake = try agentDirectory(plan.name)
        guard plan.into == "cloche/" + plan.name, namesake.exists else { return }
        throw ClocheError(
            .exists,
            "an agent has the plan's name, \(plan.name)",
            why: "\(plan.into), where the result goes, is the branch of that agent",
            remedy: "give the plan another `name`, or its result another branch with `into`"
        )
    }

    /// What the branch of the end has of the result of a run; nil before it was given any.
    package func standing(of run: GraphRun) throws(ClocheError) -> ResultStanding? {
        try GitRepository.discover(from: directory).standing(of: run)
    }

    /// How the run of a plan stands; nil when there is none.
    package func graphStatus(_ plan: TaskPlan) throws(ClocheError) -> GraphStatus? {
        let place = state.graph(plan.name)
        let events = try Self.events(try place.read(), place)
        guard let history = try GraphHistory(events, file: Self.fileName(plan)) else { return nil }
        return GraphStatus(history: history, isHeld: place.isHeld)
    }

    /// Keeps a person's answer to a gate.
    ///
    /// - Returns: whether a process is at the run, which takes it in at once.
    package func answerGate(_ task: String, of plan: TaskPlan, approved: Bool) throws(ClocheError) -> Bool {
        let gated = plan.tasks.filter(\.hasGate).map(\.name)
        guard gated.contains(task) else {
            throw ClocheError(
                .notFound,
                "no task \(task.debugDescription) of \(plan.name) waits for a person",
                why: gated.isEmpty
                    ? "no task has a gate" : "those with a gate are \(gated.joined(separator: ", "))"
            )
        }
        let place = state.graph(plan.name)
        if let status = try graphStatus(plan) {
            switch status.history.run.state(of: task) {
            case .blocked, .gated, .skipped: break
            // What was denied is asked again by the next `up`, which finds the answer.
            case .failed where status.history.run.isDenied(task) && !status.isHeld: break
            default:
                let isDenied = status.history.run.isDenied(task)
                throw ClocheError(
                    .state,
                    "task \(task) of \(plan.name) does not wait for a person any more",
                    why: isDenied ? "it was denied, and this `cloche up` goes on without it" : "",
                    remedy: isDenied ? "when that has ended, say it again" : ""
                )
            }
        }
        try state.prepare()
        try place.answer(task, approved: approved)
        return place.isHeld
    }

    /// The events of a journal.
    static func events(_ documents: [Document], _ place: GraphDirectory) throws(ClocheError) -> [GraphEvent] {
        var events: [GraphEvent] = []
        for document in documents {
            guard let event = GraphEvent(document: document) else {
                throw ClocheError(
                    .state,
                    "the journal of the run was written by a newer Cloche",
                    why: "line \(events.count + 1) of \(place.journal) is not known",
                    remedy: "use that version, or one later; or begin anew: `cloche up --restart --force`"
                )
            }
            events.append(event)
        }
        return events
    }

    /// What a text without a name takes its own from, wherever the file is.
    static func fileName(_ plan: TaskPlan) -> String { plan.name + ".yaml" }
}
