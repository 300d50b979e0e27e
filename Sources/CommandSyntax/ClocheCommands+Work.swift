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
        "Merge the work of agents into a branch",
        suggestedFor: ["apply", "accept"],
        discussion: """
            Fetches the agents' commits and merges them into the branch that is checked out, or the
            one that --into names. Uncommitted changes of an agent become a commit first. A checkout
            with changes of its own that are not committed is never touched: the merge is refused
            until they are committed or stashed.

            Several agents are merged in the order of their names on the command line. On a conflict
            the files and both sides are named, and nothing has moved. --check runs a command line
            with the merged files, in a throw-away sandbox; the branch moves only if it succeeds.

            With --resolve-with, an agent is started at each conflict, in a worktree with both sides
            and the conflict's markers. What it makes of them is taken when no marker is left; it
            stays, so that you can look at it.
            """,
        arguments: [
            ArgumentSpec(
                "name",
                .rest,
                completion: .agentName,
                "The agents whose work to merge, in this order"
            )
        ],
        options: [
            .flag("all", letter: "a", "Merge all agents of the project that have a branch"),
            .value(
                "into",
                "BRANCH",
                "Merge into this branch, made if it is not there, not into the current one"
            ),
            .value(
                "strategy",
                "KIND",
                form: .oneOf(["sequential", "octopus"]),
                "A merge commit for each agent, or one for all"
            ),
            .value(
                "check",
                letter: "c",
                "COMMAND",
                "Move the branch only if this succeeds with the merged files"
            ),
            .value(
                "check-profile",
                "PROFILE",
                completion: .profileName,
                "Profile of the sandbox of --check; `shell` unless it is given"
            ),
            .value(
                "resolve-with",
                "NAME",
                completion: .profileName,
                "Have an agent with the profile NAME resolve conflicts"
            ),
            .value(
                "timeout",
                "DURATION",
                "Give an agent that resolves at most this long, such as 90s or 30m"
            ),
            .flag("keep-going", letter: "k", "Leave out agents that are in conflict, and merge the others"),
            .value("message", letter: "m", "TEXT", "Message of the merge commit, where there is one"),
            .flag("dry-run", "Say what would be merged and which files conflict, and change nothing"),
            .flag("undo", "Take the last merge back, if nothing came after it"),
            json,
        ],
        exclusive: [
            ["undo", "all"], ["undo", "into"], ["undo", "strategy"], ["undo", "check"],
            ["undo", "keep-going"], ["undo", "resolve-with"],
            ["undo", "message"], ["undo", "dry-run"], ["dry-run", "resolve-with"],
        ],
        examples: [
            Example(
                "cloche merge parser lexer docs --check \"make test\"",
                "three agents, if the tests pass"
            ),
            Example(
                "cloche merge --all --keep-going --into evening",
                "whatever goes together, to another branch"
            ),
            Example(
                "cloche merge parser lexer --resolve-with claude --timeout 30m",
                "an agent resolves what conflicts"
            ),
        ]
    )
}
