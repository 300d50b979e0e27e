// Single entries of a profile: what is read, and what each error says to write instead.

import ClocheModel
import NetworkRules
import Testing

@Suite struct NetworkRuleTests {
    private func allows(_ rule: String, _ destination: String) throws -> Bool {
        let policy = try NetworkPolicy(NetworkSettings(mode: .allow, allow: [NetworkEntry(rule)]))
        return try policy.decide(Destination(authority: destination)).grant != nil
    }

    @Test(arguments: [
        ("api.test", "api.test:443"), ("API.Test.:443", "api.test:443"),
        ("a.test:80,443,8000-8010", "a.test:8005"),
        ("a.test:*", "a.test:1"), ("a.test:*", "a.test:65535"), ("*.test:443", "a.test:443"),
        ("*:443", "a:443"),
        ("**.test:443", "a.b.test:443"), ("**.test:443", "a.test:443"), ("**:443", "a.b.c:443"),
        ("a.*.test:443", "a.b.test:443"), ("a.**.test:443", "a.b.c.test:443"),
        ("a.**.b.**.c", "a.x.b.y.b.z.c:443"),
        ("8.8.0.0/16:53", "8.8.8.8:53"), ("8.8.8.8", "8.8.8.8:443"), ("[2606::/16]:443", "[2606::1]:443"),
        ("[2606::1]", "[2606::1]:443"), ("[::ffff:8.8.8.8]:443", "8.8.8.8:443"),
        ("0.0.0.0/0:443", "8.8.8.8:443"),
        ("10.1.0.0/16:5432", "10.1.2.3:5432"), ("[fd00::/8]:5432", "[fd00::1]:5432"),
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("169.254.169.254:80", "169.254.169.254:80"), ("169.254.169.254:80", "[::ffff:a9fe:a9fe]:80"),
        ("_x.a-b.test:443", "_x.a-b.test:443"), ("dash-ed.test", "DASH-ED.TEST.:443"),
    ])
    func rulesAllowWhatTheyName(rule: String, destination: String) throws {
        #expect(try allows(rule, destination))
    }

    @Test(arguments: [
        ("api.test", "api.test:80"), ("api.test", "x.api.test:443"), ("api.test", "api.test.evil:443"),
        ("api.test", "xapi.test:443"), ("*.test:443", "test:443"), ("*.test:443", "a.b.test:443"),
        ("**.test:443", "test:443"), ("**.test:443", "a.test.evil:443"), ("a.**.test:443", "a.test:443"),
        ("a.test:80,443,8000-8010", "a.test:8011"), ("**:443", "8.8.8.8:443"), ("*:443", "[2606::1]:443"),
        ("8.8.0.0/16:53", "8.9.8.8:53"), ("0.0.0.0/0:443", "[2606::1]:443"), ("[::/0]:443", "8.8.8.8:443"),
        // What is wider than a special block means the public addresses in it.
        ("0.0.0.0/0:443", "10.0.0.1:443"), ("0.0.0.0/0:443", "127.0.0.1:443"), ("[::/0]:443", "[::1]:443"),
        ("10.0.0.0/7:443", "10.0.0.1:443"), ("[::/0]:443", "[fd00::1]:443"),
        ("[::/0]:443", "[64:ff9b::a00:1]:443"),
        ("[64:ff9b::/96]:443", "[64:ff9b::7f00:1]:443"), ("0.0.0.0/0:443", "198.18.0.1:443"),
        // The metadata services have to be named one by one.
        ("169.254.0.0/16:80", "169.254.169.254:80"), ("169.254.169.0/24:80", "169.254.169.254:80"),
        ("[fd00::/8]:80", "[fd00:ec2::254]:80"), ("100.64.0.0/10:80", "100.100.100.200:80"),
        ("10.1.0.0/16:5432", "10.1.2.3:443"), ("10.1.0.0/16:5432", "10.2.0.1:5432"),
    ])
    func rulesAllowNothingElse(rule: String, destination: String) throws {
        #expect(try !allows(rule, destination))
    }

    @Test(arguments: [
        ("", "is empty"), ("github", "no bundle"), ("a.test:", "no list of ports"),
        ("a.test:0", "no list of ports"),
        ("a.test:65536", "no list of ports"), ("a.test:90-80", "no list of ports"),
        ("a.test:1-2-3", "no list of ports"),
        ("a.test:80,", "no list of ports"), ("a.test: 80", "no list of ports"),
        ("a.test:http", "no list of ports"),
        ("a.test:**", "no list of ports"), ("https://a.test", "URL"), ("https://a.test:443/x", "URL"),
        ("a.test/x", "no range"), ("a.te*t:443", "whole part"), ("***.test", "whole part"),
        ("*a.test", "whole part"),
        ("10.1.*.*:80", "range of addresses"), ("*.1:443", "number"), ("127.1:80", "number"),
        ("2130706433:80", "number"),
        ("0x7f.0.0.1:80", "number"), ("10.1.2.3/16:80", "beyond its prefix"), ("10.0.0.0/33:80", "no range"),
        ("fd00::1", "brackets"), ("fd00::/8:443", "brackets"), ("[fd00::1:443", "not closed"),
        ("[fd00::1]443", "brackets"),
        ("[10.0.0.1]:80", "brackets"), ("[fd00::1/8]:80", "beyond its prefix"),
        ("m\u{fc}nchen.de:443", "xn--"),
        ("a..b:443", "empty"), ("a b.test:443", "which no name"), ("a\0.test:443", "control"),
        ("198.18.0.0/15:443", "inside the sandbox"), ("198.18.0.7:443", "inside the sandbox"),
        (" a.test:443", "which no name"), ("user@a.test:443", "which no name"),
    ])
    func errorsSayWhatIsWrong(rule: String, part: String) throws {
        let error = try #require(throws: ClocheError.self) { try NetworkRule(NetworkEntry(rule)) }
        #expect(error.description.contains(part), "\(error)")
        #expect(!error.remedy.isEmpty)
    }

    @Test func errorsOfTheOtherKeys() throws {
        let wrong: [(NetworkEntry, Bool, String)] = [
            (NetworkEntry("a.b:80", methods: ["get"]), false, "capitals"),
            (NetworkEntry("a.b:80", methods: ["GET"], demand: .tls), false, "plain HTTP only"),
            (NetworkEntry("a.b:80", paths: ["/"], demand: .any), false, "plain HTTP only"),
            (NetworkEntry("a.b:80", addresses: ["10.0.0.1/8"]), false, "no range"),
            (NetworkEntry("a.b:80", addresses: ["198.18.0.0/16"]), false, "inside the sandbox"),
            (NetworkEntry("10.0.0.1:80", addresses: ["10.0.0.1"]), false, "leave 'addresses' out"),
            (NetworkEntry("a.b:80", methods: ["GET"]), true, "host and ports only"),
            (NetworkEntry("a.b:80", demand: .any), true, "host and ports only"),
        ]
        for (entry, denies, part) in wrong {
            let error = try #require(throws: ClocheError.self) { try NetworkRule(entry, denies: denies) }
            #expect(error.description.contains(part), "\(error)")
        }
    }

    @Test func demandsFollowThePortUnlessTheRuleSaysOtherwise() throws {
        func demand(_ entries: [NetworkEntry], _ destination: String) throws -> ProtocolDemand? {
            let policy = try NetworkPolicy(NetworkSettings(mode: .allow, allow: entries))
            return try policy.decide(Destination(authority: destination)).grant?.demand
        }
        let all = NetworkEntry("a.b:*")
        #expect(try demand([all], "a.b:443") == .tls)
        #expect(try demand([all], "a.b:80") == .http)
        #expect(try demand([all], "a.b:22") == .checked)
        #expect(try demand([NetworkEntry("a.b:443", demand: .http)], "a.b:443") == .http)
        #expect(try demand([NetworkEntry("a.b:443", demand: .any)], "a.b:443") == .any)
        #expect(try demand([NetworkEntry("a.b:443", demand: .http), all], "a.b:443") == .tlsOrHTTP)
        #expect(try demand([NetworkEntry("a.b:22", demand: .http), all], "a.b:22") == .checked)
        #expect(try demand([all, NetworkEntry("a.b:22", demand: .any)], "a.b:22") == .any)
        #expect(try demand([NetworkEntry("a.b:443", methods: ["GET"])], "a.b:443") == .http)
    }
}
