// What an agent is told of the certificates with which its gateway answers in the place of services, for programs that
// take no other address.

/// The authority that a gateway made for one agent: what is public of it.
public struct InterceptionAuthority: Equatable, Sendable {
    /// Its certificate, in PEM.
    public var certificate: String
    /// SHA-256 of the certificate, in small hexadecimal digits.
    public var fingerprint: String

    /// An authority.
    public init(certificate: String, fingerprint: String) {
        (self.certificate, self.fingerprint) = (certificate, fingerprint)
    }
}

extension Policy {
    /// The services in whose place the gateway answers inside.
    public var interceptedServices: [GatewayService] { gatewayServices.filter(\.isIntercepted) }
}

extension GatewayService {
    /// Variables by which programs find a list of certificates, in place of the system's or their own.
    private static let listVariables = [
        "SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "PIP_CERT",
        "AWS_CA_BUNDLE",
        "CARGO_HTTP_CAINFO", "NIX_SSL_CERT_FILE", "BUNDLE_SSL_CA_CERT", "HTTPLIB2_CA_CERTS",
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
    ]
    /// Those that name certificates in addition.
    private static let additionVariables = ["NODE_EXTRA_CA_CERTS", "DENO_CERT"]

    /// The variables that have programs inside trust an authority.
    ///
    /// - Parameter list: the file with the system's certificates and the authority's.
    /// - Parameter authority: the file with the authority's alone.
    public static func trust(list: String, authority: String) -> [(name: String, value: String)] {
        listVariables.map { ($0, list) } + additionVariables.map { ($0, authority) }
    }
}
