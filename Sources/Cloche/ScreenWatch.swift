// What a view of a whole project asks for again and again, without ever waiting: the agents, the screen of one of
// them, and what it was refused.

internal import AgentStore
package import ClocheModel
internal import GitWorkspace
package import LinuxSystem
internal import StructuredText
package import Supervision

/// Looks at the screen of one running agent at a time, by one connection that stays open.
///
/// A supervisor that does not answer is not asked again, and nobody waits for it: the caller polls `interest`.
package final class ScreenWatch {
    /// What came of a question.
    package enum Answer: Equatable, Sendable {
        /// This is on the screen.
        case screen(ScreenReport)
        /// No supervisor lives.
        case absent
    }

    private let state: ProjectState
    private var client: SupervisorClient?
    private var text: [UInt8] = []
    /// When one that took no connection is tried again.
    private var retry: Int64 = 0
    private static let retryPace: Int64 = 1000
    /// A report of a screen of the largest size takes less.
    private static let most = 64 << 20
    /// The agent whose screen it is.
    package private(set) var name: String?
    /// Since when an answer is owed, in milliseconds of the monotonic clock; nil when none is.
    package private(set) var asked: Int64?

    /// For the agents of a project.
    package init(_ project: Project) { state = project.state }

    /// Asks what is on an agent's screen, unless an answer is owed; nil when it was asked or cannot be asked now.
    package func ask(_ name: String) -> Answer? {
        if name != self.name { forget() }
        self.name = name
        let now = MonotonicClock.milliseconds
        if asked != nil, client != nil || now < retry { return nil }
        if client != nil, send() { return nil }
        client = nil
        do throws(ClocheError) {
            client = try SupervisorClient.connect(state.agent(name), wait: false)
        } catch {
            // Its socket is there, and it takes no connections: as one that does not answer.
            asked = asked ?? now
            retry = now + Self.retryPace
            return nil
        }
        asked = nil
        if client == nil { return .absent }
        return send() ? nil : .absent
    }

    /// Drops the connection: what is owed is not wanted any more.
    package func forget() {
        client = nil
        (name, asked, text) = (nil, nil, [])
    }

    private func send() -> Bool {
        do throws(ClocheError) {
            try client?.send(.look(LookRequest()))
        } catch { return false }  // it has ended; who connects anew is told so
        asked = MonotonicClock.milliseconds
        text = []
        return true
    }

    /// What to poll for.
    package var interest: Poll.Interest { Poll.Interest(client?.socket.number ?? -1, readable: asked != nil) }

    /// Takes in what has come, when `interest` is ready.
    package func take() -> Answer? {
        let message: ControlMessage?
        do throws(ClocheError) {
            message = try client?.receive()
        } catch { return gone() }  // of another version of Cloche
        switch message {
        case .output(let part)?:
            text += part
            return text.count > Self.most ? gone() : nil
        case .report?:
            asked = nil
            // Of another version of Cloche: as if it had ended.
            guard let report = (try? JSONText.parse(text)).flatMap(ScreenReport.init(document:)) else {
                return gone()
            }
            text = []
            return .screen(report)
        default: return gone()
        }
    }

    private func gone() -> Answer {
        client = nil
        (asked, text) = (nil, [])
        return .absent
    }
}

/// The agents of a project, looked at again and again: git is asked for a repository once.
package final class AgentWatch {
    private let project: Project
    private var repositories: [String: GitRepository] = [:]

    /// For the agents of a project.
    package init(_ project: Project) { self.project = project }

    /// Those that there are now, by name; what cannot be read is left out.
    package func agents() -> [AgentInfo] { project.readableAgents(&repositories) }
}

extension Project {
    /// What of its network an agent was refused lately, the latest last: from the end of its audit log alone.
    package func lateRefusals(ofAgent name: String) throws(ClocheError) -> [NetworkRefusal] {
        let directory = try agentDirectory(name)
        return NetworkRefusals(try AuditHistory(directory).latestEvents(bytes: Self.lateBytes)).list
    }

    private static let lateBytes = 128 << 10

    /// What tells whether an agent's audit log has grown.
    package func auditSize(ofAgent name: String) -> Int64? {
        // One that was deleted a moment ago has none.
        guard let path = try? agentDirectory(name).auditLog else { return nil }
        return try? Files.status(path).size  // the same
    }
}
