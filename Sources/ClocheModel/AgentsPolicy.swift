// What an agent may do with other agents, through its own socket. Values only: the socket is Supervision/AgentSocket.swift,
// and what a verb does is in Cloche/Agents.

/// A word of the `cloche` that an agent has.
public enum AgentVerb: String, Equatable, Sendable, CaseIterable {
    /// Its own name, grants and family.
    case whoami
    /// Says what it does: working, waiting, idle, done or failed.
    case report
    /// The agents that it can see.
    case list
    /// A message to another agent.
    case message
    /// What others have sent.
    case inbox
    /// A question to the person.
    case ask
    /// An agent of its own.
    case start
    /// Ends a child.
    case stop
    /// Waits for what a child does.
    case wait
    /// What a child's terminal shows.
    case look
    /// What a child has changed.
    case diff
    /// A child's commits, for its own repository.
    case sync
    /// Children's commits, merged into a branch.
    case merge
    /// Asks the person to take its commits.
    case requestMerge = "request-merge"
    /// A file for a shared directory.
    case share

    /// Whether it takes a part of the agent's limits, or much of the host's time, which no limit of the agent's counts: of
    /// these one is carried out at a time.
    public var takesShare: Bool { [.start, .stop, .diff, .sync, .merge, .requestMerge].contains(self) }
}

/// What an agent may do with other agents.
public struct AgentsPolicy: Equatable, Sendable {
    /// What becomes of children when their parent ends.
    public enum ParentEnd: String, Equatable, Sendable, CaseIterable {
        /// They are stopped.
        case stop
        /// They go on, and are the children of their parent's parent, if there is one.
        case keep
    }

    /// The verbs that it has.
    public var verbs: [AgentVerb]
    /// Whom it may write to: `parent`, `children`, `siblings`, names in which `*` stands for any characters, or
    /// `label:KEY[=VALUE]`.
    public var recipients: [String]
    /// Profiles that its children may have beside its own, by name.
    public var profiles: [String]
    /// The most children at a time.
    public var children: Int64
    /// How many generations there may be below it.
    public var depth: Int64
    /// What becomes of its children when it ends.
    public var atEnd: ParentEnd

    /// A policy; by default there is nothing.
    public init(
        verbs: [AgentVerb] = [],
        recipients: [String] = [],
        profiles: [String] = [],
        children: Int64 = 0,
        depth: Int64 = 0,
        atEnd: ParentEnd = .stop
    ) {
        self.verbs = verbs
        self.recipients = recipients
        self.profiles = profiles
        self.children = children
        self.depth = depth
        self.atEnd = atEnd
    }
}

/// The agent that started another.
public struct ParentReference: Equatable, Sendable {
    /// Its name.
    public var name: String
    /// The id of its audit log: another agent of that name has another.
    public var auditLog: String

    /// A parent.
    public init(name: String, auditLog: String) { (self.name, self.auditLog) = (name, auditLog) }

    /// As a record keeps it.
    var document: Document { .object(["name": .string(name), "audit-log": .string(auditLog)]) }

    /// Reads what a record keeps; nil if a part is missing.
    init?(document: Document) {
        guard let name = document["name"]?.string, let log = document["audit-log"]?.string else { return nil }
        self.init(name: name, auditLog: log)
    }
}
