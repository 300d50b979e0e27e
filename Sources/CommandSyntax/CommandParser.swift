// Reads a command line against a tool's table. Called once by the CLI, before anything else happens.
// The conventions are GNU's: `--name=value`, `--name value`, `-n value`, `-nvalue`, bundled flags,
// options before and after arguments, `--` ends options, the last of several values counts. Two differ on
// purpose: long names are not abbreviated (scripts would break when an option is added), and a value in a
// word of its own may not look like an option of the command, as it is nearly always a forgotten value.

/// Reads command lines.
package struct CommandParser: Sendable {
    private let tool: ToolSpec

    /// Makes a parser for a tool.
    package init(_ tool: ToolSpec) {
        self.tool = tool
    }

    /// Reads the words after the program's name.
    ///
    /// `--help` wins over anything wrong that follows it. No word at all asks for the overall help.
    package func parse(_ words: [String]) throws(SyntaxError) -> Invocation {
        var reading = CommandReading(tool: tool, words: words)
        do {
            try reading.readAll()
        } catch {
            guard reading.asksForHelp else { throw error }
        }
        guard !reading.asksForHelp else { return .help(reading.place?.path ?? []) }
        guard !reading.asksForVersion else { return .version }
        guard let place = reading.place else { return .help([]) }
        let command = try reading.finished(at: place)
        switch command.path {
        case ["help"]: return .help(try helpTopic(command.rest))
        case ["version"]: return .version
        default: return .run(command)
        }
    }

    private func helpTopic(_ words: [String]) throws(SyntaxError) -> [String] {
        for end in words.indices where tool.location(of: Array(words[...end])) == nil {
            let place = tool.location(of: Array(words[..<end]))
            throw ErrorWording(tool: tool, place: place).unknownCommand(words[end])
        }
        return tool.location(of: words)?.path ?? []
    }
}

/// A command line while it is read, word by word from the front.
private struct CommandReading {
    let tool: ToolSpec
    var words: ArraySlice<String>
    var place: CommandLocation?
    var values = GivenValues()
    var positionals: [String] = []
    var optionsEnded = false
    var asksForHelp = false
    var asksForVersion = false

    init(tool: ToolSpec, words: [String]) {
        self.tool = tool
        self.words = words[...]
    }

    var wording: ErrorWording { ErrorWording(tool: tool, place: place) }

    var knownOptions: [OptionSpec] { (place?.spec.options ?? tool.rootOptions) + tool.globalOptions }

    mutating func readAll() throws(SyntaxError) {
        while let word = words.popFirst() {
            if optionsEnded {
                try readPositional(word)
            } else if word == "--" {
                optionsEnded = true
            } else if word.hasPrefix("--") {
                try readLong(word)
            } else if word.hasPrefix("-"), word.count > 1 {
                try readLetters(word)
            } else {
                try readPositional(word)
            }
        }
    }

    // MARK: Options

    private mutating func readLong(_ word: String) throws(SyntaxError) {
        let equals = word.utf8.firstIndex(of: UInt8(ascii: "="))
        let spelling = equals.map { String(word[..<$0]) } ?? word
        guard let option = knownOptions.named(String(spelling.dropFirst(2))) else {
            throw wording.unknownOption(spelling, in: word)
        }
        let joined = equals.map { String(word[word.utf8.index(after: $0)...]) }
        if option.placeholder != nil {
            try record(option, valueWord(of: option, spelling: spelling, joined: joined))
        } else if let joined {
            throw wording.surplusValue(option, joined)
        } else {
            try record(option, "")
        }
    }

    private mutating func readLetters(_ word: String) throws(SyntaxError) {
        var letters = word.dropFirst()
        while let letter = letters.popFirst() {
            guard let option = knownOptions.lettered(letter) else {
                throw wording.unknownOption("-\(letter)", in: word)
            }
            guard option.placeholder == nil else {
                let joined = letters.isEmpty ? nil : String(letters)
                return try record(option, valueWord(of: option, spelling: "-\(letter)", joined: joined))
            }
            try record(option, "")
        }
    }

    private mutating func valueWord(
        of option: OptionSpec,
        spelling: String,
        joined: String?
    ) throws(SyntaxError) -> String {
        if let joined { return joined }
        guard let next = words.first, next != "--", !isOption(next) else {
            throw wording.missingValue(option, spelling: spelling, before: words.first)
        }
        words.removeFirst()
        return next
    }

    private func isOption(_ word: String) -> Bool {
        let spelling = word.prefix { $0 != "=" }
        return knownOptions.contains { $0.spellings.contains { $0 == spelling } }
    }

    private mutating func record(_ option: OptionSpec, _ value: String) throws(SyntaxError) {
        if option.placeholder != nil, !option.form.accepts(value) {
            throw wording.badValue(value, of: "option '--\(option.name)'", form: option.form)
        }
        values.append(value, for: option.name)
        if option.name == "help" { asksForHelp = true }
        if option.name == "version", place == nil { asksForVersion = true }
    }

    // MARK: Arguments

    private mutating func readPositional(_ word: String) throws(SyntaxError) {
        if let spec = try subcommand(word) {
            place = CommandLocation(path: (place?.path ?? []) + [spec.name], spec: spec)
            return
        }
        guard let place, let argument = argument(at: positionals.count, of: place.spec) else {
            throw wording.surplusArgument(word)
        }
        guard argument.form.accepts(word) else {
            throw wording.badValue(word, of: argument.name.uppercased(), form: argument.form)
        }
        positionals.append(word)
        if argument.isRest, place.spec.stopsAtRest { optionsEnded = true }
    }

    /// The subcommand that a word names; nil where the word is an argument.
    private func subcommand(_ word: String) throws(SyntaxError) -> CommandSpec? {
        let candidates = place?.spec.subcommands ?? tool.commands
        if candidates.isEmpty { return nil }
        guard let spec = place?.spec, spec.isRunnable else {
            guard let found = candidates.named(word) else { throw wording.unknownCommand(word) }
            return found
        }
        // Behind `--`, or an option of the command's own, a word is an argument, whatever it is called.
        let hasOptions = spec.options.contains { values[$0.name] != nil }
        return positionals.isEmpty && !optionsEnded && !hasOptions ? candidates.named(word) : nil
    }

    private func argument(at index: Int, of spec: CommandSpec) -> ArgumentSpec? {
        guard index >= spec.arguments.count else { return spec.arguments[index] }
        return spec.arguments.last.flatMap { $0.isRest ? $0 : nil }
    }

    // MARK: The whole

    /// The command with everything checked that needs the whole line.
    func finished(at place: CommandLocation) throws(SyntaxError) -> ParsedCommand {
        guard place.spec.isRunnable else { throw wording.missingCommand() }
        for set in place.spec.exclusive {
            let given = set.filter { values[$0] != nil }
            if given.count > 1 { throw wording.excludeEachOther("--\(given[0])", "--\(given[1])") }
        }
        var arguments = GivenValues()
        var rest: ArraySlice<String> = []
        for (index, argument) in place.spec.arguments.enumerated() {
            let isGiven = index < positionals.count
            try checkPresence(of: argument, isGiven: isGiven)
            if argument.isRest {
                rest = positionals.dropFirst(index)
            } else if isGiven {
                arguments.append(positionals[index], for: argument.name)
            }
        }
        return ParsedCommand(
            location: place,
            globalOptions: tool.globalOptions,
            values: values,
            arguments: arguments,
            rest: Array(rest)
        )
    }

    private func checkPresence(of argument: ArgumentSpec, isGiven: Bool) throws(SyntaxError) {
        let stand = argument.insteadOf.flatMap { values[$0] == nil ? nil : "--" + $0 }
        if let stand, isGiven { throw wording.excludeEachOther(argument.placeholder, stand) }
        if argument.isRequired, !isGiven, stand == nil { throw wording.missingArgument(argument) }
    }
}
