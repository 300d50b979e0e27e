// A service that a gateway speaks to for an agent: where it is, how the key is shown to it, and what the agent is told
// instead. Out of profiles/services/*.yaml or the user's own; a value, no key.

/// A service behind a gateway.
public struct GatewayService: Equatable, Sendable {
    /// The port of a gateway inside a sandbox.
    public static let gatewayPort: UInt16 = 4180
    /// The first half of the addresses at which a gateway is a single service, 127.65.0.0/16; the second is its number.
    public static let ownAddresses: UInt32 = 0x7f41

    /// What an agent's program believes to be the key, unless the service says otherwise.
    public static let standardPlaceholder = "cloche-holds-the-key"

    /// Its name, which is the first part of each path inside.
    public var name: String
    /// Whether TLS is spoken to it.
    public var usesTLS: Bool
    /// Its host, a name or an address without brackets; what its certificate must be for.
    public var host: String
    /// Its port.
    public var port: UInt16
    /// What stands before each path there; empty, or begins with a slash and ends without one.
    public var basePath: String
    /// Fields that show the key: `{key}` stands for it, `{basic USER}` for user and key in base 64.
    public var headers: [Document.Entry]
    /// Members that a field with a list must have, whatever the agent lists in it.
    public var append: [Document.Entry] = []
    /// Further fields of requests that are not passed on, in small letters.
    public var drop: [String]
    /// Beginnings of paths that may be asked for; all if empty.
    public var paths: [String]
    /// Variables inside: `{url}` stands for the gateway's address with the service's name, `{root}` for an address that is
    /// the service's alone, `{placeholder}` for what stands for the key.
    public var variables: [Document.Entry]
    /// What stands for the key inside.
    public var placeholder: String
    /// The form in which answers say how much was used; nil for none that is counted.
    public var usage: String?
    /// A file of certificates that are trusted instead of the system's.
    public var certificates: String?
    /// Beginnings of addresses of git repositories that git inside asks the gateway for.
    public var git: [String]
    /// Whether no key is shown to it: a registry that serves everybody.
    public var isPublic: Bool
    /// Names of services whose addresses in answers are replaced by the gateway's.
    public var links: [String]
    /// Those of `links` that are other services: an agent gets them along with this one, without a key.
    public var along: [GatewayService]
    /// Its place among the services of an agent, from 1.
    public var number: UInt16
    /// Whether the gateway answers inside in its place, at its own name and port.
    public var isIntercepted = false
    /// The login whose access token is the key; nil for a key that is read once.
    public var login: LoginForm?

    /// A service at an address.
    public init(name: String, usesTLS: Bool = true, host: String, port: UInt16, basePath: String = "") {
        (self.name, self.usesTLS, self.host, self.port) = (name, usesTLS, host, port)
        self.basePath = basePath
        (headers, drop, paths, variables, placeholder) = ([], [], [], [], Self.standardPlaceholder)
        (git, isPublic, links, along, number) = ([], false, [], [], 0)
    }

    /// The field `Host` of its requests.
    public var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (usesTLS ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// Where it is.
    public var address: String { "\(usesTLS ? "https" : "http")://\(authority)\(basePath)" }

    /// Where it is inside, under an address of its own, so that paths are those of the service.
    public var root: String {
        "http://127.65.\(number >> 8).\(number & 0xff):\(Self.gatewayPort)"
    }

    /// The variables inside, with the gateway's address.
    public func environment(gateway: String) -> [(name: String, value: String)] {
        variables.map { entry in
            let text = (entry.value.string ?? "").replacing("{url}", with: "\(gateway)/\(name)")
                .replacing("{root}", with: root)
            return (entry.key, text.replacing("{placeholder}", with: placeholder))
        }
    }

    /// What git inside is told: settings of the form that `GIT_CONFIG_KEY_0` and `GIT_CONFIG_VALUE_0` take.
    public func gitSettings(gateway: String) -> [(key: String, value: String)] {
        git.map { ("url.\(gateway)/\(name)/.insteadOf", $0) }
    }
}

extension String {
    /// Every occurrence of a mark replaced by a text, in which marks are not looked for.
    public func replacing(_ mark: String, with text: String) -> String {
        var result = ""
        var rest = self[...]
        while let character = rest.first {
            if rest.hasPrefix(mark) {
                result += text
                rest = rest.dropFirst(mark.count)
            } else {
                result.append(character)
                rest = rest.dropFirst()
            }
        }
        return result
    }
}
