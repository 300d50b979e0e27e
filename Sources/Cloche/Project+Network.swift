// An agent's network while it runs: ports that lead into it, what listens inside, and what was refused.

internal import AgentStore
public import ClocheModel
internal import LinuxSystem
internal import NetworkRules
internal import ResourceUsage
internal import Supervision

/// A port inside a sandbox at which a program waits for connections.
public struct ListeningPort: Equatable, Sendable {
    /// A process that has it open.
    public struct Owner: Equatable, Sendable {
        /// Its id inside the sandbox.
        public let pid: Int32
        /// What it calls itself; the agent chooses that.
        public let program: String
    }

    /// The address inside; `0.0.0.0` and `::` stand for all.
    public let address: String
    /// The port.
    public let port: UInt16
    /// Who has it; empty where that cannot be seen.
    public let owners: [Owner]
    /// Ports of the host that lead to it.
    public let forwards: [PortForward]
}

extension Project {
    /// What a running agent's network is like.
    public func network(ofAgent name: String) throws(ClocheError) -> NetworkReport {
        let document = try report(of: name, .network)
        guard let report = NetworkReport(document: document) else { throw Self.otherVersion(name) }
        return report
    }

    /// The ports at which programs of a running agent wait for connections.
    public func listeningPorts(ofAgent name: String) throws(ClocheError) -> [ListeningPort] {
        let report = try network(ofAgent: name)
        let found: [ListeningSocket]
        do throws(SystemError) {
            found = try ListeningSocket.all(ofInit: report.initProcess)
        } catch {
            throw ClocheError(
                .system,
                "cannot look at the network of \(name)",
                why: error.description,
                remedy: "it may have ended meanwhile; `cloche list --all` tells"
            )
        }
        let own = Set(report.ownSockets)
        return found.compactMap { socket in
            if own.contains(Int64(clamping: socket.inode)) { return nil }
            // The host's network has other programs' sockets as well.
            if report.mode == .host && socket.owners.isEmpty { return nil }
            let address = IPAddress.v6(socket.address.high, socket.address.low).unmapped
            return ListeningPort(
                address: address.description,
                port: socket.address.port,
                owners: socket.owners.map { ListeningPort.Owner(pid: $0.pid, program: $0.program) },
                forwards: report.forwards.filter { $0.target == socket.address.port }
            )
        }
    }

    /// Lets a port of the host lead to one inside, until the agent ends.
    ///
    /// - Parameters:
    ///   - name: the agent.
    ///   - target: the port inside.
    ///   - port: the host's port; 0 for any, nil for the same as inside.
    ///   - address: the host's address to listen on.
    public func forward(_ name: String, to target: UInt16, from port: UInt16?, on address: String)
        throws(ClocheError) -> PortForward
    {
        let request = ForwardRequest(address: address, port: port, target: target)
        guard let made = try forwards(name, request).first else { throw Self.otherVersion(name) }
        return made
    }

    /// Ends the forwards to a port inside; those of one port or address of the host alone, if these are given.
    ///
    /// - Returns: those that were ended, at least one.
    public func endForwards(_ name: String, to target: UInt16, from port: UInt16?, on address: String?)
        throws(ClocheError) -> [PortForward]
    {
        try forwards(name, ForwardRequest(address: address ?? "", port: port, target: target, ends: true))
    }

    private func forwards(_ name: String, _ request: ForwardRequest) throws(ClocheError) -> [PortForward] {
        let report = try report(of: name, .forward(request))
        return (report["forwards"]?.list ?? []).compactMap(PortForward.init(document:))
    }

    /// What of its network an agent was refused, the latest last.
    public func refusals(ofAgent name: String) throws(ClocheError) -> NetworkRefusals {
        let directory = try agentDirectory(name)
        let record = try directory.read()
        var refusals = NetworkRefusals(try AuditHistory(directory).latestEvents(bytes: Self.latestBytes))
        refusals.mode = record.networkMode
        return refusals
    }

    /// So much of the end of an audit log is looked at.
    private static let latestBytes = 16 << 20

    /// The answer of a running agent's supervisor to one request.
    func report(of name: String, _ request: ControlMessage) throws(ClocheError) -> Document {
        guard let client = try SupervisorClient.connect(agentDirectory(name)) else {
            throw try notRunning(name)
        }
        try client.send(request)
        switch try client.receive() {
        case .report(let report)?: return report
        case .failed(let error)?: throw error
        default: throw ClocheError(.state, "agent \(name) ended meanwhile")
        }
    }

    private static func otherVersion(_ name: String) -> ClocheError {
        ClocheError(
            .system,
            "cannot understand agent \(name)",
            why: "its supervisor is of another version of Cloche",
            remedy: "`cloche stop \(name)` and `cloche resume \(name)`"
        )
    }
}
