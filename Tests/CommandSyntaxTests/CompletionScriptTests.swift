// The completion scripts for zsh and fish: what they say, and their syntax where the shell is installed.

import Testing

@testable import CommandSyntax

@Suite("Completion in zsh and fish")
struct CompletionScriptTests {
    @Test(
        "The script for zsh declares commands, options, values and exclusions",
        arguments: [
            "#compdef cloche\n",
            "'attach:Attach to an agent'\\''s terminal'",
            "list | ls) _cloche_list ;;",
            "list | ls) _cloche_profile_list ;;",
            "                sign) _cloche_audit_sign ;;\n                *) _cloche_audit__itself ;;\n",
            "_describe -t commands command subcommands && ret=0\n                    _cloche__agents && ret=0\n",
            "'(-p --profile)--profile=[Use this profile instead of the project'\\''s default]"
                + ":PROFILE:_cloche__profiles'",
            "'*-e+[Set a variable for the program; without a value, pass this shell'\\''s on]:KEY[=VALUE]: '",
            "'(-t --tty -T --no-tty)-t[Give the command a terminal in any case]'",
            "'!(-i --interactive)-i[",
            "'!(--color --colour)--colour=[",
            "'1:name:_cloche__agents'",
            "'(-)*:::command: _cloche__command'",
            "'2::what:(workspace home state)'",
            "$(cloche $project \"$@\" 2>/dev/null </dev/null)",
            "_cloche__agents() { _cloche__names agent list --all --names }",
            "compdef _cloche cloche\n",
        ]
    )
    func zsh(part: String) {
        #expect(ToolSpec.cloche.completionScript(for: .zsh).contains(part))
    }

    @Test("Signs that mean something to _arguments are escaped")
    func zshEscapes() {
        let script = Self.awkward.completionScript(for: .zsh)
        #expect(script.contains(#"'(--odd)--odd=[A \[b\]\: c\\d '\''e'\'']:X\:Y: '"#))
        #expect(script.contains(#"'do:A [b]: c\d'"#))
    }

    @Test(
        "The script for fish declares commands, options and values",
        arguments: [
            "complete -c cloche -f\n",
            "complete -c cloche -n '__cloche_argument \\'\\' 0' -a attach -d 'Attach to an agent\\'s terminal'",
            "complete -c cloche -n '__cloche_options start' -s p -l profile "
                + "-x -a '(__cloche_names profile list --names)'",
            "complete -c cloche -n '__cloche_argument stop 0 more' -a '(__cloche_names list --all --names)'",
            "complete -c cloche -n '__cloche_argument \\'profile check\\' 0 more' -F",
            "complete -c cloche -n '__cloche_argument path 1' -a 'workspace home state'",
            "        case /list /ls\n            echo list\n",
            "    cloche $project $argv 2>/dev/null </dev/null\n",
        ]
    )
    func fish(part: String) {
        #expect(ToolSpec.cloche.completionScript(for: .fish).contains(part))
    }

    @Test("Signs that mean something to fish are escaped")
    func fishEscapes() {
        #expect(Self.awkward.completionScript(for: .fish).contains(#"-l odd -x -d 'A [b]: c\\d \'e\''"#))
    }

    @Test("Neither offers what is hidden", arguments: [Shell.bash, .fish])
    func hidden(shell: Shell) {
        let script = ToolSpec.cloche.completionScript(for: shell)
        #expect(!script.contains("--interactive"))
        #expect(!script.contains("-a manual"))
    }

    @Test("The shell, where it is installed, finds no mistake", arguments: Shell.allCases)
    func syntax(shell: Shell) throws {
        let check = "if command -v \(shell.rawValue) >/dev/null; then \(shell.rawValue) -n completion; fi"
        for tool in [ToolSpec.cloche, .small, Self.awkward] {
            let files = ["completion": tool.completionScript(for: shell)]
            let result = try Bash.run(check, files: files)
            #expect(result == Bash.Result(output: "", status: 0), "\(tool.name): \(result)")
        }
    }

    static let awkward = ToolSpec(
        name: "odd",
        summary: "Odd",
        discussion: "",
        groups: [
            CommandGroup(
                "All",
                [CommandSpec("do", #"A [b]: c\d"#, options: [.value("odd", "X:Y", #"A [b]: c\d 'e'"#)])]
            )
        ],
        globalOptions: [],
        rootOptions: [],
        examples: [],
        files: [],
        environment: [],
        seeAlso: []
    )
}
