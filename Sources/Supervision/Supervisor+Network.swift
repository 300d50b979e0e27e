// The agent's network by name: served between two waits, like everything else, and written into the audit log.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import LinuxSystem
internal import NetworkRelay
internal import ResourceUsage
internal import SandboxRuntime

extension Supervisor {
    /// Serves the network of a new sandbox, if it has one by name.
    func serveNetwork(_ sandbox: inout Sandbox) throws(ClocheError) {
        guard let inside = sandbox.takeNetwork() else { return }
        try serveGateway(inside)
        // Without questions to a resolver, it is no network by name.
        guard inside.questions != nil else { return }
        served = ServedSockets(inside)
        owners = inside.socketTable.map { ConnectionOwners($0, ofInit: sandbox.pid) }
        try beginNetwork(inside.sockets)
        try audit.append(
            .networkState,
            ["catches-all-ports": .bool(inside.catchesAllPorts), "ipv6": .bool(inside.hasIPv6)]
        )
    }

    /// Begins to serve sockets of the sandbox; without any, there is what comes from the host alone.
    @discardableResult
    func beginNetwork(_ sockets: NetworkSockets) throws(ClocheError) -> AgentNetwork {
        let network = try AgentNetwork(policy.network, sockets) { [unowned self] event in
            noteNetwork(event)
        }
        network.leadToGateway(policy.interceptedServices)
        if policy.ask.classes.contains(.newHost) {
            network.judgeNewHost = { [unowned self] in judgeNewHost($0, $1) }
            network.withdrawNewHost = { [unowned self] in
                approvals.withdraw(.connection($0), at: MonotonicClock.milliseconds)
            }
        }
        network.requestSocket = { [unowned self] id, isIPv4 in
            guard let number = UInt32(exactly: id), ServedSockets.port(ofRequest: number) == nil,
                self.sandbox != nil
            else { return false }
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

    /// Does a piece of the network's work, and writes down what happened when it is time.
    ///
    /// - Throws: when that cannot be written: no connection goes unrecorded.
    func handleNetwork() throws(ClocheError) {
        network?.handle()
        let now = MonotonicClock.milliseconds
        owners?.look(now)
        if let due = networkRecordsDue, now >= due { try recordNetwork() }
    }

    /// A connection is not held up by its record, which comes a moment later and together with others; what was refused
    /// is on record at once.
    private func noteNetwork(_ event: NetworkEvent) {
        // All of its events have one level.
        guard audit.keeps(.connect) else { return }
        networkEvents.append((event, owner(of: event), AuditTime.now))
        let isUrgent = event.isRefusal || networkEvents.count >= 64
        let due = isUrgent ? 0 : MonotonicClock.milliseconds + 20
        networkRecordsDue = min(networkRecordsDue ?? .max, due)
    }

    /// Which program an event is of, as far as that is known by now.
    private func owner(of event: NetworkEvent) -> SocketOwner? {
        guard let owners else { return nil }
        switch event {
        case .connected(let facts) where facts.path != .forward:
            owners.began(facts.id, facts.socket)
            return nil
        case .disconnected(let facts, _, _): return owners.ended(facts.id)
        case .refused(let facts, _), .failed(let facts, _): return owners.owner(facts.id, facts.socket)
        case .connected, .question, .askable, .untold: return nil
        }
    }

    /// Writes down what happened so far.
    func recordNetwork() throws(ClocheError) {
        networkRecordsDue = nil
        guard !networkEvents.isEmpty else { return }
        let events = networkEvents
        // An error may be about the room for the next ones: these are not written twice.
        networkEvents = []
        try audit.append(
            events.map { event, owner, time in
                let (kind, facts) = event.record
                return AuditEvent(kind, facts + (owner?.entries ?? []), at: time)
            }
        )
    }

    /// Hands over a socket that was asked for.
    func provideSocket(_ id: UInt32, _ socket: consuming FileDescriptor?) throws(ClocheError) {
        var made: FileDescriptor.Shared?
        if let socket { made = FileDescriptor.Shared(socket) }
        if let port = ServedSockets.port(ofRequest: id) {
            try made.map { made throws(ClocheError) in try listen(made, at: port) }
        } else {
            network?.provide(UInt64(id), made)
        }
    }

    /// Takes the connections to one more port; a program inside may have it already.
    private func listen(_ socket: FileDescriptor.Shared, at port: UInt16) throws(ClocheError) {
        guard let served, !served.missing([port]).isEmpty, let network else { return }
        do throws(SystemError) {
            // Init makes it so; whoever has taken init over might not.
            try socket.setNonBlocking()
            try StreamSocket.listen(socket.number, everywhereAt: port, isIPv6: served.hasIPv6)
            self.served?.add(port, socket)
            network.add(socket)
        } catch {
            try audit.append(
                .networkState,
                ["port": .integer(Int64(port)), "why": .string("\(error.errno)")]
            )
        }
    }

    /// Ends it with its sandbox.
    func endNetwork() {
        guard let network else { return }
        epoll.remove(network.descriptor)
        network.end()
        self.network = nil
        networkToken = 0
        served = nil
        owners = nil
        // The end of an agent whose log cannot be written is recorded as far as can be.
        try? recordNetwork()
    }
}

/// What sockets of a sandbox are served.
struct ServedSockets {
    let catchesAllPorts: Bool
    let hasIPv6: Bool
    /// Those whose connections are taken.
    private(set) var ports: [UInt16]
    /// Those at which the gateway answers in the place of services.
    private let taken: [UInt16]
    /// By which the kernel tells them from sockets of the agent's.
    private(set) var inodes: [UInt64]

    /// Sockets that are asked for to listen at a port have ids that no others have.
    private static let mark: UInt32 = 1 << 31

    init(_ network: SandboxNetwork) {
        catchesAllPorts = network.catchesAllPorts
        hasIPv6 = network.hasIPv6
        ports = network.listeners.map(\.port)
        let others =
            [network.questions, network.gateway].compactMap { $0 } + network.intercepted.map(\.socket)
        taken = network.intercepted.map(\.port)
        // A descriptor of ours has an inode.
        inodes = (network.listeners.map(\.socket) + others).compactMap { try? $0.status().inode }
    }

    mutating func add(_ port: UInt16, _ socket: FileDescriptor.Shared) {
        ports.append(port)
        // As above.
        if let inode = try? socket.status().inode { inodes.append(inode) }
    }

    static func request(for port: UInt16) -> UInt32 { mark | UInt32(port) }

    static func port(ofRequest id: UInt32) -> UInt16? {
        id & mark == 0 ? nil : UInt16(truncatingIfNeeded: id)
    }

    /// Those that connections are to be taken at and are not, if not all ports are caught; so many as there may be.
    func missing(_ wanted: [UInt16]) -> [UInt16] {
        if catchesAllPorts { return [] }
        let own = [InsideNetwork.proxyPort, InsideNetwork.dnsPort] + taken
        let room = InsideNetwork.mostPorts + own.count - ports.count
        return Array(
            wanted.filter { $0 > 0 && !ports.contains($0) && !own.contains($0) }.prefix(max(0, room))
        )
    }
}

extension SocketOwner {
    /// The facts for a record.
    fileprivate var entries: [Document.Entry] {
        [Document.Entry("pid", .integer(Int64(pid))), Document.Entry("program", .string(program))]
    }
}

extension NetworkEvent {
    fileprivate var isRefusal: Bool {
        switch self {
        case .question(_, _, let refusal): refusal != nil
        case .refused, .failed: true
        case .askable, .connected, .disconnected, .untold: false
        }
    }

    /// The event's kind and facts for the audit log.
    var record: (EventKind, [Document.Entry]) {
        func entry(_ name: String, _ value: Document) -> Document.Entry { Document.Entry(name, value) }
        switch self {
        case .question(let name, let type, let refusal):
            let facts = [
                entry("name", .string(name)), entry("type", .string(type)),
                entry("verdict", .string(refusal == nil ? "allowed" : "refused")),
            ]
            return (.dns, facts + (refusal?.entries ?? []))
        case .askable(let name, let type):
            return (
                .dns,
                [
                    entry("name", .string(name)), entry("type", .string(type)),
                    entry("verdict", .string("ask")),
                ]
            )
        case .connected(let facts):
            return (.connect, facts.entries + [entry("verdict", .string("allowed"))])
        case .disconnected(let facts, let milliseconds, let why):
            return (
                .disconnect,
                facts.entries + [
                    entry("sent", .integer(facts.sent)), entry("received", .integer(facts.received)),
                    entry("milliseconds", .integer(milliseconds)),
                ] + (why.map { [entry("why", .string($0))] } ?? [])
            )
        case .refused(let facts, let refusal):
            return (.connect, facts.entries + [entry("verdict", .string("refused"))] + refusal.entries)
        case .failed(let facts, let why):
            return (
                .connect, facts.entries + [entry("verdict", .string("failed")), entry("why", .string(why))]
            )
        case .untold(let count): return (.networkUntold, [entry("count", .integer(Int64(count)))])
        }
    }
}
