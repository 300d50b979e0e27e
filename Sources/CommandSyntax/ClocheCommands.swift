// The command line of Cloche, as data: the tool, its groups, and what several commands share.
// The groups' commands are in the files ClocheCommands+<Group>.swift. To change what a person can type,
// change these tables and nothing else; help, completion and manual follow.

extension ToolSpec {
    /// Cloche's own command line.
    package static let cloche = ToolSpec(
        name: "cloche",
        summary: "Run AI agents in parallel on one repository, each in a sandbox of its own",
        discussion: """
            An agent is a program such as Claude Code, Gemini CLI or Codex, or any other, with a
            name, a git worktree and a branch, a home, a terminal and a sandbox. It sees the tools
            of this machine and its own files, and nothing else. It goes on working when the
            terminal is closed; its commits are fetched, compared and merged without the agent being
            able to touch the repository itself.
            """,
        groups: [
            CommandGroup("Begin", ClocheCommands.begin),
            CommandGroup("Watch and step in", ClocheCommands.session),
            CommandGroup("Messages", ClocheCommands.messages),
            CommandGroup("Approve", ClocheCommands.approvals),
            CommandGroup("Network", ClocheCommands.network),
            CommandGroup("Take over the work", ClocheCommands.work),
            CommandGroup("Work to a plan", ClocheCommands.plans),
            CommandGroup("Stop and go on", ClocheCommands.lifecycle),
            CommandGroup("Go back and fork", ClocheCommands.snapshots),
            CommandGroup("Settings and reasons", ClocheCommands.settings),
            CommandGroup("This program", ClocheCommands.program),
        ],
        globalOptions: [
            .value(
                "project",
                letter: "C",
                "DIR",
                completion: .directory,
                "Work on the project of this directory instead of the current one"
            ),
            .value(
                "color",
                "WHEN",
                aliases: ["colour"],
                form: .oneOf(["auto", "always", "never"]),
                "When to use colours; auto is on a terminal without NO_COLOR"
            ),
            .flag("help", letter: "h", "Show help and do nothing else"),
        ],
        rootOptions: [.flag("version", "Print the version and do nothing else")],
        examples: [
            Example("cloche init", "prepare this repository and find the agent programs that are installed"),
            Example(
                "cloche start fixer \"Fix the failing parser test\"",
                "start an agent on a branch of its own"
            ),
            Example("cloche list", "see all agents, their state and how much they changed"),
            Example("cloche attach fixer", "watch it and type to it; ctrl-] then d leaves it running"),
            Example("cloche merge fixer", "merge what it did into the current branch"),
        ],
        files: ClocheCommands.files,
        environment: ClocheCommands.environment,
        seeAlso: ["git-worktree(1)", "git-merge(1)", "user_namespaces(7)", "cgroups(7)", "seccomp(2)"]
    )
}

/// The tables of Cloche's commands, by group.
enum ClocheCommands {
    static let files = [
        Definition(
            ".cloche/config.yaml",
            "Settings of the project: the default profile and what agents share."
        ),
        Definition(
            ".cloche/profiles/",
            "Profiles of the project; they may narrow what the user's own allow."
        ),
        Definition("~/.config/cloche/", "Settings and profiles of the user, for all projects."),
        Definition(
            "~/.local/state/cloche/PROJECT/AGENT/",
            "What Cloche keeps of an agent: its state, log, home and private git directory."
        ),
        Definition("~/.cache/cloche/", "Compiled filters and a copy of /etc; made again when missing."),
    ]

    static let environment = [
        Definition("NO_COLOR", "When set and not empty, no colours are used unless --color=always is given."),
        Definition("XDG_CONFIG_HOME", "Where the user's settings are, in place of ~/.config."),
        Definition("XDG_STATE_HOME", "Where agents are kept, in place of ~/.local/state."),
        Definition("XDG_CACHE_HOME", "Where caches are, in place of ~/.cache."),
    ]

    // MARK: What several commands share

    static let json = OptionSpec.flag("json", "Print JSON with stable field names")

    static let attach = OptionSpec.flag("attach", letter: "a", "Attach to the agent's terminal at once")

    static let environmentVariable = OptionSpec.repeated(
        "env",
        letter: "e",
        "KEY[=VALUE]",
        "Set a variable for the program; without a value, pass this shell's on"
    )

    static let profile = OptionSpec.value(
        "profile",
        letter: "p",
        "PROFILE",
        completion: .profileName,
        "Use this profile instead of the project's default"
    )

    static let set = OptionSpec.repeated(
        "set",
        "KEY=VALUE",
        form: .assignment,
        "Override one key of the profile, such as limits.idle=30m"
    )

    static let readOnlyWorkspace = OptionSpec.flag(
        "read-only-workspace",
        aliases: ["ro"],
        "Let the program read the workspace but not change it"
    )

    static func workspace(_ summary: String) -> OptionSpec {
        .value("workspace", "KIND", completion: .words(["worktree", "dir", "none"]), summary)
    }

    static func agent(_ summary: String) -> ArgumentSpec {
        ArgumentSpec("name", .required, completion: .agentName, summary)
    }

    static func agents(_ summary: String) -> ArgumentSpec {
        ArgumentSpec("name", .requiredRest, completion: .agentName, insteadOf: "all", summary)
    }
}
