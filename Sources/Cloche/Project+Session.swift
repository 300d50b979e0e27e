// Watching an agent and stepping in: attach, exec.

internal import AgentStore
public import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import ProfileLoading
internal import SandboxRuntime
internal import SessionRecording
internal import StructuredText
package import Supervision
internal import TerminalScreen
package import TerminalText

/// A command to run beside an agent.
public struct ExecOptions: Sendable {
    /// The program and its arguments.
    public var command: [String]
    /// Working directory inside; nil is the workspace.
    public var directory: String?
    /// Variables on top of the agent's.
    public var variables: [Document.Entry]
    /// Whether it gets a terminal; nil decides by this process's own input and output.
    public var terminal: Bool?

    /// A command in the workspace.
    public init(
        command: [String],
        directory: String? = nil,
        variables: [Document.Entry] = [],
        terminal: Bool? = nil
    ) {
        self.command = command
        self.directory = directory
        self.variables = variables
        self.terminal = terminal
    }
}

extension Project {
    /// Runs a command in the sandbox of a running agent, in the foreground, and returns its exit code.
    public func exec(_ name: String, _ options: ExecOptions) throws(ClocheError) -> Int32 {
        guard let client = try SupervisorClient.connect(agentDirectory(name)) else {
            throw try notRunning(name)
        }
        let onTerminal = options.terminal ?? (Terminal.isTerminal(0) && Terminal.isTerminal(1))
        let size = Terminal.size(0) ?? Terminal.size(1) ?? TerminalSize(columns: 80, rows: 24)
        let request = ExecRequest(
            arguments: options.command,
            environment: options.variables.compactMap { variable in
                (variable.value.string ?? ProcessEnvironment.value(variable.key)).map {
                    "\(variable.key)=\($0)"
                }
            },
            directory: options.directory ?? InsidePath.workspace,
            terminal: onTerminal ? size : nil,
            opensWindow: onTerminal && Terminal.isTerminal(0) && Terminal.isTerminal(1)
        )
        do {
            if request.opensWindow { return try runInWindow(name, client, request) }
            if onTerminal {
                return try ForegroundSession.runOnTerminal(RemoteProgram(client, request, stdio: []))
            }
            let streams = try ForegroundSession.Streams()
            let signals = try ForegroundSession.signals()
            let program = try RemoteProgram(client, request, stdio: streams.numbers)
            return try ForegroundSession.run(program, streams, signals)
        } catch let error as ClocheError {
            throw Self.naming(options.command.first ?? "", error)
        } catch { throw ClocheError(.system, "cannot run the command", why: "\(error)") }
    }

    /// What confines a running agent: every mechanism, and plan beside reality as its supervisor reads it now.
    public func inspect(_ name: String) throws(ClocheError) -> Document {
        guard let client = try SupervisorClient.connect(agentDirectory(name)) else {
            throw try notRunning(name)
        }
        try client.send(.inspect)
        switch try client.receive() {
        case .report(let report)?: return report
        case .failed(let error)?: throw error
        default: throw ClocheError(.state, "agent \(name) ended meanwhile")
        }
    }

    /// Runs a command in a window of its own, shown in the user's terminal.
    private func runInWindow(
        _ name: String,
        _ client: consuming SupervisorClient,
        _ request: ExecRequest
    ) throws -> Int32 {
        let outcome = try AttachSession.run(client, .exec(request), fillsScreen: false) {
            AttachSession.Leaving(detach: try detachKey(name))
        }
        switch outcome {
        case .exited(let code): return code
        case .detached, .taken: return 0
        case .ended, .lost: return 137
        }
    }

    /// What leaves an agent's terminal.
    ///
    /// Reads the one value: the whole policy takes longer than all the rest of `attach`.
    private func detachKey(_ name: String) throws(ClocheError) -> DetachKey {
        let keys = try agentDirectory(name).read().effective["session"]?["detach-keys"]?.string ?? ""
        do {
            return try DetachKey(keys)
        } catch { throw ClocheError(.usage, "bad detach key \(visible(keys))", why: "\(error)") }
    }

    /// Shows a window of the agent in the user's terminal until the detach keys are typed or it ends.
    ///
    /// - Parameter hint: the line that is shown at first, of the keys that leave.
    package func attach(
        _ name: String,
        _ request: AttachRequest,
        hint: (DetachKey) -> String = { _ in "" }
    ) throws(ClocheError) -> AttachSession.Outcome {
        let directory = try agentDirectory(name)
        guard let client = try SupervisorClient.connect(directory) else { throw try notRunning(name) }
        let outcome: AttachSession.Outcome
        do {
            outcome = try AttachSession.run(client, .attach(request), readOnly: request.readOnly) {
                let key = try detachKey(name)
                return AttachSession.Leaving(detach: key, hint: hint(key))
            }
        } catch let error as ClocheError {
            throw error
        } catch { throw ClocheError(.system, "cannot attach to \(name)", why: "\(error)") }
        if outcome == .lost, try hasEnded(name) { throw try notRunning(name) }
        return outcome
    }

    /// Whether an agent whose supervisor closed a connection without a word has an end on record.
    ///
    /// A supervisor that ends tells those it has let in; who waits at its door learns it from the record.
    private func hasEnded(_ name: String) throws(ClocheError) -> Bool {
        let patience = MonotonicClock.milliseconds + 5000
        while true {
            let state = try agent(name).state
            if !state.isSupervised { return state != .lost }
            if MonotonicClock.milliseconds > patience { return false }
            usleep(20_000)
        }
    }

    /// What a window of an agent shows; of one that has ended, what window 0 showed last.
    package func look(_ name: String, _ request: LookRequest) throws(ClocheError) -> ScreenReport {
        let directory = try agentDirectory(name)
        if let client = try SupervisorClient.connect(directory) {
            if let report = try look(client, request) { return report }
        }
        guard request.window == 0 else { throw try notRunning(name) }
        return ScreenReport(try recordedScreen(name), linesAbove: request.linesAbove)
    }

    /// Nil when the agent ends meanwhile.
    func look(_ client: borrowing SupervisorClient, _ request: LookRequest) throws(ClocheError)
        -> ScreenReport?
    {
        try client.send(.look(request))
        var text: [UInt8] = []
        while true {
            switch try client.receive() {
            case .output(let part)?: text += part
            case .report?:
                // Of another version of Cloche: as if it had ended, whose last screen is the recording's.
                return (try? JSONText.parse(text)).flatMap(ScreenReport.init(document:))
            case .failed(let error)?: throw error
            default: return nil
            }
        }
    }

    /// What the terminal of an agent showed at a time of its recording; without one, last.
    package func still(_ name: String, at time: Int64?) throws(ClocheError) -> ScreenReport {
        ScreenReport(try recordedScreen(name, until: time ?? .max), linesAbove: 0)
    }

    /// The screen as the recording leaves it at a time, in microseconds.
    private func recordedScreen(_ name: String, until end: Int64 = .max) throws(ClocheError) -> Screen {
        let session = try Policy(document: agentDirectory(name).read().effective).session
        var screen = Screen(columns: Int(session.columns), rows: Int(session.rows))
        // A file that somebody has changed may hold anything.
        var filter = AttachFilter()
        let files = try recording(name)
        do throws(SystemError) {
            var isFirst = true
            while let events = try files.next() {
                if isFirst, let header = files.header {
                    screen.resize(columns: header.columns, rows: header.rows)
                    isFirst = false
                }
                for event in events {
                    if event.time > end { return screen }
                    if let size = event.size { screen.resize(columns: size.columns, rows: size.rows) }
                    guard event.kind == .output else { continue }
                    var output: [UInt8] = []
                    filter.feed(event.bytes, into: &output)
                    screen.feed(output)
                }
            }
        } catch { throw Self.cannotRead(name, error) }
        return screen
    }

    /// Everything that is kept of what the agent's terminal showed.
    func shownOutput(_ name: String) throws(ClocheError) -> [UInt8] {
        let files = try recording(name)
        var output: [UInt8] = []
        do throws(SystemError) {
            while let events = try files.next() {
                for event in events where event.kind == .output { output += event.bytes }
            }
        } catch { throw Self.cannotRead(name, error) }
        return output
    }

    /// The windows of a running agent, as its supervisor lists them.
    public func windows(_ name: String) throws(ClocheError) -> [Document] {
        guard let client = try SupervisorClient.connect(agentDirectory(name)) else {
            throw try notRunning(name)
        }
        try client.send(.status)
        guard case .report(let report)? = try client.receive() else {
            throw ClocheError(.state, "agent \(name) ended meanwhile")
        }
        return report["windows"]?.list ?? []
    }

    func notRunning(_ name: String) throws(ClocheError) -> ClocheError {
        let agent = try agent(name)
        let failure = agent.state == .failed ? agent.record.failure.map { "; \($0)" } ?? "" : ""
        return ClocheError(
            .state,
            "agent \(name) does not run",
            why: "its state is \(agent.state.rawValue)\(failure)",
            remedy: "`cloche resume \(name)` starts it again"
        )
    }
}
