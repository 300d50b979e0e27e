// Messages that wait until the program is ready, and the moments between them. Pure: times come in, what to do goes out.

internal import ClocheModel

/// The messages of one agent.
struct MessageQueue: Equatable {
    /// The most that wait, and all of their bytes.
    static let (most, mostBytes) = (32, 1 << 18)
    /// Between text and Enter, in milliseconds: a program that tells pastes by their speed takes an Enter that comes with
    /// the text for a part of it.
    static let enterDelay: Int64 = 150
    /// So long after a message the program is believed to be busy with it, unless it says something else.
    static let reaction: Int64 = 2000

    private(set) var waiting: [QueuedMessage]
    /// When Enter is to be pressed for the text that was typed last, in milliseconds of the monotonic clock.
    private(set) var enterDue: Int64?
    /// Until when the program has not had the time to say that it is busy.
    private(set) var busyUntil: Int64?

    init(_ waiting: [QueuedMessage] = []) { self.waiting = waiting }

    /// Whether another one may wait.
    func hasRoom(for text: String) -> Bool {
        waiting.count < Self.most
            && waiting.reduce(text.utf8.count) { $0 + $1.text.utf8.count } <= Self.mostBytes
    }

    /// Puts one at the end; returns its place, from 1.
    mutating func add(_ message: QueuedMessage) -> Int {
        waiting.append(message)
        return waiting.count
    }

    /// Takes the next one, to type it.
    mutating func next() -> QueuedMessage? { waiting.isEmpty ? nil : waiting.removeFirst() }

    /// Puts one back that could not be typed.
    mutating func putBack(_ message: QueuedMessage) { waiting.insert(message, at: 0) }

    /// A text was typed; if the program `answers`, it will say that it has begun.
    mutating func typed(enter: Bool, answers: Bool, at now: Int64) {
        enterDue = enter ? now + Self.enterDelay : nil
        busyUntil = answers && enter ? now + Self.reaction : nil
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
    mutating func interrupted() { (enterDue, busyUntil) = (nil, nil) }

    /// Whether the program has not had the time to react to a message.
    func isUnsettled(at now: Int64) -> Bool { busyUntil.map { now < $0 } ?? false }

    /// Whether a text may be typed now into a program that does this.
    func mayType(_ finding: StateWatch.Finding, at now: Int64) -> Bool {
        enterDue == nil && !isUnsettled(at: now) && finding.isReady
    }

    /// When something is due, in milliseconds of the monotonic clock.
    var nextMoment: Int64? { [enterDue, busyUntil].compactMap { $0 }.min() }

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
