// The command that says what is on record: audit and what is below it. Tables only; see ClocheCommands.swift.

extension ClocheCommands {
    static let audit = CommandSpec(
        "audit",
        "Print what is on record of an agent",
        suggestedFor: ["events", "history"],
        discussion: """
            One line an event, in order of time: the time (UTC), the kind, how it came out, and what it was. Of a large log
            only what --last or --since ask for is read, from its end. With --follow what happens is shown at once, until
            the agent has ended; with --all that of every agent of the project, until ctrl-c.

            With --json each line is one JSON object as the log has it, for jq; with --all its first field is the agent.
            With --to the records are not printed but sent, from the first on: to the journal (`journald`), to syslog
            (`syslog`), to the end of a file (`file:/PATH`), or to an OpenTelemetry collector
            (`otlp:http://ADDRESS:PORT/v1/logs`). With --follow a destination that is away is waited for. To have everything
            sent while agents run, name destinations in the profile, as `audit.export`.

            docs/audit.md has the kinds of events and what each of them tells.

            An agent that has the name of a command below stands behind `--`.
            """,
        arguments: [
            ArgumentSpec("name", .required, completion: .agentName, insteadOf: "all", "The agent")
        ],
        options: [
            .flag("all", letter: "a", "Show all agents of the project, with a column of their names"),
            .flag("follow", letter: "f", "Go on showing what happens"),
            .value(
                "since",
                "TIME",
                "Only what happened since: 10m, 2h30m, 1d, or a UTC time: 14:05 (the last), 2026-11-21T14:05"
            ),
            .repeated(
                "kind",
                letter: "k",
                "KIND,...",
                completion: .words([
                    "attach", "budget", "calls-untold", "command", "connect", "create", "credential",
                    "denied",
                    "detach", "disconnect", "dns", "end", "exec", "exit", "file", "files-untold", "forward",
                    "hook",
                    "limit", "log", "merge", "network", "network-untold", "pause", "policy", "program-exit",
                    "repair", "restart", "running", "sample", "share", "share-grant", "sign", "start", "sync",
                    "unpause",
                ]),
                "Only events of these kinds, as docs/audit.md names them"
            ),
            .flag("denied", letter: "d", "Only what was not allowed"),
            .value("last", letter: "n", "NUMBER", form: .number(1...Int.max), "Only the last so many"),
            .flag("json", "Print one JSON object a line, as the log has them"),
            .value("to", "DESTINATION", "Send the records there instead of printing them"),
        ],
        exclusive: [["to", "json"], ["to", "all"], ["to", "last"]],
        subcommands: [report, verifyAudit, signAudit],
        examples: [
            Example(
                "cloche audit fixer --since 10m --kind exec,connect",
                "what it started and whom it reached lately"
            ),
            Example(
                "cloche audit fixer --json | jq -r 'select(.event==\"connect\") | .host' | sort | uniq -c",
                "how often it connected where"
            ),
            Example(
                "cloche audit fixer --to file:/srv/logs/agents.jsonl -f",
                "a copy elsewhere, while it works"
            ),
        ]
    )

    private static let report = CommandSpec(
        "report",
        "Write what is on record of an agent as one web page",
        suggestedFor: ["html", "page"],
        discussion: """
            The page needs nothing else: no script, no other file, no network. It has the agent and how it ended, a timeline
            of each run, what was denied with what would allow it, connections by host, the programs as a tree, files,
            resources, the policy in force and the last records as they are. Whatever the agent chose is shown as text. Of a
            log too large for a page it says what is left out.
            """,
        arguments: [agent("The agent")],
        options: [
            .value(
                "output",
                letter: "o",
                "FILE",
                completion: .file,
                "Write it there instead of to standard output"
            )
        ],
        examples: [Example("cloche audit report fixer -o fixer.html", "a page to open in a browser")]
    )
}
