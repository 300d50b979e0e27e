// What an agent was refused, from the events of its audit log: equal ones together, in the order of their last time.

public import ClocheModel

/// Something that was refused, once or several times.
public struct NetworkRefusal: Equatable, Sendable {
    /// What was asked for.
    public enum Kind: String, Equatable, Sendable {
        /// The address of a name.
        case name
        /// A connection, or a request on one.
        case connection
    }

    /// What makes two refusals the same.
    struct Key: Hashable {
        let kind: Kind
        let host: String
        let port: Int64?
        let reason: String
        let why: String
        let rule: String?
    }

    /// What was asked for.
    public let kind: Kind
    /// The host, as the agent named it.
    public let host: String
    /// The port, if it was said.
    public let port: Int64?
    /// Why, as a word.
    public let reason: String
    /// Why, in words.
    public let why: String
    /// The rule of `network.deny` that forbids it, with its place.
    public let rule: String?
    /// The smallest entry of `network.allow` that would allow it.
    public let suggestion: String?
    /// The ways by which it was asked for, such as `transparent` or `connect`.
    public internal(set) var paths: [String]
    /// The programs that asked for it, as far as they are known; the agent chooses what they are called.
    public internal(set) var programs: [String]
    /// How often.
    public internal(set) var count: Int
    /// The first and the last time, as the log has them.
    public let first: String
    /// See `first`.
    public internal(set) var last: String

    /// Where to, `HOST:PORT` as far as it is known.
    public var place: String {
        let host = host.isEmpty ? "an unknown host" : host
        return port.map { "\(host):\($0)" } ?? host
    }

    /// Reads an event; nil when it refuses nothing.
    init?(_ event: Document) {
        guard event["verdict"]?.string == "refused", let time = event["time"]?.string else { return nil }
        switch event["event"]?.string {
        case "dns": kind = .name
        case "connect": kind = .connection
        default: return nil
        }
        host = event["host"]?.string ?? event["name"]?.string ?? ""
        port = event["port"]?.integer
        reason = event["reason"]?.string ?? ""
        why = event["why"]?.string ?? ""
        rule = event["denied-by"]?.string
        suggestion = event["would-allow"]?.string
        paths = [event["path"]?.string].compactMap(\.self)
        programs = [event["program"]?.string].compactMap(\.self)
        count = 1
        first = time
        last = time
    }

    var key: Key { Key(kind: kind, host: host, port: port, reason: reason, why: why, rule: rule) }
}

/// What an agent was refused.
public struct NetworkRefusals: Equatable, Sendable {
    private var found: [NetworkRefusal] = []
    private var lastSeen: [Int] = []
    private var numbers: [NetworkRefusal.Key: Int] = [:]
    private var count = 0
    private let limit: Int
    /// How many more events there were that the log has no record of one by one.
    public private(set) var untold: Int64 = 0
    /// How many connections were allowed and could not be made.
    public private(set) var failed: Int64 = 0
    /// How many refusals are not in the list, which is full of others.
    public private(set) var left = 0
    /// What network the agent has: without one of rules, nothing is refused.
    public internal(set) var mode: NetworkMode?

    /// Those among events, given in the order of their time; at most so many that differ.
    public init(_ events: [Document] = [], limit: Int = .max) {
        self.limit = limit
        for event in events { add(event) }
    }

    /// The refusals, the latest last.
    public var list: [NetworkRefusal] {
        found.indices.sorted { lastSeen[$0] < lastSeen[$1] }.map { found[$0] }
    }

    /// Takes in one more event, later than those before.
    public mutating func add(_ event: Document) {
        count += 1
        if event["event"]?.string == "network-untold" { untold += event["count"]?.integer ?? 0 }
        if event["event"]?.string == "connect", event["verdict"]?.string == "failed" { failed += 1 }
        guard let refusal = NetworkRefusal(event) else { return }
        guard let number = numbers[refusal.key] else {
            guard found.count < limit else {
                left += 1
                return
            }
            numbers[refusal.key] = found.count
            found.append(refusal)
            lastSeen.append(count)
            return
        }
        // An agent can give its programs ever new names.
        let most = 16
        found[number].count += 1
        found[number].last = refusal.last
        for path in refusal.paths where !found[number].paths.contains(path) {
            found[number].paths.append(path)
        }
        for program in refusal.programs
        where found[number].programs.count < most && !found[number].programs.contains(program) {
            found[number].programs.append(program)
        }
        lastSeen[number] = count
    }
}
