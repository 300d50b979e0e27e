// The one judge of the network: every path (transparent, CONNECT, absolute form, SOCKS5, DNS) asks here, and
// `cloche netcheck` does. A policy is a value: while an agent runs it is replaced as a whole.

package import ClocheModel

/// What of the network an agent may reach.
package struct NetworkPolicy: Sendable {
    private let mode: NetworkMode
    private let allow: [NetworkRule]
    private let deny: [NetworkRule]
    /// Whether TLS that hides or lacks the server's name is allowed.
    package let allowsHiddenNames: Bool

    /// The policy of these settings, or what is wrong with them.
    package init(_ settings: NetworkSettings) throws(ClocheError) {
        var rules: (allow: [NetworkRule], deny: [NetworkRule]) = ([], [])
        for entry in settings.allow { rules.allow.append(try NetworkRule(entry)) }
        for entry in settings.deny { rules.deny.append(try NetworkRule(entry, denies: true)) }
        mode = settings.mode
        (allow, deny) = rules
        allowsHiddenNames = settings.allowsHiddenNames
    }

    /// Whether a connection to the destination may be made, and on what terms.
    ///
    /// For a name, each address of it is to be judged by `refusal(of:for:_:hostAddresses:)` as well.
    package func decide(_ destination: Destination) -> Decision {
        switch mode {
        case .none: return .refused(Self.noNetwork)
        case .host: return .allowed(Self.grant(of: mode, demand: .any))
        case .allow, .open: break
        }
        let destination = destination.unmapped
        let (host, port) = (destination.host, destination.port)
        if let rule = deny.first(where: { $0.denies(host) && $0.ports.contains(port) }) {
            return .refused(Self.denied(rule, "\(destination)"))
        }
        let matching = allow.filter { $0.names(host) && $0.ports.contains(port) }
        if case .address(let address) = host,
            let refusal = Self.refusal(
                ofKindOf: address,
                for: destination,
                named: matching.compactMap(\.range)
            )
        {
            return .refused(refusal)
        }
        var grants = matching.map { $0.grant(on: port) }
        if mode == .open {
            grants.append(Self.grant(of: mode, demand: NetworkRule.standardDemand(on: port)))
        }
        return grants.isEmpty ? .refused(notAllowed(destination)) : .allowed(Grant(uniting: grants))
    }

    /// Whether there is a port on which a connection to the name may be made: what DNS must know.
    package func decide(name: HostName) -> Decision {
        switch mode {
        case .none: return .refused(Self.noNetwork)
        case .host: return .allowed(Self.grant(of: mode, demand: .any))
        case .allow, .open: break
        }
        let host = Host.name(name)
        let denying = deny.filter { $0.denies(host) }
        let left = PortSet.all.subtracting(PortSet(denying.flatMap(\.ports.ranges)))
        for rule in allow where rule.names(host) {
            if let port = rule.ports.intersection(left).first { return .allowed(rule.grant(on: port)) }
        }
        guard let port = left.contains(443) ? 443 : left.first else {
            return .refused(Self.denied(denying[0], name.text))
        }
        if mode == .open { return .allowed(Self.grant(of: mode, demand: .checked)) }
        return .refused(notAllowed(Destination(host, port: port)))
    }

    /// All ports that could be allowed, in order; nil if that is any port.
    package var ports: [UInt16]? {
        switch mode {
        case .none: return []
        case .open, .host: return nil
        case .allow: break
        }
        let all = PortSet(allow.flatMap(\.ports.ranges))
        return all == .all ? nil : all.ranges.flatMap { Array($0) }
    }
}

extension NetworkPolicy {
    /// Whether an address to which a name leads, or which is the destination itself, must not be connected to.
    ///
    /// `hostAddresses` are those of this machine; what listens there is as near as loopback.
    package func refusal(
        of address: IPAddress,
        for destination: Destination,
        _ grant: Grant,
        hostAddresses: [IPAddress]
    ) -> Refusal? {
        if mode == .host { return nil }
        if mode == .none { return Self.noNetwork }
        let destination = destination.unmapped
        let port = destination.port
        if let rule = deny.first(where: { $0.denies(.address(address)) && $0.ports.contains(port) }) {
            return Self.denied(rule, Self.text(of: address, for: destination))
        }
        let named = grant.addresses + allow.filter { $0.ports.contains(port) }.compactMap(\.range)
        if let refusal = Self.refusal(ofKindOf: address, for: destination, named: named) { return refusal }
        let own = Set(hostAddresses.map(\.unmapped))
        guard address.readings.contains(where: own.contains), !named.contains(where: { $0.names(address) })
        else {
            return nil
        }
        return Refusal(
            .hostAddress,
            "\(Self.text(of: address, for: destination)) is an address of this machine",
            suggestion: Self.suggestion(of: address, for: destination)
        )
    }

    private static func refusal(
        ofKindOf address: IPAddress,
        for destination: Destination,
        named: [AddressRange]
    ) -> Refusal? {
        let kind = address.kind
        if kind == .public || named.contains(where: { $0.names(address) }) { return nil }
        return Refusal(
            kind == .metadata ? .metadataAddress : .addressNotPublic,
            "\(text(of: address, for: destination)) is \(kind.words)",
            suggestion: kind == .synthetic ? nil : suggestion(of: address, for: destination)
        )
    }

    private static func text(of address: IPAddress, for destination: Destination) -> String {
        if case .address = destination.host { return address.unmapped.description }
        return "\(address.unmapped), to which \(destination.host) leads,"
    }

    private static func suggestion(of address: IPAddress, for destination: Destination) -> String {
        let address = address.unmapped
        if case .address = destination.host {
            return NetworkEntry.quoted("\(Destination(.address(address), port: destination.port))")
        }
        return NetworkEntry("\(destination)", addresses: [address.description]).description
    }

    /// Whether a request of plain HTTP on an allowed connection must not be made.
    ///
    /// `target` is the path with its query, as it goes to the server, or `*`.
    package func refusal(
        method: String,
        target: String,
        for destination: Destination,
        _ grant: Grant
    ) -> Refusal? {
        guard let rules = grant.requests else { return nil }
        let path = RequestPath(target: target)
        let methodFits = rules.filter { $0.allows(method: method) }
        if methodFits.contains(where: { $0.paths.isEmpty }) { return nil }
        guard let path else {
            return Refusal(
                .pathUnclear,
                "servers read the path '\(ShownText.of(target))' in different ways, and the rules for \(destination) have paths"
            )
        }
        if methodFits.contains(where: { $0.paths.contains { $0.matches(path) } }) { return nil }
        let pathFits = rules.contains { $0.paths.isEmpty || $0.paths.contains { $0.matches(path) } }
        return Refusal(
            methodFits.isEmpty || pathFits ? .methodNotAllowed : .pathNotAllowed,
            "no rule for \(destination) allows \(ShownText.of(method)) of \(ShownText.of(path.text))",
            suggestion: Self.suggestion(method: method, path: path.text, for: destination)
        )
    }

    /// None where a rule would allow more than this request, or show characters that a terminal obeys.
    private static func suggestion(method: String, path: String, for destination: Destination) -> String? {
        // It goes into the audit log each time.
        guard path.utf8.count <= 200 else { return nil }
        let entry = NetworkEntry("\(destination.unmapped)", methods: [method], paths: [path])
        do throws(ClocheError) {
            _ = try NetworkRule(entry)
        } catch {
            return nil
        }
        return path.contains("*") || ShownText.of(path) != path ? nil : entry.description
    }
}

extension NetworkPolicy {
    private static let noNetwork = Refusal(.noNetwork, "the profile has no network ('network.mode: none')")

    private static func grant(of mode: NetworkMode, demand: ProtocolDemand) -> Grant {
        Grant(rule: "mode: \(mode.rawValue)", origin: nil, requests: nil, addresses: [], demand: demand)
    }

    private static func denied(_ rule: NetworkRule, _ what: String) -> Refusal {
        Refusal(.denied, "\(what) is denied by 'network.deny'", rule: rule.text)
    }

    private func notAllowed(_ destination: Destination) -> Refusal {
        let suggestion = NetworkEntry.quoted("\(destination)")
        if let other = allow.first(where: { $0.names(destination.host) }) {
            return Refusal(
                .portNotAllowed,
                "no rule of 'network.allow' has port \(destination.port) of \(destination.host); there is \(other.text)",
                suggestion: suggestion
            )
        }
        return Refusal(
            .hostNotAllowed,
            "no rule of 'network.allow' names \(destination.host)",
            suggestion: suggestion
        )
    }
}

extension NetworkRule {
    /// Whether the rule names the host.
    func names(_ host: Host) -> Bool {
        switch (hosts, host) {
        case (.names(let pattern), .name(let name)): pattern.matches(name)
        case (.addresses(let range), .address(let address)): range.contains(address)
        case (.names, .address), (.addresses, .name): false
        }
    }

    /// Whether the rule, one of `deny`, names the host; it is enough that an address leads into the range.
    func denies(_ host: Host) -> Bool {
        guard case .address(let address) = host else { return names(host) }
        return address.readings.contains { names(.address($0)) }
    }

    /// The range, if the rule names addresses.
    var range: AddressRange? { if case .addresses(let range) = hosts { range } else { nil } }

    func grant(on port: UInt16) -> Grant {
        Grant(
            rule: entry.description,
            origin: entry.origin,
            requests: requests.map { [$0] },
            addresses: addresses + (range.map { [$0] } ?? []),
            demand: demand(on: port)
        )
    }
}

extension Grant {
    /// What is allowed by one of several rules at least; there is at least one.
    ///
    /// A rule that admits TLS alone says nothing of HTTP's requests, and so lifts no limit on them.
    init(uniting grants: [Grant]) {
        let plain = grants.filter { $0.demand != .tls }
        let unlimited = plain.first { $0.requests == nil }
        let first = unlimited ?? grants.first
        rule = first?.rule ?? ""
        origin = first?.origin
        requests = plain.isEmpty || unlimited != nil ? nil : plain.flatMap { $0.requests ?? [] }
        addresses = grants.flatMap(\.addresses)
        demand = grants.dropFirst().map(\.demand).reduce(grants.first?.demand ?? .tls) { $0.union($1) }
    }
}
