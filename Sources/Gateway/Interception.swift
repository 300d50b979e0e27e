// TLS that a gateway answers inside, in the place of services whose programs take no other address. What is said in it is
// a request like one at the gateway's own address, by the same reader; only the service is known by the host, and not by
// the path.

internal import COpenSSL
internal import ClocheModel
internal import LinuxSystem
internal import NetworkMessages
internal import NetworkRules

/// A service in whose place the gateway answers.
final class InterceptedHost {
    /// Its name among services.
    let service: String
    private let host: String
    private let port: UInt16
    private let basePath: String
    fileprivate let context: ServerContext
    /// Whether it was told that a program does not trust the gateway.
    var isDistrustTold = false

    fileprivate init(_ service: GatewayService, _ identity: HostIdentity) throws(GatewayFailure) {
        (self.service, host, port) = (service.name, service.host, service.port)
        basePath = service.basePath
        context = try ServerContext()
        try unsafe identity.use(in: context.pointer)
    }

    /// Where a request goes that came through TLS for this host.
    func target(_ head: HTTPRequestHead) throws(GatewayRefusal) -> ServiceTarget {
        guard let authority = head.authority, authority.host.lowercased() == host,
            (authority.port ?? 443) == port
        else {
            throw GatewayRefusal(421, "the request is for another host than its TLS, which is for \(host)")
        }
        let path = try ServiceTarget.plainPath(head)
        let rest = path.dropFirst(basePath.utf8.count)
        guard path.hasPrefix(basePath), rest.isEmpty || rest.hasPrefix("/") || rest.hasPrefix("?") else {
            throw GatewayRefusal(403, "the gateway passes on nothing for this path of \(service)")
        }
        return ServiceTarget(service: service, path: rest.hasPrefix("/") ? String(rest) : "/" + rest)
    }
}

/// A port inside at which the gateway answers in the place of services.
@safe final class InterceptedPort {
    /// By what a client's hello names.
    private var hosts: [String: InterceptedHost] = [:]
    private let entrance: ServerContext

    fileprivate init() throws(GatewayFailure) {
        entrance = try ServerContext()
        // Nobody asks the context when this object has gone: its connections hold it. OpenSSL itself casts what is called.
        let context = unsafe entrance.pointer
        let called = unsafe unsafeBitCast(chooseByName, to: (@convention(c) () -> Void).self)
        unsafe SSL_CTX_callback_ctrl(context, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, called)
        let own = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_TLSEXT_SERVERNAME_ARG, 0, own)
    }

    /// The host of this name.
    func host(_ name: String) -> InterceptedHost? { hosts[name] }

    fileprivate var context: OpaquePointer { unsafe entrance.pointer }

    /// All ports at which there is something to be answered, with the authority that vouches for it.
    static func make(_ services: [GatewayService])
        throws(GatewayFailure) -> (ports: [UInt16: InterceptedPort], authority: InterceptionAuthority)?
    {
        let intercepted = services.filter(\.isIntercepted)
        if intercepted.isEmpty { return nil }
        let hosts = Set(intercepted.map(\.host)).sorted()
        let (authority, identities) = try Certificate.issue(for: hosts)
        var ports: [UInt16: InterceptedPort] = [:]
        for service in intercepted {
            guard let identity = identities.first(where: { $0.host == service.host }) else { continue }
            let port: InterceptedPort
            if let made = ports[service.port] { port = made } else { port = try InterceptedPort() }
            ports[service.port] = port
            port.hosts[service.host] = try InterceptedHost(service, identity)
        }
        return (ports, authority)
    }
}

/// What holds for all connections to a host, and for those of which the host is not known yet.
@safe private final class ServerContext {
    let pointer: OpaquePointer

    init() throws(GatewayFailure) {
        guard let made = unsafe SSL_CTX_new(TLS_server_method()) else {
            throw GatewayFailure(why: "TLS cannot be set up")
        }
        unsafe pointer = made
        _ = unsafe copenssl_set_minimum(made)
        _ = unsafe copenssl_set_modes(made)
        // No renegotiation, and nothing kept of a session that is over.
        unsafe SSL_CTX_set_options(made, Self.noTicket | Self.noRenegotiation)
        unsafe SSL_CTX_set_num_tickets(made, 0)
        unsafe SSL_CTX_ctrl(made, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_OFF), nil)
        unsafe SSL_CTX_set_alpn_select_cb(made, chooseProtocol, nil)
    }

    deinit { unsafe SSL_CTX_free(pointer) }

    /// `SSL_OP_NO_TICKET` and `SSL_OP_NO_RENEGOTIATION`, which C writes as shifts in a macro.
    private static let (noTicket, noRenegotiation): (UInt64, UInt64) = (1 << 14, 1 << 30)
}

/// Finds the host of a client's hello; without one, the connection ends.
private let chooseByName:
    @convention(c) (
        OpaquePointer?, UnsafeMutablePointer<CInt>?, UnsafeMutableRawPointer?
    ) -> CInt = { connection, alert, argument in
        guard let connection = unsafe connection, let argument = unsafe argument else {
            return SSL_TLSEXT_ERR_ALERT_FATAL
        }
        let port = unsafe Unmanaged<InterceptedPort>.fromOpaque(argument).takeUnretainedValue()
        guard let host = unsafe port.host(serverName(connection)),
            unsafe SSL_set_SSL_CTX(connection, host.context.pointer) != nil
        else {
            unsafe alert?.pointee = SSL_AD_UNRECOGNIZED_NAME
            return SSL_TLSEXT_ERR_ALERT_FATAL
        }
        return SSL_TLSEXT_ERR_OK
    }

/// HTTP/1.1, and nothing else.
private let chooseProtocol:
    @convention(c) (
        OpaquePointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?,
        UnsafePointer<UInt8>?, UInt32, UnsafeMutableRawPointer?
    ) -> CInt = { _, chosen, length, offered, count, _ in
        let known = Array("http/1.1".utf8)
        var position = 0
        while let start = unsafe offered, position < Int(count) {
            let size = unsafe Int(start[position])
            let name = unsafe UnsafeBufferPointer(start: start + position + 1, count: size)
            guard position + 1 + size <= Int(count) else { break }
            if unsafe name.elementsEqual(known) {
                // What was offered lives until the handshake's answer is written.
                unsafe chosen?.pointee = start + position + 1
                unsafe length?.pointee = UInt8(size)
                return SSL_TLSEXT_ERR_OK
            }
            position += 1 + size
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }

private func serverName(_ connection: OpaquePointer) -> String {
    guard let name = unsafe SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name) else { return "" }
    return unsafe String(cString: name).lowercased()
}

/// The bytes to and from a program of the agent's.
final class AgentStream: TLSStream {
    private let port: InterceptedPort?
    /// Whether the other side has said that it does not trust the certificate.
    private(set) var isDistrusted = false

    /// - Parameter port: where its TLS is answered; nil for the gateway's own address, which is plain.
    init(_ socket: FileDescriptor.Shared, at port: InterceptedPort?) throws(GatewayFailure) {
        self.port = port
        try unsafe super.init(socket, in: port?.context)
        if let connection = unsafe connection { unsafe SSL_set_accept_state(connection) }
    }

    /// The host that it is for, when the handshake has begun.
    var host: InterceptedHost? {
        guard let connection = unsafe connection else { return nil }
        return unsafe port?.host(serverName(connection))
    }

    /// Whether it is not the gateway's own address.
    var isIntercepted: Bool { port != nil }

    /// Where a request goes: by its path at the gateway's own address, else by the host that TLS is for.
    ///
    /// - Parameter only: the service to which all paths of the gateway's address here belong.
    func target(_ head: HTTPRequestHead, only: String?) throws(GatewayRefusal) -> ServiceTarget {
        guard isIntercepted else { return try ServiceTarget(head, only: only) }
        guard let host else { throw GatewayRefusal(421, "the TLS of the request is for no host") }
        return try host.target(head)
    }

    override func failure(of connection: OpaquePointer) -> GatewayFailure {
        let alerts = [
            SSL_R_TLSV1_ALERT_UNKNOWN_CA, SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
            SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
        ]
        isDistrusted = alerts.contains(ERR_GET_REASON(ERR_peek_last_error()))
        return unsafe super.failure(of: connection)
    }

    /// Says that what was sent is all.
    func finish() {
        guard let connection = unsafe connection, unsafe SSL_is_init_finished(connection) == 1 else { return }
        ERR_clear_error()
        _ = unsafe SSL_shutdown(connection)
    }
}
