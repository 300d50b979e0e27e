// The network of one agent, seen from the host: listeners that were made inside the sandbox, and what is connected to on
// its behalf. All of it hangs on one epoll set of its own, whose descriptor is in the supervisor's: nothing here waits.

package import ClocheModel
package import LinuxSystem
package import NetworkRules

/// What may have more to do than one turn allows.
protocol TurnTaker: AnyObject {
    /// Whether the network has it in its queue.
    var isQueued: Bool { get set }
    /// Goes on, as far as one piece.
    func advance()
}

/// The sockets that were made inside, and what they catch.
package struct NetworkSockets {
    /// Listeners for TCP; the address that a connection was made to is the accepted socket's own.
    package var listeners: [FileDescriptor.Shared]
    /// The socket for questions to a resolver.
    package var names: FileDescriptor.Shared?
    /// Whether the sandbox has IPv6.
    package var hasIPv6: Bool

    /// These sockets.
    package init(listeners: [FileDescriptor.Shared], names: FileDescriptor.Shared?, hasIPv6: Bool) {
        self.listeners = listeners
        self.names = names
        self.hasIPv6 = hasIPv6
    }
}

/// The network of an agent.
package final class AgentNetwork: SocketLoop {
    /// Where the proxy for programs that look for one listens inside, on loopback.
    package static let proxyPort: UInt16 = 3128

    private static let mostNameConnections = 64
    /// The host's own addresses change seldom.
    private static let addressesKept: Int64 = 5000
    /// What `handle` takes at most before others have their turn, a last piece aside; in microseconds.
    private static let turn: Int64 = 4000
    private static let mostHeld = 32 << 20
    private static let manyConnections = 500

    private let epoll: Epoll
    private var watchers: [UInt64: any Watcher] = [:]
    private var nextWatcher: UInt64 = 0
    private var timers = TimerQueue()
    /// Those that have something to do, who has waited longest first.
    private var unfinished: [any TurnTaker] = []
    private var turnEnd: Int64 = 0
    var linger = Linger()
    private let tell: (NetworkEvent) -> Void
    private var connections: [UInt64: Connection] = [:]
    private var nextConnection: UInt64 = 0
    /// The most of them since memory was given back.
    private var peak = 0
    var mostConnections: Int
    /// The time to say what is looked at, in milliseconds: a hello, the head of a request, where a proxy is to connect.
    var patience: Int64 = 30_000

    private(set) var policy: NetworkPolicy
    private(set) var settings: NetworkSettings
    private(set) var upstreamProxy: UpstreamProxy?
    private(set) lazy var resolver = Resolver(self, servers: settings.dnsServers)
    let hasIPv6: Bool
    private var ownAddresses: (list: [IPAddress], until: Int64) = ([], 0)
    private var nameConnections = 0
    /// What connections that have ended have carried.
    private var ended: (sent: Int64, received: Int64) = (0, 0)
    let pipes: PipePool
    var names = SyntheticNames()
    /// Names that lead to an IPv4 address on the sandbox's own loopback, whatever the rules say: nothing is let out by that.
    package var ownNames: [String: IPAddress] = [:]
    /// What clients have said that is held to be looked at, of all connections.
    var heldBytes = 0
    var holdsMuch: Bool { heldBytes > Self.mostHeld }
    private var novelties = NoveltyRate()
    private var throttle = EventThrottle()
    /// Makes a TCP socket inside the sandbox and gives it to `provide`; nil where nothing can be forwarded.
    package var requestSocket: ((_ id: UInt64, _ isIPv4: Bool) -> Bool)?
    private var forwards: [Forward] = []
    /// Is asked about a connection to a host that no rule names; nil where such are refused.
    package var judgeNewHost: ((_ connection: UInt64, Destination) -> HostVerdict)?
    /// Is told that a connection waits for that answer no longer.
    package var withdrawNewHost: ((_ connection: UInt64) -> Void)?

    /// Takes over the sockets of a sandbox.
    ///
    /// - Parameter tell: is called for what belongs into the audit log, within `handle`.
    package init(
        _ settings: NetworkSettings,
        _ sockets: NetworkSockets,
        _ tell: @escaping (NetworkEvent) -> Void
    ) throws(ClocheError) {
        self.settings = settings
        self.tell = tell
        policy = try NetworkPolicy(settings)
        upstreamProxy = try Self.proxy(settings)
        hasIPv6 = sockets.hasIPv6
        // Some for the supervisor's own, some for pipes; two sockets each, and more for the few that try several addresses.
        let descriptors = OpenFiles.raise()
        pipes = PipePool(most: min(1024, descriptors / 16))
        mostConnections = max(16, min(1 << 15, (descriptors - 256 - 2 * pipes.most) * 4 / 9))
        do throws(SystemError) {
            epoll = try Epoll()
        } catch { throw ClocheError(.system, "cannot wait for the agent's network", why: error.description) }
        for listener in sockets.listeners { add(listener) }
        if let names = sockets.names { _ = NameService(self, names) }
    }

    private static func proxy(_ settings: NetworkSettings) throws(ClocheError) -> UpstreamProxy? {
        guard let text = settings.upstreamProxy else { return nil }
        do throws(HostError) {
            return try UpstreamProxy(text)
        } catch {
            throw ClocheError(
                .configuration,
                "'network.upstream-proxy' cannot be used",
                why: error.description,
                remedy: "write http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT"
            )
        }
    }

    /// Takes over one more listener that was made inside.
    package func add(_ listener: FileDescriptor.Shared) {
        StreamSocket.sendAtOnce(listener.number)
        // A program that is gone without a word answers with a reset.
        StreamSocket.keepAlive(listener.number)
        _ = Listener(self, listener) { [unowned self] in accepted($0) }
    }

    // MARK: The set

    /// Readable when `handle` has something to do.
    package var descriptor: CInt { epoll.descriptor }

    /// When `handle` has something to do at the latest, in milliseconds of the monotonic clock; nil for never.
    package var nextDeadline: Int64? {
        unfinished.isEmpty ? [timers.next, throttle.nextTelling].compactMap { $0 }.min() : 0
    }

    /// Does what there is to do, a bounded piece of it.
    package func handle() {
        let began = MonotonicClock.microseconds
        turnEnd = began + Self.turn
        linger.begin(began)
        repeat {
            let now = MonotonicClock.milliseconds
            while !isTurnOver, let id = timers.take(now) { watchers[id]?.timeUp() }
            serveReady()
            advanceUnfinished()
        } while linger.goesOn(MonotonicClock.microseconds, before: turnEnd) && unfinished.isEmpty
        giveBack()
        for event in throttle.due(MonotonicClock.milliseconds) { tell(event) }
    }

    private func serveReady() {
        // No memory for an empty wait: the next turn tries again.
        let events = (try? epoll.wait(milliseconds: 0)) ?? []
        if !events.isEmpty {
            linger.found(MonotonicClock.microseconds)
        } else if linger.isWaiting {
            Pause.yield()
        }
        for event in events { watchers[event.token >> 8]?.ready(Int(event.token & 0xff), event) }
    }

    /// Whether others must have their turn.
    var isTurnOver: Bool { MonotonicClock.microseconds >= turnEnd }

    /// Each once, and one at least.
    private func advanceUnfinished() {
        let count = unfinished.count
        var done = 0
        while done < count, done == 0 || !isTurnOver {
            let one = unfinished[done]
            done += 1
            one.isQueued = false
            one.advance()
        }
        unfinished.removeFirst(done)
    }

    /// What thousands of connections needed is given back to the system when few are left.
    private func giveBack() {
        guard peak > Self.manyConnections, connections.count < peak / 8 else { return }
        peak = connections.count
        timers.keep { watchers[$0] != nil }
        unfinished = unfinished.map { $0 }
        // Copies are as large as what is in them.
        connections = Dictionary(uniqueKeysWithValues: connections.map { ($0, $1) })
        watchers = Dictionary(uniqueKeysWithValues: watchers.map { ($0, $1) })
        Heap.trim()
    }

    /// See `SocketLoop.register`.
    package func register(_ watcher: any Watcher) -> UInt64 {
        nextWatcher += 1
        watchers[nextWatcher] = watcher
        return nextWatcher
    }

    /// See `SocketLoop.unregister`.
    package func unregister(_ id: UInt64) { watchers[id] = nil }

    /// Whether there is memory for it.
    @discardableResult
    package func watch(_ number: CInt, _ id: UInt64, _ side: Int, readable: Bool, writable: Bool, edge: Bool)
        -> Bool
    {
        do throws(SystemError) {
            try epoll.add(
                number,
                token: id << 8 | UInt64(side),
                readable: readable,
                writable: writable,
                edge: edge
            )
            return true
        } catch { return false }
    }

    /// See `SocketLoop.change`.
    package func change(_ number: CInt, _ id: UInt64, _ side: Int, readable: Bool, writable: Bool) {
        // As above.
        try? epoll.modify(number, token: id << 8 | UInt64(side), readable: readable, writable: writable)
    }

    /// See `SocketLoop.forget`.
    package func forget(_ number: CInt) { epoll.remove(number) }

    /// See `SocketLoop.wake`.
    package func wake(_ id: UInt64, at time: Int64) {
        timers.add(time, id)
        // Times of connections that have ended are let go of before they come.
        if timers.count > 4096 + 4 * watchers.count { timers.keep { watchers[$0] != nil } }
    }

    /// One that has something to do, or had its turn and has more.
    func later(_ one: any TurnTaker) {
        guard !one.isQueued else { return }
        one.isQueued = true
        unfinished.append(one)
    }

    func event(_ event: NetworkEvent) {
        if throttle.admits(event, MonotonicClock.milliseconds) { tell(event) }
    }

    // MARK: Connections

    /// Bytes that connections of the agent have sent and received, those that are open with them.
    package var carried: (sent: Int64, received: Int64) {
        connections.values.reduce(ended) { ($0.sent + $1.carried.sent, $0.received + $1.carried.received) }
    }

    /// One of those that are open.
    func connection(_ number: UInt64) -> Connection? { connections[number] }

    /// Those that are open.
    package var connectionCount: Int { connections.count }

    /// Connections that wait for their turn.
    var queueLength: Int { unfinished.count }

    /// Who is told of events and times: connections, and whatever else has a socket.
    var watcherCount: Int { watchers.count }

    private func accepted(_ socket: consuming FileDescriptor) {
        let socket = FileDescriptor.Shared(socket)
        guard let address = StreamSocket.localAddress(socket.number) else {
            return StreamSocket.resetOnClose(socket.number)
        }
        accept(socket, at: address)
    }

    /// A connection that was made to the address.
    func accept(_ socket: FileDescriptor.Shared, at address: SocketAddress) {
        guard connections.count < mostConnections else { return StreamSocket.resetOnClose(socket.number) }
        if address.port == 53, names.name(of: address) == nil {
            acceptedQuestion(socket)
        } else if address.isLoopback {
            // A listener for another port, which caught what was meant for a program inside.
            guard address.port == Self.proxyPort else { return StreamSocket.resetOnClose(socket.number) }
            begin(socket).negotiate()
        } else {
            begin(socket).go(to: destination(address))
        }
    }

    private func acceptedQuestion(_ socket: FileDescriptor.Shared) {
        guard nameConnections < Self.mostNameConnections else {
            return StreamSocket.resetOnClose(socket.number)
        }
        nameConnections += 1
        _ = NameConnection(self, socket) { [unowned self] in nameConnections -= 1 }
    }

    private func begin(_ socket: FileDescriptor.Shared) -> Connection {
        nextConnection += 1
        let connection = Connection(self, nextConnection, socket)
        connections[nextConnection] = connection
        peak = max(peak, connections.count)
        return connection
    }

    private func destination(_ address: SocketAddress) -> Destination {
        named(Destination(.address(IPAddress(address).unmapped), port: address.port))
    }

    /// With the name that an address stands for; a proxy's client may have asked for the name before.
    func named(_ destination: Destination) -> Destination {
        guard case .address(let address) = destination.host,
            let name = names.name(of: SocketAddress(address, port: destination.port))
        else { return destination }
        return Destination(.name(name), port: destination.port)
    }

    func ended(_ connection: Connection) {
        ended = (ended.sent + connection.carried.sent, ended.received + connection.carried.received)
        connections[connection.number] = nil
        if connections.isEmpty { pipes.empty() }
    }

    /// Whether a resolver or a proxy may be asked for a name that a wildcard allows.
    ///
    /// What is new in names goes out, and could carry data.
    func mayAsk(for name: HostName, _ grant: Grant) -> Bool {
        !grant.rule.contains("*") || novelties.admits(name, MonotonicClock.milliseconds)
    }

    /// The addresses of this machine.
    var hostAddresses: [IPAddress] {
        let now = MonotonicClock.milliseconds
        if now >= ownAddresses.until {
            let list = StreamSocket.interfaceAddresses().map { IPAddress($0).unmapped }
            ownAddresses = (list, now + Self.addressesKept)
        }
        return ownAddresses.list
    }

    /// Whether this machine has an IPv6 address that others may know.
    package var reachesIPv6: Bool { hostAddresses.contains { !$0.isIPv4 && !$0.staysOnItsLink } }

    // MARK: Changes

    /// Says what is wrong with rules that are to be put in force.
    package static func check(_ settings: NetworkSettings) throws(ClocheError) {
        _ = try NetworkPolicy(settings)
        _ = try proxy(settings)
    }

    /// Puts other rules in force; connections that they do not allow are closed.
    ///
    /// - Throws: what is wrong with them; then those before hold on.
    /// - Returns: how many were closed.
    @discardableResult
    package func replace(_ settings: NetworkSettings) throws(ClocheError) -> Int {
        let policy = try NetworkPolicy(settings)
        upstreamProxy = try Self.proxy(settings)
        let servers = self.settings.dnsServers
        self.policy = policy
        self.settings = settings
        if servers != settings.dnsServers {
            resolver.end()
            resolver = Resolver(self, servers: settings.dnsServers)
        }
        let before = connections.count
        for connection in Array(connections.values) { connection.judgeAgain() }
        return before - connections.count
    }

    /// Closes everything: the sandbox is gone.
    package func end() {
        for connection in Array(connections.values) { connection.close(why: nil) }
        for forward in forwards { forward.end() }
        forwards = []
        resolver.end()
        watchers = [:]
        unfinished = []
        for event in throttle.due(.max) { tell(event) }
    }
}

// MARK: From the host into the sandbox

extension AgentNetwork {
    /// What is forwarded: addresses of the host, and ports inside.
    package var forwarded: [(address: SocketAddress, port: UInt16)] { forwards.map { ($0.address, $0.port) } }

    /// Listens on the host and connects what comes to a port inside.
    ///
    /// - Returns: the address that it listens on, with the port that was chosen if none was given.
    package func forward(_ address: SocketAddress, to port: UInt16) throws(SystemError) -> SocketAddress {
        let listener = FileDescriptor.Shared(try StreamSocket.listen(address))
        let actual = StreamSocket.localAddress(listener.number) ?? address
        forwards.append(Forward(self, listener, actual, port))
        return actual
    }

    /// Ends it again; false when there is none.
    package func endForward(_ address: SocketAddress) -> Bool {
        guard let index = forwards.firstIndex(where: { $0.address == address }) else { return false }
        forwards.remove(at: index).end()
        return true
    }

    /// A socket that was asked for; nil when it could not be made.
    package func provide(_ id: UInt64, _ socket: FileDescriptor.Shared?) {
        (watchers[id] as? InwardConnection)?.provided(socket)
    }

    func beginForwarded(_ outside: FileDescriptor.Shared, _ inside: FileDescriptor.Shared, _ port: UInt16) {
        begin(outside).relay(to: inside, port)
    }

    var isFull: Bool { connections.count >= mostConnections }

    /// Whether a connection that is being made has but one socket for it.
    package var isCrowded: Bool { connections.count > mostConnections / 8 }
}

extension SocketAddress {
    /// 127.0.0.0/8 or ::1.
    var isLoopback: Bool { ipv4.map { $0 >> 24 == 127 } ?? (high == 0 && low == 1) }

    /// An address with a port.
    package init(_ address: IPAddress, port: UInt16) {
        if address.isIPv4 {
            self.init(ipv4: UInt32(truncatingIfNeeded: address.low), port: port)
        } else {
            self.init(high: address.high, low: address.low, port: port)
        }
    }
}

extension IPAddress {
    /// ::1 or fe80::/10, of the addresses that an interface may have.
    fileprivate var staysOnItsLink: Bool { high == 0 && low == 1 || high >> 54 == 0x3fa }

    init(_ address: SocketAddress) {
        self = address.ipv4.map(IPAddress.v4) ?? .v6(address.high, address.low)
    }
}
