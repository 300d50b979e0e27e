// What one command of a tool is, as data: its names, options, arguments and examples.
// The tables in ClocheCommands*.swift are made of these; the parser, the help texts, the completion
// scripts and the manual page are all derived from them and know nothing of any single command.
// Invariants of a table (held by TableTests): required arguments stand before optional ones, a rest
// argument stands last, no option name or letter occurs twice, global options included.

/// A command line to copy, and what it does.
package struct Example: Hashable, Sendable {
    /// The command line, as typed into a shell.
    package let line: String
    /// What it does, in one sentence without a full stop.
    package let effect: String

    /// Makes an example from a line and its effect.
    package init(_ line: String, _ effect: String) {
        self.line = line
        self.effect = effect
    }
}

/// One command, or a group of subcommands under one word (`profile list`).
package struct CommandSpec: Hashable, Sendable {
    /// The last word of the command: `list` for `profile list`.
    package let name: String
    /// Other names that work the same but are not listed.
    package let aliases: [String]
    /// Names other tools use for this; a person who types one is told the right name.
    package let suggestedFor: [String]
    /// One line without a full stop.
    package let summary: String
    /// Paragraphs separated by empty lines; single line breaks have no meaning.
    package let discussion: String
    /// Command lines to copy.
    package let examples: [Example]
    /// The options of this command, without the tool's global ones.
    package let options: [OptionSpec]
    /// The arguments, in order.
    package let arguments: [ArgumentSpec]
    /// Sets of option names of which at most one may be given.
    package let exclusive: [[String]]
    /// Commands below this one; a command that has some can be run itself only if it takes arguments, too.
    package let subcommands: [CommandSpec]
    /// Whether all words after the first word of the rest argument are passed on untouched, options included.
    package let stopsAtRest: Bool
    /// Whether help, completion and manual leave it out.
    package let isHidden: Bool

    /// Makes a command; everything but name and summary has an empty default.
    package init(
        _ name: String,
        _ summary: String,
        aliases: [String] = [],
        suggestedFor: [String] = [],
        discussion: String = "",
        arguments: [ArgumentSpec] = [],
        options: [OptionSpec] = [],
        exclusive: [[String]] = [],
        subcommands: [CommandSpec] = [],
        stopsAtRest: Bool = false,
        isHidden: Bool = false,
        examples: [Example] = []
    ) {
        self.name = name
        self.summary = summary
        self.aliases = aliases
        self.suggestedFor = suggestedFor
        self.discussion = discussion
        self.arguments = arguments
        self.options = options
        self.exclusive = exclusive
        self.subcommands = subcommands
        self.stopsAtRest = stopsAtRest
        self.isHidden = isHidden
        self.examples = examples
    }

    /// The options that help and completion show.
    package var visibleOptions: [OptionSpec] { options.filter { !$0.isHidden } }

    /// Whether it does something without a subcommand: the first word is a subcommand if there is one of that name, and
    /// else the first argument.
    package var isRunnable: Bool { subcommands.isEmpty || !arguments.isEmpty }

    /// The subcommands that help and completion show.
    package var visibleSubcommands: [CommandSpec] { subcommands.filter { !$0.isHidden } }
}

extension [CommandSpec] {
    /// The command called by this name or alias.
    package func named(_ word: String) -> CommandSpec? {
        first { $0.name == word || $0.aliases.contains(word) }
    }
}
