// Where an agent's gateway answers in the place of services: their names lead to it, and programs inside find the
// certificate that vouches for it.

internal import ClocheModel
internal import LinuxSystem

extension SandboxRequest {
    private var intercepted: [GatewayService] { hasGateway ? policy.interceptedServices : [] }

    /// The ports at which the gateway answers in the place of services.
    var interceptedPorts: [UInt16] { Set(intercepted.map(\.port)).sorted() }

    /// The lines of `/etc/hosts` by which their names lead to it.
    var interceptedHosts: String {
        Set(intercepted.map(\.host)).sorted().map { "\(InsideNetwork.interceptedAddress) \($0)\n" }.joined()
    }
}

extension Planner {
    /// The longest list of certificates that is taken over.
    private static let longestList = 2 << 20

    /// The certificate of the gateway's authority, alone and behind the system's.
    mutating func addTrust() {
        guard !request.interceptedPorts.isEmpty else { return }
        let reason = "credentials.intercept"
        let own = request.authority?.certificate ?? ""
        // Without the system's, there is nobody to be trusted but the gateway.
        let bytes = SystemCertificates.file.flatMap { try? Files.read($0, limit: Self.longestList) } ?? []
        let list = bytes.contains(0) ? "" : String(decoding: bytes, as: UTF8.self)
        let end = list.isEmpty || list.hasSuffix("\n") ? "" : "\n"
        add(.file(content: own, mode: 0o644), String(InsidePath.authority.dropFirst()), reason)
        add(
            .file(content: list + end + own, mode: 0o644),
            String(InsidePath.certificates.dropFirst()),
            reason
        )
    }
}
