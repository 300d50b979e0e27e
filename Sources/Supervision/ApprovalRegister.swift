// What of an agent's doing waits for a person, and what became of it. Pure: questions and answers come in with their times,
// and what is to be done goes out; no clock, no socket and no log is in it.
//
// Three things protect whoever answers. A number is of one request, and a mistyped one of none: they begin anywhere and
// leave gaps. An answer is for what was seen: a request that others have joined lets one go. And who was denied is not
// heard again for a while, so that nobody is asked until they give in.

internal import ClocheModel

/// What is asked about.
struct ApprovalSubject: Equatable {
    /// The part of a push that a request is.
    enum Step: Equatable {
        /// It says what is there, or sends nothing that could change it.
        case prelude
        /// It changes what is there.
        case change
    }

    /// The class for which it is held.
    var kind: ApprovalClass
    /// What is asked for, as it is shown; the same text is the same thing.
    var target: String
    /// What `--always` is for.
    var scope: String
    /// Of a push by its usual requests.
    var step: Step?

    /// What is equal for the same action.
    var key: String { "\(kind) \(target)" }
}

/// What waits at one agent, and what was decided.
struct ApprovalRegister {
    /// Who waits.
    enum Waiter: Hashable {
        /// A connection of the agent's network.
        case connection(UInt64)
        /// A question of its gateway.
        case request(Int64)
    }

    enum Answer: Equatable {
        /// It may go on, for this reason.
        case allowed(String)
        /// It may not, for this reason.
        case refused(String)
        /// A person is asked.
        case wait
    }

    /// Somebody need wait no longer.
    struct Release: Equatable {
        var waiter: Waiter
        var answer: Answer
    }

    /// What a person said.
    struct Decision: Equatable {
        var number: Int64
        var isApproval: Bool
        /// For all that is asked for the same until the agent ends.
        var isLasting: Bool
        var user: UInt32
    }

    /// What belongs into the audit log.
    struct Event: Equatable {
        enum Action: String, CaseIterable {
            case asked, approved, denied, withdrawn
            case timedOut = "timed-out"
            /// Nobody was asked.
            case refused
        }

        var action: Action
        var kind: ApprovalClass
        var target: String
        var number: Int64?
        var decision: Decision?
        var why: String?
        /// How many were refused without a record before it.
        var untold: Int64?
    }

    private struct Entry {
        var number: Int64
        var subject: ApprovalSubject
        var since: Int64
        var until: Int64
        /// Who has waited longest first.
        var waiters: [(waiter: Waiter, step: ApprovalSubject.Step?)]
        /// When the last of them went.
        var leftAt: Int64?
    }

    /// What was approved of and has not come yet.
    private struct Permit {
        var until: Int64
        var number: Int64
    }

    /// So many requests are held; further ones are refused at once.
    static let most = 16
    /// And so many wait for the same.
    static let mostWaiters = 32
    /// A program that gives up and tries again finds its request as it was, for so many milliseconds.
    static let lingering: Int64 = 10_000
    /// What was denied is denied again for so long, and nobody is asked.
    static let quiet: Int64 = 60_000
    /// What was approved of may still begin for so long.
    static let grace: Int64 = 120_000
    private static let mostDecided = 1000

    private let timeout: Int64
    private var nextNumber: Int64
    private var entries: [Entry] = []
    private var always: [String: (isApproval: Bool, number: Int64)] = [:]
    private var denied: [String: (until: Int64, why: String)] = [:]
    private var permits: [String: Permit] = [:]
    private var refusals = Allowance(most: 10, interval: 10_000)
    private(set) var released: [Release] = []
    private(set) var events: [Event] = []
    /// The greatest number that was ever asked with.
    private(set) var newest: Int64 = 0

    /// One that gives requests the time of a policy; without a first number, any.
    init(_ policy: ApprovalPolicy, firstNumber: Int64? = nil) {
        // More than a year is no time that could be added to others.
        timeout = min(policy.timeoutSeconds, 31_536_000) * 1000
        nextNumber = firstNumber ?? Int64.random(in: 100_000..<900_000)
    }

    /// What waits, the oldest first; clocks of the calendar and of the machine at the same moment.
    func held(calendar: Int64, at now: Int64) -> [HeldRequest] {
        entries.map { entry in
            HeldRequest(
                number: entry.number,
                kind: entry.subject.kind,
                target: entry.subject.target,
                since: calendar - (now - entry.since),
                until: calendar + (entry.until - now),
                count: Int64(entry.waiters.count)
            )
        }
    }

    /// What changes when something that is shown does.
    var fingerprint: [Int64] { entries.flatMap { [$0.number, Int64($0.waiters.count)] } }

    /// When something is due, in milliseconds of the monotonic clock.
    var nextMoment: Int64? {
        entries.map { min($0.until, $0.leftAt.map { $0 + Self.lingering } ?? .max) }.min()
    }

    // MARK: Questions

    /// Whether something may be done; who is to wait is released later.
    mutating func ask(_ subject: ApprovalSubject, by waiter: Waiter, at now: Int64) -> Answer {
        if let known = always[subject.scope] {
            let word = known.isApproval ? "approved" : "denied"
            let why = "\(word) for this run with request \(known.number)"
            return known.isApproval ? .allowed(why) : .refused("it was \(why)")
        }
        if let permit = permits[subject.key] {
            // What comes before a push may come again; the push itself is one.
            if subject.step != .prelude || now >= permit.until { permits[subject.key] = nil }
            if now < permit.until { return .allowed("approved with request \(permit.number)") }
        }
        if let index = entries.firstIndex(where: { $0.subject.key == subject.key }) {
            guard entries[index].waiters.count < Self.mostWaiters else {
                return refuse(subject, "too many wait for the same already", at: now)
            }
            entries[index].waiters.append((waiter, subject.step))
            entries[index].leftAt = nil
            return .wait
        }
        if let last = denied[subject.key], now < last.until { return refuse(subject, last.why, at: now) }
        guard entries.count < Self.most else {
            return refuse(subject, "too many requests wait for a person already", at: now)
        }
        add(subject, [(waiter, subject.step)], at: now)
        return .wait
    }

    private mutating func add(
        _ subject: ApprovalSubject,
        _ waiters: [(waiter: Waiter, step: ApprovalSubject.Step?)],
        at now: Int64
    ) {
        let number = nextNumber
        nextNumber += Int64.random(in: 7...97)
        newest = number
        entries.append(
            Entry(number: number, subject: subject, since: now, until: now + timeout, waiters: waiters)
        )
        events.append(Event(action: .asked, kind: subject.kind, target: subject.target, number: number))
    }

    /// Without anybody being asked; floods of these leave few records.
    private mutating func refuse(_ subject: ApprovalSubject, _ why: String, at now: Int64) -> Answer {
        if let untold = refusals.take(at: now) {
            events.append(
                Event(
                    action: .refused,
                    kind: subject.kind,
                    target: subject.target,
                    why: why,
                    untold: untold == 0 ? nil : untold
                )
            )
        }
        return .refused(why)
    }

    /// Refuses what cannot be asked about.
    mutating func refuseUnasked(_ subject: ApprovalSubject, _ why: String, at now: Int64) {
        _ = refuse(subject, why, at: now)
    }

    /// Somebody waits no longer.
    mutating func withdraw(_ waiter: Waiter, at now: Int64) {
        for index in entries.indices {
            entries[index].waiters.removeAll { $0.waiter == waiter }
            if entries[index].waiters.isEmpty, entries[index].leftAt == nil { entries[index].leftAt = now }
        }
    }

    /// Nobody waits any more who has asked by the gateway.
    mutating func withdrawRequests(at now: Int64) {
        for waiter in entries.flatMap({ $0.waiters.map(\.waiter) }) {
            if case .request = waiter { withdraw(waiter, at: now) }
        }
    }

    /// Whether somebody waits.
    func isWaiting(_ waiter: Waiter) -> Bool {
        entries.contains { $0.waiters.contains { $0.waiter == waiter } }
    }

    /// The agent ends.
    mutating func withdrawAll() {
        for entry in entries { note(.withdrawn, entry) }
        entries = []
    }

    // MARK: Answers

    /// Does what a person said; the request that it was about, or nil if there is none of that number.
    mutating func decide(_ decision: Decision, at now: Int64) -> ApprovalSubject? {
        guard let index = entries.firstIndex(where: { $0.number == decision.number }) else { return nil }
        let entry = entries.remove(at: index)
        let subject = entry.subject
        let number = entry.number
        note(decision.isApproval ? .approved : .denied, entry, decision)
        if decision.isLasting {
            // A person makes these one by one.
            if always.count >= Self.mostDecided { always = [:] }
            always[subject.scope] = (decision.isApproval, number)
        }
        guard decision.isApproval else {
            deny(entry, "a person has denied it (request \(number))", at: now)
            return subject
        }
        let allowed = Answer.allowed("approved with request \(number)")
        // Two connections to one place are as a rule one program's; two requests are two deeds.
        let isOfMany = decision.isLasting || subject.kind == .newHost
        let going = isOfMany ? entry.waiters : Array(entry.waiters.prefix(1))
        released += going.map { Release(waiter: $0.waiter, answer: allowed) }
        let left = Array(entry.waiters.dropFirst(going.count))
        if !left.isEmpty { add(subject, left, at: now) }
        // A push is asked about by its first request, and made by a later one.
        let isBegun = going.contains { $0.step == .prelude }
        if !decision.isLasting, going.isEmpty || isBegun {
            permits[subject.key] = Permit(until: now + Self.grace, number: number)
        }
        return subject
    }

    private mutating func deny(_ entry: Entry, _ why: String, at now: Int64) {
        denied[entry.subject.key] = (now + Self.quiet, why)
        permits[entry.subject.key] = nil
        released += entry.waiters.map { Release(waiter: $0.waiter, answer: .refused(why)) }
    }

    private mutating func note(_ action: Event.Action, _ entry: Entry, _ decision: Decision? = nil) {
        events.append(
            Event(
                action: action,
                kind: entry.subject.kind,
                target: entry.subject.target,
                number: entry.number,
                decision: decision
            )
        )
    }

    /// What time alone decides.
    mutating func expire(at now: Int64) {
        denied = denied.filter { now < $0.value.until }
        permits = permits.filter { now < $0.value.until }
        for entry in entries {
            let isLeft = entry.leftAt.map { now >= $0 + Self.lingering } ?? false
            guard isLeft || now >= entry.until else { continue }
            entries.removeAll { $0.number == entry.number }
            if entry.waiters.isEmpty {
                note(.withdrawn, entry)
            } else {
                note(.timedOut, entry)
                deny(entry, "nobody has approved of it in time (request \(entry.number))", at: now)
            }
        }
    }

    // MARK: What is to be done

    /// Whether nothing is.
    var isSettled: Bool { events.isEmpty && released.isEmpty }

    /// What happened is on record.
    mutating func wroteEvents() { events = [] }

    /// Hands over who need wait no longer.
    mutating func takeReleased() -> [Release] {
        defer { released = [] }
        return released
    }
}
