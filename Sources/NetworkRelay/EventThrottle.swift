// What keeps the audit log, and what goes out by names, from being flooded.

internal import LinuxSystem
internal import NetworkRules

/// Questions and refusals that repeat are told once and then not for a while; of very many, only their number.
struct EventThrottle {
    private var told: [String: Int64] = [:]
    private var untold = 0
    private var nextTelling: Int64 = 0
    private var windowEnd: Int64 = 0
    private var inWindow = 0

    /// The same is told again after so many milliseconds.
    private static let pause: Int64 = 60_000
    /// So many events within a second are told one by one.
    private static let mostPerSecond = 200
    private static let mostRemembered = 2048

    /// Whether it is to be told.
    mutating func admits(_ event: NetworkEvent, _ now: Int64) -> Bool {
        if let key = Self.key(event) {
            if let last = told[key], now - last < Self.pause { return false }
            if told.count >= Self.mostRemembered { told = [:] }
            told[key] = now
        }
        if now >= windowEnd { (windowEnd, inWindow) = (now + 1000, 0) }
        inWindow += 1
        if inWindow <= Self.mostPerSecond { return true }
        untold += 1
        if untold == 1 { nextTelling = windowEnd }
        return false
    }

    /// Only a question's repetition tells nothing: a connection has bytes and an end of its own.
    private static func key(_ event: NetworkEvent) -> String? {
        if case .question(let name, let type, let refusal) = event {
            return "\(name) \(type) \(refusal?.reason.rawValue ?? "")"
        }
        return nil
    }

    /// How many were not told, when it is time to say so.
    mutating func due(_ now: Int64) -> [NetworkEvent] {
        guard untold > 0, now >= nextTelling else { return [] }
        defer { untold = 0 }
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
