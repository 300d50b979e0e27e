// TLS to a service, by OpenSSL: who it is must be proved by a certificate for its name, from the system's list or the
// service's own file.

internal import COpenSSL
internal import ClocheModel
internal import LinuxSystem

/// Why a service cannot be spoken to, in words.
struct GatewayFailure: Error, Equatable {
    let why: String
}

/// What holds for all connections to a service.
@safe final class TLSContext {
    fileprivate let context: OpaquePointer

    /// - Parameter certificates: a file of those that are trusted; nil for the system's.
    init(certificates: String?) throws(GatewayFailure) {
        guard let made = unsafe SSL_CTX_new(TLS_client_method()) else {
            throw GatewayFailure(why: "TLS cannot be set up")
        }
        unsafe context = made
        unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        _ = unsafe copenssl_set_minimum(context)
        _ = unsafe copenssl_set_modes(context)
        let protocols: [UInt8] = [8] + Array("http/1.1".utf8)
        unsafe SSL_CTX_set_alpn_protos(context, protocols, UInt32(protocols.count))
        if let certificates {
            guard unsafe SSL_CTX_load_verify_file(context, certificates) == 1 else {
                throw GatewayFailure(why: "\(certificates) holds no certificates: \(TLSError.take())")
            }
        } else {
            _ = unsafe SSL_CTX_set_default_verify_paths(context)
            if let file = SystemCertificates.file { _ = unsafe SSL_CTX_load_verify_file(context, file) }
        }
    }

    deinit { unsafe SSL_CTX_free(context) }
}

/// What OpenSSL says of its last failure.
enum TLSError {
    static func take() -> String {
        var text = "no reason is given"
        while true {
            let code = ERR_get_error()
            if code == 0 { return text }
            if let reason = unsafe ERR_reason_error_string(code) { text = unsafe String(cString: reason) }
        }
    }
}

/// Bytes to and from somebody: through TLS, or plain.
@safe class TLSStream {
    /// Its socket, connected.
    let socket: FileDescriptor.Shared
    /// Nil where it is plain.
    fileprivate(set) final var connection: OpaquePointer?
    /// Whether an event for writing is waited for before a read, or the other way round.
    private(set) var readWantsWrite = false
    private(set) var writeWantsRead = false

    /// What a handshake has come to.
    enum Handshake {
        case done
        case waits(writable: Bool)
        case failed(GatewayFailure)
    }

    /// - Parameter context: what TLS is made of; nil for a plain one.
    init(_ socket: FileDescriptor.Shared, in context: OpaquePointer?) throws(GatewayFailure) {
        self.socket = socket
        guard let context = unsafe context else { return }
        guard let made = unsafe SSL_new(context) else { throw GatewayFailure(why: "no memory for TLS") }
        unsafe connection = made
        guard unsafe SSL_set_fd(made, socket.number) == 1 else {
            throw GatewayFailure(why: "no memory for TLS")
        }
    }

    deinit { if let connection = unsafe connection { unsafe SSL_free(connection) } }

    /// Goes on with the handshake; at once done without TLS.
    final func handshake() -> Handshake {
        guard let connection = unsafe connection else { return .done }
        (readWantsWrite, writeWantsRead) = (false, false)
        ERR_clear_error()
        let result = unsafe SSL_do_handshake(connection)
        if result == 1 { return .done }
        switch unsafe SSL_get_error(connection, result) {
        case SSL_ERROR_WANT_READ: return .waits(writable: false)
        case SSL_ERROR_WANT_WRITE:
            readWantsWrite = true
            return .waits(writable: true)
        default: return unsafe .failed(failure(of: connection))
        }
    }

    /// Why a handshake has failed.
    func failure(of connection: OpaquePointer) -> GatewayFailure {
        GatewayFailure(why: "TLS failed: \(TLSError.take())")
    }

    /// Whether bytes wait inside that no event will tell of.
    final var hasPending: Bool {
        guard let connection = unsafe connection else { return false }
        return unsafe SSL_has_pending(connection) == 1
    }

    final func read(into room: UnsafeMutableRawBufferPointer) -> IOResult {
        readWantsWrite = false
        guard let connection = unsafe connection else {
            return unsafe StreamSocket.receive(socket.number, into: room)
        }
        var count = 0
        ERR_clear_error()
        let result = unsafe SSL_read_ex(connection, room.baseAddress, room.count, &count)
        if result == 1 { return .moved(count) }
        switch unsafe SSL_get_error(connection, result) {
        case SSL_ERROR_WANT_READ: return .wouldBlock
        case SSL_ERROR_WANT_WRITE:
            readWantsWrite = true
            return .wouldBlock
        case SSL_ERROR_ZERO_RETURN: return .end
        // Also an end without a word: a body that ends with the connection could have been cut.
        default: return .failed(.connectionReset)
        }
    }

    final func write(_ bytes: UnsafeRawBufferPointer) -> IOResult {
        writeWantsRead = false
        guard let connection = unsafe connection else {
            return unsafe StreamSocket.send(socket.number, bytes)
        }
        var count = 0
        ERR_clear_error()
        let result = unsafe SSL_write_ex(connection, bytes.baseAddress, bytes.count, &count)
        if result == 1 { return .moved(count) }
        switch unsafe SSL_get_error(connection, result) {
        case SSL_ERROR_WANT_WRITE: return .wouldBlock
        case SSL_ERROR_WANT_READ:
            writeWantsRead = true
            return .wouldBlock
        default: return .failed(.connectionReset)
        }
    }
}

/// The bytes to and from a service.
final class ServiceStream: TLSStream {
    init(_ socket: FileDescriptor.Shared, _ service: GatewayService, _ context: TLSContext?)
        throws(GatewayFailure)
    {
        try unsafe super.init(socket, in: context?.context)
        guard let made = unsafe connection else { return }
        unsafe SSL_set_connect_state(made)
        let isAddress =
            service.host.utf8.allSatisfy { $0 == 0x2e || (0x30...0x39).contains($0) }
            || service.host.contains(":")
        let parameters = unsafe SSL_get0_param(made)
        var isNamed: CInt
        if isAddress {
            isNamed = unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, service.host)
        } else {
            unsafe X509_VERIFY_PARAM_set_hostflags(parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
            isNamed = unsafe X509_VERIFY_PARAM_set1_host(parameters, service.host, 0)
            if unsafe copenssl_set_server_name(made, service.host) != 1 { isNamed = 0 }
        }
        // Without a name, any certificate would do.
        guard isNamed == 1 else { throw GatewayFailure(why: "TLS cannot check the name \(service.host)") }
    }

    override func failure(of connection: OpaquePointer) -> GatewayFailure {
        let verified = unsafe SSL_get_verify_result(connection)
        if verified != X509_V_OK {
            let text = unsafe String(cString: X509_verify_cert_error_string(verified))
            return GatewayFailure(why: "its certificate is not trusted: \(text)")
        }
        return GatewayFailure(why: "TLS with it failed: \(TLSError.take())")
    }
}
