// The commands that say what holds and why: explain, doctor, path, config, profile.
// Tables only; see ClocheCommands.swift.

extension ClocheCommands {
    static let settings = [explain, inspect, audit, credential, doctor, path, config, profiles]

    private static let explain = CommandSpec(
        "explain",
        "Print what an agent may do, and which file says so",
        suggestedFor: ["describe"],
        discussion: "Prints every value of the effective profile with the file and line it comes from.",
        arguments: [
            ArgumentSpec(
                "name",
                .required,
                completion: .agentName,
                insteadOf: "profile",
                "The agent to explain"
            )
        ],
        options: [
            .value(
                "profile",
                letter: "p",
                "PROFILE",
                completion: .profileName,
                "Explain what an agent with this profile would be allowed"
            ),
            .flag("plan", "Also print the mounts, namespaces and filters that follow from it"),
            json,
        ],
        examples: [
            Example("cloche explain fixer", "what this agent may do"),
            Example("cloche explain --profile claude-readonly --plan", "before an agent is started"),
        ]
    )

    private static let inspect = CommandSpec(
        "inspect",
        "Show what really confines a running agent, beside what was planned",
        suggestedFor: ["verify", "check"],
        discussion: """
            The supervisor reads the agent's namespaces, ids, capabilities, filters, descriptors and mounts back from
            the kernel and compares them with its plan, as it did before the agent's first program. With a
            difference the exit code is 1. Each limit that is set is shown with who holds it.
            """,
        arguments: [agent("The agent to inspect")],
        options: [.flag("all", letter: "a", "Show what agrees as well"), json],
        exclusive: [["all", "json"]],
        examples: [
            Example("cloche inspect fixer", "which mechanisms hold, and whether anything differs"),
            Example("cloche inspect --all fixer", "every mount and every property"),
        ]
    )

    private static let doctor = CommandSpec(
        "doctor",
        "Try what this machine can do, and say how to mend what it cannot",
        suggestedFor: ["check", "info", "health"],
        discussion: "Each feature of the kernel and the host is tried out, never guessed from a version.",
        options: [json],
        examples: [Example("cloche doctor", "all checks, with a remedy for each that fails")]
    )

    private static let path = CommandSpec(
        "path",
        "Print where an agent's files are",
        suggestedFor: ["cd", "where"],
        arguments: [
            agent("The agent"),
            ArgumentSpec(
                "what",
                .optional,
                form: .oneOf(["workspace", "home", "state"]),
                "Which directory; the workspace if left out"
            ),
        ],
        examples: [
            Example("cd \"$(cloche path fixer)\"", "go to its worktree"),
            Example("ls -la \"$(cloche path fixer home)\"", "look into its home"),
        ]
    )

    private static let config = CommandSpec(
        "config",
        "Show the settings of the project",
        suggestedFor: ["settings", "configure"],
        subcommands: [
            CommandSpec(
                "show",
                "Print all settings with the file each comes from",
                suggestedFor: ["list", "get", "cat"],
                options: [json],
                examples: [Example("cloche config show", "what holds in this project")]
            ),
            CommandSpec(
                "trust",
                "Trust this project's settings as they are now",
                suggestedFor: ["allow"],
                discussion: """
                    A project's files may narrow what your own files allow. Whatever gives agents more of this
                    machine is an error until you have looked at the files and trust them; a change of a file
                    ends the trust in it.
                    """,
                examples: [Example("cloche config trust", "after reading .cloche/")]
            ),
            CommandSpec(
                "path",
                "Print the files that are read, those that win last",
                examples: [Example("cloche config path", "where to change a setting")]
            ),
        ]
    )

    private static let profiles = CommandSpec(
        "profile",
        "List, show, make and check profiles",
        suggestedFor: ["profiles"],
        subcommands: [
            CommandSpec(
                "list",
                "List all profiles and where they come from",
                aliases: ["ls"],
                options: [.flag("names", "Print names only, one on a line"), json],
                exclusive: [["names", "json"]],
                examples: [Example("cloche profile list", "built-in ones, yours and the project's")]
            ),
            CommandSpec(
                "show",
                "Print a profile with all it inherits",
                suggestedFor: ["cat", "get"],
                arguments: [profileName(.required, "The profile to print")],
                options: [json],
                examples: [Example("cloche profile show claude-readonly", "all its keys, resolved")]
            ),
            newProfile,
            checkProfile,
            CommandSpec(
                "schema",
                "Print the JSON Schema of profiles, for editors",
                examples: [
                    Example("cloche profile schema > .cloche/schema.json", "for completion in an editor")
                ]
            ),
            CommandSpec(
                "syscalls",
                "Print what a profile does with each system call",
                discussion: """
                    Prints every call of this machine by number: whether it is allowed, always or with some arguments,
                    or which error answers it, with the group that says so and the reason. A number that is not in the
                    list is answered with ENOSYS; a call of another architecture kills the process. Groups are listed
                    in a profile under `syscalls.groups`; your own are files `syscalls/NAME.yaml` beside `config.yaml`.
                    """,
                arguments: [profileName(.optional, "The profile; the project's default if left out")],
                options: [json],
                examples: [Example("cloche profile syscalls shell", "the whole table")]
            ),
        ]
    )

    private static let newProfile = CommandSpec(
        "new",
        "Make a profile for an agent program, by questions or by options",
        suggestedFor: ["create", "add", "init"],
        discussion: """
            Writes a file harness/NAME.yaml into your own configuration, and nothing that is there already. On a
            terminal, what is not given by an option is asked for; elsewhere, or with --no-questions, it is left out.
            Words of a command line are apart by blanks, unless they are in quotes. {task} stands for the task,
            {model} for the model.

            `cloche profile check NAME` then tries it; the file can be mended by hand.
            """,
        arguments: [ArgumentSpec("name", .required, "The profile's name")],
        options: [
            .value("program", "COMMAND", "The program, with the arguments that it always gets"),
            .value("description", "TEXT", "What the profile is for, in one line"),
            .value("extends", "PROFILE", completion: .profileName, "What it extends; agent if left out"),
            .value("task-args", "WORDS", "Arguments added for a task"),
            .value("resume-args", "WORDS", "Arguments added to go on with the last conversation"),
            .value("resume-task-args", "WORDS", "The same with a new task"),
            .value("model-args", "WORDS", "Arguments added for a model"),
            .value("instructions-file", "PATH", "The file below the home in which it reads instructions"),
            .value("skills-dir", "PATH", "The directory below the home in which it looks for skills"),
            .value("mcp-file", "PATH", "The file below the home in which its MCP servers are, as JSON"),
            .value("mcp-key", "KEY", "The key in that file under which they are; mcpServers if left out"),
            .value("check", "COMMAND", "A command that ends well if the program works"),
            .value("install", "TEXT", "How to install it, in one sentence"),
            .repeated(
                "env",
                "NAME",
                "A variable with a key for its service; the first that is there is given"
            ),
            .repeated("network", "HOST", "A host that it must reach, or a bundle of hosts"),
            .flag("no-questions", "Ask nothing"),
            json,
        ],
        examples: [
            Example("cloche profile new crab", "by questions"),
            Example(
                "cloche profile new crab --program \"crab --yes\" --task-args \"-m {task}\" --resume-args --continue "
                    + "--check \"crab --version\" --env CRAB_API_KEY --network api.crab.example",
                "by options"
            ),
        ]
    )

    private static let checkProfile = CommandSpec(
        "check",
        "Check profiles for mistakes, and try whether their programs start",
        suggestedFor: ["validate", "lint", "test"],
        discussion: """
            A file (with a slash, or ending in .yaml) is read, and every mistake in it told with its line; without
            an argument, so are all profiles of yours and of the project.

            The profile of a NAME is tried as well: its program is looked for in a sandbox, and the profile's
            harness.check is run there. With --task, an agent of the profile gets the task, is stopped and
            resumed, and is deleted if all went well. The exit code is 1 if anything failed.
            """,
        arguments: [ArgumentSpec("profile", .rest, completion: .file, "Names of profiles, or files")],
        options: [
            .value("task", "TEXT", "Give a task to an agent of each profile that is named, and resume it"),
            .value(
                "timeout",
                letter: "t",
                "SECONDS",
                form: .number(1...86400),
                "How long a program may take; 60 if left out"
            ),
            json,
        ],
        examples: [
            Example("cloche profile check .cloche/profiles/*.yaml", "before committing them"),
            Example("cloche profile check claude", "does the program start in a sandbox?"),
        ]
    )

    static func profileName(_ presence: ArgumentSpec.Presence, _ summary: String) -> ArgumentSpec {
        ArgumentSpec("profile", presence, completion: .profileName, summary)
    }
}
