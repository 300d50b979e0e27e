// One agent of a graph while it runs: its supervisor's socket is what is waited for. It tells of each change of what the
// program does, and its end; only an agent without a socket is looked at again.

internal import AgentStore
internal import ClocheModel
internal import LinuxSystem
internal import StructuredText
internal import Supervision
internal import TaskGraph

final class TaskAgent {
    /// What has become of it.
    enum News: Equatable {
        /// Its program ended well.
        case finished
        /// Its program says that it is done, and is there still.
        case reportedDone
        /// It failed; why.
        case failed(String)
        /// It is gone through no fault of its own; how.
        case lost(String)
        /// Its name belongs to an agent of somebody else.
        case foreign
    }

    let directory: AgentDirectory
    private let mark: String
    private var client: SupervisorClient?
    /// What its program does.
    private(set) var activity: HarnessState?

    /// An agent by its directory, and the mark that it must have to be ours.
    init(_ directory: AgentDirectory, mark: String) { (self.directory, self.mark) = (directory, mark) }

    /// The variable by which an agent is known as one of a run.
    static let variable = "CLOCHE_TASK"

    /// The mark of an agent; nil for what is none of a graph.
    static func mark(of record: AgentRecord) -> String? {
        record.variables.first { $0.key == variable }?.value.string
    }

    /// What to poll for.
    var interest: Poll.Interest { Poll.Interest(client?.socket.number ?? -1, readable: client != nil) }

    /// Whether it has no socket to wait for, so that it has to be looked at again.
    var needsLook: Bool { client == nil }

    /// What is new; nil when nothing is.
    func news(isReady: Bool) throws(ClocheError) -> News? {
        if client != nil {
            guard isReady else { return nil }
            switch message() {
            case .report(let report)?:
                guard let state = HarnessState(document: report) else { return nil }
                activity = state
                // What it has reported stays, whatever its program does since.
                if let result = directory.readResult() {
                    return result.activity == .done ? .reportedDone : .failed("it says: \(result.text)")
                }
                let isSettled = report["settled"]?.bool != false
                // That it has ended well will be told by its end, with the exit code.
                return state.activity == .done && state.source != .exit && isSettled ? .reportedDone : nil
            case .ended?, nil: client = nil
            default: return nil
            }
        }
        return try look()
    }

    private func message() -> ControlMessage? {
        // A connection that breaks is one that has ended: the record says how.
        try? client?.receive()
    }

    private func look() throws(ClocheError) -> News? {
        let status: AgentStatus
        do throws(ClocheError) {
            status = try AgentStatus(of: directory)
        } catch {
            guard error.code == .notFound else { throw error }
            return .lost("its agent is not there")
        }
        guard let mark = Self.mark(of: status.record) else { return .foreign }
        guard mark == self.mark else { return .lost("its agent is one of before") }
        switch status.state {
        case .creating, .deleting: return nil
        case .incomplete: return .lost("it was being made when `up` was ended")
        case .lost: return .lost(EndReason.supervisorLost.text)
        case .stopped, .exited, .failed: return Self.end(status.record)
        case .starting, .running, .paused, .stopping:
            // One that takes no connections now is looked at again.
            guard let found = try? SupervisorClient.connect(directory, wait: false) else { return nil }
            do throws(ClocheError) {
                try found.send(.awaitState)
            } catch { return nil }  // it ends just now
            client = consume found
            return nil
        }
    }

    /// Why what ended before the machine was started last is not taken.
    static let beforeBoot = "the machine was restarted before its work was taken"

    /// Whether an agent ended before the machine was started: its files may be cut short, since no program has to put its
    /// files on disk.
    static func isFromBeforeBoot(_ record: AgentRecord) -> Bool {
        let boot = WallClock.milliseconds - BootClock.milliseconds
        return (record.ended ?? record.started ?? record.created) < boot
    }

    private static func end(_ record: AgentRecord) -> News {
        if isFromBeforeBoot(record) { return .lost(beforeBoot) }
        switch record.endReason {
        case .supervisorLost?: return .lost(EndReason.supervisorLost.text)
        case .exited? where record.exitCode == 0: return .finished
        case .exited?: return .failed("its program ended with exit code \(record.exitCode ?? -1)")
        case let reason?: return .failed(record.failure ?? "the agent \(reason.text)")
        case nil: return .lost("it never ran")
        }
    }
}
