// An agent's terminal without attaching to it: typing, its size, waiting for what it shows.

internal import AgentStore
package import ClocheModel
package import LinuxSystem
package import Supervision
internal import TerminalScreen
internal import TerminalText

/// What of an agent's terminal is waited for.
package enum AwaitedCondition {
    /// It was silent, and nothing was typed, for so long.
    case idle(milliseconds: Int64)
    /// It shows a line that the expression matches; what its log has already counts, too, if that is asked for.
    case output(PosixRegex, sinceStart: Bool)
    /// Its screen shows a line that the expression matches.
    case screen(PosixRegex)
    /// Its program does one of these.
    case state(Set<HarnessState.Activity>)

    /// The word for it.
    package var name: String {
        switch self {
        case .idle: "idle"
        case .output: "output"
        case .screen: "screen"
        case .state: "state"
        }
    }
}

/// What came of waiting.
package enum AwaitedOutcome: Equatable, Sendable {
    /// It has come, for output and the screen with this line.
    case met(line: String?)
    /// The program does what was waited for.
    case reached(HarnessState)
    /// The agent ended before; how, to follow its name.
    case ended(String)
    /// The time is over.
    case timeout
}

extension Project {
    /// Types keys or a message into an agent's terminal; the report has how many `bytes`.
    @discardableResult
    package func type(_ request: KeysRequest, into name: String) throws(ClocheError) -> Document {
        try ask(name, .keys(request))
    }

    /// The keys that interrupt what the program of an agent does, as its profile says.
    package func interruptKeys(ofAgent name: String) throws(ClocheError) -> [String] {
        let record = try agentDirectory(name).read()
        let keys = record.effective["harness"]?["interrupt"]?.stringList ?? []
        guard !keys.isEmpty else {
            throw ClocheError(
                .state,
                "it is not known which key interrupts the program of \(name)",
                why: "profile \(record.profile) does not set `harness.interrupt`",
                remedy: "type the key itself, for example `cloche keys \(name) C-c`"
            )
        }
        return keys
    }

    /// Types a text as one message at once, whatever the program does, and Enter unless it is left out.
    ///
    /// - Returns: the report, which says whether it was typed as a `bracketed-paste`.
    package func typeMessage(_ text: String, into name: String, enter: Bool) throws(ClocheError) -> Document {
        try type(KeysRequest(.message, [text], enter: enter, isUrgent: true), into: name)
    }

    /// Gives an agent's terminal another size; the report has the `old` and the `new` one.
    package func resize(_ name: String, _ size: TerminalSize) throws(ClocheError) -> Document {
        try ask(name, .resize(size))
    }

    private func ask(_ name: String, _ request: ControlMessage) throws(ClocheError) -> Document {
        guard let client = try SupervisorClient.connect(agentDirectory(name)) else {
            throw try notRunning(name)
        }
        try client.send(request)
        switch try client.receive() {
        case .report(let report)?: return report
        case .failed(let error)?: throw error
        default: throw ClocheError(.state, "agent \(name) ended meanwhile")
        }
    }

    // MARK: Waiting

    /// Between two looks at an agent whose supervisor is not there yet, or that is idle only just not long enough, in
    /// milliseconds.
    private static let lookInterval: Int64 = 100
    /// Between two looks at a screen.
    private static let screenInterval: Int64 = 200

    /// Waits until an agent's terminal is as the condition has it, at most so many milliseconds.
    package func wait(for name: String, until condition: AwaitedCondition, milliseconds: Int64? = nil)
        throws(ClocheError) -> AwaitedOutcome
    {
        let directory = try agentDirectory(name)
        _ = try directory.read()
        let deadline = milliseconds.map { MonotonicClock.milliseconds + $0 }
        while true {
            if let client = try SupervisorClient.connect(directory),
                let outcome = try wait(client, name, condition, deadline)
            {
                return outcome
            }
            // There is no supervisor yet, or it went without a word: then the record has the end, or will.
            let agent = try agent(name)
            if !agent.isRunning, agent.state != .creating { return try outcome(of: agent, condition) }
            if let deadline, MonotonicClock.milliseconds >= deadline { return .timeout }
            Pause.milliseconds(Int32(Self.lookInterval))
        }
    }

    /// What came of waiting for an agent that does not run any more.
    private func outcome(of agent: AgentInfo, _ condition: AwaitedCondition) throws(ClocheError)
        -> AwaitedOutcome
    {
        if case .output(let expression, sinceStart: true) = condition {
            var search = LineSearch(expression)
            if let line = search.feed(try shownOutput(agent.record.name)) { return .met(line: line) }
        }
        if case .state(let wanted) = condition, let state = agent.activity, wanted.contains(state.activity) {
            return .reached(state)
        }
        let reason = agent.state == .lost ? .supervisorLost : agent.record.endReason
        return .ended(reason?.text ?? "does not run")
    }

    /// Nil when the supervisor has gone without saying why.
    private func wait(
        _ client: borrowing SupervisorClient,
        _ name: String,
        _ condition: AwaitedCondition,
        _ deadline: Int64?
    ) throws(ClocheError) -> AwaitedOutcome? {
        do throws(ClocheError) {
            switch condition {
            case .idle(let time): return try waitForSilence(client, time, deadline)
            case .output(let expression, let sinceStart):
                return try waitForOutput(client, expression, logOf: sinceStart ? name : nil, deadline)
            case .screen(let expression): return try waitForScreen(client, expression, deadline)
            case .state(let wanted): return try waitForState(client, wanted, deadline)
            }
        } catch  where error.code == .state {
            // It ended before it could be asked.
            return nil
        }
    }

    private func waitForSilence(_ client: borrowing SupervisorClient, _ time: Int64, _ deadline: Int64?)
        throws(ClocheError) -> AwaitedOutcome?
    {
        var look = MonotonicClock.milliseconds
        var isAsked = false
        while true {
            let now = MonotonicClock.milliseconds
            if now >= look, !isAsked {
                try client.send(.status)
                isAsked = true
            }
            guard try wait(client, until: isAsked ? deadline : min(look, deadline ?? .max)) else {
                if let deadline, MonotonicClock.milliseconds >= deadline { return .timeout }
                continue
            }
            switch try client.receive() {
            case .report(let report)?:
                isAsked = false
                let silent = report["idle-milliseconds"]?.integer ?? 0
                let isRunning = report["state"]?.string == AgentState.running.rawValue
                if isRunning, silent >= time { return .met(line: nil) }
                look = MonotonicClock.milliseconds + max(Self.lookInterval, time - silent)
            case .ended(let reason)?: return .ended(Self.words(reason))
            case nil: return nil
            default: break
            }
        }
    }

    /// - Parameter logOf: the agent whose log is looked at, too.
    private func waitForOutput(
        _ client: borrowing SupervisorClient,
        _ expression: PosixRegex,
        logOf name: String?,
        _ deadline: Int64?
    ) throws(ClocheError) -> AwaitedOutcome? {
        var search = LineSearch(expression)
        try client.send(.follow)
        while try wait(client, until: deadline) {
            switch try client.receive() {
            case .started?:
                // From here on nothing is missed, so what the log has now is all that was before.
                guard let name else { continue }
                var past = LineSearch(expression)
                if let line = past.feed(try shownOutput(name)) { return .met(line: line) }
            case .output(let bytes)?:
                if let line = search.feed(bytes) { return .met(line: line) }
            case .ended(let reason)?: return .ended(Self.words(reason))
            case nil: return nil
            default: break
            }
        }
        return .timeout
    }

    private func waitForState(
        _ client: borrowing SupervisorClient,
        _ wanted: Set<HarnessState.Activity>,
        _ deadline: Int64?
    ) throws(ClocheError) -> AwaitedOutcome? {
        try client.send(.awaitState)
        while try wait(client, until: deadline) {
            switch try client.receive() {
            case .report(let report)?:
                guard let state = HarnessState(document: report), wanted.contains(state.activity) else {
                    continue
                }
                if report["settled"]?.bool != false { return .reached(state) }
            // Whether it is what was waited for, its record says.
            case .ended?, nil: return nil
            default: break
            }
        }
        return .timeout
    }

    private func waitForScreen(
        _ client: borrowing SupervisorClient,
        _ expression: PosixRegex,
        _ deadline: Int64?
    ) throws(ClocheError) -> AwaitedOutcome? {
        while true {
            guard let report = try look(client, LookRequest(window: 0, linesAbove: 0)) else { return nil }
            let lines = report.lines.map { $0.runs.map(\.text).joined() }
            if let line = lines.first(where: { expression.matches(Array($0.utf8)) }) {
                return .met(line: line)
            }
            let left = deadline.map { $0 - MonotonicClock.milliseconds } ?? .max
            if left <= 0 { return .timeout }
            Pause.milliseconds(Int32(min(left, Self.screenInterval)))
        }
    }

    /// Waits for a message; false when the moment has come.
    private func wait(_ client: borrowing SupervisorClient, until moment: Int64?) throws(ClocheError) -> Bool
    {
        let left = moment.map { max(0, $0 - MonotonicClock.milliseconds) } ?? -1
        do throws(SystemError) {
            let interest = Poll.Interest(client.socket.number, readable: true)
            return try Poll.wait([interest], milliseconds: Int32(clamping: left))[0]
        } catch { throw ClocheError(.system, "cannot wait for the agent", why: error.description) }
    }

    private static func words(_ reason: String) -> String { EndReason(rawValue: reason)?.text ?? "ended" }
}

/// Looks for a line in terminal output that comes in pieces.
struct LineSearch {
    private let expression: PosixRegex
    private var filter = PlainTextFilter()

    init(_ expression: PosixRegex) { self.expression = expression }

    /// Reads the next bytes; the first line that is found, also the last one that is not ended yet.
    mutating func feed(_ bytes: [UInt8]) -> String? {
        var text: [UInt8] = []
        filter.feed(bytes, into: &text)
        var ending = filter
        ending.finish(into: &text)
        let lines = text.split(separator: 0x0A, omittingEmptySubsequences: false)
        // Behind the last line end is no line.
        return lines.dropLast().lazy.map(Array.init).first(where: expression.matches)
            .map { String(decoding: $0, as: UTF8.self) }
    }
}
