// The section `network` of profiles: entries as text and as maps, bundles, what is kept with an agent, what a project's
// file may do.

import ClocheModel
import LinuxSystem
import NetworkRules
import StructuredText
import Testing

@testable import ProfileLoading

@Suite struct NetworkSectionTests {
    private static let own =
        "description: mine\nallow:\n  - one.test\n  - {host: two.test, ports: [80, 8000-8010]}\n"

    private func network(_ text: String, files: KeyValuePairs<String, String> = [:]) throws -> NetworkSettings
    {
        let tree = try ConfigurationTree(files)
        try tree.write("user/profiles/p.yaml", "network:\n" + text)
        let profile = try tree.loader.load(name: "p")
        let stored = try JSONText.parse(JSONText.serializeBytes(profile.document))
        #expect(try Policy(document: stored) == profile.policy)
        return profile.policy.network
    }

    @Test func entriesAreTextsOrMaps() throws {
        let settings = try network(
            """
              mode: allow
              allow:
                - api.test
                - "*.test:80,443"
                - 10.1.0.0/16:5432
                - "[fd00::/8]:5432"
                - {host: a.test, ports: [80, 8000-8010], addresses: [127.0.0.0/8, "::1"]}
                - host: b.test
                  ports: [80]
                  methods: [GET]
                  paths: [/v1/*]
                - {host: c.test:8443, protocol: any}
                - {host: d}
                - {host: fd00::/8, ports: ["*"]}
              deny:
                - evil.test
                - {host: evil}
                - {host: 10.0.0.0/8, ports: [22]}
              dns: {servers: [127.0.0.1:5353, "::1"]}
              upstream-proxy: http://me:secret@proxy.test:3128
              proxy-variables: false
              hidden-names: allow

            """
        )
        #expect(settings.mode == .allow)
        #expect(
            settings.allow.map(\.description) == [
                "api.test", "*.test:80,443", "10.1.0.0/16:5432", "[fd00::/8]:5432",
                "{host: \"a.test:80,8000-8010\", addresses: [127.0.0.0/8, \"::1\"]}",
                "{host: b.test:80, methods: [GET], paths: [\"/v1/*\"]}", "{host: c.test:8443, protocol: any}",
                "d:443",
                "[fd00::/8]:*",
            ]
        )
        #expect(settings.deny.map(\.target) == ["evil.test", "evil:*", "10.0.0.0/8:22"])
        #expect(settings.dnsServers == ["127.0.0.1:5353", "::1"])
        #expect(settings.upstreamProxy == "http://me:secret@proxy.test:3128")
        #expect(!settings.proxyVariables && settings.allowsHiddenNames)
        #expect(settings.allow[1].origin?.hasSuffix("/profiles/p.yaml:5") == true)
        #expect(settings.deny[0].origin?.hasSuffix("/profiles/p.yaml:17") == true)
        #expect(throws: Never.self) { try NetworkPolicy(settings) }
    }

    /// T89 of the escape list: what allows nothing does so however it is written.
    @Test(arguments: [
        "  mode: allow\n", "  mode: allow\n  allow: []\n", "  mode: allow\n  allow: ~\n",
        "  mode: allow\n  deny: [evil.test]\n",
        "  {}\n", "  mode: none\n  allow: [github]\n",
    ])
    func nothingIsAllowedByNothing(text: String) throws {
        let policy = try NetworkPolicy(try network(text))
        for name in ["github.com", "evil.test", "localhost"] {
            #expect(policy.decide(Destination(.name(try HostName(name)), port: 443)).grant == nil)
        }
    }

    @Test(arguments: [
        ("allow: [\"\"]", "2:11: `network.allow[0]`: '' is no rule of the network: it is empty"),
        (
            "allow: [a.test, a.test:0]",
            "2:19: `network.allow[1]`: 'a.test:0' is no rule of the network: '0' is no list"
        ),
        ("allow: [5]", "2:11: `network.allow[0]` must be a bundle such as github, HOST:PORT, or a map"),
        ("allow: github", "2:10: `network.allow` must be a list, not the text `github`"),
        ("allow: [{ports: [80]}]", "2:11: `network.allow[0]` needs the key `host`"),
        (
            "allow: [{host: a.test, port: 80}]",
            "unknown key `port` in `network.allow[0]`; did you mean `ports`?"
        ),
        ("allow: [{host: a.test, ports: [x]}]", "must be a port, a range of ports such as 8000-8010, or *"),
        ("allow: [{host: a.test, ports: [99999]}]", "'99999' is no list of ports"),
        ("allow: [{host: a.test:80, ports: [80]}]", "an IPv6 address stands in brackets"),
        ("allow: [{host: a.test, ports: [80], methods: [get]}]", "in capitals"),
        ("allow: [{host: a.test, protocol: udp}]", "must be one of `tls`, `http`, `any`"),
        ("deny: [{host: a.test, methods: [GET]}]", "a rule of 'deny' has a host and ports only"),
        ("allow: [0x7f.1:80]", "number"), ("allow: [\"https://a.test/\"]", "a URL has no place here"),
        (
            "allow: [githib]",
            "`network.allow`: githib is no bundle; did you mean `github`? (a host is written with its port: `githib:443`)"
        ),
        ("deny: [nothing-like-it]", "`network.deny`: nothing-like-it is no bundle (a host"),
        ("mode: some", "`network.mode` must be one of `none`, `allow`, `open`, `host`"),
        ("hidden-names: yes", "must be one of `refuse`, `allow`"),
        ("dns: {servers: [dns.test]}", "must be the address of a name server"),
        ("upstream-proxy: proxy:3128", "must be the URL of an HTTP proxy"),
        ("definitions: {own: x}", "unknown key `definitions`"),
        ("origins: {allow: [x]}", "unknown key `origins`"),
    ])
    func mistakesHaveTheirPlace(text: String, message: String) throws {
        let tree = try ConfigurationTree(["user/profiles/p.yaml": "network:\n  \(text)\n"])
        let failure = tree.failure("p")
        #expect(failure.contains("user/profiles/p.yaml:2") && failure.contains(message), "\(failure)")
    }

    @Test func listsMergeAsOthersDo() throws {
        let tree = try ConfigurationTree([
            "user/config.yaml": "overrides: {network: {mode: allow, allow+: [b.test]}}",
            "user/profiles/p.yaml": "network: {allow: [a.test]}",
        ])
        func targets(_ options: String...) throws -> [String] {
            try tree.loader.load(name: "p", overrides: options).policy.network.allow.map(\.target)
        }
        #expect(try targets() == ["a.test", "b.test"])
        #expect(
            try targets("network.allow+=[c.test:80, \"*.d.test\"]") == [
                "a.test", "b.test", "c.test:80", "*.d.test",
            ]
        )
        #expect(
            try targets("network.allow=[\"[fd00::1]:443\", {host: e.test, ports: [80, 81]}]") == [
                "[fd00::1]:443", "e.test:80,81",
            ]
        )
        #expect(try targets("network={allow: []}") == [])
        let last = try tree.loader.load(name: "p", overrides: ["network.allow+=[c.test]"]).policy.network
            .allow.last
        #expect(last?.origin == "--set network.allow+=[c.test]")
        #expect(tree.failure("p", ["network.allow=a.test"]).contains("`network.allow` must be a list"))
    }

    /// What a refusal suggests can be typed as it is.
    @Test func suggestionsAreRulesInYAML() throws {
        let policy = try NetworkPolicy(
            NetworkSettings(
                mode: .allow,
                allow: [
                    NetworkEntry("db.test:5432"),
                    NetworkEntry("api.test:80", methods: ["GET"], paths: ["/v1/*"]),
                ]
            )
        )
        var suggestions: [(String, String)] = []
        for text in [
            "a.test:443", "db.test:22", "10.0.0.1:80", "[fd00::1]:443", "[::1]:80", "169.254.169.254:80",
        ] {
            let refusal = policy.decide(try Destination(authority: text)).refusal
            suggestions.append((try #require(refusal?.suggestion), text))
        }
        let database = try Destination(authority: "db.test:5432")
        let open = try #require(policy.decide(database).grant)
        for text in ["10.0.0.1", "::1", "fd00::", "fd00::a:1", "64:ff9b::a00:1", "169.254.169.254"] {
            let address = try #require(IPAddress(text))
            let refusal = policy.refusal(of: address, for: database, open, hostAddresses: [])
            suggestions.append((try #require(refusal?.suggestion), "db.test:5432"))
        }
        let service = try Destination(authority: "api.test:80")
        let limited = try #require(policy.decide(service).grant)
        for target in ["/", "/a%20b", "/a'b", "/a%22b", "/a:b,c]}", "/a%3db&c", "/~a/!$()+@", "/v1/a/b"] {
            let refusal = policy.refusal(method: "POST", target: target, for: service, limited)
            suggestions.append((try #require(refusal?.suggestion), "api.test:80"))
        }
        for (suggestion, destination) in suggestions {
            let tree = try ConfigurationTree()
            let options = ["network.mode=allow", "network.allow+=[\(suggestion)]"]
            let profile = try tree.loader.load(name: "shell", overrides: options)
            let entry = try #require(profile.policy.network.allow.first)
            #expect(NetworkEntry.quoted(entry.target) == suggestion || entry.description == suggestion)
            let changed = try NetworkPolicy(profile.policy.network)
            #expect(changed.decide(try Destination(authority: destination)).grant != nil, "\(suggestion)")
            try tree.write("user/profiles/p.yaml", "network:\n  allow:\n    - \(suggestion)\n")
            #expect(
                try tree.loader.load(name: "p").policy.network.allow.map(\.description) == [entry.description]
            )
        }
    }

    // MARK: bundles

    @Test(arguments: NetworkBundle.builtIn)
    func builtInBundlesAreValid(name: String) throws {
        let text = try #require(embeddedNetworkBundles.first { $0.path == "network/\(name).yaml" }?.text)
        let bundle = try NetworkBundle(text, file: name)
        #expect(!bundle.summary.isEmpty && !bundle.items.isEmpty)
        let entries = try network("  mode: allow\n  allow: [\(name)]\n").allow
        #expect(entries.count == bundle.items.count)
        // Nothing that is for everybody's files, no wildcard, and TLS except where the packages are signed.
        for entry in entries {
            #expect(!entry.target.contains("*") && !entry.target.contains("storage.googleapis.com"))
            let isTLS = !entry.target.contains(":") || entry.target.hasSuffix(":443")
            #expect(isTLS || entry.methods == ["GET", "HEAD"], "\(entry)")
        }
    }

    @Test func theBundlesOfTheDocumentation() {
        #expect(
            NetworkBundle.builtIn == [
                "anthropic", "crates", "debian", "github", "go", "google", "npm", "openai", "pypi",
            ]
        )
    }

    @Test func aBundleStandsForItsEntries() throws {
        let settings = try network("  mode: allow\n  allow: [a.test, pypi]\n  deny: [debian]\n")
        #expect(settings.allow.map(\.target) == ["a.test", "pypi.org", "files.pythonhosted.org"])
        #expect(settings.allow[1].origin?.hasPrefix("bundle pypi, line 5, named by ") == true)
        #expect(settings.allow[1].origin?.hasSuffix("/profiles/p.yaml:3") == true)
        #expect(settings.deny.first == NetworkEntry("deb.debian.org:80", origin: settings.deny.first?.origin))
        #expect(throws: Never.self) { try NetworkPolicy(settings) }
    }

    @Test func theUsersBundleIsKeptWithTheProfile() throws {
        let settings = try network("  allow: [own]\n", files: ["user/network/own.yaml": Self.own])
        #expect(settings.allow.map(\.target) == ["one.test", "two.test:80,8000-8010"])
        let mended = try network("  allow: [pypi]\n", files: ["user/network/pypi.yaml": Self.own])
        #expect(mended.allow.first?.target == "one.test", "the user's stands above the built-in one")
    }

    @Test func mistakesInABundleHaveTheirPlace() throws {
        let tree = try ConfigurationTree(["user/profiles/p.yaml": "network: {allow: [own]}\n"])
        for (text, message) in [
            (
                "allow: [a.test, b.test:x]\n",
                "user/network/own.yaml:1:17: `allow`: 'b.test:x' is no rule of the network"
            ),
            (
                "allow: [github]\n",
                "user/network/own.yaml:1:9: `github`: a bundle has hosts, and no other bundles"
            ),
            ("allow: a.test\n", "user/network/own.yaml:1:8: `allow` must be a list"),
            (
                "hosts: []\n",
                "user/network/own.yaml:1:1: unknown key `hosts`; a bundle has description, allow"
            ),
            ("- a.test\n", "user/network/own.yaml:1:1: a bundle must be a map of keys"),
            ("allow: [\n", "user/network/own.yaml:"),
        ] {
            try tree.write("user/network/own.yaml", text)
            let failure = tree.failure("p")
            #expect(failure.contains(message) && !failure.contains("is no bundle"), "\(failure)")
        }
    }

    @Test func aProjectsBundleMustBeTrustedAndTakesNoBuiltInName() throws {
        let tree = try ConfigurationTree([
            "user/profiles/p.yaml": "network: {mode: allow, allow: [own, pypi]}\n",
            "project/network/own.yaml": Self.own,
            "project/network/pypi.yaml": Self.own,
        ])
        let failure = tree.failure("p")
        #expect(
            failure.contains("project/network/own.yaml: the bundle `own` decides what can be reached"),
            "\(failure)"
        )
        #expect(try tree.loader.trustProject().count == 2)
        let allow = try tree.loader.load(name: "p").policy.network.allow
        #expect(
            allow.map(\.target) == [
                "one.test", "two.test:80,8000-8010", "pypi.org", "files.pythonhosted.org",
            ]
        )
        try tree.write("project/network/own.yaml", Self.own + "# changed\n")
        #expect(tree.failure("p").contains("is not trusted"))
    }

    @Test func aStoredBundleThatIsNoneIsAnError() throws {
        let tree = try ConfigurationTree([
            "user/profiles/p.yaml": "network: {mode: open, deny: [own]}\n", "user/network/own.yaml": Self.own,
        ])
        var document = try tree.loader.load(name: "p").document
        document["network"]?["definitions"] = .object(["own": .string("deny: [x]")])
        #expect(throws: ClocheError.self) { try Policy(document: document) }
        document["network"]?["definitions"] = nil
        #expect(throws: ClocheError.self) { try Policy(document: document) }
    }

    @Test func explainShowsWhatABundleStandsFor() throws {
        let tree = try ConfigurationTree([
            "user/profiles/p.yaml": "network: {mode: allow, allow: [a.test, pypi]}\n"
        ])
        let rows = try tree.loader.load(name: "p").explainRows.filter { $0.key.hasPrefix("network.allow") }
        #expect(rows.map(\.key) == ["network.allow", "network.allow[pypi]"])
        #expect(rows.map(\.value) == ["[a.test, pypi]", "[pypi.org, files.pythonhosted.org]"])
        #expect(rows.last?.origin == "built-in profile network/pypi, line 1")
    }

    @Test func placesSurviveAChangeOfTheStoredProfile() throws {
        let tree = try ConfigurationTree([
            "user/profiles/p.yaml": "network: {mode: allow, allow: [a.test, pypi]}\n"
        ])
        let document = try tree.loader.load(name: "p").document
        let changed = try StoredProfile.changed(document, [.option("limits.idle=5m")])
        #expect(changed["network"] == document["network"])
    }

    // MARK: trust

    private static let user = """
        overrides:
          network:
            mode: open
            allow: [pypi, a.test, {host: b.test, ports: [80], methods: [GET]}]
            deny: [evil.test]
            dns: {servers: [127.0.0.1]}
            upstream-proxy: http://proxy.test:3128

        """

    @Test(arguments: [
        ("mode: host", "`network.mode` gives the agent more than your settings (open)"),
        ("allow+: [c.test]", "`network.allow` gives the agent more"),
        ("allow: [b.test:80]", "`network.allow` gives the agent more"),
        ("allow: [{host: b.test, ports: [80]}]", "`network.allow` gives the agent more"),
        ("deny: []", "`network.deny` gives the agent more"),
        ("deny: ~", "`network.deny` gives the agent more"),
        ("deny: [evil.test:443]", "`network.deny` gives the agent more"),
        ("dns: {servers: [10.0.0.1]}", "`network.dns.servers` decides what your own machine does"),
        ("dns: {servers: ~}", "`network.dns.servers` decides"),
        ("upstream-proxy: http://evil.test:80", "`network.upstream-proxy` decides"),
        ("upstream-proxy: none", "`network.upstream-proxy` decides"),
        ("hidden-names: allow", "`network.hidden-names` gives the agent more"),
    ])
    func anUntrustedFileCannotWiden(text: String, message: String) throws {
        let tree = try ConfigurationTree([
            "user/config.yaml": Self.user, "project/config.yaml": "overrides:\n  network:\n    \(text)\n",
        ])
        let failure = tree.failure()
        #expect(failure.contains(message) && failure.contains("is not trusted"), "\(failure)")
        _ = try tree.loader.trustProject()
        #expect(throws: Never.self) { try tree.loader.load() }
    }

    @Test(arguments: [
        "mode: none", "mode: allow", "mode: open", "allow: [pypi]", "allow: []",
        "deny+: [other.test, github]",
        "allow: [{host: b.test, ports: [80], methods: [GET]}]", "proxy-variables: false",
        "hidden-names: refuse",
        "upstream-proxy: http://proxy.test:3128",
    ])
    func anUntrustedFileMayNarrow(text: String) throws {
        let tree = try ConfigurationTree([
            "user/config.yaml": Self.user, "project/config.yaml": "overrides:\n  network:\n    \(text)\n",
        ])
        #expect(throws: Never.self) { try tree.loader.load() }
    }
}
