// Sending what is on record of an agent to another place, for a person who asks for it.

internal import AgentStore
internal import AuditExport
public import ClocheModel
internal import LinuxSystem
internal import StructuredText

/// What became of sending a log.
public struct AuditSending: Equatable, Sendable {
    /// How many records the destination has.
    public let sent: Int
    /// How many it did not want.
    public let refused: Int64
    /// The first of those, where the destination let it be found out.
    public let firstRefused: Int64?
    /// What the destination said of the first.
    public let why: String
}

extension AgentRecord {
    /// Whose a record is.
    func exportSource(_ log: String) -> ExportSource { ExportSource(agent: name, project: project, log: log) }
}

extension Project {
    /// Sends the records of an agent that a query asks for to a destination, such as `journald` or `file:/PATH`.
    ///
    /// - Parameters:
    ///   - isFollowing: whether to go on until the agent has ended, and to wait for a destination that is away.
    ///   - report: is told of each problem when it begins, and with nil when it is over.
    public func sendAudit(
        of name: String,
        _ query: AuditQuery,
        to destination: String,
        isFollowing: Bool,
        report: @escaping (String?) -> Void
    ) throws(ClocheError) -> AuditSending {
        let directory = try agentDirectory(name)
        let record = try directory.read()
        let log: String
        do throws(SystemError) {
            log = try directory.auditLogID(record)
        } catch { throw StoreError.cannotWrite(error) }
        let wait = ExportWait()
        let exporter = AuditExporter(
            try AuditTail(directory, log: log),
            from: record.exportSource(log),
            to: try AuditExporter.target(
                destination,
                wait,
                outside: AgentLaunch.trees(directory, record) + [directory.path]
            ),
            wait,
            givesUp: true,
            where: { query.wants($0, at: $0["time"]?.string.flatMap(Timestamp.parse)) },
            report: report
        )
        try exporter.run { () throws(ClocheError) in isFollowing ? try agent(name).isRunning : false }
        return AuditSending(
            sent: exporter.count,
            refused: exporter.refused,
            firstRefused: exporter.firstRefusal?.record,
            why: exporter.firstRefusal?.why ?? ""
        )
    }

    /// How far the agent's log was sent to each destination of `audit.export`, for JSON.
    public func auditExports(of name: String) throws(ClocheError) -> [Document] {
        let directory = try agentDirectory(name)
        do throws(SystemError) {
            return try directory.exportPositions().map(\.document)
        } catch { throw ClocheError(.system, "cannot read how far the log was sent", why: error.description) }
    }
}
