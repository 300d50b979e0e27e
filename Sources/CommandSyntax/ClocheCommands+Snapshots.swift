// The commands that keep what an agent is, go back to it, and begin another agent from it: snapshot, rollback, fork.
// Tables only; see ClocheCommands.swift.

extension ClocheCommands {
    static let snapshots = [snapshot, rollback, fork]

    private static let snapshot = CommandSpec(
        "snapshot",
        "Keep what an agent is now, to go back to or to fork",
        suggestedFor: ["checkpoint", "save", "snapshots"],
        discussion: """
            Keeps the agent's workspace with uncommitted and untracked files, its own git directory, its
            home and what it installed, all as of one moment; the agent must not run. What it installed is
            not copied, nor is what git has or an earlier snapshot: see docs/snapshots.md.
            """,
        arguments: [
            agent("The agent"),
            ArgumentSpec(
                "snapshot",
                .rest,
                "The snapshot's name; snap-1, snap-2 ... without one; with --delete, more to delete"
            ),
        ],
        options: [
            .flag("list", letter: "l", "List the agent's snapshots instead"),
            .repeated("delete", letter: "d", "SNAP", "Delete this snapshot instead; may be repeated"),
            json,
        ],
        exclusive: [["list", "delete"]],
        examples: [
            Example("cloche snapshot fixer before-upgrade", "a point to go back to"),
            Example("cloche snapshot fixer --list", "what there is"),
        ]
    )

    private static let rollback = CommandSpec(
        "rollback",
        "Put an agent back to a snapshot",
        suggestedFor: ["restore", "revert", "undo"],
        discussion: """
            Workspace, git directory, home and what was installed become what they were. What they are now
            is kept first, as a snapshot before-rollback-N; the last three of these stay. The agent must
            not run, and `cloche resume` lets it go on from there. Its branch on the host follows with the
            next `cloche sync`.
            """,
        arguments: [
            agent("The agent"), ArgumentSpec("snapshot", .required, "The snapshot to go back to"),
        ],
        options: [json],
        examples: [
            Example("cloche rollback fixer before-upgrade", "as if it had not happened"),
            Example("cloche rollback fixer before-rollback-1", "undo the first rollback"),
        ]
    )

    private static let fork = CommandSpec(
        "fork",
        "Make a second agent out of one",
        suggestedFor: ["clone", "copy", "duplicate"],
        discussion: """
            The new agent has the same files, commits, home and profile, on a branch cloche/NEW of its own;
            what was installed they have in common on disk. Neither sees what the other does from then on.
            It does not run yet: `cloche resume NEW` starts it, with credentials as of that start.
            """,
        arguments: [
            agent("The agent to begin from; it must not run"),
            ArgumentSpec("new", .required, "The name of the new agent"),
        ],
        options: [
            .value("from", "SNAP", "Begin from this snapshot of the agent instead of the present"), json,
        ],
        examples: [
            Example("cloche fork fixer other-way", "try something else from here"),
            Example("cloche fork fixer other-way --from snap-1", "from an earlier point"),
        ]
    )
}
