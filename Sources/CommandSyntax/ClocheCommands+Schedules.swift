// The commands for agents that are started at certain times: schedule add, list, remove.
// Tables only; see ClocheCommands.swift.

extension ClocheCommands {
    static let schedule = CommandSpec(
        "schedule",
        "Start agents at certain times, by timers of systemd",
        suggestedFor: ["cron", "timer", "at"],
        discussion: """
            A schedule is a timer of your own systemd manager (`systemctl --user`). Each time it starts a new agent, which
            is called NAME-YYYYMMDD-HHMM and has the label schedule=NAME. Where there is no such manager, it is refused.
            """,
        subcommands: [addSchedule, listSchedules, removeSchedule]
    )

    private static let addSchedule = CommandSpec(
        "add",
        "Make a schedule",
        suggestedFor: ["create", "new"],
        discussion: """
            CRON is as in crontab(5): minute, hour, day of month, month and day of week, or @hourly, @daily, @weekly,
            @monthly, @yearly; in local time. Options and task are those of `cloche start`.

            While an agent of an earlier run still runs, no other is started, unless there is --overlap. A program that
            waits for more to do still runs: `--set limits.idle=30m` ends it. What was due while the machine was off
            is made up for once.
            """,
        arguments: [
            ArgumentSpec("name", .required, "A new name: letters, digits, dots, dashes, underscores"),
            ArgumentSpec("cron", .required, "When, as in crontab(5), as one quoted text"),
            ArgumentSpec("task", .optional, "What the agents are to do, as one quoted text"),
        ],
        options: startOptions + [
            .flag("overlap", "Start an agent also while an earlier one still runs"),
            json,
        ],
        examples: [
            Example(
                "cloche schedule add nightly \"30 2 * * 1-5\" -p claude \"Update the dependencies\"",
                "an agent in the night to each working day"
            ),
            Example(
                "cloche schedule add tests @hourly -p shell --set limits.wall-clock=20m \"make test\"",
                "a command line each hour"
            ),
        ]
    )

    private static let listSchedules = CommandSpec(
        "list",
        "List the schedules of the project, and when they are due",
        suggestedFor: ["ls", "show"],
        options: [json],
        examples: [Example("cloche schedule list", "times, the next one, how the last one went")]
    )

    private static let removeSchedule = CommandSpec(
        "remove",
        "Remove a schedule; agents that it started go on",
        suggestedFor: ["delete", "rm"],
        arguments: [ArgumentSpec("name", .required, "The schedule")],
        examples: [Example("cloche schedule remove nightly", "no more agents of it")]
    )
}
