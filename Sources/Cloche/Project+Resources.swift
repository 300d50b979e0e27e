// What agents use, freezing them, and waiting for their end.

internal import AgentStore
public import ClocheModel
package import LinuxSystem
internal import Supervision

/// One agent at one moment.
public struct AgentSample: Equatable, Sendable {
    /// Its name.
    public let name: String
    /// Where it is in its life.
    public let state: AgentState
    /// What it uses; nil when it does not run, or its supervisor did not answer.
    public let usage: AgentUsage?
    /// Whether a supervisor lives that did not answer in time.
    public let isSilent: Bool

    /// A sample.
    public init(name: String, state: AgentState, usage: AgentUsage?, isSilent: Bool) {
        self.name = name
        self.state = state
        self.usage = usage
        self.isSilent = isSilent
    }
}

/// Looks at the agents of a project again and again.
public final class ResourceWatch {
    private let state: ProjectState
    /// The agents to look at; empty for all that run.
    private let names: [String]
    private let collector = UsageCollector()
    private var directories: [AgentDirectory] = []

    /// For the named agents, or for all that run at each moment.
    ///
    /// - Throws: when there is no agent of such a name.
    public init(_ project: Project, names: [String] = []) throws(ClocheError) {
        for name in names { _ = try project.agentDirectory(name).read() }
        state = project.state
        self.names = names
    }

    /// Begins a round.
    package func begin() {
        directories = names.isEmpty ? state.agents() : names.map { state.agent($0) }
        collector.ask(directories)
    }

    /// Whether all have answered.
    package var isComplete: Bool { collector.isComplete }

    /// What to poll for.
    package var interests: [Poll.Interest] { collector.interests }

    /// Takes in the answers that have come; `ready` belongs to `interests`.
    package func take(_ ready: [Bool]) { collector.take(ready) }

    /// What the round has brought so far, by name.
    public var samples: [AgentSample] { directories.compactMap(sample) }

    /// A whole round of at most `milliseconds`.
    public func round(milliseconds: Int64) throws(ClocheError) -> [AgentSample] {
        begin()
        try collector.await(milliseconds: milliseconds)
        return samples
    }

    private func sample(_ directory: AgentDirectory) -> AgentSample? {
        let answer = collector.answers[directory.path] ?? .absent
        if case .usage(let usage) = answer {
            return AgentSample(name: directory.name, state: usage.state, usage: usage, isSilent: false)
        }
        if answer == .absent && names.isEmpty { return nil }
        // It was deleted a moment ago.
        guard let status = try? AgentStatus(of: directory) else { return nil }
        return AgentSample(
            name: directory.name,
            state: status.state,
            usage: nil,
            isSilent: answer == .silent && status.isRunning
        )
    }
}

extension Project {
    /// Freezes every process of an agent; false when it is frozen already.
    @discardableResult
    public func pause(_ name: String) throws(ClocheError) -> Bool { try steer(name, .pause) }

    /// Lets a frozen agent go on; false when it is not frozen.
    @discardableResult
    public func unpause(_ name: String) throws(ClocheError) -> Bool { try steer(name, .unpause) }

    private func steer(_ name: String, _ request: ControlMessage) throws(ClocheError) -> Bool {
        guard let client = try SupervisorClient.connect(agentDirectory(name)) else {
            throw try notRunning(name)
        }
        try client.send(request)
        switch try client.receive() {
        case .report(let report)?: return report["changed"]?.bool ?? true
        case .failed(let error)?: throw error
        default: throw ClocheError(.state, "agent \(name) ended meanwhile")
        }
    }
}
