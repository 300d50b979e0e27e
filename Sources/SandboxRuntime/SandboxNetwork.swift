// A sandbox's network by name: it has no interface but lo, and every address is on lo. The sockets at which its
// connections and questions arrive are made inside by the child stage, and handed to the supervisor.

internal import CLinux
internal import ClocheModel
internal import Glibc
package import LinuxSystem

/// What a sandbox with a network by name is asked for with.
package struct SandboxNetworkRequest: Equatable, Sendable {
    /// TCP ports at which connections are taken if the kernel cannot hand over those to every port.
    package var ports: [UInt16]
    /// Whether programs are told of the proxy by environment variables.
    package var setsProxyVariables: Bool
    /// Whether the kernel's packet filter is used where it is there.
    package var usesPacketFilter: Bool

    /// A network by name.
    package init(ports: [UInt16] = [], setsProxyVariables: Bool = true, usesPacketFilter: Bool = true) {
        self.ports = ports
        self.setsProxyVariables = setsProxyVariables
        self.usesPacketFilter = usesPacketFilter
    }
}

/// Numbers that programs inside and the supervisor agree on.
package enum InsideNetwork {
    /// Where every connection arrives that is not for the sandbox's own addresses; on these, the explicit proxy.
    package static let proxyPort: UInt16 = 3128
    /// Of the agent's gateway, if it has one, on loopback.
    package static let gatewayPort = GatewayService.gatewayPort
    /// What programs inside call their gateway.
    package static let gatewayURL = "http://127.0.0.1:\(gatewayPort)"
    /// Where hosts lead in whose place the gateway answers: on loopback, and nobody's else.
    package static let interceptedAddress = "127.0.0.2"
    /// Of DNS.
    package static let dnsPort: UInt16 = 53
    /// Most ports that can be listened at without the packet filter.
    package static let mostPorts = 64
    /// The sandbox's own address beside 127.0.0.1, 198.18.0.1: a resolver answers there, and other ports are the agent's.
    package static let ownIPv4: [UInt8] = [198, 18, 0, 1]
    /// The same in IPv6, fdc1:c4e::1.
    package static let ownIPv6: [UInt8] = [0xfd, 0xc1, 0x0c, 0x4e] + [UInt8](repeating: 0, count: 11) + [1]

    static let loopbackIPv6 = [UInt8](repeating: 0, count: 15) + [1]

    /// `/etc/resolv.conf`; answers come at once, because nothing is looked up for them.
    static let resolverConfiguration = """
        # Cloche answers, for the names that the profile allows
        nameserver \(ownIPv4.map { String($0) }.joined(separator: "."))
        options timeout:2 attempts:2

        """

    /// An environment with what tells programs of the proxy, unless it names one itself.
    ///
    /// - Parameter direct: further hosts that are asked without it.
    package static func addingProxyVariables(to environment: [String], direct: [String] = []) -> [String] {
        let proxy = "http://127.0.0.1:\(proxyPort)"
        let wanted = [
            ("HTTP_PROXY", proxy), ("HTTPS_PROXY", proxy), ("ALL_PROXY", proxy),
            ("NO_PROXY", (["localhost", "127.0.0.1", "::1"] + direct).joined(separator: ",")),
        ]
        let there = Set(environment.map { $0.prefix { $0 != "=" }.lowercased() })
        return environment
            + wanted.filter { !there.contains($0.0.lowercased()) }
            .flatMap { ["\($0.0)=\($0.1)", "\($0.0.lowercased())=\($0.1)"] }
    }
}

/// The sockets inside a sandbox at which its connections and questions arrive, all non-blocking.
///
/// They keep the sandbox's network alive: whoever holds them lets go of them when the sandbox ends.
package struct SandboxNetwork: Sendable {
    /// A TCP socket that listens on every address.
    package struct Listener: Sendable {
        /// The port.
        package let port: UInt16
        /// The socket, of `AF_INET6` for both families, or of `AF_INET` in a kernel without IPv6.
        package let socket: FileDescriptor.Shared
    }

    /// At `InsideNetwork.proxyPort`, at `dnsPort`, and at chosen ports if not all of them are caught.
    package private(set) var listeners: [Listener] = []
    /// UDP at `dnsPort`; it is told which address each datagram came to, and may answer from any.
    ///
    /// By `IPV6_PKTINFO`, for IPv4 with a mapped address; or by `IP_PKTINFO`, if there is no IPv6. Nil where there is no
    /// network by name.
    package let questions: FileDescriptor.Shared?
    /// The listening socket of the agent's gateway, if it has one.
    package let gateway: FileDescriptor.Shared?
    /// Those at which it answers in the place of services.
    package private(set) var intercepted: [Listener] = []
    /// A netlink(7) socket of sock_diag(7), which tells of the sandbox's sockets; nil where the kernel has none.
    package let socketTable: FileDescriptor.Shared?
    /// Whether a connection to any port of any address arrives, at `InsideNetwork.proxyPort`; if not, only those to the
    /// ports of `listeners` do, each at its own, and datagrams to other ports than DNS get lost.
    package let catchesAllPorts: Bool
    /// Whether there is IPv6.
    package let hasIPv6: Bool

    /// The sockets of a plan as they came; nil if they are not those of the plan.
    init?(_ plan: SandboxPlan, missing: UInt32, _ descriptors: inout DescriptorList) {
        func isMissing(_ part: PlanOperation.Part) -> Bool { part.bit & missing != 0 }
        var filters = false
        var questions: FileDescriptor.Shared?
        var socketTable: FileDescriptor.Shared?
        var gateway: FileDescriptor.Shared?
        for step in plan.operations {
            if let without = step.without, !isMissing(without) { continue }
            switch step.action {
            case .packetFilter: filters = step.part.map { !isMissing($0) } ?? true
            case .listen(let ports):
                for port in ports {
                    guard let socket = descriptors.takeFirst() else { return nil }
                    if port == InsideNetwork.gatewayPort {
                        gateway = FileDescriptor.Shared(socket)
                    } else if ports.first == InsideNetwork.gatewayPort {
                        intercepted.append(Listener(port: port, socket: FileDescriptor.Shared(socket)))
                    } else {
                        listeners.append(Listener(port: port, socket: FileDescriptor.Shared(socket)))
                    }
                }
            case .datagrams:
                guard let socket = descriptors.takeFirst() else { return nil }
                questions = FileDescriptor.Shared(socket)
            case .socketTable:
                if let part = step.part, isMissing(part) { continue }
                guard let socket = descriptors.takeFirst() else { return nil }
                socketTable = FileDescriptor.Shared(socket)
            default: continue
            }
        }
        guard descriptors.count == 0 else { return nil }
        self.questions = questions
        self.gateway = gateway
        self.socketTable = socketTable
        catchesAllPorts = filters
        hasIPv6 = !isMissing(.ipv6)
    }
}

extension PlanOperation.Part {
    /// As the child stage names it.
    var bit: UInt32 {
        switch self {
        case .packetFilter: CLINUX_PART_PACKET_FILTER.rawValue
        case .ipv6: CLINUX_PART_IPV6.rawValue
        case .socketTable: CLINUX_PART_SOCKET_TABLE.rawValue
        }
    }
}

extension PlanOperation {
    /// Whether it is about the network namespace.
    var isOfNetwork: Bool {
        switch action {
        case .loopback, .everyAddress, .packetFilter, .listen, .datagrams, .socketTable: true
        default: false
        }
    }
}

extension SandboxPlan {
    /// Whether its sandbox hands sockets to the supervisor.
    var makesSockets: Bool {
        operations.contains {
            if case .listen = $0.action { true } else { false }
        }
    }
}

extension Planner {
    private static let networkReason = "network.mode"

    /// The network of the sandbox's own, if it has one.
    mutating func addNetwork() throws(ClocheError) {
        guard let network = request.network else {
            if request.policy.network.mode != .host { add(.loopback, "", Self.networkReason) }
            addGateway()
            return
        }
        operations += Self.networkSteps(network, taken: request.interceptedPorts)
        addGateway()
    }

    /// Whoever has the socket takes the agent's connections; the kernel holds them until then.
    private mutating func addGateway() {
        guard request.hasGateway else { return }
        let ports = [InsideNetwork.gatewayPort] + request.interceptedPorts
        operations.append(PlanOperation(.listen(ports: ports), reason: "credentials"))
    }

    /// The steps of a network by name.
    ///
    /// - Parameter taken: ports at which the gateway answers; without the packet filter, connections elsewhere at these
    ///   end there as well, and are refused.
    static func networkSteps(_ network: SandboxNetworkRequest, taken: [UInt16] = []) -> [PlanOperation] {
        func step(
            _ action: PlanOperation.Action,
            part: PlanOperation.Part? = nil,
            without: PlanOperation.Part? = nil
        ) -> PlanOperation {
            PlanOperation(action, part: part, without: without, reason: networkReason)
        }
        var steps = [
            step(.loopback), step(.everyAddress(isIPv6: false)),
            step(.everyAddress(isIPv6: true), part: .ipv6),
        ]
        if network.usesPacketFilter {
            steps.append(step(.packetFilter(port: InsideNetwork.proxyPort), part: .packetFilter))
        }
        let always = [InsideNetwork.proxyPort, InsideNetwork.dnsPort]
        steps.append(step(.listen(ports: always)))
        steps.append(step(.datagrams(port: InsideNetwork.dnsPort)))
        steps.append(step(.socketTable, part: .socketTable))
        let chosen = Array(
            Set(network.ports).subtracting(always + taken + [InsideNetwork.gatewayPort, 0]).sorted().prefix(
                InsideNetwork.mostPorts
            )
        )
        if !chosen.isEmpty {
            let without: PlanOperation.Part? = network.usesPacketFilter ? .packetFilter : nil
            steps.append(step(.listen(ports: chosen), without: without))
        }
        return steps
    }
}
