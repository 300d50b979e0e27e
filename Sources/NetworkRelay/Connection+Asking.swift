// A connection to a host that no rule names, where a person is asked about such: it is held, with its program waiting for
// the first answer on it. Nothing goes out meanwhile, not even a question for the name.

internal import LinuxSystem
internal import NetworkRules

/// What is said of a host that no rule names.
package enum HostVerdict: Sendable {
    /// Somebody is being asked; the answer comes by `AgentNetwork.decide`.
    case wait
    /// It may be connected to, for this reason.
    case allowed(String)
    /// It may not, for this reason.
    case refused(String)
}

extension Connection {
    /// Whether a destination was or is to be asked about, and how that came out.
    enum Asking {
        /// It was not asked about.
        case none
        /// The answer is waited for; what it was refused for.
        case held(Refusal)
        /// It was approved of.
        case approved(Grant)
    }

    /// What it may do at a destination: by a rule, or because a person said so before.
    ///
    /// - Returns: nil if it was refused, or is held.
    func grant(for destination: Destination) -> Grant? {
        let decision = network.policy.decide(destination)
        guard let refusal = decision.refusal else { return decision.grant }
        guard refusal.isOfNewHost, let judge = network.judgeNewHost else {
            refuse(refusal)
            return nil
        }
        if case .approved(let grant) = asking { return grant }
        // An address of this machine is refused whatever a person says.
        if case .address(let address) = destination.host,
            let refusal = network.refusal(
                of: address,
                for: destination,
                .init(approved: "", port: destination.port)
            )
        {
            refuse(refusal)
            return nil
        }
        switch judge(number, destination) {
        case .allowed(let why): return approved(why, destination)
        case .refused(let why):
            refuse(refusal.because(why))
            return nil
        case .wait:
            asking = .held(refusal)
            phase = .held
            advance()
            return nil
        }
    }

    private func approved(_ why: String, _ destination: Destination) -> Grant {
        let grant = Grant(approved: why, port: destination.port)
        asking = .approved(grant)
        return grant
    }

    /// The answer has come.
    func decided(_ verdict: HostVerdict) {
        guard case .held(let refusal) = asking, let destination = facts.destination else { return }
        switch verdict {
        case .wait: return
        case .refused(let why):
            asking = .none
            refuse(refusal.because(why))
        case .allowed(let why):
            _ = approved(why, destination)
            // Other rules may hold by now, and they are asked first.
            goOn(to: destination)
        }
    }

    /// Other rules have come in force while it was held.
    func judgeHeld(_ destination: Destination) {
        let decision = network.policy.decide(destination)
        if let refusal = decision.refusal {
            if refusal.isOfNewHost { return }
            leaveAsking()
            refuse(refusal)
        } else {
            leaveAsking()
            goOn(to: destination)
        }
    }

    /// Its program has gone, or no answer is needed any more.
    func leaveAsking() {
        guard case .held = asking else { return }
        asking = .none
        network.withdrawNewHost?(number)
    }

    /// Sees whether the program that waits is still there.
    func watchHeld() {
        if client.isGone { return close(why: nil) }
        switch readWords() {
        // There may be more, or the end.
        case .moved: network.later(self)
        // That it has much to say is no reason to leave it; a connection that breaks is seen all the same.
        case .wouldBlock, .failed(.noMemory): return
        // Whoever only has no more to say cannot be told from who has gone, and is taken for gone.
        case .end, .failed: close(why: nil)
        }
    }
}

extension AgentNetwork {
    /// The answer to a `judgeNewHost` that was to be waited for.
    package func decide(_ connection: UInt64, _ verdict: HostVerdict) {
        self.connection(connection)?.decided(verdict)
    }
}

extension Refusal {
    fileprivate func because(_ why: String) -> Refusal {
        Refusal(reason, "\(text), and \(why)", rule: rule, suggestion: suggestion)
    }
}
