// Where systems keep the certificates that they trust.

internal import Glibc

/// The system's list of trusted certificates.
package enum SystemCertificates {
    /// A static program knows the directory of the system that it was built on; these are the usual ones.
    private static let files = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ]

    /// The file with all of them; nil if there is none that can be read.
    package static var file: String? { files.first { unsafe access($0, R_OK) == 0 } }
}
