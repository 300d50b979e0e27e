// Reading what is on record: of one agent or of all, filtered, in order of time, and on while it grows.

internal import AgentStore
internal import AuditRecords
internal import AuditReport
public import ClocheModel

/// Which records are asked for.
public struct AuditQuery: Equatable, Sendable {
    /// The kinds of events; empty for all.
    public var kinds: Set<String>
    /// Whether only what was not allowed is asked for.
    public var onlyDenied: Bool
    /// The earliest time, in milliseconds since 1970.
    public var since: Int64?
    /// Only so many, the latest.
    public var last: Int?

    /// All records, unless told otherwise.
    public init(kinds: Set<String> = [], onlyDenied: Bool = false, since: Int64? = nil, last: Int? = nil) {
        (self.kinds, self.onlyDenied, self.since, self.last) = (kinds, onlyDenied, since, last)
    }

    /// The kinds of events that this version writes; a log may have others, of a newer one.
    public static var knownKinds: Set<String> { Set(AuditSchema.kinds.map(\.name)) }

    /// Whether a record of that time is asked for; `last` is another matter.
    func wants(_ event: Document, at time: Int64?) -> Bool {
        if !kinds.isEmpty, !kinds.contains(event["event"]?.string ?? "") { return false }
        if onlyDenied, !EventWords.isDenial(event) { return false }
        guard let since else { return true }
        return time.map { $0 >= since } ?? false
    }
}

/// An event on record, and whose it is.
public struct AgentEvent: Equatable, Sendable {
    /// The agent's name.
    public let agent: String
    /// The record.
    public let event: Document
}

/// Gives records one after the other, those of several agents merged in order of time.
public final class AuditStream {
    private final class Source {
        let agent: String
        let reader: AuditReader
        var head: AuditEntry?

        init(_ agent: String, _ reader: AuditReader) { (self.agent, self.reader) = (agent, reader) }
    }

    private let query: AuditQuery
    private var sources: [Source] = []
    private let state: ProjectState?
    /// What is left of `last`: those that are given out before anything new.
    private var first: [AgentEvent]?
    /// The kinds of events that were looked at, for a person who asked for one that there is not.
    public private(set) var kindsSeen: Set<String> = []

    fileprivate init(_ query: AuditQuery, _ agents: [AgentDirectory], allOf state: ProjectState?)
        throws(ClocheError)
    {
        self.query = query
        self.state = state
        for agent in agents { try add(agent, fromTheEnd: true) }
        guard let count = query.last else { return }
        var latest: [AgentEvent] = []
        while let record = try readNext() { latest.append(record) }
        first = latest.suffix(count).reversed()
    }

    private func add(_ agent: AgentDirectory, fromTheEnd: Bool) throws(ClocheError) {
        let reader = try AuditReader(agent)
        let query = query
        if fromTheEnd {
            try reader.seek(last: query.last, since: query.since) { event in
                query.wants(event, at: event["time"]?.string.flatMap(Timestamp.parse))
            }
        }
        sources.append(Source(agent.name, reader))
    }

    /// The next record; nil when there is none at the moment.
    public func next() throws(ClocheError) -> AgentEvent? {
        if let record = first?.popLast() { return record }
        first = nil
        return try readNext()
    }

    private func readNext() throws(ClocheError) -> AgentEvent? {
        var earliest: Source?
        for source in sources {
            while source.head == nil, let entry = try source.reader.next() {
                kindsSeen.insert(entry.event["event"]?.string ?? "")
                if query.wants(entry.event, at: entry.time) { source.head = entry }
            }
            guard let head = source.head else { continue }
            if earliest?.head.map({ head.time < $0.time }) ?? true { earliest = source }
        }
        guard let source = earliest, let entry = source.head else { return nil }
        source.head = nil
        return AgentEvent(agent: source.agent, event: entry.event)
    }

    /// Looks for agents that were made since; of a stream of all agents.
    public func findNewAgents() throws(ClocheError) {
        for agent in state?.agents() ?? [] where !sources.contains(where: { $0.agent == agent.name }) {
            try add(agent, fromTheEnd: false)
        }
    }

    /// Lines that could not be read, so far.
    public var unreadable: Int { sources.reduce(0) { $0 + $1.reader.unreadable } }
}

extension Project {
    /// The records of an agent, or of all agents of the project for nil.
    public func audit(of name: String?, _ query: AuditQuery = AuditQuery()) throws(ClocheError) -> AuditStream
    {
        guard let name else { return try AuditStream(query, state.agents(), allOf: state) }
        let directory = try agentDirectory(name)
        _ = try directory.read()
        return try AuditStream(query, [directory], allOf: nil)
    }

    /// The agent's audit events, oldest first.
    public func auditEvents(_ name: String) throws(ClocheError) -> [Document] {
        let stream = try audit(of: name)
        var events: [Document] = []
        while let record = try stream.next() { events.append(record.event) }
        return events
    }
}
