// The commands that begin something: init, start, run.
// Tables only; see ClocheCommands.swift.

extension ClocheCommands {
    static let begin = [initialise, start, run, learn, share, schedule]

    private static let initialise = CommandSpec(
        "init",
        "Find agent programs and keys, and write .cloche/config.yaml",
        discussion: """
            Looks for installed agent programs and for the keys they need, chooses a default
            profile, and says what it found and what is missing. Nothing but the file
            .cloche/config.yaml is written. No key is copied.
            """,
        options: [
            .flag("force", letter: "f", "Write the file anew even if it exists"),
            json,
        ],
        examples: [
            Example("cloche init", "prepare the repository of the current directory"),
            Example("cloche -C ~/src/parser init --force", "begin anew in another directory"),
        ]
    )

    private static let start = CommandSpec(
        "start",
        "Start an agent in a sandbox of its own",
        suggestedFor: ["new", "create", "spawn", "launch", "new-session"],
        discussion: """
            The agent gets a git worktree on the new branch cloche/NAME, a home and a terminal, and
            works on in the background. The task is handed to the agent program as its first
            instruction; with the profile "shell" it is a shell command line.

            KIND of --workspace is worktree (the default in a git repository), dir for the project's
            own directory, dir:PATH for another one, or none for an empty workspace.
            """,
        arguments: [
            ArgumentSpec("name", .required, "A new name: letters, digits, dots, dashes, underscores"),
            ArgumentSpec("task", .optional, "What the agent is to do, as one quoted text"),
        ],
        options: startOptions + [
            attach,
            .flag("quiet", letter: "q", "Print the agent's name only"),
            json,
        ],
        exclusive: [["attach", "quiet", "json"]],
        examples: [
            Example(
                "cloche start fixer \"Fix the failing parser test\"",
                "with the project's default profile"
            ),
            Example(
                "cloche start auditor -p claude-readonly --base v2.1 \"Audit the token handling\"",
                "another profile, from a tag"
            ),
            Example(
                "cloche start a -p shell --set limits.memory=2GiB \"make test && git commit -am done\"",
                "a shell command line as the task, one limit changed"
            ),
        ]
    )

    /// What an agent is to be; `start` and `schedule add` take it.
    static let startOptions: [OptionSpec] = [
        profile,
        model,
        set,
        .value("base", "REF", "Begin the branch at this commit, branch or tag instead of HEAD"),
        workspace("Where the agent works: worktree, dir, dir:PATH or none"),
        readOnlyWorkspace,
        shareOption,
        environmentVariable,
        .repeated(
            "label",
            "LABEL",
            "Give it a label, KEY or KEY=VALUE, by which it is meant with others"
        ),
    ]

    static let model = OptionSpec.value(
        "model",
        letter: "m",
        "MODEL",
        "The model that the agent program is to use, by the name that it has there"
    )

    private static let run = CommandSpec(
        "run",
        "Run one command in a sandbox, in the foreground",
        discussion: """
            The sandbox has no name and is thrown away when the command ends, with all it wrote
            outside its workspace. The workspace is the current directory unless --workspace says
            otherwise. Input, output, signals and the exit status pass through. Without a command,
            the program of the profile is run.

            In a directory of yours, .git and other names that your programs obey (.vscode,
            .mcp.json, .envrc, ...) are read-only; while the command runs, placeholders stand for
            those that are absent. To have commits made, use `cloche start`.

            All words from the first word of the command on are passed to it untouched.
            """,
        arguments: [
            ArgumentSpec("command", .rest, completion: .command, "The program to run and its arguments")
        ],
        options: [
            profile,
            model,
            set,
            workspace("Where the command works: dir (the default), dir:PATH, worktree or none"),
            readOnlyWorkspace,
            shareOption,
            environmentVariable,
        ],
        stopsAtRest: true,
        examples: [
            Example(
                "cloche run -p shell --set limits.memory=2GiB -- make test",
                "run the tests without trusting them, and with at most so much memory"
            ),
            Example("cloche run --ro ./configure --help", "nothing in this directory can be changed"),
            Example(
                "curl -s https://example.org/in.json | cloche run --workspace none jq .",
                "as a filter in a pipe"
            ),
        ]
    )

    private static let learn = CommandSpec(
        "learn",
        "Run one command, and write the smallest profile that it needs",
        suggestedFor: ["record", "trace", "profile-from"],
        discussion: """
            The command runs as with `cloche run`, but is recorded: every public host can be reached,
            and the groups of system calls that a profile gets for the asking are there. What it used
            becomes the profile NAME, as a difference from the one it extends, each line with what it
            was seen to be for. What could be a secret, or would give much, is never added: it is told
            as "not added", for a person to decide.

            Nothing is written without --output or --save. With --check, nothing is learned: the
            command runs under the profile NAME as it is, and what it is refused is told.
            """,
        arguments: [
            ArgumentSpec("name", .required, "The profile to write, or with --check the one to try"),
            ArgumentSpec("command", .rest, completion: .command, "The program to run and its arguments"),
        ],
        options: [
            profile,
            .value("output", letter: "o", "FILE", completion: .file, "Write the profile into this file"),
            .flag("save", "Write it where `--profile NAME` finds it, in your own configuration"),
            .flag("force", letter: "f", "Write over a file that is there"),
            .flag("check", "Run the command under the profile NAME, and tell what it is refused"),
            .flag("verify", "After learning, run the command again under what was learned"),
            workspace("Where the command works: dir (the default), dir:PATH, worktree or none"),
            environmentVariable,
            json,
        ],
        exclusive: [
            ["output", "save"], ["check", "verify"], ["check", "output"], ["check", "save"],
            ["check", "profile"],
        ],
        stopsAtRest: true,
        examples: [
            Example("cloche learn build -- make", "what does this build need? Nothing is written"),
            Example("cloche learn build --save -- make", "and keep it: `cloche start a -p build ...`"),
            Example("cloche learn build --check -- make", "does it run under that profile without refusals?"),
        ]
    )
}
