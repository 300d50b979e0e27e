// The commands that hold or end agents, or let them go on: pause, unpause, stop, resume, delete.
// Tables only; see ClocheCommands.swift.

extension ClocheCommands {
    static let lifecycle = [pause, unpause, stop, resume, delete]

    private static let pause = CommandSpec(
        "pause",
        "Freeze running agents where they are",
        suggestedFor: ["freeze", "suspend"],
        discussion: """
            Every process of the agent stops at once and uses no processor until `cloche unpause`;
            its memory stays. The time for `limits.idle` stands still, that for `limits.wall-clock`
            does not. It takes a cgroup of the agent's own; `cloche doctor` says whether there is one.
            """,
        arguments: [agents("The agents to freeze")],
        options: [.flag("all", letter: "a", "Freeze all running agents of the project")],
        examples: [
            Example("cloche pause fixer", "while something else needs the machine"),
            Example("cloche pause --all", "all agents of the project"),
        ]
    )

    private static let unpause = CommandSpec(
        "unpause",
        "Let paused agents go on",
        suggestedFor: ["thaw", "unfreeze"],
        arguments: [agents("The agents to let go on")],
        options: [.flag("all", letter: "a", "Let all paused agents of the project go on")],
        examples: [
            Example("cloche unpause fixer", "it goes on where it was"),
            Example("cloche unpause --all", "all that are paused"),
        ]
    )

    private static let stop = CommandSpec(
        "stop",
        "Stop agents and keep all they have",
        suggestedFor: ["kill", "down", "halt", "kill-session"],
        discussion: """
            The agent's program is asked to end and is killed with all its processes when the grace
            time is over. Workspace, home, branch and log stay, and `cloche resume` goes on from
            there.
            """,
        arguments: [agents("The agents to stop")],
        options: [
            .flag("all", letter: "a", "Stop all agents of the project"),
            .value(
                "grace",
                "SECONDS",
                aliases: ["time", "timeout"],
                form: .number(0...86_400),
                "How long the program may take to end, instead of the profile's time"
            ),
            .flag("kill", "Kill at once, without asking"),
        ],
        exclusive: [["grace", "kill"]],
        examples: [
            Example("cloche stop fixer", "ask, wait, then kill"),
            Example("cloche stop --all --grace 30", "all agents, half a minute each to end"),
        ]
    )

    private static let resume = CommandSpec(
        "resume",
        "Let a stopped agent go on",
        suggestedFor: ["continue", "restart"],
        discussion: """
            Starts the agent again with the same workspace, home, branch and profile. Where the
            agent program can continue its last conversation, it does. A task is given to it as its
            next instruction.
            """,
        arguments: [
            agent("The agent to resume"),
            ArgumentSpec("task", .optional, "What it is to do next, as one quoted text"),
        ],
        options: [
            attach,
            .repeated(
                "set",
                "KEY=VALUE",
                form: .assignment,
                "Change a limit, its network or its model from now on, such as limits.idle=30m"
            ),
            model,
        ],
        examples: [
            Example("cloche resume fixer", "go on where it stopped"),
            Example(
                "cloche resume fixer --model MODEL --set limits.memory=4GiB",
                "with another model, and more memory"
            ),
            Example("cloche resume --attach fixer \"Also the docs\"", "with a further task, watching it"),
        ]
    )

    private static let delete = CommandSpec(
        "delete",
        "Delete agents with their workspaces and homes",
        aliases: ["rm"],
        suggestedFor: ["remove", "destroy", "prune"],
        discussion: """
            Removes the agent's worktree, branch, home and state. It is refused, and says what would
            be lost, when the agent runs or has commits or changes that are nowhere else. The audit log
            goes with the rest: `cloche audit NAME --to file:PATH` keeps a copy, `audit report` a page.
            """,
        arguments: [agents("The agents to delete")],
        options: [
            .flag("all", letter: "a", "Delete all agents of the project"),
            .flag("force", letter: "f", "Delete even what runs and what would be lost"),
            .flag("keep-branch", "Keep the branch cloche/NAME"),
        ],
        examples: [
            Example("cloche delete fixer", "after its work was merged"),
            Example("cloche delete --keep-branch fixer auditor", "keep the commits under their branches"),
        ]
    )
}
