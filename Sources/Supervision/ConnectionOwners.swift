// Which program made a connection, for the audit log: the kernel tells the socket, and the sandbox's /proc whose it is. An
// agent decides how long that takes, so it may take two milliseconds of each hundred; of a connection that comes when
// these are used up, the record lacks it.

internal import LinuxSystem
internal import ResourceUsage

/// Finds the programs behind connections.
final class ConnectionOwners {
    /// The ends of a connection, as the supervisor's socket has them.
    struct Ends {
        let id: UInt64
        let program: SocketAddress
        let target: SocketAddress
        /// When it is to be looked for, in milliseconds of the monotonic clock.
        let due: Int64
    }

    private let sockets: SocketDiagnosis
    private let process: Int32
    /// There from the first look on: most agents are idle, and it takes memory.
    private var processes: SocketOwners?
    /// Microseconds that may be used now.
    private var left = ConnectionOwners.most
    private var lastTime = MonotonicClock.microseconds
    /// Those that are to be looked for.
    private var waiting: [Ends] = []
    private var known: [UInt64: SocketOwner] = [:]

    private static let most: Int64 = 2000
    /// One of so many microseconds is its own.
    private static let share: Int64 = 50
    private static let mostWaiting = 256
    private static let mostKnown = 16384
    /// After so many milliseconds a connection has said its first words, and nobody waits for us.
    private static let delay: Int64 = 10

    init(_ sockets: FileDescriptor.Shared, ofInit pid: Int32) {
        self.sockets = SocketDiagnosis(sockets)
        process = pid
    }

    /// When `look` has something to do; nil for never.
    var nextLook: Int64? { waiting.first?.due }

    /// Notes a connection that was made.
    func began(_ id: UInt64, _ socket: CInt) {
        guard waiting.count < Self.mostWaiting, let ends = ends(id, socket) else { return }
        waiting.append(ends)
    }

    /// Looks for those whose time has come.
    func look(_ now: Int64) {
        while let first = waiting.first, first.due <= now {
            waiting.removeFirst()
            guard let owner = find(first) else { continue }
            // Not every connection that is refused in its middle has an end of its own.
            if known.count >= Self.mostKnown { known = [:] }
            known[first.id] = owner
        }
    }

    /// Who made a connection that is over; it is forgotten.
    func ended(_ id: UInt64) -> SocketOwner? {
        if let owner = known.removeValue(forKey: id) { return owner }
        guard let index = waiting.firstIndex(where: { $0.id == id }) else { return nil }
        return find(waiting.remove(at: index))
    }

    /// Who makes a connection that is not to be.
    func owner(_ id: UInt64, _ socket: CInt) -> SocketOwner? {
        known[id] ?? ends(id, socket).flatMap { find($0) }
    }

    private func ends(_ id: UInt64, _ socket: CInt) -> Ends? {
        guard let program = StreamSocket.remoteAddress(socket), let target = StreamSocket.localAddress(socket)
        else { return nil }
        return Ends(id: id, program: program, target: target, due: MonotonicClock.milliseconds + Self.delay)
    }

    private func find(_ ends: Ends) -> SocketOwner? {
        let began = MonotonicClock.microseconds
        left = min(Self.most, left + (began - lastTime) / Self.share)
        lastTime = began
        guard left > 0 else { return nil }
        defer {
            lastTime = MonotonicClock.microseconds
            left -= lastTime - began
        }
        guard let inode = sockets.inode(local: ends.program, remote: ends.target) else { return nil }
        // A sandbox that is gone has no processes.
        if processes == nil { processes = try? SocketOwners(ofInit: process) }
        return processes?.owner(of: inode, until: began + left)
    }
}
