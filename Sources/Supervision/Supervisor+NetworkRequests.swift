// What commands ask of an agent's network: other rules, ports of the host that lead into it, and what it is like now.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import NetworkRelay
internal import NetworkRules
internal import SandboxRuntime
internal import TerminalText

extension Supervisor {
    // MARK: What it is like

    /// The answer to `network`.
    func networkReport() throws(ClocheError) -> NetworkReport {
        guard let process = sandbox?.pid else { throw betweenStarts }
        var report = NetworkReport(mode: policy.network.mode, initProcess: process)
        if let served {
            report.catchesAllPorts = served.catchesAllPorts
            report.hasIPv6 = served.hasIPv6
            report.ports = served.ports
            report.ownSockets = served.inodes.map { Int64(clamping: $0) }
        }
        report.connections = Int64(network?.connectionCount ?? 0)
        report.forwards = forwards
        return report
    }

    var betweenStarts: ClocheError {
        ClocheError(
            .state,
            "agent \(record.name) is between two starts",
            why: "its harness failed and starts again soon",
            remedy: "try again in a moment"
        )
    }

    // MARK: Other rules

    /// Puts another section `network` in force, keeps it for later starts, and closes what it does not allow.
    ///
    /// - Throws: what is wrong with it, or with writing it down; then the old one holds on, in the record too.
    /// - Returns: how many connections were closed, and at which of its ports connections are not taken yet.
    func setNetwork(_ section: Document) throws(ClocheError) -> Document {
        let old = record
        var changed = record
        changed.effective["network"] = section
        let settings = try agent.readPolicy(changed.effective).network
        try refuseOtherNamespace(settings.mode)
        try AgentNetwork.check(settings)
        try agent.directory.write(changed)
        do throws(ClocheError) {
            try audit.append(
                .policy,
                [
                    "old": NetworkSettings.withoutSecrets(old.effective["network"] ?? .null),
                    "new": NetworkSettings.withoutSecrets(section),
                ]
            )
        } catch {
            // What is not on record must not hold. If this cannot be written either, the next state's record is right.
            try? agent.directory.write(old)
            throw error
        }
        record = changed
        try adopt(settings)
        let closed = try network?.replace(settings) ?? 0
        let later = takeMorePorts()
        return .object([
            "closed": .integer(Int64(closed)), "later-ports": .list(later.map { .integer(Int64($0)) }),
        ])
    }

    /// Other rules count for the sandboxes of later starts as well.
    private func adopt(_ settings: NetworkSettings) throws(ClocheError) {
        agent.request.policy.network = settings
        agent.request.network = try settings.sandboxRequest(
            asksForNewHosts: policy.ask.classes.contains(.newHost)
        )
        policy.network = settings
    }

    /// The sandbox's network namespace was made for a mode, and stays.
    private func refuseOtherNamespace(_ mode: NetworkMode) throws(ClocheError) {
        func kind(_ mode: NetworkMode) -> Int { mode == .none ? 0 : mode == .host ? 1 : 2 }
        let now = policy.network.mode
        if kind(mode) == kind(now) { return }
        let name = record.name
        throw ClocheError(
            .state,
            "the network of \(name) cannot change from \(now.rawValue) to \(mode.rawValue) while it runs",
            why:
                "its sandbox was made with another kind of network; only allow and open change into each other",
            remedy: "`cloche stop \(name)`, then the same command again, then `cloche resume \(name)`"
        )
    }

    /// Where not every port is caught: asks for sockets to listen at those that the rules name now.
    ///
    /// - Returns: all that are not listened at yet.
    private func takeMorePorts() -> [UInt16] {
        guard let served, !served.catchesAllPorts else { return [] }
        let wanted = agent.request.network?.ports ?? []
        for port in served.missing(wanted) {
            // An init that does not read gives none; at the next start the child stage makes them.
            try? sandbox?.askForSocket(ServedSockets.request(for: port), isIPv6: served.hasIPv6)
        }
        return wanted.filter { !served.ports.contains($0) }
    }

    // MARK: From the host into it

    /// Does what is asked for; the answer has the forwards that were made or ended.
    func forward(_ request: ForwardRequest) throws(ClocheError) -> Document {
        var done: [PortForward] = []
        if request.ends {
            done = try endForwards(request)
            for forward in done { try audit.append(.forward, Self.facts(forward, "removed")) }
        } else if let same = forwards.first(where: { $0.isMade(by: request) }) {
            done = [same]
        } else {
            done = [try addForward(request)]
            do throws(ClocheError) {
                try audit.append(.forward, Self.facts(done[0], "added"))
            } catch {
                end(done)
                throw error
            }
        }
        return .object(["forwards": .list(done.map(\.document))])
    }

    private static func facts(_ forward: PortForward, _ action: String) -> KeyValuePairs<String, Document> {
        [
            "address": .string(forward.address), "port": .integer(Int64(forward.port)),
            "target": .integer(Int64(forward.target)), "action": .string(action),
        ]
    }

    private func addForward(_ request: ForwardRequest) throws(ClocheError) -> PortForward {
        guard sandbox != nil else { throw betweenStarts }
        try refuseTarget(request.target)
        let address = try hostAddress(request.address)
        let bare = NetworkSockets(listeners: [], names: nil, hasIPv6: false)
        let network = if let served = self.network { served } else { try beginNetwork(bare) }
        let wanted = SocketAddress(address, port: request.port ?? request.target)
        do throws(SystemError) {
            let actual = try network.forward(wanted, to: request.target)
            let forward = PortForward(address: request.address, port: actual.port, target: request.target)
            forwards.append(forward)
            return forward
        } catch { throw explain(error, request) }
    }

    private func refuseTarget(_ target: UInt16) throws(ClocheError) {
        let name = record.name
        if policy.network.mode == .host {
            throw ClocheError(
                .state,
                "no port of \(name) needs to be forwarded",
                why: "it has the host's network, so that its port \(target) is the host's port \(target)",
                remedy: "connect to 127.0.0.1:\(target)"
            )
        }
        guard served != nil, target == AgentNetwork.proxyPort || target == InsideNetwork.dnsPort else {
            return
        }
        throw ClocheError(
            .usage,
            "port \(target) of \(name) cannot be forwarded",
            why: "Cloche itself listens there inside the sandbox",
            remedy: "let the server inside listen at another port"
        )
    }

    private func hostAddress(_ text: String) throws(ClocheError) -> IPAddress {
        if let address = IPAddress(text) { return address }
        throw ClocheError(
            .usage,
            "cannot listen on \(visible(text))",
            why: "it is no address",
            remedy: "use an address of this machine, such as 127.0.0.1, ::1 or 0.0.0.0 for all of IPv4"
        )
    }

    private func explain(_ error: SystemError, _ request: ForwardRequest) -> ClocheError {
        let port = request.port ?? request.target
        let command = "cloche forward \(record.name)"
        let remedy =
            switch error.errno {
            case .addressInUse:
                "`\(command) 0:\(request.target)` takes a free port, `\(command) PORT:\(request.target)` that one"
            case .access, .notPermitted:
                "ports below 1024 are not for ordinary users; `\(command) 0:\(request.target)` takes a free one"
            case .addressNotAvailable: "use an address of this machine; `ip address` shows them"
            default: "try `\(command) 0:\(request.target)`"
            }
        return ClocheError(
            error.errno == .addressInUse ? .exists : .system,
            "cannot listen on \(PortForward(address: request.address, port: port, target: 0).place)",
            why: "\(error.errno)",
            remedy: remedy
        )
    }

    private func endForwards(_ request: ForwardRequest) throws(ClocheError) -> [PortForward] {
        let found = forwards.filter { forward in
            forward.target == request.target && forward.port == request.port ?? forward.port
                && (request.address.isEmpty || forward.address == request.address)
        }
        guard !found.isEmpty else {
            throw ClocheError(
                .notFound,
                "nothing of the host leads to port \(request.target) of \(record.name) that way",
                remedy: "`cloche forward \(record.name)` lists what does"
            )
        }
        end(found)
        return found
    }

    private func end(_ ended: [PortForward]) {
        for forward in ended {
            guard let address = IPAddress(forward.address) else { continue }
            _ = network?.endForward(SocketAddress(address, port: forward.port))
        }
        forwards.removeAll(where: ended.contains)
    }

    /// Listens anew after a restart; a port that somebody else has taken meanwhile is lost.
    func restoreForwards() throws(ClocheError) {
        let wanted = forwards
        forwards = []
        for forward in wanted {
            let request = ForwardRequest(address: forward.address, port: forward.port, target: forward.target)
            do throws(ClocheError) {
                _ = try addForward(request)
            } catch {
                try audit.append(.forward, Self.facts(forward, "lost"))
            }
        }
    }
}

extension PortForward {
    /// Whether it is what the request asks for; one of any port is another each time.
    fileprivate func isMade(by request: ForwardRequest) -> Bool {
        address == request.address && target == request.target && port == request.port ?? request.target
    }
}
