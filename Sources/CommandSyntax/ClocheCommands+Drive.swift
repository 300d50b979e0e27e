// The commands that use an agent's terminal without attaching to it: keys, resize, wait.
// Tables only; see ClocheCommands.swift.

extension ClocheCommands {
    static let drive = [keys, resize, wait]

    private static let keys = CommandSpec(
        "keys",
        "Type keys into an agent's terminal",
        suggestedFor: ["send-keys", "send", "type", "press"],
        discussion: """
            Each word is the name of a key or else text that is typed as it stands, as with `tmux
            send-keys`. Names are Enter, Escape, Tab, BTab, Space, BSpace, Up, Down, Left, Right,
            Home, End, PageUp, PageDown, Insert, Delete, F1 to F20, KP0 to KP9, KPEnter and the like,
            also IC, DC, PPage and NPage; upper and lower case do not matter. C-, M- and S- before a
            name or a character stand for control, alt and shift, ^x is C-x, and 0x41 is the character
            of that number. A word that names no key is text, so spaces between words are to be
            named: `ls Space -l`. A word with modifiers and an unknown key, such as C-Entre, is an
            error.

            What is sent depends on what the program has asked of its terminal. The audit log has who
            typed and how many bytes, not what. Words that begin with a dash stand behind `--`.
            """,
        arguments: [
            windowOf("The agent whose terminal to type into; NAME:2 is its window 2"),
            ArgumentSpec("key", .requiredRest, insteadOf: "interrupt", "Names of keys, and text"),
        ],
        options: [
            .flag("interrupt", "Type the keys that interrupt the program, as its profile says"),
            .flag("literal", letter: "l", "Type all words as text, names of keys too"),
            .flag("hex", letter: "H", "Type bytes, each given as a hexadecimal number"),
            .value("repeat", letter: "N", "COUNT", form: .number(1...1000), "Type all of it COUNT times"),
            json,
        ],
        exclusive: [["literal", "hex", "interrupt"]],
        examples: [
            Example("cloche keys --interrupt fixer", "stop what its program does, whichever program it is"),
            Example("cloche keys fixer Escape \"/clear\" Enter", "two keys and a text between them"),
            Example("cloche keys --repeat 3 fixer Down", "three lines down"),
        ]
    )

    private static let resize = CommandSpec(
        "resize",
        "Give an agent's terminal another size",
        discussion: """
            The program is told, as when a window changes its size. Whoever attaches with another size
            changes it again, and so does somebody attached whose window changes.
            """,
        arguments: [
            agent("The agent whose terminal it is"),
            ArgumentSpec("size", .required, "COLUMNSxROWS, each from 1 to 1000"),
        ],
        options: [json],
        examples: [Example("cloche resize fixer 120x40", "120 columns, 40 rows")]
    )

    private static let wait = CommandSpec(
        "wait",
        "Wait until agents have ended, or until one does something",
        suggestedFor: ["join"],
        discussion: """
            Prints for each agent why it ended and its exit code. With one agent, and with --any,
            the exit status is that code; an agent that a limit ended never gives 0, and one that
            never ran or was lost gives 125. With several, it is 0 when all of them give 0, and 1
            otherwise. When the time of --timeout is over, it is 124, and the agents go on.

            --for says what to wait for. `exit` is the above. `idle:SECONDS` is one agent whose
            terminal showed nothing and was typed nothing for so long, 2 seconds if left out; a
            paused agent is not idle. `output:REGEX` is one agent whose terminal shows a line that
            an extended regular expression of POSIX matches, also one that is not ended yet; lines
            are without escape sequences, as `cloche logs` has them. Counted is what is shown after
            the command has begun, and with --since-start also what is in the log already.
            `screen:REGEX` is one agent whose screen shows such a line. `state:STATE`, or several with
            commas, is one agent whose program does that: starting, working, waiting, idle, done or
            failed. The exit status is then 0 when it has come, 124 when the time is over, and 1 when
            the agent has ended before.
            """,
        arguments: [agents("The agents to wait for")],
        options: [
            .flag("all", letter: "a", "Wait for all running agents of the project"),
            .flag("any", "Wait for the first that ends, not for all"),
            .value(
                "for",
                "CONDITION",
                completion: .words(["exit", "idle", "output:", "screen:", "state:"]),
                "Wait for idle[:SECONDS] or output:REGEX, screen:REGEX, state:STATE"
            ),
            .flag("since-start", "With output:REGEX, look at what the log has, too"),
            .value("timeout", "DURATION", "Wait at most this long, such as 90s, 30m or 1h30m"),
            json,
        ],
        examples: [
            Example("cloche wait fixer && cloche merge fixer", "merge when it has ended well"),
            Example("cloche wait --for state:waiting,idle fixer", "until it wants an answer, or work"),
            Example("cloche wait --for 'output:tests? passed' --timeout 5m fixer", "until it says so"),
        ]
    )
}
