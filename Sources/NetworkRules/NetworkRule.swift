// One entry of `network.allow` or `network.deny`, read: which hosts, which ports, and on what terms.

package import ClocheModel

/// Requests of plain HTTP that a rule allows.
package struct RequestRule: Equatable, Sendable {
    /// The methods; empty for all.
    let methods: [String]
    /// The paths; empty for all.
    let paths: [PathPattern]

    func allows(method: String) -> Bool { methods.isEmpty || methods.contains(method) }
}

/// An entry of a profile's `network`, checked.
package struct NetworkRule: Sendable {
    /// The hosts a rule names.
    enum Hosts: Equatable, Sendable {
        case names(HostPattern)
        case addresses(AddressRange)
    }

    let entry: NetworkEntry
    let hosts: Hosts
    let ports: PortSet
    let addresses: [AddressRange]
    let requests: RequestRule?

    /// Reads an entry of `network.allow`, or of `network.deny` if `denies` is true.
    ///
    /// The error's `what` names the part that is wrong, `remedy` says what to write.
    package init(_ entry: NetworkEntry, denies: Bool = false) throws(ClocheError) {
        let (host, ports) = try Self.parts(of: entry.target)
        self.entry = entry
        // A host that is denied without a port is denied altogether.
        self.ports = ports ?? (denies ? .all : PortSet([443...443]))
        hosts = try Self.hosts(host, in: entry.target)
        if denies
            && !(entry.addresses.isEmpty && entry.methods.isEmpty && entry.paths.isEmpty
                && entry.demand == nil)
        {
            throw Self.invalid(
                entry.target,
                "a rule of 'deny' has a host and ports only",
                "to allow some requests or addresses alone, name them in 'allow'"
            )
        }
        addresses = try Self.ranges(entry, hosts)
        requests = try Self.requests(entry)
        if case .addresses(let range) = hosts, !denies { try Self.checkNotSynthetic(range) }
    }

    /// Whether the text is a bundle's name: a word without dot, colon or wildcard.
    package static func isBundle(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
            }
    }

    /// What the first bytes must be on a port.
    func demand(on port: UInt16) -> ProtocolDemand {
        switch (entry.demand, requests) {
        case (.any?, _): .any
        case (.tls?, _): .tls
        case (.http?, _), (nil, .some): .http
        case (nil, nil): Self.standardDemand(on: port)
        }
    }

    static func standardDemand(on port: UInt16) -> ProtocolDemand {
        switch port {
        case 443: .tls
        case 80: .http
        default: .checked
        }
    }

    /// The rule and its place, for the audit log.
    var text: String { entry.origin.map { "\(entry) (\($0))" } ?? entry.description }
}

extension NetworkRule {
    /// Host and ports of a text, apart.
    private static func parts(of target: String) throws(ClocheError) -> (host: String, ports: PortSet?) {
        if target.isEmpty {
            throw invalid(target, "it is empty", "write a host and ports, such as api.example.com:443")
        }
        if isBundle(target) {
            throw invalid(target, "no bundle of that name is there", "for a host, write '\(target):443'")
        }
        if target.contains("://") {
            throw invalid(target, "a URL has no place here", "write HOST:PORT; a path belongs to 'paths'")
        }
        var host = target[...]
        var rest = ""[...]
        if target.hasPrefix("[") {
            guard let end = target.firstIndex(of: "]") else {
                throw invalid(
                    target,
                    "the bracket is not closed",
                    "write [ADDRESS]:PORT, such as [2001:db8::1]:443"
                )
            }
            host = target[target.index(after: target.startIndex)..<end]
            rest = target[target.index(after: end)...]
            if !host.contains(":") || !(rest.isEmpty || rest.hasPrefix(":")) {
                throw invalid(target, "only an IPv6 address stands in brackets", "write [ADDRESS]:PORT")
            }
        } else if let colon = target.firstIndex(of: ":") {
            host = target[..<colon]
            rest = target[colon...]
            if rest.dropFirst().contains(":") {
                throw invalid(
                    target,
                    "an IPv6 address stands in brackets",
                    "write HOST:PORT, or [ADDRESS]:PORT such as [fd00::/8]:443"
                )
            }
        }
        if rest.isEmpty { return (String(host), nil) }
        guard let ports = PortSet(rest.dropFirst()) else {
            throw invalid(
                target,
                "'\(rest.dropFirst())' is no list of ports",
                "write ports and ranges from 1 to 65535, such as :443 or :80,8000-8010, or :* for all"
            )
        }
        return (String(host), ports)
    }

    private static func hosts(_ host: String, in target: String) throws(ClocheError) -> Hosts {
        let isIPv6 = host.contains(":")
        if let range = AddressRange(host), isIPv6 != range.base.isIPv4 { return .addresses(range) }
        if host.contains("/") || isIPv6 {
            if let slash = host.firstIndex(of: "/"), let base = IPAddress(String(host[..<slash])),
                let bits = PortNumber.decimal(
                    Array(host[host.index(after: slash)...].utf8)[...],
                    through: base.bitCount
                )
            {
                let range = AddressRange(base, prefix: bits).description
                throw invalid(
                    target,
                    "'\(host)' has bits beyond its prefix",
                    "write \(base.isIPv4 ? range : "[\(range)]") for the range, or the address alone"
                )
            }
            throw invalid(
                target,
                "'\(host)' is no range of addresses",
                "write a host, a range such as 10.0.0.0/8, or [fd00::/8]; a URL's path belongs to 'paths'"
            )
        }
        do throws(HostError) {
            return .names(try HostPattern(host))
        } catch {
            throw invalid(
                target,
                "'\(host)' is no name of a host: \(error)",
                "write a host such as api.example.com"
            )
        }
    }

    private static func ranges(_ entry: NetworkEntry, _ hosts: Hosts) throws(ClocheError) -> [AddressRange] {
        guard case .names = hosts else {
            if entry.addresses.isEmpty { return [] }
            throw invalid(
                entry.target,
                "'addresses' says what addresses a name may have, and this is an address",
                "leave 'addresses' out"
            )
        }
        var ranges: [AddressRange] = []
        for text in entry.addresses {
            let inner =
                text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
            guard let range = AddressRange(inner) else {
                throw invalid(text, "it is no address and no range", "write 10.1.2.3, 10.0.0.0/8 or fd00::/8")
            }
            try checkNotSynthetic(range)
            ranges.append(range)
        }
        return ranges
    }

    private static func checkNotSynthetic(_ range: AddressRange) throws(ClocheError) {
        if AddressRange.syntheticIPv4.contains(range) || AddressRange.syntheticIPv6.contains(range) {
            throw invalid(
                range.description,
                "these addresses stand for names inside the sandbox",
                "name the host instead"
            )
        }
    }

    private static func requests(_ entry: NetworkEntry) throws(ClocheError) -> RequestRule? {
        if entry.methods.isEmpty && entry.paths.isEmpty { return nil }
        if let demand = entry.demand, demand != .http {
            throw invalid(
                entry.target,
                "methods and paths can be seen in plain HTTP only, not with 'protocol: \(demand.rawValue)'",
                "leave out 'protocol', or 'methods' and 'paths'"
            )
        }
        for method in entry.methods
        where method.isEmpty
            || !method.utf8.allSatisfy({
                (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) || $0 == UInt8(ascii: "-")
            })
        {
            throw invalid(method, "it is no method of HTTP", "write it in capitals, such as GET")
        }
        var paths: [PathPattern] = []
        for path in entry.paths {
            guard let pattern = PathPattern(path) else {
                throw invalid(
                    path,
                    "it is no pattern of a path",
                    "write a path such as /v1/*: '*' within a segment, '**' for one or more segments; without '..', '//', '?', ';', '\\' and '%'"
                )
            }
            paths.append(pattern)
        }
        return RequestRule(methods: entry.methods, paths: paths)
    }

    private static func invalid(_ text: String, _ why: String, _ remedy: String) -> ClocheError {
        ClocheError(
            .configuration,
            "'\(text)' is no rule of the network",
            why: why,
            remedy: remedy
        )
    }
}
