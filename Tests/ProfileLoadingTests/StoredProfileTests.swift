// What can be changed of a stored profile, and what a change keeps.

import ClocheModel
import LinuxSystem
import NetworkRules
import Testing

@testable import ProfileLoading

@Suite struct StoredProfileTests {
    private static let text = """
        extends: shell
        network:
          mode: allow
          allow: [a.test, mine]
          deny: [evil.test]

        """
    private static let bundle = "description: Mine\nallow: [one.test]\n"

    private func tree() throws -> ConfigurationTree {
        try ConfigurationTree(["user/profiles/p.yaml": Self.text, "user/network/mine.yaml": Self.bundle])
    }

    @Test func rulesAreAddedWithTheirPlaceAndOthersKeepTheirs() throws {
        let tree = try tree()
        let document = try tree.loader.load(name: "p").document
        let changed = try StoredProfile.changed(
            document,
            [
                .rule("*.b.test:80", denies: false),
                .rule("{host: c.test, ports: [80], methods: [GET]}", denies: false),
                .rule("evil.test", denies: true), .rule("10.0.0.0/8", denies: true),
            ],
            bundlesOf: tree.loader
        )
        let section = try #require(changed["network"])
        let allow = StoredProfile.networkItems(section, "allow")
        #expect(allow.map(\.text) == ["a.test", "mine", "*.b.test:80", "{host: c.test:80, methods: [GET]}"])
        #expect(allow.map(\.parts) == [[], ["one.test"], [], []])
        #expect(allow[0].origin.hasSuffix("p.yaml:4") && allow[2].origin == "cloche policy allow")
        let deny = StoredProfile.networkItems(section, "deny")
        #expect(deny.map(\.text) == ["evil.test", "10.0.0.0/8"] && deny[1].origin == "cloche policy deny")
        let settings = try Policy(document: changed).network
        #expect(settings.allow.map(\.target) == ["a.test", "one.test", "*.b.test:80", "c.test:80"])
        // A rule that is there already changes nothing.
        let again = try StoredProfile.changed(
            changed,
            [.rule("a.test", denies: false)],
            bundlesOf: tree.loader
        )
        #expect(again == changed)
        #expect(StoredProfile.networkSummary(changed) == "allow: mine, 3 rules; 2 denied")
    }

    @Test func aBundleHoldsAsItWasWhenItWasNamed() throws {
        let tree = try tree()
        let document = try tree.loader.load(name: "p").document
        try tree.write("user/network/mine.yaml", "allow: [two.test]\n")
        try tree.write("user/network/other.yaml", "allow: [three.test]\n")
        try tree.write("user/network/pypi.yaml", "allow: [four.test]\n")
        let changed = try StoredProfile.changed(
            document,
            [.rule("other", denies: false), .option("network.allow+=[pypi, github]")],
            bundlesOf: tree.loader
        )
        try tree.write("user/network/other.yaml", "broken: [\n")
        let targets = try Policy(document: changed).network.allow.map(\.target)
        #expect(targets.prefix(4) == ["a.test", "one.test", "three.test", "four.test"])
        #expect(targets.contains("github.com"))
        // Those that are named already are not looked up again.
        let later = try StoredProfile.changed(
            changed,
            [.rule("b.test", denies: false)],
            bundlesOf: tree.loader
        )
        #expect(try Policy(document: later).network.allow.map(\.target) == targets + ["b.test"])
    }

    @Test(arguments: [
        (StoredChange.rule("b.test:0", denies: false), "ports"),
        (.rule("b.test:99999", denies: true), "ports"),
        (.rule("nothing", denies: false), "is no bundle"), (.rule("broken", denies: false), "broken.yaml"),
        (.rule("{host: b.test", denies: false), "cloche policy allow"), (.rule("", denies: false), "empty"),
        (.rule("{host: b.test, methods: [GET]}", denies: true), "deny"),
        (.option("network.allow=", after: "policy set"), "no value"),
        (.option("network.deny=null"), "no value"),
        (.option("network={}"), "no value"), (.option("network.alow=[]"), "network.allow"),
        (.option("network.allow=[a.test:x]"), "--set network.allow"),
        (.option("harness.command=[x]"), "another agent"),
        (.option("networks.allow=[]"), "another agent"),
        (.option("filesystem.binds+=[{source: /}]"), "another agent"),
    ])
    func whatIsWrongChangesNothing(_ change: StoredChange, _ words: String) throws {
        let tree = try tree()
        try tree.write("user/network/broken.yaml", "allow:\n  - \"b.te")
        let document = try tree.loader.load(name: "p").document
        let error = #expect(throws: ClocheError.self) {
            try StoredProfile.changed(
                document,
                [.rule("good.test", denies: false), change],
                bundlesOf: tree.loader
            )
        }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }

    @Test func whatMayNotChangeNowIsRefusedInTheCallersWords() throws {
        let tree = try tree()
        let document = try tree.loader.load(name: "p").document
        let error = #expect(throws: ClocheError.self) {
            try StoredProfile.changed(document, [.option("limits.idle=5m")]) { "not \($0) now" }
        }
        #expect(error?.why.contains("not limits.idle now") == true)
    }

    @Test(arguments: [
        ("mode: host", "host"), ("mode: none", "none"), ("mode: allow", "allow: nothing"),
        ("{mode: open, allow: [pypi]}", "open: every public address, pypi"),
        ("{mode: allow, allow: [a.test], deny: [b.test]}", "allow: 1 rule; 1 denied"),
    ])
    func aNetworkIsSummedUpInALine(_ section: String, _ line: String) throws {
        let tree = try ConfigurationTree(["user/profiles/p.yaml": ""])
        let text = section.hasPrefix("{") ? section : "{\(section)}"
        try tree.write("user/profiles/p.yaml", "extends: shell\nnetwork: \(text)\n")
        #expect(StoredProfile.networkSummary(try tree.loader.load(name: "p").document) == line)
    }
}
