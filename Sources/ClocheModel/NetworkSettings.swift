// The section `network` of a profile, as values. What the texts of the entries mean is known to NetworkRules alone.

/// What of the network is in the sandbox.
public enum NetworkMode: String, Equatable, Sendable, CaseIterable {
    /// A network namespace of its own with loopback only.
    case none
    /// A network of its own in which only what `network.allow` names can be reached.
    case allow
    /// A network of its own in which every public address can be reached.
    case open
    /// The host's network, unfiltered. Loud: `start` and `list` say so.
    case host
}

/// What the first bytes of a connection must be.
public enum NetworkProtocol: String, Equatable, Sendable, CaseIterable {
    /// TLS, with the name that was asked for.
    case tls
    /// HTTP in plain text, with that name as its Host.
    case http
    /// Anything; nothing is looked at.
    case any
}

/// One entry of `network.allow` or `network.deny`.
public struct NetworkEntry: Equatable, Sendable, CustomStringConvertible {
    /// Host and ports: `api.example.com:443`, `*.example.com:80,443`, `10.1.0.0/16:*`, `[fd00::/8]:5432`.
    public var target: String
    /// Addresses and ranges, not public ones, that the name may have beside public ones.
    public var addresses: [String]
    /// The methods of plain HTTP that are allowed; empty for all.
    public var methods: [String]
    /// Patterns of the paths of plain HTTP that are allowed; empty for all.
    public var paths: [String]
    /// What the first bytes must be, where the port does not say so.
    public var demand: NetworkProtocol?
    /// Where it was written, `FILE:LINE`, and in which bundle.
    public var origin: String?

    /// An entry, as a profile gives it.
    public init(
        _ target: String,
        addresses: [String] = [],
        methods: [String] = [],
        paths: [String] = [],
        demand: NetworkProtocol? = nil,
        origin: String? = nil
    ) {
        self.target = target
        self.addresses = addresses
        self.methods = methods
        self.paths = paths
        self.demand = demand
        self.origin = origin
    }

    /// The entry on one line of YAML, without its origin.
    public var description: String {
        var parts: [String] = []
        if !addresses.isEmpty { parts.append("addresses: \(Self.list(addresses))") }
        if !methods.isEmpty { parts.append("methods: \(Self.list(methods))") }
        if !paths.isEmpty { parts.append("paths: \(Self.list(paths))") }
        if let demand { parts.append("protocol: \(demand.rawValue)") }
        guard !parts.isEmpty else { return target }
        return "{host: \(Self.quoted(target)), \(parts.joined(separator: ", "))}"
    }

    private static func list(_ values: [String]) -> String {
        "[" + values.map(quoted).joined(separator: ", ") + "]"
    }

    /// The text as YAML reads it back, in quotes where it must be.
    public static func quoted(_ text: String) -> String {
        let plain = text.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "_"), UInt8(ascii: "/"), UInt8(ascii: ":"):
                true
            default: false
            }
        }
        let letter = text.utf8.first.map { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ":") } ?? false
        if plain && letter && text.utf8.last != UInt8(ascii: ":") { return text }
        var result = "\""
        for character in text {
            if character == "\"" || character == "\\" { result.append("\\") }
            result.append(character)
        }
        return result + "\""
    }
}

/// The section `network` of a profile.
public struct NetworkSettings: Equatable, Sendable {
    /// Whether there are rules, and no network that they could hold for.
    public var hasRulesInVain: Bool { mode == .none && !allow.isEmpty }
    /// What of the network is there.
    public var mode: NetworkMode
    /// What can be reached, bundles replaced by what they stand for.
    public var allow: [NetworkEntry]
    /// What cannot be reached although `allow` or `mode: open` has it.
    public var deny: [NetworkEntry]
    /// Name servers to ask, `ADDRESS` or `ADDRESS:PORT`; those of the host when there is none.
    public var dnsServers: [String]
    /// The proxy through which connections go: `http://[USER:PASSWORD@]HOST[:PORT]`.
    public var upstreamProxy: String?
    /// Whether `HTTP_PROXY` and its like are set inside.
    public var proxyVariables: Bool
    /// Whether TLS that hides or lacks the server's name is allowed.
    public var allowsHiddenNames: Bool

    /// Whether connections are judged one by one, and not made or refused as a whole.
    public var isByName: Bool { mode == .allow || mode == .open }

    /// These settings; without any, no network.
    public init(
        mode: NetworkMode = .none,
        allow: [NetworkEntry] = [],
        deny: [NetworkEntry] = [],
        dnsServers: [String] = [],
        upstreamProxy: String? = nil,
        proxyVariables: Bool = true,
        allowsHiddenNames: Bool = false
    ) {
        self.mode = mode
        self.allow = allow
        self.deny = deny
        self.dnsServers = dnsServers
        self.upstreamProxy = upstreamProxy
        self.proxyVariables = proxyVariables
        self.allowsHiddenNames = allowsHiddenNames
    }
}
