// How command lines are read: GNU's conventions, the two deviations from them, and typed access.

import Testing

@testable import CommandSyntax

@Suite("Reading command lines")
struct ParsingTests {
    @Test(
        "A value may be joined to its option or follow it",
        arguments: [
            ["ring", "tenor", "--times=7"], ["ring", "tenor", "--times", "7"], ["ring", "tenor", "-n7"],
            ["ring", "tenor", "-n", "7"], ["ring", "-n", "7", "tenor"], ["ring", "tenor", "-ln7"],
            ["ring", "tenor", "-ln", "7"], ["ring", "--count", "7", "tenor"], ["r", "-n7", "--", "tenor"],
            ["ring", "-n3", "tenor", "-n7"],
        ]
    )
    func values(line: [String]) throws {
        let command = try #require(try parsed(line))
        #expect(command.path == ["ring"])
        #expect(command.number("times") == 7)
        #expect(command.value("times") == "7")
        #expect(command.argument("bell") == "tenor")
    }

    @Test(
        "Flags are bundled and repeated freely",
        arguments: [(["-l"], true), (["-ll"], true), (["--loud"], true), (["-ln1"], true), ([], false)]
    )
    func flags(options: [String], isLoud: Bool) throws {
        let command = try #require(try parsed(["ring", "tenor"] + options))
        #expect(command.flag("loud") == isLoud)
        #expect(!command.flag("quiet"))
    }

    @Test("All values of a repeated option count, in order, and part at the first equals sign")
    func repeated() throws {
        let command = try #require(try parsed(["ring", "x", "--set=a=b=c", "-sd=", "--set", "e=f"]))
        #expect(command.values("set") == ["a=b=c", "d=", "e=f"])
        let assignments = command.assignments("set")
        #expect(assignments.map(\.key) == ["a", "d", "e"])
        #expect(assignments.map(\.value) == ["b=c", "", "f"])
    }

    @Test(
        "A command with commands below it may have arguments: the first word decides",
        arguments: [
            (["tune", "tenor", "--low"], ["tune"], "tenor"),
            (["tune", "check", "tenor"], ["tune", "check"], "tenor"),
            (["tune", "--", "check"], ["tune"], "check"), (["tune", "--low", "check"], ["tune"], "check"),
            (["-C", "x", "tune", "check", "check"], ["tune", "check"], "check"),
        ] as [([String], [String], String)]
    )
    func both(line: [String], path: [String], bell: String) throws {
        let command = try #require(try parsed(line))
        #expect(command.path == path && command.argument("bell") == bell)
    }

    @Test(
        "What such a command lacks or has too much of is an error of its own",
        arguments: [
            (["tune"], "BELL is missing"), (["tune", "tenor", "check"], "surplus argument 'check'"),
            (["tune", "--all", "check"], "BELL and --all exclude each other"),
            (["tune", "check"], "BELL is missing"),
        ]
    )
    func bothWrong(line: [String], what: String) throws {
        #expect(throws: SyntaxError.self) { try parsed(line) }
        do { _ = try parsed(line) } catch { #expect(error.what == what) }
        #expect(try parsed(["tune", "--all"])?.argument("bell") == nil)
    }

    @Test("Values that were not given are absent")
    func absent() throws {
        let command = try #require(try parsed(["ring", "tenor"]))
        #expect(command.value("times") == nil)
        #expect(command.number("times") == nil)
        #expect(command.values("set").isEmpty)
        #expect(command.argument("tune") == nil)
        #expect(command.rest.isEmpty)
    }

    @Test(
        "Two dashes make arguments of what follows; one dash is an argument",
        arguments: [
            (["ring", "--", "-l"], "-l", nil), (["ring", "-", "--", "--"], "-", "--"),
            (["ring", ""], "", nil),
            (["--", "ring", "--loud"], "--loud", nil),
        ] as [([String], String, String?)]
    )
    func terminator(line: [String], bell: String, tune: String?) throws {
        let command = try #require(try parsed(line))
        #expect(command.required("bell") == bell)
        #expect(command.argument("tune") == tune)
        #expect(!command.flag("loud"))
    }

    @Test(
        "What follows the first word of a command to run is passed on untouched",
        arguments: [
            (["strike", "tenor", "hammer", "-t", "--help"], ["hammer", "-t", "--help"]),
            (["strike", "tenor", "--", "hammer", "--", "-t"], ["hammer", "--", "-t"]),
            (["strike", "tenor", "--", "--", "x"], ["--", "x"]), (["strike", "--", "tenor", "-t"], ["-t"]),
            (["strike", "tenor", "-C", "here", "hammer", "-C"], ["hammer", "-C"]),
        ]
    )
    func stopsAtRest(line: [String], rest: [String]) throws {
        let command = try #require(try parsed(line))
        #expect(command.rest == rest)
        #expect(command.argument("bell") == "tenor")
        #expect(!command.flag("hard"))
    }

    @Test("Options of such a command stand before the first word of the command to run")
    func optionsBeforeRest() throws {
        let command = try #require(try parsed(["strike", "tenor", "-t", "hammer"]))
        #expect(command.flag("hard"))
        #expect(command.rest == ["hammer"])
    }

    @Test(
        "Global options stand before or after the command",
        arguments: [["-C", "d", "ring", "x"], ["ring", "-Cd", "x"], ["ring", "x", "--place=d"]]
    )
    func globalOptions(line: [String]) throws {
        #expect(try parsed(line)?.value("place") == "d")
    }

    @Test("Subcommands are found by name and alias")
    func subcommands() throws {
        #expect(try parsed(["tower", "list"])?.path == ["tower", "list"])
        #expect(try parsed(["tower", "-C", "d", "ls"])?.path == ["tower", "list"])
    }

    @Test("An option stands in for an argument")
    func insteadOf() throws {
        #expect(try parsed(["silence", "--all"])?.rest == [])
        #expect(try parsed(["silence", "a", "b"])?.rest == ["a", "b"])
    }

    @Test(
        "Help and version are asked for in every usual way",
        arguments: [
            ([], .help([])), (["--help"], .help([])), (["-h", "ring"], .help(["ring"])),
            (["ring", "--help"], .help(["ring"])),
            (["ring", "-lh", "--bogus", "a", "b", "c"], .help(["ring"])),
            (["tower", "-h"], .help(["tower"])), (["help"], .help([])), (["help", "r"], .help(["ring"])),
            (["help", "tower", "ls"], .help(["tower", "list"])), (["help", "help"], .help(["help"])),
            (["--version"], .version), (["version"], .version), (["-C", "d"], .help([])),
        ] as [([String], Invocation)]
    )
    func helpAndVersion(line: [String], expected: Invocation) throws {
        #expect(try CommandParser(.small).parse(line) == expected)
    }

    @Test("Asking for an undeclared option is a mistake of the program")
    func undeclaredOption() async {
        await #expect(processExitsWith: .failure) { _ = try parsed(["ring", "x"])?.flag("lod") }
        await #expect(processExitsWith: .failure) { _ = try parsed(["ring", "x"])?.value("loud") }
        await #expect(processExitsWith: .failure) { _ = try parsed(["ring", "x"])?.argument("bel") }
        await #expect(processExitsWith: .success) { _ = try parsed(["ring", "x"])?.flag("loud") }
    }
}
