// Whether Cloche's own command table is sound: the invariants that CommandSpec.swift names, that every
// example in it is a correct command line, and that every command of the issue is there.

import Testing

@testable import CommandSyntax

@Suite("Cloche's command table")
struct TableTests {
    static let places = ToolSpec.cloche.locations

    @Test("Every command that was promised is there")
    func commands() {
        let promised = """
            init start run learn share list dashboard stats cost top attach look windows logs replay exec keys message inbox answer label resize wait diff sync merge up graph schedule pause unpause stop \
            resume delete snapshot rollback fork explain policy why netcheck forward ports requests approve deny inspect audit credential doctor path config profile completion help version manual
            """
        #expect(
            Set(ToolSpec.cloche.commands.map(\.name)) == Set(promised.split(separator: " ").map(String.init))
        )
    }

    @Test("Names, letters and aliases are unique", arguments: places)
    func uniqueness(place: CommandLocation) {
        let options = place.spec.options + ToolSpec.cloche.globalOptions
        let spellings = options.flatMap(\.spellings)
        #expect(Set(spellings).count == spellings.count)
        let siblings = ToolSpec.cloche.location(of: place.path.dropLast())?.spec.subcommands
        let names = (siblings ?? ToolSpec.cloche.commands).flatMap { [$0.name] + $0.aliases }
        #expect(names.filter { $0 == place.spec.name }.count == 1)
        #expect(names.filter(place.spec.suggestedFor.contains).isEmpty)
    }

    @Test("Required arguments stand first, a rest argument last", arguments: places)
    func argumentOrder(place: CommandLocation) {
        let arguments = place.spec.arguments
        #expect(arguments.dropLast().filter(\.isRest).isEmpty)
        let optional = arguments.firstIndex { !$0.isRequired } ?? arguments.endIndex
        #expect(arguments[optional...].filter(\.isRequired).isEmpty)
        #expect(!place.spec.stopsAtRest || arguments.last?.isRest == true)
    }

    @Test("Options named in rules exist, and texts are single lines without a full stop", arguments: places)
    func references(place: CommandLocation) {
        let spec = place.spec
        let named = spec.exclusive.joined() + spec.arguments.compactMap(\.insteadOf)
        #expect(named.allSatisfy { spec.options.named($0) != nil })
        let texts = [spec.summary] + spec.options.map(\.summary) + spec.arguments.map(\.summary)
        for text in texts + spec.examples.map(\.effect) {
            #expect(!text.isEmpty && !text.hasSuffix(".") && !text.contains("\n"), "\(text)")
        }
        #expect(!spec.examples.isEmpty || !spec.subcommands.isEmpty)
        #expect(spec.examples.count <= 3)
    }

    static let examples = (ToolSpec.cloche.examples + places.flatMap(\.spec.examples)).map(\.line)

    @Test("Every example is a correct command line", arguments: examples)
    func example(line: String) throws {
        let words = words(of: line)
        #expect(!words.isEmpty)
        _ = try CommandParser(.cloche).parse(words)
    }

    @Test("An example in a command's table is of that command", arguments: places)
    func exampleOfItsCommand(place: CommandLocation) throws {
        for line in place.spec.examples.map(\.line) {
            let path = ToolSpec.cloche.location(
                of: Array(
                    words(of: line).drop { $0.hasPrefix("-") || $0.contains("/") }
                        .prefix(place.path.count)
                )
            )?.path
            #expect(path == place.path, "\(line)")
        }
    }

    /// The words after `cloche` in a line of shell, up to the end of that simple command.
    private func words(of line: String) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        let parts = line.split(separator: "cloche ", maxSplits: 1, omittingEmptySubsequences: false)
        for character in parts.last ?? "" {
            if let open = quote {
                if character == open { quote = nil } else { word = (word ?? "") + String(character) }
            } else if character == "\"" || character == "'" {
                (quote, word) = (character, word ?? "")
            } else if "|>&;)".contains(character) {
                break
            } else if character == " " {
                if let done = word { words.append(done) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        return words + (word.map { [$0] } ?? [])
    }

    @Test("The main command lines of the issue mean what it says")
    func issueLines() throws {
        let parser = CommandParser(.cloche)
        guard case .run(let start) = try parser.parse(["start", "a", "--profile", "shell", "make test"])
        else {
            Issue.record("start is not a command to run")
            return
        }
        #expect(start.value("profile") == "shell")
        #expect(start.argument("task") == "make test")
        guard case .run(let run) = try parser.parse(["run", "--profile", "shell", "--", "make", "-j2"]) else {
            Issue.record("run is not a command to run")
            return
        }
        #expect(run.rest == ["make", "-j2"])
        guard case .run(let logs) = try parser.parse(["logs", "fixer", "-f", "-n", "100"]) else {
            Issue.record("logs is not a command to run")
            return
        }
        #expect(logs.flag("follow") && logs.number("lines") == 100)
    }
}
