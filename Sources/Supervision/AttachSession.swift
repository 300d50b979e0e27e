// `cloche attach`: the user's terminal before window 0 of a running agent, until the detach key or the
// agent's end. What arrives has been made harmless by the supervisor's filter already.

internal import ClocheModel
internal import Glibc
internal import LinuxSystem
package import TerminalText

/// Attaching to an agent.
package enum AttachSession {
    /// How it ended.
    package enum Outcome: Equatable, Sendable {
        /// The user left; the agent goes on.
        case detached
        /// The agent ended, for this reason.
        case ended(String)
        /// The supervisor died.
        case lost
    }

    /// Shows the agent's terminal and passes keys on.
    package static func run(
        _ client: borrowing SupervisorClient,
        detach: DetachKey,
        readOnly: Bool
    ) throws -> Outcome {
        let signals = try SignalDescriptor([SIGWINCH, SIGTERM, SIGHUP, SIGINT])
        let size = Terminal.size(0) ?? Terminal.size(1) ?? TerminalSize(columns: 80, rows: 24)
        try client.send(.attach(size, readOnly: readOnly))
        let raw = Terminal.RawMode(0)
        defer {
            UserOutput.write(AttachFilter.reset)
            _ = raw != nil  // keeps raw mode until here
        }
        var matcher = DetachKeyMatcher(detach)
        while true {
            let ready = try Poll.wait([
                Poll.Interest(signals.descriptor.number, readable: true),
                Poll.Interest(client.socket.number, readable: true),
                Poll.Interest(0, readable: true),
            ])
            if ready[0] {
                for number in signals.take() {
                    guard number == SIGWINCH else { return .detached }
                    if let size = Terminal.size(0) { try client.send(.resize(size)) }
                }
            }
            if ready[1] {
                switch try client.receive() {
                case .output(let bytes)?: UserOutput.write(bytes)
                case .ended(let reason)?: return .ended(reason)
                case nil: return .lost
                default: break
                }
            }
            if ready[2] {
                let typed = UserInput.read()
                if typed.isEmpty { return .detached }
                let outcome = matcher.feed(typed)
                if !outcome.forward.isEmpty && !readOnly { try client.send(.input(outcome.forward)) }
                if outcome.detaches { return .detached }
            }
        }
    }
}
