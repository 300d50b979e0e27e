// Changing what of the network an agent may reach. The effective profile is computed and checked here, as a start would;
// a running agent's supervisor puts it in force and keeps it, a stopped one's record is changed.

internal import AgentStore
public import ClocheModel
internal import LinuxSystem
package import ProfileLoading
internal import Supervision

/// What became of a change of an agent's network.
public struct NetworkChange: Equatable, Sendable {
    /// Whether anything is different now.
    public let isChanged: Bool
    /// Whether it counts for programs that run already.
    public let isRunning: Bool
    /// How many connections were closed because they are no longer allowed.
    public let closed: Int64
    /// Ports that connections can be made to from the next start on only.
    public let laterPorts: [Int64]
}

/// One rule of an agent's network, for a person.
public struct ShownRule: Equatable, Sendable {
    /// As it is written in a profile.
    public let rule: String
    /// Where it was written.
    public let origin: String
    /// What a bundle stands for; empty for a rule.
    public let parts: [String]
}

/// An agent's network as its record has it, for a person.
public struct ShownNetwork: Equatable, Sendable {
    /// The settings, without the password of a proxy.
    public let settings: NetworkSettings
    /// The rules of `allow` and of `deny`.
    public let allow: [ShownRule]
    /// See `allow`.
    public let deny: [ShownRule]
}

extension Project {
    /// Changes an agent's network; counts at once for one that runs, and for all later starts.
    ///
    /// - Throws: what is wrong with it; then nothing has changed.
    package func changeNetwork(ofAgent name: String, _ changes: [StoredChange]) throws(ClocheError)
        -> NetworkChange
    {
        let directory = try agentDirectory(name)
        // Two changes at once must not lose one of them.
        let lock = try directory.lockForOperation(wait: true)
        defer { _ = lock.isLocked }
        let status = try AgentStatus(of: directory)
        if status.state == .creating || status.state == .deleting || status.state == .incomplete {
            throw ClocheError(
                .state,
                "agent \(name) is not complete",
                why: "the command that was \(status.record.state.rawValue) it was ended half-way",
                remedy: "`cloche delete \(name)` removes what is there"
            )
        }
        guard let client = try SupervisorClient.connect(directory) else {
            return try changeStopped(directory, changes)
        }
        let effective = try StoredProfile.changed(status.record.effective, changes, bundlesOf: profiles) {
            key in
            Self.refusalWhileRunning(key, name)
        }
        let (section, old) = (effective["network"] ?? .map([]), status.record.effective["network"])
        if section == old {
            return NetworkChange(isChanged: false, isRunning: true, closed: 0, laterPorts: [])
        }
        try client.send(.setNetwork(section))
        switch try client.receive() {
        case .report(let report)?:
            return NetworkChange(
                isChanged: true,
                isRunning: true,
                closed: report["closed"]?.integer ?? 0,
                laterPorts: (report["later-ports"]?.list ?? []).compactMap(\.integer)
            )
        case .failed(let error)?: throw error
        default: throw ClocheError(.state, "agent \(name) ended meanwhile", remedy: "the same command again")
        }
    }

    private static func refusalWhileRunning(_ key: String, _ name: String) -> String? {
        if key == "network" || key.hasPrefix("network.") { return nil }
        if let why = StoredProfile.refusal(key) { return why }
        return
            "limits cannot change while it runs; `cloche stop \(name)`, then `cloche resume \(name) --set KEY=VALUE`"
    }

    private func changeStopped(_ directory: AgentDirectory, _ changes: [StoredChange]) throws(ClocheError)
        -> NetworkChange
    {
        if directory.isSupervised {
            let name = directory.name
            throw ClocheError(
                .state,
                "agent \(name) is just ending",
                remedy: "the same command again, in a moment"
            )
        }
        // The supervisor may have written a last word since the record was read.
        var record = try directory.read()
        let old = record.effective
        record.effective = try StoredProfile.changed(old, changes, bundlesOf: profiles)
        let isChanged = record.effective != old
        if isChanged {
            try directory.write(record)
            try AuditLog(directory).append(
                "policy",
                [
                    "old": NetworkSettings.withoutSecrets(old["network"] ?? .null),
                    "new": NetworkSettings.withoutSecrets(record.effective["network"] ?? .null),
                ]
            )
        }
        return NetworkChange(isChanged: isChanged, isRunning: false, closed: 0, laterPorts: [])
    }

    /// An agent's network as its record has it.
    public func shownNetwork(ofAgent name: String) throws(ClocheError) -> ShownNetwork {
        let document = try agentDirectory(name).read().effective
        let section = NetworkSettings.withoutSecrets(document["network"] ?? .map([]))
        var shown = document
        shown["network"] = section
        return ShownNetwork(
            settings: try Policy(document: shown).network,
            allow: StoredProfile.rules(section, "allow"),
            deny: StoredProfile.rules(section, "deny")
        )
    }
}

extension StoredProfile {
    fileprivate static func rules(_ section: Document, _ list: String) -> [ShownRule] {
        networkItems(section, list).map { ShownRule(rule: $0.text, origin: $0.origin, parts: $0.parts) }
    }
}
