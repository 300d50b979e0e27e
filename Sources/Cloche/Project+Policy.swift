// Changing what of the network an agent may reach. The effective profile is computed and checked here, as a start would;
// a running agent's supervisor puts it in force and keeps it, a stopped one's record is changed.

internal import AgentStore
internal import AuditRecords
public import ClocheModel
internal import LinuxSystem
internal import ProfileLoading
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
    /// - Parameters:
    ///   - name: the agent.
    ///   - allow: rules more for `network.allow`, as a profile has them: a text, or a map in braces.
    ///   - deny: rules more for `network.deny`.
    ///   - set: `key=value`, or `key+=value` to append, of keys below `network`; of one that is stopped also of its limits.
    /// - Throws: what is wrong with it; then nothing has changed.
    public func changeNetwork(
        ofAgent name: String,
        allow: [String] = [],
        deny: [String] = [],
        set: [String] = []
    ) throws(ClocheError) -> NetworkChange {
        let changes =
            set.map { StoredChange.option($0, after: "cloche policy set") }
            + allow.map { .rule($0, denies: false) } + deny.map { .rule($0, denies: true) }
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
        try refuseTooLong(section)
        try client.send(.setNetwork(section))
        switch try client.receive() {
        case .report(let report)?:
            let later = (report["later-ports"]?.list ?? []).compactMap(\.integer)
            return NetworkChange(
                isChanged: true,
                isRunning: true,
                closed: report["closed"]?.integer ?? 0,
                laterPorts: later.isEmpty ? [] : try portsNotTaken(client, later)
            )
        case .failed(let error)?: throw error
        default: throw ClocheError(.state, "agent \(name) ended meanwhile", remedy: "the same command again")
        }
    }

    /// What is sent to a supervisor is one message.
    private func refuseTooLong(_ section: Document) throws(ClocheError) {
        let length = ControlMessage.setNetwork(section).bytes.count
        if length <= UnixSocket.messageLimit { return }
        throw ClocheError(
            .configuration,
            "the rules are too long to be changed while the agent runs",
            why: "\(length) bytes with their places and bundles, at most \(UnixSocket.messageLimit) fit",
            remedy: "use wildcards and ranges, or stop the agent first"
        )
    }

    /// Those of the ports at which connections are still not taken after a moment: the sandbox's init gives the sockets.
    private func portsNotTaken(_ client: borrowing SupervisorClient, _ ports: [Int64]) throws(ClocheError)
        -> [Int64]
    {
        let end = MonotonicClock.milliseconds + 1000
        while true {
            try client.send(.network)
            guard case .report(let document)? = try client.receive(),
                let report = NetworkReport(document: document)
            else { return ports }
            let missing = ports.filter { port in !report.ports.contains { Int64($0) == port } }
            if missing.isEmpty || MonotonicClock.milliseconds >= end { return missing }
            Pause.milliseconds(20)
        }
    }

    private static func refusalWhileRunning(_ key: String, _ name: String) -> String? {
        if key == "network" || key.hasPrefix("network.") { return nil }
        if let why = StoredProfile.refusal(key) { return why }
        return
            "limits and budgets cannot change while it runs; `cloche stop \(name)`, then `cloche resume \(name) --set KEY=VALUE`"
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
            try auditLog(directory, record).append(
                .policy,
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
