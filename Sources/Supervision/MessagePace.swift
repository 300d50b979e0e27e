// When messages are typed: until the program is ready, and the moments between them. Pure: times come in, what to do goes
// out; what waits is in the inbox.

internal import ClocheModel

/// The moments of one agent's messages, in milliseconds of the monotonic clock.
struct MessagePace: Equatable {
    /// Between text and Enter, and between the keys that interrupt a program and a text.
    ///
    /// A program that tells pastes by their speed takes an Enter that comes with the text for a part of it.
    static let enterDelay: Int64 = 150
    /// So long after a message the program is believed to be busy with it, unless it says something else.
    static let reaction: Int64 = 2000
    /// So long after Enter it is not sure that the program has read it: should its supervisor die, it is typed again.
    static let settling: Int64 = 1000
    /// So long after an agent had the program interrupted no agent has it interrupted again.
    static let pause: Int64 = 10_000
    /// Until a lock is tried again that another process has.
    static let retry: Int64 = 10

    /// When Enter is to be pressed for the text that was typed last.
    private(set) var enterDue: Int64?
    /// Until when the program has not had the time to say that it is busy.
    private(set) var busyUntil: Int64?
    /// The message that the program was interrupted for, and when it may be typed.
    private(set) var interruption: (id: Int64, due: Int64)?
    /// Until when messages of agents interrupt nothing.
    private var pauseEnds: Int64?

    static func == (one: MessagePace, other: MessagePace) -> Bool {
        one.enterDue == other.enterDue && one.busyUntil == other.busyUntil
            && one.interruption?.id == other.interruption?.id
            && one.interruption?.due == other.interruption?.due && one.pauseEnds == other.pauseEnds
    }

    /// A text was typed; if the program `answers`, it will say that it has begun.
    mutating func typed(enter: Bool, answers: Bool, at now: Int64) {
        enterDue = enter ? now + Self.enterDelay : nil
        busyUntil = answers && enter ? now + Self.reaction : nil
        interruption = nil
    }

    /// Whether Enter is to be pressed now; if so, that is noted.
    mutating func pressesEnter(at now: Int64) -> Bool {
        guard let enterDue, now >= enterDue else { return false }
        self.enterDue = nil
        return true
    }

    /// The program says that it does something else than before, or is gone.
    mutating func reacted() { busyUntil = nil }

    /// Forgets what a program that is gone was being typed.
    mutating func interrupted() { (enterDue, busyUntil, interruption) = (nil, nil, nil) }

    /// Whether the program has not had the time to react to a message.
    func isUnsettled(at now: Int64) -> Bool { busyUntil.map { now < $0 } ?? false }

    /// Whether a text may be typed now into a program that does this.
    func mayType(_ finding: StateWatch.Finding, at now: Int64) -> Bool {
        enterDue == nil && !isUnsettled(at: now) && finding.isReady
    }

    /// What is to be done for a message that interrupts a program that is not ready.
    enum Step: Equatable { case wait, interrupt, type }

    /// One step on the way to typing such a message; that the keys are to be pressed is noted.
    mutating func step(to id: Int64, isOfAgent: Bool, _ finding: StateWatch.Finding, at now: Int64) -> Step {
        // Who has just begun may not read yet, and a text that is there already ends with its Enter.
        guard enterDue == nil, finding.activity != .starting, finding.source != .exit else { return .wait }
        guard let interruption, interruption.id == id else {
            if isOfAgent {
                if let pauseEnds, now < pauseEnds { return .wait }
                pauseEnds = now + Self.pause
            }
            self.interruption = (id, now + Self.enterDelay)
            return .interrupt
        }
        return now >= interruption.due ? .type : .wait
    }

    /// The program was interrupted, and what for has not been typed when it was due: it was read elsewhere, or cannot be.
    mutating func endInterruption(at now: Int64) {
        if let due = interruption?.due, now >= due { interruption = nil }
        if let pauseEnds, now >= pauseEnds { self.pauseEnds = nil }
    }

    /// When something is due.
    var nextMoment: Int64? { [enterDue, busyUntil, interruption?.due, pauseEnds].compactMap { $0 }.min() }

    /// The time of a reaction is over; whether it just was.
    mutating func settles(at now: Int64) -> Bool {
        guard let busyUntil, now >= busyUntil else { return false }
        self.busyUntil = nil
        return true
    }
}

extension StateWatch.Finding {
    /// Whether the program takes a message, as far as that is known.
    ///
    /// That it shows something is no reason to keep a message back: many programs take messages while they work. Who
    /// says that it works is believed, and who has shown nothing yet may not read yet.
    var isReady: Bool {
        switch activity {
        case .starting: false
        case .working: source == .output
        case .waiting, .idle, .done, .failed: source != .exit
        }
    }
}
