// Calls that the agent's programs are refused, and programs that they execute: answered between two waits, like
// everything else, and written into the audit log.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import LinuxSystem
internal import SandboxRuntime

extension Supervisor {
    /// So many are answered before others have their turn.
    private static let callsPerTurn = 64
    /// And for so long, since some take longer than others.
    private static let callMilliseconds: Int64 = 5
    /// Executions are written down together with those that follow within so many milliseconds.
    private static let callDelay: Int64 = 20

    /// Begins to answer the calls of a new sandbox, if its filters hand over any.
    func serveCalls(_ sandbox: inout Sandbox) throws(ClocheError) {
        guard let listener = sandbox.takeCalls() else { return }
        callsToken = makeToken()
        do throws(SystemError) {
            try epoll.add(listener.descriptor.number, token: callsToken)
            if let exits = listener.exitDescriptor {
                exitsToken = makeToken()
                try epoll.add(exits, token: exitsToken)
            }
        } catch { throw ClocheError(.system, "cannot watch the sandbox's calls", why: error.description) }
        calls = listener
    }

    /// Answers calls until init has something to report: executing the harness is one of them.
    func answerCalls(until sandbox: borrowing Sandbox) throws(ClocheError) {
        while let calls {
            do throws(SystemError) {
                let ready = try Poll.wait([
                    Poll.Interest(sandbox.control.number, readable: true),
                    Poll.Interest(calls.descriptor.number, readable: true),
                ])
                if ready[0] { return }
            } catch { throw ClocheError(.system, "cannot wait for the sandbox", why: error.description) }
            try handleCalls()
        }
    }

    /// Answers some of the calls that wait.
    func handleCalls() throws(ClocheError) {
        do throws(SystemError) {
            let end = MonotonicClock.milliseconds + Self.callMilliseconds
            let count = try calls?.answer(most: Self.callsPerTurn, until: end) { note($0) }
            pauseCalls(callPace.pause(after: count ?? 0, MonotonicClock.milliseconds))
        } catch {
            throw ClocheError(
                .system,
                "cannot answer the sandbox's calls",
                why: error.description,
                remedy: "with `--set audit.level=minimal` nobody needs to"
            )
        }
    }

    private func note(_ notice: CallNotice) {
        let now = MonotonicClock.milliseconds
        guard let record = callNotices.note(notice, now) else { return }
        callRecords.append((record, AuditTime.now))
        let isRefusal = if case .refused = record { true } else { false }
        callRecordsDue = min(callRecordsDue ?? .max, isRefusal ? 0 : now + Self.callDelay)
    }

    /// Notes how programs ended, and those that end in the next moment together.
    func handleExits() throws(SystemError) {
        guard let calls, let exits = calls.exitDescriptor else { return }
        for exit in try calls.takeExits() { note(.ended(exit)) }
        if exitsPausedUntil == nil { epoll.remove(exits) }
        exitsPausedUntil = MonotonicClock.milliseconds + Self.callDelay
    }

    /// Leaves the callers waiting until then: nobody is asked for what is not looked at.
    private func pauseCalls(_ end: Int64?) {
        guard let calls, let end, callsPausedUntil == nil else { return }
        epoll.remove(calls.descriptor.number)
        callsPausedUntil = end
    }

    /// Looks at the calls that wait again, and at what has ended, if it is time.
    func resumeCalls() throws(SystemError) {
        guard let calls else { return }
        let now = MonotonicClock.milliseconds
        if let end = callsPausedUntil, now >= end {
            callsPausedUntil = nil
            try epoll.add(calls.descriptor.number, token: callsToken)
        }
        if let exits = calls.exitDescriptor, let end = exitsPausedUntil, now >= end {
            exitsPausedUntil = nil
            try epoll.add(exits, token: exitsToken)
        }
    }

    /// When something is to be written down, or calls are to be looked at again.
    var nextCallTime: Int64? {
        [callRecordsDue, callNotices.nextTelling, callsPausedUntil, exitsPausedUntil].compactMap { $0 }.min()
    }

    /// Writes down what is due.
    ///
    /// - Throws: when that cannot be written: an agent is not run without its log.
    func recordDueCalls() throws(ClocheError) {
        let now = MonotonicClock.milliseconds
        let counted = callNotices.due(now)
        if counted.isEmpty, now < callRecordsDue ?? .max { return }
        callRecords += counted.map { ($0, AuditTime.now) }
        try recordCalls()
    }

    /// Writes down what was told so far, and with `all` what was counted as well.
    func recordCalls(all: Bool = false) throws(ClocheError) {
        callRecordsDue = nil
        if all {
            let counted = callNotices.tellAll(MonotonicClock.milliseconds)
            callRecords += counted.map { ($0, AuditTime.now) }
        }
        guard !callRecords.isEmpty else { return }
        let records = callRecords
        // An error may be about the room for the next ones: these are not written twice.
        callRecords = []
        try audit.append(records.map { AuditEvent($0.record.kind, $0.record.facts, at: $0.time) })
    }

    /// Ends it with its sandbox: what waits fails.
    func endCalls() {
        guard let calls else { return }
        epoll.remove(calls.descriptor.number)
        // What has ended before the sandbox did is told; the rest ends with it.
        try? handleExits()
        self.calls = nil
        (callsToken, exitsToken, callsPausedUntil, exitsPausedUntil) = (0, 0, nil, nil)
        // The end of an agent whose log cannot be written is recorded as far as can be.
        try? recordCalls(all: true)
    }
}

extension CallRecord {
    fileprivate var kind: EventKind {
        switch self {
        case .refused: .denied
        case .executed: .exec
        case .ended: .programExit
        case .untold: .callsUntold
        }
    }

    fileprivate var facts: [Document.Entry] {
        func entry(_ key: String, _ value: Document) -> Document.Entry { Document.Entry(key, value) }
        func number(_ number: Int32?) -> Document { number.map { .integer(Int64($0)) } ?? .null }
        let all: [Document.Entry]
        switch self {
        case .refused(let call, let count):
            all = [
                entry("call", .string(call.name)), entry("number", .integer(Int64(call.number))),
                entry("errno", .string(call.error)),
                entry("arguments", .strings(call.arguments.map { "0x" + String($0, radix: 16) })),
                entry("program", .string(call.program)), entry("pid", number(call.pid)),
                entry("count", .integer(Int64(count))),
            ]
        case .executed(let program, let count):
            all = [
                entry("program", .string(program.program)), entry("arguments", .strings(program.arguments)),
                entry("cut", program.isCut ? .bool(true) : .null),
                entry("directory", .optional(program.directory)), entry("pid", number(program.pid)),
                entry("parent", number(program.parent)),
                entry("found", program.isFound ? .null : .bool(false)),
                entry("count", count == 1 ? .null : .integer(Int64(count))),
            ]
        case .ended(let exit):
            var signal: Int32?
            if case .signalled(let number) = exit.end { signal = number }
            all = [
                entry("program", .string(exit.program)), entry("pid", number(exit.pid)),
                entry("exit-code", number(exit.end.exitCode)), entry("signal", number(signal)),
                entry("milliseconds", .integer(exit.milliseconds)),
            ]
        case .untold(let untold):
            all = [
                entry("denied", .integer(Int64(untold.refused))),
                entry("executed", .integer(Int64(untold.executed))),
                entry("ended", untold.ended == 0 ? .null : .integer(Int64(untold.ended))),
                entry("unwatched", untold.unwatched == 0 ? .null : .integer(Int64(untold.unwatched))),
            ]
        }
        return all.filter { $0.value != .null }
    }
}
