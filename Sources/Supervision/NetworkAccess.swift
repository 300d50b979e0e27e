// A network by name as the sandbox is asked for it, and as it is served: between a profile's `network`, SandboxRuntime,
// which makes it, and NetworkRelay, which carries it.

package import ClocheModel
internal import NetworkRelay
internal import NetworkRules
package import SandboxRuntime

extension NetworkSettings {
    /// What a sandbox is to be asked for; nil for one without a network by name.
    ///
    /// - Throws: what is wrong with the rules.
    ///
    /// With `asksForNewHosts`, connections to ports that no rule has are taken as well.
    package func sandboxRequest(asksForNewHosts: Bool = false) throws(ClocheError) -> SandboxNetworkRequest? {
        guard isByName else { return nil }
        let named = try NetworkPolicy(self).ports
        let isLimited = named != nil && !asksForNewHosts
        let ports =
            isLimited ? named ?? [] : (named ?? []) + Self.usualPorts.filter { named?.contains($0) != true }
        return SandboxNetworkRequest(ports: ports, setsProxyVariables: proxyVariables)
    }

    /// Caught where the kernel's packet filter is missing and any port may be allowed.
    private static let usualPorts: [UInt16] = [
        20, 21, 22, 25, 43, 80, 110, 143, 389, 443, 465, 587, 636, 853, 873, 990, 993, 995, 1080, 1433, 1521,
        2049, 2375,
        2376, 3000, 3306, 3389, 3690, 4000, 4222, 4317, 4318, 5000, 5432, 5671, 5672, 5900, 6379, 6443, 7687,
        8000, 8008,
        8080, 8081, 8443, 8545, 8883, 8888, 9000, 9042, 9092, 9200, 9418, 11211, 11371, 11434, 15672, 27017,
    ]
}

extension SandboxNetwork {
    /// The sockets, for whoever serves them.
    var sockets: NetworkSockets {
        NetworkSockets(listeners: listeners.map(\.socket), names: questions, hasIPv6: hasIPv6)
    }
}
