// Rows of the schema for commands that run in the sandbox beside the agent program.

internal import ClocheModel

extension ProfileSchema {
    static let hooks: [SchemaKey] = [
        SchemaKey(
            "pre-start",
            .list(.commandLine),
            default: .list([]),
            project: .unlessGranting,
            """
            Commands that run in their order, before the agent program and in its sandbox: with its files, its variables, its \
            network and its limits, in `/workspace`. A text is a line for `/bin/sh`, a list a program and its arguments. One \
            that ends with another exit code than 0 stops the start. They run at every start, resume and restart, not with \
            `run`.
            """
        ),
        SchemaKey(
            "post-stop",
            .list(.commandLine),
            default: .list([]),
            project: .unlessGranting,
            """
            The same after the agent program has ended by itself or was stopped, before its sandbox is taken down. \
            `CLOCHE_EXIT_CODE` is its exit code. What is killed, by `stop --kill`, a limit or at the end of the grace, has \
            no such end.
            """
        ),
        SchemaKey(
            "timeout",
            .duration(minimum: 1),
            default: .string("60s"),
            project: .narrower(.smaller),
            "How long each of them may take; then it is killed, and has failed. When three times that is over, no other `post-stop` begins."
        ),
    ]
}
