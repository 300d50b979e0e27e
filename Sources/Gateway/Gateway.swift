// A gateway: the process that has the keys of one agent, takes its requests at a socket of its sandbox, and adds the key to
// those that its supervisor lets through. It reads what the agent and the services say, and the files of logins that it
// renews; no other file, no argument, no environment of the agent's.

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
        /// The key; none after it was revoked.
        private(set) var key: Secret?
        /// The last keys and the forms in which they could be echoed, whatever has become of them: what a service was sent once,
        /// it can say long after.
        private(set) var secrets: [Secret] = []
        /// Whether requests go on: with the key, or without one where the service takes none, until that is taken away.
        var isOpen: Bool
        /// Where the key is the access token of a login, that login.
        var login: ServiceLogin?

        init(_ service: GatewayService, _ connections: ServiceConnections) {
            (self.service, self.connections) = (service, connections)
            isOpen = service.isPublic
        }

        /// Whether requests may go out.
        var isGiven: Bool { login.map { !$0.isRevoked } ?? isOpen }

        /// More are not looked for: each costs time with each answer.
        private static let mostSecrets = 64

        /// Takes a key over.
        func use(_ key: Secret) throws(SystemError) {
            let new = try service.secrets(key)
            let old = secrets.filter { known in !new.contains { $0.isSame(as: known) } }
            secrets = Array((new + old).prefix(Self.mostSecrets))
            self.key = key
        }

        /// Sends it no more.
        func forgetKey() { key = nil }
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
    private var revocations: RevocationWatch?
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
                let served = Served(service, connections)
                services[service.name] = served
                served.login = try login(service, resolver, proxy)
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

    private func login(_ service: GatewayService, _ resolver: Resolver, _ proxy: UpstreamProxy?)
        throws(GatewayFailure) -> ServiceLogin?
    {
        guard let form = service.login else { return nil }
        var server = form.tokenService
        server.certificates = service.certificates
        let connections = try ServiceConnections(server, loop, resolver, proxy)
        return ServiceLogin(service.name, form, loop, connections) { [unowned self] failure in
            report(.renewed(service: service.name, failure: failure))
        }
    }

    /// Gives a service another key.
    package func setKey(_ key: Secret, of name: String) throws(ClocheError) {
        guard let served = services[name] else { return }
        do throws(SystemError) {
            try served.use(key)
        } catch { throw ClocheError(.system, "no memory for a key", why: error.description) }
        served.isOpen = true
        served.connections.forget()
    }

    /// Puts the keys that services have now into a pipe; of those that have none, nothing.
    package func copyKeys(of names: [String], to pipe: FileDescriptor.Shared) throws(ClocheError) {
        let keys = names.compactMap { name in services[name]?.key.map { (service: name, key: $0) } }
        do throws(SystemError) {
            _ = try GatewayKeys.write(keys, to: pipe)
        } catch { throw ClocheError(.system, "cannot hand the keys on", why: error.description) }
    }

    /// Takes a service's key away, and ends what is under way with it; `done` is called when nothing goes out any more.
    package func revoke(_ name: String, _ done: @escaping () -> Void) {
        guard let served = services[name] else { return done() }
        served.isOpen = false
        breakOff(served)
        for other in alongOnly(with: served.service) { revoke(other) {} }
        if let login = served.login { login.revoke(done) } else { done() }
    }

    /// Ends what is under way with a service's key.
    private func breakOff(_ served: Served) {
        served.forgetKey()
        served.connections.forget()
        let name = served.service.name
        for connection in Array(connections.values) where connection.service == name { connection.revoked() }
    }

    /// Ends what is under way with logins whose files are marked as revoked.
    ///
    /// - Returns: whether something with a login is still under way.
    private func endRevoked() -> Bool {
        let names = Set(connections.values.compactMap(\.service))
        var isUnderWay = false
        for served in names.compactMap({ services[$0] }) {
            guard let login = served.login else { continue }
            if login.isMarked {
                breakOff(served)
                login.withdraw()
            } else {
                isUnderWay = true
            }
        }
        return isUnderWay
    }

    /// Services without a key that came along with this one, and with no other that is still open.
    private func alongOnly(with service: GatewayService) -> [String] {
        let others = services.values.filter { $0.isGiven && $0.service.name != service.name }
        return service.links.filter { name in
            name != service.name && isPublic(name) && services[name]?.isGiven ?? false
                && !others.contains { $0.service.name != name && $0.service.links.contains(name) }
        }
    }

    /// Has a service's login read anew from its file.
    ///
    /// - Returns: whether it has one.
    package func readLogin(_ name: String) -> Bool {
        guard let served = services[name], let login = served.login else { return false }
        served.forgetKey()
        served.connections.forget()
        login.forget()
        return true
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
        guard served.isGiven else { throw Self.revoked(target.service) }
        guard served.service.allows(path: target.path) else {
            throw GatewayRefusal(403, "the gateway passes on nothing for this path of \(target.service)")
        }
        return form(target.service)
    }

    /// Refuses to change anything at a service that has no key.
    ///
    /// What can be written there, others can read. What git clones is asked for by POST.
    func checkMethod(_ method: String, _ target: ServiceTarget) throws(GatewayRefusal) {
        guard isPublic(target.service), !["GET", "HEAD"].contains(method) else { return }
        let path = target.path.prefix { $0 != "?" }
        if method == "POST", path.hasSuffix("/git-upload-pack") { return }
        throw GatewayRefusal(403, "without a key, only GET and HEAD go to \(target.service)")
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

    /// Gives a connection to a service whose key is there, now or later; the closure that is returned gives the wish up.
    func connect(_ name: String, _ completion: @escaping (Result<ServiceStream, GatewayRefusal>) -> Void)
        -> () -> Void
    {
        guard let served = services[name] else { return {} }
        func dial() -> () -> Void {
            served.connections.connect { result in completion(result.mapError { GatewayRefusal(502, $0.why) })
            }
        }
        guard let login = served.login else { return dial() }
        let wish = Wish()
        wish.giveUp = login.provide { [unowned self] result in
            do throws(GatewayRefusal) {
                try use(try result.get(), of: served)
                wish.next = dial()
            } catch { completion(.failure(error)) }
        }
        return {
            wish.giveUp()
            wish.next()
        }
    }

    /// What is waited for, one after the other.
    private final class Wish {
        var giveUp: () -> Void = {}
        var next: () -> Void = {}
    }

    /// Takes over an access token.
    private func use(_ token: Secret, of served: Served) throws(GatewayRefusal) {
        guard served.key !== token else { return }
        do throws(SystemError) {
            try served.use(token)
        } catch { throw GatewayRefusal(503, "the gateway has no memory for a key") }
    }

    /// Whether the key of a service can be renewed.
    func isLogin(_ name: String) -> Bool { services[name]?.login != nil }

    /// Whether the key of a login was forgotten, and is to be read again.
    func isForgotten(_ name: String) -> Bool {
        guard let served = services[name] else { return false }
        return served.login != nil && served.key == nil && served.isGiven
    }

    /// The key that requests to a service have now.
    func key(_ name: String) -> Secret? { services[name]?.key }

    /// A service has answered that it does not take a key.
    func rejected(_ key: Secret, by name: String) { services[name]?.login?.reject(key) }

    private static func revoked(_ name: String) -> GatewayRefusal {
        GatewayRefusal(403, "the key for \(name) was revoked")
    }

    func keep(_ stream: ServiceStream, for name: String) {
        if services[name]?.isGiven ?? false { services[name]?.connections.keep(stream) }
    }

    /// The head of a request with the key in it.
    func head(_ request: HTTPRequestHead, _ target: ServiceTarget) throws(GatewayRefusal) -> [UInt8] {
        // Between the verdict and now it may have been revoked.
        guard let served = services[target.service], served.isGiven, served.login == nil || served.key != nil
        else { throw Self.revoked(target.service) }
        if let login = served.login {
            if login.isMarked { throw login.withdraw() }
            let watch = revocations ?? RevocationWatch(loop) { [unowned self] in endRevoked() }
            revocations = watch
            watch.begin()
        }
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
