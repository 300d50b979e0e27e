// What a whole command-line tool is, as data: groups of commands, options that hold for all of them,
// and the texts that only the overall help and the manual page show.
// `ToolSpec.cloche` is the one of production; tests make small ones of their own.

/// A heading in the overall help and the commands under it.
package struct CommandGroup: Hashable, Sendable {
    /// The heading.
    package let title: String
    /// The commands, in the order shown.
    package let commands: [CommandSpec]

    /// Makes a group.
    package init(_ title: String, _ commands: [CommandSpec]) {
        self.title = title
        self.commands = commands
    }
}

/// A term and its meaning: a file, a variable, an exit status.
package struct Definition: Hashable, Sendable {
    /// What is defined.
    package let term: String
    /// Its meaning; a sentence or several.
    package let meaning: String

    /// Makes a definition.
    package init(_ term: String, _ meaning: String) {
        self.term = term
        self.meaning = meaning
    }
}

/// A command and the words that lead to it.
package struct CommandLocation: Hashable, Sendable {
    /// Proper names from the top: `["profile", "list"]`.
    package let path: [String]
    /// The command at that place.
    package let spec: CommandSpec
}

/// A command-line tool.
package struct ToolSpec: Hashable, Sendable {
    /// The program's name.
    package let name: String
    /// One line without a full stop.
    package let summary: String
    /// Paragraphs separated by empty lines.
    package let discussion: String
    /// All commands.
    ///
    /// `help` and `version` are answered by the parser and must be among them.
    package let groups: [CommandGroup]
    /// Options that may stand before or after any command; `help` must be among them.
    package let globalOptions: [OptionSpec]
    /// Options that may stand only where no command is given; `version` must be among them.
    package let rootOptions: [OptionSpec]
    /// Command lines to begin with.
    package let examples: [Example]
    /// Files the tool reads and writes.
    package let files: [Definition]
    /// Environment variables it heeds.
    package let environment: [Definition]
    /// Manual pages to read next, such as `git-worktree(1)`.
    package let seeAlso: [String]

    /// All commands of all groups, without their subcommands.
    package var commands: [CommandSpec] { groups.flatMap(\.commands) }

    /// All commands and subcommands, each after the one it belongs to.
    package var locations: [CommandLocation] {
        func walk(_ commands: [CommandSpec], under path: [String]) -> [CommandLocation] {
            commands.flatMap { spec in
                let place = CommandLocation(path: path + [spec.name], spec: spec)
                return [place] + walk(spec.subcommands, under: place.path)
            }
        }
        return walk(commands, under: [])
    }

    /// The same without hidden commands and what is below them.
    package var visibleLocations: [CommandLocation] {
        let hidden = locations.filter(\.spec.isHidden).map(\.path)
        return locations.filter { place in !hidden.contains { place.path.starts(with: $0) } }
    }

    /// The command these words or their aliases lead to; nil when there is none or no word is given.
    package func location(of words: [String]) -> CommandLocation? {
        var found: CommandLocation?
        for word in words {
            guard let spec = (found?.spec.subcommands ?? commands).named(word) else { return nil }
            found = CommandLocation(path: (found?.path ?? []) + [spec.name], spec: spec)
        }
        return found
    }
}
