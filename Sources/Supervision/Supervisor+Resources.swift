// What the agent uses, who holds its limits, and freezing it: requests `stats`, `pause` and `unpause`.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import ControlGroups
internal import LinuxSystem
internal import NetworkRelay
internal import SandboxRuntime

extension Supervisor {
    // MARK: How it is measured, frozen and held

    /// What the agent uses now.
    func resourceReport() -> ResourceReport {
        var report =
            resources?.report()
            ?? ResourceReport(measuredAt: MonotonicClock.milliseconds, source: .supervisor)
        report.outputBytes = outputBytes
        // All of a network by name is on lo, where the kernel's counters see both ends.
        if let carried = network?.carried {
            report.networkSentBytes = carried.sent
            report.networkReceivedBytes = carried.received
        }
        return report
    }

    /// Who holds a limit of this run.
    func holder(of limit: LimitName) -> LimitHolder { resources?.holder(of: limit) ?? .nobody }

    /// Stops every process of the sandbox where it is.
    func freeze() throws(ClocheError) { try setFrozen(true, "paused") }

    /// Whether there is a cgroup, without which nothing can be frozen.
    var canFreeze: Bool { resources?.cgroup?.group != nil }

    /// Lets every process of the sandbox go on.
    func thaw() throws(ClocheError) { try setFrozen(false, "unpaused") }

    private func setFrozen(_ frozen: Bool, _ participle: String) throws(ClocheError) {
        guard let group = resources?.cgroup?.group else { throw needsCgroup(participle) }
        do {
            try group.setFrozen(frozen)
        } catch {
            throw ClocheError(
                .system,
                "agent \(record.name) cannot be \(participle)",
                why: error.description,
                remedy: "a process that waits for a disk or a network file system may keep it; try again"
            )
        }
    }

    private func needsCgroup(_ participle: String) -> ClocheError {
        ClocheError(
            .host,
            "agent \(record.name) cannot be \(participle)",
            why: "it has no cgroup of its own, and only a cgroup freezes all processes at once",
            remedy:
                "`cloche doctor` says how to get one; `cloche stop \(record.name)` ends it and keeps its work"
        )
    }

    // MARK: Limits that are measured

    /// Ends the agent if it has used more than it may.
    func holdLimits() {
        guard !finished, sandbox != nil else { return }
        if let most = policy.limits.outputBytes, outputBytes > most {
            let (sent, may) = (Amount.bytes(outputBytes), Amount.bytes(most))
            let text = "the terminal was sent \(sent), at most \(may) may be"
            return endBy(LimitBreach(.output, .output, text))
        }
        let now = MonotonicClock.milliseconds
        if let breach = resources?.look(now) { return endBy(breach) }
        // An init that has left too much unread is asked again; a frozen one answers when it goes on.
        if record.state != .paused, resources?.mustAsk(now) == true { try? sandbox?.askForCount() }
    }

    /// At once: what uses too much is not asked to use less.
    ///
    /// One that is being ended anyway ends for that reason.
    func endBy(_ breach: LimitBreach) {
        let reason = lifecycle.stopReason ?? breach.reason
        end(reason == .operatorStop ? .stopped : .failed, reason, code: 137, failure: breach.text)
    }

    // MARK: The requests

    /// The limits that are set, and how far they are used up.
    func limitStates(_ report: ResourceReport) -> [LimitState] {
        let now = MonotonicClock.milliseconds
        return LimitState.all(
            policy.limits,
            report,
            elapsedSeconds: lifecycle.elapsedMilliseconds(now: now) / 1000,
            idleSeconds: lifecycle.idleMilliseconds(now: now) / 1000,
            holder: holder
        )
    }

    /// The answer to `stats`.
    var usage: AgentUsage {
        let report = resourceReport()
        return AgentUsage(state: record.state, report: report, limits: limitStates(report))
    }

    /// Freezes the agent; false when it is frozen already.
    func pause() throws(ClocheError) -> Bool {
        if record.state == .paused { return false }
        try requireSandbox()
        try freeze()
        lifecycle.pause(at: MonotonicClock.milliseconds)
        following.watch.pause(at: MonotonicClock.milliseconds)
        settle(.paused, .pause)
        return true
    }

    /// Lets a frozen agent go on; false when it is not frozen.
    func unpause() throws(ClocheError) -> Bool {
        if record.state == .running { return false }
        try requireSandbox()
        try thaw()
        lifecycle.unpause(at: MonotonicClock.milliseconds)
        following.watch.unpause(at: MonotonicClock.milliseconds)
        settle(.running, .unpause)
        return true
    }

    /// Lets a frozen agent go on, so that it can see that it is to end.
    func thawForStop() {
        guard record.state == .paused else { return }
        // One that cannot be thawed is killed after the grace: a fatal signal ends frozen processes, too.
        try? thaw()
        lifecycle.unpause(at: MonotonicClock.milliseconds)
        following.watch.unpause(at: MonotonicClock.milliseconds)
    }

    private func settle(_ state: AgentState, _ event: EventKind) {
        record.state = state
        // A full disk keeps the old record, which is only shown, and ends the agent at its next event.
        try? agent.directory.write(record)
        // As above.
        try? audit.append(event)
    }

    private func requireSandbox() throws(ClocheError) {
        guard sandbox != nil, record.state == .running || record.state == .paused else {
            throw ClocheError(
                .state,
                "agent \(record.name) is \(record.state.rawValue)",
                why: "only a running agent can be paused",
                remedy: "try again in a moment"
            )
        }
    }
}
