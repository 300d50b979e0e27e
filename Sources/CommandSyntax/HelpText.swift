// The texts of `--help`, made from the same tables as everything else, so that they cannot be out of date.
// Order within a text: usage, summary, discussion, arguments, options, examples: what is looked up most
// often first.

/// Help texts of a tool.
package struct HelpText: Sendable {
    private let tool: ToolSpec
    private let width: Int

    /// Makes help for a screen of this many columns, of which between 40 and 100 are used.
    package init(_ tool: ToolSpec, width: Int = 80) {
        self.tool = tool
        self.width = min(max(width, 40), 100)
    }

    private var columns: TextColumns { TextColumns(width: width) }

    /// The help of the command at this path, ending in a line break; the overall help for an empty path.
    ///
    /// The path must be one that the parser gave out.
    package func text(for path: [String]) -> String {
        let place = tool.location(of: path)
        precondition(path.isEmpty || place != nil, "help asked for a command that is not in the table")
        let sections = place.map(commandSections) ?? overviewSections()
        let shown = sections.filter { !$0.isEmpty }
        return shown.joined(separator: [""]).joined(separator: "\n") + "\n"
    }

    private func overviewSections() -> [[String]] {
        var sections = [["Usage: " + tool.usage(of: nil)], columns.wrap(tool.summary)]
        sections.append(columns.paragraphs(tool.discussion))
        let names = tool.commands.filter { !$0.isHidden }.map(\.name)
        for group in tool.groups {
            let commands = group.commands.filter { !$0.isHidden }
            sections.append(section(group.title, commands.map { ($0.name, $0.summary) }, aligned: names))
        }
        sections.append(section("Global options", rows(tool.globalOptions + tool.rootOptions)))
        sections.append(examples(tool.examples))
        sections.append(columns.wrap("Run `\(tool.name) COMMAND --help` for the options of a command."))
        return sections
    }

    private func commandSections(_ place: CommandLocation) -> [[String]] {
        let spec = place.spec
        let subcommands = spec.visibleSubcommands
        return [
            ["Usage: " + tool.usage(of: place)],
            columns.wrap(spec.summary),
            columns.paragraphs(spec.discussion),
            section("Commands", subcommands.map { ($0.name, $0.summary) }),
            section("Arguments", spec.arguments.map { ($0.placeholder, $0.explanation) }),
            section("Options", rows(spec.visibleOptions)),
            section("Global options", rows(tool.globalOptions)),
            examples(spec.examples),
        ]
    }

    private func section(
        _ title: String,
        _ rows: [(term: String, meaning: String)],
        aligned terms: [String]? = nil
    ) -> [String] {
        rows.isEmpty ? [] : [title + ":"] + columns.table(rows, aligned: terms)
    }

    private func rows(_ options: [OptionSpec]) -> [(term: String, meaning: String)] {
        options.filter { !$0.isHidden }.map { option in
            let letter = option.letter.map { "-\($0), " } ?? "    "
            let names = option.longSpellings.joined(separator: ", ")
            return (letter + names + (option.placeholder.map { " " + $0 } ?? ""), option.explanation)
        }
    }

    private func examples(_ examples: [Example]) -> [String] {
        guard !examples.isEmpty else { return [] }
        return ["Examples:"] + examples.flatMap { ["  " + $0.line] + columns.wrap($0.effect, indent: 6) }
    }
}

extension OptionSpec {
    /// The summary, with what the kind and the form add to it.
    var explanation: String {
        var notes: [String] = []
        if case .oneOf(let words) = form { notes.append(words.joined(separator: ", ")) }
        if isRepeated { notes.append("may be given several times") }
        return notes.isEmpty ? summary : "\(summary) (\(notes.joined(separator: "; ")))"
    }
}

extension ArgumentSpec {
    /// The summary, with what the form adds to it.
    var explanation: String {
        guard case .oneOf(let words) = form else { return summary }
        return "\(summary) (\(words.joined(separator: ", ")))"
    }
}
