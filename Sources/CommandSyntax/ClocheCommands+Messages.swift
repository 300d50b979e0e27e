// The commands for what agents and people say to each other: message, inbox, answer; and label, by which several are meant.
// Tables only; see ClocheCommands.swift.

extension ClocheCommands {
    static let messages = [message, inbox, answer, label]

    private static let textFile = OptionSpec.value(
        "file",
        letter: "F",
        "FILE",
        completion: .file,
        "Send what this file says"
    )
    private static let text = ArgumentSpec(
        "text",
        .required,
        insteadOf: "file",
        "The message, as one quoted text; - for standard input"
    )

    private static let message = CommandSpec(
        "message",
        "Say something to an agent, or to several",
        suggestedFor: ["say", "tell", "prompt", "paste", "broadcast"],
        discussion: """
            The text is put into the agent's inbox, on disk, and typed into its terminal when its
            program is ready: as one paste if the program takes pastes (bracketed paste), so that its
            lines stay apart. A program that does not would take each line end for Enter; for it,
            line ends and tabs become spaces. Enter comes 150 ms later, as a key of its own.

            A program that says that it works (by a hook, a mark, its title or its screen), or has
            shown nothing yet, gets the message when it is ready; the command does not wait for
            that, and says that the message is queued. So it is for an agent that is paused or does
            not run: it gets the message in its next run. --now types at once, before what waits.

            TO is an agent, or several: a pattern of names such as 'worker-*', or label:KEY or
            label:KEY=VALUE. Each has a copy of its own.

            Line ends at the end of the text are left out. Other control characters are refused, so
            that no message can end the paste or press keys. The most is 64 KiB.
            """,
        arguments: [
            ArgumentSpec(
                "name",
                .required,
                completion: .agentName,
                "The agent; or a pattern of names with *, or label:KEY[=VALUE]"
            ),
            text,
        ],
        options: [
            textFile,
            .value("reply-to", "ID", "Answer this message of your inbox, which is acknowledged by that"),
            .flag("urgent", "Before those that wait and are not urgent"),
            .flag("interrupt", "Interrupt what the program does, and before all that is not urgent"),
            .value("ttl", "DURATION", "Drop it when it could not be delivered for so long, such as 30m"),
            .value("key", "KEY", "Send it once only: a second one with the same key is the first"),
            .flag("no-enter", "Leave out Enter at the end"),
            .flag("now", "Type at once, whatever the program does, and keep nothing"),
            json,
        ],
        exclusive: [
            ["now", "urgent"], ["now", "interrupt"], ["now", "ttl"], ["now", "key"], ["now", "reply-to"],
        ],
        examples: [
            Example("cloche message fixer \"Also update the docs\"", "one more instruction"),
            Example("git diff | cloche message fixer -", "what another program prints"),
            Example(
                "cloche message 'worker-*' --ttl 1h \"Rebase on main\"",
                "to several, if they come to it in time"
            ),
        ]
    )

    private static let inbox = CommandSpec(
        "inbox",
        "Show what agents ask and tell you, or what waits for an agent",
        suggestedFor: ["messages", "mail", "questions"],
        discussion: """
            Without a name it is your inbox: what agents of this project have sent you. Questions
            stay until they are answered, with `cloche answer AGENT/ID`, or their time is over; all
            else is shown once, and with --all again.

            With a name it is that agent's. Looking at it changes nothing: its program gets the
            messages all the same. What agents have written is shown harmless.

            --wait waits until something is there that would be shown.
            """,
        arguments: [
            ArgumentSpec("name", .optional, completion: .agentName, "The agent; left out, it is yours")
        ],
        options: [
            .flag(
                "all",
                letter: "a",
                "Also what was delivered, acknowledged or too late, as far as it is kept"
            ),
            .flag("wait", letter: "w", "Wait until there is something"),
            .value("timeout", "DURATION", "With --wait, wait at most this long, such as 90s, 30m or 1h30m"),
            .repeated("ack", "ID", "Note that this message was seen to, and show nothing"),
            json,
        ],
        exclusive: [["ack", "all"], ["ack", "wait"]],
        examples: [
            Example("cloche inbox", "what is new for you, and what is not answered"),
            Example("cloche inbox --wait --timeout 1h", "until an agent asks something"),
            Example("cloche inbox fixer --all", "what was sent to an agent, and what became of it"),
        ]
    )

    private static let answer = CommandSpec(
        "answer",
        "Answer a question of an agent's",
        suggestedFor: ["reply", "respond"],
        discussion: """
            The answer goes into the agent's inbox. An agent that waits for it gets it at once;
            otherwise it is typed into its terminal like any message of yours.
            """,
        arguments: [
            ArgumentSpec("question", .required, "AGENT/ID, as `cloche inbox` has it"),
            text,
        ],
        options: [textFile, json],
        examples: [Example("cloche answer fixer/12 \"Keep the old API\"", "it goes on with that")]
    )

    private static let label = CommandSpec(
        "label",
        "Show or change an agent's labels",
        suggestedFor: ["tag", "labels"],
        discussion: """
            By its labels an agent is meant together with others: `cloche message label:role=worker`,
            `cloche list --label role=worker`. A label is KEY or KEY=VALUE; KEY- takes it away.
            """,
        arguments: [
            agent("The agent"),
            ArgumentSpec("label", .rest, "KEY, KEY=VALUE or KEY-; none to show those there are"),
        ],
        options: [json],
        examples: [
            Example("cloche label fixer role=reviewer", "give it a label, or another value"),
            Example("cloche label fixer role-", "take it away"),
        ]
    )
}
