// What an agent program is given beside its task: the keys, who may set them, and how servers and instructions are put
// into files that the program keeps things in as well.

import ClocheModel
import StructuredText
import Testing

@testable import ProfileLoading

@Suite struct EquipmentTests {
    static let bundle = """
        description: A program that no code knows
        harness:
          command: [crab, --yes]
          task: [-m, "{task}"]
          resume: [--again]
          model: [--model, "{model}"]
          instructions: {file: .crab/RULES.md, arguments: [--rules, "{instructions-file}"]}
          skills: .crab/skills
          mcp:
            file: .crab/config.json
            key: servers
            command: {kind: program, run: ["{command}", "{args}"], env: "{env}", label: "is {name}"}
            url: {kind: web, at: "{url}"}
        """

    static func policy(_ more: String = "") throws -> Policy {
        let tree = try ConfigurationTree(["user/harness/crab.yaml": bundle, "user/config.yaml": more])
        defer { withExtendedLifetime(tree) {} }
        return try tree.loader.load(name: "crab").policy
    }

    // MARK: bundles

    @Test func aFileInTheHarnessDirectoryIsAProfileAndABundle() throws {
        let tree = try ConfigurationTree(["user/harness/crab.yaml": EquipmentTests.bundle])
        #expect(try tree.loader.load(name: "crab").policy.harness.program == "crab")
        #expect(tree.loader.bundleNames().contains("crab"))
        #expect(!tree.loader.bundleNames().contains("base"))
        #expect(tree.loader.names().contains { $0.name == "crab" && $0.layers == [.user] })
    }

    @Test func aProfileOfTheSameNameIsMergedOverTheBundle() throws {
        let tree = try ConfigurationTree([
            "user/harness/crab.yaml": EquipmentTests.bundle,
            "user/profiles/crab.yaml": "harness: {resume: [--more]}",
        ])
        let harness = try tree.loader.load(name: "crab").policy.harness
        #expect(harness.resume == ["--more"] && harness.task == ["-m", "{task}"])
    }

    @Test func aProjectsBundleHasToBeTrustedLikeAProfile() throws {
        let tree = try ConfigurationTree([
            "project/harness/crab.yaml": "extends: agent\n" + EquipmentTests.bundle
        ])
        #expect(tree.failure("crab").contains("this project's file is not trusted"))
        #expect(tree.loader.projectFiles().map(\.isTrusted) == [false])
        _ = try tree.loader.trustProject()
        #expect(try tree.loader.load(name: "crab").policy.harness.program == "crab")
    }

    // MARK: the command line

    @Test func modelAndInstructionsComeBeforeTheTask() throws {
        let harness = try EquipmentTests.policy().harness
        #expect(
            harness.commandLine(
                task: "do {model}",
                model: "m/1[x]",
                instructions: "be kind",
                home: "/home/agent"
            )
                == [
                    "crab", "--yes", "--model", "m/1[x]", "--rules", "/home/agent/.crab/RULES.md", "-m",
                    "do {model}",
                ]
        )
        #expect(harness.commandLine(task: nil, resuming: true) == ["crab", "--yes", "--again"])
    }

    @Test func whatStandsForInstructionsIsNotLookedAtAgain() {
        var harness = HarnessPolicy(command: ["crab"])
        harness.instructions = InstructionsForm(arguments: ["{instructions}"])
        let text = "say {instructions} and {task} and {model}"
        #expect(harness.commandLine(task: "t", model: "m", instructions: text) == ["crab", text])
    }

    @Test(arguments: ["--dangerous", "-m", "a b", "a\nb", ".x"])
    func aModelIsNoOption(_ name: String) throws {
        let text = JSONText.serialize(.string(name))
        #expect(throws: ClocheError.self) {
            try ConfigurationTree().loader.load(name: "shell", overrides: ["model=\(text)"])
        }
    }

    // MARK: values

    static let mistakes: [(text: String, message: String)] = [
        ("mcp-servers: {a: {}}", "`mcp-servers.a` needs either the key `command` or the key `url`"),
        (
            "mcp-servers: {a: {command: x, url: 'https://x'}}",
            "needs either the key `command` or the key `url`"
        ),
        (
            "mcp-servers: {a: {url: 'https://x', env: {A: b}}}",
            "`args` and `env` of `mcp-servers.a` go with `command`"
        ),
        ("mcp-servers: {a: {url: 'file:///x'}}", "must be an address that begins with https://"),
        ("mcp-servers: {'a b': {command: x}}", "a key of `mcp-servers` must be a name of letters"),
        (
            "mcp-servers: {a: {command: x, env: {'1': b}}}",
            "a key of `mcp-servers.a.env` must be the name of a variable"
        ),
        ("harness: {mcp: {command: text}}", "`harness.mcp.command` must be a map"),
        ("harness: {mcp: {file: ../x}}", "must be a path below the agent's home"),
        ("harness: {skills: /etc}", "must be a path below the agent's home"),
        ("skills: [relative]", "must be an absolute path"),
        ("instructions: text", "`instructions` must be a map"),
    ]

    @Test(arguments: mistakes.indices)
    func mistakesAreTold(_ index: Int) throws {
        let (text, message) = EquipmentTests.mistakes[index]
        let failure = try ConfigurationTree(["user/profiles/p.yaml": text]).failure("p")
        #expect(failure.contains(message), "\(failure)")
    }

    @Test func whatIsGivenIsReadBackFromTheStateFile() throws {
        let tree = try ConfigurationTree([
            "user/harness/crab.yaml": EquipmentTests.bundle,
            "user/config.yaml": """
            overrides:
              model: m1
              instructions: {text: be kind, files: [~/rules.md]}
              skills: [~/skills/one]
              mcp-servers: {a: {command: srv, args: [x], env: {A: b}}, b: {url: 'https://b'}}
            """,
        ])
        let profile = try tree.loader.load(name: "crab")
        let equipment = profile.policy.equipment
        #expect(equipment.model == "m1" && equipment.instructions == "be kind" && equipment.hasInstructions)
        #expect(equipment.instructionFiles == [tree.home + "/rules.md"])
        #expect(equipment.skills == [tree.home + "/skills/one"])
        #expect(
            equipment.servers == [
                MCPServer(
                    "a",
                    .program(command: "srv", arguments: ["x"], environment: [.init("A", .string("b"))])
                ),
                MCPServer("b", .url("https://b")),
            ]
        )
        let stored = try JSONText.parse(JSONText.serializeBytes(profile.document))
        #expect(try Policy(document: stored) == profile.policy)
    }

    // MARK: trust

    static let untrusted: [(text: String, message: String)] = [
        ("skills: [~/.ssh]", "`skills` gives the agent more than your settings"),
        (
            "instructions: {files: [~/.ssh/id_rsa]}",
            "`instructions.files` gives the agent more than your settings"
        ),
        ("model: big", "`model` could use what the profile grants"),
        ("instructions: {text: x}", "`instructions.text` could use what the profile grants"),
        ("mcp-servers: {a: {command: x}}", "`mcp-servers.a` could use what the profile grants"),
        ("harness: {model: [-x]}", "`harness.model` could use what the profile grants"),
        ("harness: {mcp: {file: .bashrc}}", "`harness.mcp.file` could use what the profile grants"),
        (
            "harness: {instructions: {file: .bashrc}}",
            "`harness.instructions.file` could use what the profile grants"
        ),
        ("harness: {check: [x]}", "`harness.check` could use what the profile grants"),
    ]

    @Test(arguments: untrusted.indices)
    func anUntrustedProjectGivesNothing(_ index: Int) throws {
        let (text, message) = EquipmentTests.untrusted[index]
        let tree = try ConfigurationTree(["project/config.yaml": "overrides: {\(text)}\n"])
        let failure = tree.failure("claude")
        #expect(failure.contains(message) && failure.contains("not trusted"), "\(failure)")
        // The control: the same, trusted.
        _ = try tree.loader.trustProject()
        #expect(throws: Never.self) { try tree.loader.load(name: "claude") }
    }

    @Test func filesOfTheHostAreAGrantOfTheirOwn() throws {
        let tree = try ConfigurationTree([
            "user/config.yaml": "overrides: {skills: [~/skills/one]}",
            "project/config.yaml": "overrides: {harness: {command: [x]}}",
        ])
        #expect(
            tree.failure("shell").contains("`harness.command` could use what the profile grants (skills)")
        )
        try tree.write("user/config.yaml", "")
        #expect(try tree.loader.load(name: "shell").policy.harness.command == ["x"])
    }
}

/// How what is given is put into files of the program's own.
@Suite struct HarnessFileTests {
    static let program = MCPServer(
        "a",
        .program(
            command: "srv",
            arguments: ["x", "y z"],
            environment: [.init("K", .string("v \"q\" \\ \n"))]
        )
    )
    static let web = MCPServer("b", .url("https://b/mcp"))

    static func form() throws -> ServersForm { try #require(try EquipmentTests.policy().harness.servers) }

    @Test func aServerTakesTheFormOfItsBundle() throws {
        let form = try HarnessFileTests.form()
        #expect(
            JSONText.serialize(try form.description(of: HarnessFileTests.program))
                == #"{"kind":"program","run":["srv","x","y z"],"env":{"K":"v \"q\" \\ \n"},"label":"is a"}"#
        )
        #expect(
            JSONText.serialize(try form.description(of: HarnessFileTests.web))
                == #"{"kind":"web","at":"https://b/mcp"}"#
        )
    }

    @Test func whatAServerSaysIsNoMark() throws {
        let server = MCPServer(
            "a",
            .program(command: "{url}", arguments: ["{env}", "{args}"], environment: [])
        )
        let form = ServersForm(
            file: "f",
            key: "k",
            program: .object(["c": .string("run {command}"), "l": .list([.string("{args}")])])
        )
        #expect(
            JSONText.serialize(try form.description(of: server))
                == #"{"c":"run {url}","l":["{env}","{args}"]}"#
        )
    }

    @Test func aProgramWithoutServersByURLRefusesThem() throws {
        var form = try HarnessFileTests.form()
        form.url = nil
        let error = #expect(throws: ClocheError.self) { try form.placing([HarnessFileTests.web], in: []) }
        #expect(error?.why.contains("mcp-servers.b.url") == true)
    }

    @Test func allElseInAFileOfJSONStays() throws {
        let old =
            #"{"theme": "dark", "n": 1.5, "servers": {"own": {"x": [1]}, "a": {"stale": true}}, "last": null}"#
        let form = try HarnessFileTests.form()
        let new = try form.placing([HarnessFileTests.program], in: Array(old.utf8))
        let tree = try JSONText.parse(new)
        #expect(tree.entries?.map(\.key) == ["theme", "n", "servers", "last"])
        #expect(tree["theme"] == .string("dark") && tree["n"] == .real(1.5))
        #expect(tree.value(at: ["servers", "own"]) == .object(["x": .list([.integer(1)])]))
        #expect(tree.value(at: ["servers", "a", "stale"]) == nil)
        #expect(try form.placing([HarnessFileTests.program], in: new) == new)
    }

    @Test(arguments: ["[1]", "{", "{\"servers\": []}", "// comment\n{}", "{\"a\":1,\"a\":2}"])
    func aFileThatIsNoMapIsNotOverwritten(_ text: String) throws {
        let form = try HarnessFileTests.form()
        #expect(throws: ClocheError.self) {
            try form.placing([HarnessFileTests.program], in: Array(text.utf8))
        }
    }

    @Test(arguments: ["", " \n", "{}", "{\"servers\": null}"])
    func anEmptyFileGetsTheKey(_ text: String) throws {
        let new = try HarnessFileTests.form().placing([HarnessFileTests.web], in: Array(text.utf8))
        #expect(try JSONText.parse(new).value(at: ["servers", "b", "at"]) == .string("https://b/mcp"))
    }

    // MARK: TOML

    static let entries = [
        Document.Entry("a", .object(["command": .string("s\"\n"), "args": .strings(["x"])]))
    ]

    @Test func tablesOfTOMLAreReplacedAndAllElseStays() throws {
        let old = """
            model = "m" # [servers.a]
            text = \"\"\"
            [servers.a]
            \\\"\"\" still "\"\"\"\"
            list = [
              "[servers.a]", # ]
              [1, 2],
            ]
            raw = '''
            [servers.a]
            '''

            [servers.a]
            command = "old"
            [servers.a.env]
            K = "v"
            [[servers.a.more]]
            [servers."a"]
            [ servers . 'a' ]
            x = 1
            [servers.ab]
            keep = true
            [other]
            "a" = "[servers.a]"

            """
        let wanted = """
            model = "m" # [servers.a]
            text = \"\"\"
            [servers.a]
            \\\"\"\" still "\"\"\"\"
            list = [
              "[servers.a]", # ]
              [1, 2],
            ]
            raw = '''
            [servers.a]
            '''

            [servers.ab]
            keep = true
            [other]
            "a" = "[servers.a]"

            [servers.a]
            command = "s\\"\\n"
            args = ["x"]

            """
        let new = try #require(TOMLTables.placing(HarnessFileTests.entries, under: "servers", in: old))
        #expect(new == wanted)
        #expect(TOMLTables.placing(HarnessFileTests.entries, under: "servers", in: new) == new)
    }

    @Test func linesThatEndAsInDOSAreLinesToo() {
        let old = "x = 1\r\n[servers.a]\r\ncommand = 'old'\r\n[other]\r\ny = 2\r\n"
        let new = TOMLTables.placing(HarnessFileTests.entries, under: "servers", in: old)
        #expect(new?.hasPrefix("x = 1\r\n[other]\r\ny = 2\r\n") == true)
        #expect(new?.contains("old") == false)
    }

    @Test(arguments: ["a = \"\"\"\n", "a = [1,\n", "a = '''x\n\n"])
    func aFileThatEndsInAStringOrAListIsNotContinued(_ text: String) {
        #expect(TOMLTables.placing(HarnessFileTests.entries, under: "servers", in: text) == nil)
    }

    /// Whatever an agent has written: it is refused, or what comes of it is the same the next time.
    @Test func placingTwiceIsPlacingOnce() {
        let pieces = [
            "[servers.a]", "[servers.b]", "[[servers.a]]", "\n", "\r\n", "\"", "\"\"\"", "'", "'''", "[", "]",
            "{", "}", "#",
            "\\", "=", ".", " ", "x", "[servers . \"a\"]", "\u{301}",
        ]
        var random = SystemRandomNumberGenerator()
        for _ in 0..<5000 {
            let count = Int.random(in: 0..<24, using: &random)
            let text = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            guard let once = TOMLTables.placing(HarnessFileTests.entries, under: "servers", in: text) else {
                continue
            }
            let twice = TOMLTables.placing(HarnessFileTests.entries, under: "servers", in: once)
            #expect(twice == once, "\(text.debugDescription)")
        }
    }

    // MARK: instructions

    @Test func instructionsStandBetweenMarksAndAllElseStays() throws {
        let first = try InstructionsBlock.placing("be kind\n", in: "")
        #expect(first == "\(InstructionsBlock.begin)\nbe kind\n\(InstructionsBlock.end)\n")
        let own = try InstructionsBlock.placing("be kind", in: "My notes\n")
        #expect(own == first + "\nMy notes\n")
        let later = try InstructionsBlock.placing("be brief", in: "Above\n" + own + "below")
        #expect(
            later
                == "Above\n\(InstructionsBlock.begin)\nbe brief\n\(InstructionsBlock.end)\n\nMy notes\nbelow"
        )
        #expect(try InstructionsBlock.placing("be brief", in: later) == later)
    }

    @Test func instructionsCannotEndTheirOwnBlock() {
        for mark in [InstructionsBlock.begin, InstructionsBlock.end] {
            #expect(throws: ClocheError.self) { try InstructionsBlock.placing("a\n\(mark)\nb", in: "") }
        }
    }
}
