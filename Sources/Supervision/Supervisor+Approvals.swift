// What is held until a person approves of it: the agent's network and gateway ask, people answer, and all of it is on record
// before anybody goes on.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import Gateway
internal import LinuxSystem
internal import ModelUsage
internal import NetworkRelay
internal import NetworkRules
internal import TerminalText

extension Supervisor {
    // MARK: Questions

    /// Whether a connection may be made to a host that no rule names.
    func judgeNewHost(_ connection: UInt64, _ destination: Destination) -> HostVerdict {
        let target = destination.description
        let subject = ApprovalSubject(kind: .newHost, target: target, scope: "host \(target)")
        let answer = approvals.ask(subject, by: .connection(connection), at: MonotonicClock.milliseconds)
        return HostVerdict(answer)
    }

    /// Whether a request may be judged now; if not, it was refused, or is when a person has answered.
    func isApproved(_ id: Int64, _ request: GatewayRequest, _ model: ModelRequest?) -> Bool {
        guard let subject = policy.ask.subject(of: request, names: credentialNames(of: request.service))
        else { return true }
        let now = MonotonicClock.milliseconds
        guard request.target != nil else {
            let why = "it must be approved of, and is too long to be shown to a person"
            approvals.refuseUnasked(subject, why, at: now)
            refuseRequest(id, why)
            return false
        }
        switch approvals.ask(subject, by: .request(id), at: now) {
        case .allowed: return true
        case .refused(let why): refuseRequest(id, why)
        case .wait: heldRequests[id] = (request, model)
        }
        return false
    }

    private func credentialNames(of service: String) -> [String] {
        policy.credentials.flatMap { credential -> [String] in
            guard case .service(let one, let source) = credential.kind, one.name == service else { return [] }
            if case .kept(let name) = source { return [service, name] }
            return [service]
        }
    }

    private func refuseRequest(_ id: Int64, _ why: String) {
        let refusal = "a person must approve of this ('ask' in the profile), and \(why)"
        gateway?.send(.verdict(id: id, refusal: refusal, status: 403))
    }

    /// A request that was held has no client any more.
    func withdrawRequest(_ id: Int64) {
        guard heldRequests.removeValue(forKey: id) != nil else { return }
        approvals.withdraw(.request(id), at: MonotonicClock.milliseconds)
        // The gateway forgets it by that.
        gateway?.send(.verdict(id: id, refusal: "its client has gone", status: 403))
    }

    /// There is no gateway any more that could be answered.
    func withdrawRequests() {
        heldRequests = [:]
        approvals.withdrawRequests(at: MonotonicClock.milliseconds)
    }

    // MARK: Answers

    /// What waits.
    var heldReport: Document {
        let held = approvals.held(calendar: WallClock.milliseconds, at: MonotonicClock.milliseconds)
        return .object(["requests": .list(held.map(\.document))])
    }

    /// Does what a person says of a request.
    func decide(_ request: ApprovalRequest, by user: UInt32) throws(ClocheError) -> Document {
        // One whose time is over is denied, whatever is said now.
        approvals.expire(at: MonotonicClock.milliseconds)
        let decision = ApprovalRegister.Decision(
            number: request.number,
            isApproval: request.isApproval,
            isLasting: request.isLasting,
            user: user
        )
        guard let subject = approvals.decide(decision, at: MonotonicClock.milliseconds) else {
            try handleApprovals()
            throw ClocheError(
                .notFound,
                "no request \(request.number) waits at agent \(record.name)",
                why: "it was answered, its time is over, its program has gone, or there never was one",
                remedy: "`cloche requests \(record.name)` lists what waits"
            )
        }
        try handleApprovals()
        return .object([
            "class": .string(subject.kind.description), "target": .string(subject.target),
            "approved": .bool(request.isApproval), "always": .bool(request.isLasting),
        ])
    }

    /// Does what is due: writes down what happened, and only then lets go on who may.
    func handleApprovals() throws(ClocheError) {
        approvals.expire(at: MonotonicClock.milliseconds)
        // Who is let go may ask the next question.
        while !finished, !approvals.isSettled {
            // If this cannot be written, nobody goes on, and the next turn ends the agent.
            try audit.append(approvals.events.map(\.record))
            approvals.wroteEvents()
            for release in approvals.takeReleased() { try carryOut(release) }
        }
        if approvals.fingerprint != toldApprovals {
            toldApprovals = approvals.fingerprint
            try followState()
        }
    }

    private func carryOut(_ release: ApprovalRegister.Release) throws(ClocheError) {
        switch release.waiter {
        case .connection(let number): network?.decide(number, HostVerdict(release.answer))
        case .request(let id):
            guard let (request, model) = heldRequests.removeValue(forKey: id) else { return }
            switch release.answer {
            case .allowed: try passJudged(id, request, model)
            case .refused(let why): refuseRequest(id, why)
            case .wait: return
            }
        }
    }

    /// The agent ends, and what waits with it.
    func endApprovals() {
        approvals.withdrawAll()
        // A log that cannot be written has ended it already.
        try? audit.append(approvals.events.map(\.record))
        approvals.wroteEvents()
        heldRequests = [:]
    }

    // MARK: What is shown

    /// What the agent waits for, in place of what its program does; nil if nothing is held.
    var heldState: HarnessState? {
        let held = approvals.held(calendar: WallClock.milliseconds, at: MonotonicClock.milliseconds)
        guard let first = held.first, let last = held.last else { return nil }
        let what = "\(record.name)/\(last.number) \(last.kind) \(visible(last.target, limit: .max))"
        var state = HarnessState(
            .waiting,
            since: first.since,
            by: .approval,
            text: held.count == 1 ? "asks for \(what)" : "\(held.count) requests wait, the newest for \(what)"
        )
        state.requests = held
        return state
    }
}

extension HostVerdict {
    fileprivate init(_ answer: ApprovalRegister.Answer) {
        switch answer {
        case .allowed(let why): self = .allowed(why)
        case .refused(let why): self = .refused(why)
        case .wait: self = .wait
        }
    }
}

extension ApprovalRegister.Event {
    /// As the audit log has it.
    fileprivate var record: AuditEvent {
        AuditEvent(
            .approval,
            [
                .init("action", .string(action.rawValue)), .init("number", .optional(number)),
                .init("class", .string(kind.description)), .init("target", .string(target)),
                .init("always", decision.map { .bool($0.isLasting) } ?? .null),
                .init("by", .optional(decision.map { Int64($0.user) })), .init("why", .optional(why)),
                .init("untold", .optional(untold)),
            ]
        )
    }
}
