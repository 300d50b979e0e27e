// Watching an agent and stepping in: attach, exec.

internal import AgentStore
public import ClocheModel
internal import LinuxSystem
internal import ProfileLoading
internal import SandboxRuntime
package import Supervision
internal import TerminalText

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
            terminal: onTerminal ? size : nil
        )
        do {
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

    /// Shows the agent's terminal in the user's until the detach keys are typed or the agent ends.
    package func attach(_ name: String, readOnly: Bool) throws(ClocheError) -> AttachSession.Outcome {
        let directory = try agentDirectory(name)
        guard let client = try SupervisorClient.connect(directory) else { throw try notRunning(name) }
        let keys = try Policy(document: directory.read().effective).session.detachKeys
        do {
            return try AttachSession.run(client, detach: DetachKey(keys), readOnly: readOnly)
        } catch let error as ClocheError {
            throw error
        } catch { throw ClocheError(.system, "cannot attach to \(name)", why: "\(error)") }
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
