// What is wrong with a command line. The CLI prints it in the form of all its errors and exits with the
// status of a usage error; this file knows nothing of exit statuses or of terminals.
// Words of the user appear in it only through `quoted`, so that they cannot drive a terminal.

/// A command line that cannot be carried out as written.
package struct SyntaxError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, lower case and without a full stop.
    package let what: String
    /// The rule that was broken; empty when `what` says it all.
    package let why: String
    /// What to type instead.
    package let remedy: String
    /// The usage line of the command that was meant, without the word "usage".
    package let usage: String

    /// All parts, for a program that has no error format of its own.
    package var description: String {
        let reason = why.isEmpty ? "" : ": " + why
        return "\(what)\(reason)\n\(remedy)\nusage: \(usage)"
    }
}

/// Where in a tool's table an error happened; makes the error's texts.
struct ErrorWording {
    let tool: ToolSpec
    /// The command reached so far.
    let place: CommandLocation?

    private var command: String {
        ([tool.name] + (place?.path ?? [])).joined(separator: " ")
    }

    private func error(_ what: String, why: String = "", remedy: String? = nil) -> SyntaxError {
        SyntaxError(
            what: what,
            why: why,
            remedy: remedy ?? "run `\(command) --help` for what it takes",
            usage: tool.usage(of: place)
        )
    }

    func unknownCommand(_ word: String) -> SyntaxError {
        let siblings = (place?.spec.subcommands ?? tool.commands).filter { !$0.isHidden }
        let synonyms = siblings.filter { $0.suggestedFor.contains(word) }.map(\.name)
        let near = synonyms.isEmpty ? Suggestion.nearest(to: word, among: siblings.map(\.name)) : synonyms
        let question = Suggestion.question(near.map { "\(command) \($0)" })
        return error(
            "unknown command \(quoted(word))",
            why: "\(command) has no command of that name",
            remedy: question ?? "run `\(command) --help` for the list of commands"
        )
    }

    func missingCommand() -> SyntaxError {
        let names = place?.spec.visibleSubcommands.map(\.name) ?? []
        return error(
            "\(command) needs to know what to do",
            why: "it is a group of commands",
            remedy: "say one of: " + names.joined(separator: ", ")
        )
    }

    func unknownOption(_ spelling: String, in word: String) -> SyntaxError {
        let known = (place?.spec.options ?? tool.rootOptions) + tool.globalOptions
        let names = known.filter { !$0.isHidden }.flatMap { [$0.name] + $0.aliases }
        let isLong = spelling.hasPrefix("--")
        let near = isLong ? Suggestion.nearest(to: String(spelling.dropFirst(2)), among: names) : []
        let within = spelling == word || isLong ? "" : " in \(quoted(word))"
        return error(
            "unknown option \(quoted(spelling))\(within)",
            why: "\(command) has no such option",
            remedy: misplaced(spelling) ?? Suggestion.question(near.map { "--" + $0 }) ?? passedOn(word)
        )
    }

    /// The remedy for an option of a command that stands before the command.
    private func misplaced(_ spelling: String) -> String? {
        guard place == nil else { return nil }
        let owner = tool.visibleLocations.first { place in
            place.spec.options.contains { $0.spellings.contains(spelling) }
        }
        return owner.map { "options of a command follow it: `\(tool.name) \($0.path[0]) \(spelling)`" }
    }

    /// The remedy for an option that may be meant for the program to run, or for a word that is no option.
    private func passedOn(_ word: String) -> String? {
        guard let place, !place.spec.arguments.isEmpty else { return nil }
        return place.spec.stopsAtRest
            ? "put `--` before the command to run if the option is for that command"
            : "put `--` before a word that begins with a dash and is no option"
    }

    func surplusValue(_ option: OptionSpec, _ value: String) -> SyntaxError {
        error(
            "option '--\(option.name)' takes no value, but has \(quoted(value))",
            remedy: "write '--\(option.name)' alone"
        )
    }

    func missingValue(_ option: OptionSpec, spelling: String, before next: String?) -> SyntaxError {
        let placeholder = option.placeholder ?? ""
        let joined = "--\(option.name)="
        return error(
            "option '\(spelling)' has no value",
            why: next.map { "it needs \(placeholder), and \(quoted($0)) that follows is an option itself" }
                ?? "it needs \(placeholder), and nothing follows",
            remedy: next.map { "write \(quoted(joined + $0)) if it is the value" }
                ?? "write '\(option.longForm)'"
        )
    }

    func badValue(_ value: String, of subject: String, form: ValueForm) -> SyntaxError {
        var remedy: String?
        if case .oneOf(let words) = form {
            remedy = Suggestion.question(Suggestion.nearest(to: value, among: words))
        }
        return error(
            "bad value \(quoted(value)) of \(subject)",
            why: "it must be \(form.requirement)",
            remedy: remedy
        )
    }

    func excludeEachOther(_ first: String, _ second: String) -> SyntaxError {
        error("\(first) and \(second) exclude each other", remedy: "give only one of them")
    }

    func missingArgument(_ argument: ArgumentSpec) -> SyntaxError {
        let stand = argument.insteadOf.flatMap { place?.spec.options.named($0) }
        return error(
            "\(argument.name.uppercased()) is missing",
            why: "\(command) needs it: \(argument.summary)",
            remedy: stand.map { "give \(argument.placeholder), or \($0.longForm)" }
                ?? place?.spec.examples.first.map { "for example: \($0.line)" }
        )
    }

    func surplusArgument(_ word: String) -> SyntaxError {
        let count = place?.spec.arguments.count ?? 0
        let limit = ["no argument", "one argument", "two arguments"]
        return error(
            "surplus argument \(quoted(word))",
            why: "\(command) takes \(count < limit.count ? limit[count] : "\(count) arguments")",
            remedy: count == 0 ? "leave it out" : "put quotes around a text of several words"
        )
    }
}

/// A word of the user between quotes: control characters escaped, the middle of a long one left out.
func quoted(_ word: String) -> String {
    let (limit, shown) = (80, 38)
    let short = word.count <= limit ? word : "\(word.prefix(shown))...\(word.suffix(shown))"
    let scalars = short.unicodeScalars.map { scalar in
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse,
            .unassigned:
            "\\u{\(String(scalar.value, radix: 16))}"
        default: String(scalar)
        }
    }
    return "'" + scalars.joined() + "'"
}
