// `cloche attach`, and `exec` with a terminal: the user's terminal before a window of a running agent, until the detach
// key or the end of either. What arrives has been made harmless by the supervisor's filter already.

internal import ClocheModel
internal import Glibc
package import LinuxSystem
package import TerminalText

/// A terminal before a window.
package struct AttachSession: ~Copyable {
    /// How it ended.
    package enum Outcome: Equatable, Sendable {
        /// The user left; the agent goes on.
        case detached
        /// Another terminal took over.
        case taken
        /// The agent ended, for this reason.
        case ended(String)
        /// The program of the window ended with this exit code, or 128 plus a signal.
        case exited(Int32)
        /// The supervisor died.
        case lost
    }

    /// How a terminal is connected.
    package struct Options: Sendable {
        /// What leaves.
        package var detach: DetachKey
        /// Whether nothing typed is passed on.
        package var readOnly: Bool
        /// A line that is shown at first, until a key is typed or its time is over.
        package var hint: String
        /// Whether the window takes the whole terminal.
        ///
        /// A program that begins in it writes on where the shell's last line ended.
        package var fillsScreen: Bool

        /// Everything is passed on.
        package init(detach: DetachKey, readOnly: Bool = false, hint: String = "", fillsScreen: Bool = true) {
            (self.detach, self.readOnly, self.hint, self.fillsScreen) = (detach, readOnly, hint, fillsScreen)
        }
    }

    /// How long the hint is shown, in milliseconds.
    private static let hintTime: Int64 = 2000

    private let client: SupervisorClient
    private let options: Options
    private var matcher: DetachKeyMatcher
    private var hintEnds: Int64?
    private var showsHint = false
    private var hasShown = false
    /// Knows which screen is shown at the end, where that matters.
    private var passed: AttachFilter?

    private init(_ client: consuming SupervisorClient, _ options: Options) {
        self.client = client
        self.options = options
        matcher = DetachKeyMatcher(options.detach)
        passed = options.fillsScreen ? nil : AttachFilter()
        hintEnds = options.hint.isEmpty ? nil : MonotonicClock.milliseconds + Self.hintTime
    }

    /// The size of the user's terminal.
    package static var size: TerminalSize {
        Terminal.size(0) ?? Terminal.size(1) ?? TerminalSize(columns: 80, rows: 24)
    }

    /// Shows the window and passes keys on.
    ///
    /// - Parameter opening: the request that connects this terminal.
    /// - Parameter options: asked for after the request is sent, so that both ends work at the same time.
    package static func run(
        _ client: consuming SupervisorClient,
        _ opening: ControlMessage,
        _ options: () throws -> Options
    ) throws -> Outcome {
        let signals = try SignalDescriptor([SIGWINCH, SIGTERM, SIGHUP, SIGINT])
        try client.send(opening)
        var session = AttachSession(client, try options())
        let raw = Terminal.RawMode(0)
        defer { _ = raw != nil }  // keeps raw mode until here
        do {
            let outcome = try session.serve(signals)
            session.leave()
            return outcome
        } catch {
            session.leave()
            throw error
        }
    }

    /// Leaves the terminal as a shell expects it, its prompt below what was shown.
    private func leave() {
        guard hasShown else { return }
        UserOutput.write(passed?.leaving ?? AttachFilter.reset)
        guard options.fillsScreen else { return }
        // A hint that still stands there is not the agent's.
        let line = showsHint && hintEnds != nil ? "\u{1B}[2K" : ""
        UserOutput.write(Array("\u{1B}[\(Self.size.rows);1H\(line)\r\n".utf8))
    }

    private mutating func serve(_ signals: borrowing SignalDescriptor) throws -> Outcome {
        while true {
            let wait = hintEnds.map { Int32(clamping: max(0, $0 - MonotonicClock.milliseconds)) } ?? -1
            let ready = try Poll.wait(
                [
                    Poll.Interest(signals.descriptor.number, readable: true),
                    Poll.Interest(client.socket.number, readable: true),
                    Poll.Interest(0, readable: true),
                ],
                milliseconds: wait
            )
            if let hintEnds, MonotonicClock.milliseconds >= hintEnds { try endHint() }
            if ready[0], try react(signals) { return .detached }
            if ready[1], let outcome = try receive() { return outcome }
            if ready[2], try pass() { return .detached }
        }
    }

    /// True when a signal ends the session.
    private func react(_ signals: borrowing SignalDescriptor) throws -> Bool {
        for number in signals.take() {
            guard number == SIGWINCH else { return true }
            try client.send(.resize(Self.size))
        }
        return false
    }

    private mutating func receive() throws -> Outcome? {
        switch try client.receive() {
        case .output(let bytes)?:
            show(bytes)
            return nil
        case .left?: return .taken
        case .ended(let reason)?: return .ended(reason)
        case .exited(let code)?: return .exited(code)
        case .failed(let error)?: throw error
        case nil: return .lost
        default: return nil
        }
    }

    private mutating func show(_ bytes: [UInt8]) {
        if !hasShown && options.fillsScreen {
            // What stands on the screen moves up into the terminal's own lines instead of being erased.
            let rows = Int(Self.size.rows)
            UserOutput.write(Array("\u{1B}[\(rows);1H".utf8) + [UInt8](repeating: 0x0A, count: rows))
        }
        hasShown = true
        var ignored: [UInt8] = []
        passed?.feed(bytes, into: &ignored)
        UserOutput.write(bytes)
        if hintEnds != nil && !showsHint {
            showsHint = true
            let size = Self.size
            let text = String(options.hint.prefix(max(0, Int(size.columns) - 1)))
            UserOutput.write(Array("\u{1B}7\u{1B}[\(size.rows);1H\u{1B}[0;7m\(text)\u{1B}[0m\u{1B}8".utf8))
        }
    }

    /// Takes the hint away: the window is shown anew.
    private mutating func endHint() throws {
        guard hintEnds != nil else { return }
        hintEnds = nil
        if showsHint { try client.send(.repaint) }
    }

    /// True when the user leaves.
    private mutating func pass() throws -> Bool {
        let typed = UserInput.read()
        if typed.isEmpty { return true }
        try endHint()
        let outcome = matcher.feed(typed)
        if !outcome.forward.isEmpty && !options.readOnly { try client.send(.input(outcome.forward)) }
        if outcome.detaches { try client.send(.detach) }
        return outcome.detaches
    }
}
