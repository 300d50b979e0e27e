// The commands that show running agents or step in: list, attach, logs, exec.
// Tables only; see ClocheCommands.swift.

extension ClocheCommands {
    static let session = [list, attachTerminal, logs, exec]

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
            .flag("names", "Print names only, one on a line"),
            .flag("no-header", "Leave out the line with the column titles"),
            json,
        ],
        exclusive: [["names", "json"]],
        examples: [
            Example("cloche list", "the agents that have not ended"),
            Example("cloche list --all --names", "every name, for a script"),
            Example("cloche list --json | jq '.[] | select(.state == \"failed\")'", "those that failed"),
        ]
    )

    private static let attachTerminal = CommandSpec(
        "attach",
        "Attach to an agent's terminal",
        suggestedFor: ["a", "enter", "open", "attach-session"],
        discussion: """
            Shows the screen as the agent's program drew it, and passes keys on to it. Press ctrl-]
            and then d to detach; the agent goes on.
            """,
        arguments: [agent("The agent to watch")],
        options: [.flag("read-only", letter: "r", "Watch only; nothing typed is passed on")],
        examples: [
            Example("cloche attach fixer", "watch the agent and type to it"),
            Example("cloche attach -r fixer", "watch only"),
        ]
    )

    private static let logs = CommandSpec(
        "logs",
        "Show what an agent's terminal showed",
        suggestedFor: ["log", "tail", "output"],
        discussion: "Escape sequences are made harmless, so that an agent cannot drive this terminal.",
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
            It gets a terminal when input and output of this command are one, and pipes otherwise.

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
