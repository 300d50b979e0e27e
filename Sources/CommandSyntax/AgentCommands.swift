// The `cloche` that an agent has in its sandbox: tables of what it can type, as ClocheCommands.swift has them for people.
// The texts are written for language models: whoever reads `cloche help` once can work with others.

extension ToolSpec {
    /// The agents' own, with the commands that one of them may use.
    ///
    /// - Parameter verbs: names of commands; nil for all.
    package static func agents(verbs: [String]? = nil) -> ToolSpec {
        func granted(_ commands: [CommandSpec]) -> [CommandSpec] {
            commands.filter { verbs?.contains($0.name) ?? true }
        }
        let groups = [
            CommandGroup("About yourself", granted([AgentCommands.whoami, AgentCommands.report])),
            CommandGroup("Messages", granted(AgentCommands.messages)),
            CommandGroup("Other agents", granted(AgentCommands.others)),
            CommandGroup("Their work", granted(AgentCommands.work + [AgentCommands.share])),
            CommandGroup("Help", [AgentCommands.tools, AgentCommands.help, AgentCommands.version]),
        ]
        return ToolSpec(
            name: "cloche",
            summary: "work with other agents on the same repository",
            discussion: """
                You run in a sandbox. This command speaks for you to what runs it, outside; nobody else can use it in
                your name. What you may do with it is granted by your profile: `cloche whoami` tells. Every command
                takes --help, and --json where its answer has fields.

                To share out work: `cloche start NAME "TASK"` for each part, each on a branch of its own from your
                last commit; `cloche wait NAME...`; `cloche diff NAME`; then `cloche sync NAME` prints a commit that
                `git merge COMMIT` takes into your branch. Commit your own work before you start others, and theirs is
                yours only when you have merged it.
                """,
            groups: groups.filter { !$0.commands.isEmpty },
            globalOptions: [.flag("help", letter: "h", "Show help and do nothing else")],
            rootOptions: [.flag("version", "Print the version and do nothing else")],
            examples: [
                Example("cloche whoami", "your name, your parent and what you may do"),
                Example(
                    "cloche start fix-parser \"Fix the parser, run the tests, commit\"",
                    "an agent of your own"
                ),
                Example(
                    "cloche wait fix-parser --timeout 10m",
                    "until it has ended, or says that it is done"
                ),
            ],
            files: [],
            environment: [Definition("CLOCHE_SOCKET", "Where this command speaks to; set by what runs you.")],
            seeAlso: []
        )
    }
}

/// The tables of the agents' commands.
enum AgentCommands {
    private static let json = OptionSpec.flag("json", "Print JSON with stable field names")

    private static func child(_ summary: String) -> ArgumentSpec { ArgumentSpec("name", .required, summary) }

    private static func children(_ summary: String) -> ArgumentSpec {
        ArgumentSpec("name", .requiredRest, summary)
    }

    static let whoami = CommandSpec(
        "whoami",
        "Your name, your parent, your children and what you may do",
        options: [json]
    )

    static let report = CommandSpec(
        "report",
        "Say what you do, for the person and for your parent",
        discussion:
            "A parent that waits for you goes on when you report done or failed; say in the text what came of it.",
        arguments: [
            ArgumentSpec(
                "state",
                .required,
                form: .oneOf(["working", "waiting", "idle", "done", "failed"]),
                "What you do now"
            ),
            ArgumentSpec("text", .rest, "One line more about it"),
        ],
        examples: [Example("cloche report done \"fixed; all 14 tests pass\"", "your part is finished")]
    )

    private static let time = "TIME"

    static let messages = [
        CommandSpec(
            "message",
            "Send a message to another agent",
            discussion: """
                It is kept until the other's program is ready for it, and typed there with your name; the other reads it
                in its inbox as well. The number that is printed is that of the message in the other's inbox.
                """,
            arguments: [
                ArgumentSpec(
                    "to",
                    .required,
                    "parent, children, siblings, a name, a pattern such as w-*, or label:KEY"
                ),
                ArgumentSpec("text", .requiredRest, "What to say; - reads standard input"),
            ],
            options: [
                .value("reply-to", "NUMBER", "It answers this message of your inbox"),
                .flag("asks", "You want an answer"),
                .flag("urgent", "Before those that are not"),
                .flag("interrupt", "Interrupts what the other does; urgent, too"),
                .value("ttl", time, "Too late after that: 30, 10m, 2h"),
                .value("key", "KEY", "A second message with this key is the first; for trying again"),
                json,
            ],
            examples: [
                Example(
                    "cloche message parent \"The lexer is done; which part is next?\" --asks",
                    "to who started you"
                ),
                Example("cloche message w-1 --reply-to 3 \"Yes, use the second form\"", "an answer"),
            ]
        ),
        CommandSpec(
            "inbox",
            "What others have sent you",
            discussion:
                "Prints what has not been shown to you yet. Answer with `cloche message NAME --reply-to NUMBER TEXT`.",
            options: [
                .flag("all", letter: "a", "Also what you have been shown"),
                .flag("wait", "Wait until something comes"),
                .value("timeout", time, "At most so long: 30, 10m, 2h"),
                .repeated("ack", "NUMBER", "Note that you have seen to this message"), json,
            ],
            exclusive: [["all", "wait", "ack"]],
            examples: [Example("cloche inbox --wait --timeout 10m", "the next message")]
        ),
        CommandSpec(
            "ask",
            "Ask the person, and wait for the answer",
            discussion:
                "Ask only what you cannot find out and must not decide: nobody may be there for hours.",
            arguments: [ArgumentSpec("text", .requiredRest, "The question; - reads standard input")],
            options: [
                .repeated("choice", "TEXT", "An answer to choose from"),
                .value("timeout", time, "At most so long: 30, 10m, 2h"),
                .flag("no-wait", "Go on; the answer comes into your inbox"), json,
            ],
            examples: [
                Example("cloche ask \"Drop Python 3.8?\" --choice yes --choice no", "prints the answer")
            ]
        ),
    ]

    static let others = [
        CommandSpec(
            "list",
            "The agents that you can see: yourself, parent, children, siblings",
            options: [.flag("all", letter: "a", "Also those that have ended"), json]
        ),
        CommandSpec(
            "start",
            "Start an agent of your own",
            discussion: """
                It works in a worktree of its own on a branch of its own, which begins at your last commit, and has at
                most what you have yourself: anything wider is refused with the name of the key. Limits and budgets
                are parts of yours.
                """,
            arguments: [
                child("Its name"),
                ArgumentSpec("task", .optional, "What it is to do; - reads standard input"),
            ],
            options: [
                .value(
                    "profile",
                    letter: "p",
                    "PROFILE",
                    "Another profile than yours, as far as yours allows"
                ),
                .repeated("set", "KEY=VALUE", form: .assignment, "A key of its profile, no wider than yours"),
                .repeated("env", letter: "e", "KEY=VALUE", form: .assignment, "A variable for its program"),
                .repeated("label", "KEY[=VALUE]", "A word by which several are meant at once"),
                .flag("read-only-workspace", aliases: ["ro"], "It may read its worktree but not change it"),
                json,
            ],
            examples: [
                Example(
                    "cloche start tests \"Write tests for the lexer and commit them\"",
                    "with your profile"
                ),
                Example(
                    "cloche start reader \"Review HEAD\" --ro --set network.mode=none",
                    "with less than you have"
                ),
            ]
        ),
        CommandSpec(
            "stop",
            "End children of yours",
            arguments: [children("A child")],
            options: [.value("grace", "SECONDS", form: .number(0...86400), "How long its program has to end")]
        ),
        CommandSpec(
            "wait",
            "Wait until children have ended, or say that they are done",
            discussion: """
                Prints a line for each: its name, how it is, and what it reported. Exit code 0: all are done; 1: one
                has failed; 124: the time is over.
                """,
            arguments: [children("A child")],
            options: [
                .flag("any", "Until the first of them"),
                .flag("idle", "Also until it waits for something or does nothing"),
                .value("timeout", "TIME", "At most so long: 30, 10m, 2h"),
                json,
            ],
            examples: [Example("cloche wait a b --timeout 15m", "until both are done")]
        ),
        CommandSpec(
            "look",
            "What a child's terminal shows",
            arguments: [child("The child")],
            options: [
                .value("lines", "COUNT", form: .number(0...2000), "So many lines above the screen as well")
            ]
        ),
    ]

    static let work = [
        CommandSpec(
            "diff",
            "What a child has changed since it began",
            arguments: [child("The child")],
            options: [.flag("stat", "Only which files, and how much")]
        ),
        CommandSpec(
            "sync",
            "Fetch a child's commits; print the last one",
            discussion:
                "The commit is in your repository then: `git merge COMMIT`, `git cherry-pick COMMIT`.",
            arguments: [child("The child")],
            options: [json],
            examples: [Example("git merge $(cloche sync tests)", "take over what it has committed")]
        ),
        CommandSpec(
            "merge",
            "Merge the commits of children into one branch of the repository",
            discussion: """
                The branch is cloche-merged/YOUR-NAME, for the person to look at; it moves only when everything merges,
                and the check, if there is one, succeeds in a sandbox without network. Nothing of what anybody has
                checked out is touched.
                """,
            arguments: [children("A child, or yourself")],
            options: [
                .value("check", "COMMAND", "Must succeed with the merged files"),
                .flag("keep-going", "Leave out those in conflict"), json,
            ],
            examples: [Example("cloche merge a b c --check 'make test'", "one branch with all three")]
        ),
        CommandSpec(
            "request-merge",
            "Ask the person to take over what you have committed",
            arguments: [ArgumentSpec("text", .rest, "What it is, in a sentence")],
            examples: [
                Example("cloche request-merge \"parser fixed, tests pass\"", "it is put to the person")
            ]
        ),
    ]

    static let share = CommandSpec(
        "share",
        "Add to a file of a shared directory that you may not write",
        discussion: """
            Shared directories are at /shared; `ls /shared` shows yours. One that you have with `append` is read-only
            there: this puts your text at the end of a file, whole, whoever else adds.
            """,
        subcommands: [
            CommandSpec(
                "add",
                "Put text at the end of a file, which is made if it is missing",
                arguments: [
                    ArgumentSpec("name", .required, "The shared directory"),
                    ArgumentSpec("file", .required, "The file in it"),
                    ArgumentSpec("text", .requiredRest, "A line; - or nothing reads standard input"),
                ],
                examples: [
                    Example("cloche share add notes found.md \"src/lex.c: off by one\"", "one line more")
                ]
            )
        ]
    )

    static let tools = CommandSpec(
        "mcp",
        "Serve these commands as tools of the Model Context Protocol, over standard input and output"
    )

    static let help = CommandSpec(
        "help",
        "Show help for a command",
        arguments: [ArgumentSpec("command", .rest, "The command")]
    )

    static let version = CommandSpec("version", "Print the version")
}
