// Unix sockets of type SOCK_SEQPACKET: messages keep their borders and can carry descriptors. The control
// socket of a sandbox and the agent's socket on the host are both of this kind; those of the host's logs take datagrams.

internal import CLinux
internal import Glibc

/// A message and the descriptors that came with it.
package struct ReceivedMessage: ~Copyable {
    /// The message; empty when the other end is closed.
    package let bytes: [UInt8]
    /// The descriptors, in the order they were sent; closed with the message unless taken.
    package var descriptors: DescriptorList
}

/// Received descriptors, closed unless taken.
package struct DescriptorList: ~Copyable {
    private var numbers: [CInt]

    init(_ numbers: [CInt]) { self.numbers = numbers }

    deinit { for number in numbers { _ = Glibc.close(number) } }

    /// How many are left.
    package var count: Int { numbers.count }

    /// Takes the first that is left.
    package mutating func takeFirst() -> FileDescriptor? {
        numbers.isEmpty ? nil : FileDescriptor(owning: numbers.removeFirst())
    }
}

/// Calls on sockets.
package enum UnixSocket {
    /// Two connected ends.
    package struct Pair: ~Copyable {
        /// The end that stays here.
        package var near: FileDescriptor
        /// The end for a child.
        package var far: FileDescriptor

        /// Closes the far end, which a child has inherited, and gives the near one.
        package consuming func closingFar() -> FileDescriptor { near }
    }

    /// The most descriptors that a message can carry.
    package static let descriptorLimit = Int(CLINUX_MAX_DESCRIPTORS)
    /// The largest message that is sent or received.
    package static let messageLimit = Int(CLINUX_MESSAGE_LIMIT)

    /// Two connected ends, `socketpair(2)`.
    package static func pair() throws(SystemError) -> Pair {
        var ends: [CInt] = [-1, -1]
        let type = CInt(SOCK_SEQPACKET.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        try check("socketpair") { unsafe socketpair(AF_UNIX, type, 0, &ends) }
        return Pair(near: FileDescriptor(owning: ends[0]), far: FileDescriptor(owning: ends[1]))
    }

    /// Listens at a name in a directory.
    ///
    /// The directory is named by descriptor, so that the length of its path does not matter (`sun_path` holds
    /// 108 bytes). The file has mode 0600 from its first moment, whatever the umask.
    package static func listen(in directory: borrowing FileDescriptor, name: String) throws(SystemError)
        -> FileDescriptor
    {
        let socket = try make()
        let unbound = socket.number
        try check("fchmod") { fchmod(unbound, 0o600) }
        try unsafe withAddress(directory, name) { (address, size) in
            unsafe bind(socket.number, address, size)
        }
        let number = socket.number
        try check("listen") { Glibc.listen(number, 64) }
        try socket.setNonBlocking()
        return socket
    }

    /// Connects to a name in a directory.
    ///
    /// Without waiting, a listener whose queue is full gives `EAGAIN`, and the socket is non-blocking.
    package static func connect(
        in directory: borrowing FileDescriptor,
        name: String,
        wait: Bool = true
    ) throws(SystemError) -> FileDescriptor {
        let socket = try make()
        if !wait { try socket.setNonBlocking() }
        try unsafe withAddress(directory, name) { (address, size) in
            unsafe Glibc.connect(socket.number, address, size)
        }
        return socket
    }

    /// The next connection, non-blocking; nil when none waits.
    package static func accept(_ listener: borrowing FileDescriptor) throws(SystemError) -> FileDescriptor? {
        let number = listener.number
        do {
            return FileDescriptor(owning: try check("accept4") { clinux_accept(number) })
        } catch  where error.errno == .wouldBlock || error.errno.number == ECONNABORTED {
            return nil
        }
    }

    /// User id of the process at the other end, `SO_PEERCRED`.
    package static func peerUser(_ socket: borrowing FileDescriptor) throws(SystemError) -> UInt32 {
        let number = socket.number
        var pid: pid_t = 0
        var user: uid_t = 0
        try check("getsockopt") { unsafe clinux_peer_credentials(number, &pid, &user) }
        return user
    }

    /// The process at the other end as a descriptor that is readable once it has ended; nil when it has already.
    package static func peerProcess(_ socket: borrowing FileDescriptor) throws(SystemError) -> FileDescriptor?
    {
        let number = socket.number
        var pid: pid_t = 0
        var user: uid_t = 0
        try check("getsockopt") { unsafe clinux_peer_credentials(number, &pid, &user) }
        let process = clinux_pidfd_open(pid)
        return process < 0 ? nil : FileDescriptor(owning: process)
    }

    /// Sends one message; false when it would block.
    @discardableResult
    package static func send(
        _ socket: borrowing FileDescriptor,
        _ bytes: [UInt8],
        descriptors: [CInt] = [],
        wait: Bool = true
    ) throws(SystemError) -> Bool {
        let number = socket.number
        let flags = wait ? 0 : CInt(MSG_DONTWAIT)
        do {
            try check("sendmsg") {
                unsafe clinux_send(number, bytes, bytes.count, descriptors, descriptors.count, flags)
            }
            return true
        } catch  where error.errno == .wouldBlock && !wait {
            return false
        }
    }

    /// Receives one message; nil when it would block.
    ///
    /// An empty one means that the other end is closed.
    ///
    /// - Parameter room: for how many descriptors; a message with more is an error.
    package static func receive(
        _ socket: borrowing FileDescriptor,
        wait: Bool = true,
        room: Int = 8
    ) throws(SystemError) -> ReceivedMessage? {
        let number = socket.number
        var descriptors = [CInt](repeating: -1, count: room)
        var count = descriptors.count
        var truncated: CInt = 0
        var failure: SystemError?
        let flags = wait ? 0 : CInt(MSG_DONTWAIT)
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: messageLimit) { buffer, filled in
            filled = 0
            guard let base = buffer.baseAddress else { return }
            do throws(SystemError) {
                filled = try check("recvmsg") {
                    unsafe clinux_receive(
                        number,
                        base,
                        messageLimit,
                        &descriptors,
                        &count,
                        &truncated,
                        flags
                    )
                }
            } catch { failure = error }
        }
        if let failure {
            if failure.errno == .wouldBlock { return nil }
            if failure.errno.number == ECONNRESET {
                return ReceivedMessage(bytes: [], descriptors: DescriptorList([]))
            }
            throw failure
        }
        let list = DescriptorList(Array(descriptors[..<count]))
        if truncated != 0 { throw SystemError("recvmsg", Errno(EMSGSIZE)) }
        return ReceivedMessage(bytes: bytes, descriptors: list)
    }

    /// A non-blocking datagram socket whose messages go to the one at a path.
    package static func connectDatagram(_ path: String) throws(SystemError) -> FileDescriptor {
        let directory = try Files.open(path.parentPath, Files.placeOnly | O_DIRECTORY)
        let socket = try make(SOCK_DGRAM)
        try socket.setNonBlocking()
        try unsafe withAddress(directory, path.lastComponent) { (address, size) in
            unsafe Glibc.connect(socket.number, address, size)
        }
        return socket
    }

    private static func make(_ kind: __socket_type = SOCK_SEQPACKET) throws(SystemError) -> FileDescriptor {
        let type = CInt(kind.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        return FileDescriptor(owning: try check("socket") { socket(AF_UNIX, type, 0) })
    }

    private static func withAddress(
        _ directory: borrowing FileDescriptor,
        _ name: String,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) throws(SystemError) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = Array("/proc/self/fd/\(directory.number)/\(name)".utf8)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { buffer in
            for (index, byte) in path.prefix(buffer.count - 1).enumerated() { unsafe buffer[index] = byte }
        }
        try check("socket", name) {
            unsafe withUnsafePointer(to: &address) {
                unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
    }
}
