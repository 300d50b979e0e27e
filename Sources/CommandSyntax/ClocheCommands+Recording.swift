// The command that plays what an agent's terminal showed: replay.
// Tables only; see ClocheCommands.swift.

extension ClocheCommands {
    static let replay = CommandSpec(
        "replay",
        "Play what an agent's terminal showed",
        suggestedFor: ["play", "recording", "playback"],
        discussion: """
            Plays the recording of the terminal with its own timing, of agents that run and that have
            ended. An offset for --at is 10:32, 1:02:03 or 632. Keys: space pauses, `.` shows the next
            event and pauses, the arrows to the right and left go five seconds on and back, q or ctrl-c
            ends. Escape sequences are made harmless once more, and those that change keys and mouse are
            left out.

            Without a terminal all output is written at once. --export writes an asciicast (version 2),
            which asciinema and its players read. `session.record` in a profile says what is recorded,
            and `limits.log-size` how much of it is kept; the oldest is dropped first.
            """,
        arguments: [agent("The agent whose terminal to play")],
        options: [
            .value("speed", letter: "s", "FACTOR", "Play so many times faster, such as 4 or 0.5"),
            .value(
                "idle-limit",
                letter: "i",
                "SECONDS",
                "Make pauses no longer than this, in seconds of the recording"
            ),
            .value(
                "at",
                "OFFSET",
                "Begin so far into what is kept, in minutes and seconds, or seconds; not a clock time"
            ),
            .value(
                "export",
                "FILE",
                completion: .file,
                "Write the recording into a new file, or to standard output if this is -"
            ),
            .value(
                "still",
                "FILE",
                completion: .file,
                "Write what was shown at --at, or last, into a new file that ends in .txt, .ansi, .svg or .png"
            ),
            json,
        ],
        exclusive: [["export", "still", "json"]],
        examples: [
            Example("cloche replay --speed 4 --idle-limit 2 fixer", "what it did, in short"),
            Example("cloche replay --export fixer.cast fixer", "for `asciinema play fixer.cast`"),
            Example("cloche replay --at 10:32 --still then.svg fixer", "a picture of that moment"),
        ]
    )
}
