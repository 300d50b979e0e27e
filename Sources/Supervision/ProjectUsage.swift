// What the other agents of a project used, read from their ledgers: at most once a second, and only those files that have
// changed. An agent that is deleted passes its sums on to the project's own file.

internal import AgentStore
internal import ClocheModel
internal import LinuxSystem
internal import ModelUsage

/// The use of a project but for one agent's.
struct ProjectUsage {
    /// Milliseconds between two looks.
    static let interval: Int64 = 1000

    private struct Known {
        let fingerprint: UInt64
        let ledgers: [UsageLedger]
    }

    private let project: ProjectState
    private let own: AgentDirectory
    private var known: [String: Known] = [:]
    private var ledgers: [UsageLedger] = []
    private var lookedAt: Int64?

    init(_ project: ProjectState, without own: AgentDirectory) {
        (self.project, self.own) = (project, own)
    }

    /// What they used from a day on.
    ///
    /// - Throws: when a ledger is there and cannot be read.
    mutating func sum(since day: Int64, _ now: Int64) throws(ClocheError) -> UsageSums {
        // A clock that was set back must not keep us from looking.
        if lookedAt.map({ now >= $0 + Self.interval || now < $0 }) ?? true {
            try look()
            lookedAt = now
        }
        return ledgers.reduce(UsageSums()) { $0 + $1.sum(since: day) }
    }

    private mutating func look() throws(ClocheError) {
        var seen: [String: Known] = [:]
        for agent in project.agents() where agent.name != own.name {
            seen[agent.usageFile] = try read(agent.usageFile) { () throws(ClocheError) in
                try agent.readUsage().map { [$0] } ?? []
            }
        }
        let living = seen.values.flatMap(\.ledgers)
        let deleted = try read(project.usageFile) { () throws(ClocheError) in
            let deleted = try project.readDeletedUsage()
            return deleted.agents + [deleted.others]
        }
        seen[project.usageFile] = deleted
        known = seen
        // One that is being deleted is in both places for a moment.
        let names = Set(living.map(\.id))
        ledgers = living + deleted.ledgers.filter { !names.contains($0.id) }
    }

    private func read(_ file: String, _ ledgers: () throws(ClocheError) -> [UsageLedger])
        throws(ClocheError) -> Known
    {
        // Taken before the file is read: a change meanwhile is seen the next time.
        let fingerprint = FileFingerprint([file]).value()
        if let known = known[file], known.fingerprint == fingerprint { return known }
        return Known(fingerprint: fingerprint, ledgers: try ledgers())
    }
}
