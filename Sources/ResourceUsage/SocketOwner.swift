// Which process of a sandbox has a socket open: by the links of `/proc/PID/fd`, as far as a little time allows. For the
// records of connections.

internal import Glibc
package import LinuxSystem

/// A process that has a socket open.
package struct SocketOwner: Equatable, Sendable {
    /// Its id inside.
    package let pid: Int32
    /// What it calls itself; the agent chooses that.
    package let program: String

    /// A process of that id and name.
    package init(pid: Int32, program: String) { (self.pid, self.program) = (pid, program) }

    init(_ pid: Int32, _ table: inout ProcessTable) {
        let name = table.read(pid, "comm") ?? []
        self.init(
            pid: pid,
            program: String(decoding: name.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        )
    }
}

/// Looks for owners of sockets.
package struct SocketOwners: ~Copyable {
    private var table: ProcessTable
    private var links = SocketLinks()
    /// Who had the last one, and under which number: programs that make connections make several.
    private var last: (owner: SocketOwner, number: Int32)?

    /// Beside the last one's number, so many are tried first.
    private static let near: Int32 = 8
    /// So many processes and descriptors are looked at between two looks at the clock.
    private static let step = 32

    /// In the sandbox whose init has this process id here.
    package init(ofInit pid: Int32) throws(SystemError) { table = try ProcessTable(ofInit: pid) }

    /// A process that has the socket open; nil when none is found before the clock (`MonotonicClock.microseconds`) is at
    /// `deadline`.
    package mutating func owner(of inode: UInt64, until deadline: Int64) -> SocketOwner? {
        if let last, let found = nearby(inode, last) { return found }
        var count = 0
        table.rewind()
        func isLate() -> Bool {
            count += 1
            return count % Self.step == 0 && MonotonicClock.microseconds >= deadline
        }
        while let pid = table.next() {
            if isLate() { return nil }
            guard let descriptors = table.descriptors(pid) else { continue }
            while let number = descriptors.nextNumber() {
                if isLate() { return nil }
                guard links.socket(descriptors.number, number) == inode else { continue }
                let owner = SocketOwner(pid, &table)
                last = (owner, number)
                return owner
            }
        }
        return nil
    }

    /// Looks at the descriptors next to that of the last socket.
    private mutating func nearby(_ inode: UInt64, _ last: (owner: SocketOwner, number: Int32)) -> SocketOwner?
    {
        guard let descriptors = table.openFile(last.owner.pid, "fd") else { return nil }
        for distance in 0...Self.near {
            for number in [last.number + distance, last.number - distance]
            where number >= 0 && links.socket(descriptors.number, number) == inode {
                // It may have executed another program since.
                let owner = SocketOwner(last.owner.pid, &table)
                self.last = (owner, number)
                return owner
            }
        }
        return nil
    }
}

/// Reads links of `/proc/PID/fd`, into one buffer.
struct SocketLinks {
    private var link = [CChar](repeating: 0, count: 32)
    private static let head = "socket:[".utf8.map { CChar(bitPattern: $0) }

    /// The inode of the socket that a descriptor of the listed process is; nil when it is something else.
    mutating func socket(_ listing: CInt, _ number: Int32) -> UInt64? {
        let length = unsafe readlinkat(listing, String(number), &link, link.count)
        guard length > Self.head.count + 1, length < link.count, link[length - 1] == 0x5d,
            link.starts(with: Self.head)
        else { return nil }
        var inode: UInt64 = 0
        for digit in link[Self.head.count..<length - 1] {
            guard (48...57).contains(digit), inode < .max / 20 else { return nil }
            inode = inode * 10 + UInt64(digit - 48)
        }
        return inode
    }
}
