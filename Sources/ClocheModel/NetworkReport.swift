// What a running agent's network is like now: the answer of its supervisor, for `inspect`, `forward` and `ports`.

/// A port of the host that leads into a sandbox.
public struct PortForward: Equatable, Sendable {
    /// The host's address that is listened on.
    public var address: String
    /// The host's port.
    public var port: UInt16
    /// The port inside.
    public var target: UInt16

    /// A forward.
    public init(address: String, port: UInt16, target: UInt16) {
        self.address = address
        self.port = port
        self.target = target
    }

    /// Where to connect to on the host, `ADDRESS:PORT`.
    public var place: String { address.utf8.contains(0x3a) ? "[\(address)]:\(port)" : "\(address):\(port)" }

    /// The forward as it is sent and printed.
    public var document: Document {
        .object([
            "address": .string(address), "port": .integer(Int64(port)), "target": .integer(Int64(target)),
        ])
    }

    /// Reads a forward; nil when the document is none.
    public init?(document: Document) {
        guard let address = document["address"]?.string,
            let port = document["port"]?.integer.flatMap(UInt16.init(exactly:)),
            let target = document["target"]?.integer.flatMap(UInt16.init(exactly:))
        else { return nil }
        self.init(address: address, port: port, target: target)
    }
}

/// The network of a running agent.
public struct NetworkReport: Equatable, Sendable {
    /// What of the network it has.
    public var mode: NetworkMode
    /// Whether connections to any port are taken; nil where the network has no rules.
    public var catchesAllPorts: Bool?
    /// The ports whose connections are taken, if not all of them are.
    public var ports: [UInt16]
    /// Whether it has IPv6; nil where the network has no rules.
    public var hasIPv6: Bool?
    /// Connections that are open now.
    public var connections: Int64
    /// Ports of the host that lead into it.
    public var forwards: [PortForward]
    /// The process id of its init on the host.
    public var initProcess: Int32
    /// The inodes of the supervisor's own sockets inside.
    public var ownSockets: [Int64]

    /// A network without rules and forwards.
    public init(mode: NetworkMode, initProcess: Int32) {
        self.mode = mode
        self.initProcess = initProcess
        ports = []
        connections = 0
        forwards = []
        ownSockets = []
    }

    /// The report as it is sent.
    public var document: Document {
        .object([
            "mode": .string(mode.rawValue), "all-ports": catchesAllPorts.map { .bool($0) } ?? .null,
            "ports": .list(ports.map { .integer(Int64($0)) }),
            "ipv6": hasIPv6.map { .bool($0) } ?? .null,
            "connections": .integer(connections), "forwards": .list(forwards.map(\.document)),
            "init": .integer(Int64(initProcess)), "own-sockets": .list(ownSockets.map { .integer($0) }),
        ])
    }

    /// Reads a report; nil when the document is none.
    public init?(document: Document) {
        guard let mode = document["mode"]?.string.flatMap(NetworkMode.init(rawValue:)),
            let process = document["init"]?.integer.flatMap(Int32.init(exactly:))
        else { return nil }
        self.init(mode: mode, initProcess: process)
        catchesAllPorts = document["all-ports"]?.bool
        ports = (document["ports"]?.list ?? []).compactMap { $0.integer.flatMap(UInt16.init(exactly:)) }
        hasIPv6 = document["ipv6"]?.bool
        connections = document["connections"]?.integer ?? 0
        forwards = (document["forwards"]?.list ?? []).compactMap(PortForward.init(document:))
        ownSockets = (document["own-sockets"]?.list ?? []).compactMap(\.integer)
    }
}
