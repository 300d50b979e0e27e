// A gateway: the process that has the keys of one agent, takes its requests at a socket of its sandbox, and adds the key to
// those that its supervisor lets through. It reads what the agent and the services say, and nothing else: no file, no
// argument, no environment of the agent's.

package import ClocheModel
internal import Glibc
package import LinuxSystem
internal import ModelUsage
internal import NetworkMessages
internal import NetworkRelay
internal import NetworkRules

/// The gateway of one agent.
@safe package final class Gateway {
    /// A service that is served, and its key.
    private final class Served {
        let service: GatewayService
        let connections: ServiceConnections
        /// The key and the forms in which it could be echoed; none after it was revoked.
        var key: Secret?
        var secrets: [Secret] = []
        /// Whether requests go on: with the key, or without one where the service takes none, until that is taken away.
        var isOpen: Bool

        init(_ service: GatewayService, _ connections: ServiceConnections) {
            (self.service, self.connections) = (service, connections)
            isOpen = service.isPublic
        }
    }

    /// More connections than any program has wait in the kernel.
    private static let mostConnections = 4096

    let loop: GatewayLoop
    /// What is read lies here for a moment.
    let room: UnsafeMutableRawBufferPointer
    private let report: (GatewayReport) -> Void
    private var services: [String: Served] = [:]
    /// The services by their numbers, from 1.
    private var order: [GatewayService] = []
    private var connections: [UInt64: ClientConnection] = [:]
    private var listener: GatewayListener?
    /// Where it answers in the place of services, and takes connections to them.
    private var intercepted: [UInt16: InterceptedPort] = [:]
    private var interceptors: [UInt16: GatewayListener] = [:]
    private var resolver: Resolver?
    private var waiting: [Int64: (request: GatewayRequest, connection: ClientConnection?)] = [:]
    private var lastQuestion: Int64 = 0
    /// Bytes that wait in all connections.
    var held = 0 {
        didSet {
            guard oldValue >= Self.mostHeld, hasRoom else { return }
            // Those that were left alone look again.
            for number in connections.keys { loop.later(number) }
        }
    }
    /// So many may be, before no more are taken but for exchanges that go on.
    private static let mostHeld = 64 << 20

    /// Whether more may be taken from agents.
    var hasRoom: Bool { held < Self.mostHeld }

    /// A gateway that serves nothing yet.
    package init(_ loop: GatewayLoop, _ report: @escaping (GatewayReport) -> Void) {
        (self.loop, self.report) = (loop, report)
        unsafe room = .allocate(byteCount: 128 << 10, alignment: 64)
    }

    deinit { unsafe room.deallocate() }

    // MARK: Orders

    /// Takes the services over, each with its key.
    ///
    /// - Throws: what is wrong with one of them.
    package func serve(
        _ list: [GatewayService],
        keys: [String: Secret],
        upstreamProxy: String?,
        nameServers: [String]
    ) throws(ClocheError) {
        var proxy: UpstreamProxy?
        do throws(HostError) {
            if let upstreamProxy { proxy = try UpstreamProxy(upstreamProxy) }
        } catch {
            throw ClocheError(.configuration, "'network.upstream-proxy' cannot be used", why: "\(error)")
        }
        let resolver = Resolver(loop, servers: nameServers)
        self.resolver = resolver
        order = list
        for service in list {
            do throws(GatewayFailure) {
                let connections = try ServiceConnections(service, loop, resolver, proxy)
                services[service.name] = Served(service, connections)
            } catch {
                throw ClocheError(.configuration, "service \(service.name) cannot be used", why: error.why)
            }
            if let key = keys[service.name] { try setKey(key, of: service.name) }
        }
        do throws(GatewayFailure) {
            guard let (ports, authority) = try InterceptedPort.make(list) else { return }
            intercepted = ports
            report(.authority(authority))
        } catch { throw ClocheError(.system, "TLS cannot be intercepted", why: error.why) }
    }

    /// Gives a service another key, or none; what is under way with the old one ends where there is none.
    package func setKey(_ key: Secret?, of name: String) throws(ClocheError) {
        guard let served = services[name] else { return }
        do throws(SystemError) {
            served.secrets = try key.map { key throws(SystemError) in try served.service.secrets(key) } ?? []
        } catch { throw ClocheError(.system, "no memory for a key", why: error.description) }
        (served.key, served.isOpen) = (key, key != nil)
        served.connections.forget()
        guard key == nil else { return }
        for connection in Array(connections.values) where connection.service == name { connection.revoked() }
    }

    /// Takes connections at a socket of the sandbox; those of one before go on until they end.
    package func listen(_ socket: FileDescriptor.Shared) {
        listener?.end()
        StreamSocket.sendAtOnce(socket.number)
        listener = GatewayListener(self, socket)
    }

    /// Takes connections to services at a port of the sandbox, as above.
    package func intercept(_ socket: FileDescriptor.Shared, at port: UInt16) {
        guard let hosts = intercepted[port] else { return }
        interceptors[port]?.end()
        StreamSocket.sendAtOnce(socket.number)
        interceptors[port] = GatewayListener(self, socket, hosts)
    }

    /// A request may go on, or not.
    package func decided(_ question: Int64, _ refusal: String?, status: Int64 = 429) {
        guard let (request, connection) = waiting.removeValue(forKey: question) else { return }
        let answer = refusal.map { GatewayRefusal(Int(clamping: status), $0) }
        if let connection, connection.decided(question, answer) { return }
        // Who asked has gone, or was answered; what was let through has ended.
        if refusal == nil { report(.ended(id: question, request, GatewayOutcome())) }
    }

    // MARK: For connections

    func accepted(_ socket: FileDescriptor.Shared, at port: InterceptedPort?) {
        guard connections.count < Self.mostConnections,
            // Without memory for TLS, as without room.
            let stream = try? AgentStream(socket, at: port)
        else { return StreamSocket.resetOnClose(socket.number) }
        StreamSocket.sendAtOnce(socket.number)
        let connection = ClientConnection(self, stream, only: port == nil ? service(at: socket) : nil)
        connections[connection.number] = connection
    }

    /// The service whose address a connection was made to; nil for the gateway's own.
    private func service(at socket: FileDescriptor.Shared) -> String? {
        guard let address = StreamSocket.localAddress(socket.number)?.ipv4,
            address >> 16 == GatewayService.ownAddresses
        else { return nil }
        return order.first { UInt32($0.number) == address & 0xffff }?.name ?? ""
    }

    func ended(_ number: UInt64) { connections[number] = nil }

    /// Whether a request can be for something that is served; the form in which it says what it uses.
    func check(_ target: ServiceTarget) throws(GatewayRefusal) -> UsageForm? {
        guard let served = services[target.service] else {
            let known = services.keys.sorted().map { "/\($0)/" }.joined(separator: ", ")
            throw GatewayRefusal(404, "no service at this path; there is \(known.isEmpty ? "none" : known)")
        }
        guard served.isOpen else { throw Self.revoked(target) }
        guard served.service.allows(path: target.path) else {
            throw GatewayRefusal(403, "the gateway passes on nothing for this path of \(target.service)")
        }
        return form(target.service)
    }

    private static func revoked(_ target: ServiceTarget) -> GatewayRefusal {
        GatewayRefusal(403, "the key for \(target.service) was revoked")
    }

    /// Whether a service's requests cost nothing: nobody is named to it.
    func isPublic(_ name: String) -> Bool { services[name]?.service.isPublic ?? false }

    /// The form in which a service says what was used.
    func form(_ name: String) -> UsageForm? {
        services[name]?.service.usage.flatMap { UsageForm(rawValue: $0) }
    }

    func ask(_ request: GatewayRequest, _ model: ModelRequest?, _ connection: ClientConnection) -> Int64 {
        lastQuestion += 1
        waiting[lastQuestion] = (request, connection)
        report(.question(id: lastQuestion, request, model))
        return lastQuestion
    }

    func withdraw(_ question: Int64) {
        guard waiting[question] != nil else { return }
        waiting[question]?.connection = nil
        report(.withdrawn(id: question))
    }

    func connect(_ name: String, _ completion: @escaping ServiceConnections.Completion) -> () -> Void {
        guard let served = services[name] else { return {} }
        return served.connections.connect(completion)
    }

    func keep(_ stream: ServiceStream, for name: String) {
        if services[name]?.isOpen ?? false { services[name]?.connections.keep(stream) }
    }

    /// The head of a request with the key in it.
    func head(_ request: HTTPRequestHead, _ target: ServiceTarget) throws(GatewayRefusal) -> [UInt8] {
        // Between the verdict and now it may have been revoked.
        guard let served = services[target.service], served.isOpen else { throw Self.revoked(target) }
        return served.service.head(request, path: target.path, key: served.key)
    }

    /// The addresses that answers of a service may name.
    func links(_ name: String) -> ServiceLinks? { services[name].map { ServiceLinks($0.service, order) } }

    func filter(_ name: String) -> SecretFilter { SecretFilter(services[name]?.secrets ?? []) }

    func tell(_ message: GatewayReport) { report(message) }

    /// Tells once of a host that a program inside does not trust the gateway's certificate for it.
    func distrusted(_ host: InterceptedHost) {
        if host.isDistrustTold { return }
        host.isDistrustTold = true
        report(.distrusted(service: host.service))
    }
}

/// Accepts the agent's connections.
private final class GatewayListener: Watcher {
    private unowned let gateway: Gateway
    private let socket: FileDescriptor.Shared
    /// Where TLS is answered in the place of services; nil for the gateway's own address.
    private let port: InterceptedPort?
    private var id: UInt64 = 0

    /// When there is no descriptor left, it rests for a moment.
    private static let rest: Int64 = 100
    private static let turn = 64

    init(_ gateway: Gateway, _ socket: FileDescriptor.Shared, _ port: InterceptedPort? = nil) {
        (self.gateway, self.socket, self.port) = (gateway, socket, port)
        id = gateway.loop.register(self)
        gateway.loop.watch(socket.number, id, 0, readable: true, writable: false)
    }

    func ready(_ side: Int, _ event: Readiness) {
        for _ in 0..<Self.turn {
            do throws(SystemError) {
                guard let connection = try StreamSocket.accept(socket.number) else { return }
                gateway.accepted(FileDescriptor.Shared(connection), at: port)
            } catch {
                gateway.loop.forget(socket.number)
                gateway.loop.wake(id, at: MonotonicClock.milliseconds + Self.rest)
                return
            }
        }
    }

    func timeUp() { gateway.loop.watch(socket.number, id, 0, readable: true, writable: false) }

    func end() {
        gateway.loop.forget(socket.number)
        gateway.loop.unregister(id)
    }
}
