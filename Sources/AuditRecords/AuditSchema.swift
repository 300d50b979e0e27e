// The events of audit logs, one row each. This table is the only description of them: the writer, docs/audit.md and the
// JSON Schema all read it. Rows of the network and of programs are in files of their own.

internal import ClocheModel

/// The table of events.
package enum AuditSchema {
    /// The version of what a record looks like; a change that an old reader would misread makes the next one.
    package static let version: Int64 = 1

    /// The keys of every record that come before the event's facts, in this order.
    package static let head: [EventField] = [
        .always("v", .number, "The version of the schema: 1."),
        .always("seq", .number, "Counts the records of a log from 1, over all its files."),
        .always("time", .text, "When it happened: RFC 3339 in UTC, to the millisecond."),
        .always(
            "mono",
            .number,
            "The same in milliseconds since the machine started (`CLOCK_BOOTTIME`), which nobody sets."
        ),
        .always("event", .text, "The kind of event."),
        .always(
            "level",
            .word(EventLevel.allCases.map(\.rawValue)),
            "What it takes to have such an event on record."
        ),
        .always("user", .number, "The user on the host whose process wrote it."),
    ]

    /// The last key of every record.
    package static let tail: [EventField] = [
        .always("prev", .hash, "The hash of the record before.")
    ]

    /// All kinds, in the order in which they are documented.
    package static let kinds: [EventKind] =
        EventKind.own + EventKind.life + EventKind.people + EventKind.programs + EventKind.holdings
        + EventKind.network

    /// The kind of that name.
    package static func kind(_ name: String) -> EventKind? { kinds.first { $0.name == name } }
}

extension EventKind {
    // MARK: The log itself

    /// The first record of each file of a log.
    package static let log = EventKind(
        "log",
        .security,
        "A file of the log begins.",
        [
            .always(
                "id",
                .text,
                "The log's id: 128 random bits, made with the agent and kept in its record, too."
            ),
            .always("agent", .text, "The agent's name."),
            .always("project", .text, "The project's directory."),
            .maybe("continues", .number, "The number of the file that it continues; absent in the first."),
            .maybe(
                "oldest",
                .number,
                "The number of the oldest file that was kept then; those before were removed by `audit.keep`."
            ),
        ]
    )
    /// What a crash left was taken away, or the head was made anew.
    package static let repair = EventKind(
        "repair",
        .security,
        "A record that a crash had cut short, and nobody had been told of, was taken away; or the head was lost.",
        [
            .maybe("bytes", .number, "How many bytes of the record there were."),
            .maybe(
                "head-lost",
                .truth,
                "That `audit.head` could not be read: the log goes on from the last record that it had then."
            ),
        ]
    )

    /// What is about the log itself.
    static let own: [EventKind] = [.log, .repair]

    // MARK: An agent's life

    /// An agent was made.
    package static let create = EventKind(
        "create",
        .security,
        "The agent is made.",
        [
            .always("profile", .text, "The profile's name."), .always("task", .foreignText, "Its task."),
            .maybe("parent", .text, "The agent that started it."),
            .maybe("forked-from", .text, "The agent that it was forked from."),
            .maybe("snapshot", .text, "That agent's snapshot; absent for what it was at that moment."),
        ]
    )
    /// A sandbox is about to be built.
    package static let start = EventKind(
        "start",
        .security,
        "A sandbox is built and the harness started, first or again.",
        [
            .always("profile", .text, "The profile's name."),
            .always("network", .text, "What network there is: `network.mode`."),
            .always("task", .text, "The task last given."),
            .always("limits", .map, "Who holds each limit that is set."),
            .always("confinement", .map, "What becomes of each mechanism that confines."),
            .always(
                "policy",
                .map,
                "The effective profile, without passwords and without the values of variables."
            ),
            .always("policy-hash", .hash, "SHA-256 of `policy` as it stands in the record."),
        ]
    )
    /// The harness runs.
    package static let running = EventKind(
        "running",
        .standard,
        "The sandbox agrees with its plan, and the harness runs in it.",
        [
            .always("arguments", .texts, "Its command line."),
            .always(
                "self-check",
                .texts,
                "What of the finished sandbox was compared with its plan, and agreed."
            ),
            .maybe("left-out", .texts, "Protections that a build for tests left out."),
        ]
    )
    /// A command of `hooks` has run.
    package static let hook = EventKind(
        "hook",
        .standard,
        "A command of `hooks` has run in the sandbox.",
        [
            .always(
                "stage",
                .word(HookStage.allCases.map(\.rawValue)),
                "When: before the harness, or after it."
            ),
            .always("arguments", .texts, "Its command line."),
            .maybe("exit-code", .number, "Its exit code, or 128 plus a signal."),
            .maybe("signal", .number, "The signal that ended it."),
            .maybe("failure", .foreignText, "How it failed, with the last of what it printed."),
            .always("milliseconds", .number, "How long it took."),
        ]
    )
    /// The harness failed and is started again.
    package static let restart = EventKind(
        "restart",
        .security,
        "The harness failed and will be started again.",
        [
            .always("exit-code", .number, "Its exit code, or 128 plus a signal."),
            .always("wait", .number, "Milliseconds until then."),
        ]
    )
    /// A limit of time is over.
    package static let limit = EventKind(
        "limit",
        .security,
        "A limit of time is reached, and the agent is asked to end.",
        [.always("limit", .text, "Which.")]
    )
    /// A budget is nearly used up, or all of it.
    package static let budget = EventKind(
        "budget",
        .security,
        "What was used of model APIs has come near a limit of a budget, or reached it; each is told once in a period.",
        [
            .always(
                "limit",
                .text,
                "Which: `budget.cost`, or `project.budget.cost` for all agents together."
            ),
            .always("state", .word(["warning", "reached"]), "How near."),
            .always("used", .number, "How much is used."),
            .always("most", .number, "How much may be."),
            .always("unit", .word(["requests", "tokens", "nanodollars"]), "In what these two numbers are."),
            .always("per", .word(["total", "day", "run"]), "For how long the budget is."),
            .always("pauses", .truth, "Whether the agent is frozen for it."),
        ]
    )
    /// The agent ended.
    package static let end = EventKind(
        "end",
        .security,
        "The agent has ended.",
        [
            .always("reason", .text, "Why, as a word."),
            .maybe("exit-code", .number, "The harness's exit code, or 128 plus a signal."),
            .maybe("failure", .text, "What failed, in words."),
        ]
    )

    /// How an agent lives.
    static let life: [EventKind] = [.create, .start, .hook, .running, .restart, .limit, .budget, .end]

    // MARK: What people do

    /// A person looks at the terminal.
    package static let attach = EventKind(
        "attach",
        .security,
        "A person's terminal is connected to the agent's; what is typed is not on record.",
        [
            .always("read-only", .truth, "Whether it only watches."),
            .always("by", .number, "The user on the host whose terminal it is."),
        ]
    )
    /// A person no longer looks.
    package static let detach = EventKind(
        "detach",
        .security,
        "That terminal is no longer connected.",
        [
            .always("read-only", .truth, "Whether it only watched."),
            .always("by", .number, "The user on the host whose terminal it was."),
            .always("typed", .number, "How many bytes were typed."),
            .always("milliseconds", .number, "How long it was connected."),
        ]
    )
    /// A person types without looking.
    package static let keys = EventKind(
        "keys",
        .security,
        "A person has something typed into the agent's terminal, with `cloche keys` or `cloche message`; what, is not on record.",
        [
            .always("kind", .word(["keys", "message"]), "Whether it is keys or the text of a message."),
            .always("bytes", .number, "How many bytes."),
            .always("by", .number, "The user on the host whose command it is."),
            .maybe("window", .number, "The window, but for the harness's."),
        ]
    )
    /// A message waits.
    package static let message = EventKind(
        "message",
        .security,
        "A message is queued in the agent's inbox, or something has become of it. What it says is not on record.",
        [
            .always(
                "action",
                .word(["queued", "delivered", "acknowledged", "expired", "left"]),
                "What becomes of it; one that is `left` waits when the agent ends, for its next run. When it is typed, there is a record `keys`, too."
            ),
            .always("bytes", .number, "How long it is."),
            .always("by", .number, "The user on the host whose command it was, or who runs the sender."),
            .maybe("id", .number, "Its number in the inbox."),
            .maybe("sender", .text, "The agent that sent it; a person did when there is none."),
            .maybe("sender-log", .text, "The id of the sender's audit log."),
            .maybe("recipient", .text, "`@person` when it is for the person; the log is then its sender's."),
            .maybe("reply-to", .number, "The message that it answers, by its number in the sender's inbox."),
            .maybe("urgent", .truth, "True when it goes before others."),
            .maybe("asks", .truth, "True when it is a question."),
        ]
    )
    /// A person runs a program beside the agent.
    package static let command = EventKind(
        "command",
        .security,
        "A person runs a program beside the agent, with `cloche exec`.",
        [
            .always("arguments", .texts, "Its command line."),
            .always(
                "number",
                .number,
                "Counts the programs that people run in a life of the supervisor, from 1."
            ),
        ]
    )
    /// That program ended.
    package static let exit = EventKind(
        "exit",
        .standard,
        "A program that a person runs has ended by itself, or could not be started.",
        [
            .always("number", .number, "That of its `command`."),
            .maybe("pid", .number, "The process that it was, as the sandbox numbers it."),
            .maybe("exit-code", .number, "Its exit code, or 128 plus a signal."),
            .maybe("signal", .number, "The signal that ended it."),
            .maybe("failure", .text, "Why it could not be started."),
            .maybe("milliseconds", .number, "How long it ran."),
        ]
    )
    /// The agent is frozen.
    package static let pause = EventKind("pause", .security, "A person freezes the agent.")
    /// It goes on.
    package static let unpause = EventKind("unpause", .security, "A person lets it go on.")
    /// Its rules changed.
    package static let policy = EventKind(
        "policy",
        .security,
        "A person changes what the agent may do on the network.",
        [
            .always("old", .map, "The section `network` before, without passwords."),
            .always("new", .map, "And after."),
        ]
    )
    /// A port of the host leads inside, or no longer.
    package static let forward = EventKind(
        "forward",
        .security,
        "A port of the host begins or ceases to lead to one inside.",
        [
            .always("address", .text, "The host's address."),
            .always("port", .number, "The host's port."),
            .always("target", .number, "The port inside."),
            .always(
                "action",
                .word(["added", "removed", "lost"]),
                "What became of it; `lost` when the port was taken by somebody else at a restart."
            ),
        ]
    )
    /// The agent's work was fetched.
    package static let sync = EventKind(
        "sync",
        .standard,
        "The agent's commits and changes are fetched into the repository.",
        [
            .always("head", .text, "Its last commit."),
            .always("commits", .number, "How many commits it has made since it began."),
            .always("uncommitted", .truth, "Whether there are changes beyond."),
        ]
    )
    /// The agent's work was merged.
    package static let merge = EventKind(
        "merge",
        .security,
        "A person merges the agent's work.",
        [
            .maybe("commit", .text, "The merge's commit; absent when there was nothing to merge."),
            .always("into", .text, "The branch."),
            .maybe("resolved-by", .text, "The agent that resolved its conflicts."),
        ]
    )
    /// The log's head was signed.
    package static let sign = EventKind(
        "sign",
        .security,
        "A person signed the log up to a record before, with `cloche audit sign`.",
        [
            .always("record", .number, "The number of the last record that the signature covers."),
            .always("hash", .hash, "Its hash."),
        ]
    )

    /// A snapshot was made, removed, or gone back to.
    package static let snapshot = EventKind(
        "snapshot",
        .security,
        "A person made or deleted a snapshot of the agent, or put the agent back to one.",
        [
            .always("action", .word(["delete", "fork", "make", "rollback"]), "What was done."),
            .maybe(
                "name",
                .text,
                "The snapshot's name; absent for a fork from what the agent was at that moment."
            ),
            .maybe("before", .text, "The snapshot of what a rollback replaced."),
            .maybe("into", .text, "The agent that was forked from it."),
        ]
    )

    /// What people do.
    static let people: [EventKind] = [
        .attach, .detach, .keys, .message, .command, .exit, .pause, .unpause, .policy, .approval, .forward,
        .sync, .merge, .snapshot, .sign, .child, .family,
    ]
}
