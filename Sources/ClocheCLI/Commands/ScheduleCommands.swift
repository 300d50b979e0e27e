// schedule: agents that are started at certain times; and what a timer runs when it is due.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import ProfileLoading
internal import TerminalText

enum ScheduleCommand {
    static func function(_ name: String) -> ClocheCommandLine.Function? {
        switch name {
        case "add": add
        case "list": list
        case "remove": remove
        default: nil
        }
    }

    // MARK: What a person types

    private static func add(_ context: Context) throws(ClocheError) -> Int32 {
        let (command, project) = (context.command, try context.project)
        let (name, words) = (command.required("name"), startWords(command))
        let time = try CronLine(command.required("cron"))
        // What cannot be started is refused now, and not at night.
        let start = try startOptions(name, words)
        _ = try project.profiles.load(name: start.profile, overrides: start.overrides)
        let directory: String
        do {
            directory = try Files.canonicalPath(".")
        } catch {
            throw ClocheError(
                .system,
                "cannot tell which directory this is",
                why: error.description,
                remedy: "cd to one that is there"
            )
        }
        let crontab = CrontabLine(
            time: time.text,
            directory: directory,
            program: [context.installation.executable]
                + (command.value("project").map { _ in ["-C", project.directory] } ?? []),
            name: name,
            words: words
        )
        let schedule = try project.addSchedule(
            NewSchedule(
                name: name,
                time: time,
                directory: directory,
                words: words,
                overlaps: command.flag("overlap"),
                instead: crontab.advice
            )
        )
        if command.flag("json") {
            context.output.json(document(schedule))
        } else {
            context.output.line(
                "\(name) is due at \(schedule.time)" + (schedule.next.map { ", next \(moment($0))" } ?? "")
            )
            context.output.line("  timer  \(schedule.unit)")
        }
        if !project.schedulesOutliveLogin {
            context.output.note(
                "timers run while you are logged in; `loginctl enable-linger` lets them run always"
            )
        }
        return ExitCode.success
    }

    private static func list(_ context: Context) throws(ClocheError) -> Int32 {
        let (schedules, damaged) = try context.project.schedules()
        if context.command.flag("json") {
            context.output.json(.list(schedules.map(document)))
        } else {
            let rows = schedules.map { schedule in
                [
                    schedule.name, schedule.time, schedule.next.map(moment) ?? missing(schedule),
                    schedule.last.map(moment) ?? "-", schedule.result ?? "-",
                    visible(schedule.words.map(\.quotedForShell).joined(separator: " "), limit: 60),
                ]
            }
            context.output.table(rows, header: ["NAME", "TIME", "NEXT", "LAST", "RESULT", "START"])
        }
        for error in damaged { context.output.report(error, json: false) }
        return ExitCode.success
    }

    private static func remove(_ context: Context) throws(ClocheError) -> Int32 {
        try context.project.removeSchedule(context.command.required("name"))
        return ExitCode.success
    }

    /// Why there is no next time.
    private static func missing(_ schedule: ScheduleInfo) -> String {
        switch schedule.isActive {
        case nil: "no systemd"
        case false?: "timer is off"
        case true?: "-"
        }
    }

    private static func moment(_ milliseconds: Int64) -> String {
        WallClock.minuteText(milliseconds)
    }

    private static func document(_ schedule: ScheduleInfo) -> Document {
        .object([
            "name": .string(schedule.name), "time": .string(schedule.time),
            "calendar": .strings(schedule.calendar), "directory": .string(schedule.directory),
            "start": .strings(schedule.words), "overlap": .bool(schedule.overlaps),
            "unit": .string(schedule.unit), "active": schedule.isActive.map { .bool($0) } ?? .null,
            "next": .optional(schedule.next), "last": .optional(schedule.last),
            "result": .optional(schedule.result),
        ])
    }

    // MARK: What is started

    /// Options and task as the command line of `start` has them after the name.
    private static func startWords(_ command: ParsedCommand) -> [String] {
        var words: [String] = []
        for option in command.location.spec.options where !["overlap", "json"].contains(option.name) {
            switch option.kind {
            case .flag: if command.flag(option.name) { words.append("--\(option.name)") }
            case .value: words += command.value(option.name).map { ["--\(option.name)=\($0)"] } ?? []
            case .repeated: words += command.values(option.name).map { "--\(option.name)=\($0)" }
            }
        }
        return words + (command.argument("task").map { ["--", $0] } ?? [])
    }

    private static func startOptions(_ agent: String, _ words: [String]) throws(ClocheError) -> StartOptions {
        let invocation: Invocation
        do throws(SyntaxError) {
            invocation = try CommandParser(.cloche).parse(["start", agent] + words)
        } catch {
            throw ClocheError(.usage, error.what, why: error.why, remedy: error.remedy)
        }
        guard case .run(let command) = invocation else {
            throw ClocheError(
                .usage,
                "the schedule of \(agent) starts no agent",
                remedy: "remove it and add it again"
            )
        }
        return try StartCommand.options(command)
    }

    /// What a timer runs: one agent, unless an earlier one still runs.
    ///
    /// Its output goes to the journal.
    static func due(_ file: String) throws(ClocheError) -> Int32 {
        let output = Output(color: "never")
        let run = try ScheduledRun(file: file)
        if let earlier = run.isHeldBy {
            output.line("\(run.schedule): skipped, since \(earlier) of an earlier run still runs")
            return ExitCode.success
        }
        var options = try startOptions(run.agent, run.words)
        options.labels = try AgentLabel.changed(options.labels, by: ["schedule=\(run.schedule)"])
        let agent = try run.project.start(options)
        output.line("\(run.schedule): started \(agent.record.name)")
        return ExitCode.success
    }
}

/// The same as a line of crontab(5), for where there is no systemd.
struct CrontabLine {
    let time: String
    let directory: String
    /// Cloche and its global options.
    let program: [String]
    let name: String
    let words: [String]

    /// The line; nil if a word has a line end in it, which no crontab can have.
    var text: String? {
        let command =
            "cd \(directory.quotedForShell) && \(program.map(\.quotedForShell).joined(separator: " "))"
            + " start \(name)-$(date +%Y%m%d-%H%M) --label \("schedule=\(name)".quotedForShell)"
            + words.map { " " + ($0 == "--" ? $0 : $0.quotedForShell) }.joined()
        guard command.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { return nil }
        // cron makes a line end of a percent sign, also within quotes.
        return time + " "
            + command.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "\\%")
    }

    /// What to do with it.
    var advice: String {
        if let text { return "cron can do it: `crontab -e`, and this line:\n  \(text)" }
        return "cron can do it: put `cloche start \(name)-$(date +%Y%m%d-%H%M) ...` into a script,"
            + " and `\(time) SCRIPT` into your crontab (`crontab -e`)"
    }
}
