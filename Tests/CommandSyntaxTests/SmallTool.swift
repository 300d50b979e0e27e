// A tool with one of each kind of thing that a table can hold, for the tests of rules.
// Tests of Cloche's own table use `ToolSpec.cloche`.

@testable import CommandSyntax

extension ToolSpec {
    static let small = ToolSpec(
        name: "bell",
        summary: "Ring bells",
        discussion: "First paragraph.\n\nSecond paragraph.",
        groups: [
            CommandGroup("Ringing", [ring, strike, silence, tune]),
            CommandGroup("Other", [tower, CommandSpec("help", "Help", arguments: [topic]), version, secret]),
        ],
        globalOptions: [
            .value("place", letter: "C", "DIR", completion: .directory, "Where to ring"),
            .flag("help", letter: "h", "Show help"),
        ],
        rootOptions: [.flag("version", "Print the version")],
        examples: [],
        files: [],
        environment: [],
        seeAlso: []
    )

    private static let ring = CommandSpec(
        "ring",
        "Ring a bell",
        aliases: ["r"],
        suggestedFor: ["chime"],
        arguments: [
            ArgumentSpec("bell", .required, "The bell"), ArgumentSpec("tune", .optional, "The tune"),
        ],
        options: [
            .flag("loud", letter: "l", "Loudly"),
            .flag("quiet", letter: "q", "Quietly"),
            .value("times", letter: "n", "COUNT", aliases: ["count"], form: .number(1...99), "How often"),
            .repeated("set", letter: "s", "KEY=VALUE", form: .assignment, "Set a thing"),
            .value("mood", "MOOD", form: .oneOf(["merry", "sad"]), "In which mood"),
        ],
        exclusive: [["loud", "quiet"]],
        examples: [Example("bell ring tenor", "ring the tenor")]
    )

    private static let strike = CommandSpec(
        "strike",
        "Strike a bell with a tool",
        arguments: [
            ArgumentSpec("bell", .required, "The bell"), ArgumentSpec("tool", .requiredRest, "The tool"),
        ],
        options: [.flag("hard", letter: "t", "Hard")],
        stopsAtRest: true
    )

    private static let silence = CommandSpec(
        "silence",
        "Silence bells",
        arguments: [ArgumentSpec("bell", .requiredRest, insteadOf: "all", "The bells")],
        options: [.flag("all", letter: "a", "All bells")]
    )

    /// One that does something itself and has a command below it.
    private static let tune = CommandSpec(
        "tune",
        "Tune a bell",
        arguments: [ArgumentSpec("bell", .required, insteadOf: "all", "The bell")],
        options: [.flag("all", "All bells"), .flag("low", "Lower")],
        subcommands: [
            CommandSpec("check", "Check a bell", arguments: [ArgumentSpec("bell", .required, "The bell")])
        ]
    )

    private static let tower = CommandSpec(
        "tower",
        "About towers",
        subcommands: [
            CommandSpec("list", "List towers", aliases: ["ls"]), CommandSpec("show", "Show a tower"),
        ]
    )

    private static let topic = ArgumentSpec("command", .rest, completion: .subcommand, "What")
    private static let version = CommandSpec("version", "Version")
    private static let secret = CommandSpec("secret", "Hidden", isHidden: true)
}

/// The command that a command line of the small tool asks to run; nil for help and version.
func parsed(_ line: [String]) throws(SyntaxError) -> ParsedCommand? {
    guard case .run(let command) = try CommandParser(.small).parse(line) else { return nil }
    return command
}
