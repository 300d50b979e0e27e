// The completion script for fish: `complete` declarations, each with the condition under which it holds.
// Fish fills in options and descriptions by itself; the conditions ask one function that walks over the
// words before the cursor with the same tables as the script for bash.

/// Makes the script for fish.
struct FishCompletion {
    let tool: ToolSpec

    /// What the names of all functions begin with.
    private var my: String { "__" + tool.name }

    /// The whole script.
    var script: String {
        [header, enterTable, valueTable, fixedPart, declarations].joined(separator: "\n")
    }

    private var header: String {
        "# fish completion for \(tool.name); printed by `\(tool.name) completion fish`.\n"
    }

    private var enterTable: String {
        let cases = tool.steps.map { step in
            let words = step.words.map { (step.from.joined(separator: " ") + "/" + $0).quotedForFish }
            let target = step.to == ["help"] ? "" : step.to.joined(separator: " ")
            return """
                        case \(words.joined(separator: " "))
                            echo \(target.isEmpty ? "''" : target.quotedForFish)
                """
        }
        return """
            # Prints the command that the word leads to from the command at the path; fails if there is none.
            # `help` leads back to the top, so that what follows it is completed as a command.
            function \(my)_enter --argument-names path word
                switch $path/$word
            \(cases.joined(separator: "\n"))
                    case '*'
                        return 1
                end
            end

            """
    }

    private var valueTable: String {
        let own = tool.locations.flatMap { place in
            place.spec.options.filter { $0.placeholder != nil }.flatMap(\.spellings).map {
                place.key + "/" + $0
            }
        }
        let global = tool.globalOptions.filter { $0.placeholder != nil }.flatMap(\.spellings).map {
            "*/" + $0
        }
        let lines = (own + global).map { "            " + $0.quotedForFish }.joined(separator: " \\\n")
        return """
            # Succeeds if the option of the command at the path takes a value.
            function \(my)_takes_value --argument-names path option
                switch $path/$option
                    case \\
            \(lines)
                        return 0
                end
                return 1
            end

            """
    }

    // MARK: Declarations

    private var declarations: String {
        let places = [nil] + tool.visibleLocations
        return (["complete -c \(tool.name) -f"] + places.flatMap(lines)).joined(separator: "\n") + "\n"
    }

    private func lines(_ place: CommandLocation?) -> [String] {
        let key = (place?.key ?? "").quotedForFish
        let below = (place?.spec.subcommands ?? tool.commands).filter { !$0.isHidden }
        let commands = below.map { spec in
            complete("\(my)_argument \(key) 0", "-a \(spec.name.quotedForFish)", spec.summary)
        }
        let arguments = (place?.spec.arguments ?? []).enumerated().compactMap { index, argument in
            offer(argument).map { what in
                complete(
                    "\(my)_argument \(key) \(index)\(argument.isRest ? " more" : "")",
                    what,
                    argument.summary
                )
            }
        }
        let options = tool.offeredOptions(in: place).map { option in
            complete("\(my)_options \(key)", words(option), option.summary)
        }
        return commands + arguments + options
    }

    private func complete(_ condition: String, _ what: String, _ summary: String) -> String {
        "complete -c \(tool.name) -n \(condition.quotedForFish) \(what) -d \(summary.quotedForFish)"
    }

    private func words(_ option: OptionSpec) -> String {
        let letter = option.letter.map { "-s \($0) " } ?? ""
        let name = letter + "-l " + option.name
        guard option.placeholder != nil else { return name }
        return name + " " + (list(option.completion).map { "-x -a \($0)" } ?? pathsOrNothing(option))
    }

    private func pathsOrNothing(_ option: OptionSpec) -> String {
        option.completion == .file ? "-r -F" : "-x"
    }

    private func offer(_ argument: ArgumentSpec) -> String? {
        argument.completion == .file ? "-F" : list(argument.completion).map { "-a \($0)" }
    }

    /// The quoted list of candidates; nil where there is none or fish's own paths serve.
    private func list(_ completion: Completion) -> String? {
        switch completion {
        case .none, .file, .subcommand: nil
        case .agentName: "(\(my)_names \(ToolSpec.agentNamesCommand))".quotedForFish
        case .profileName: "(\(my)_names \(ToolSpec.profileNamesCommand))".quotedForFish
        case .credentialName: "(\(my)_names \(ToolSpec.credentialNamesCommand))".quotedForFish
        case .directory: "(__fish_complete_directories (commandline -ct))".quotedForFish
        case .words(let words): words.joined(separator: " ").quotedForFish
        case .command: "(\(my)_command)".quotedForFish
        }
    }

    // MARK: The part that is the same for every tool

    private var fixedPart: String {
        [letterFunction, walkFunction, conditionFunctions, candidateFunctions].joined(separator: "\n")
    }

    private var letterFunction: String {
        """
        # Prints the short option at the end of a bundle whose value is the next word.
        function \(my)_waiting_letter --argument-names path bundle
            set -l letters (string split '' -- (string sub -s 2 -- $bundle))
            while set -q letters[1]
                if \(my)_takes_value "$path" -$letters[1]
                    set -q letters[2]; or echo -- -$letters[1]
                    return
                end
                set -e letters[1]
            end
        end

        """
    }

    private var walkFunction: String {
        """
        # Walks over the words before the cursor and sets, for the function that calls it: the command, the
        # number of its arguments, whether options have ended, and the project that was typed.
        function \(my)_walk --no-scope-shadowing
            set path ''
            set position 0
            set ended 0
            set project
            set -l waiting
            set -l words (commandline -opc)
            set -e words[1]
            for word in $words
                if test -n "$waiting"
                    contains -- $waiting --project -C; and set project --project (string replace -r '^~/' $HOME/ $word)
                    set waiting
                else if test $ended = 0; and test "$word" = --
                    set ended 1
                else if test $ended = 0; and string match -q -- '--*=*' $word
                    string match -q -- '--project=*' $word; and set project $word
                else if test $ended = 0; and string match -q -- '--*' $word
                    \(my)_takes_value "$path" $word; and set waiting $word
                else if test $ended = 0; and string match -q -- '-?*' $word
                    set waiting (\(my)_waiting_letter "$path" $word)
                else if test $position = 0; and set -l next (\(my)_enter "$path" "$word")
                    set path $next
                else
                    set position (math $position + 1)
                    \(my)_stops "$path" $position; and set ended 1
                end
            end
        end

        """
    }

    private var conditionFunctions: String {
        let stopping = tool.locations.filter(\.spec.stopsAtRest)
        let cases = stopping.map { place in
            """
                    case \(place.key.quotedForFish)
                        test $position -gt \(place.singleArguments.count)
            """
        }
        return """
            # Succeeds if that many arguments of the command at the path end its options.
            function \(my)_stops --argument-names path position
                switch $path
            \(cases.joined(separator: "\n"))
                    case '*'
                        return 1
                end
            end

            # Succeeds if options of the command may be typed.
            function \(my)_options --argument-names wanted
                set -l path; set -l position; set -l ended; set -l project
                \(my)_walk
                test "$path" = "$wanted" -a $ended = 0
            end

            # Succeeds if the argument of this number of the command is being typed, or with "more" a later one.
            function \(my)_argument --argument-names wanted number more
                set -l path; set -l position; set -l ended; set -l project
                \(my)_walk
                test "$path" = "$wanted"; or return 1
                test $position = $number; or test -n "$more" -a $position -gt $number
            end

            """
    }

    private var candidateFunctions: String {
        """
        # Prints the names that a command of \(tool.name) prints, for the project that was typed.
        function \(my)_names
            set -l path; set -l position; set -l ended; set -l project
            \(my)_walk
            \(tool.name) $project $argv 2>/dev/null </dev/null
        end

        # Prints programs for the first word of a command to run, and paths for the others.
        function \(my)_command
            set -l path; set -l position; set -l ended; set -l project
            \(my)_walk
            if \(my)_stops "$path" $position
                __fish_complete_path (commandline -ct)
            else
                __fish_complete_command
            end
        end

        """
    }
}
