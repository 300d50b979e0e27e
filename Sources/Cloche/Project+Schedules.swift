// Schedules: agents that are started at certain times, by timers of the user's systemd manager. What is to be started is
// in a file of the project's state; a unit only names that file, so that nothing of it is read by systemd.

internal import AgentStore
public import ClocheModel
internal import LinuxSystem

/// A schedule that is to be made.
public struct NewSchedule: Sendable {
    /// Its name: the beginning of its agents' names.
    public var name: String
    /// When it is due.
    public var time: CronLine
    /// The directory in which relative paths of `words` are meant.
    public var directory: String
    /// Options and task of `cloche start`, as its command line has them after the name.
    public var words: [String]
    /// Whether a run may begin while an earlier one still runs.
    public var overlaps: Bool
    /// What a person can do where there is no systemd user manager.
    public var instead: String

    /// A schedule.
    public init(
        name: String,
        time: CronLine,
        directory: String,
        words: [String],
        overlaps: Bool = false,
        instead: String = ""
    ) {
        (self.name, self.time, self.directory, self.words) = (name, time, directory, words)
        (self.overlaps, self.instead) = (overlaps, instead)
    }
}

/// What is known of a schedule.
public struct ScheduleInfo: Equatable, Sendable {
    /// Its name.
    public let name: String
    /// When it is due, as it was given.
    public let time: String
    /// The same as systemd has it; empty if the record is of a line that this version does not know.
    public let calendar: [String]
    /// The directory in which relative paths of `words` are meant.
    public let directory: String
    /// Options and task of `cloche start`.
    public let words: [String]
    /// Whether a run may begin while an earlier one still runs.
    public let overlaps: Bool
    /// The timer's unit.
    public let unit: String
    /// Whether its timer waits; nil where no manager of systemd's can be asked.
    public let isActive: Bool?
    /// Its next time, in milliseconds since 1970.
    public let next: Int64?
    /// Its last one.
    public let last: Int64?
    /// systemd's word for how the last run's command ended, such as `success`.
    public let result: String?
}

extension Project {
    /// Makes a schedule, whose timer then waits for its time.
    ///
    /// - Throws: why it cannot be; nothing is left behind then.
    public func addSchedule(_ new: NewSchedule) throws(ClocheError) -> ScheduleInfo {
        try Self.checkSchedule(new.name)
        let manager = try userTimers(new)
        try state.prepare()
        let lock = try state.lockSchedules()
        defer { _ = lock.isLocked }
        let (file, directory) = (state.schedule(new.name), UserUnits(installation))
        let units = units(file, calendar: new.time.calendar)
        guard !file.exists, !directory.has(units.name) else {
            throw ClocheError(
                .exists,
                "a schedule named \(new.name) exists already",
                why: file.exists ? file.path : "\(directory.path)/\(units.timerName)",
                remedy: "choose another name, or `cloche schedule remove \(new.name)` first"
            )
        }
        do throws(ClocheError) {
            try file.write(record(new))
            try directory.write(units)
            try manager.enable(units)
        } catch {
            manager.disable(units.name)
            // The failure to tell is the one that led here.
            try? directory.remove(units.name)
            try? file.remove()  // as above
            _ = try? manager.ask(["daemon-reload"])  // as above
            throw ClocheError(
                error.code,
                "cannot make the schedule \(new.name)",
                why: "\(error.what): \(error.why)",
                remedy: error.remedy
            )
        }
        return try schedule(file, try manager.states([units.name])[units.name])
    }

    /// All schedules of the project, by name; one whose record cannot be read is named in `damaged`.
    public func schedules() -> (schedules: [ScheduleInfo], damaged: [ClocheError]) {
        let files = state.schedules()
        if files.isEmpty { return ([], []) }
        // Where no manager answers, what the files say is all there is.
        let states = try? UserTimers().states(files.map(unitName))
        var found: [ScheduleInfo] = []
        var damaged: [ClocheError] = []
        for file in files {
            do throws(ClocheError) {
                found.append(try schedule(file, states.map { $0[unitName(file)] ?? UserTimers.State() }))
            } catch { damaged.append(error) }
        }
        return (found, damaged)
    }

    /// Removes a schedule with its timer; agents that it started go on.
    public func removeSchedule(_ name: String) throws(ClocheError) {
        try Self.checkSchedule(name)
        let (file, directory) = (state.schedule(name), UserUnits(installation))
        let unit = unitName(file)
        if !file.exists, !directory.has(unit) { _ = try file.read() }
        let lock = try state.lockSchedules()
        defer { _ = lock.isLocked }
        // Without a manager there is no timer, only its files.
        let manager = try? UserTimers()
        manager?.disable(unit)
        try directory.remove(unit)
        try manager?.ask(["daemon-reload"])
        // Last, so that a failure before it can be tried again.
        try file.remove()
    }

    /// Whether systemd keeps the user's manager, and with it timers and agents, while the user is not logged in.
    public var schedulesOutliveLogin: Bool { Files.exists("/var/lib/systemd/linger/" + CurrentUser.name) }

    private func userTimers(_ new: NewSchedule) throws(ClocheError) -> UserTimers {
        do throws(ClocheError) {
            return try UserTimers()
        } catch {
            throw ClocheError(
                .host,
                "cannot make the schedule \(new.name): \(error.what)",
                why: error.why,
                remedy: new.instead
            )
        }
    }

    private func record(_ new: NewSchedule) -> ScheduleRecord {
        ScheduleRecord(
            name: new.name,
            time: new.time.text,
            project: directory,
            directory: new.directory,
            words: new.words,
            environment: ScheduledRun.variables,
            overlaps: new.overlaps,
            created: WallClock.milliseconds
        )
    }

    private func schedule(_ file: ScheduleFile, _ state: UserTimers.State?) throws(ClocheError)
        -> ScheduleInfo
    {
        let record = try file.read()
        return ScheduleInfo(
            name: record.name,
            time: record.time,
            // See there.
            calendar: (try? CronLine(record.time))?.calendar ?? [],
            directory: record.directory,
            words: record.words,
            overlaps: record.overlaps,
            unit: unitName(file) + ".timer",
            isActive: state?.isActive,
            next: state?.next,
            last: state?.last,
            result: state?.last == nil ? nil : state?.result
        )
    }

    /// `cloche-PROJECT-NAME`, by the folder of the project's state, which is made of characters that units may have.
    private func unitName(_ file: ScheduleFile) -> String {
        "cloche-\(state.path.lastComponent)-\(file.name)"
    }

    private func units(_ file: ScheduleFile, calendar: [String]) -> TimerUnits {
        TimerUnits(
            name: unitName(file),
            program: installation.executable,
            arguments: ["internal", "scheduled", file.path],
            calendar: calendar,
            schedule: file.name
        )
    }

    /// Refuses a name that cannot begin an agent's name and be its label.
    private static func checkSchedule(_ name: String) throws(ClocheError) {
        let isLabel = (try? AgentLabel(query: "schedule=\(name)")) != nil  // no error: a judgement
        if AgentName.isValid(name), isLabel, name.utf8.count <= 32 { return }
        throw ClocheError(
            .usage,
            "not a name for a schedule: \(name.debugDescription)",
            why: "agents are called by it, with date and time behind it",
            remedy:
                "use at most 32 letters, digits, '.', '_' and '-', beginning and ending with a letter or digit"
        )
    }
}
