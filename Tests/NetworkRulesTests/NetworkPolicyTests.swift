// Whole policies: what nothing allows, what deny takes away, where names may lead.

import ClocheModel
import NetworkRules
import Testing

@Suite struct NetworkPolicyTests {
    private func policy(
        _ mode: NetworkMode = .allow,
        allow: [NetworkEntry] = [],
        deny: [String] = []
    ) throws -> NetworkPolicy {
        try NetworkPolicy(NetworkSettings(mode: mode, allow: allow, deny: deny.map { NetworkEntry($0) }))
    }

    private func refusal(_ policy: NetworkPolicy, _ destination: String) throws -> Refusal? {
        try policy.decide(Destination(authority: destination)).refusal
    }

    /// What happens when a name leads to an address.
    private func refusal(
        _ policy: NetworkPolicy,
        _ destination: String,
        at address: String,
        host: [String] = []
    ) throws -> Refusal? {
        let destination = try Destination(authority: destination)
        let grant = try #require(policy.decide(destination).grant)
        return policy.refusal(
            of: try #require(IPAddress(address)),
            for: destination,
            grant,
            hostAddresses: host.compactMap { IPAddress($0) }
        )
    }

    /// T89: an empty list, none, and one with refusals only allow nothing; an empty entry is an error.
    @Test func whatIsNotNamedIsNotAllowed() throws {
        for policy in [
            try policy(), try policy(deny: ["evil.test"]), try policy(.none, allow: [NetworkEntry("a.b:*")]),
        ] {
            for text in [
                "a.b:443", "evil.test:443", "8.8.8.8:443", "[2606::1]:443", "127.0.0.1:80", "localhost:80",
                "a:1",
            ] {
                #expect(try refusal(policy, text) != nil, "\(text)")
            }
            #expect(try policy.decide(name: HostName("a.b")).refusal != nil)
            #expect(policy.ports == [])
        }
        #expect(throws: ClocheError.self) { try policy(allow: [NetworkEntry("")]) }
        #expect(throws: ClocheError.self) { try policy(deny: [""]) }
    }

    /// T96 and T101: a rule is a host and a port together.
    @Test func rulesHoldForTheirPortAlone() throws {
        let policy = try policy(allow: [
            NetworkEntry("a.test:443"), NetworkEntry("127.0.0.1:3128"), NetworkEntry("b.test:22"),
        ])
        #expect(try refusal(policy, "a.test:443") == nil)
        for text in [
            "a.test:22", "a.test:25", "b.test:443", "b.test:3128", "10.0.0.1:3128", "127.0.0.2:3128",
        ] {
            #expect(try refusal(policy, text) != nil, "\(text)")
        }
        let refused = try #require(try refusal(policy, "a.test:22"))
        #expect(refused.reason == .portNotAllowed)
        #expect(refused.suggestion == "a.test:22")
        #expect(policy.ports == [22, 443, 3128])
    }

    @Test func denyWins() throws {
        let policy = try policy(
            allow: [
                NetworkEntry("**.test:*"), NetworkEntry("8.0.0.0/8:*"), NetworkEntry("[64:ff9b::/96]:*"),
            ],
            deny: ["evil.test", "**.bad.test", "half.test:80", "8.8.0.0/16"]
        )
        for text in [
            "evil.test:443", "evil.test:1", "a.bad.test:443", "half.test:80", "8.8.8.8:443",
            "[64:ff9b::8.8.1.1]:5",
        ] {
            let refused = try #require(try refusal(policy, text), "\(text)")
            #expect(refused.reason == .denied && refused.rule != nil && refused.suggestion == nil)
        }
        for text in [
            "bad.test:443", "half.test:81", "x.evil.test:443", "8.9.8.8:443", "[64:ff9b::8.9.1.1]:5",
        ] {
            #expect(try refusal(policy, text) == nil, "\(text)")
        }
        #expect(try policy.decide(name: HostName("evil.test")).refusal?.reason == .denied)
        #expect(try policy.decide(name: HostName("half.test")).grant != nil)
        // A range that is denied is denied under every name.
        #expect(try refusal(policy, "half.test:443", at: "8.8.4.4")?.reason == .denied)
        #expect(try refusal(policy, "half.test:443", at: "2002:808:404::")?.reason == .denied)
        #expect(try refusal(policy, "half.test:443", at: "8.9.4.4") == nil)
    }

    @Test func openMeansThePublicAddresses() throws {
        let policy = try policy(.open, allow: [NetworkEntry("10.0.0.0/8:80")], deny: ["evil.test"])
        for text in ["a.test:1", "8.8.8.8:53", "[2606::1]:80", "10.1.1.1:80"] {
            #expect(try refusal(policy, text) == nil, "\(text)")
        }
        for text in [
            "evil.test:1", "10.1.1.1:81", "127.0.0.1:80", "[::1]:80", "169.254.169.254:80", "[fe80::1]:80",
            "0.0.0.0:80",
        ] {
            #expect(try refusal(policy, text) != nil, "\(text)")
        }
        #expect(policy.ports == nil)
        #expect(
            try refusal(policy, "a.test:80", at: "10.0.0.1") == nil,
            "a rule names this address with this port"
        )
        #expect(try refusal(policy, "a.test:81", at: "10.0.0.1")?.reason == .addressNotPublic)
    }

    @Test func withTheHostsNetworkNothingIsJudged() throws {
        let policy = try policy(.host, deny: ["evil.test"])
        #expect(try refusal(policy, "evil.test:1") == nil)
        #expect(try refusal(policy, "evil.test:1", at: "127.0.0.1", host: ["127.0.0.1"]) == nil)
        #expect(try policy.decide(name: HostName("evil.test")).grant != nil)
        #expect(policy.ports == nil)
    }

    /// T94: the name is allowed, and leads where it must not.
    @Test(arguments: [
        "10.0.0.1", "127.0.0.1", "127.8.8.8", "0.0.0.0", "169.254.1.1", "224.0.0.1", "255.255.255.255",
        "100.64.0.1",
        "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:10.0.0.1",
        "2002:a00:1::",
        "64:ff9b::10.0.0.1", "64:ff9b:1::1", "::10.0.0.1", "2606:4700::5efe:10.0.0.1", "fdc1:c4e::1",
    ])
    func namesLeadToPublicAddresses(address: String) throws {
        let policy = try policy(allow: [
            NetworkEntry("a.test:443"), NetworkEntry("0.0.0.0/0:443"), NetworkEntry("[::/0]:443"),
        ])
        let refused = try #require(try refusal(policy, "a.test:443", at: address))
        #expect(refused.reason == .addressNotPublic)
    }

    @Test(arguments: [
        "169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "::ffff:169.254.169.254",
        "2002:a9fe:a9fe::", "64:ff9b::169.254.169.254",
    ])
    func theMetadataServiceIsNamedAloneOrNotReached(address: String) throws {
        let wide = NetworkEntry(
            "metadata.google.internal:80",
            addresses: ["169.254.0.0/16", "fd00::/8", "100.64.0.0/10", "0.0.0.0/0", "::/0"]
        )
        let policy = try policy(.open, allow: [wide])
        #expect(try refusal(policy, "metadata.google.internal:80", at: address)?.reason == .metadataAddress)
        let exact = NetworkEntry("metadata.google.internal:80", addresses: [address])
        let other = try self.policy(.open, allow: [exact])
        #expect(try refusal(other, "metadata.google.internal:80", at: address) == nil)
        #expect(try refusal(other, "other.test:80", at: address)?.reason == .metadataAddress)
        #expect(try refusal(other, "[\(address)]:80".replacingBrackets(of: address)) != nil)
    }

    @Test func aRuleMayNameTheAddressesOfItsHost() throws {
        let policy = try policy(allow: [
            NetworkEntry("api.test:443", addresses: ["127.0.0.0/8", "fd00::/8"]), NetworkEntry("b.test:443"),
            NetworkEntry("10.1.0.0/16:443"),
        ])
        #expect(try refusal(policy, "api.test:443", at: "127.0.0.1") == nil)
        #expect(try refusal(policy, "api.test:443", at: "::ffff:127.0.0.1") == nil)
        #expect(try refusal(policy, "api.test:443", at: "fd00::1") == nil)
        #expect(try refusal(policy, "api.test:443", at: "::1") != nil)
        #expect(try refusal(policy, "api.test:443", at: "10.2.0.1") != nil)
        #expect(try refusal(policy, "b.test:443", at: "127.0.0.1") != nil)
        #expect(
            try refusal(policy, "b.test:443", at: "10.1.0.1") == nil,
            "an address rule names it with this port"
        )
        #expect(
            try refusal(policy, "127.0.0.1:443")?.reason == .addressNotPublic,
            "the address itself is not named"
        )
    }

    @Test func theHostsOwnAddressesAreNotPublicEither() throws {
        let host = ["203.0.200.7", "2606::7", "192.168.1.5"]
        let wide = try policy(allow: [NetworkEntry("a.test:443"), NetworkEntry("203.0.200.0/24:443")])
        #expect(try refusal(wide, "a.test:443", at: "203.0.200.7", host: host)?.reason == .hostAddress)
        #expect(try refusal(wide, "a.test:443", at: "2606::7", host: host)?.reason == .hostAddress)
        #expect(
            try refusal(wide, "a.test:443", at: "64:ff9b::203.0.200.7", host: host)?.reason == .hostAddress
        )
        #expect(try refusal(wide, "a.test:443", at: "203.0.200.8", host: host) == nil)
        #expect(try refusal(wide, "203.0.200.7:443", at: "203.0.200.7", host: host)?.reason == .hostAddress)
        let exact = try policy(allow: [
            NetworkEntry("a.test:443", addresses: ["203.0.200.7", "192.168.0.0/16"])
        ])
        #expect(try refusal(exact, "a.test:443", at: "203.0.200.7", host: host) == nil)
        #expect(try refusal(exact, "a.test:443", at: "192.168.1.5", host: host) == nil)
    }

    @Test func grantsOfSeveralRulesAreUnited() throws {
        let limited = NetworkEntry("a.test:80", methods: ["GET"], origin: "p.yaml:3")
        let other = NetworkEntry("*.test:80", addresses: ["10.0.0.1"], paths: ["/x"], origin: "p.yaml:4")
        let destination = try Destination(authority: "a.test:80")
        let both = try policy(allow: [limited, other])
        let grant = try #require(both.decide(destination).grant)
        #expect(grant.origin == "p.yaml:3" && grant.requests?.count == 2 && grant.addresses.count == 1)
        #expect(both.refusal(method: "GET", target: "/", for: destination, grant) == nil)
        #expect(both.refusal(method: "POST", target: "/x", for: destination, grant) == nil)
        #expect(both.refusal(method: "POST", target: "/y", for: destination, grant) != nil)

        let free = try policy(allow: [limited, NetworkEntry("a.test:80", origin: "p.yaml:9")])
        let lifted = try #require(free.decide(destination).grant)
        #expect(lifted.requests == nil && lifted.origin == "p.yaml:9")

        // A rule for TLS says nothing about plain HTTP.
        let tls = try policy(allow: [limited, NetworkEntry("a.test:80", demand: .tls)])
        let mixed = try #require(tls.decide(destination).grant)
        #expect(mixed.demand == .tlsOrHTTP && mixed.requests?.count == 1)
    }

    @Test func theSameHostInEverySpellingIsTheSameHost() throws {
        let policy = try policy(allow: [NetworkEntry("a.test:443"), NetworkEntry("127.0.0.1:443")])
        for text in ["A.TEST:443", "a.test.:443", "[::ffff:127.0.0.1]:443", "[0:0:0:0:0:FFFF:7F00:1]:443"] {
            #expect(try refusal(policy, text) == nil, "\(text)")
        }
        let mapped = try #require(IPAddress("::ffff:127.0.0.1"))
        #expect(policy.decide(Destination(.address(mapped), port: 443)).grant != nil)
    }
}

extension String {
    /// IPv4 has no brackets.
    fileprivate func replacingBrackets(of address: String) -> String {
        address.contains(":") ? self : String(self.dropFirst().split(separator: "]")[0]) + ":80"
    }
}
