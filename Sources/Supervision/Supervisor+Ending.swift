// How an agent ends, or starts again: the harness's exit, what the lifecycle finds due, a person's stop.
// Every way leads to `end`, which runs once.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import SandboxRuntime

extension Supervisor {
    /// The harness ended: starts it again if the policy says so, ends the agent otherwise.
    ///
    /// What the terminal still holds is shown first.
    func harnessExited(_ end: ProcessEnd) throws(ClocheError) {
        drain(harnessWindow, milliseconds: 200)
        let code = end.exitCode
        // The kernel kills init with the others; the harness's end may be told before that.
        let breach = resources?.cause()
        if breach == nil { try runPostStop(code) }
        if finished { return }
        if lifecycle.stopReason == nil, breach == nil, code != 0, lifecycle.mayRestart(policy.restart) {
            try audit.append(
                .restart,
                ["exit-code": .integer(Int64(code)), "wait": .integer(lifecycle.restartDelay)]
            )
            releaseSandbox()
            resetModes(harnessWindow)
            lifecycle.scheduleRestart(now: MonotonicClock.milliseconds)
            following.watch.ended(isGood: false, at: MonotonicClock.milliseconds)
            interruptMessages()
            return
        }
        switch lifecycle.stopReason {
        case let reason? where reason.isStop: self.end(.stopped, reason, code: code)
        case let reason?: self.end(.failed, reason, code: code)
        case nil:
            if let breach {
                self.end(.failed, breach.reason, code: code, failure: breach.text)
            } else if code != 0, resources?.refusedForks() == true {
                let text =
                    "a fork was refused, at most \(policy.limits.shares.processes ?? 0) processes and threads"
                self.end(.failed, .pids, code: code, failure: LimitBreach(.processes, .pids, text).text)
            } else if case .signalled = end {
                self.end(.exited, .signalled, code: code)
            } else {
                self.end(.exited, .exited, code: code)
            }
        }
    }

    /// Does what the clock asks for.
    func act(on due: Lifecycle.Due?) throws(ClocheError) {
        switch due {
        case nil: return
        case .kill?:
            end(
                lifecycle.stopReason?.isStop == true ? .stopped : .failed,
                lifecycle.stopReason ?? .operatorStop,
                code: harnessCode ?? 137
            )
        case .restart?:
            log.mark("restarted") { shownScreen }
            try launch(agent.restart)
        case .limit(let reason)?:
            try audit.append(.limit, ["limit": .string(reason.rawValue)])
            beginStop(reason, graceSeconds: policy.stop.graceSeconds)
        }
    }

    /// Asks the agent to end, by a person's will.
    func stop(graceSeconds: Int32?) {
        beginStop(.operatorStop, graceSeconds: graceSeconds.map { Int64($0) } ?? policy.stop.graceSeconds)
    }

    func beginStop(_ reason: EndReason, graceSeconds: Int64) {
        if finished { return }
        if sandbox == nil { return end(.stopped, reason, code: nil) }
        if isBeforeHarness {
            return end(reason == .operatorStop ? .stopped : .failed, reason, code: nil)
        }
        thawForStop()
        lifecycle.stop(reason, now: MonotonicClock.milliseconds, graceSeconds: graceSeconds)
        if record.state != .stopping {
            record.state = .stopping
            try? agent.directory.write(record)  // only shown meanwhile; the end is written again
        }
        signalProgram(Self.harnessID, policy.stop.signal)
        // A stopped process does not see the signal until it continues.
        signalProgram(Self.harnessID, SIGCONT)
    }

    private func releaseSandbox() {
        // While the sandbox can still be looked at.
        let used = takeLastSample()
        programs = [:]
        closeWindows()
        resources?.ended()
        // Killed first: a log that another process holds, or a slow disk, lets nothing run on.
        if let old = sandbox.take() {
            epoll.remove(old.control.number)
            epoll.remove(old.process.number)
            (controlToken, processToken) = (0, 0)
            old.kill()
        }
        // On record in the order of the times.
        endNetwork()
        endCalls()
        endShares()
        // A log that cannot be written has ended it already.
        try? audit.append(used)
    }

    /// Why an agent failed, where nothing more is known than the reason.
    private func failureText(_ reason: EndReason) -> String {
        switch reason {
        case .wallClock, .idle: LimitBreach(ofTime: reason, policy.limits).text
        default: "the agent \(reason.text)"
        }
    }

    /// Ends everything: sandbox, record, viewers.
    ///
    /// The last thing a supervisor does.
    func end(_ state: AgentState, _ reason: EndReason, code: Int32?, failure: String? = nil) {
        if finished { return }
        finished = true
        // Whoever started it counts that as its own; measured while there is something to measure.
        record.used = record.parent == nil ? nil : resourceReport()
        releaseSandbox()
        endGateway()
        endApprovals()
        // Whoever sees that it has ended finds all of it.
        log.flush { shownScreen }
        resources?.end()
        statePipe.remove()
        agentSocket?.remove()
        record.state = state
        record.ended = WallClock.milliseconds
        record.endReason = reason
        record.exitCode = code.map { Int64($0) }
        record.failure = failure ?? (state == .failed ? failureText(reason) : nil)
        for viewer in viewers.values { recordDetach(viewer) }
        // A log that cannot be written has ended it already.
        try? recordOutsideFiles()
        leaveMessages()
        // A log without its end is what `lost` looks like, too.
        try? audit.append(
            .end,
            [
                "reason": .string(reason.rawValue), "exit-code": .optional(record.exitCode),
                "failure": .optional(record.failure),
            ]
        )
        // On a full disk, what the log had reserved has room for the record.
        audit.release()
        // Without, the old record stays, and without the lock it is shown as lost, which is true.
        try? agent.directory.write(record)
        announceEnd()
        for viewer in viewers.values {
            _ = viewer.send(.ended(reason.rawValue))
            _ = viewer.flush()
        }
        viewers.removeAll()
    }
}
