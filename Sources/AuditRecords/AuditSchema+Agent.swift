// Rows of the table of events for what an agent does: programs, calls, the network.

extension EventKind {
    // MARK: Programs

    /// A program was executed inside.
    package static let exec = EventKind(
        "exec",
        .standard,
        "A process of the agent's asks for a program, which may still fail; very many equal ones are counted.",
        [
            .always("program", .foreignText, "The program's path, as it was given."),
            .always("arguments", .texts, "Its command line, up to a bound."),
            .maybe("cut", .truth, "True when the command line is longer than what is on record."),
            .maybe("directory", .foreignText, "The working directory."),
            .maybe("pid", .number, "The process, as the sandbox numbers it."),
            .maybe("parent", .number, "Its parent."),
            .maybe("found", .truth, "False when there is no such program."),
            .maybe("count", .number, "How many executions the record is for, if they are several."),
        ]
    )
    /// A program ended.
    package static let programExit = EventKind(
        "program-exit",
        .full,
        "A process that had executed a program has ended, while the agent went on (from Linux 6.15 on).",
        [
            .always(
                "program",
                .foreignText,
                "The last program that it asked for and that was there, as `exec` has it."
            ),
            .always("pid", .number, "The process, as the sandbox numbers it."),
            .always(
                "exit-code",
                .number,
                "Its exit code, or 128 plus a signal; of its first thread, if it has several."
            ),
            .maybe("signal", .number, "The signal that ended it."),
            .always("milliseconds", .number, "How long after it first executed a program."),
        ]
    )
    /// A system call was denied.
    package static let denied = EventKind(
        "denied",
        .standard,
        "A system call is denied; equal ones are counted and told once a second.",
        [
            .always("call", .text, "The call's name."),
            .always("number", .number, "Its number."),
            .always("errno", .text, "The error that answered it."),
            .always("arguments", .texts, "The six arguments of the first, as hexadecimal numbers."),
            .always("program", .foreignText, "The program that made it."),
            .maybe("pid", .number, "The process, as the sandbox numbers it."),
            .always("count", .number, "How many calls the record is for."),
        ]
    )
    /// Calls that were too many.
    package static let callsUntold = EventKind(
        "calls-untold",
        .standard,
        "There were more kinds of denied calls and executions than are told apart.",
        [
            .always("denied", .number, "How many calls were denied."),
            .always("executed", .number, "How many programs were executed."),
            .maybe("ended", .number, "How many programs were seen to end, with level `full`."),
            .maybe("unwatched", .number, "Of how many programs the end will not be told, with level `full`."),
        ]
    )

    /// The agent program says what it does.
    package static let state = EventKind(
        "state",
        .standard,
        "The agent program says by a hook, a mark, its title, its screen, the bell or a notification that it does something else; a flood is counted.",
        [
            .always("state", .word(["working", "waiting", "idle", "done", "failed"]), "What it does."),
            .always(
                "by",
                .word(["hook", "mark", "title", "screen", "bell", "notification"]),
                "By what that is known."
            ),
            .maybe("text", .foreignText, "What it said with it."),
            .maybe("untold", .number, "How many changes before were too many to be told."),
        ]
    )

    /// What programs do.
    static let programs: [EventKind] = [.exec, .programExit, .denied, .callsUntold, .state]

    // MARK: The network

    private static let owner: [EventField] = [
        .maybe("pid", .number, "The process that asked, as the sandbox numbers it, where that can be told."),
        .maybe("program", .foreignText, "Its program's name."),
    ]
    private static let refusal: [EventField] = [
        .maybe("reason", .text, "Why it is refused, as a word."),
        .maybe("why", .foreignText, "Why it is refused, or failed, or broke off, in words."),
        .maybe("denied-by", .text, "The rule of `network.deny` that forbids it, with its place."),
        .maybe("would-allow", .foreignText, "The smallest entry of `network.allow` that would allow it."),
    ]
    private static let connection: [EventField] = [
        .always("connection", .number, "Counts the connections of a run from 1."),
        .always(
            "path",
            .word(["transparent", "connect", "http", "socks", "dns", "forward"]),
            "How it is asked for; `forward` is one from the host into the sandbox."
        ),
        .maybe("host", .foreignText, "The host, as the agent named it."),
        .maybe("port", .number, "The port."),
        .maybe("address", .text, "The address that it is made to."),
        .maybe("rule", .text, "The rule that allows it."),
        .maybe("from", .text, "Where that rule stands."),
    ]

    /// What network the sandbox has.
    package static let networkState = EventKind(
        "network",
        .standard,
        "What the network of a new sandbox is like; or a port at which connections cannot be taken.",
        [
            .maybe(
                "catches-all-ports",
                .truth,
                "Whether connections to all ports are taken, or only to those in rules."
            ),
            .maybe("ipv6", .truth, "Whether there is IPv6."),
            .maybe("port", .number, "The port at which connections cannot be taken."),
            .maybe("why", .text, "Why not."),
        ]
    )
    /// A name was asked for.
    package static let dns = EventKind(
        "dns",
        .standard,
        "The agent asks for a name.",
        [
            .always("name", .foreignText, "The name."), .always("type", .text, "The type of record."),
            .always(
                "verdict",
                .word(["allowed", "ask", "refused"]),
                "What became of it; with `ask`, a person is asked when the host is connected to."
            ),
        ] + refusal + owner
    )
    /// A connection was made, refused, or failed.
    package static let connect = EventKind(
        "connect",
        .standard,
        "A connection is made, is refused, or is allowed and cannot be made.",
        connection
            + [EventField.always("verdict", .word(["allowed", "refused", "failed"]), "What became of it.")]
            + refusal
            + owner
    )
    /// A connection ended.
    package static let disconnect = EventKind(
        "disconnect",
        .standard,
        "A connection has ended.",
        connection
            + [
                EventField.always("sent", .number, "Bytes that the agent sent."),
                .always("received", .number, "Bytes that it was sent."),
                .always("milliseconds", .number, "How long it was there."),
                .maybe("why", .foreignText, "What broke it off, if it did not end by itself."),
            ] + owner
    )
    /// Events that were too many.
    package static let networkUntold = EventKind(
        "network-untold",
        .standard,
        "There were more events of the network than are written down one by one.",
        [.always("count", .number, "How many.")]
    )

    /// What happens on the network.
    static let network: [EventKind] = [.networkState, .dns, .connect, .disconnect, .networkUntold]
}
