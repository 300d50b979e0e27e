// What is said of wrong command lines: every kind of error once, word for word, and what is suggested.

import Testing

@testable import CommandSyntax

@Suite("Errors of command lines")
struct SyntaxErrorTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let line: [String]
        let what: String
        let why: String
        let remedy: String

        init(_ line: [String], _ what: String, _ why: String, _ remedy: String) {
            self.line = line
            self.what = what
            self.why = why
            self.remedy = remedy
        }

        var testDescription: String { line.joined(separator: " ") }
    }

    static let commands = [
        Case(
            ["rign"],
            "unknown command 'rign'",
            "bell has no command of that name",
            "did you mean 'bell ring'?"
        ),
        Case(
            ["chime"],
            "unknown command 'chime'",
            "bell has no command of that name",
            "did you mean 'bell ring'?"
        ),
        Case(
            ["xyzzy"],
            "unknown command 'xyzzy'",
            "bell has no command of that name",
            "run `bell --help` for the list of commands"
        ),
        Case(
            ["tower", "lsit"],
            "unknown command 'lsit'",
            "bell tower has no command of that name",
            "did you mean 'bell tower list'?"
        ),
        Case(
            ["help", "tower", "lost"],
            "unknown command 'lost'",
            "bell tower has no command of that name",
            "did you mean 'bell tower list'?"
        ),
        Case(
            ["tower"],
            "bell tower needs to know what to do",
            "it is a group of commands",
            "say one of: list, show"
        ),
        Case(
            ["secre"],
            "unknown command 'secre'",
            "bell has no command of that name",
            "run `bell --help` for the list of commands"
        ),
    ]

    static let options = [
        Case(
            ["ring", "--lou"],
            "unknown option '--lou'",
            "bell ring has no such option",
            "did you mean '--loud'?"
        ),
        Case(
            ["ring", "--tmies=2"],
            "unknown option '--tmies'",
            "bell ring has no such option",
            "did you mean '--times'?"
        ),
        Case(
            ["ring", "-lx"],
            "unknown option '-x' in '-lx'",
            "bell ring has no such option",
            "put `--` before a word that begins with a dash and is no option"
        ),
        Case(
            ["strike", "tenor", "-x"],
            "unknown option '-x'",
            "bell strike has no such option",
            "put `--` before the command to run if the option is for that command"
        ),
        Case(
            ["--loud", "ring"],
            "unknown option '--loud'",
            "bell has no such option",
            "options of a command follow it: `bell ring --loud`"
        ),
        Case(
            ["ring", "--loud=yes"],
            "option '--loud' takes no value, but has 'yes'",
            "",
            "write '--loud' alone"
        ),
        Case(
            ["ring", "--times"],
            "option '--times' has no value",
            "it needs COUNT, and nothing follows",
            "write '--times COUNT'"
        ),
        Case(
            ["ring", "-n", "--loud"],
            "option '-n' has no value",
            "it needs COUNT, and '--loud' that follows is an option itself",
            "write '--times=--loud' if it is the value"
        ),
        Case(
            ["ring", "-n", "--", "tenor"],
            "option '-n' has no value",
            "it needs COUNT, and '--' that follows is an option itself",
            "write '--times=--' if it is the value"
        ),
        Case(
            ["ring", "-n", "100"],
            "bad value '100' of option '--times'",
            "it must be a whole number from 1 to 99",
            "run `bell ring --help` for what it takes"
        ),
        Case(
            ["ring", "--set", "=x"],
            "bad value '=x' of option '--set'",
            "it must be of the form KEY=VALUE",
            "run `bell ring --help` for what it takes"
        ),
        Case(
            ["ring", "--mood=mery"],
            "bad value 'mery' of option '--mood'",
            "it must be one of merry, sad",
            "did you mean 'merry'?"
        ),
        Case(["ring", "x", "-lq"], "--loud and --quiet exclude each other", "", "give only one of them"),
    ]

    static let arguments = [
        Case(["ring"], "BELL is missing", "bell ring needs it: The bell", "for example: bell ring tenor"),
        Case(
            ["ring", "a", "b", "c"],
            "surplus argument 'c'",
            "bell ring takes two arguments",
            "put quotes around a text of several words"
        ),
        Case(["version", "x"], "surplus argument 'x'", "bell version takes no argument", "leave it out"),
        Case(["silence"], "BELL is missing", "bell silence needs it: The bells", "give BELL..., or --all"),
        Case(["silence", "a", "-a"], "BELL... and --all exclude each other", "", "give only one of them"),
        Case(
            ["strike", "tenor", "--"],
            "TOOL is missing",
            "bell strike needs it: The tool",
            "run `bell strike --help` for what it takes"
        ),
    ]

    @Test("Each says what is wrong, why, and what to do", arguments: commands + options + arguments)
    func wording(_ expected: Case) throws {
        let error = try #require(throws: SyntaxError.self) { try CommandParser(.small).parse(expected.line) }
        #expect(error.what == expected.what)
        #expect(error.why == expected.why)
        #expect(error.remedy == expected.remedy)
    }

    @Test(
        "Each shows the usage line of the command that was reached",
        arguments: [
            (["rign"], "bell [OPTIONS] COMMAND [ARGUMENTS]"),
            (["ring", "-x"], "bell ring [OPTIONS] BELL [TUNE]"),
            (["tower"], "bell tower COMMAND [ARGUMENTS]"),
            (["strike"], "bell strike [OPTIONS] BELL [--] TOOL..."),
            (["silence"], "bell silence [OPTIONS] (BELL... | --all)"), (["version", "x"], "bell version"),
        ]
    )
    func usage(line: [String], usage: String) throws {
        let error = try #require(throws: SyntaxError.self) { try CommandParser(.small).parse(line) }
        #expect(error.usage == usage)
        #expect(error.description.hasSuffix("\nusage: \(usage)"))
    }

    @Test("A word of the user cannot drive the terminal or fill it")
    func quoting() throws {
        let word = "\u{1b}[31m\u{202e}\n"
        let error = try #require(throws: SyntaxError.self) { try CommandParser(.small).parse([word]) }
        #expect(error.what == #"unknown command '\u{1b}[31m\u{202e}\u{a}'"#)
        let long = try #require(throws: SyntaxError.self) {
            try CommandParser(.small).parse([String(repeating: "x", count: 5000)])
        }
        #expect(long.what.count < 120)
    }

    @Test(
        "Edit distance counts insertions, deletions, replacements and swaps",
        arguments: [
            ("", "", 0), ("", "abc", 3), ("abc", "", 3), ("list", "list", 0), ("lst", "list", 1),
            ("lsit", "list", 1), ("kitten", "sitting", 3), ("ab", "ba", 1), ("ca", "abc", 3),
        ]
    )
    func editDistance(first: String, second: String, distance: Int) {
        #expect(Suggestion.editDistance(first, second) == distance)
        #expect(Suggestion.editDistance(second, first) == distance)
    }

    @Test("Several words that are equally near are all suggested, at most three")
    func severalSuggestions() {
        #expect(Suggestion.nearest(to: "lst", among: ["list", "last", "far"]) == ["list", "last"])
        #expect(Suggestion.nearest(to: "re", among: ["rea", "reb", "rec", "red"]) == ["rea", "reb", "rec"])
        #expect(Suggestion.nearest(to: "q", among: ["list", "attach"]).isEmpty)
    }
}
