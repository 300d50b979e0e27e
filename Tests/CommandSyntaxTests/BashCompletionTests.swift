// The completion script for bash, in bash: what is offered for a line, with a shell function in place of
// the program. The script sees what bash itself would set: COMP_WORDS is cut at `=` and `:`.

import Testing

@testable import CommandSyntax

@Suite("Completion in bash")
struct BashCompletionTests {
    /// A program that prints names, of which some are attempts to act on the shell or the terminal.
    static let working = #"""
        cloche() {
            [[ $1 == --project ]] && { printf 'in-%s\n' "${2//\//-}"; return; }
            [[ $1 == --project=* ]] && { printf 'in-%s\n' "${1//[\/=]/-}"; return; }
            case "$*" in
                'list --all --names') printf '%s\n' fixer auditor '$(touch fired)' $'esc\e[31m' '-rf' ;;
                'profile list --names') printf '%s\n' claude shell '`touch fired`' ;;
                *) echo "asked for $*"; return 1 ;;
            esac
        }
        """#

    /// A program that is broken and says so.
    static let broken = "cloche() { echo broken >&2; return 125; }"

    /// Runs the script as bash does for a line with the cursor at its end, whose words bash has cut so.
    static func complete(_ line: String, _ words: [String], program: String = working) throws -> [String] {
        let script = """
            \(program)
            \(ToolSpec.cloche.completionScript(for: .bash))
            COMP_LINE=\(line.quotedForShell)
            COMP_WORDS=(\(words.map(\.quotedForShell).joined(separator: " ")))
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _cloche
            [[ -e fired ]] && echo FIRED
            ((${#COMPREPLY[@]})) && printf '%s\\n' "${COMPREPLY[@]}"
            exit 0
            """
        let files = ["notes.txt": "x", "other file": "x"]
        let result = try Bash.run(script, files: files)
        #expect(result.status == 0)
        return result.lines
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let line: String
        let offered: [String]

        init(_ line: String, _ offered: [String]) {
            self.line = line
            self.offered = offered
        }

        var testDescription: String { line }

        /// The words as bash cuts them.
        var words: [String] {
            var words = [""]
            for character in line {
                if character == " " {
                    words.append("")
                } else if character == "=" || character == ":" {
                    words += words.last == "" ? [] : [""]
                    words[words.count - 1].append(character)
                } else if words.last == "=" || words.last == ":" {
                    words.append(String(character))
                } else {
                    words[words.count - 1].append(character)
                }
            }
            return words
        }
    }

    static let cases = [
        Case("cloche st", ["start", "stats", "stop"]),
        Case("cloche man", []),
        Case("cloche config ", ["show", "trust", "path"]),
        Case("cloche profile s", ["show", "schema", "syscalls"]),
        Case("cloche bogus ", []),
        Case("cloche help profile l", ["list"]),
        Case("cloche audit ", ["report", "verify", "sign", "fixer", "auditor"]),
        Case("cloche audit f", ["fixer"]),
        Case("cloche audit fixer r", []),
        Case("cloche audit fixer --s", ["--since"]),
        Case("cloche audit report f", ["fixer"]),
        Case("cloche audit report fixer --o", ["--output"]),
        Case("cloche audit fixer --kind di", ["disconnect"]),
        Case("cloche completion ", ["bash", "zsh", "fish"]),
        Case("cloche stop ", ["fixer", "auditor"]),
        Case("cloche stop fixer a", ["auditor"]),
        Case("cloche stop --grace ", []),
        Case("cloche stop --grace 5 f", ["fixer"]),
        Case("cloche rm f", ["fixer"]),
        Case("cloche path fixer ", ["workspace", "home", "state"]),
        Case("cloche start x ", []),
        Case("cloche start x --pro", ["--profile", "--project"]),
        Case("cloche start --profile ", ["claude", "shell"]),
        Case("cloche start -p c", ["claude"]),
        Case("cloche start -ap c", ["claude"]),
        Case("cloche start --profile=", ["claude", "shell"]),
        Case("cloche start --profile=c", ["claude"]),
        Case("cloche start --workspace dir:/x --pro", ["--profile", "--project"]),
        Case("cloche start --workspace=w", ["worktree"]),
        Case("cloche --color=a", ["auto", "always"]),
        Case("cloche ls --n", ["--names", "--no-header"]),
        Case("cloche exec f", ["fixer"]),
        Case("cloche exec fixer -", ["-t", "-T", "-w", "-e", "-C", "-h"]),
        Case("cloche exec fixer -- make -", []),
        Case("cloche exec fixer make no", ["notes.txt"]),
        Case("cloche run make no", ["notes.txt"]),
        Case("cloche profile check o", ["other file"]),
        Case("cloche -C /a stop ", ["in--a"]),
        Case("cloche --project=/a stop ", ["in---project--a"]),
    ]

    @Test("What is offered", arguments: cases)
    func offers(_ example: Case) throws {
        let offered = try Self.complete(example.line, example.words)
        let wanted = example.line.hasSuffix(" -") ? offered.filter { !$0.hasPrefix("--") } : offered
        #expect(wanted == example.offered)
    }

    @Test("A program to run is offered by name")
    func programs() throws {
        #expect(
            try Self.complete("cloche exec fixer -- bas", ["cloche", "exec", "fixer", "--", "bas"]).contains(
                "bash"
            )
        )
        #expect(try Self.complete("cloche run bas", ["cloche", "run", "bas"]).contains("bash"))
    }

    @Test("It works without knowledge of the line, and with words that bash did not cut")
    func uncut() throws {
        #expect(try Self.complete("", ["cloche", "stop", "f"]) == ["fixer"])
        let whole = ["cloche", "start", "--profile=c"]
        #expect(try Self.complete("cloche start --profile=c", whole) == ["--profile=claude"])
    }

    @Test("A program that fails is silent", arguments: ["cloche stop ", "cloche start --profile "])
    func failing(line: String) throws {
        let words = Case(line, []).words
        #expect(try Self.complete(line, words, program: Self.broken).isEmpty)
        #expect(try Self.complete(line, words, program: "PATH=/nowhere").isEmpty)
    }

    @Test("Sourcing it registers it, in strict shells too")
    func registration() throws {
        let script = "set -eu\n" + ToolSpec.cloche.completionScript(for: .bash) + "complete -p cloche\n"
        #expect(try Bash.run(script) == Bash.Result(output: "complete -F _cloche cloche\n", status: 0))
    }
}
