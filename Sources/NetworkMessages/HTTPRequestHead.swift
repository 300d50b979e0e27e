// The head of a request of HTTP/1 (RFC 9112), read so strictly that all servers agree on which host it is for and where
// its body ends. HTTPRequestHead+Reading.swift reads it, +Writing writes the one that goes to the server.

/// A request without its body.
package struct HTTPRequestHead: Equatable, Sendable {
    /// The form in which the request names its target.
    package enum Form: Equatable, Sendable {
        /// `/path?query`: the host is that of the field `Host`.
        case origin
        /// `http://host/path?query`, to a proxy.
        case absolute
        /// `host:port`, of the method CONNECT, to a proxy.
        case authority
        /// `*`, of the method OPTIONS.
        case asterisk
    }

    /// Where the body ends.
    package enum Body: Equatable, Sendable {
        /// There is none.
        case none
        /// After so many bytes.
        case length(Int)
        /// As `ChunkedBody` says.
        case chunked
    }

    /// The method as it was written.
    package let method: String
    /// The form of the target.
    package let form: Form
    /// Path and query as they were written, beginning with `/`; `*` or nothing for the last two forms.
    package let path: String
    /// The host: that of the target, or else of `Host`; where there are both, they are the same.
    ///
    /// Nil only in HTTP/1.0, never for `absolute` and `authority`; with a port for `authority`.
    package let authority: HTTPAuthority?
    /// 1 for HTTP/1.1, 0 for HTTP/1.0.
    package let minorVersion: Int
    /// Where the body ends.
    package let body: Body
    /// The protocols that the client offers to change to, in small letters.
    package let upgrades: [String]
    /// Whether the client waits with the body for an answer (`Expect: 100-continue`).
    package let expectsContinue: Bool
    /// Whether the client may send another request after this one.
    package let keepsAlive: Bool

    /// What is not said by the above: the fields that go to the server.
    struct Field: Equatable, Sendable {
        let name: Range<Int>
        let value: Range<Int>
    }
    /// The head as it came.
    let bytes: [UInt8]
    let fields: [Field]

    /// The value of a field that is passed on, by its name in any case; of the first one if there are several.
    package subscript(name: String) -> String? {
        let field = fields.first { bytes.span.extracting($0.name).isSame(as: name) }
        return field.map { String(decoding: bytes[$0.value], as: UTF8.self) }
    }

    /// A request at the beginning of some bytes; see `HTTPRequestReader` for one that comes in pieces.
    package static func parse(_ bytes: Span<UInt8>) -> ParseResult<HTTPRequestHead> {
        var reader = HTTPRequestReader()
        return reader.read(bytes)
    }
}
