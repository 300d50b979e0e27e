// The gateway of an agent as its supervisor sees it: a child that has the keys, and says what it is asked for. Nothing here
// waits for it but the start.

package import ClocheModel
internal import Gateway
package import LinuxSystem
internal import SandboxRuntime

/// What an agent's gateway is to be.
package struct GatewaySettings: Sendable {
    /// The services, each with the name by which its credential is known to the user.
    package var services: [GatewayService]
    /// A pipe that the keys are read from; this process does not.
    package var keys: FileDescriptor.Shared

    /// These services with these keys.
    package init(services: [GatewayService], keys: FileDescriptor.Shared) {
        (self.services, self.keys) = (services, keys)
    }
}

/// A supervisor's end of its gateway.
package struct GatewayClient {
    let socket: FileDescriptor.Shared
    let pid: Int32
    /// Who vouches for it where it answers in the place of services; known when it is ready.
    package private(set) var authority: InterceptionAuthority?
    private var isReady = false
    private var outgoing = OutgoingMessages()
    /// Whether it has gone.
    private(set) var hasEnded = false

    private static let patience: Int64 = 10_000

    /// Starts it.
    package init(_ executable: String, _ settings: GatewaySettings, _ network: NetworkSettings)
        throws(ClocheError)
    {
        do throws(SystemError) {
            let pair = try UnixSocket.pair()
            let null = try Files.openForUpdate("/dev/null")
            pid = try Subprocess(executable, ["internal", "gateway"], directory: "/")
                .spawn(stdin: pair.far.number, stdout: null.number, stderr: null.number, newSession: true)
            socket = FileDescriptor.Shared(pair.closingFar())
        } catch { throw ClocheError(.system, "cannot start the agent's gateway", why: error.description) }
        let order = GatewayOrder.serve(
            settings.services,
            upstreamProxy: network.upstreamProxy,
            nameServers: network.dnsServers
        )
        send(order, settings.keys)
    }

    /// Waits until it serves.
    ///
    /// - Throws: why it does not.
    package mutating func awaitReady() throws(ClocheError) {
        if isReady { return }
        let end = MonotonicClock.milliseconds + Self.patience
        while true {
            // One at a time: a question that follows at once stays for whoever answers it.
            for report in receive(most: 1) {
                switch report {
                case .authority(let authority): self.authority = authority
                case .ready:
                    isReady = true
                    return
                case .failed(let why):
                    throw ClocheError(.configuration, "the agent's gateway cannot serve", why: why)
                default: continue
                }
            }
            let left = end - MonotonicClock.milliseconds
            guard !hasEnded, left > 0 else {
                throw ClocheError(
                    .system,
                    "the agent's gateway did not begin",
                    why: "it ended, or said nothing for 10 s"
                )
            }
            do throws(SystemError) {
                let interest = Poll.Interest(socket.number, readable: true, writable: isBehind)
                _ = try Poll.wait([interest], milliseconds: Int32(clamping: left))
                try outgoing.flush(to: socket)
            } catch { hasEnded = true }
        }
    }

    /// Has it take the connections of a sandbox.
    mutating func serve(_ inside: SandboxNetwork) {
        if let listener = inside.gateway { send(.listen, listener) }
        for listener in inside.intercepted { send(.intercept(port: listener.port), listener.socket) }
    }

    /// Whether something waits that it has not taken yet: the socket is to be watched for room.
    var isBehind: Bool { outgoing.count > 0 }

    /// Gives it an order, now or when it has room.
    mutating func send(_ order: GatewayOrder, _ descriptor: FileDescriptor.Shared? = nil) {
        do throws(SystemError) {
            try outgoing.send(order.bytes, descriptor, to: socket)
        } catch { hasEnded = true }
    }

    /// What it has said; also sends what waits.
    ///
    /// - Parameter most: so many are taken before others have their turn.
    mutating func receive(most: Int = 64) -> [GatewayReport] {
        var reports: [GatewayReport] = []
        do throws(SystemError) {
            try outgoing.flush(to: socket)
            while reports.count < most, let message = try socket.receiveMessage() {
                if message.bytes.isEmpty {
                    hasEnded = true
                    break
                }
                if let report = GatewayReport(message.bytes) { reports.append(report) }
            }
        } catch { hasEnded = true }
        return reports
    }

    /// Ends it, if it has not ended: without its supervisor it would by itself, a moment later.
    package func kill() { Subprocess.kill(session: pid) }
}
