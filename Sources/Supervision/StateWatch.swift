// What an agent program does, judged from what it says and shows. Pure: events come in with their times, the state goes
// out; no clock and no input is in it.
//
// The rule is one sentence: the newest word of the program counts, and without any, output means working and silence means
// idle. Words are lines of hooks, marks, titles and screens that match a pattern, bells and notifications. A title or a
// screen that matches no more takes its word back; what is typed answers bells and notifications.

internal import ClocheModel
internal import TerminalText

/// Follows one program.
struct StateWatch: Equatable {
    /// What it does, by the monotonic clock.
    struct Finding: Equatable {
        var activity: HarnessState.Activity
        var source: HarnessState.Source
        /// As one harmless line.
        var text = ""
        /// In milliseconds of the monotonic clock.
        var since: Int64
    }

    private struct Word: Equatable {
        var activity: HarnessState.Activity
        var text: String
        /// When it was said.
        var time: Int64
        /// Grows with each word.
        var order: Int
    }

    private let policy: StatePolicy
    private var words: [HarnessState.Source: Word] = [:]
    private var lastOrder = 0
    private var startedAt: Int64 = 0
    /// When the terminal showed or took something last.
    private var lastActivity: Int64 = 0
    private var hasShown = false
    private var pausedAt: Int64?
    private var end: (isGood: Bool, time: Int64)?
    private(set) var current: Finding

    init(_ policy: StatePolicy) {
        self.policy = policy
        current = Finding(activity: .starting, source: .start, since: 0)
    }

    static func == (one: StateWatch, other: StateWatch) -> Bool {
        one.current == other.current && one.words == other.words && one.lastActivity == other.lastActivity
    }

    // MARK: Events; all times are milliseconds of the monotonic clock

    /// The program was started, first or again: what was known of it is of the one before.
    mutating func started(at now: Int64) {
        self = StateWatch(policy)
        (startedAt, lastActivity) = (now, now)
        current.since = now
    }

    /// Its terminal shows something.
    mutating func output(at now: Int64) {
        // A burst after a rest is the beginning of work, not of the rest before.
        if judged(at: now).activity == .idle { restEnded = now }
        (lastActivity, hasShown) = (now, true)
    }

    /// When output came after a rest.
    private var restEnded: Int64 = 0

    /// Somebody types: whoever rang is answered.
    mutating func typed(at now: Int64) {
        if judged(at: now).activity == .idle { restEnded = now }
        if words[.bell] != nil || words[.notification] != nil { restEnded = now }
        lastActivity = now
        words[.bell] = nil
        words[.notification] = nil
    }

    /// A hook has said so.
    mutating func hook(_ activity: HarnessState.Activity, _ text: String, at now: Int64) {
        say(activity, .hook, text, at: now)
    }

    /// The bell has rung.
    ///
    /// After words that say the same, and why, it adds nothing.
    mutating func bell(at now: Int64) {
        let known = judged(at: now)
        guard let activity = policy.bell, activity != known.activity || known.text.isEmpty else { return }
        say(activity, .bell, "", at: now)
    }

    /// The program has told its terminal something; a title counts by `title(_:at:)`.
    mutating func signal(_ signal: TerminalSignal, at now: Int64) {
        switch signal {
        case .title: return
        case .notification(let text):
            if let activity = policy.bell { say(activity, .notification, text, at: now) }
        case .prompt, .commandEnds: if policy.marks { say(.idle, .mark, "", at: now) }
        case .commandBegins: if policy.marks { say(.working, .mark, "", at: now) }
        }
    }

    /// What the window's title means; nil when no pattern matches it.
    mutating func title(_ activity: HarnessState.Activity?, at now: Int64) { show(activity, .title, at: now) }

    /// What the screen means; nil when no pattern matches it.
    mutating func screen(_ activity: HarnessState.Activity?, at now: Int64) {
        show(activity, .screen, at: now)
    }

    /// The program has ended, and its agent goes on.
    mutating func ended(isGood: Bool, at now: Int64) { end = (isGood, now) }

    /// The agent is frozen; that it is silent is not its own doing.
    mutating func pause(at now: Int64) { pausedAt = pausedAt ?? now }

    /// The agent goes on.
    mutating func unpause(at now: Int64) {
        guard let pausedAt else { return }
        lastActivity += max(0, now - max(pausedAt, lastActivity))
        self.pausedAt = nil
    }

    private mutating func say(
        _ activity: HarnessState.Activity,
        _ source: HarnessState.Source,
        _ text: String,
        at now: Int64
    ) {
        lastOrder += 1
        words[source] = Word(activity: activity, text: text, time: now, order: lastOrder)
    }

    /// What stands somewhere is said once, and holds as long as it stands there.
    private mutating func show(
        _ activity: HarnessState.Activity?,
        _ source: HarnessState.Source,
        at now: Int64
    ) {
        guard words[source]?.activity != activity else { return }
        words[source] = nil
        if let activity { say(activity, source, "", at: now) }
    }

    // MARK: Judging

    /// The state now; `current` from then on.
    mutating func settle(at now: Int64) -> Finding {
        var found = judged(at: now)
        // A word that counts again, because a newer one was taken back, is not older than that one.
        found.since = found.activity == current.activity ? current.since : max(found.since, current.since)
        current = found
        return found
    }

    /// When the state changes by time alone, in milliseconds of the monotonic clock; nil for never.
    var nextChange: Int64? {
        guard words.isEmpty, end == nil, pausedAt == nil, current.activity != .idle,
            let silence = policy.silenceMilliseconds
        else { return nil }
        return lastActivity + silence
    }

    /// Whether only output and silence tell what the program does.
    var isGuess: Bool { words.isEmpty && end == nil }

    private func judged(at now: Int64) -> Finding {
        if let end {
            return Finding(activity: end.isGood ? .done : .failed, source: .exit, since: end.time)
        }
        if let (source, word) = words.max(by: { $0.value.order < $1.value.order }) {
            return Finding(activity: word.activity, source: source, text: word.text, since: word.time)
        }
        if let silence = policy.silenceMilliseconds, (pausedAt ?? now) - lastActivity >= silence {
            return Finding(activity: .idle, source: .silence, since: lastActivity)
        }
        guard hasShown else { return Finding(activity: .starting, source: .start, since: startedAt) }
        return Finding(activity: .working, source: .output, since: max(restEnded, startedAt))
    }
}
