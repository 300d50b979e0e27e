// The keys for an agent's gateway: read by the command that starts it, from wherever they are, and put into a pipe that
// only the gateway reads.

internal import ClocheModel
internal import CredentialStore
internal import Gateway
internal import LinuxSystem

/// Reads the keys that a policy's services need.
struct GatewayKeyReading {
    /// A supervisor is told in it which variables the command that started it had.
    static let promise = "CLOCHE_GATEWAY_VARIABLES"

    private let installation: Installation

    init(_ installation: Installation) { self.installation = installation }

    /// The pipe, nil where no key is needed; and the variables that keys came from.
    func keys(_ policy: Policy) throws(ClocheError) -> (pipe: FileDescriptor.Shared?, promised: [String]) {
        var promised: [String] = []
        var keys: [(service: String, key: Secret)] = []
        var hasLogin = false
        for credential in try CredentialChoice.choose(policy.credentials, installation) {
            guard case .service(let service, let source) = credential.kind else { continue }
            if case .environment(let name) = source { promised.append(name) }
            if case .login(let path) = source {
                // The gateway reads it by itself, then and whenever it has to.
                try refuseRevoked(path, service.name)
                hasLogin = true
                continue
            }
            keys.append((service.name, try read(source)))
        }
        return (keys.isEmpty && !hasLogin ? nil : try Self.pipe(keys), promised)
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
        return services
    }
}
