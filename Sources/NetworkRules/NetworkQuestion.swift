// What a person asks about a policy: a URL, or a host with or without a port. `cloche netcheck` asks, no agent does.

internal import ClocheModel

/// A connection that a program might make, and what it would say on it.
package struct NetworkQuestion: Equatable, Sendable {
    /// Where it goes.
    package let destination: Destination
    /// What its first bytes would be; nil if the text does not say so.
    let demand: ProtocolDemand?
    /// The path of a URL, with its query.
    let target: String

    private static let schemes: [String: (port: UInt16, demand: ProtocolDemand?)] = [
        "http": (80, .http), "ws": (80, .http), "https": (443, .tls), "wss": (443, .tls), "ssh": (22, nil),
        "git": (9418, nil), "ftp": (21, nil),
    ]

    /// Reads `SCHEME://HOST[:PORT][/PATH]`, `HOST:PORT` or `HOST`, which means port 443.
    package init(_ text: String) throws(HostError) {
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else {
            destination = try Destination(authority: text, standardPort: 443)
            demand = nil
            target = "/"
            return
        }
        let scheme = text[..<colon].lowercased()
        let rest = text[colon...].dropFirst(3)
        let authority = rest.prefix { !"/?#".contains($0) }
        let known = Self.schemes[scheme]
        destination = try Destination(authority: String(authority), standardPort: known?.port)
        demand = known?.demand
        // What follows a # stays with the client.
        let path = rest.dropFirst(authority.count).prefix { $0 != "#" }
        target = path.hasPrefix("/") ? String(path) : "/" + path
    }
}

extension NetworkPolicy {
    /// Whether the connection would be allowed, and a request of that method on it.
    ///
    /// The addresses to which a name leads are not asked for; they are judged when a program connects.
    package func decide(_ question: NetworkQuestion, method: String = "GET") -> Decision {
        let decision = decide(question.destination)
        guard let grant = decision.grant, let demand = question.demand else { return decision }
        let destination = question.destination
        let isOther = (demand == .tls && grant.demand == .http) || (demand == .http && grant.demand == .tls)
        if isOther {
            let entry = NetworkEntry("\(destination)", demand: demand == .tls ? .tls : .http)
            return .refused(
                Refusal(
                    .wrongProtocol,
                    "'\(grant.rule)' allows \(demand == .tls ? "plain HTTP" : "TLS") only on \(destination)",
                    suggestion: entry.description
                )
            )
        }
        if demand == .http,
            let refusal = refusal(method: method, target: question.target, for: destination, grant)
        {
            return .refused(refusal)
        }
        return decision
    }
}
