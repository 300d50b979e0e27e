// The first message of a TLS client (RFC 8446, 4.1.2; RFC 6066; RFC 9849): which server it wants. It is in clear also
// where all that follows is encrypted. Nothing is decrypted, and the bytes go on to the server as they came.

/// What a client says of itself before anything is encrypted.
package struct TLSHello: Equatable, Sendable {
    /// The name of the server as it was written; nil when the client sends none.
    package let serverName: String?
    /// Whether the client sends another, encrypted hello, whose name cannot be seen.
    ///
    /// GREASE, by which a client only pretends to (RFC 9849, 6.2), looks the same, and is meant to.
    package let isEncrypted: Bool
    /// The protocols it offers to speak (ALPN), `h2` and `http/1.1` among them.
    package let applicationProtocols: [String]

    /// The answer to a client whose connection is refused: a fatal alert, `access_denied`.
    package static let accessDenied: [UInt8] = [0x15, 3, 3, 0, 2, 2, 49]

    /// A hello at the beginning of some bytes; see `TLSHelloReader` for one that comes in pieces.
    package static func parse(_ bytes: Span<UInt8>) -> ParseResult<TLSHello> {
        var reader = TLSHelloReader()
        return reader.read(bytes)
    }
}

extension TLSHello {
    private enum ExtensionType {
        static let serverName: UInt16 = 0
        static let applicationProtocols: UInt16 = 16
        /// `encrypted_client_hello`, and its drafts that had the same shape.
        static let encryptedHello: ClosedRange<UInt16> = 0xFE08...0xFE0D
        /// Its forerunner, `encrypted_server_name`.
        static let encryptedName: UInt16 = 0xFFCE
    }

    /// More extensions than any client has; the search for duplicates is quadratic.
    private static let extensionLimit = 128

    /// Reads the body of the message, without its type and length.
    init(body: Span<UInt8>) throws(Malformed) {
        var rest = body
        // The version and 32 random bytes.
        guard rest.skip(34) else { throw Malformed("hello is too short") }
        guard let session = rest.takeByte(), session <= 32, rest.skip(Int(session)) else {
            throw Malformed("session id of the hello is wrong")
        }
        guard let suites = rest.takeUInt16(), suites >= 2, suites % 2 == 0, rest.skip(Int(suites)) else {
            throw Malformed("cipher suites of the hello are wrong")
        }
        guard let methods = rest.takeByte(), methods >= 1, rest.skip(Int(methods)) else {
            throw Malformed("compression methods of the hello are wrong")
        }
        var name: String?
        var isEncrypted = false
        var protocols: [String] = []
        // Before TLS 1.3 a hello could end here.
        if !rest.isEmpty {
            guard let length = rest.takeUInt16(), Int(length) == rest.count else {
                throw Malformed("extensions of the hello do not end with it")
            }
        }
        var seen: [UInt16] = []
        while !rest.isEmpty {
            guard let type = rest.takeUInt16(), let length = rest.takeUInt16(), rest.count >= length else {
                throw Malformed("extension of the hello is cut off")
            }
            guard !seen.contains(type) else { throw Malformed("extension of the hello is there twice") }
            guard seen.count < Self.extensionLimit else { throw Malformed("hello has too many extensions") }
            seen.append(type)
            let content = rest.extracting(0..<Int(length))
            switch type {
            case ExtensionType.serverName: name = try Self.serverName(content)
            case ExtensionType.applicationProtocols: protocols = try Self.protocols(content)
            case ExtensionType.encryptedHello:
                // 1 is the inner one, which is sent in clear to a server behind the one that decrypted it.
                guard !content.isEmpty else { throw Malformed("encrypted hello is empty") }
                isEncrypted = isEncrypted || content[0] != 1
            case ExtensionType.encryptedName: isEncrypted = true
            default: break
            }
            rest = rest.extracting(droppingFirst: Int(length))
        }
        serverName = name
        self.isEncrypted = isEncrypted
        applicationProtocols = protocols
    }

    /// A list with one element, of the only type there is: a host name.
    private static func serverName(_ content: Span<UInt8>) throws(Malformed) -> String {
        var rest = content
        guard let list = rest.takeUInt16(), Int(list) == rest.count, let type = rest.takeByte(),
            let length = rest.takeUInt16(), length > 0, rest.count >= length
        else { throw Malformed("server name of the hello is cut off") }
        guard type == 0, rest.count == length else { throw Malformed("hello has more than one server name") }
        guard length <= 255, rest.isAll(.name) else {
            throw Malformed("server name of the hello is no host name")
        }
        return rest.text
    }

    private static func protocols(_ content: Span<UInt8>) throws(Malformed) -> [String] {
        var rest = content
        guard let list = rest.takeUInt16(), list > 0, Int(list) == rest.count else {
            throw Malformed("protocols of the hello are cut off")
        }
        var protocols: [String] = []
        while !rest.isEmpty {
            guard let length = rest.takeByte(), length > 0, rest.count >= length else {
                throw Malformed("protocols of the hello are cut off")
            }
            protocols.append(rest.extracting(0..<Int(length)).text)
            rest = rest.extracting(droppingFirst: Int(length))
        }
        return protocols
    }
}
