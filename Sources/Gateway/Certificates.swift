// The certificates with which a gateway answers in the place of services. An authority is made for one agent, signs one
// certificate for each host, and its key is gone before anybody has spoken to the gateway: what was not signed by then
// never will be. Nothing of it is written but the authority's certificate.

internal import COpenSSL
internal import ClocheModel
internal import NetworkRelay

/// A key pair of P-256.
@safe private final class SigningKey {
    let pointer: OpaquePointer

    init() throws(GatewayFailure) {
        let context = unsafe EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil)
        defer { unsafe EVP_PKEY_CTX_free(context) }
        var made: OpaquePointer?
        guard unsafe context != nil, unsafe EVP_PKEY_keygen_init(context) == 1,
            unsafe EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) == 1,
            unsafe EVP_PKEY_keygen(context, &made) == 1, let made = unsafe made
        else { throw Certificate.failure() }
        unsafe pointer = made
    }

    // OpenSSL overwrites what is secret of it.
    deinit { unsafe EVP_PKEY_free(pointer) }
}

/// A certificate, X.509.
@safe final class Certificate {
    private let pointer: OpaquePointer

    /// Who vouches for a certificate.
    private struct Issuer {
        let certificate: Certificate
        let key: SigningKey
    }

    /// As long as a gateway may run; it ends with its agent, and the key of the authority with its first breath.
    private static let validSeconds = 397 * 86400
    /// Clocks of a machine are one clock, but may be set.
    private static let earlierSeconds = 3600

    private init(
        _ name: String,
        _ key: SigningKey,
        _ extensions: [(id: CInt, value: String)],
        by issuer: Issuer? = nil
    ) throws(GatewayFailure) {
        guard let made = unsafe X509_new() else { throw Self.failure() }
        unsafe pointer = made
        try setNumber()
        guard unsafe X509_set_version(made, 2) == 1, unsafe X509_set_pubkey(made, key.pointer) == 1,
            unsafe X509_gmtime_adj(X509_getm_notBefore(made), -Self.earlierSeconds) != nil,
            unsafe X509_gmtime_adj(X509_getm_notAfter(made), Self.validSeconds) != nil
        else { throw Self.failure() }
        guard let words = unsafe X509_get_subject_name(made),
            unsafe X509_NAME_add_entry_by_NID(words, NID_commonName, Self.utf8, name, -1, -1, 0) == 1,
            let above = unsafe X509_get_subject_name(issuer?.certificate.pointer ?? made),
            unsafe X509_set_issuer_name(made, above) == 1
        else { throw Self.failure() }
        for entry in extensions { try add(entry.id, entry.value, by: issuer?.certificate ?? self) }
        guard unsafe X509_sign(made, (issuer?.key ?? key).pointer, EVP_sha256()) > 0 else {
            throw Self.failure()
        }
    }

    deinit { unsafe X509_free(pointer) }

    /// `MBSTRING_UTF8`.
    private static let utf8: CInt = 0x1000

    /// 127 bits by chance: two agents' authorities are never taken for one.
    private func setNumber() throws(GatewayFailure) {
        guard let number = unsafe BN_new() else { throw Self.failure() }
        defer { unsafe BN_free(number) }
        // The first bit is set, the last one is not cared for.
        guard unsafe BN_rand(number, 127, 0, 0) == 1,
            unsafe BN_to_ASN1_INTEGER(number, X509_get_serialNumber(pointer)) != nil
        else { throw Self.failure() }
    }

    private func add(_ id: CInt, _ value: String, by issuer: Certificate) throws(GatewayFailure) {
        var context = unsafe X509V3_CTX()
        unsafe X509V3_set_ctx(&context, issuer.pointer, pointer, nil, nil, 0)
        guard let made = unsafe X509V3_EXT_conf_nid(nil, &context, id, value) else { throw Self.failure() }
        defer { unsafe X509_EXTENSION_free(made) }
        guard unsafe X509_add_ext(pointer, made, -1) == 1 else { throw Self.failure() }
    }

    fileprivate static func failure() -> GatewayFailure {
        GatewayFailure(why: "certificates cannot be made: \(TLSError.take())")
    }

    // MARK: An authority and what it signs

    /// Certificates for hosts, each with its key, by an authority whose key is gone when this returns.
    static func issue(for hosts: [String])
        throws(GatewayFailure) -> (authority: InterceptionAuthority, identities: [HostIdentity])
    {
        let key = try SigningKey()
        // Should the key ever be had by somebody: for servers alone, for no other name and no address, with no authority
        // below. Mail is kept out by the use: GnuTLS refuses an authority that excludes it by name.
        let names = hosts.map { "permitted;DNS:\($0)" }
        let others = ["excluded;IP:0.0.0.0/0.0.0.0", "excluded;IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0"]
        let authority = try Certificate(
            "Cloche: one agent's gateway, no one else's",
            key,
            [
                (NID_basic_constraints, "critical,CA:TRUE,pathlen:0"),
                (NID_key_usage, "critical,keyCertSign,cRLSign"), (NID_ext_key_usage, "serverAuth"),
                (NID_name_constraints, (["critical"] + names + others).joined(separator: ",")),
                (NID_subject_key_identifier, "hash"), (NID_authority_key_identifier, "keyid"),
            ]
        )
        var identities: [HostIdentity] = []
        for host in hosts {
            let own = try SigningKey()
            let certificate = try Certificate(
                "Cloche: an agent's gateway",
                own,
                [
                    (NID_basic_constraints, "critical,CA:FALSE"),
                    (NID_key_usage, "critical,digitalSignature"), (NID_ext_key_usage, "serverAuth"),
                    (NID_subject_alt_name, "DNS:\(host)"), (NID_subject_key_identifier, "hash"),
                    (NID_authority_key_identifier, "keyid"),
                ],
                by: Issuer(certificate: authority, key: key)
            )
            identities.append(HostIdentity(host: host, certificate: certificate, key: own))
        }
        return (try authority.published(), identities)
    }

    private func published() throws(GatewayFailure) -> InterceptionAuthority {
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 0
        guard unsafe X509_digest(pointer, EVP_sha256(), &digest, &length) == 1, length == 32 else {
            throw Self.failure()
        }
        let digits = Array("0123456789abcdef".utf8)
        let text = digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return InterceptionAuthority(
            certificate: try armored(),
            fingerprint: String(decoding: text, as: UTF8.self)
        )
    }

    /// As PEM, RFC 7468.
    private func armored() throws(GatewayFailure) -> String {
        let count = unsafe i2d_X509(pointer, nil)
        guard count > 0 else { throw Self.failure() }
        var bytes = [UInt8](repeating: 0, count: Int(count))
        unsafe bytes.withUnsafeMutableBufferPointer { room in
            var end = room.baseAddress
            _ = unsafe i2d_X509(pointer, &end)
        }
        var rest = Base64.bytes(bytes)[...]
        var text = "-----BEGIN CERTIFICATE-----\n"
        while !rest.isEmpty {
            text += String(decoding: rest.prefix(64), as: UTF8.self) + "\n"
            rest = rest.dropFirst(64)
        }
        return text + "-----END CERTIFICATE-----\n"
    }

    fileprivate func use(with key: SigningKey, in context: OpaquePointer) -> Bool {
        unsafe SSL_CTX_use_certificate(context, pointer) == 1
            && SSL_CTX_use_PrivateKey(context, key.pointer) == 1
    }
}

/// What a gateway shows when it is asked for a host.
struct HostIdentity {
    /// The host.
    let host: String
    private let certificate: Certificate
    private let key: SigningKey

    fileprivate init(host: String, certificate: Certificate, key: SigningKey) {
        (self.host, self.certificate, self.key) = (host, certificate, key)
    }

    /// Has connections of a context show it.
    func use(in context: OpaquePointer) throws(GatewayFailure) {
        guard unsafe certificate.use(with: key, in: context) else { throw Certificate.failure() }
    }
}
