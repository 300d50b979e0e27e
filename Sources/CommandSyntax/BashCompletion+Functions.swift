// The part of the script for bash that is the same for every tool: the functions that read the words before
// the cursor with the tables, and collect what may follow. The tables are in BashCompletion.swift.
// `path`, `pending`, `ended`, `position` and the like are local to the function that bash calls, and seen by
// those it calls, as bash scopes variables dynamically.

extension BashCompletion {
    var fixedPart: String {
        [joinFunction, stepFunction, offerFunctions, candidateFunction, mainFunction].joined(separator: "\n")
    }

    /// Puts words together.
    private var joinFunction: String {
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

        """#
    }

    /// Walks over a word.
    private var stepFunction: String {
        #"""
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
            elif ((position > 0)) || ! \#(my)_enter "$1"; then
                \#(my)_describe
                ((${#subcommands[@]} && !${#arguments[@]})) && path='?'
                position=$((position + 1))
                [[ -n $stops ]] && ((position > ${#arguments[@]})) && ended=1
            fi
        }

        """#
    }

    /// Collect candidates of one kind each.
    private var offerFunctions: String {
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

        """#
    }

    /// Chooses among the collectors.
    private var candidateFunction: String {
        #"""
        # Offers what is of the kind $2, each after $1.
        \#(my)_candidates() {
            local -a list
            case $2 in
                agent) \#(my)_names "$1" \#(ToolSpec.agentNamesCommand) ;;
                profile) \#(my)_names "$1" \#(ToolSpec.profileNamesCommand) ;;
                credential) \#(my)_names "$1" \#(ToolSpec.credentialNamesCommand) ;;
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
            else
                ((position == 0)) && \#(my)_offer '' "${subcommands[@]}"
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
