// Keys on their way to a gateway, through a pipe that a supervisor hands over unread: for each the service's name, the
// length, and the bytes.

package import LinuxSystem

/// Keys by the names of their services.
package enum GatewayKeys {
    /// What all of them have together at most: a pipe takes so much without anybody reading.
    package static let limit = 32 << 10

    /// A pipe's end from which these are read; nil when they are too long.
    package static func pipe(_ keys: [(service: String, key: Secret)]) throws(SystemError)
        -> FileDescriptor.Shared?
    {
        let ends = try Pipe().shared()
        return try write(keys, to: ends.write) ? ends.read : nil
    }

    /// Puts keys into a pipe; false when they are too long, and nothing was written.
    static func write(_ keys: [(service: String, key: Secret)], to pipe: FileDescriptor.Shared)
        throws(SystemError) -> Bool
    {
        let size = keys.reduce(0) { $0 + $1.key.count + $1.service.utf8.count + 16 }
        guard size <= limit else { return false }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        for (service, key) in keys {
            bytes.append(contentsOf: "\(service)\0\(key.count)\0".utf8)
            unsafe key.withBytes { unsafe bytes.append(contentsOf: $0) }
        }
        defer { bytes.wipe() }
        try pipe.write(bytes)
        return true
    }

    /// Reads the keys to the end of the pipe; nil if they are none.
    static func read(_ pipe: FileDescriptor.Shared) throws(SystemError) -> [String: Secret]? {
        let all = try unsafe Secret(capacity: limit) { room throws(SystemError) in
            var count = 0
            while count < room.count {
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: room[count...])
                let more = try unsafe pipe.read(into: rest)
                if more == 0 { break }
                count += more
            }
            return count
        }
        var found: [String: Secret] = [:]
        let isWhole = try unsafe all.withBytes { bytes throws(SystemError) -> Bool in
            var position = 0
            func word() -> String? {
                guard let end = unsafe bytes[position...].firstIndex(of: 0) else { return nil }
                defer { position = end + 1 }
                return unsafe String(decoding: bytes[position..<end], as: UTF8.self)
            }
            while position < bytes.count {
                guard let name = word(), let length = word().flatMap({ Int($0) }), length >= 0,
                    length <= bytes.count - position
                else { return false }
                let key = unsafe UnsafeRawBufferPointer(rebasing: bytes[position..<(position + length)])
                found[name] = try unsafe Secret(key)
                position += length
            }
            return true
        }
        return isWhole ? found : nil
    }
}
