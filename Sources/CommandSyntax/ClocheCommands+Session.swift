// The commands that show running agents or step in: list, dashboard, stats, top, attach, logs, exec. Those that need no
// terminal of one's own for it are in ClocheCommands+Drive.swift, replay in ClocheCommands+Recording.swift.
// Tables only; see ClocheCommands.swift.

extension ClocheCommands {
    static let session =
        [list, dashboard, stats, top, cost, attachTerminal, look, windows, logs, replay, exec] + drive

    private static let list = CommandSpec(
        "list",
        "List the agents of this project",
        aliases: ["ls"],
        suggestedFor: ["ps", "status", "agents", "list-sessions"],
        discussion: """
            Shows name, state, age, profile, branch, commits and uncommitted changes (*), and task.
            The state is found out each time, so it is right after a crash or a reboot.
            """,
        options: [
            .flag("all", letter: "a", "Also show agents that have ended"),
            .flag("tree", "Each agent below the one that started it"),
            .value("label", "KEY[=VALUE]", "Only those with this label"),
            .flag("names", "Print names only, one on a line"),
            .flag("no-header", "Leave out the line with the column titles"),
            json,
        ],
        exclusive: [["names", "json", "tree"]],
        examples: [
            Example("cloche list", "the agents that have not ended"),
            Example("cloche list --all --names", "every name, for a script"),
            Example(
                "cloche list --all --json | jq '.[] | select(.activity.state == \"failed\")'",
                "those that failed"
            ),
        ]
    )

    private static let dashboard = CommandSpec(
        "dashboard",
        "Watch and steer all agents on the whole screen",
        suggestedFor: ["ui", "tui", "gui", "overview"],
        discussion: """
            The agents with their states, the screen of the selected one, what it uses and what was
            refused to it. `cloche` alone opens it, too, on a terminal in a project with agents.

            Keys: up and down select; Enter attaches, and the key that detaches comes back; m types a
            message; s stops, after a question; r resumes; p pauses or lets go on; d shows the changes
            in $PAGER; w says what was refused; / shows only names with a text; ? helps; q leaves, and
            the agents go on. The mouse selects, a double click attaches.

            With --plain, and where TERM is dumb, each change of an agent is a line of text.
            """,
        options: [
            .flag("plain", "Print a line for each change of an agent instead, for screen readers"),
            .flag("bell", "Ring the terminal's bell when an agent begins to wait for somebody"),
        ],
        examples: [
            Example("cloche dashboard", "all agents of this project"),
            Example("cloche dashboard --bell", "and be called when an agent needs you"),
            Example("cloche dashboard --plain", "lines such as `fixer: waiting since 12:03`"),
        ]
    )

    private static let sort = OptionSpec.value(
        "sort",
        "KEY",
        form: .oneOf(["cpu", "memory", "tasks", "io", "network", "disk", "name"]),
        "Show the largest first by this; names in their order"
    )

    private static let interval = OptionSpec.value(
        "interval",
        "SECONDS",
        "Time between two samples, 1 if left out; such as 0.5"
    )

    private static let watched = ArgumentSpec(
        "name",
        .rest,
        completion: .agentName,
        "The agents to show; all that run if left out"
    )

    private static let stats = CommandSpec(
        "stats",
        "Show what agents use of their limits",
        suggestedFor: ["usage", "resources", "limits"],
        discussion: """
            Shows processor in percent of one core, memory, processes and threads, bytes read and
            written per second on disks and network, space on disk, and pressure: the percents of
            the last ten seconds in which some process waited for processor, memory or disks. A
            limit that is set stands behind its number with a bar; `not held` means that nobody
            enforces it on this machine. `-` is a number that cannot be known here, or that nobody
            counts, as space on disk without `limits.disk`; `?` is an agent whose supervisor did
            not answer.

            Rates are over the time between two samples. Without --watch, two are taken, 300 ms
            apart. JSON has the counters and the rates: an array of agents, and with --watch one
            such array on each line.
            """,
        arguments: [watched],
        options: [
            .flag("watch", letter: "w", "Go on until interrupted"),
            sort,
            interval,
            json,
        ],
        examples: [
            Example("cloche stats", "all running agents, once"),
            Example("cloche stats --watch --sort memory", "again and again, the largest first"),
            Example(
                "cloche stats --watch --json | jq -c '.[] | [.name, .memory]'",
                "one line for each sample, for a program"
            ),
        ]
    )

    private static let cost = CommandSpec(
        "cost",
        "Show what agents used of model APIs, and what it cost",
        suggestedFor: ["tokens", "spend", "budget", "price", "billing"],
        discussion: """
            Shows requests, tokens and US dollars of all agents of the project, or of those that are
            named, as counted by their gateways: tokens that were sent, answered, read from the
            provider's cache and written to it. What deleted agents used is there as well. Days are
            those of UTC.

            `~` counts requests whose answer did not say what they used, because it broke off: these
            are estimated by their length, and rather too high. `!` counts requests to models
            without a price: these are not in the sum of money, and count against a budget at the
            dearest price that is known. Prices are those of the time when something was used. In
            JSON, money is in billionths of a dollar.
            """,
        arguments: [
            ArgumentSpec(
                "name",
                .rest,
                completion: .agentName,
                "Agents, also deleted ones; all without a name"
            )
        ],
        options: [
            .value(
                "by",
                "WHAT",
                form: .oneOf(["agent", "model", "day"]),
                "A row for each agent (as without it), model or day"
            ),
            .value("since", "DATE", "Only that day and later ones: a date, or how long ago, as 7d"),
            json,
        ],
        examples: [
            Example("cloche cost fixer --by model", "what one of them used, model by model"),
            Example("cloche cost --by day --since 7d", "the last week, day by day"),
            Example(
                "cloche cost --json | jq .total.nanodollars",
                "the sum in billionths of a dollar, for a program"
            ),
        ]
    )

    private static let top = CommandSpec(
        "top",
        "Watch what agents use on the whole screen",
        suggestedFor: ["htop", "monitor"],
        discussion: """
            The table of `cloche stats` on the whole screen, refreshed. Keys: q leaves; c, m, t, i,
            w, d and n sort by processor, memory, tasks, disk traffic, network traffic, space on
            disk and name, and the arrows to the left and right step through these; the arrows up
            and down and the page keys scroll; ctrl-z suspends.
            """,
        arguments: [watched],
        options: [sort, interval],
        examples: [
            Example("cloche top", "all running agents, the busiest first"),
            Example("cloche top --sort memory --interval 2", "the largest first, every two seconds"),
        ]
    )

    private static let attachTerminal = CommandSpec(
        "attach",
        "Attach to an agent's terminal",
        suggestedFor: ["a", "enter", "open", "attach-session"],
        discussion: """
            Shows the screen as the agent's program drew it, and passes keys on to it. Press ctrl-]
            and then d to detach; the agent goes on. ctrl-] twice passes the key itself on.

            Any number of terminals may be attached. The window has the size of the one that typed
            last; in one of another size, the part around the cursor is shown.
            """,
        arguments: [windowOf("The agent to watch; NAME:2 is its window 2")],
        options: [
            .flag("read-only", letter: "r", "Watch only; nothing typed is passed on"),
            .flag("steal", letter: "s", "Send away other terminals that may type"),
            .value(
                "lines",
                letter: "n",
                "COUNT",
                form: .number(0...1_000_000),
                "First write up to COUNT lines that have left the screen, for the terminal to scroll back to"
            ),
            .flag("quiet", letter: "q", "Do not show the line that tells how to detach"),
        ],
        examples: [
            Example("cloche attach fixer", "watch the agent and type to it"),
            Example("cloche attach --steal fixer", "on this terminal, and no longer on others"),
            Example("cloche attach fixer:1", "the window that `cloche exec -t fixer bash` opened"),
        ]
    )

    static func windowOf(_ summary: String) -> ArgumentSpec {
        ArgumentSpec("name", .required, completion: .agentName, summary)
    }

    private static let look = CommandSpec(
        "look",
        "Show what is on an agent's screen",
        suggestedFor: ["screen", "peek", "capture", "capture-pane", "show"],
        discussion: """
            Prints the screen as text and changes nothing. Of an agent that has ended, it is what
            the screen showed last. --svg and --png make a picture of it, in a new file or, with -,
            on standard output. A PNG is made by rsvg-convert (Debian: librsvg2-bin).
            """,
        arguments: [windowOf("The agent to look at; NAME:2 is its window 2")],
        options: [
            .flag("ansi", letter: "a", "With colours and attributes, as escape sequences"),
            .flag(
                "scrollback",
                letter: "S",
                "Also the lines that have left the screen, as far as they are kept"
            ),
            .value(
                "lines",
                letter: "n",
                "COUNT",
                form: .number(0...1_000_000),
                "Also the last COUNT lines that have left the screen"
            ),
            .value("svg", "FILE", completion: .file, "Make a picture as SVG"),
            .value("png", "FILE", completion: .file, "Make a picture as PNG"),
            json,
        ],
        exclusive: [["ansi", "json", "svg", "png"], ["scrollback", "lines"]],
        examples: [
            Example("cloche look fixer", "what it shows now"),
            Example(
                "cloche look --ansi -n 100 fixer | less -R",
                "with colours, and a hundred lines before it"
            ),
            Example("cloche look --svg fixer.svg fixer", "a picture of it"),
        ]
    )

    private static let windows = CommandSpec(
        "windows",
        "List an agent's windows",
        suggestedFor: ["list-windows", "panes"],
        discussion: """
            Window 0 is the agent's own program. `cloche exec` in a terminal opens another, which
            ends with its program; after detaching it goes on.
            """,
        arguments: [agent("The agent whose windows to list")],
        options: [json],
        examples: [
            Example("cloche windows fixer", "number, size, who watches, and the command")
        ]
    )

    private static let logs = CommandSpec(
        "logs",
        "Show what an agent's terminal showed",
        suggestedFor: ["log", "tail", "output"],
        discussion: """
            Lines of plain text, from the recording of the terminal. Full-screen programs draw in an
            order of their own; `cloche replay` shows them as they were.
            """,
        arguments: [agent("The agent whose output to show")],
        options: [
            .flag("follow", letter: "f", "Go on showing new output until the agent ends"),
            .value(
                "lines",
                letter: "n",
                "COUNT",
                aliases: ["tail"],
                form: .number(0...Int.max),
                "Show only the last COUNT lines"
            ),
        ],
        examples: [
            Example("cloche logs -n 100 fixer", "the last hundred lines"),
            Example("cloche logs -f fixer", "all, and then what comes"),
        ]
    )

    private static let exec = CommandSpec(
        "exec",
        "Run another command in an agent's sandbox",
        suggestedFor: ["shell", "sh", "ssh"],
        discussion: """
            The command sees what the agent sees and can do no more. Its exit status is passed on.
            It gets a terminal when input and output of this command are one, and pipes otherwise. In
            a terminal it is a window of the agent: ctrl-] and then d leaves it running.

            All words from the first word of the command on are passed to it untouched.
            """,
        arguments: [
            agent("The agent in whose sandbox to run it"),
            ArgumentSpec(
                "command",
                .requiredRest,
                completion: .command,
                "The program to run and its arguments"
            ),
        ],
        options: [
            .flag("tty", letter: "t", "Give the command a terminal in any case"),
            .flag("no-tty", letter: "T", "Give the command pipes in any case"),
            .value(
                "workdir",
                letter: "w",
                "DIR",
                "Run it in this directory of the sandbox instead of the workspace"
            ),
            environmentVariable,
            .flag(
                "interactive",
                letter: "i",
                isHidden: true,
                "Accepted for the habit of other tools; input is always passed on"
            ),
        ],
        exclusive: [["tty", "no-tty"]],
        stopsAtRest: true,
        examples: [
            Example("cloche exec fixer -- make test", "the exit status is that of make"),
            Example("cloche exec -t fixer bash", "a shell beside the agent"),
            Example("cloche exec -T fixer git diff > fixer.patch", "output into a file, byte for byte"),
        ]
    )
}
