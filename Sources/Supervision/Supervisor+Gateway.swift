// The agent's gateway: its requests are let through or not, and are on record.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import Gateway
internal import LinuxSystem
internal import SandboxRuntime

extension Supervisor {
    /// Starts it, if the agent has one: it gets ready while the sandbox is being built.
    func startGateway() throws(ClocheError) {
        guard agent.request.hasGateway else { return }
        guard let settings = agent.gateway else {
            throw ClocheError(.system, "the keys for the agent's gateway did not arrive")
        }
        let client = try GatewayClient(agent.request.executable, settings, policy.network)
        // The keys are its alone.
        agent.gateway = nil
        gateway = client
    }

    /// Has it take the connections of a sandbox.
    func serveGateway(_ listener: FileDescriptor.Shared?) throws(ClocheError) {
        guard let listener, gateway != nil else { return }
        gateway?.send(.listen, listener)
        guard gatewayToken == 0 else { return }
        try gateway?.awaitReady()
        gatewayToken = makeToken()
        do throws(SystemError) {
            if let number = gateway?.socket.number { try epoll.add(number, token: gatewayToken) }
        } catch { throw ClocheError(.system, "cannot wait for the agent's gateway", why: error.description) }
    }

    /// Hears what it says.
    func handleGateway() throws(ClocheError) {
        for report in gateway?.receive() ?? [] {
            switch report {
            case .ready: continue
            case .failed(let why): try audit.append(.gateway, ["event": .string("failed"), "why": .string(why)])
            case .question(let id, let request): try judge(id, request)
            case .ended(_, let request, let outcome): try recordRequest(request, outcome)
            }
        }
        try watchGateway()
    }

    /// Watches for room only while something waits for it; forgets a gateway that has gone.
    private func watchGateway() throws(ClocheError) {
        guard let client = gateway else { return }
        if client.hasEnded {
            epoll.remove(client.socket.number)
            gateway = nil
            try audit.append(.gateway, ["event": .string("lost")])
        } else if client.isBehind != gatewayIsBehind {
            gatewayIsBehind = client.isBehind
            // The set has this descriptor; changing what it waits for cannot fail.
            try? epoll.modify(
                client.socket.number,
                token: gatewayToken,
                readable: true,
                writable: gatewayIsBehind
            )
        }
    }

    /// Whether a request may go on.
    private func judge(_ id: Int64, _ request: GatewayRequest) throws(ClocheError) {
        // An agent that asks its model is not idle.
        lifecycle.activity(at: MonotonicClock.milliseconds)
        gateway?.send(.verdict(id: id, refusal: nil))
    }

    private func recordRequest(_ request: GatewayRequest, _ outcome: GatewayOutcome) throws(ClocheError) {
        lifecycle.activity(at: MonotonicClock.milliseconds)
        try audit.append([AuditEvent(.request, request.entries + outcome.entries)])
    }

    /// Gives it another key for a service, or none.
    func changeKey(_ service: String, _ pipe: FileDescriptor.Shared?) throws(ClocheError) -> Document {
        guard gateway != nil, policy.services.contains(service) else {
            throw ClocheError(
                .state,
                "agent \(agent.directory.name) has no gateway for \(service)",
                remedy: "only credentials with `service` can be changed while an agent runs"
            )
        }
        let action = pipe == nil ? "revoke" : "rotate"
        try audit.append(.gateway, ["event": .string(action), "service": .string(service)])
        gateway?.send(pipe == nil ? .revoke(service: service) : .rotate(service: service), pipe)
        try watchGateway()
        return .object(["service": .string(service), "action": .string(action)])
    }

    /// Ends it with the agent.
    func endGateway() {
        guard let client = gateway else { return }
        // What it has said until now is on record; a log that cannot be written has ended the agent already.
        for case .ended(_, let request, let outcome) in gateway?.receive() ?? [] {
            try? recordRequest(request, outcome)
        }
        epoll.remove(client.socket.number)
        client.kill()
        gateway = nil
    }
}

extension Policy {
    /// The names of the services that a gateway has keys for.
    var services: Set<String> {
        Set(
            credentials.compactMap { credential in
                if case .service(let service, _) = credential.kind { service.name } else { nil }
            }
        )
    }
}
