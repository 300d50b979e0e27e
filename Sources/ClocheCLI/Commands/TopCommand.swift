// top: `stats` on the whole screen, until q. The terminal is put back on every way out that a program can see.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import Glibc
internal import LinuxSystem
internal import Supervision

enum TopCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let isDumb = ProcessEnvironment.value("TERM") == "dumb"
        guard Terminal.isTerminal(0) && Terminal.isTerminal(1) && !isDumb else {
            throw ClocheError(
                .usage,
                "top needs a terminal",
                why: isDumb ? "TERM is dumb" : "standard input or output is none",
                remedy: "`cloche stats --watch` shows the same without one"
            )
        }
        let watch = try ResourceWatch(context.project, names: context.command.rest)
        let interval = try StatsCommand.interval(context.command)
        let sort = StatsCommand.sort(context.command, standard: .cpu)
        do throws(SystemError) {
            let session = TopSession(
                watch,
                interval: interval,
                sort: sort,
                StatsCommand.style(context.output)
            )
            return try session.run()
        } catch { throw ClocheError(.system, "cannot show the agents", why: error.description) }
    }
}

/// The other screen and raw mode, as long as they are on.
private final class WholeScreen {
    private var raw: Terminal.RawMode?
    private(set) var isOn = false

    init() { enter() }

    deinit { leave() }

    func enter() {
        if isOn { return }
        isOn = true
        raw = Terminal.RawMode(0)
        UserOutput.write(Array(ScreenBytes.enter.utf8))
    }

    func leave() {
        if !isOn { return }
        isOn = false
        UserOutput.write(Array(ScreenBytes.leave.utf8))
        raw = nil
    }
}

private final class TopSession {
    private let watch: ResourceWatch
    private let interval: Int64
    private let style: UsageStyle
    private var view: TopView
    private var history = UsageHistory()
    /// When the next round begins, and when the one at work is given up; milliseconds of the monotonic clock.
    private var nextRound = MonotonicClock.milliseconds
    private var roundEnd: Int64?
    private var rounds = 0
    private var screen: WholeScreen?

    init(_ watch: ResourceWatch, interval: Int64, sort: UsageSort, _ style: UsageStyle) {
        self.watch = watch
        self.interval = interval
        self.style = style
        view = TopView(sort: sort)
    }

    /// Shows agents until a key or a signal ends it; returns the exit code.
    func run() throws(SystemError) -> Int32 {
        let signals = try SignalDescriptor([
            SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH,
        ])
        screen = WholeScreen()
        defer { screen?.leave() }
        while true {
            advance()
            let left = max(0, (roundEnd ?? nextRound) - MonotonicClock.milliseconds)
            let ready = try Poll.wait(
                [
                    Poll.Interest(signals.descriptor.number, readable: true),
                    Poll.Interest(0, readable: true),
                ] + watch.interests,
                milliseconds: Int32(clamping: left)
            )
            watch.take(Array(ready[2...]))
            if ready[0] {
                for number in signals.take() {
                    if let code = react(number) { return code }
                }
            }
            if ready[1] {
                let typed = UserInput.read()
                // The terminal has gone.
                if typed.isEmpty { return 128 + SIGHUP }
                if let code = press(typed) { return code }
            }
        }
    }

    /// Begins and ends rounds when it is time.
    private func advance() {
        let now = MonotonicClock.milliseconds
        if roundEnd == nil && now >= nextRound {
            watch.begin()
            rounds += 1
            roundEnd = now + min(interval, StatsCommand.patience)
            // The first rates come soon.
            nextRound = now + (rounds == 1 ? min(interval, StatsCommand.firstInterval) : interval)
        }
        if let end = roundEnd, watch.isComplete || now >= end {
            roundEnd = nil
            history.add(watch.samples)
            draw()
        }
    }

    private func draw() {
        guard screen?.isOn == true else { return }
        let size = Terminal.size(1) ?? TerminalSize(columns: 80, rows: 24)
        let lines = view.lines(
            history.rows(view.sort),
            style,
            // What stands in the last column is erased by some terminals with the rest of the line.
            width: max(1, Int(size.columns) - 1),
            height: Int(size.rows)
        )
        UserOutput.write(Array(ScreenBytes.frame(lines).utf8))
    }

    /// The exit code if the signal ends it.
    private func react(_ number: CInt) -> Int32? {
        switch number {
        case SIGWINCH: draw()
        case SIGTSTP: suspend()
        case SIGCONT:
            // Whoever stopped it from outside may have changed the terminal.
            screen?.leave()
            screen?.enter()
            draw()
        default: return 128 + number
        }
        return nil
    }

    private func press(_ typed: [UInt8]) -> Int32? {
        let page = Terminal.size(1).map { max(1, Int($0.rows) - 4) } ?? 20
        for key in TopKey.keys(typed, page: page) {
            switch key {
            case .quit: return ExitCode.success
            case .suspend: suspend()
            default: view.apply(key, rows: history.now.count)
            }
        }
        draw()
        return nil
    }

    private func suspend() {
        screen?.leave()
        kill(getpid(), SIGSTOP)
        // Here it goes on. SIGCONT waits among the signals, behind one that ends it.
    }
}
