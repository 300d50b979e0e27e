// What a command line means once it is read: the parser's result, and the only thing commands see of it.
// Asking for an option or argument that the command's table does not declare is a mistake in the
// program, not in its input, and traps.

/// What a command line asks for.
package enum Invocation: Equatable, Sendable {
    /// Run this command.
    case run(ParsedCommand)
    /// Show the help of the command at this path; the overall help when it is empty.
    case help([String])
    /// Print the version.
    case version
}

/// Words by the name of the option or argument they were given for.
///
/// A list, not a dictionary: they are few, and each command begins with them.
struct GivenValues: Equatable, Sendable {
    private var names: [String] = []
    private var words: [[String]] = []

    /// What was given, in order; nil when nothing was.
    subscript(name: String) -> [String]? { names.firstIndex(of: name).map { words[$0] } }

    /// One more word.
    mutating func append(_ word: String, for name: String) {
        if let index = names.firstIndex(of: name) {
            words[index].append(word)
        } else {
            names.append(name)
            words.append([word])
        }
    }
}

/// A command with the values of its options and arguments, all checked against its table.
package struct ParsedCommand: Equatable, Sendable {
    /// The command and its path by proper names, aliases resolved.
    package let location: CommandLocation
    /// The words of the rest argument, in order.
    package let rest: [String]

    private let declared: [OptionSpec]
    private let values: GivenValues
    private let arguments: GivenValues

    /// Made by the parser only.
    init(
        location: CommandLocation,
        globalOptions: [OptionSpec],
        values: GivenValues,
        arguments: GivenValues,
        rest: [String]
    ) {
        self.location = location
        self.declared = location.spec.options + globalOptions
        self.values = values
        self.arguments = arguments
        self.rest = rest
    }

    /// The command's path: `["profile", "list"]`.
    package var path: [String] { location.path }

    /// Whether the flag was given.
    package func flag(_ name: String) -> Bool {
        requireDeclared(name) { $0.placeholder == nil }
        return values[name] != nil
    }

    /// The value of an option; nil when it was not given.
    package func value(_ name: String) -> String? {
        requireDeclared(name) { $0.placeholder != nil && !$0.isRepeated }
        return values[name]?.last
    }

    /// The value of an option of the form `.number`; nil when it was not given.
    package func number(_ name: String) -> Int? {
        value(name).flatMap { Int($0) }
    }

    /// All values of a repeated option, in order.
    package func values(_ name: String) -> [String] {
        requireDeclared(name) { $0.isRepeated }
        return values[name] ?? []
    }

    /// All values of a repeated option of the form `.assignment`, each parted at its first `=`.
    package func assignments(_ name: String) -> [(key: String, value: String)] {
        values(name).map { text in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (key: String(parts[0]), value: parts.count > 1 ? String(parts[1]) : "")
        }
    }

    /// The word given for an argument; nil when it was left out.
    package func argument(_ name: String) -> String? {
        precondition(
            location.spec.arguments.contains { $0.name == name && !$0.isRest },
            "\(path.joined(separator: " ")) declares no argument \(name)"
        )
        return arguments[name]?.last
    }

    /// The word given for an argument that no correct command line lacks.
    package func required(_ name: String) -> String {
        guard let word = argument(name) else {
            preconditionFailure("\(path.joined(separator: " ")) does not require the argument \(name)")
        }
        return word
    }

    private func requireDeclared(_ name: String, as kind: (OptionSpec) -> Bool) {
        precondition(
            declared.contains { $0.name == name && kind($0) },
            "\(path.joined(separator: " ")) declares no option --\(name) of that kind"
        )
    }
}
