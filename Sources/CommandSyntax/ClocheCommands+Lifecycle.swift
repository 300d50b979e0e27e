// The commands that end agents or let them go on: stop, resume, delete.
// Tables only; see ClocheCommands.swift.

extension ClocheCommands {
    static let lifecycle = [stop, resume, delete]

    private static let stop = CommandSpec(
        "stop",
        "Stop agents and keep all they have",
        suggestedFor: ["kill", "down", "halt", "pause", "kill-session"],
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
        suggestedFor: ["continue", "restart", "unpause"],
        discussion: """
            Starts the agent again with the same workspace, home, branch and profile. Where the
            agent program can continue its last conversation, it does. A task is given to it as its
            next instruction.
            """,
        arguments: [
            agent("The agent to resume"),
            ArgumentSpec("task", .optional, "What it is to do next, as one quoted text"),
        ],
        options: [attach],
        examples: [
            Example("cloche resume fixer", "go on where it stopped"),
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
            be lost, when the agent runs or has commits or changes that are nowhere else.
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
