// What the agent program does, as far as it says or shows it: StateWatch judges, and here it is fed, and told to whoever
// wants to know. Called from the loop; nothing here waits.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import LinuxSystem
internal import TerminalScreen
internal import TerminalText

/// What a supervisor needs to know its program's state.
struct StateFollowing {
    /// Between two changes that are told, in milliseconds: of those that come faster, the last counts.
    static let interval: Int64 = 250

    var watch: StateWatch
    let titles: ScreenPatterns
    let screens: ScreenPatterns
    var pace = ScreenPace()
    /// The bells that have been counted already.
    var bells: UInt64 = 0
    /// As it was told last.
    var told: HarnessState?
    var toldAt: Int64 = -Self.interval
    /// Something is to be told that was too early.
    var isPending = false

    init(_ policy: StatePolicy) {
        watch = StateWatch(policy)
        titles = ScreenPatterns(policy.title)
        screens = ScreenPatterns(policy.screen)
    }

    /// When something is due, in milliseconds of the monotonic clock.
    var nextLook: Int64? {
        [watch.nextChange, screens.isEmpty ? nil : pace.due, isPending ? toldAt + Self.interval : nil]
            .compactMap { $0 }.min()
    }
}

extension Supervisor {
    /// When the state is to be looked at, though nothing happens.
    var nextState: Int64? {
        [following.nextLook, statePipe.pausedUntil].compactMap { $0 }.min()
    }

    // MARK: What comes in

    /// The program of window 0 was started, first or again.
    func stateStarted() {
        let now = MonotonicClock.milliseconds
        following.watch.started(at: now)
        following.bells = harnessWindow.screen.bells
        followState()
    }

    /// Window 0 has taken output.
    func hear(_ window: Window, at now: Int64) {
        following.watch.output(at: now)
        if window.screen.bells != following.bells {
            following.bells = window.screen.bells
            following.watch.bell(at: now)
        }
        for payload in window.signals {
            guard let signal = TerminalSignal(payload) else { continue }
            following.watch.signal(signal, at: now)
            if case .title(let text) = signal {
                following.watch.title(following.titles.meaning(of: [text]), at: now)
            }
        }
        if !following.screens.isEmpty { following.pace.output(at: now) }
    }

    /// A hook has written something.
    func readStatePipe() {
        let now = MonotonicClock.milliseconds
        for line in statePipe.take(at: now) { following.watch.hook(line.activity, line.text, at: now) }
        watchStatePipe(false)
    }

    private func watchStatePipe(_ isRead: Bool) {
        let number = statePipe.descriptor.number
        // It is in the set from the beginning to the end.
        try? epoll.modify(number, token: Token.statePipe, readable: isRead, writable: false)
    }

    // MARK: What goes out

    /// Looks at what is due, and tells a change.
    func followState() {
        let now = MonotonicClock.milliseconds
        if let until = statePipe.pausedUntil, now >= until {
            statePipe.pausedUntil = nil
            watchStatePipe(true)
        }
        if !following.screens.isEmpty, following.pace.looks(at: now) {
            following.watch.screen(following.screens.meaning(of: harnessWindow.screen), at: now)
        }
        let found = following.watch.settle(at: now)
        let isNew =
            found.activity != following.told?.activity || found.source != following.told?.source
            || found.text != following.told?.text
        following.isPending = isNew && now < following.toldAt + StateFollowing.interval
        if isNew && !following.isPending { tell(found, at: now) }
    }

    private func tell(_ found: StateWatch.Finding, at now: Int64) {
        let state = HarnessState(
            found.activity,
            since: WallClock.milliseconds - (now - found.since),
            by: found.source,
            text: found.text
        )
        following.told = state
        following.toldAt = now
        // Only shown; the next change is written again.
        try? agent.directory.write(state)
    }
}
