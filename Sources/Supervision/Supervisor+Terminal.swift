// Window 0: the pty's master, what it shows to the log and the viewers, and what is typed into it. Called
// from the loop and by requests of viewers. Nothing here blocks: what the pty does not take waits in `input`.

internal import LinuxSystem
internal import TerminalText

extension Supervisor {
    /// The longest that keys typed ahead may be, in bytes.
    private static let inputLimit = 1 << 20

    /// Window 0 has something to show, or room for what was typed.
    func handleTerminal(_ event: Readiness) throws(SystemError) {
        if event.writable { try flushInput() }
        if event.readable || event.hangup { drainTerminal() }
    }

    /// Reads a bounded part, so that a flood does not keep everything else waiting.
    func drainTerminal(rounds: Int = 4) {
        for _ in 0..<rounds {
            do throws(SystemError) {
                guard let bytes = try terminal?.read(upTo: 16384), !bytes.isEmpty else {
                    return closeTerminal()
                }
                wakeTerminal()
                show(bytes)
            } catch  where error.errno == .wouldBlock {
                return
            } catch {
                // EIO means that no process has the slave open now.
                return restTerminal()
            }
        }
    }

    /// The terminal after what was shown last, as a new file of the recording begins with it.
    var screen: SessionLog.Screen { SessionLog.Screen(size: size, bytes: []) }

    private func show(_ bytes: [UInt8]) {
        var output: [UInt8] = []
        var replies: [UInt8] = []
        filter.feed(bytes[...], into: &output, replies: &replies)
        if !replies.isEmpty { type(replies) }
        lifecycle.activity(at: MonotonicClock.milliseconds)
        if output.isEmpty { return }
        outputBytes += Int64(output.count)
        log.append(output) { screen }
        for viewer in viewers.values {
            guard case .attached = viewer.role else { continue }
            for start in stride(from: 0, to: output.count, by: Viewer.chunk) {
                let part = Array(output[start..<min(start + Viewer.chunk, output.count)])
                if !viewer.send(.output(part)) { drop(viewer) }
            }
            updateInterest(viewer)
        }
    }

    /// Waits for a program that opens the terminal again.
    ///
    /// The master stays open: closing it would hang up the session, and a program that closes its terminal
    /// before it ends, as GNU tools do, would die of SIGHUP. The hang-up lasts, so only what is new wakes us.
    private func restTerminal() {
        guard let number = terminal?.number else { return }
        do throws(SystemError) {
            try epoll.modify(number, token: terminalToken, readable: true, writable: false, edge: true)
            terminalRests = true
        } catch { closeTerminal() }
    }

    private func wakeTerminal() {
        guard terminalRests, let number = terminal?.number else { return }
        terminalRests = false
        // It was registered a moment ago; if it is gone, the next read says so.
        try? epoll.modify(number, token: terminalToken, readable: true, writable: !input.isEmpty)
    }

    /// Forgets the pty; every process that had it open has gone, or is about to be killed.
    func closeTerminal() {
        guard let number = terminal?.number else { return }
        epoll.remove(number)
        terminal = nil
    }

    /// Puts bytes into the pty, as if typed.
    func type(_ bytes: [UInt8]) {
        if input.count + bytes.count > Self.inputLimit { return }  // nobody reads: what is typed is lost
        input += bytes
        try? flushInput()  // a pty that is gone takes nothing; its end is handled where it is read
    }

    private func flushInput() throws(SystemError) {
        guard let number = terminal?.number else {
            input.removeAll()
            return
        }
        while !input.isEmpty {
            guard let count = try terminal?.writeSome(input[...]) ?? nil else { break }
            input.removeFirst(count)
        }
        try epoll.modify(number, token: terminalToken, readable: true, writable: !input.isEmpty)
    }

    /// Takes a viewer's size, and makes full-screen programs draw again even if it is the old one.
    func resize(_ size: TerminalSize, redraw: Bool) {
        guard size.columns > 0, size.rows > 0, let number = terminal?.number, number >= 0 else { return }
        if redraw && size == self.size {
            setTerminalSize(TerminalSize(columns: size.columns, rows: max(1, size.rows - 1)))
        }
        self.size = size
        log.resized(size) { screen }
        setTerminalSize(size)
    }

    private func setTerminalSize(_ size: TerminalSize) {
        guard terminal != nil else { return }
        withTerminal { Terminal.setSize($0, size) }
    }

    private func withTerminal(_ body: (borrowing FileDescriptor) -> Void) {
        guard let held = terminal.take() else { return }
        body(held)
        terminal = consume held
    }
}
