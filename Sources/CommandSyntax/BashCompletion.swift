// The completion script for bash. It does not need the bash-completion package.
// bash gives words cut at `=` and `:` too; the script puts them together again, walks over them with the
// tables to learn which command and argument is being typed, and then collects whole words, from which it
// takes off what stands before the last cut, as bash keeps that.

/// Makes the script for bash.
struct BashCompletion {
    let tool: ToolSpec

    /// What the names of all functions begin with.
    var my: String { "_" + tool.name }

    /// The whole script.
    var script: String {
        [header, enterTable, valueTable, commandTable, fixedPart, registration]
            .joined(separator: "\n")
    }

    private var header: String {
        """
        # bash completion for \(tool.name); printed by `\(tool.name) completion bash`.
        # Sourced, it defines functions beginning with \(my) and registers one of them.

        """
    }

    /// A function that goes down from a command by a word.
    private var enterTable: String {
        let cases = tool.steps.map { step in
            let patterns = step.words.map {
                "\((step.from.joined(separator: " ") + "/" + $0).quotedForShell)"
            }
            let target = step.to == ["help"] ? "" : step.to.joined(separator: " ")
            return "        \(patterns.joined(separator: " | "))) path=\(target.quotedForShell) ;;"
        }
        return """
            # Sets `path` to the command that the word $1 leads to from there; fails if there is none.
            # `help` leads back to the top, so that what follows it is completed as a command.
            \(my)_enter() {
                case $path/$1 in
            \(cases.joined(separator: "\n"))
                    *) return 1 ;;
                esac
            }

            """
    }

    /// A function that tells what the value of an option is.
    private var valueTable: String {
        let own = tool.locations.flatMap { place in
            place.spec.options.compactMap { valueCase($0) { (place.key + "/" + $0).quotedForShell } }
        }
        let global = tool.globalOptions.compactMap { valueCase($0) { "*/" + $0.quotedForShell } }
        return """
            # Sets `kind` to what the value of the option $1 of the command is; fails if it takes none.
            \(my)_value() {
                case $path/$1 in
            \((own + global).joined(separator: "\n"))
                    *) return 1 ;;
                esac
            }

            """
    }

    private func valueCase(_ option: OptionSpec, pattern: (String) -> String) -> String? {
        guard option.placeholder != nil else { return nil }
        let patterns = option.spellings.map(pattern).joined(separator: " | ")
        return "        \(patterns)) kind=\(kind(option.completion).quotedForShell) ;;"
    }

    /// A function that tells what may be typed in a command.
    private var commandTable: String {
        let cases = ([nil] + tool.locations).map { place in
            var settings: [String] = []
            let below = (place?.spec.subcommands ?? tool.commands).filter { !$0.isHidden }.map(\.name)
            if !below.isEmpty { settings.append("subcommands=(\(below.joined(separator: " ")))") }
            let options = tool.offeredOptions(in: place).flatMap(\.offeredSpellings)
            settings.append("options=(\(options.joined(separator: " ")))")
            let kinds = (place?.singleArguments ?? []).map { kind($0.completion).quotedForShell }
            if !kinds.isEmpty { settings.append("arguments=(\(kinds.joined(separator: " ")))") }
            if let rest = place?.restArgument {
                settings.append("rest=\(kind(rest.completion).quotedForShell)")
            }
            if place?.spec.stopsAtRest == true { settings.append("stops=1") }
            let body = settings.map { "            " + $0 }.joined(separator: "\n")
            return "        \((place?.key ?? "").quotedForShell))\n\(body)\n            ;;"
        }
        return """
            # Sets what may be typed in the command.
            \(my)_describe() {
                subcommands=() options=() arguments=() rest= stops=
                case $path in
            \(cases.joined(separator: "\n"))
                esac
            }

            """
    }

    private func kind(_ completion: Completion) -> String {
        switch completion {
        case .none: "none"
        case .agentName: "agent"
        case .profileName: "profile"
        case .credentialName: "credential"
        case .file: "file"
        case .directory: "directory"
        case .words(let words): "words " + words.joined(separator: " ")
        case .command: "command"
        case .subcommand: "subcommand"
        }
    }

    private var registration: String { "complete -F \(my) \(tool.name)\n" }
}
