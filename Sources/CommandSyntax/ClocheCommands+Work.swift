// The commands that bring an agent's work to the user's repository: diff, sync, merge.
// Tables only; see ClocheCommands.swift.

extension ClocheCommands {
    static let work = [diff, sync, merge]

    private static let diff = CommandSpec(
        "diff",
        "Show what an agent changed, committed or not",
        suggestedFor: ["changes", "show"],
        discussion: """
            Compares the agent's files with the commit it began at. Commits are fetched first, as by
            `cloche sync`. No filter, hook or external diff program that the agent could have set up
            is run.
            """,
        arguments: [agent("The agent whose changes to show")],
        options: [
            .flag("stat", "Show the number of changed lines of each file"),
            .flag("name-only", "Show the names of changed files only"),
            .flag(
                "for-terminal",
                isHidden: true,
                "Write as on a terminal, with nothing in it that one obeys: for a pager"
            ),
            json,
        ],
        exclusive: [["stat", "name-only", "json"]],
        examples: [
            Example("cloche diff fixer", "everything it changed"),
            Example("cloche diff --stat fixer", "which files, and how much"),
        ]
    )

    private static let sync = CommandSpec(
        "sync",
        "Fetch an agent's commits into its branch of this repository",
        suggestedFor: ["fetch", "pull"],
        discussion: """
            The commits are checked on the way, and only then is the branch cloche/NAME moved.
            `diff` and `merge` do this by themselves. The agent may go on working meanwhile.
            """,
        arguments: [agents("The agents whose commits to fetch")],
        options: [.flag("all", letter: "a", "Fetch from all agents of the project"), json],
        examples: [
            Example("cloche sync fixer && git log cloche/fixer", "look at its commits with git"),
            Example("cloche sync --all", "fetch from every agent"),
        ]
    )

    private static let merge = CommandSpec(
        "merge",
        "Merge an agent's work into the current branch",
        suggestedFor: ["apply", "accept"],
        discussion: """
            Fetches the agent's commits and merges them into the branch that is checked out.
            Uncommitted changes of the agent become a commit first. A checkout with changes of its
            own that are not committed is never touched: the merge is refused until they are
            committed or stashed. On a conflict the files are named and the checkout stays as it was.
            """,
        arguments: [agent("The agent whose work to merge")],
        options: [
            .value("message", letter: "m", "TEXT", "Message of the merge commit"),
            .flag("dry-run", "Say what would be merged and which files conflict, and change nothing"),
            json,
        ],
        examples: [
            Example("cloche merge --dry-run fixer", "see whether it merges cleanly"),
            Example("cloche merge -m \"Fix the parser\" fixer", "merge with a message of your own"),
        ]
    )
}
