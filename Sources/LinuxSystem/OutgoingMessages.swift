// Messages to another process that may be busy: what it does not take at once waits here, since two processes that each
// wait for the other to read would wait for ever.

/// What waits to be sent over a socket that keeps messages whole.
package struct OutgoingMessages {
    private var waiting: [(bytes: [UInt8], descriptor: FileDescriptor.Shared?)] = []
    private var first = 0

    /// None.
    package init() {}

    /// How many wait: the socket is to be watched for room.
    package var count: Int { waiting.count - first }

    /// Sends a message, or keeps it until `flush`; a descriptor goes along.
    ///
    /// - Throws: that the other end is gone.
    package mutating func send(
        _ bytes: [UInt8],
        _ descriptor: FileDescriptor.Shared? = nil,
        to socket: FileDescriptor.Shared
    ) throws(SystemError) {
        waiting.append((bytes, descriptor))
        try flush(to: socket)
    }

    /// Sends what the other end takes.
    ///
    /// - Throws: that it is gone.
    package mutating func flush(to socket: FileDescriptor.Shared) throws(SystemError) {
        while first < waiting.count {
            let (bytes, descriptor) = waiting[first]
            let numbers = descriptor.map { [$0.number] } ?? []
            guard try socket.sendMessage(bytes, descriptors: numbers) else { break }
            waiting[first] = ([], nil)
            first += 1
        }
        if first == waiting.count {
            waiting.removeAll(keepingCapacity: waiting.capacity < 1024)
            first = 0
        } else if first > 1024 {
            waiting.removeFirst(first)
            first = 0
        }
    }
}
