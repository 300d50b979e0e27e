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

    /// How the user leaves.
    package struct Leaving: Sendable {
        /// What leaves.
        package var detach: DetachKey
        /// A line that is shown at first, until a key is typed or its time is over.
        package var hint: String

        /// With this key.
        package init(detach: DetachKey, hint: String = "") { (self.detach, self.hint) = (detach, hint) }
    }

    /// How long the hint is shown, in milliseconds.
    private static let hintTime: Int64 = 2000

    private let client: SupervisorClient
    /// Whether nothing typed is passed on.
    private let readOnly: Bool
    /// Whether the window takes the whole terminal.
    ///
    /// A program that begins in it writes on where the shell's last line ended.
    private let fillsScreen: Bool
    /// Nil until it is known what leaves.
    private var matcher: DetachKeyMatcher?
    private var hint = ""
    private var hintEnds: Int64?
    private var showsHint = false
    private var hasShown = false
    /// Knows which screen is shown at the end, where that matters.
    private var passed: AttachFilter?

    private init(_ client: consuming SupervisorClient, readOnly: Bool, fillsScreen: Bool) {
        self.client = client
        (self.readOnly, self.fillsScreen) = (readOnly, fillsScreen)
        passed = fillsScreen ? nil : AttachFilter()
    }

    /// The size of the user's terminal.
    package static var size: TerminalSize {
        Terminal.size(0) ?? Terminal.size(1) ?? TerminalSize(columns: 80, rows: 24)
    }

    /// Shows the window and passes keys on.
    ///
    /// - Parameter opening: the request that connects this terminal.
    /// - Parameter leaving: asked for when the screen is painted, or a key is typed: nobody waits for a file then.
    package static func run(
        _ client: consuming SupervisorClient,
        _ opening: ControlMessage,
        readOnly: Bool = false,
        fillsScreen: Bool = true,
        _ leaving: () throws -> Leaving
    ) throws -> Outcome {
        let signals = try SignalDescriptor([SIGWINCH, SIGTERM, SIGHUP, SIGINT])
        try client.send(opening)
        var session = AttachSession(client, readOnly: readOnly, fillsScreen: fillsScreen)
        let raw = Terminal.RawMode(0)
        defer { _ = raw != nil }  // keeps raw mode until here
        do {
            let outcome = try session.serve(signals, leaving)
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
        guard fillsScreen else { return }
        // A hint that still stands there is not the agent's.
        let line = showsHint && hintEnds != nil ? "\u{1B}[2K" : ""
        UserOutput.write(Array("\u{1B}[\(Self.size.rows);1H\(line)\r\n".utf8))
    }

    private mutating func serve(_ signals: borrowing SignalDescriptor, _ leaving: () throws -> Leaving) throws
        -> Outcome
    {
        while true {
            if hasShown { try prepare(leaving) }
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
            if ready[2] {
                try prepare(leaving)
                if try pass() { return .detached }
            }
        }
    }

    /// Learns what leaves, once.
    private mutating func prepare(_ leaving: () throws -> Leaving) throws {
        if matcher != nil { return }
        let leaving = try leaving()
        matcher = DetachKeyMatcher(leaving.detach)
        if leaving.hint.isEmpty { return }
        hint = leaving.hint
        hintEnds = MonotonicClock.milliseconds + Self.hintTime
        if hasShown { showHint() }
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
        // Who has been shown nothing was not let in, and is told by the record why it ended.
        case .ended(let reason)?: return hasShown ? .ended(reason) : .lost
        case .exited(let code)?: return .exited(code)
        case .failed(let error)?: throw error
        case nil: return .lost
        default: return nil
        }
    }

    private mutating func show(_ bytes: [UInt8]) {
        if !hasShown && fillsScreen {
            // What stands on the screen moves up into the terminal's own lines instead of being erased.
            let rows = Int(Self.size.rows)
            UserOutput.write(Array("\u{1B}[\(rows);1H".utf8) + [UInt8](repeating: 0x0A, count: rows))
        }
        hasShown = true
        var ignored: [UInt8] = []
        passed?.feed(bytes, into: &ignored)
        UserOutput.write(bytes)
        if hintEnds != nil && !showsHint { showHint() }
    }

    private mutating func showHint() {
        showsHint = true
        let size = Self.size
        let text = String(hint.prefix(max(0, Int(size.columns) - 1)))
        UserOutput.write(Array("\u{1B}7\u{1B}[\(size.rows);1H\u{1B}[0;7m\(text)\u{1B}[0m\u{1B}8".utf8))
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
        guard let outcome = matcher?.feed(typed) else { return false }
        if !outcome.forward.isEmpty && !readOnly { try client.send(.input(outcome.forward)) }
        if outcome.detaches { try client.send(.detach) }
        return outcome.detaches
    }
}
