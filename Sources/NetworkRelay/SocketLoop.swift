// What sockets hang on: an epoll set that some object turns. An agent's network is one, and so is a gateway.

package import LinuxSystem

/// Who is told when a descriptor is ready or a time has come.
package protocol Watcher: AnyObject {
    /// One of its descriptors, by the number that it gave it.
    func ready(_ side: Int, _ event: Readiness)
    /// A time that it asked for; it may have asked for several, and not want this one any more.
    func timeUp()
}

/// Who tells them.
package protocol SocketLoop: AnyObject {
    /// Takes somebody in, and gives the id by which it is known.
    func register(_ watcher: any Watcher) -> UInt64
    /// Tells it nothing more.
    func unregister(_ id: UInt64)
    /// Watches a descriptor for somebody; false when there is no memory for it.
    @discardableResult
    func watch(_ number: CInt, _ id: UInt64, _ side: Int, readable: Bool, writable: Bool, edge: Bool) -> Bool
    /// Changes what a descriptor is watched for.
    func change(_ number: CInt, _ id: UInt64, _ side: Int, readable: Bool, writable: Bool)
    /// Watches it no more.
    func forget(_ number: CInt)
    /// Tells somebody when a time has come, in milliseconds of the monotonic clock.
    func wake(_ id: UInt64, at time: Int64)
    /// Whether this machine has an IPv6 address that others may know.
    var reachesIPv6: Bool { get }
    /// Whether a connection that is being made has but one socket for it.
    var isCrowded: Bool { get }
}

extension SocketLoop {
    /// As with `edge: false`.
    @discardableResult
    package func watch(_ number: CInt, _ id: UInt64, _ side: Int, readable: Bool, writable: Bool) -> Bool {
        watch(number, id, side, readable: readable, writable: writable, edge: false)
    }
}
