// TCP and UDP sockets that never block: the ends of what an agent's network is relayed between.

internal import CLinux
internal import Glibc

/// An internet address and a port; of IPv4, the address is mapped (`::ffff:a.b.c.d`).
package struct SocketAddress: Hashable, Sendable {
    /// The first eight bytes of the address, the first one highest.
    package var high: UInt64
    /// The last eight.
    package var low: UInt64
    /// The port, in the host's order.
    package var port: UInt16

    /// An address of IPv6, or a mapped one.
    package init(high: UInt64, low: UInt64, port: UInt16) {
        (self.high, self.low, self.port) = (high, low, port)
    }

    /// An address of IPv4.
    package init(ipv4: UInt32, port: UInt16) {
        self.init(high: 0, low: 0xffff << 32 | UInt64(ipv4), port: port)
    }

    /// The address of IPv4, if it is one.
    package var ipv4: UInt32? { high == 0 && low >> 32 == 0xffff ? UInt32(truncatingIfNeeded: low) : nil }

    /// The loopback address of the family.
    package static func loopback(isIPv4: Bool, port: UInt16) -> SocketAddress {
        isIPv4 ? SocketAddress(ipv4: 0x7f00_0001, port: port) : SocketAddress(high: 0, low: 1, port: port)
    }

    init(_ address: in6_addr, bigEndianPort: in_port_t) {
        let (high, low) = unsafe withUnsafeBytes(of: address) {
            unsafe ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
        self.init(
            high: UInt64(bigEndian: high),
            low: UInt64(bigEndian: low),
            port: UInt16(bigEndian: bigEndianPort)
        )
    }

    var in6: in6_addr {
        var address = in6_addr()
        unsafe withUnsafeMutableBytes(of: &address) {
            unsafe $0.storeBytes(of: high.bigEndian, as: UInt64.self)
            unsafe $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        return address
    }

    var sockaddr6: sockaddr_in6 {
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        address.sin6_addr = in6
        return address
    }
}

/// What a call that does not wait has come to.
package enum IOResult: Equatable, Sendable {
    /// So many bytes, more than none.
    case moved(Int)
    /// Nothing now: an event will tell.
    case wouldBlock
    /// The other side has no more.
    case end
    /// The connection is broken.
    case failed(Errno)

    init(_ count: Int) {
        if count > 0 {
            self = .moved(count)
        } else if count == 0 {
            self = .end
        } else {
            let failure = Errno(errno)
            self = failure == .wouldBlock || failure == .interrupted ? .wouldBlock : .failed(failure)
        }
    }
}

/// Calls on TCP sockets.
///
/// See `tcp(7)`; none of them waits.
package enum StreamSocket {
    /// A new socket, to be connected or bound.
    package static func make(isIPv4: Bool) throws(SystemError) -> FileDescriptor {
        let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        return FileDescriptor(
            owning: try check("socket") { socket(isIPv4 ? AF_INET : AF_INET6, type, CInt(IPPROTO_TCP)) }
        )
    }

    /// Listens on the host.
    package static func listen(_ address: SocketAddress) throws(SystemError) -> FileDescriptor {
        let listener = try make(isIPv4: address.ipv4 != nil)
        let number = listener.number
        set(number, SOL_SOCKET, SO_REUSEADDR, 1)
        if address.ipv4 == nil { set(number, CInt(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
        let result = unsafe withAddress(address) { (address, size) in unsafe bind(number, address, size) }
        if result < 0 { throw SystemError("bind", Errno(errno)) }
        try check("listen") { Glibc.listen(number, 512) }
        return listener
    }

    /// Listens with a socket that was made elsewhere, at a port of all addresses; one of IPv6 for both families.
    package static func listen(_ number: CInt, everywhereAt port: UInt16, isIPv6: Bool) throws(SystemError) {
        let any = isIPv6 ? SocketAddress(high: 0, low: 0, port: port) : SocketAddress(ipv4: 0, port: port)
        if isIPv6 { set(number, CInt(IPPROTO_IPV6), IPV6_V6ONLY, 0) }
        let result = unsafe withAddress(any) { (address, size) in unsafe bind(number, address, size) }
        if result < 0 { throw SystemError("bind", Errno(errno)) }
        try check("listen") { Glibc.listen(number, 512) }
    }

    /// Begins to connect.
    ///
    /// - Throws: what the kernel says at once, such as that no route leads there.
    package static func connect(_ number: CInt, to address: SocketAddress) throws(SystemError) {
        let result = unsafe withAddress(address) { (address, size) in
            unsafe Glibc.connect(number, address, size)
        }
        if result < 0 && errno != EINPROGRESS && errno != EINTR { throw SystemError("connect", Errno(errno)) }
    }

    /// Whether a connection that was begun is there; false while it is not decided.
    ///
    /// - Throws: why it could not be made.
    package static func isConnected(_ number: CInt) throws(SystemError) -> Bool {
        var failure: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        try check("getsockopt") { unsafe getsockopt(number, SOL_SOCKET, SO_ERROR, &failure, &size) }
        if failure != 0 { throw SystemError("connect", Errno(failure)) }
        return remoteAddress(number) != nil
    }

    /// The next connection; nil when none waits.
    ///
    /// - Throws: also when there is no room for another descriptor.
    package static func accept(_ listener: CInt) throws(SystemError) -> FileDescriptor? {
        while true {
            let number = clinux_accept(listener)
            if number >= 0 { return FileDescriptor(owning: number) }
            switch errno {
            case EAGAIN: return nil
            // Of this one connection, which has gone already.
            case EINTR, ECONNABORTED, EPROTO, ENETDOWN, EHOSTDOWN, ENONET, EHOSTUNREACH, ENETUNREACH: continue
            default: throw SystemError("accept4", Errno(errno))
            }
        }
    }

    /// Small pieces are sent at once; nobody waits for more.
    package static func sendAtOnce(_ number: CInt) {
        set(number, CInt(IPPROTO_TCP), TCP_NODELAY, 1)
    }

    /// Asks after some minutes of silence whether the other side is still there; inherited from a listener.
    package static func keepAlive(_ number: CInt) {
        set(number, SOL_SOCKET, SO_KEEPALIVE, 1)
        set(number, CInt(IPPROTO_TCP), TCP_KEEPIDLE, 300)
        set(number, CInt(IPPROTO_TCP), TCP_KEEPINTVL, 30)
    }

    /// The address that a connection was made to, as its listener's side sees it: `getsockname(2)`.
    package static func localAddress(_ number: CInt) -> SocketAddress? {
        unsafe address { (address, size) in unsafe getsockname(number, address, &size) }
    }

    /// The other end's address, `getpeername(2)`; nil when there is no connection.
    package static func remoteAddress(_ number: CInt) -> SocketAddress? {
        unsafe address { (address, size) in unsafe getpeername(number, address, &size) }
    }

    /// The addresses of this machine's interfaces, `getifaddrs(3)`.
    package static func interfaceAddresses() -> [SocketAddress] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&first) == 0 else { return [] }
        defer { unsafe freeifaddrs(first) }
        var found: [SocketAddress] = []
        var next = unsafe first
        while let interface = unsafe next {
            if let address = unsafe interface.pointee.ifa_addr {
                if unsafe address.pointee.sa_family == sa_family_t(AF_INET) {
                    unsafe address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                        unsafe found.append(
                            SocketAddress(ipv4: UInt32(bigEndian: $0.pointee.sin_addr.s_addr), port: 0)
                        )
                    }
                } else if unsafe address.pointee.sa_family == sa_family_t(AF_INET6) {
                    unsafe address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                        unsafe found.append(SocketAddress($0.pointee.sin6_addr, bigEndianPort: 0))
                    }
                }
            }
            unsafe next = interface.pointee.ifa_next
        }
        return found
    }

    /// Whether nothing has come and the other side has not ended: a connection that can be used again.
    package static func isQuiet(_ number: CInt) -> Bool {
        var byte: UInt8 = 0
        let result = unsafe recv(number, &byte, 1, CInt(MSG_PEEK) | CInt(MSG_DONTWAIT))
        return result < 0 && errno == EAGAIN
    }

    /// Reads into a buffer's end, at most `count` bytes.
    package static func receive(_ number: CInt, upTo count: Int, into buffer: inout [UInt8]) -> IOResult {
        unsafe withUnsafeTemporaryAllocation(byteCount: count, alignment: 16) { room in
            let received = unsafe recv(number, room.baseAddress, count, 0)
            let result = IOResult(received)
            // The buffer has no room that it does not need: thousands of them may wait for more.
            if received > 0 { unsafe buffer.append(contentsOf: room.prefix(received)) }
            return result
        }
    }

    /// Reads into memory.
    package static func receive(_ number: CInt, into room: UnsafeMutableRawBufferPointer) -> IOResult {
        unsafe IOResult(recv(number, room.baseAddress, room.count, 0))
    }

    /// Writes from memory as much as there is room for.
    package static func send(_ number: CInt, _ bytes: UnsafeRawBufferPointer) -> IOResult {
        unsafe IOResult(Glibc.send(number, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL)))
    }

    /// Writes as much as there is room for.
    package static func send(_ number: CInt, _ bytes: ArraySlice<UInt8>) -> IOResult {
        IOResult(
            unsafe bytes.withUnsafeBytes {
                unsafe Glibc.send(number, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
        )
    }

    /// Tells the other side that nothing more comes, `shutdown(2)`.
    package static func endOutput(_ number: CInt) { _ = shutdown(number, CInt(SHUT_WR)) }

    /// Lets the close of it tell the other side that something went wrong: a reset.
    package static func resetOnClose(_ number: CInt) {
        var choice = linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(number, SOL_SOCKET, SO_LINGER, &choice, socklen_t(MemoryLayout<linger>.size))
    }

    private static func set(_ number: CInt, _ level: CInt, _ option: CInt, _ value: CInt) {
        var value = value
        _ = unsafe setsockopt(number, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
    }

    private static func withAddress(
        _ address: SocketAddress,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) -> CInt {
        func pass<T>(_ value: T) -> CInt {
            var value = value
            return unsafe withUnsafePointer(to: &value) {
                unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe body($0, socklen_t(MemoryLayout<T>.size))
                }
            }
        }
        guard let ipv4 = address.ipv4 else { return pass(address.sockaddr6) }
        var short = sockaddr_in()
        short.sin_family = sa_family_t(AF_INET)
        short.sin_port = address.port.bigEndian
        short.sin_addr.s_addr = ipv4.bigEndian
        return pass(short)
    }

    private static func address(_ call: (UnsafeMutablePointer<sockaddr>, inout socklen_t) -> CInt)
        -> SocketAddress?
    {
        var storage = sockaddr_in6()
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let result = unsafe withUnsafeMutablePointer(to: &storage) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe call($0, &size) }
        }
        guard result == 0 else { return nil }
        if storage.sin6_family == sa_family_t(AF_INET6) {
            return SocketAddress(storage.sin6_addr, bigEndianPort: storage.sin6_port)
        }
        guard storage.sin6_family == sa_family_t(AF_INET) else { return nil }
        // The address of IPv4 lies where that of IPv6 has its flow label.
        return SocketAddress(
            ipv4: UInt32(bigEndian: storage.sin6_flowinfo),
            port: UInt16(bigEndian: storage.sin6_port)
        )
    }
}

/// Calls on UDP sockets that are told which address each datagram was sent to.
package enum DatagramSocket {
    /// A datagram, from whom, and to which address (its port is 0).
    package struct Datagram: Sendable {
        /// What was sent.
        package var bytes: [UInt8]
        /// By whom.
        package var sender: SocketAddress
        /// To which address.
        package var target: SocketAddress
    }

    /// The next one of at most `limit` bytes; nil when none waits.
    ///
    /// Longer ones are dropped, some at a time.
    package static func receive(_ number: CInt, limit: Int = 1500) -> Datagram? {
        var from = sockaddr_in6()
        var to = in6_addr()
        for _ in 0..<64 {
            var count = 0
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, filled in
                guard let base = buffer.baseAddress else { return }
                count = unsafe clinux_receive_datagram(number, base, limit, &from, &to)
                filled = max(0, count)
            }
            if count >= 0 {
                return Datagram(
                    bytes: bytes,
                    sender: SocketAddress(from.sin6_addr, bigEndianPort: from.sin6_port),
                    target: SocketAddress(to, bigEndianPort: 0)
                )
            }
            if errno == EAGAIN { return nil }
            // An error of an earlier answer, or one that was too long.
            if errno != EMSGSIZE && errno != EINTR && errno != ECONNREFUSED { return nil }
        }
        return nil
    }

    /// Sends an answer from the address that was asked; one that does not go out is lost, as datagrams are.
    package static func answer(_ number: CInt, _ question: Datagram, _ bytes: [UInt8]) {
        var to = question.sender.sockaddr6
        var from = question.target.in6
        unsafe bytes.withUnsafeBytes {
            guard let base = $0.baseAddress else { return }
            _ = unsafe clinux_send_datagram(number, base, $0.count, &to, &from)
        }
    }
}

/// Moves bytes through a pipe without copying them into this process's memory.
///
/// See `splice(2)`.
package enum Splice {
    /// From a socket into a pipe.
    package static func move(from: CInt, to: CInt, upTo count: Int) -> IOResult {
        IOResult(clinux_splice(from, to, count))
    }

    /// Makes a pipe hold more or less; what the user may have in pipes altogether bounds it (`pipe(7)`).
    package static func resize(_ pipe: borrowing Pipe, to bytes: Int) -> Bool {
        clinux_set_pipe_size(pipe.writeEnd.number, CInt(bytes)) >= 0
    }
}

/// How many descriptors this process may have.
///
/// See `RLIMIT_NOFILE` in `getrlimit(2)`.
package enum OpenFiles {
    /// The limits that it was started with; programs in a sandbox are given a part of these.
    package static let initial: (soft: UInt64, hard: UInt64) = {
        var limit = rlimit()
        // It fails for unknown resources only.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return (1024, 1024)
        }
        return (UInt64(limit.rlim_cur), UInt64(limit.rlim_max))
    }()

    /// Takes as many as there may be, and tells how many, of those that make sense.
    package static func raise() -> Int {
        var limit = rlimit(rlim_cur: rlim_t(initial.hard), rlim_max: rlim_t(initial.hard))
        let isRaised = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
        return Int(min(isRaised ? initial.hard : initial.soft, 1 << 17))
    }
}
