// Servers that a profile names for Cloche's own use: resolvers, and the proxy behind which the host is.

extension Destination {
    /// A name server: `ADDRESS`, `ADDRESS:PORT` or `[IPv6]:PORT`; without a port, 53.
    package init(nameServer text: String) throws(HostError) {
        if let address = IPAddress(text) {
            self.init(.address(address.unmapped), port: 53)
            return
        }
        try self.init(authority: text, standardPort: 53)
        guard case .address = host else { throw HostError("a name server is given by its address") }
    }
}

/// Where a service is.
package struct ServiceURL: Equatable, Sendable {
    /// Whether TLS is spoken to it.
    package let usesTLS: Bool
    /// Its host and port.
    package let destination: Destination
    /// What stands before each path; empty, or begins with a slash and ends without one.
    package let basePath: String

    /// Reads `https://HOST[:PORT][/PATH]`, or the same with `http`.
    package init(_ text: String) throws(HostError) {
        guard let end = text.firstIndex(of: ":"), text[end...].hasPrefix("://"),
            ["https", "http"].contains(text[..<end])
        else { throw HostError("it begins neither with https:// nor with http://") }
        usesTLS = text[..<end] == "https"
        let rest = text[text.index(end, offsetBy: 3)...]
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        destination = try Destination(authority: String(rest[..<slash]), standardPort: usesTLS ? 443 : 80)
        var path = String(rest[slash...])
        while path.hasSuffix("/") { path.removeLast() }
        guard path.isEmpty || RequestPath(target: path) != nil, !path.contains("?") else {
            throw HostError("its path could be read differently by two servers")
        }
        basePath = path
    }
}

/// The proxy through which the host reaches other networks.
package struct UpstreamProxy: Equatable, Sendable {
    /// Where it is.
    package let destination: Destination
    /// `USER:PASSWORD` for the field Proxy-Authorization, decoded; nil if it wants none.
    package let credentials: String?

    /// Reads `http://[USER:PASSWORD@]HOST:PORT`, a slash behind it or not.
    package init(_ text: String) throws(HostError) {
        guard text.hasPrefix("http://") else { throw HostError("it does not begin with http://") }
        var rest = text.dropFirst("http://".count)
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        var credentials: String?
        if let at = rest.lastIndex(of: "@") {
            guard
                let decoded = PercentCoding.decoded(rest[..<at].utf8).flatMap({
                    String(validating: $0, as: UTF8.self)
                }),
                decoded.contains(":"), decoded.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f })
            else { throw HostError("what stands before the @ is no USER:PASSWORD") }
            credentials = decoded
            rest = rest[rest.index(after: at)...]
        }
        destination = try Destination(authority: String(rest))
        self.credentials = credentials
    }
}
