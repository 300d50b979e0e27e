// The keys for an agent's gateway: read by the command that starts it, from wherever they are, and put into a pipe that
// only the gateway reads.

internal import ClocheModel
internal import CredentialStore
internal import Gateway
internal import LinuxSystem
internal import SandboxRuntime

/// Reads the keys that a policy's services need.
struct GatewayKeyReading {
    private let installation: Installation

    init(_ installation: Installation) { self.installation = installation }

    /// The pipe, without a key in it where services take none; nil where there is no service.
    ///
    /// - Parameter policy: has the credentials that were chosen, and no others.
    func keys(_ policy: Policy) throws(ClocheError) -> FileDescriptor.Shared? {
        if policy.gatewayServices.isEmpty { return nil }
        var keys: [(service: String, key: Secret)] = []
        for case .service(let service, let source?) in policy.credentials.map(\.kind) {
            if case .login(let path) = source {
                // The gateway reads it by itself, then and whenever it has to.
                try refuseRevoked(path, service.name)
            } else {
                keys.append((service.name, try read(source)))
            }
        }
        return try Self.pipe(keys)
    }

    private func refuseRevoked(_ path: String, _ service: String) throws(ClocheError) {
        // Without the file there is no login, which the gateway tells.
        guard (try? LoginPlace(path, in: installation.loginDirectory))?.isRevoked ?? false else { return }
        throw ClocheError(
            .state,
            "the login \(path) was revoked",
            remedy: "`cloche credential rotate \(service)` gives it to agents again"
        )
    }

    /// Takes away from agents what was revoked since their keys were read: whoever revokes marks it first, and tells those
    /// that run, to which one that was just started belongs by now.
    ///
    /// Of a login, gateways see the mark by themselves.
    func takeBackRevoked(_ policy: Policy) throws(ClocheError) {
        for case .service(_, .kept(let name)) in policy.credentials.map(\.kind)
        where installation.credentials.isRevoked(name) {
            _ = try RunningCredentials(installation).revoke(name)
        }
    }

    /// One secret.
    func read(_ source: CredentialSource) throws(ClocheError) -> Secret {
        try CredentialReader(store: installation.credentials, question: nil, warn: { _ in }).read(source)
    }

    /// A pipe with keys in it.
    static func pipe(_ keys: [(service: String, key: Secret)]) throws(ClocheError) -> FileDescriptor.Shared {
        do throws(SystemError) {
            if let pipe = try GatewayKeys.pipe(keys) { return pipe }
        } catch { throw ClocheError(.system, "cannot hand the keys to the gateway", why: error.description) }
        throw ClocheError(
            .configuration,
            "the keys are too long",
            why: "together they may have \(GatewayKeys.limit) bytes"
        )
    }

    /// The services that a gateway is for; none without one.
    func services(_ policy: Policy) throws(ClocheError) -> [GatewayService] {
        let services = policy.gatewayServices.map { service in
            var service = service
            service.login?.lockDirectory = installation.loginDirectory
            return service
        }
        guard services.isEmpty || policy.network.mode != .host else {
            throw ClocheError(
                .configuration,
                "an agent with the host's network can have no gateway",
                why: "every program of the host could use its key",
                remedy: "use another `network.mode`, or credentials without `service`"
            )
        }
        try Self.refuseContradictions(policy.interceptedServices)
        return services
    }

    /// Refuses services that cannot be told apart, or not from what Cloche itself is inside.
    private static func refuseContradictions(_ services: [GatewayService]) throws(ClocheError) {
        var taken: [String: String] = [:]
        for service in services {
            let key = "credentials: {service: \(service.name), intercept: true}"
            if let other = taken.updateValue(service.name, forKey: "\(service.host):\(service.port)") {
                throw ClocheError(
                    .configuration,
                    "\(key) is not possible",
                    why: "\(other) is at \(service.host) as well, so that a request could be for either",
                    remedy: "leave `intercept` out of one of them"
                )
            }
            let own = [InsideNetwork.proxyPort, InsideNetwork.gatewayPort, InsideNetwork.dnsPort]
            guard !own.contains(service.port) else {
                throw ClocheError(
                    .configuration,
                    "\(key) is not possible",
                    why: "inside, port \(service.port) is Cloche's own",
                    remedy: "use the gateway's address, without `intercept`"
                )
            }
        }
    }
}
