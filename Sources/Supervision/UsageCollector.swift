// Asks many supervisors at once what their agents use. Connections stay open between rounds, and no supervisor is
// waited for: the caller polls `interests` and decides when a round has lasted long enough. Called by `stats` and `top`.

package import AgentStore
package import ClocheModel
package import LinuxSystem

/// Connections to many supervisors.
package final class UsageCollector {
    /// What is known of one agent after a round.
    package enum Answer: Equatable, Sendable {
        /// What it uses.
        case usage(AgentUsage)
        /// Its supervisor lives and has not answered.
        case silent
        /// No supervisor lives.
        case absent
    }

    private final class Connection {
        let client: SupervisorClient
        /// An answer is owed.
        var isAsked = false
        /// It is owed since an earlier round: nobody waits for it any more.
        var isLate = false

        init(_ client: consuming SupervisorClient) { self.client = client }
    }

    /// By the path of the agent's directory.
    private var connections: [String: Connection] = [:]
    /// The answers of this round so far, by the path of the agent's directory.
    package private(set) var answers: [String: Answer] = [:]

    /// Without connections yet.
    package init() {}

    /// Begins a round: asks each of these agents, and forgets all others.
    package func ask(_ directories: [AgentDirectory]) {
        let paths = Set(directories.map(\.path))
        for path in connections.keys where !paths.contains(path) { connections[path] = nil }
        answers = [:]
        for directory in directories { answers[directory.path] = ask(directory) }
    }

    private func ask(_ directory: AgentDirectory) -> Answer {
        if let known = connections[directory.path] {
            if known.isAsked {
                known.isLate = true
                return .silent
            }
            if send(known) { return .silent }
            connections[directory.path] = nil
        }
        do throws(ClocheError) {
            guard let client = try SupervisorClient.connect(directory, wait: false) else { return .absent }
            let connection = Connection(client)
            if send(connection) { connections[directory.path] = connection }
            return .silent
        } catch { return .silent }  // its socket is there, and it takes no connections
    }

    private func send(_ connection: Connection) -> Bool {
        do throws(ClocheError) {
            try connection.client.send(.stats)
        } catch { return false }  // it has ended; who connects anew is told so
        connection.isAsked = true
        connection.isLate = false
        return true
    }

    /// Whether every supervisor that was asked in this round has answered.
    package var isComplete: Bool { !connections.values.contains { $0.isAsked && !$0.isLate } }

    private var owing: [(path: String, connection: Connection)] {
        connections.filter { $0.value.isAsked }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// What to poll for, before `take`.
    package var interests: [Poll.Interest] {
        owing.map { Poll.Interest($0.connection.client.socket.number, readable: true) }
    }

    /// Takes in what has come: `ready` belongs to `interests`, with nothing asked in between.
    package func take(_ ready: [Bool]) {
        for (entry, isReady) in zip(owing, ready) where isReady {
            entry.connection.isAsked = false
            // A supervisor of another version closes the connection, or says what cannot be read.
            let message = try? entry.connection.client.receive()
            if case .report(let document)? = message, let usage = AgentUsage(document: document) {
                answers[entry.path] = .usage(usage)
            } else {
                connections[entry.path] = nil
                if case .ended? = message { answers[entry.path] = .absent }
            }
        }
    }

    /// Waits for the answers of this round, at most `milliseconds`.
    package func await(milliseconds: Int64) throws(ClocheError) {
        let end = MonotonicClock.milliseconds + milliseconds
        while !isComplete {
            let left = end - MonotonicClock.milliseconds
            if left <= 0 { return }
            do throws(SystemError) {
                take(try Poll.wait(interests, milliseconds: Int32(clamping: left)))
            } catch { throw ClocheError(.system, "cannot wait for the agents", why: error.description) }
        }
    }
}
