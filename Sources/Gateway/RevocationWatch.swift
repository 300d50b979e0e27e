// Whoever revokes a login marks its file, and tells the gateways that it knows; the one of a `cloche run` is known to nobody,
// and sees the mark by itself.

internal import LinuxSystem
internal import NetworkRelay

/// Looks for marks about once a second while there is something under way that they would end.
final class RevocationWatch: Watcher {
    private unowned let loop: GatewayLoop
    /// Looks; tells whether there is still something under way.
    private let look: () -> Bool
    private var id: UInt64 = 0
    private var isWaiting = false

    private static let pause: Int64 = 1000

    init(_ loop: GatewayLoop, _ look: @escaping () -> Bool) {
        (self.loop, self.look) = (loop, look)
        id = loop.register(self)
    }

    /// Something is under way.
    func begin() {
        if isWaiting { return }
        isWaiting = true
        loop.wake(id, at: MonotonicClock.milliseconds + Self.pause)
    }

    func ready(_ side: Int, _ event: Readiness) {}

    func timeUp() {
        isWaiting = false
        if look() { begin() }
    }
}
