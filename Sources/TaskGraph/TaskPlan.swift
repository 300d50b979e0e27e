// A plan: tasks and what each needs, as it stands after its matrices were expanded. Values only; PlanReader makes them
// from YAML, GraphRun says what to do next, and the layers above do it.

/// A set of tasks with what they need of each other.
package struct TaskPlan: Equatable, Sendable {
    /// Its name: the first part of its agents' names.
    package let name: String
    /// How many programs may run at once; nil leaves it to the machine.
    package let parallel: Int?
    /// The branch that the end result goes to.
    package let into: String
    /// Whether agents stay after their result was taken, and half-done work that was dropped stays as a branch.
    package let keep: Bool
    /// Its tasks, in an order in which nobody comes before what it needs.
    package let tasks: [PlannedTask]

    /// The task of a name.
    package subscript(name: String) -> PlannedTask? { tasks.first { $0.name == name } }

    /// Tasks whose result no other task builds on: together they are the end result.
    package var sinks: [PlannedTask] {
        let used = Set(tasks.flatMap(\.waitsFor))
        return tasks.filter { !used.contains($0.name) }
    }

    /// The name of a unit's agent.
    package func agent(_ unit: TaskUnit) -> String { "\(name)-\(unit.task)\(unit.part.suffix)" }
}

/// What a task begins at.
package enum TaskBase: Equatable, Sendable {
    /// The results of what it needs, merged; the plan's own commit where it needs nothing.
    case needs
    /// A branch, tag or commit.
    case revision(String)
    /// The result of another task.
    case task(String)
}

/// Who chooses among several results of one task.
package enum TaskJudge: Equatable, Sendable {
    /// A shell's command line in a sandbox, with the candidates in directories named by their numbers; the last line that it
    /// prints is the number of the best.
    case command(String)
    /// An agent in the same directory, which writes that number into the file `winner`.
    case agent(profile: String?, prompt: String)
}

/// One task.
package struct PlannedTask: Equatable, Sendable {
    /// Its name; of a matrix, with the values.
    package var name: String
    /// Its name in the file.
    package var origin: String
    /// The profile of its agent; nil is the project's default.
    package var profile: String?
    /// What its agent is to do.
    package var prompt: String
    /// The tasks that must have succeeded.
    package var needs: [String]
    /// What it begins at.
    package var base: TaskBase
    /// Files of its result that prompts of others may quote, by name.
    package var outputs: [TaskOutput]
    /// How many agents try it.
    package var candidates: Int
    /// Who chooses among them; nil takes the first that is good.
    package var judge: TaskJudge?
    /// A shell's command line that must succeed with the result.
    package var check: String?
    /// The profile of the sandbox of `check` and of a judge that is a command.
    package var checkProfile: String
    /// How often a failed attempt is made again.
    package var retries: Int
    /// `key=value` overrides of the profile.
    package var overrides: [String]
    /// Whether a person has to agree before it begins.
    package var hasGate: Bool

    /// The tasks that must have succeeded before it begins, its base among them.
    package var waitsFor: [String] {
        if case .task(let name) = base, !needs.contains(name) { return needs + [name] }
        return needs
    }

    /// Its agents but for a judge.
    package var units: [TaskUnit] {
        if candidates == 1 { return [TaskUnit(name, .only)] }
        return (1...candidates).map { TaskUnit(name, .candidate($0)) }
    }
}

/// A file of a task's result.
package struct TaskOutput: Equatable, Sendable {
    /// How prompts call it.
    package let name: String
    /// Its path in the result.
    package let path: String
}

/// One agent's part in a task.
package struct TaskUnit: Hashable, Sendable {
    /// Which part.
    package enum Part: Hashable, Sendable {
        /// There is but one.
        case only
        /// One of several that try the same.
        case candidate(Int)
        /// Chooses among them.
        case judge
    }

    /// The task.
    package let task: String
    /// Which of its agents.
    package let part: Part

    /// A part of a task.
    package init(_ task: String, _ part: Part) { (self.task, self.part) = (task, part) }

    /// The task's name with the part.
    package var name: String { task + part.suffix }
}

extension TaskUnit.Part {
    /// What follows the task's name in the agent's.
    package var suffix: String {
        switch self {
        case .only: ""
        case .candidate(let number): "-\(number)"
        case .judge: "-judge"
        }
    }

    /// As the journal has it.
    package var text: String { suffix.isEmpty ? "" : String(suffix.dropFirst()) }

    /// Nil for what is none.
    package init?(text: String) {
        switch text {
        case "": self = .only
        case "judge": self = .judge
        default:
            guard let number = Int(text), number > 0 else { return nil }
            self = .candidate(number)
        }
    }
}
