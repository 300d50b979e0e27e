// What keeps the audit log, and what goes out by names, from being flooded.

internal import LinuxSystem
internal import NetworkRules

/// A question that repeats is told once and then not for a while; of very many events, only their number.
struct EventThrottle {
    /// Many of one kind do not hide those of another.
    private enum Kind: Int, CaseIterable {
        case questions, refusals, connections

        /// So many within a second are told one by one.
        var mostPerSecond: Int { self == .connections ? 2000 : 100 }
    }

    private var told: [String: Int64] = [:]
    private var untold = 0
    /// When the number is to be told, if there is one.
    private(set) var nextTelling: Int64?
    private var windowEnd: Int64 = 0
    private var inWindow = [Int](repeating: 0, count: Kind.allCases.count)

    /// The same is told again after so many milliseconds.
    private static let pause: Int64 = 60_000
    private static let mostRemembered = 2048

    /// Whether it is to be told.
    mutating func admits(_ event: NetworkEvent, _ now: Int64) -> Bool {
        let key = Self.key(event)
        if let key, let last = told[key], now - last < Self.pause { return false }
        if now >= windowEnd { (windowEnd, inWindow) = (now + 1000, inWindow.map { _ in 0 }) }
        let kind = Self.kind(event)
        inWindow[kind.rawValue] += 1
        guard inWindow[kind.rawValue] <= kind.mostPerSecond else {
            untold += 1
            nextTelling = nextTelling ?? windowEnd
            return false
        }
        if let key {
            if told.count >= Self.mostRemembered { told = [:] }
            told[key] = now
        }
        return true
    }

    private static func kind(_ event: NetworkEvent) -> Kind {
        switch event {
        case .question, .askable: .questions
        case .refused, .failed, .untold: .refusals
        case .connected, .disconnected: .connections
        }
    }

    /// Only a question's repetition tells nothing: a connection has bytes and an end of its own.
    private static func key(_ event: NetworkEvent) -> String? {
        if case .question(let name, let type, let refusal) = event {
            return "\(name) \(type) \(refusal?.reason.rawValue ?? "")"
        }
        if case .askable(let name, let type) = event { return "\(name) \(type) ask" }
        return nil
    }

    /// How many were not told, when it is time to say so.
    mutating func due(_ now: Int64) -> [NetworkEvent] {
        guard let time = nextTelling, now >= time else { return [] }
        defer { (untold, nextTelling) = (0, nil) }
        return [.untold(untold)]
    }
}

/// How many names that were never asked for before may be asked for below a wildcard.
struct NoveltyRate {
    private var known: Set<HostName> = []
    private var left = NoveltyRate.burst
    private var lastTime: Int64 = 0

    private static let burst: Int64 = 100
    /// One more in so many milliseconds.
    private static let interval: Int64 = 1000
    private static let mostKnown = 4096

    mutating func admits(_ name: HostName, _ now: Int64) -> Bool {
        if known.contains(name) { return true }
        if lastTime == 0 { lastTime = now }
        let earned = (now - lastTime) / Self.interval
        left = min(Self.burst, left + earned)
        lastTime += earned * Self.interval
        guard left > 0 else { return false }
        left -= 1
        if known.count >= Self.mostKnown { known = [] }
        known.insert(name)
        return true
    }
}
