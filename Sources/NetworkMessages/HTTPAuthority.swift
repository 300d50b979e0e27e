// The host and port of a request of HTTP, as a URL and the field `Host` have them.

/// A host, with a port if one was written.
package struct HTTPAuthority: Equatable, Sendable {
    /// The host as it was written: a name, an IPv4 address, or an IPv6 address in brackets.
    package let host: String
    /// The port; nil for that of the scheme.
    package let port: UInt16?

    /// The authority as text.
    package var text: String { port.map { "\(host):\($0)" } ?? host }

    /// An authority; the host is one that was read before, or a name.
    package init(host: String, port: UInt16?) {
        self.host = host
        self.port = port
    }

    /// Reads an authority without user information.
    init(_ bytes: Span<UInt8>) throws(Malformed) {
        var end = 0
        if !bytes.isEmpty, bytes[0] == UInt8(ascii: "[") {
            guard let closing = bytes.firstIndex(of: UInt8(ascii: "]")), closing > 1,
                bytes.extracting(1..<closing).isAll(.address6)
            else { throw Malformed("host in brackets is no IPv6 address") }
            end = closing + 1
        } else {
            while end < bytes.count, ByteSet.name.contains(bytes[end]) { end += 1 }
            guard 1...255 ~= end else { throw Malformed("host of the request is no host name") }
        }
        host = bytes.extracting(0..<end).text
        guard end < bytes.count else {
            port = nil
            return
        }
        guard bytes[end] == .colon else { throw Malformed("host of the request is no host name") }
        port = try Self.port(bytes.extracting(droppingFirst: end + 1))
    }

    private static func port(_ digits: Span<UInt8>) throws(Malformed) -> UInt16 {
        guard 1...5 ~= digits.count, digits.isAll(.digit), digits[0] != UInt8(ascii: "0") else {
            throw Malformed("port of the request is no number")
        }
        var number = 0
        for index in digits.indices { number = number * 10 + Int(digits[index] - UInt8(ascii: "0")) }
        guard let port = UInt16(exactly: number) else { throw Malformed("port of the request is no number") }
        return port
    }

    /// Whether both are the same server, where this port holds if none was written.
    func isSame(as other: HTTPAuthority, defaultPort: UInt16?) -> Bool {
        host.utf8.span.isSame(as: other.host) && (port ?? defaultPort) == (other.port ?? defaultPort)
    }
}
