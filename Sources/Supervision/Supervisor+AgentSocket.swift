// The agent's own socket in the supervisor's loop.

internal import LinuxSystem

extension Supervisor {
    /// When the socket is to be listened to again, in milliseconds of the monotonic clock.
    var nextAgentRequest: Int64? { agentSocket?.pausedUntil.flatMap { $0 == .max ? nil : $0 } }

    /// A program of the agent's asks for something.
    func serveAgentRequest() {
        agentSocket?.serve(at: MonotonicClock.milliseconds)
        if agentSocket?.pausedUntil != nil { listenToAgent(false) }
    }

    /// Listens again when there is room.
    func resumeAgentRequests() {
        if agentSocket?.resumes(at: MonotonicClock.milliseconds) == true { listenToAgent(true) }
    }

    private func listenToAgent(_ isRead: Bool) {
        guard let socket = agentSocket else { return }
        // It is in the set from the beginning to the end.
        try? epoll.modify(
            socket.listener.number,
            token: Token.agentSocket,
            readable: isRead,
            writable: false
        )
    }
}
