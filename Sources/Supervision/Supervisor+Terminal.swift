// The windows: what their programs write goes to their screens, to the log and to whoever is attached, and what is typed
// goes to their ptys. Called from the loop and by requests of viewers. Nothing here blocks: what a pty does not take waits
// in its window, and a viewer that does not keep up is shown the screen instead of every step to it.

internal import LinuxSystem
internal import SandboxRuntime
internal import TerminalScreen
internal import TerminalText

extension Supervisor {
    /// A window has something to show, or room for what was typed.
    func handle(_ window: Window, _ event: Readiness) throws(SystemError) {
        if event.writable { try flushInput(window) }
        // A hang-up is told whether it is asked for or not.
        if window.pausedUntil == nil, event.readable || event.hangup { drain(window) }
    }

    /// Begins to serve a window's pty.
    func open(_ window: Window, _ terminal: consuming FileDescriptor) throws(SystemError) {
        try terminal.setNonBlocking()
        window.token = makeToken()
        try epoll.add(terminal.number, token: window.token)
        window.terminal = consume terminal
        (window.rests, window.pausedUntil) = (false, nil)
    }

    /// So much is shown at once, in bytes.
    private static let part = 32768
    /// What a thread that reads ahead may hold, in bytes: a pipe, and a buffer.
    private static let aheadSize = 81920

    /// Reads a bounded part, so that a flood does not keep everything else waiting.
    ///
    /// A pty gives a page at a time at most; what there is of them is shown together.
    func drain(_ window: Window) { _ = readPart(of: window) }

    /// Reads what there is; for some time only, since other programs may go on writing for ever.
    func drain(_ window: Window, milliseconds: Int64) {
        let end = MonotonicClock.milliseconds + milliseconds
        while true {
            let mayGoOn = readPart(of: window)
            let left = end - MonotonicClock.milliseconds
            if left <= 0 { return }
            if mayGoOn { continue }
            guard let pipe = window.ahead?.pipe.number else { return }
            // What the thread has in hand is still to come. Waiting fails by interruption only.
            _ = try? Poll.wait([Poll.Interest(pipe, readable: true)], milliseconds: Int32(left))
        }
    }

    /// Whether there may be more.
    private func readPart(of window: Window) -> Bool {
        if let part = window.ahead?.pipe.readAvailable(upTo: Self.part) {
            if !part.bytes.isEmpty { show(part.bytes, in: window) }
            if case .closed = part.end { endReadingAhead(window) }
            if case .failed = part.end { return false }
            return true
        }
        guard let part = window.terminal?.readAvailable(upTo: Self.part) else { return false }
        if !part.bytes.isEmpty {
            wake(window)
            show(part.bytes, in: window)
        }
        switch part.end {
        case nil:
            countBurst(part.bytes.count, in: window)
            return true
        case .closed: close(window)
        case .failed(let error) where error.errno == .wouldBlock: countBurst(part.bytes.count, in: window)
        // EIO is that of an unused one: no process has the slave open now.
        case .failed: rest(window)
        }
        return false
    }

    /// While a program writes much, a thread reads it.
    private func countBurst(_ count: Int, in window: Window) {
        guard window.burst.took(count, at: MonotonicClock.milliseconds), window.isOpen else { return }
        // One start for so much, whatever comes of it.
        window.burst = OutputBurst()
        do throws(SystemError) {
            let pipe = try Pipe()
            try epoll.add(pipe.readEnd.number, token: window.token)
            window.ahead = try window.terminal?.readAhead(pipe)
            try watch(window)
        } catch {}  // then it is read here, as before; a pipe that is closed is watched no more
    }

    /// The thread has ended: what comes, or why nothing does, is read here again.
    private func endReadingAhead(_ window: Window) {
        if let pipe = window.ahead?.pipe.number { epoll.remove(pipe) }
        window.ahead = nil
        // If it is gone, the next read says so.
        try? watch(window)
    }

    /// The harness's terminal after what was shown last, as a new file of the recording begins with it.
    var shownScreen: SessionLog.Screen {
        SessionLog.Screen(size: harnessWindow.size, bytes: harnessWindow.screen.restoration())
    }

    private func show(_ bytes: [UInt8], in window: Window) {
        let began = ThreadClock.microseconds
        let output = window.take(bytes)
        let now = MonotonicClock.milliseconds
        if let until = window.pace.took(ThreadClock.microseconds - began, at: now) {
            window.pausedUntil = until
            try? watch(window)  // gone: then there is nothing to read
        }
        if !window.input.isEmpty { try? flushInput(window) }  // its end is handled where it is read
        if window.number == 0 {
            lifecycle.activity(at: now)
            hear(window, at: now)
        }
        if output.isEmpty { return }
        pass(on: output, of: window, at: now)
    }

    /// Modes of a program that has ended are not the next one's.
    func resetModes(_ window: Window) {
        pass(on: window.resetModes(), of: window, at: MonotonicClock.milliseconds)
    }

    /// What a window shows goes to the recording and to who follows.
    private func pass(on output: [UInt8], of window: Window, at now: Int64) {
        let following = followers(of: window)
        if window.number == 0 {
            outputBytes += Int64(output.count)
            log.append(output) { shownScreen }
            // Who is told of it may read it there next.
            if !following.isEmpty { log.flush { shownScreen } }
        }
        for viewer in viewers(of: window) + following where viewer.follows(window) {
            if !viewer.send(output: output, now: now) { drop(viewer) }
            updateInterest(viewer)
        }
    }

    /// Waits for a program that opens the terminal again.
    ///
    /// The master stays open: closing it would hang up the session, and a program that closes its terminal
    /// before it ends, as GNU tools do, would die of SIGHUP.
    private func rest(_ window: Window) {
        guard !window.rests else { return }
        window.rests = true
        do throws(SystemError) { try watch(window) } catch { close(window) }
    }

    private func wake(_ window: Window) {
        guard window.rests else { return }
        window.rests = false
        // It was registered a moment ago; if it is gone, the next read says so.
        try? watch(window)
    }

    /// Forgets a pty; every process that had it open has gone, or is about to be killed.
    func close(_ window: Window) {
        guard let number = window.terminal?.number else { return }
        let last = window.ahead?.pipe.readAvailable(upTo: Self.aheadSize).bytes ?? []
        if let pipe = window.ahead?.pipe.number { epoll.remove(pipe) }
        window.ahead = nil
        epoll.remove(number)
        window.terminal = nil
        // What was read ahead was written while it lived.
        if !last.isEmpty { show(last, in: window) }
        (window.token, window.pausedUntil) = (0, nil)
        // What was typed for one program is not for the next.
        window.dropInput()
    }

    /// Puts bytes into a pty, as if typed.
    func type(_ bytes: [UInt8], in window: Window) {
        window.enqueue(bytes)
        try? flushInput(window)  // a pty that is gone takes nothing; its end is handled where it is read
    }

    private func flushInput(_ window: Window) throws(SystemError) {
        try window.flush()
        try watch(window)
    }

    /// Tells the loop what to wait for.
    private func watch(_ window: Window) throws(SystemError) {
        guard let number = window.terminal?.number else { return }
        let isRead = window.pausedUntil == nil
        let readsAhead = window.ahead != nil
        // A hang-up lasts, and is told whatever is asked for. Where nobody reads it away, only what is new may wake us.
        try epoll.modify(
            number,
            token: window.token,
            readable: isRead && !readsAhead,
            writable: !window.input.isEmpty,
            edge: window.rests || readsAhead || !isRead
        )
        guard let pipe = window.ahead?.pipe.number else { return }
        try epoll.modify(pipe, token: window.token, readable: isRead, writable: false, edge: !isRead)
    }

    /// When a window that is paused is read again, in milliseconds of the monotonic clock; nil for none.
    var nextWindow: Int64? { windows.values.compactMap(\.pausedUntil).min() }

    /// Goes on with windows whose pause is over.
    func resumeWindows() {
        for window in windows.values {
            guard let until = window.pausedUntil, MonotonicClock.milliseconds >= until else { continue }
            window.pausedUntil = nil
            try? watch(window)  // gone: then there is nothing to read
        }
    }

    /// Gives a window another size; whoever sees it is shown it anew.
    func resize(_ window: Window, _ size: TerminalSize) {
        guard window.resize(size) else { return }
        if window.number == 0 { log.resized(window.size) { shownScreen } }
        for viewer in viewers(of: window) { viewer.mustRestore = true }
    }

    // MARK: Viewers

    func viewers(of window: Window) -> [Viewer] {
        viewers.values.filter { $0.attachment?.window == window.number }
    }

    private func followers(of window: Window) -> [Viewer] {
        window.number == 0 ? viewers.values.filter { $0.role == .following } : []
    }

    /// When the next viewer is to be shown a frame, in milliseconds of the monotonic clock; nil for never.
    var nextFrame: Int64? {
        var next: Int64?
        for viewer in viewers.values {
            guard let window = window(of: viewer), viewer.wantsFrame(of: window), !viewer.isWaiting else {
                continue
            }
            next = min(next ?? .max, viewer.lastFrame + Viewer.frameInterval)
        }
        return next
    }

    func window(of viewer: Viewer) -> Window? {
        viewer.attachment.flatMap { windows[$0.window] }
    }

    /// Shows frames to those who wait for one.
    func showFrames() {
        let now = MonotonicClock.milliseconds
        for viewer in Array(viewers.values) {
            guard let window = window(of: viewer), viewer.wantsFrame(of: window), !viewer.isWaiting,
                now >= viewer.lastFrame + Viewer.frameInterval
            else { continue }
            viewer.lastFrame = now
            if !viewer.sendFrame(of: window) { drop(viewer) }
            updateInterest(viewer)
        }
    }
}
