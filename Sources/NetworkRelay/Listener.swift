// Sockets that wait for connections, inside the sandbox and on the host.

internal import LinuxSystem

/// Accepts what comes; when there is no room for descriptors it rests for a moment.
final class Listener: Watcher {
    private unowned let network: AgentNetwork
    private let socket: FileDescriptor.Shared
    private let accepted: (consuming FileDescriptor) -> Void
    private var id: UInt64 = 0
    private var isResting = false

    /// Accepted in one turn.
    private static let turn = 64
    private static let rest: Int64 = 100

    init(
        _ network: AgentNetwork,
        _ socket: FileDescriptor.Shared,
        _ accepted: @escaping (consuming FileDescriptor) -> Void
    ) {
        self.network = network
        self.socket = socket
        self.accepted = accepted
        id = network.register(self)
        network.watch(socket.number, id, 0, readable: true, writable: false)
    }

    func ready(_ side: Int, _ event: Readiness) {
        for count in 0..<Self.turn {
            if count > 0 && network.isTurnOver { return }
            do throws(SystemError) {
                guard let connection = try StreamSocket.accept(socket.number) else { return }
                accepted(connection)
            } catch {
                isResting = true
                network.forget(socket.number)
                network.wake(id, at: MonotonicClock.milliseconds + Self.rest)
                return
            }
        }
    }

    func timeUp() {
        if isResting { network.watch(socket.number, id, 0, readable: true, writable: false) }
        isResting = false
    }

    func end() {
        network.forget(socket.number)
        network.unregister(id)
    }
}

/// A port of the host that leads into the sandbox.
final class Forward {
    let address: SocketAddress
    let port: UInt16
    private var listener: Listener?

    init(_ network: AgentNetwork, _ socket: FileDescriptor.Shared, _ address: SocketAddress, _ port: UInt16) {
        self.address = address
        self.port = port
        StreamSocket.sendAtOnce(socket.number)
        listener = Listener(network, socket) { [unowned network] connection in
            let outside = FileDescriptor.Shared(connection)
            guard !network.isFull else { return StreamSocket.resetOnClose(outside.number) }
            _ = InwardConnection(network, outside, port)
        }
    }

    func end() { listener?.end() }
}

/// A connection from the host that waits for its other end: a socket of the sandbox's, made by its init.
final class InwardConnection: Watcher {
    private unowned let network: AgentNetwork
    private let outside: FileDescriptor.Shared
    private let port: UInt16
    private var inside: FileDescriptor.Shared?
    private var id: UInt64 = 0
    private var triesIPv6 = true
    private let end: Int64
    /// Init had no descriptor to give, and is asked again when this comes.
    private var nextRequest: Int64?

    private static let patience: Int64 = 10_000
    private static let pause: Int64 = 50

    init(_ network: AgentNetwork, _ outside: FileDescriptor.Shared, _ port: UInt16) {
        self.network = network
        self.outside = outside
        self.port = port
        end = MonotonicClock.milliseconds + Self.patience
        id = network.register(self)
        network.wake(id, at: end)
        request()
    }

    private func request() {
        nextRequest = nil
        if network.requestSocket?(id, triesIPv6) != true { fail() }
    }

    /// A server may listen on either family's loopback.
    func provided(_ socket: FileDescriptor.Shared?) {
        guard let socket else {
            let time = MonotonicClock.milliseconds + Self.pause
            nextRequest = time
            return network.wake(id, at: time)
        }
        inside = socket
        let isIPv4 = triesIPv6
        do throws(SystemError) {
            // Init makes it so; whoever has taken init over might not.
            try socket.setNonBlocking()
            try StreamSocket.connect(socket.number, to: .loopback(isIPv4: isIPv4, port: port))
            network.watch(socket.number, id, 0, readable: false, writable: true)
        } catch { tryOther() }
    }

    func ready(_ side: Int, _ event: Readiness) {
        guard let inside else { return }
        do throws(SystemError) {
            guard try StreamSocket.isConnected(inside.number) else { return }
            network.forget(inside.number)
            network.unregister(id)
            StreamSocket.sendAtOnce(inside.number)
            network.beginForwarded(outside, inside, port)
        } catch {
            network.forget(inside.number)
            tryOther()
        }
    }

    private func tryOther() {
        inside = nil
        guard triesIPv6 else { return fail() }
        triesIPv6 = false
        request()
    }

    func timeUp() {
        let now = MonotonicClock.milliseconds
        if now >= end { return fail() }
        if let nextRequest, now >= nextRequest { request() }
    }

    /// Closed with a reset: nobody listens inside.
    private func fail() {
        if let inside { network.forget(inside.number) }
        StreamSocket.resetOnClose(outside.number)
        network.unregister(id)
    }
}
