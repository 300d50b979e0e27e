// Rows of the schema for an agent's terminal, and for what is known of its program by it.

internal import ClocheModel

extension ProfileSchema {
    static let session: [SchemaKey] = [
        SchemaKey(
            "detach-keys",
            .text(.detachKeys),
            default: .string("ctrl-] d"),
            "The keys that detach the terminal and leave the agent running, separated by spaces."
        ),
        SchemaKey(
            "columns",
            .integer(20...1000),
            default: .integer(120),
            "Width of the terminal before anybody attaches."
        ),
        SchemaKey(
            "rows",
            .integer(5...500),
            default: .integer(40),
            "Height of the terminal before anybody attaches."
        ),
        SchemaKey(
            "record",
            .choice(["off", "output", "input"]),
            default: .string("output"),
            project: .narrower(.earlier(["off", "output", "input"])),
            """
            What is recorded of the terminal for `cloche logs` and `cloche replay`: `output`; `input`, which has what people \
            type in it too, their passwords included; or `off`, and nothing of it is kept on disk.
            """
        ),
        SchemaKey(
            "state",
            .section(state),
            """
            By what it is known what the agent program does (docs/sessions.md, "State"), beside what it or its hooks write to \
            the file that `CLOCHE_STATE` names inside.
            """
        ),
        SchemaKey(
            "on-state",
            .map(.stateName, .text(.any)),
            default: .map([]),
            project: .never,
            """
            Command lines for `/bin/sh` on the host, outside of the sandbox, that are run when a state begins: a map from \
            `starting`, `working`, `waiting`, `idle`, `done` or `failed`. What is told is in variables: `CLOCHE_AGENT`, \
            `CLOCHE_PROJECT`, `CLOCHE_STATE`, `CLOCHE_STATE_BY`, `CLOCHE_STATE_TEXT`. One runs at a time, for 30 seconds at \
            most; of states that come meanwhile, the last counts.
            """
        ),
        SchemaKey(
            "notify",
            .choice(["off", "bell", "desktop"]),
            default: .string("off"),
            project: .narrower(.earlier(["off", "bell", "desktop"])),
            """
            How you are told that the program waits for you, or has ended: `bell` is that of the terminals that are \
            attached, `desktop` a notification by `notify-send`.
            """
        ),
    ]

    static let state: [SchemaKey] = [
        SchemaKey(
            "silence",
            .orNone(.duration(minimum: 1)),
            default: .string("5s"),
            "A program that says nothing of its state is idle when it has shown nothing for so long, and works otherwise."
        ),
        SchemaKey(
            "bell",
            .choice(["off", "waiting", "idle"]),
            default: .string("waiting"),
            "What the terminal's bell and notifications (OSC 9, OSC 777) mean, until something is typed."
        ),
        SchemaKey(
            "marks",
            .boolean,
            default: .bool(true),
            "Whether marks of prompts and commands (OSC 133) count."
        ),
        SchemaKey(
            "title",
            .list(.record(pattern, .pattern)),
            default: .list([]),
            project: .never,
            "What titles of the window mean. The first that matches counts."
        ),
        SchemaKey(
            "screen",
            .list(.record(pattern, .pattern)),
            default: .list([]),
            project: .never,
            "What lines on the screen mean. The first of which any line matches counts."
        ),
    ]

    static let pattern: [SchemaKey] = [
        SchemaKey(
            "match",
            .text(.expression),
            "An extended regular expression of POSIX, `regex(7)`, without back references."
        ),
        SchemaKey("state", .choice(["working", "waiting", "idle"]), "What it means."),
    ]
}
