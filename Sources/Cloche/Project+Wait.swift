// Waiting until agents have ended. Where a supervisor lives, its process is waited for, so nothing is polled; only an
// agent that is being made, started or deleted is looked at again and again.

internal import AgentStore
public import ClocheModel
internal import LinuxSystem
internal import Supervision

/// How an agent ended.
public struct AgentEnd: Equatable, Sendable {
    /// What was recorded last.
    public let record: AgentRecord
    /// Where it is in its life now; `deleting` when it has been deleted.
    public let state: AgentState

    /// Why it ended; nil when it never ran, or was deleted.
    public var reason: EndReason? { state == .lost ? .supervisorLost : record.endReason }

    /// Its program's exit code, if it has one.
    public var exitCode: Int64? { state == .lost ? nil : record.exitCode }
}

extension Project {
    /// Waits until agents have ended.
    ///
    /// - Parameters:
    ///   - names: the agents.
    ///   - any: whether the first end is enough.
    ///   - milliseconds: how long to wait at most; nil for any time.
    ///   - each: called as soon as an agent has ended.
    /// - Returns: the ends that have come, in the order of the names where they came at once.
    /// - Throws: when there is no agent of such a name, before anything is waited for.
    public func wait(
        for names: [String],
        any: Bool = false,
        milliseconds: Int64? = nil,
        each: (AgentEnd) -> Void = { _ in }
    ) throws(ClocheError) -> [AgentEnd] {
        var pending: [AwaitedAgent] = []
        for name in names where !pending.contains(where: { $0.directory.name == name }) {
            pending.append(try AwaitedAgent(agentDirectory(name)))
        }
        let deadline = milliseconds.map { MonotonicClock.milliseconds + $0 }
        var ends: [AgentEnd] = []
        while true {
            var rest: [AwaitedAgent] = []
            for agent in pending {
                if let end = try agent.look() {
                    ends.append(end)
                    each(end)
                } else {
                    rest.append(agent)
                }
            }
            pending = rest
            if pending.isEmpty || any && !ends.isEmpty { return ends }
            let left = deadline.map { max(0, $0 - MonotonicClock.milliseconds) }
            if left == 0 { return ends }
            try AwaitedAgent.wait(pending, milliseconds: left)
        }
    }
}

/// One agent that is waited for.
private final class AwaitedAgent {
    /// Between two looks at an agent without a supervisor to wait for, in milliseconds.
    private static let lookInterval: Int64 = 100

    let directory: AgentDirectory
    private var last: AgentRecord
    /// The supervisor; nil while it is not known.
    private var process: FileDescriptor?

    init(_ directory: AgentDirectory) throws(ClocheError) {
        self.directory = directory
        last = try directory.read()
    }

    /// How it ended; nil when it has not.
    func look() throws(ClocheError) -> AgentEnd? {
        if process != nil { return nil }
        let status: AgentStatus
        do throws(ClocheError) {
            status = try AgentStatus(of: directory)
        } catch {
            guard error.code == .notFound else { throw error }
            return AgentEnd(record: last, state: .deleting)
        }
        last = status.record
        switch status.state {
        case .creating, .deleting: return nil
        case .starting, .running, .paused, .stopping: break
        case .stopped, .exited, .failed, .lost, .incomplete:
            return AgentEnd(record: status.record, state: status.state)
        }
        // One whose socket is not there yet, or that takes no connections now, is looked at again.
        guard let client = try? SupervisorClient.connect(directory, wait: false) else { return nil }
        let found = try client.process()
        // If it has ended meanwhile, the descriptor may be of another process with the same number.
        if directory.isSupervised { process = found }
        return nil
    }

    /// Waits until one of them is worth a look.
    static func wait(_ agents: [AwaitedAgent], milliseconds: Int64?) throws(ClocheError) {
        var limit = milliseconds ?? -1
        if agents.contains(where: { $0.process == nil }) {
            limit = min(milliseconds ?? .max, lookInterval)
        }
        do throws(SystemError) {
            let ready = try Poll.wait(
                agents.map { Poll.Interest($0.process?.number ?? -1, readable: true) },
                milliseconds: Int32(clamping: limit)
            )
            for (agent, isReady) in zip(agents, ready) where isReady { agent.process = nil }
        } catch { throw ClocheError(.system, "cannot wait for the agents", why: error.description) }
    }
}
