// From where a client wants to go to a connected socket: the policy, the name's addresses, each of them judged, and the
// connection to that very address; or to the user's own proxy.

internal import LinuxSystem
internal import NetworkRules

extension Connection {
    /// Goes there, if it is allowed.
    func go(to destination: Destination) {
        facts.destination = destination
        goOn(to: destination)
    }

    /// The same, when it has been held before.
    func goOn(to destination: Destination) {
        guard let grant = grant(for: destination) else { return }
        facts.rule = grant.rule
        facts.origin = grant.origin
        gate = Gate(destination, grant, isProxied: facts.path == .http)
        phase = .opening
        // What it said while it was held waits from now on.
        wake(after: network.patience)
        if case .name(let name) = destination.host, !network.mayAsk(for: name, grant) {
            let text = "too many names below a wildcard were asked for that are new; one more a second can be"
            return refuse(Refusal(.unresolved, text))
        }
        if let proxy = network.upstreamProxy {
            connect(through: proxy, destination, grant)
        } else {
            find(destination, grant)
        }
        // It may have said something already, or have been opened or refused.
        advance()
    }

    private func find(_ destination: Destination, _ grant: Grant) {
        switch destination.host {
        case .address(let address): connect([address], destination, grant)
        case .name(let name):
            network.resolver.resolve(name) { [weak self] resolution in
                guard let self, case .opening = phase else { return }
                switch resolution {
                case .addresses(let addresses): connect(addresses, destination, gate?.grant ?? grant)
                case .failed(let why): fail("no address of \(name) was found: \(why)", isRefused: false)
                }
            }
        }
    }

    private func connect(_ addresses: [IPAddress], _ destination: Destination, _ grant: Grant) {
        var allowed: [SocketAddress] = []
        var refusal: Refusal?
        for address in addresses.prefix(16) {
            if let found = network.refusal(of: address, for: destination, grant) {
                refusal = refusal ?? found
            } else {
                allowed.append(SocketAddress(address, port: destination.port))
            }
        }
        if allowed.isEmpty, let refusal { return refuse(refusal) }
        dial(allowed, "\(destination)") { (connection, socket, address) in
            // Other rules may have come in force meanwhile.
            let chosen = IPAddress(address).unmapped
            if let refusal = connection.network.refusal(
                of: chosen,
                for: destination,
                connection.gate?.grant ?? grant
            ) {
                return connection.refuse(refusal)
            }
            connection.facts.address = "\(chosen)"
            connection.address = address
            connection.opened(socket)
        }
    }

    private func dial(
        _ addresses: [SocketAddress],
        _ subject: String,
        _ completion: @escaping (Connection, FileDescriptor.Shared, SocketAddress) -> Void
    ) {
        let dialer = Dialer(network, addresses) { [weak self] result in
            guard let self, case .opening = phase else { return }
            self.dialer = nil
            switch result {
            case .success(let (socket, address)): completion(self, socket, address)
            case .failure(let error):
                fail(
                    "cannot connect to \(subject): \(error.errno)",
                    isRefused: error.errno == .connectionRefused
                )
            }
        }
        if !dialer.isFinished { self.dialer = dialer }
    }

    // MARK: The user's own proxy

    private func connect(through proxy: UpstreamProxy, _ destination: Destination, _ grant: Grant) {
        if case .address(let address) = destination.host,
            let refusal = network.refusal(of: address, for: destination, grant)
        {
            return refuse(refusal)
        }
        let addresses: (Resolution) -> Void = { [weak self] resolution in
            guard let self, case .opening = phase else { return }
            guard case .addresses(let addresses) = resolution else {
                return fail(
                    "no address of the upstream proxy \(proxy.destination) was found",
                    isRefused: false
                )
            }
            let places = addresses.prefix(16).map { SocketAddress($0, port: proxy.destination.port) }
            dial(places, "the upstream proxy \(proxy.destination)") { (connection, socket, address) in
                connection.shakeHands(socket, proxy, destination)
            }
        }
        switch proxy.destination.host {
        case .address(let address): addresses(.addresses([address]))
        case .name(let name): network.resolver.resolve(name, addresses)
        }
    }

    private func shakeHands(
        _ socket: FileDescriptor.Shared,
        _ proxy: UpstreamProxy,
        _ destination: Destination
    ) {
        handshake = ProxyHandshake(network, socket, proxy.request(for: destination)) { [weak self] result in
            guard let self, case .opening = phase else { return }
            handshake = nil
            switch result {
            case .success(let first):
                facts.address = "by \(proxy.destination)"
                opened(socket, first: first)
            case .failure(let error):
                fail(
                    "the upstream proxy \(proxy.destination) does not connect: \(error.why)",
                    isRefused: false
                )
            }
        }
    }
}

extension AgentNetwork {
    /// Whether the address must not be connected to.
    func refusal(of address: IPAddress, for destination: Destination, _ grant: Grant) -> Refusal? {
        policy.refusal(of: address, for: destination, grant, hostAddresses: hostAddresses)
    }
}
