// The agent's network by name: served between two waits, like everything else, and written into the audit log.

internal import AgentStore
internal import ClocheModel
internal import LinuxSystem
internal import NetworkRelay
internal import SandboxRuntime

extension Supervisor {
    /// Serves the network of a new sandbox, if it has one by name.
    func serveNetwork(_ sandbox: inout Sandbox) throws(ClocheError) {
        guard let inside = sandbox.takeNetwork() else { return }
        served = ServedSockets(inside)
        try beginNetwork(inside.sockets)
        try audit.append(
            "network",
            ["catches-all-ports": .bool(inside.catchesAllPorts), "ipv6": .bool(inside.hasIPv6)]
        )
    }

    /// Begins to serve sockets of the sandbox; without any, there is what comes from the host alone.
    @discardableResult
    func beginNetwork(_ sockets: NetworkSockets) throws(ClocheError) -> AgentNetwork {
        let network = try AgentNetwork(policy.network, sockets) { [unowned self] event in
            networkEvents.append(event)
        }
        network.requestSocket = { [unowned self] id, isIPv4 in
            guard let number = UInt32(exactly: id), self.sandbox != nil else { return false }
            // Lost when init does not read; whoever waits gives up after a while.
            return (try? self.sandbox?.askForSocket(number, isIPv6: !isIPv4)) != nil
        }
        networkToken = makeToken()
        do throws(SystemError) {
            try epoll.add(network.descriptor, token: networkToken)
        } catch { throw ClocheError(.system, "cannot serve the agent's network", why: error.description) }
        self.network = network
        return network
    }

    /// Does a piece of the network's work, and then writes down what happened.
    ///
    /// - Throws: when that cannot be written: no connection goes unrecorded.
    func handleNetwork() throws(ClocheError) {
        network?.handle()
        try recordNetwork()
    }

    private func recordNetwork() throws(ClocheError) {
        guard !networkEvents.isEmpty else { return }
        let events = networkEvents
        networkEvents.removeAll(keepingCapacity: true)
        try audit.append(events.map(\.record))
    }

    /// Hands over a socket that was asked for.
    func provideSocket(_ id: UInt64, _ socket: consuming FileDescriptor?) {
        guard let socket else {
            network?.provide(id, nil)
            return
        }
        network?.provide(id, FileDescriptor.Shared(socket))
    }

    /// Ends it with its sandbox.
    func endNetwork() {
        guard let network else { return }
        epoll.remove(network.descriptor)
        network.end()
        self.network = nil
        networkToken = 0
        served = nil
        // The end of an agent whose log cannot be written is recorded as far as can be.
        try? recordNetwork()
    }
}

/// What sockets of a sandbox are served.
struct ServedSockets {
    let catchesAllPorts: Bool
    let hasIPv6: Bool
    /// Those whose connections are taken.
    let ports: [UInt16]
    /// By which the kernel tells them from sockets of the agent's.
    let inodes: [UInt64]

    init(_ network: SandboxNetwork) {
        catchesAllPorts = network.catchesAllPorts
        hasIPv6 = network.hasIPv6
        ports = network.listeners.map(\.port)
        // A descriptor of ours has an inode.
        inodes = (network.listeners.map(\.socket) + [network.questions]).compactMap { try? $0.status().inode }
    }
}

extension NetworkEvent {
    /// The event's name and facts for the audit log.
    var record: (String, [Document.Entry]) {
        func entry(_ name: String, _ value: Document) -> Document.Entry { Document.Entry(name, value) }
        switch self {
        case .question(let name, let type, let refusal):
            let facts = [
                entry("name", .string(name)), entry("type", .string(type)),
                entry("verdict", .string(refusal == nil ? "allowed" : "refused")),
            ]
            return ("dns", facts + (refusal?.entries ?? []))
        case .connected(let facts):
            return ("connect", facts.entries + [entry("verdict", .string("allowed"))])
        case .disconnected(let facts, let milliseconds, let why):
            return (
                "disconnect",
                facts.entries + [
                    entry("sent", .integer(facts.sent)), entry("received", .integer(facts.received)),
                    entry("milliseconds", .integer(milliseconds)),
                ] + (why.map { [entry("why", .string($0))] } ?? [])
            )
        case .refused(let facts, let refusal):
            return ("connect", facts.entries + [entry("verdict", .string("refused"))] + refusal.entries)
        case .failed(let facts, let why):
            return (
                "connect", facts.entries + [entry("verdict", .string("failed")), entry("why", .string(why))]
            )
        case .untold(let count): return ("network-untold", [entry("count", .integer(Int64(count)))])
        }
    }
}
