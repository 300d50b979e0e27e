// The set that a gateway waits on.

package import LinuxSystem
package import NetworkRelay

/// A loop of sockets and times, on one thread.
package final class GatewayLoop: SocketLoop {
    private let epoll: Epoll
    private var watchers: [UInt64: any Watcher] = [:]
    private var nextWatcher: UInt64 = 0
    private var timers = TimerQueue()
    /// Those that have more to do than one turn allows.
    private var unfinished: [UInt64] = []

    /// An empty one.
    package init() throws(SystemError) { epoll = try Epoll() }

    /// Whether a connection that is being made has but one socket for it: never, each has one program behind it.
    package var isCrowded: Bool { false }

    /// Whether this machine has an IPv6 address that others may know.
    package var reachesIPv6: Bool {
        StreamSocket.interfaceAddresses().contains { address in
            address.ipv4 == nil && !(address.high == 0 && address.low == 1) && address.high >> 54 != 0x3fa
        }
    }

    /// Waits for something to do, and does it.
    ///
    /// - Parameter longest: milliseconds that are waited at most; nil for as long as it takes.
    package func turn(longest: Int64? = nil) throws(SystemError) {
        let now = MonotonicClock.milliseconds
        var wait = longest
        if let next = timers.next { wait = min(wait ?? .max, max(0, next - now)) }
        if !unfinished.isEmpty { wait = 0 }
        for event in try epoll.wait(milliseconds: wait.map { Int32(clamping: $0) }) {
            watchers[event.token >> 8]?.ready(Int(event.token & 0xff), event)
        }
        let time = MonotonicClock.milliseconds
        while let id = timers.take(time) { watchers[id]?.timeUp() }
        let waiting = unfinished
        unfinished = []
        for id in waiting { (watchers[id] as? any Continuing)?.goOn() }
    }

    /// Has somebody go on after the others had their turn.
    func later(_ id: UInt64) { unfinished.append(id) }

    /// See `SocketLoop.register`.
    package func register(_ watcher: any Watcher) -> UInt64 {
        nextWatcher += 1
        watchers[nextWatcher] = watcher
        return nextWatcher
    }

    /// See `SocketLoop.unregister`.
    package func unregister(_ id: UInt64) { watchers[id] = nil }

    /// See `SocketLoop.watch`.
    @discardableResult
    package func watch(
        _ number: CInt,
        _ id: UInt64,
        _ side: Int,
        readable: Bool,
        writable: Bool,
        edge: Bool
    ) -> Bool {
        let token = id << 8 | UInt64(side)
        do throws(SystemError) {
            try epoll.add(number, token: token, readable: readable, writable: writable, edge: edge)
            return true
        } catch { return false }
    }

    /// See `SocketLoop.change`.
    package func change(_ number: CInt, _ id: UInt64, _ side: Int, readable: Bool, writable: Bool) {
        // The set has this descriptor; changing what it waits for cannot fail.
        try? epoll.modify(number, token: id << 8 | UInt64(side), readable: readable, writable: writable)
    }

    /// See `SocketLoop.forget`.
    package func forget(_ number: CInt) { epoll.remove(number) }

    /// See `SocketLoop.wake`.
    package func wake(_ id: UInt64, at time: Int64) {
        timers.add(time, id)
        if timers.count > 4096 + 4 * watchers.count { timers.keep { watchers[$0] != nil } }
    }
}

/// Who can have more to do than one turn allows.
protocol Continuing: Watcher {
    /// Does more of it.
    func goOn()
}

/// A descriptor in the set, watched for exactly what is wanted; not at all where that is nothing, since a hang-up would be
/// told again and again.
struct Watched {
    private(set) var number: CInt
    private let side: Int
    private var state = (readable: false, writable: false)

    init(_ number: CInt, side: Int) { (self.number, self.side) = (number, side) }

    mutating func want(_ readable: Bool, _ writable: Bool, of id: UInt64, in loop: GatewayLoop) {
        let was = state.readable || state.writable
        let isWanted = readable || writable
        if state == (readable, writable) { return }
        state = (readable, writable)
        if was && isWanted {
            loop.change(number, id, side, readable: readable, writable: writable)
        } else if was {
            loop.forget(number)
        } else {
            loop.watch(number, id, side, readable: readable, writable: writable)
        }
    }
}
