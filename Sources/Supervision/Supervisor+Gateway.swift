// The agent's gateway: its requests are let through or not, and are on record.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import Gateway
internal import LinuxSystem
internal import ModelUsage
internal import NetworkRelay
internal import NetworkRules
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
        guard !policy.interceptedServices.isEmpty else { return }
        // Its certificate is a part of the sandbox.
        try gateway?.awaitReady()
        agent.request.authority = gateway?.authority
    }

    /// Has it take the connections of a sandbox.
    func serveGateway(_ inside: SandboxNetwork) throws(ClocheError) {
        guard inside.gateway != nil, gateway != nil else { return }
        gateway?.serve(inside)
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
            case .ready, .authority: continue
            case .distrusted(let service):
                try audit.append(
                    .gateway,
                    [
                        "action": .string("distrusted"), "service": .string(service),
                        "why": .string(Self.distrust),
                    ]
                )
            case .failed(let why):
                try audit.append(.gateway, ["action": .string("failed"), "why": .string(why)])
                answerKeyChanges(failure: ClocheError(.system, "the gateway failed", why: why))
            case .changed(let service): answerKeyChanges(of: service)
            case .renewed(let service, let failure):
                var facts: [Document.Entry] = [
                    .init("action", .string(failure == nil ? "renew" : "renew-failed")),
                    .init("service", .string(service)),
                ]
                if let failure { facts.append(.init("why", .string(failure))) }
                try audit.append([AuditEvent(.gateway, facts)])
            case .question(let id, let request, let model):
                if isApproved(id, request, model) { try passJudged(id, request, model) }
            case .withdrawn(let id): withdrawRequest(id)
            case .ended(let id, let request, let outcome): try requestEnded(id, request, outcome)
            }
        }
        try watchGateway()
    }

    private static let distrust =
        "a program does not trust the gateway's certificate: have it use \(InsidePath.certificates), as SSL_CERT_FILE says, "
        + "or the gateway's own address"

    /// In whose place it answers, and who vouches for that; nil where it does not.
    var interception: [Document.Entry]? {
        guard let authority = agent.request.authority else { return nil }
        let hosts = policy.interceptedServices.map(\.authority)
        return [
            .init("hosts", .strings(hosts)), .init("fingerprint", .string(authority.fingerprint)),
        ]
    }

    /// That it does, for the log of each start.
    var interceptionEvents: [AuditEvent] {
        interception.map { [AuditEvent(.gateway, [.init("action", .string("intercept"))] + $0)] } ?? []
    }

    /// Watches for room only while something waits for it; forgets a gateway that has gone.
    private func watchGateway() throws(ClocheError) {
        guard let client = gateway else { return }
        if client.hasEnded {
            epoll.remove(client.socket.number)
            gateway = nil
            withdrawRequests()
            answerKeyChanges(
                failure: ClocheError(.state, "the agent's gateway has ended", why: "its keys with it")
            )
            // What was under way may have been answered.
            for id in requestsUnderWay.keys { try endCounting(id, requestsUnderWay[id]?.expected) }
            try audit.append(.gateway, ["action": .string("lost")])
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

    /// Lets a request go on, if its budget does.
    func passJudged(_ id: Int64, _ request: GatewayRequest, _ model: ModelRequest?) throws(ClocheError) {
        // An agent that asks its model is not idle.
        lifecycle.activity(at: MonotonicClock.milliseconds)
        let refusal = refusal(model)
        if refusal == nil, model?.billing != .free { requestsUnderWay[id] = model ?? Self.uncounted }
        gateway?.send(.verdict(id: id, refusal: refusal?.text))
        if let event = refusal?.event { try act(on: [event]) }
    }

    /// Of a service whose answers do not say what was used: a request, and no tokens.
    private static let uncounted = ModelRequest(billing: .answered, model: nil, bytes: 0)

    private func refusal(_ model: ModelRequest?) -> BudgetRefusal? {
        switch model?.billing {
        case .free?: nil
        case .deferred?: budget?.deferredBegins(WallClock.milliseconds, expecting: model?.expected)
        case .answered?: budget?.begins(WallClock.milliseconds, expecting: model?.expected)
        case nil: budget?.begins(WallClock.milliseconds)
        }
    }

    private func requestEnded(_ id: Int64, _ request: GatewayRequest, _ outcome: GatewayOutcome)
        throws(ClocheError)
    {
        lifecycle.activity(at: MonotonicClock.milliseconds)
        try endCounting(id, outcome.usage)
        try audit.append([AuditEvent(.request, request.entries + outcome.entries)])
    }

    private func endCounting(_ id: Int64, _ usage: UsageReading?) throws(ClocheError) {
        guard let model = requestsUnderWay.removeValue(forKey: id), let budget else { return }
        let expected = model.bytes == 0 && model.model == nil ? nil : model.expected
        try act(on: budget.ended(usage, expected: expected, WallClock.milliseconds))
    }

    /// Writes down what became of a budget, and freezes the agent where it says so and that can be.
    private func act(on events: [BudgetEvent]) throws(ClocheError) {
        for event in events {
            // Where nothing can be frozen, what is asked for is refused all the same.
            let isFrozen = event.pauses && record.state == .running && canFreeze
            try audit.append([AuditEvent(.budget, event.facts(isFrozen: isFrozen))])
            // One that cannot be frozen now, as it waits for a disk, is not ended for that.
            if isFrozen { _ = try? pause() }
        }
    }

    /// When the ledger is to be written, on the monotonic clock.
    var budgetDue: Int64? {
        budget?.nextWrite.map { MonotonicClock.milliseconds + max(0, $0 - WallClock.milliseconds) }
    }

    /// Writes the ledger, if it is time.
    func writeBudget() {
        let now = WallClock.milliseconds
        if let budget, let due = budget.nextWrite, now >= due { budget.write(now) }
    }

    /// Gives it another key for a service, or none; who wanted that is answered when it has been done.
    func changeKey(
        _ service: String,
        isRevoked: Bool,
        _ pipe: FileDescriptor.Shared?,
        for viewer: Viewer
    ) {
        do throws(ClocheError) {
            try changeKey(service, isRevoked: isRevoked, pipe)
            keyChanges.append((service, viewer.token))
        } catch { reply(viewer, .failed(error)) }
    }

    /// Answers those whose change of a service has been done, or all of them with why it was not.
    private func answerKeyChanges(of service: String? = nil, failure: ClocheError? = nil) {
        // Each change is told once, in their order.
        let answered = service.map { service in Array(keyChanges.filter { $0.service == service }.prefix(1)) }
        for change in answered ?? keyChanges {
            if let index = keyChanges.firstIndex(where: { $0 == change }) { keyChanges.remove(at: index) }
            guard let viewer = viewers[change.viewer] else { continue }
            let done = Document.object(["service": .string(change.service)])
            reply(viewer, failure.map { .failed($0) } ?? .report(done))
        }
    }

    private func changeKey(_ service: String, isRevoked: Bool, _ pipe: FileDescriptor.Shared?)
        throws(ClocheError)
    {
        let meant = policy.gatewayServices.first { $0.name == service }
        guard gateway != nil, let meant, isRevoked || (pipe == nil) == (meant.login != nil) else {
            throw ClocheError(
                .state,
                "agent \(agent.directory.name) has no gateway for \(service)",
                remedy: "only credentials with `service` can be changed while an agent runs"
            )
        }
        let action = isRevoked ? "revoke" : "rotate"
        try audit.append(.gateway, ["action": .string(action), "service": .string(service)])
        gateway?.send(isRevoked ? .revoke(service: service) : .rotate(service: service), pipe)
        try watchGateway()
    }

    /// Ends it with the agent.
    func endGateway() {
        guard let client = gateway else { return }
        // What it has said until now is on record; a log that cannot be written has ended the agent already.
        while case let reports = gateway?.receive() ?? [], !reports.isEmpty {
            for case .ended(let id, let request, let outcome) in reports {
                // As above.
                try? requestEnded(id, request, outcome)
            }
        }
        // As above.
        for id in requestsUnderWay.keys { try? endCounting(id, requestsUnderWay[id]?.expected) }
        budget?.close(WallClock.milliseconds)
        epoll.remove(client.socket.number)
        client.kill()
        gateway = nil
    }
}

extension AgentNetwork {
    /// Has the resolver inside say where the gateway answers in the place of services, to programs that do not read
    /// `/etc/hosts`.
    func leadToGateway(_ services: [GatewayService]) {
        for service in services { ownNames[service.host] = IPAddress(InsideNetwork.interceptedAddress) }
    }
}
