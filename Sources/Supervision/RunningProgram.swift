// A program in a sandbox as a foreground command sees it: `run` holds the sandbox itself, `exec` speaks to
// the supervisor that does.

package import ClocheModel
internal import Gateway
internal import Glibc
package import LinuxSystem
internal import NetworkRelay
package import SandboxRuntime

/// What happened to a program.
package enum ProgramEvent: ~Copyable {
    /// It runs; the master of its pty, if it has one.
    case started(terminal: FileDescriptor.Shared?)
    /// It could not be started.
    case failed(ClocheError)
    /// Its exit code, or 128 plus a signal.
    case exited(Int32)
    /// A limit ended its sandbox.
    case limited(ClocheError)
    /// Its sandbox has gone.
    case lost
}

/// A program started or about to be.
package protocol RunningProgram: AnyObject {
    /// Readable when an event waits.
    var descriptor: CInt { get }
    /// The next event; nil when none waits and `wait` is false.
    func next(wait: Bool) throws(ClocheError) -> ProgramEvent?
    /// Sends a signal to its process group.
    func signal(_ number: Int32)
    /// Ends it whatever it does.
    func kill()
    /// When `holdLimits` has something to do, in milliseconds of the monotonic clock; nil for never.
    var nextLook: Int64? { get }
    /// Looks whether a limit was reached, and ends the program that did.
    func holdLimits()
}

/// A program in a sandbox of this process.
package final class SandboxProgram: RunningProgram {
    private let sandbox: Sandbox
    private let id: UInt32
    private let resources: LimitWatch
    private var policy: Policy
    private var lifecycle = Lifecycle()
    /// The limit that was reached.
    private var breach: LimitBreach?
    /// What `descriptor` is of: init's reports, and the network.
    private let epoll: Epoll
    private var network: AgentNetwork?
    /// The process that has its keys, if there are any.
    private var gateway: GatewayClient?
    private var gatewayIsBehind = false
    /// What its network has refused.
    package let refusals = RefusalSummary()
    /// Answers calls that its filters hand over, if they do, and who is told.
    private var calls: CallListener?
    private let recorder: RunRecorder?
    /// Why its calls cannot be answered any more.
    private var failure: ClocheError?

    /// Takes a sandbox in which the program `id` is being started, and the limits that hold for it.
    package init(
        _ sandbox: consuming Sandbox,
        _ id: UInt32,
        _ resources: LimitWatch,
        _ policy: Policy,
        recorder: RunRecorder? = nil,
        gateway: GatewayClient? = nil
    ) throws(ClocheError) {
        var sandbox = sandbox
        let inside = sandbox.takeNetwork()
        calls = sandbox.takeCalls()
        self.recorder = recorder
        self.sandbox = sandbox
        self.id = id
        do throws(SystemError) {
            epoll = try Epoll()
            try epoll.add(self.sandbox.control.number, token: 0)
            if let calls { try epoll.add(calls.descriptor.number, token: 2) }
        } catch { throw ClocheError(.system, "cannot wait for the sandbox", why: error.description) }
        self.resources = resources
        self.policy = policy
        lifecycle.started(at: MonotonicClock.milliseconds)
        // Only an agent has a terminal of its own that can be idle.
        self.policy.limits.idleSeconds = nil
        try resources.began(self.sandbox.pid)
        if let inside { try serve(inside) }
        if let gateway, let inside { try serveGateway(gateway, inside) }
    }

    deinit {
        network?.end()
        gateway?.kill()
        resources.ended()
        sandbox.kill()
        resources.end()
    }

    /// The sooner of what the clock and what measuring asks for.
    package var nextLook: Int64? {
        [
            lifecycle.nextDeadline(policy.limits), resources.nextLook, network?.nextDeadline,
            recorder?.nextLook,
        ].compactMap { $0 }.min()
    }

    /// Kills at once what uses too much; whose time is over is asked first.
    package func holdLimits() {
        answerCalls()
        network?.handle()
        handleGateway()
        recorder?.look(resources)
        let now = MonotonicClock.milliseconds
        if breach == nil, let found = resources.look(now) { end(by: found) }
        // An init that has left too much unread is asked again.
        if resources.mustAsk(now) { try? sandbox.askForCount() }
        switch lifecycle.due(policy.limits, now: now) {
        case .limit(let reason)?:
            breach = breach ?? LimitBreach(ofTime: reason, policy.limits)
            lifecycle.stop(reason, now: now, graceSeconds: policy.stop.graceSeconds)
            signal(policy.stop.signal)
        case .kill?: kill()
        case .restart?, nil: return
        }
    }

    private func end(by found: LimitBreach) {
        breach = breach ?? found
        resources.ended()
        kill()
    }

    /// So many are answered before others have their turn.
    private static let callsPerTurn = 256
    private static let callMilliseconds: Int64 = 5

    private func answerCalls() {
        do throws(SystemError) {
            let end = MonotonicClock.milliseconds + Self.callMilliseconds
            try calls?.answer(most: Self.callsPerTurn, until: end) { recorder?.note($0) }
        } catch {
            failure = ClocheError(.system, "cannot answer the sandbox's calls", why: error.description)
            calls = nil
            kill()
        }
    }

    /// Answers calls until init has something to report: executing the program is one of them.
    private func answerCallsUntilReport() throws(ClocheError) {
        while let calls {
            do throws(SystemError) {
                let ready = try Poll.wait([
                    Poll.Interest(sandbox.control.number, readable: true),
                    Poll.Interest(calls.descriptor.number, readable: true),
                ])
                if ready[0] { return }
            } catch { throw ClocheError(.system, "cannot wait for the sandbox", why: error.description) }
            answerCalls()
        }
    }

    private func outcome(_ otherwise: consuming ProgramEvent) -> ProgramEvent {
        if let failure { return .limited(failure) }
        guard let breach = breach ?? resources.cause() else { return otherwise }
        return .limited(
            ClocheError(.limit, breach.text, remedy: "raise it in the profile, or with --set")
        )
    }

    /// Readable for a report of init's, and for the network.
    package var descriptor: CInt { epoll.descriptor }

    private func serveGateway(_ client: GatewayClient, _ inside: SandboxNetwork) throws(ClocheError) {
        var client = client
        client.serve(inside)
        try client.awaitReady()
        do throws(SystemError) {
            try epoll.add(client.socket.number, token: 3)
        } catch { throw ClocheError(.system, "cannot wait for the gateway", why: error.description) }
        gateway = client
    }

    /// Lets requests through: nobody keeps a log of a run.
    private func handleGateway() {
        for report in gateway?.receive() ?? [] {
            if case .question(let id, _, _) = report { gateway?.send(.verdict(id: id, refusal: nil)) }
        }
        guard let client = gateway else { return }
        if client.hasEnded {
            epoll.remove(client.socket.number)
            gateway = nil
        } else if client.isBehind != gatewayIsBehind {
            gatewayIsBehind = client.isBehind
            // The set has this descriptor; changing what it waits for cannot fail.
            try? epoll.modify(client.socket.number, token: 3, readable: true, writable: gatewayIsBehind)
        }
    }

    private func serve(_ inside: SandboxNetwork) throws(ClocheError) {
        guard inside.questions != nil else { return }
        // Nobody keeps a log of a run.
        recorder?.served(inside.socketTable, ofInit: sandbox.pid)
        let network = try AgentNetwork(policy.network, inside.sockets) { [refusals, recorder] in
            refusals.note($0)
            recorder?.note($0)
        }
        network.leadToGateway(policy.interceptedServices)
        do throws(SystemError) {
            try epoll.add(network.descriptor, token: 1)
        } catch { throw ClocheError(.system, "cannot serve the network", why: error.description) }
        self.network = network
    }

    /// Init's next report.
    ///
    /// - Throws: when the control socket fails.
    package func next(wait: Bool) throws(ClocheError) -> ProgramEvent? {
        if wait { try answerCallsUntilReport() }
        guard let event = try sandbox.nextEvent(wait: wait) else { return nil }
        switch consume event {
        case .started(_, _, let terminal):
            if let terminal = consume terminal { return .started(terminal: FileDescriptor.Shared(terminal)) }
            return .started(terminal: nil)
        case .failed(_, let error): return .failed(error)
        case .exited(_, let end):
            network?.handle()
            recorder?.ended(end.exitCode, resources)
            return outcome(.exited(end.exitCode))
        case .counted(let last):
            if let found = resources.counted(last) { end(by: found) }
            return nil
        case .socket: return nil
        case .closed: return outcome(.lost)
        }
    }

    /// Asks init to send the signal.
    package func signal(_ number: Int32) {
        try? sandbox.signal(id, number)  // init gone: its end is the next event
    }

    /// Kills the whole sandbox, and waits until it is gone.
    package func kill() { sandbox.kill() }
}

/// A program in the sandbox of a running agent.
package final class RemoteProgram: RunningProgram {
    private let client: SupervisorClient

    /// Asks a supervisor to start a program.
    package init(_ client: consuming SupervisorClient, _ request: ExecRequest, stdio: [CInt])
        throws(ClocheError)
    {
        try client.send(.exec(request), descriptors: stdio)
        self.client = client
    }

    /// The agent's socket.
    package var descriptor: CInt { client.socket.number }

    /// The supervisor's next message about the program.
    ///
    /// - Throws: when the socket fails, or the supervisor is of another version.
    package func next(wait: Bool) throws(ClocheError) -> ProgramEvent? {
        if !wait {
            guard try hasMessage() else { return nil }
        }
        var reply = try client.receiveWithDescriptor()
        switch reply.message {
        case .started?:
            if let terminal = reply.descriptor.take() {
                return .started(terminal: FileDescriptor.Shared(terminal))
            }
            return .started(terminal: nil)
        case .failed(let error)?: return .failed(error)
        case .exited(let code)?: return .exited(code)
        default: return .lost
        }
    }

    private func hasMessage() throws(ClocheError) -> Bool {
        do {
            return try Poll.wait([Poll.Interest(descriptor, readable: true)], milliseconds: 0)[0]
        } catch { throw ClocheError(.system, "cannot wait for the agent", why: error.description) }
    }

    /// Asks the supervisor to send the signal.
    package func signal(_ number: Int32) {
        try? client.send(.signal(number))  // an agent that has gone is the next event
    }

    /// Never: its supervisor looks.
    package var nextLook: Int64? { nil }
    /// Nothing: see `nextLook`.
    package func holdLimits() {}

    /// As `signal` with `SIGKILL`; other programs of the sandbox go on.
    package func kill() { signal(SIGKILL) }
}
