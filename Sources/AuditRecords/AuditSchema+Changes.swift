// Rows of the table of events for what an agent is given, uses and leaves behind: credentials, samples, files.

extension EventKind {
    /// An agent did something with one that it started.
    package static let child = EventKind(
        "child",
        .security,
        "The agent starts or stops an agent of its own, is refused one, or has a merge tried in a sandbox.",
        [
            .always("action", .word(["checked", "looked", "refused", "started", "stopped"]), "What it did."),
            .always("name", .foreignText, "The child's name; the agent's own with `checked`."),
            .maybe(
                "why",
                .foreignText,
                "Why it was refused: the keys of which it asked more than it has. With `checked`, the command and what came of it."
            ),
            .maybe("narrowed", .texts, "Keys of which the profile that it named would have had more."),
        ]
    )

    /// The agent's place among others has changed.
    package static let family = EventKind(
        "family",
        .security,
        "What the agent has to share with those that it started has changed, or the agent that started it has ended.",
        [
            .always("action", .word(["adopted", "orphaned", "shares"]), "What happened."),
            .maybe("parent", .text, "Whose child it is now; absent when nobody's."),
            .maybe("limits", .map, "What is left of its limits."),
            .maybe("budget", .map, "What is left of its budget."),
        ]
    )

    /// A credential was given.
    package static let credential = EventKind(
        "credential",
        .security,
        "The agent is given a credential of the profile, at each start; what it says is not on record.",
        [
            .always("kind", .word(["file", "service", "variable"]), "How it is given."),
            .always("name", .text, "The variable's name, the path inside, or the service's name."),
            .maybe("source", .text, "The file on the host; of a service, where its key comes from."),
        ]
    )

    /// A request went through the gateway.
    package static let request = EventKind(
        "request",
        .standard,
        "A request of the agent's went through its gateway, and has ended.",
        [
            .always("service", .text, "The service."),
            .always("method", .foreignText, "The method."),
            .always("path", .foreignText, "The path, without its query and not all of a long one."),
            .always("status", .number, "The status it was answered with; 0 if it was not."),
            .always("sent", .number, "Bytes of its body."),
            .always("received", .number, "Bytes of the answer's body."),
            .always("milliseconds", .number, "How long it took."),
            .maybe("why", .foreignText, "Why it did not end as it should."),
            .maybe("model", .text, "The model that answered."),
            .maybe("input-tokens", .number, "Tokens that were sent and not cached."),
            .maybe("output-tokens", .number, "Tokens that were answered."),
            .maybe("cache-read-tokens", .number, "Tokens that were read from the provider's cache."),
            .maybe("cache-write-tokens", .number, "Tokens that were written to it for five minutes."),
            .maybe("cache-write-long-tokens", .number, "Tokens that were written to it for an hour."),
            .maybe(
                "estimated",
                .truth,
                "Whether the tokens are an estimate: the provider did not say them to the end."
            ),
            .maybe("key-in-answer", .truth, "The answer had the key in it, which was replaced."),
        ]
    )

    /// Something about the gateway itself.
    package static let gateway = EventKind(
        "gateway",
        .security,
        """
        The process that has the agent's keys was given another key, renewed a login, has one key less, or has ended; or it \
        answers TLS in the place of services, or is not trusted there.
        """,
        [
            .always(
                "action",
                .word([
                    "distrusted", "failed", "intercept", "lost", "renew", "renew-failed", "revoke", "rotate",
                ]),
                "What happened."
            ),
            .maybe("service", .text, "The service whose key it is, or in whose place it answers."),
            .maybe("hosts", .texts, "The hosts in whose place it answers."),
            .maybe("fingerprint", .text, "SHA-256 of the certificate that vouches for it there."),
            .maybe("why", .foreignText, "Why it failed, or is not trusted."),
        ]
    )

    /// What was used up to now.
    package static let sample = EventKind(
        "sample",
        .standard,
        "What the agent uses: once a minute, with `full` every ten seconds, and at its end; not while nothing happens.",
        [
            .always("source", .text, "Who measured: the agent's `cgroup`, or the `supervisor`."),
            .maybe("cpu-microseconds", .number, "Processor time since the start."),
            .maybe("memory", .number, "Bytes of memory in use."),
            .maybe("memory-peak", .number, "The most that was."),
            .maybe("swap", .number, "Bytes swapped out."),
            .maybe("tasks", .number, "Processes and threads."),
            .maybe("io-read", .number, "Bytes read from disks since the start."),
            .maybe("io-written", .number, "Bytes written to disks since the start."),
            .maybe("network-received", .number, "Bytes received since the start."),
            .maybe("network-sent", .number, "Bytes sent since the start."),
            .maybe(
                "disk",
                .number,
                "Bytes on disk of workspace, home and layers, where a limit has them counted."
            ),
            .maybe("disk-files", .number, "Files and directories there."),
            .maybe("output", .number, "Bytes that the terminal was sent."),
        ]
    )

    private static let place = EventField.always(
        "where",
        .word(["workspace", "home", "upper"]),
        "In its workspace, its home, or its layers over the system's directories, `/etc` and `/var`."
    )

    /// A file was made, changed or removed.
    package static let file = EventKind(
        "file",
        .standard,
        "A file is another than before: in the workspace, seen at a sync; elsewhere, seen at the agent's end.",
        [
            .always(
                "path",
                .foreignText,
                "Its path, in the workspace or as the agent sees it; bytes that are no UTF-8 are replaced."
            ),
            .always(
                "change",
                .word(["added", "modified", "deleted", "renamed", "closed"]),
                "What became of it; `closed` is a directory whose modes let nobody look into it."
            ),
            place,
            .always(
                "kind",
                .word(["file", "directory", "link", "submodule", "other"]),
                "What it is, or was."
            ),
            .maybe("from", .foreignText, "The path that it had before, of one that was renamed."),
        ]
    )

    /// Changes that were too many.
    package static let filesUntold = EventKind(
        "files-untold",
        .standard,
        "More files were changed than are written down one by one.",
        [
            .always("count", .number, "How many were found."),
            place,
            .maybe("cut", .truth, "True when it was too much to look at everything: there may be more."),
        ]
    )

    /// A shared directory was granted, or taken away.
    package static let shareGrant = EventKind(
        "share-grant",
        .security,
        "The agent is given a shared directory, at each start; or one that it has was deleted.",
        [
            .always("action", .word(["granted", "deleted"]), "What happened."),
            .always("name", .text, "The shared directory's name."),
            .always("mode", .word(["ro", "append", "rw"]), "What the agent may do in it."),
            .maybe("size", .number, "The most bytes that it may hold."),
            .maybe("files", .number, "The most files and directories."),
        ]
    )

    /// Something changed in a shared directory.
    package static let share = EventKind(
        "share",
        .standard,
        """
        Something changed in a shared directory that the agent may write, its own doing or another's: the kernel does not say \
        whose. `appended`, and what has `bytes`, went through Cloche, and is this agent's.
        """,
        [
            .always("name", .text, "The shared directory's name."),
            .always(
                "change",
                .word(["created", "written", "renamed", "deleted", "appended", "untold", "unwatched"]),
                "What became of it; `untold` counts changes that were too many to be told by their paths; `unwatched`: they cannot be seen."
            ),
            .maybe("path", .foreignText, "The path in the directory; bytes that are no UTF-8 are replaced."),
            .maybe("from", .foreignText, "The path that it had before, of one that was renamed."),
            .maybe("bytes", .number, "How many bytes were added."),
            .maybe("count", .number, "How many changes are not told, at least."),
            .maybe("why", .text, "Why changes cannot be seen."),
        ]
    )

    /// What an agent is given, uses and leaves behind.
    static let holdings: [EventKind] = [
        .credential, .shareGrant, .share, .request, .gateway, .sample, .file, .filesUntold,
    ]
}
