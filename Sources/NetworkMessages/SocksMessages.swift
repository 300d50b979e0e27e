// SOCKS 5 (RFC 1928), without authentication: what a client says before its connection begins, and the answers.
//
//   client                                   here
//      | version, methods ------------------->|   SocksGreeting
//      |<---------------- version, method ----|   SocksGreeting.reply
//      | version, command, host, port ------->|   SocksRequest
//      |<---------------- SocksReply.bytes ---|

/// How a client opens.
package struct SocksGreeting: Equatable, Sendable {
    /// Whether it can do without authentication.
    package let offersNoAuthentication: Bool

    /// The answer: no authentication, or that no method suits, after which the connection ends.
    package var reply: [UInt8] { [5, offersNoAuthentication ? 0 : 0xFF] }

    /// A greeting at the beginning of some bytes.
    package static func parse(_ bytes: Span<UInt8>) -> ParseResult<SocksGreeting> {
        var rest = bytes
        guard let version = rest.takeByte() else { return .needMore }
        guard version == 5 else { return .malformed("version of SOCKS is not 5") }
        guard let count = rest.takeByte() else { return .needMore }
        guard count > 0 else { return .malformed("SOCKS greeting without a method") }
        guard rest.count >= count else { return .needMore }
        let methods = rest.extracting(0..<Int(count))
        return .found(
            SocksGreeting(offersNoAuthentication: methods.firstIndex(of: 0) != nil),
            length: 2 + Int(count)
        )
    }
}

/// Where a client wants to be connected.
package struct SocksRequest: Equatable, Sendable {
    /// What it asks for; here only `connect` is done.
    package enum Command: UInt8, Sendable {
        case connect = 1
        case bind
        case associate
    }

    /// The other end, as it was named.
    package enum Host: Equatable, Sendable {
        /// A name, or an address in words; letters, digits and `-._:[]` only.
        case name(String)
        /// An address: 4 or 16 bytes.
        case address([UInt8])
    }

    /// What is to be done.
    package let command: Command
    /// The host.
    package let host: Host
    /// The port.
    package let port: UInt16

    /// A request at the beginning of some bytes.
    package static func parse(_ bytes: Span<UInt8>) -> ParseResult<SocksRequest> {
        var rest = bytes
        guard let version = rest.takeByte() else { return .needMore }
        guard version == 5 else { return .malformed("version of SOCKS is not 5") }
        guard let number = rest.takeByte() else { return .needMore }
        guard let command = Command(rawValue: number) else { return .malformed("unknown command of SOCKS") }
        guard let reserved = rest.takeByte() else { return .needMore }
        guard reserved == 0 else { return .malformed("reserved byte of a SOCKS request is not 0") }
        guard let type = rest.takeByte() else { return .needMore }
        let size: Int
        switch type {
        case 1: size = 4
        case 4: size = 16
        case 3:
            guard let length = rest.takeByte() else { return .needMore }
            guard length > 0 else { return .malformed("SOCKS request with an empty name") }
            size = Int(length)
        default: return .malformed("unknown type of address in a SOCKS request")
        }
        guard rest.count >= size + 2 else { return .needMore }
        let address = rest.extracting(0..<size)
        guard type != 3 || address.isAll(.socksName) else {
            return .malformed("name in a SOCKS request is no host name")
        }
        let host: Host = type == 3 ? .name(address.text) : .address(address.array)
        let port = UInt16(rest[size]) << 8 | UInt16(rest[size + 1])
        return .found(
            SocksRequest(command: command, host: host, port: port),
            length: bytes.count - rest.count + size + 2
        )
    }
}

/// What a client is told of its request.
package enum SocksReply: UInt8, Sendable {
    case succeeded
    case generalFailure
    case notAllowed
    case networkUnreachable
    case hostUnreachable
    case connectionRefused
    case timedOut
    case commandNotSupported
    case addressTypeNotSupported

    /// The answer as it is sent; the address that it has room for is none.
    package var bytes: [UInt8] { [5, rawValue, 0, 1, 0, 0, 0, 0, 0, 0] }
}
