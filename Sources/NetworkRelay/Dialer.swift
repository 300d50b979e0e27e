// Making the connection on the host: one address after the other, the next one a quarter of a second after the last if
// that has not answered (RFC 8305), and the first that answers wins.

package import LinuxSystem

/// Connects to one of several addresses.
package final class Dialer: Watcher {
    private unowned let network: any SocketLoop
    private var addresses: ArraySlice<SocketAddress>
    private var attempts: [(socket: FileDescriptor.Shared, address: SocketAddress)?] = []
    private var completion: ((Result<(FileDescriptor.Shared, SocketAddress), SystemError>) -> Void)?
    private var lastError = SystemError("connect", Errno.hostUnreachable)
    private var nextStart: Int64 = 0
    private let end: Int64
    private var id: UInt64 = 0

    /// Whether its end was told.
    package var isFinished: Bool { completion == nil }

    private static let headStart: Int64 = 250
    /// So many are tried at once; of more, the one that has been silent longest is given up.
    private var mostAttempts: Int { network.isCrowded ? 1 : 3 }
    private static let patience: Int64 = 10_000

    /// Begins; `completion` is called once, perhaps before this returns.
    package init(
        _ network: any SocketLoop,
        _ addresses: [SocketAddress],
        _ completion: @escaping (Result<(FileDescriptor.Shared, SocketAddress), SystemError>) -> Void
    ) {
        self.network = network
        self.addresses = addresses[...]
        self.completion = completion
        end = MonotonicClock.milliseconds + Self.patience
        id = network.register(self)
        startNext()
    }

    private func startNext() {
        while let address = addresses.popFirst() {
            do throws(SystemError) {
                let socket = FileDescriptor.Shared(try StreamSocket.make(isIPv4: address.ipv4 != nil))
                try StreamSocket.connect(socket.number, to: address)
                // One on this machine is there at once.
                if StreamSocket.remoteAddress(socket.number) != nil { return succeed(socket, address) }
                let side = attempts.count
                attempts.append((socket, address))
                dropOldest()
                network.watch(socket.number, id, side, readable: false, writable: true)
                nextStart = MonotonicClock.milliseconds + Self.headStart
                network.wake(id, at: addresses.isEmpty ? end : nextStart)
                return
            } catch { lastError = error }
        }
        if !attempts.contains(where: { $0 != nil }) { finish(.failure(lastError)) }
    }

    private func dropOldest() {
        guard attempts.count(where: { $0 != nil }) > mostAttempts,
            let oldest = attempts.firstIndex(where: { $0 != nil })
        else { return }
        if let attempt = attempts[oldest] { network.forget(attempt.socket.number) }
        attempts[oldest] = nil
    }

    /// See `Watcher.ready`.
    package func ready(_ side: Int, _ event: Readiness) {
        guard attempts.indices.contains(side), let (socket, address) = attempts[side] else { return }
        do throws(SystemError) {
            guard try StreamSocket.isConnected(socket.number) else { return }
            network.forget(socket.number)
            attempts[side] = nil
            succeed(socket, address)
        } catch {
            lastError = error
            network.forget(socket.number)
            attempts[side] = nil
            startNext()
        }
    }

    /// See `Watcher.timeUp`.
    package func timeUp() {
        let now = MonotonicClock.milliseconds
        if now >= end {
            finish(.failure(SystemError("connect", Errno.timedOut)))
        } else if now >= nextStart, !addresses.isEmpty {
            startNext()
        }
        if completion != nil { network.wake(id, at: end) }
    }

    private func succeed(_ socket: FileDescriptor.Shared, _ address: SocketAddress) {
        finish(.success((socket, address)))
    }

    private func finish(_ result: Result<(FileDescriptor.Shared, SocketAddress), SystemError>) {
        let completion = self.completion
        cancel()
        completion?(result)
    }

    /// Gives up; nobody is told.
    package func cancel() {
        completion = nil
        for case let attempt? in attempts { network.forget(attempt.socket.number) }
        attempts = []
        network.unregister(id)
    }
}
