// What must hold for every policy and every host, tried on random ones.

import ClocheModel
import NetworkRules
import Testing

@Suite struct PolicyPropertyTests {
    private static let labels = ["a", "b", "c", "test"]
    private static let ports = ["", ":443", ":80", ":80,443", ":*", ":1-442", ":444-65535", ":22"]
    private static let addresses = [
        "10.0.0.0/8", "10.1.2.3", "8.0.0.0/8", "8.8.8.8", "0.0.0.0/0", "127.0.0.0/8", "169.254.169.254",
        "[::/0]",
        "[fd00::/8]", "[64:ff9b::/96]", "[2002::/16]", "[::ffff:0:0/96]",
    ]
    private static let places = [
        "10.1.2.3", "10.2.0.1", "8.8.8.8", "8.9.9.9", "127.0.0.1", "169.254.169.254", "198.18.0.1", "fd00::1",
        "2606::1",
        "64:ff9b::a01:203", "2002:808:808::1", "::ffff:8.8.8.8", "::1", "fd00:ec2::254", "64:ff9b::808:808",
    ]

    private func name(wildcards: Bool) -> String {
        (0..<Int.random(in: 2...4)).map { _ in
            (wildcards && Int.random(in: 0..<3) == 0 ? ["*", "**"] : Self.labels).randomElement() ?? ""
        }.joined(separator: ".")
    }

    private func entry() -> NetworkEntry {
        let host = Int.random(in: 0..<3) == 0 ? Self.addresses.randomElement() ?? "" : name(wildcards: true)
        return NetworkEntry(host + (Self.ports.randomElement() ?? ""))
    }

    private func settings() -> NetworkSettings {
        NetworkSettings(
            mode: Int.random(in: 0..<4) == 0 ? .open : .allow,
            allow: (0..<Int.random(in: 0...4)).map { _ in entry() },
            deny: (0..<Int.random(in: 0...3)).map { _ in entry() }
        )
    }

    private func host() throws -> Host {
        guard Int.random(in: 0..<3) == 0 else { return .name(try HostName(name(wildcards: false))) }
        return .address(try #require(Self.places.randomElement().flatMap { IPAddress($0) }))
    }

    /// DNS answers exactly the names to which a connection on some port is allowed.
    @Test func namesAndConnectionsAreJudgedAlike() throws {
        for _ in 0..<3000 {
            let settings = settings()
            let policy = try NetworkPolicy(settings)
            let name = try HostName(name(wildcards: false))
            let asked = policy.decide(name: name)
            let some = [1, 22, 80, 443, 444, 65535].contains { port in
                policy.decide(Destination(.name(name), port: port)).grant != nil
            }
            #expect((asked.grant != nil) == some, "\(name) \(settings)")
            if some, let ports = policy.ports {
                #expect(ports.contains { policy.decide(Destination(.name(name), port: $0)).grant != nil })
            }
        }
    }

    /// The line that a refusal suggests lifts that refusal, and allows no other host.
    @Test func suggestionsHelp() throws {
        var tried = 0
        for _ in 0..<4000 {
            var settings = settings()
            let policy = try NetworkPolicy(settings)
            let destination = Destination(try host(), port: [22, 80, 443].randomElement() ?? 443)
            guard let refusal = policy.decide(destination).refusal, let line = refusal.suggestion else {
                continue
            }
            tried += 1
            settings.allow.append(NetworkEntry(line.unquoted))
            let changed = try NetworkPolicy(settings)
            #expect(changed.decide(destination).grant != nil, "\(destination) \(refusal) \(settings)")
            let other = Destination(try host(), port: destination.port)
            if "\(other)" != "\(destination)", case .name = other.host {
                #expect((policy.decide(other).grant != nil) == (changed.decide(other).grant != nil))
            }
        }
        #expect(tried > 500)
    }

    /// More in `deny` and less in `allow` never allows more.
    @Test func narrowerPoliciesAllowLess() throws {
        for _ in 0..<3000 {
            let wide = settings()
            var narrow = wide
            if !narrow.allow.isEmpty && Bool.random() { narrow.allow.removeLast() }
            if Bool.random() { narrow.deny.append(entry()) }
            if narrow.mode == .open && Bool.random() { narrow.mode = .allow }
            let destination = Destination(try host(), port: [22, 80, 443].randomElement() ?? 443)
            let (before, after) = (try NetworkPolicy(wide), try NetworkPolicy(narrow))
            guard let grant = after.decide(destination).grant else { continue }
            let wider = before.decide(destination).grant
            #expect(wider != nil, "\(destination) \(narrow)")
            let address = try #require(Self.places.randomElement().flatMap { IPAddress($0) })
            if let wider, after.refusal(of: address, for: destination, grant, hostAddresses: []) == nil {
                #expect(before.refusal(of: address, for: destination, wider, hostAddresses: []) == nil)
            }
        }
    }

    /// What is judged of a literal address is what is judged when it is connected to.
    @Test func literalAddressesAreJudgedTheSameTwice() throws {
        for _ in 0..<3000 {
            let policy = try NetworkPolicy(settings())
            let address = try #require(Self.places.randomElement().flatMap { IPAddress($0) })
            let destination = Destination(.address(address), port: [22, 80, 443].randomElement() ?? 443)
            guard let grant = policy.decide(destination).grant else { continue }
            #expect(policy.refusal(of: address, for: destination, grant, hostAddresses: []) == nil)
        }
    }
}

extension String {
    fileprivate var unquoted: String { hasPrefix("\"") ? String(dropFirst().dropLast()) : self }
}
