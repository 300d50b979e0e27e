// Completion scripts for shells: which shells there are, and what their scripts have in common.
// Each script is the shell's own idiom around tables made from the tool's specs. All ask the tool itself
// for names when a key is pressed (`list --all --names`, `profile list --names`; with the `--project` or
// `-C` that was typed), say nothing when that fails, and never evaluate what comes back: a project from
// elsewhere may hold a profile of any name.

/// A shell that Cloche can make a completion script for.
package enum Shell: String, CaseIterable, Sendable {
    /// GNU bash 4.4 or later.
    case bash
    /// zsh 5 or later.
    case zsh
    /// fish 3 or later.
    case fish
}

extension ToolSpec {
    /// The completion script of a shell, to be printed as it is.
    package func completionScript(for shell: Shell) -> String {
        switch shell {
        case .bash: BashCompletion(tool: self).script
        case .zsh: ZshCompletion(tool: self).script
        case .fish: FishCompletion(tool: self).script
        }
    }

    /// The words after the tool's name that print all agents' names, one on a line.
    static let agentNamesCommand = "list --all --names"

    /// The words after the tool's name that print all profiles' names, one on a line.
    static let profileNamesCommand = "profile list --names"

    /// The words after the tool's name that print all credentials' names, one on a line.
    static let credentialNamesCommand = "credential list --names"

    /// The options a shell offers in a command, or before any command for nil.
    func offeredOptions(in place: CommandLocation?) -> [OptionSpec] {
        ((place?.spec.options ?? rootOptions) + globalOptions).filter { !$0.isHidden }
    }

    /// Every word that leads one step down from a place, aliases included, and where it leads.
    var steps: [(from: [String], words: [String], to: [String])] {
        locations.map { place in
            (from: place.path.dropLast(), words: [place.spec.name] + place.spec.aliases, to: place.path)
        }
    }
}

extension CommandLocation {
    /// The path as one text, by which the scripts know a command.
    var key: String { path.joined(separator: " ") }

    /// The arguments that take one word.
    var singleArguments: [ArgumentSpec] { spec.arguments.filter { !$0.isRest } }

    /// The argument that takes all further words.
    var restArgument: ArgumentSpec? { spec.arguments.last.flatMap { $0.isRest ? $0 : nil } }
}
