// Connections to services: those that are idle are used again for a while, others are made: name, connection, proxy of
// the user's, TLS.

internal import ClocheModel
internal import LinuxSystem
internal import NetworkRelay
internal import NetworkRules

/// Makes connections to one service, and keeps those that can be used again.
final class ServiceConnections {
    typealias Completion = (Result<ServiceStream, GatewayFailure>) -> Void

    private let service: GatewayService
    private unowned let loop: GatewayLoop
    private let resolver: Resolver
    private let proxy: UpstreamProxy?
    private var context: TLSContext?
    private var idle: [(stream: ServiceStream, since: Int64)] = []
    private var nextAttempt: UInt64 = 0
    private var attempts: [UInt64: ServiceAttempt] = [:]

    /// Servers close idle ones; before they may, ours are.
    private static let idleTime: Int64 = 20_000
    private static let mostIdle = 8

    init(_ service: GatewayService, _ loop: GatewayLoop, _ resolver: Resolver, _ proxy: UpstreamProxy?)
        throws(GatewayFailure)
    {
        (self.service, self.loop, self.resolver, self.proxy) = (service, loop, resolver, proxy)
        if service.usesTLS { context = try TLSContext(certificates: service.certificates) }
    }

    /// Gives a connection, now or later; the closure that is returned gives the wish up.
    func connect(_ completion: @escaping Completion) -> () -> Void {
        while let (stream, since) = idle.popLast() {
            // One that has something to read has ended, or was never idle.
            guard MonotonicClock.milliseconds - since < Self.idleTime, !stream.hasPending,
                StreamSocket.isQuiet(stream.socket.number)
            else { continue }
            completion(.success(stream))
            return {}
        }
        nextAttempt += 1
        let number = nextAttempt
        let attempt = ServiceAttempt(service, loop, context) { [weak self] result in
            self?.attempts[number] = nil
            completion(result)
        }
        attempts[number] = attempt
        attempt.begin(resolver, proxy)
        return { [weak self] in self?.attempts.removeValue(forKey: number)?.cancel() }
    }

    /// Takes back one on which another request may be sent.
    func keep(_ stream: ServiceStream) {
        if idle.count >= Self.mostIdle { idle.removeFirst() }
        idle.append((stream, MonotonicClock.milliseconds))
    }

    /// Closes those that are idle: another key holds.
    func forget() { idle = [] }
}

/// One connection being made.
private final class ServiceAttempt: Watcher {
    private let service: GatewayService
    private unowned let loop: GatewayLoop
    private let context: TLSContext?
    private var completion: ServiceConnections.Completion?
    private var dialer: Dialer?
    private var handshake: ProxyHandshake?
    private var stream: ServiceStream?
    private var watched: Watched?
    private var id: UInt64 = 0

    private static let patience: Int64 = 15_000

    init(
        _ service: GatewayService,
        _ loop: GatewayLoop,
        _ context: TLSContext?,
        _ completion: @escaping ServiceConnections.Completion
    ) {
        (self.service, self.loop, self.context, self.completion) = (service, loop, context, completion)
        id = loop.register(self)
        loop.wake(id, at: MonotonicClock.milliseconds + Self.patience)
    }

    func begin(_ resolver: Resolver, _ proxy: UpstreamProxy?) {
        // The profile was read with the same parser; another text is refused below.
        guard let destination = try? Destination(authority: service.authority, standardPort: service.port)
        else { return finish(.failure(GatewayFailure(why: "\(service.host) is no host"))) }
        let first = proxy?.destination ?? destination
        switch first.host {
        case .address(let address): dial([SocketAddress(address, port: first.port)], proxy, destination)
        case .name(let name):
            resolver.resolve(name) { [weak self] resolution in
                switch resolution {
                case .failed(let why):
                    self?.finish(.failure(GatewayFailure(why: "\(name) is not found: \(why)")))
                case .addresses(let addresses):
                    self?.dial(addresses.map { SocketAddress($0, port: first.port) }, proxy, destination)
                }
            }
        }
    }

    private func dial(_ addresses: [SocketAddress], _ proxy: UpstreamProxy?, _ destination: Destination) {
        guard completion != nil else { return }
        let made = Dialer(loop, addresses) { [weak self] result in
            guard let self else { return }
            dialer = nil
            switch result {
            case .failure(let error):
                finish(
                    .failure(GatewayFailure(why: "\(service.authority) cannot be reached: \(error.errno)"))
                )
            case .success(let (socket, _)):
                StreamSocket.sendAtOnce(socket.number)
                StreamSocket.keepAlive(socket.number)
                if let proxy { ask(proxy, destination, socket) } else { secure(socket) }
            }
        }
        if !made.isFinished { dialer = made }
    }

    private func ask(_ proxy: UpstreamProxy, _ destination: Destination, _ socket: FileDescriptor.Shared) {
        handshake = ProxyHandshake(loop, socket, proxy.request(for: destination)) { [weak self] result in
            guard let self else { return }
            handshake = nil
            switch result {
            case .failure(let failure): finish(.failure(GatewayFailure(why: "the proxy: \(failure.why)")))
            case .success: secure(socket)
            }
        }
    }

    private func secure(_ socket: FileDescriptor.Shared) {
        do throws(GatewayFailure) {
            stream = try ServiceStream(socket, service, context)
        } catch { return finish(.failure(error)) }
        watched = Watched(socket.number, side: 0)
        advance()
    }

    private func advance() {
        guard let stream else { return }
        switch stream.handshake() {
        case .done: finish(.success(stream))
        case .waits(let writable): watched?.want(!writable, writable, of: id, in: loop)
        case .failed(let failure): finish(.failure(failure))
        }
    }

    func ready(_ side: Int, _ event: Readiness) { advance() }

    func timeUp() {
        finish(.failure(GatewayFailure(why: "\(service.authority) did not answer within 15 s")))
    }

    private func finish(_ result: Result<ServiceStream, GatewayFailure>) {
        guard let completion else { return }
        cancel()
        completion(result)
    }

    /// Gives up; nobody is told.
    func cancel() {
        completion = nil
        dialer?.cancel()
        handshake?.cancel()
        watched?.want(false, false, of: id, in: loop)
        stream = nil
        loop.unregister(id)
    }
}
