// One run of a schedule, in the process that systemd starts: `cloche internal scheduled FILE`.

internal import AgentStore
public import ClocheModel
internal import LinuxSystem

/// What a schedule starts, now that it is due.
public struct ScheduledRun: Sendable {
    /// The schedule's name.
    public let schedule: String
    /// The project whose schedule it is.
    public let project: Project
    /// Options and task of `cloche start`.
    public let words: [String]
    /// The name for the agent.
    public let agent: String
    /// An agent of an earlier run which still runs, because of which there is to be no other.
    public let isHeldBy: String?

    /// What of a person's environment decides where programs and Cloche's files are; a user manager has its own.
    static var variables: [String] {
        ["HOME", "PATH", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"].compactMap { name in
            ProcessEnvironment.value(name).map { "\(name)=\($0)" }
        }
    }

    /// Reads a schedule's file, and makes its directory and variables those of this process.
    ///
    /// - Parameter path: the file.
    /// - Throws: also when the directory or the project is not there any more.
    public init(file path: String) throws(ClocheError) {
        let record = try ScheduleFile(path: path).read()
        let names = record.environment.map { $0.prefix { $0 != "=" } + "=" }
        let others = ProcessEnvironment.current.filter { variable in
            !names.contains { variable.hasPrefix($0) }
        }
        ProcessEnvironment.replace(others + record.environment)
        do {
            try ProcessEnvironment.enter(record.directory)
        } catch {
            throw ClocheError(
                .notFound,
                "the schedule \(record.name) cannot work in \(record.directory)",
                why: "\(error.errno)",
                remedy: "make the directory, or `cloche schedule remove \(record.name)` in the project"
            )
        }
        let project = try Project(at: record.project, installation: Installation())
        (self.project, schedule, words) = (project, record.name, record.words)
        agent = project.nextAgent(of: record.name, at: WallClock.milliseconds)
        isHeldBy = record.overlaps ? nil : project.runningAgent(of: record.name)
    }
}

extension Project {
    /// `NAME-20261121-1000`; a second one in the same minute has a number behind it.
    fileprivate func nextAgent(of schedule: String, at time: Int64) -> String {
        let name = "\(schedule)-\(WallClock.minuteStamp(time))"
        var (candidate, number) = (name, 1)
        while state.agent(candidate).exists {
            number += 1
            candidate = "\(name)-\(number)"
        }
        return candidate
    }

    /// An agent of the schedule that runs; a child of one does not count, whatever its labels are.
    fileprivate func runningAgent(of schedule: String) -> String? {
        let label = Document.Entry("schedule", .string(schedule))
        return agents().agents.first { agent in
            agent.isRunning && agent.record.parent == nil && agent.record.labels.contains(label)
        }?.record.name
    }
}
