// Questions about the sockets of a network namespace, sock_diag(7), by a socket that was made in it. The kernel answers
// within the call that asks.

internal import CLinux
internal import Glibc

/// Asks which socket has a connection.
package struct SocketDiagnosis: Sendable {
    private let socket: FileDescriptor.Shared

    /// A netlink(7) socket of NETLINK_SOCK_DIAG.
    package init(_ socket: FileDescriptor.Shared) { self.socket = socket }

    private static let requestBytes = 16 + 56
    /// SOCK_DIAG_BY_FAMILY, of questions and answers.
    private static let byFamily: UInt16 = 20

    /// The inode of the TCP socket between these ends, `local` being its own; nil when there is none, or nobody has it open.
    package func inode(local: SocketAddress, remote: SocketAddress) -> UInt64? {
        let question = Self.question(local, remote)
        let number = socket.number
        guard unsafe send(number, question, question.count, CInt(MSG_DONTWAIT)) == question.count else {
            return nil
        }
        let answer = unsafe [UInt8](unsafeUninitializedCapacity: 1024) { buffer, filled in
            filled = unsafe max(0, recv(number, buffer.baseAddress, buffer.count, CInt(MSG_DONTWAIT)))
        }
        // Where there is none, the kernel tells of one that listens at the local port.
        guard answer.count >= 24, answer[16 + 1] != Self.listens,
            Self.ends(in: answer) == Self.ends(in: question)
        else { return nil }
        return Self.inode(in: answer)
    }

    /// TCP_LISTEN.
    private static let listens: UInt8 = 10

    /// The ports and addresses of `struct inet_diag_sockid`.
    private static func ends(in message: [UInt8]) -> ArraySlice<UInt8> {
        let place = message.count == requestBytes ? 16 + 8 : 16 + 4
        return message.dropFirst(place).prefix(36)
    }

    /// `struct nlmsghdr`, `struct inet_diag_req_v2`.
    static func question(_ local: SocketAddress, _ remote: SocketAddress) -> [UInt8] {
        let isIPv4 = local.ipv4 != nil
        var bytes: [UInt8] = []
        func append(_ value: some FixedWidthInteger & BitwiseCopyable) {
            unsafe withUnsafeBytes(of: value) { unsafe bytes += Array($0) }
        }
        func append(_ address: SocketAddress) {
            if let ipv4 = address.ipv4 {
                append(ipv4.bigEndian)
                bytes += [UInt8](repeating: 0, count: 12)
            } else {
                append(address.high.bigEndian)
                append(address.low.bigEndian)
            }
        }
        append(UInt32(requestBytes))
        append(byFamily)
        append(UInt16(1))  // NLM_F_REQUEST
        append(UInt64(0))  // number and port
        bytes += [UInt8(isIPv4 ? AF_INET : AF_INET6), UInt8(IPPROTO_TCP), 0, 0]
        append(UInt32.max)  // in any state
        append(local.port.bigEndian)
        append(remote.port.bigEndian)
        append(local)
        append(remote)
        append(UInt32(0))  // any interface
        append(UInt64.max)  // without a cookie
        return bytes
    }

    /// Of `struct nlmsghdr`, `struct inet_diag_msg`; nil of an error, and of a socket that nobody has open.
    static func inode(in answer: [UInt8]) -> UInt64? {
        let place = 16 + 68
        guard answer.count >= place + 4 else { return nil }
        let (kind, inode) = unsafe answer.withUnsafeBytes {
            unsafe (
                $0.loadUnaligned(fromByteOffset: 4, as: UInt16.self),
                $0.loadUnaligned(fromByteOffset: place, as: UInt32.self)
            )
        }
        return kind == byFamily && inode != 0 ? UInt64(inode) : nil
    }
}
