// The completion script for bash. It does not need the bash-completion package.
// bash gives words cut at `=` and `:` too; the script puts them together again, walks over them with the
// tables to learn which command and argument is being typed, and then collects whole words, from which it
// takes off what stands before the last cut, as bash keeps that.

/// Makes the script for bash.
struct BashCompletion {
    let tool: ToolSpec

    /// What the names of all functions begin with.
    private var my: String { "_" + tool.name }

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
        case .file: "file"
        case .directory: "directory"
        case .words(let words): "words " + words.joined(separator: " ")
        case .command: "command"
        case .subcommand: "subcommand"
        }
    }

    private var registration: String { "complete -F \(my) \(tool.name)\n" }
}

// MARK: The part that is the same for every tool

extension BashCompletion {
    private var fixedPart: String {
        [wordFunctions, candidateFunctions, mainFunction].joined(separator: "\n")
    }

    /// Puts words together and walks over them.
    private var wordFunctions: String {
        #"""
        # Sets `words` to the words before the cursor and `cur` to the one at it, as the user sees them: words
        # that bash has cut at a break character are together on the line.
        \#(my)_words() {
            local line=${COMP_LINE:-${COMP_WORDS[*]}} after i
            words=()
            for ((i = 0; i <= COMP_CWORD; i++)); do
                after=${line#"${line%%[![:blank:]]*}"}
                if ((i > 0)) && [[ $after == "$line" && -n $line ]]; then
                    words[${#words[@]} - 1]+=${COMP_WORDS[i]}
                else
                    words+=("${COMP_WORDS[i]}")
                fi
                line=${after#"${COMP_WORDS[i]}"}
            done
            cur=${words[${#words[@]} - 1]}
            words=("${words[@]:1:${#words[@]} - 2}")
        }

        # Takes note of one word before the cursor.
        \#(my)_step() {
            local letters
            if [[ -n $pending ]]; then
                [[ $waiting == --project || $waiting == -C ]] && project=(--project "${1/#\~\//$HOME/}")
                pending=
            elif [[ -z $ended && $1 == -- ]]; then
                ended=1
            elif [[ -z $ended && $1 == --*=* ]]; then
                [[ $1 == --project=* ]] && project=("$1")
            elif [[ -z $ended && $1 == --* ]]; then
                \#(my)_value "$1" && pending=$kind waiting=$1
            elif [[ -z $ended && $1 == -?* ]]; then
                for ((letters = 1; letters < ${#1}; letters++)); do
                    \#(my)_value "-${1:letters:1}" || continue
                    ((letters == ${#1} - 1)) && pending=$kind waiting=-${1:letters:1}
                    break
                done
            elif ! \#(my)_enter "$1"; then
                \#(my)_describe
                ((${#subcommands[@]})) && path='?'
                position=$((position + 1))
                [[ -n $stops ]] && ((position > ${#arguments[@]})) && ended=1
            fi
        }

        """#
    }

    /// Collects candidates.
    private var candidateFunctions: String {
        #"""
        # Offers those of the words that begin with what is typed, each after $1.
        \#(my)_offer() {
            local before=$1 word
            shift
            for word; do
                [[ $word == "$cur"* ]] && COMPREPLY+=("$before$word")
            done
        }

        # Offers the names that a command of \#(tool.name) prints. Lines that are no plain names are left out, so that
        # nothing that a file is called can act on the shell or the terminal.
        \#(my)_names() {
            local before=$1 name
            shift
            while IFS= read -r name; do
                [[ $name =~ ^[[:alnum:]][[:alnum:]_.+-]*$ ]] && \#(my)_offer "$before" "$name"
            done < <(\#(tool.name) "${project[@]}" "$@" 2>/dev/null </dev/null)
        }

        # Offers paths, by an action of compgen.
        \#(my)_paths() {
            local word
            compopt -o filenames 2>/dev/null
            while IFS= read -r word; do
                COMPREPLY+=("$1$word")
            done < <(compgen "$2" -- "$cur")
        }

        # Offers what is of the kind $2, each after $1.
        \#(my)_candidates() {
            local -a list
            case $2 in
                agent) \#(my)_names "$1" \#(ToolSpec.agentNamesCommand) ;;
                profile) \#(my)_names "$1" \#(ToolSpec.profileNamesCommand) ;;
                file) \#(my)_paths "$1" -f ;;
                directory) \#(my)_paths "$1" -d ;;
                command)
                    if ((position > ${#arguments[@]})) || [[ $cur == */* ]]; then
                        \#(my)_paths "$1" -f
                    else
                        \#(my)_paths "$1" -c
                    fi
                    ;;
                words\ *)
                    read -ra list <<<"${2#words }"
                    \#(my)_offer "$1" "${list[@]}"
                    ;;
            esac
        }

        """#
    }

    /// The function that bash calls.
    private var mainFunction: String {
        #"""
        \#(my)() {
            local cur path= kind= pending= waiting= ended= rest= stops= option word i position=0
            local -a words subcommands options arguments project=()
            COMPREPLY=()
            \#(my)_words
            for word in "${words[@]}"; do
                \#(my)_step "$word"
            done
            \#(my)_describe
            local whole=$cur
            if [[ -n $pending ]]; then
                \#(my)_candidates '' "$pending"
            elif [[ -z $ended && $cur == --*=* ]]; then
                option=${cur%%=*} cur=${cur#*=}
                \#(my)_value "$option" && \#(my)_candidates "$option=" "$kind"
            elif [[ -z $ended && $cur == -* ]]; then
                \#(my)_offer '' "${options[@]}"
            elif ((${#subcommands[@]})); then
                \#(my)_offer '' "${subcommands[@]}"
            else
                \#(my)_candidates '' "${arguments[position]:-$rest}"
            fi
            # bash replaces only what follows the last break character.
            local last=${COMP_WORDS[COMP_CWORD]}
            [[ $last == [=:] ]] && last=
            local kept=${whole%"$last"}
            for i in "${!COMPREPLY[@]}"; do
                COMPREPLY[i]=${COMPREPLY[i]#"$kept"}
            done
        }

        """#
    }
}
