// What in a sandbox waits for connections: the kernel's table of TCP sockets, and the processes that hold them, seen
// from outside. For `cloche ports`; it takes as long as the agent has processes and descriptors, so no supervisor
// does it.

package import LinuxSystem

/// A TCP socket that waits for connections.
package struct ListeningSocket: Equatable, Sendable {
    /// Where it listens.
    package let address: SocketAddress
    /// Its number in the kernel.
    package let inode: UInt64
    /// Those that have it, the first one first; empty where that cannot be seen.
    package fileprivate(set) var owners: [SocketOwner] = []

    /// All of the network and the processes of a sandbox whose init has this process id here, by port.
    ///
    /// - Throws: when the sandbox is gone.
    package static func all(ofInit pid: Int32) throws(SystemError) -> [ListeningSocket] {
        let process = try ProcessFiles(of: pid)
        var sockets = SocketTable.listening(try process.read("net/tcp"))
        // A kernel without IPv6 has no such table.
        if let six = try? process.read("net/tcp6") { sockets += SocketTable.listening(six) }
        var table = try ProcessTable(ofInit: pid)
        let owners = SocketTable.owners(of: Set(sockets.map(\.inode)), &table)
        for index in sockets.indices { sockets[index].owners = owners[sockets[index].inode] ?? [] }
        return sockets.sorted {
            ($0.address.port, $0.address.high, $0.address.low) < (
                $1.address.port, $1.address.high, $1.address.low
            )
        }
    }
}

/// The texts of `/proc/PID/net/tcp` and `tcp6`, and the links of `/proc/PID/fd`.
enum SocketTable {
    /// TCP_LISTEN as the kernel writes it.
    private static let listening = "0A"

    /// The sockets of a table that listen; what is no line of it is passed over.
    static func listening(_ text: [UInt8]) -> [ListeningSocket] {
        text.split(separator: UInt8(ascii: "\n")).dropFirst().compactMap { line in
            let words = line.split(separator: UInt8(ascii: " "), maxSplits: 10).map {
                String(decoding: $0, as: UTF8.self)
            }
            guard words.count >= 10, words[3] == listening, let address = address(words[1]),
                let inode = UInt64(words[9])
            else { return nil }
            return ListeningSocket(address: address, inode: inode)
        }
    }

    /// `0100007F:0BB8`: words of four bytes, each as a number of this machine, in network order.
    static func address(_ text: String) -> SocketAddress? {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let port = UInt16(parts[1], radix: 16) else { return nil }
        let digits = Array(parts[0])
        guard digits.count == 8 || digits.count == 32 else { return nil }
        var words: [UInt32] = []
        for start in stride(from: 0, to: digits.count, by: 8) {
            guard let word = UInt32(String(digits[start..<start + 8]), radix: 16) else { return nil }
            words.append(UInt32(bigEndian: word))
        }
        if words.count == 1 { return SocketAddress(ipv4: words[0], port: port) }
        func pair(_ index: Int) -> UInt64 { UInt64(words[index]) << 32 | UInt64(words[index + 1]) }
        return SocketAddress(high: pair(0), low: pair(2), port: port)
    }

    /// The processes that have these sockets open, by socket.
    static func owners(of inodes: Set<UInt64>, _ table: inout ProcessTable) -> [UInt64: [SocketOwner]] {
        var found: [UInt64: [SocketOwner]] = [:]
        var links = SocketLinks()
        if inodes.isEmpty { return found }
        table.rewind()
        while let pid = table.next() {
            guard let descriptors = table.descriptors(pid) else { continue }
            var held: Set<UInt64> = []
            while let number = descriptors.nextNumber() {
                if let inode = links.socket(descriptors.number, number), inodes.contains(inode) {
                    held.insert(inode)
                }
            }
            if held.isEmpty { continue }
            let owner = SocketOwner(pid, &table)
            for inode in held { found[inode, default: []].append(owner) }
        }
        return found.mapValues { $0.sorted { $0.pid < $1.pid } }
    }
}
