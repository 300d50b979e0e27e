// The commands for directories that agents have together: share create, list, add, delete.
// Tables only; see ClocheCommands.swift.

extension ClocheCommands {
    static let share = CommandSpec(
        "share",
        "Make directories that agents of the project have together",
        suggestedFor: ["shared", "volume", "exchange"],
        discussion: """
            A shared directory is granted by a profile (`shares`) or by `cloche start --share NAME`, to read, to
            append or to write, and is /shared/NAME inside. In it, agents exchange content and nothing else: no
            link leads out of it, and no device, socket or FIFO can be made.
            """,
        subcommands: [createShare, listShares, addToShare, deleteShare]
    )

    /// `--share` of `start` and `run`.
    static let shareOption = OptionSpec.repeated(
        "share",
        "NAME:MODE",
        "Give it a shared directory, at /shared/NAME; MODE is ro (also without :MODE), append or rw"
    )

    private static func shareName(_ summary: String) -> ArgumentSpec {
        ArgumentSpec("name", .required, summary)
    }

    private static let createShare = CommandSpec(
        "create",
        "Make a shared directory",
        suggestedFor: ["new", "make"],
        discussion: """
            The limits are of the whole directory, whoever writes it. They are measured: an agent that may write a
            directory with more in it is ended, and its failure names the directory.
            """,
        arguments: [ArgumentSpec("name", .required, "A new name: letters, digits, dashes, underscores")],
        options: [
            .value("size", "SIZE", "The most that it may hold on disk, such as 200MiB; 1GiB if not said"),
            .value(
                "files",
                "NUMBER",
                form: .number(1...Int.max),
                "The most files and directories; 100000 if not said"
            ),
            json,
        ],
        examples: [
            Example("cloche share create notes", "one directory for all"),
            Example("cloche share create cache --size 20GiB --files 1000000", "a larger one"),
        ]
    )

    private static let listShares = CommandSpec(
        "list",
        "List the shared directories, what is in them, and who has them",
        suggestedFor: ["ls", "show"],
        options: [json],
        examples: [Example("cloche share list", "sizes, limits and agents")]
    )

    private static let addToShare = CommandSpec(
        "add",
        "Add text or standard input to the end of a file of a shared directory",
        suggestedFor: ["append", "put", "write"],
        discussion: """
            The file is made if it is missing. What is added at one time stands together, also while agents add to
            the same file.
            """,
        arguments: [
            shareName("The shared directory"),
            ArgumentSpec("file", .required, "The path of the file in it"),
            ArgumentSpec("text", .rest, "A line; - or nothing reads standard input"),
        ],
        options: [
            .value("from", "FILE", completion: .file, "Add what this file has, instead of standard input")
        ],
        examples: [
            Example("cloche share add notes todo.md begin with the parser", "a line for all agents"),
            Example("git log -5 | cloche share add notes todo.md", "what a command prints"),
        ]
    )

    private static let deleteShare = CommandSpec(
        "delete",
        "Delete a shared directory with all that is in it",
        suggestedFor: ["remove", "rm"],
        discussion: "One that an agent has, or that has files in it, is deleted with --force only.",
        arguments: [shareName("The shared directory")],
        options: [.flag("force", letter: "f", "Delete it although an agent has it or files are in it")],
        examples: [Example("cloche share delete notes", "when nobody needs it any more")]
    )
}
