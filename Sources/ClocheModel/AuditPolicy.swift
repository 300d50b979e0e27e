// What a profile says of the audit log: section `audit`.

/// How an agent's audit log is kept.
public struct AuditPolicy: Equatable, Sendable {
    /// Which events are on record.
    public enum Level: String, Equatable, Sendable, CaseIterable {
        /// What people do, and how the agent lives.
        case minimal
        /// And what the agent does.
        case standard
        /// And all that can be told of it.
        case full
    }

    /// Which records are on disk before whoever caused them is answered; others follow within 200 ms.
    public enum Sync: String, Equatable, Sendable, CaseIterable {
        /// Every record.
        case all
        /// Those of level `security`.
        case security
        /// None, and none follows: the kernel writes them when it likes.
        case none
    }

    /// Which events are on record.
    public var level: Level
    /// What is waited for.
    public var sync: Sync
    /// A file of the log that is as long is followed by another.
    public var rotateBytes: Int64
    /// How many of the files before the last are kept; nil keeps all.
    public var keptFiles: Int64?
    /// Where records go besides: `journald`, `syslog`, `file:/PATH` or `otlp:http://ADDRESS:PORT/v1/logs`.
    public var export: [String]

    /// What the built-in profiles say.
    public init(
        level: Level = .standard,
        sync: Sync = .security,
        rotateBytes: Int64 = 64 << 20,
        keptFiles: Int64? = nil,
        export: [String] = []
    ) {
        self.export = export
        self.level = level
        self.sync = sync
        self.rotateBytes = rotateBytes
        self.keptFiles = keptFiles
    }
}
