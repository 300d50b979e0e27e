// The manual page, made from the same tables as the help, in the man(7) macros.
// Printed by the hidden command `manual`; the installer puts it where man(1) finds it.

/// A manual page of section 1 for a tool.
package struct ManualPage: Sendable {
    private let tool: ToolSpec
    private let version: String
    private let date: String
    private let exitStatuses: [Definition]

    /// Makes the page.
    ///
    /// The date is that of the release, as `2026-01-31`; an exit status is a number or a range and what it
    /// says.
    package init(_ tool: ToolSpec, version: String, date: String, exitStatuses: [Definition]) {
        self.tool = tool
        self.version = version
        self.date = date
        self.exitStatuses = exitStatuses
    }

    /// The roff source.
    package var roff: String {
        let title = RoffText.request("TH", tool.name.uppercased(), "1", date, "\(tool.name) \(version)")
        let parts: [[String]] = [
            [#".\" Made from the command tables by `\#(tool.name) manual`; edits are lost."#, title],
            section("NAME", [RoffText.line("\(tool.name) - \(tool.summary.lowercasedFirst)")]),
            section("SYNOPSIS", synopsis),
            section(
                "DESCRIPTION",
                paragraphs(tool.discussion) + options(tool.globalOptions + tool.rootOptions)
            ),
            section("COMMANDS", tool.groups.flatMap(commands)),
            section("EXAMPLES", examples(tool.examples)),
            section("EXIT STATUS", definitions(exitStatuses)),
            section("FILES", definitions(tool.files)),
            section("ENVIRONMENT", definitions(tool.environment)),
            section("SEE ALSO", [tool.seeAlso.map(reference).joined(separator: ",\n")]),
        ]
        return parts.joined().joined(separator: "\n") + "\n"
    }

    // MARK: Sections

    private func section(_ title: String, _ lines: [String]) -> [String] {
        lines.isEmpty ? [] : [RoffText.request("SH", title)] + lines
    }

    private var synopsis: [String] {
        let runnable = tool.visibleLocations.filter(\.spec.isRunnable)
        let lines = [usage(nil)] + runnable.map { usage($0) }
        return Array(lines.map { [$0] }.joined(separator: [".br"]))
    }

    /// A usage line with the words to type in bold.
    private func usage(_ place: CommandLocation?) -> String {
        let typed = ([tool.name] + (place?.path ?? [])).joined(separator: " ")
        return RoffText.bold(typed) + RoffText.inline(tool.usage(of: place).dropFirst(typed.count))
    }

    private func commands(_ group: CommandGroup) -> [String] {
        let names = group.commands.map(\.name)
        let places = tool.visibleLocations.filter {
            names.contains($0.path[0]) && $0.spec.isRunnable
        }
        return places.isEmpty ? [] : [RoffText.request("SS", group.title)] + places.flatMap(command)
    }

    private func command(_ place: CommandLocation) -> [String] {
        let spec = place.spec
        return [RoffText.request("TP"), usage(place), RoffText.line(spec.summary + ".")]
            + indented(paragraphs(spec.discussion, leading: true))
            + indented(definitions(spec.arguments.map { Definition($0.placeholder, $0.explanation + ".") }))
            + indented(options(spec.visibleOptions))
            + indented(examples(spec.examples))
    }

    // MARK: Parts of sections

    private func indented(_ lines: [String]) -> [String] {
        lines.isEmpty ? [] : [RoffText.request("RS")] + lines + [RoffText.request("RE")]
    }

    private func paragraphs(_ text: String, leading: Bool = false) -> [String] {
        let blocks = text.paragraphs.map { block in
            [RoffText.line(block.split(whereSeparator: \.isWhitespace).joined(separator: " "))]
        }
        return (leading && !blocks.isEmpty ? [".PP"] : []) + blocks.joined(separator: [".PP"])
    }

    private func options(_ options: [OptionSpec]) -> [String] {
        options.filter { !$0.isHidden }.flatMap { option in
            let names = option.spellings.map { RoffText.bold($0) }.joined(separator: ", ")
            let value = option.placeholder.map { " " + RoffText.italic($0) } ?? ""
            return [RoffText.request("TP"), names + value, RoffText.line(option.explanation + ".")]
        }
    }

    private func definitions(_ definitions: [Definition]) -> [String] {
        definitions.flatMap { definition in
            [RoffText.request("TP"), RoffText.bold(definition.term), RoffText.line(definition.meaning)]
        }
    }

    private func examples(_ examples: [Example]) -> [String] {
        examples.flatMap { example in
            [".PP", RoffText.line(example.effect.uppercasedFirst + ":"), ".PP", ".EX"]
                + [RoffText.line("    " + example.line), ".EE"]
        }
    }

    /// A page of another section as `name(section)`, the name in bold.
    private func reference(_ page: String) -> String {
        let name = page.prefix { $0 != "(" }
        return RoffText.bold(name) + RoffText.inline(page.dropFirst(name.count))
    }
}

extension String {
    /// The text with its first letter in lower case.
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }

    /// The text with its first letter in upper case.
    fileprivate var uppercasedFirst: String { prefix(1).uppercased() + dropFirst() }
}
