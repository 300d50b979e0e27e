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
    private var titles: ScreenPatterns
    private var screens: ScreenPatterns
    private var pace = ScreenPace()
    private var titlePace = ScreenPace()
    private var title = ""
    /// The bells that have been counted already.
    var bells: UInt64 = 0
    /// As it was told last.
    var told: HarnessState?
    var toldAt: Int64 = -Self.interval
    /// What was held then, and the newest request that people were called for.
    var toldHeld: [Int64] = []
    var announced: Int64 = 0
    /// Something is to be told that was too early.
    var isPending = false
    /// A flood of changes leaves few records.
    var allowance = Allowance(most: 30, interval: 10_000)
    /// Commands of `session.on-state`.
    var commands = HostCommand(interval: 1000)
    /// Notifications of the desktop.
    var notices = HostCommand(interval: 5000)

    init(_ policy: StatePolicy) {
        watch = StateWatch(policy)
        titles = ScreenPatterns(policy.title)
        screens = ScreenPatterns(policy.screen)
    }

    /// When something is due, in milliseconds of the monotonic clock.
    var nextLook: Int64? {
        [
            watch.nextChange, pace.due, titlePace.due, isPending ? toldAt + Self.interval : nil,
            commands.nextMoment, notices.nextMoment,
        ].compactMap { $0 }.min()
    }

    /// The window has a new title.
    mutating func titled(_ text: String, at now: Int64) {
        if titles.isEmpty { return }
        title = text
        titlePace.output(at: now)
    }

    /// The screen may have changed.
    mutating func shown(at now: Int64) {
        if !screens.isEmpty { pace.output(at: now) }
    }

    /// Looks at the title and the screen when it is time to.
    mutating func look(_ screen: Screen, at now: Int64) {
        if titlePace.looks(at: now) {
            let began = ThreadClock.microseconds
            watch.title(titles.meaning(of: [title]), at: now)
            titlePace.took(ThreadClock.microseconds - began)
        }
        if pace.looks(at: now) {
            let began = ThreadClock.microseconds
            watch.screen(screens.meaning(of: screen), at: now)
            pace.took(ThreadClock.microseconds - began)
        }
    }
}

extension Supervisor {
    /// When the state is to be looked at, though nothing happens.
    var nextState: Int64? {
        [
            following.nextLook, statePipe.pausedUntil, record.state == .paused ? nil : typing.nextMoment,
        ].compactMap { $0 }.min()
    }

    // MARK: What comes in

    /// The program of window 0 was started, first or again.
    func stateStarted() throws(ClocheError) {
        let now = MonotonicClock.milliseconds
        following.watch.started(at: now)
        following.bells = harnessWindow.screen.bells
        try followState()
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
            if case .title(let text) = signal { following.titled(text, at: now) }
        }
        following.shown(at: now)
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
    func followState() throws(ClocheError) {
        if finished { return }
        let now = MonotonicClock.milliseconds
        if let until = statePipe.pausedUntil, now >= until {
            statePipe.pausedUntil = nil
            watchStatePipe(true)
        }
        following.look(harnessWindow.screen, at: now)
        let found = following.watch.settle(at: now)
        let held = heldState
        let told = following.told
        // How long one waits yet is no news.
        let isNew =
            held.map { $0.text != told?.text || approvals.fingerprint != following.toldHeld }
            ?? (found.activity != told?.activity || found.source != told?.source || found.text != told?.text)
        following.isPending = isNew && now < following.toldAt + StateFollowing.interval
        if isNew && !following.isPending { try tell(held ?? state(found, at: now), at: now) }
        following.commands.advance(at: now)
        following.notices.advance(at: now)
        try handleMessages()
    }

    /// What its program does.
    private func state(_ found: StateWatch.Finding, at now: Int64) -> HarnessState {
        let before = following.told
        // The two clocks are not read at once: what has not changed keeps its time to the millisecond.
        let since = found.activity != before?.activity ? nil : before?.since
        return HarnessState(
            found.activity,
            since: since ?? WallClock.milliseconds - (now - found.since),
            by: found.source,
            text: found.text
        )
    }

    private func tell(_ state: HarnessState, at now: Int64) throws(ClocheError) {
        let before = following.told
        let isAsked = state.source == .approval && approvals.newest > following.announced
        let isOther = isAsked || state.activity != before?.activity
        following.announced = approvals.newest
        following.toldHeld = approvals.fingerprint
        following.told = state
        following.toldAt = now
        // Only shown; the next change is written again.
        try? agent.directory.write(state)
        if isOther {
            // That its program was held tells nothing of what it makes of a message.
            if state.source != .approval, before?.source != .approval { typing.pace.reacted() }
            announce(state, at: now)
            try recordState(state, at: now)
        }
        tellWaiting()
    }

    /// What is no more than output and silence is no event, and starts and ends have records of their own.
    private func recordState(_ state: HarnessState, at now: Int64) throws(ClocheError) {
        if [.start, .output, .silence, .approval, .exit].contains(state.source) { return }
        guard let untold = following.allowance.take(at: now) else { return }
        try audit.append(
            .state,
            [
                "state": .string(state.activity.rawValue), "by": .string(state.source.rawValue),
                "text": .optional(state.text.isEmpty ? nil : state.text),
                "untold": .optional(untold == 0 ? nil : untold),
            ]
        )
    }

    // MARK: People

    /// Runs the user's command for a state, and tells whoever is to be told.
    func announce(_ state: HarnessState, at now: Int64) {
        let notice = StateNotice(agent: record.name, project: record.project, state: state)
        if let line = policy.session.commands[state.activity] {
            following.commands.run(.shell(line, notice.environment), at: now)
        }
        guard notice.isWorthANotice else { return }
        switch policy.session.notice {
        case .off: return
        case .desktop: if let program = notice.desktop { following.notices.run(program, at: now) }
        case .bell:
            for viewer in viewers(of: harnessWindow) {
                if !viewer.send(output: [0x07], now: now) { drop(viewer) }
                updateInterest(viewer)
            }
        }
    }

    /// The agent has ended: its last state, as the record will show it.
    func announceEnd() {
        guard let state = HarnessState(of: record, in: record.state, last: nil) else { return }
        announce(state, at: MonotonicClock.milliseconds)
        following.commands.finish()
        following.notices.finish()
    }

    /// What a program waits for that asks for the state.
    private var stateReport: Document {
        var report = following.told?.document ?? .object([:])
        // What it did before a message is not its answer.
        report["settled"] = .bool(!typing.pace.isUnsettled(at: MonotonicClock.milliseconds))
        return report
    }

    /// Tells those who wait for a state.
    func tellWaiting() {
        let waiting = viewers.values.filter { $0.role == .waiting }
        if waiting.isEmpty { return }
        let report = stateReport
        for viewer in waiting { reply(viewer, .report(report)) }
    }

    /// Tells a viewer the state, now and whenever it changes.
    func waitForStates(_ viewer: Viewer) {
        guard viewer.role == .asking else { return drop(viewer) }
        viewer.role = .waiting
        reply(viewer, .report(stateReport))
    }
}
