// The completion script for zsh: one function per command around `_arguments`, as zsh's own are written.
// `_arguments` knows options that exclude each other and values of all spellings, and shows the summaries.
// Works both from a directory of `fpath` (as the file `_cloche`) and sourced after compinit.

/// Makes the script for zsh.
struct ZshCompletion {
    let tool: ToolSpec

    /// What the names of all functions begin with.
    private var my: String { "_" + tool.name }

    /// The whole script.
    var script: String {
        let commands = ([nil] + tool.locations).map(function)
        return ([header] + commands + [nameFunctions, registration]).joined(separator: "\n")
    }

    private var header: String {
        """
        #compdef \(tool.name)
        # zsh completion for \(tool.name); printed by `\(tool.name) completion zsh`.

        """
    }

    private func functionName(_ path: [String]) -> String {
        ([my] + path).joined(separator: "_")
    }

    /// The function that completes what follows a command; the tool's own for nil.
    private func function(_ place: CommandLocation?) -> String {
        let below = place?.spec.subcommands ?? tool.commands
        let known = (place?.spec.options ?? tool.rootOptions) + tool.globalOptions
        let options = known.flatMap { optionWords($0, in: place) }
        if below.isEmpty {
            let words = options + (place?.spec.arguments ?? []).enumerated().map(argumentWord)
            return leaf(functionName(place?.path ?? []), words: words, spec: place?.spec)
        }
        guard let place, place.spec.isRunnable else { return branch(place, below: below, options: options) }
        // Behind the first word, which is no subcommand, the command's own options and other arguments.
        let words = options + place.spec.arguments.dropFirst().enumerated().map(argumentWord)
        return branch(place, below: below, options: options)
            + "\n" + leaf(functionName(place.path) + "__itself", words: words, spec: place.spec)
    }

    private func leaf(_ name: String, words: [String], spec: CommandSpec?) -> String {
        let lines = words.map { "        " + $0 }.joined(separator: " \\\n")
        return """
            \(name)() {
                local -A opt_args
                _arguments -s -S \\
            \(lines)
            }

            """
    }

    /// A function that completes a word naming a command, and hands on to that command's function.
    private func branch(_ place: CommandLocation?, below: [CommandSpec], options: [String]) -> String {
        let path = place?.path ?? []
        let shown = below.filter { !$0.isHidden }.map { spec in
            "        " + (spec.name.escaped(":") + ":" + spec.summary).quotedForShell
        }
        var cases = below.map { spec in
            let next = path.isEmpty && spec.name == "help" ? my : functionName(path + [spec.name])
            return "                \(([spec.name] + spec.aliases).joined(separator: " | "))) \(next) ;;"
        }
        var first = ""
        if let argument = place?.spec.arguments.first {
            if argument.completion != .none {
                first = "\n                    \(action(argument.completion)) && ret=0"
            }
            cases.append("                *) \(functionName(path))__itself ;;")
        }
        return """
            \(functionName(path))() {
                local curcontext=$curcontext state ret=1
                local -a line subcommands\(path.isEmpty ? " project" : "")
                local -A opt_args
                subcommands=(
            \(shown.joined(separator: "\n"))
                )
                _arguments -C -s -S \\
            \((options.map { "        " + $0 + " \\" }).joined(separator: "\n"))
                    '(-): :->command' \\
                    '(-)*:: :->following' && ret=0
                \(my)__project
                case $state in
                    command)
                        _describe -t commands command subcommands && ret=0\(first)
                        ;;
                    following)
                        curcontext=${curcontext%:*:*}:\(tool.name)-$line[1]:
                        case $line[1] in
            \(cases.joined(separator: "\n"))
                        esac
                        ret=$?
                        ;;
                esac
                return ret
            }

            """
    }

    // MARK: Words for _arguments

    /// One word for each spelling of an option; `!` makes one known without offering it.
    private func optionWords(_ option: OptionSpec, in place: CommandLocation?) -> [String] {
        let rivals = (place?.spec.exclusive ?? []).filter { $0.contains(option.name) }.joined()
        let others = rivals.compactMap { place?.spec.options.named($0) }.filter { $0 != option }
        let excluded = (option.isRepeated ? [] : option.spellings) + others.flatMap(\.spellings)
        let before =
            (option.isRepeated ? "*" : "") + (excluded.isEmpty ? "" : "(\(excluded.joined(separator: " ")))")
        let summary = "[\(option.summary.escaped("\\[]:"))]"
        return option.spellings.map { spelling in
            let isOffered = option.offeredSpellings.contains(spelling) && !option.isHidden
            let before = (isOffered ? "" : "!") + before
            guard let placeholder = option.placeholder else {
                return (before + spelling + summary).quotedForShell
            }
            let joint = spelling.hasPrefix("--") ? "=" : "+"
            let value = ":\(placeholder.escaped("\\:")):\(action(option.completion))"
            return (before + spelling + joint + summary + value).quotedForShell
        }
    }

    private func argumentWord(_ index: Int, _ argument: ArgumentSpec) -> String {
        let message = argument.name.escaped("\\:")
        if argument.completion == .command { return "'(-)*:::\(message): \(my)__command'" }
        let position = argument.isRest ? "*" : argument.isRequired ? "\(index + 1)" : "\(index + 1):"
        return "\(position):\(message):\(action(argument.completion))".quotedForShell
    }

    private func action(_ completion: Completion) -> String {
        switch completion {
        case .none, .subcommand: " "
        case .agentName: "\(my)__agents"
        case .profileName: "\(my)__profiles"
        case .credentialName: "\(my)__credentials"
        case .file: "_files"
        case .directory: "_directories"
        case .words(let words): "(\(words.map { $0.escaped("\\:") }.joined(separator: " ")))"
        case .command: "\(my)__command"
        }
    }

    // MARK: The part that is the same for every tool

    private var nameFunctions: String {
        #"""
        # Takes note of the project that was typed, before the command or after it.
        \#(my)__project() {
            local typed=${opt_args[-C]-${opt_args[--project]-}}
            [[ -n $typed ]] && project=(--project ${${(Q)typed}/#\~\//$HOME/})
        }

        # Offers the names that a command of \#(tool.name) prints.
        \#(my)__names() {
            local title=$1
            shift
            local -a names
            \#(my)__project
            names=(${(f)"$(\#(tool.name) $project "$@" 2>/dev/null </dev/null)"})
            _wanted names expl $title compadd -a names
        }

        # Offers programs for the first word of a command to run, and what the program takes for the others.
        \#(my)__command() {
            if ((CURRENT == 1)); then
                _command_names -e
            else
                _normal
            fi
        }

        \#(my)__agents() { \#(my)__names agent \#(ToolSpec.agentNamesCommand) }

        \#(my)__profiles() { \#(my)__names profile \#(ToolSpec.profileNamesCommand) }

        \#(my)__credentials() { \#(my)__names credential \#(ToolSpec.credentialNamesCommand) }

        """#
    }

    private var registration: String {
        """
        if [[ $funcstack[1] == \(my) ]]; then
            \(my) "$@"
        else
            compdef \(my) \(tool.name)
        fi

        """
    }
}

extension String {
    /// The text with a backslash before each of these characters.
    fileprivate func escaped(_ characters: String) -> String {
        reduce(into: "") { $0 += (characters.contains($1) ? "\\" : "") + String($1) }
    }
}
