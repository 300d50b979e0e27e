// Connections to the agent's socket, and the programs they start. Called from the loop;
// Supervisor+Requests.swift answers what they ask. A connection that fails is dropped and never ends the
// agent.

internal import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import SandboxRuntime

extension Supervisor {
    /// Takes in the connections that wait.
    func acceptViewers() throws(SystemError) {
        while let socket = try UnixSocket.accept(listener) {
            // Only the same user, or root, may speak to an agent.
            guard let user = try? UnixSocket.peerUser(socket), user == CurrentUser.id || user == 0 else {
                continue
            }
            let token = makeToken()
            let viewer = Viewer(socket, of: user, token: token)
            viewers[token] = viewer
            try epoll.add(viewer.socket.number, token: token)
        }
    }

    /// Sends what waited for room, takes what came in.
    func handle(_ viewer: Viewer, _ event: Readiness) throws(ClocheError) {
        if event.writable, !viewer.flush() { return drop(viewer) }
        if event.readable || event.hangup { try receive(from: viewer) }
        updateInterest(viewer)
    }

    private func receive(from viewer: Viewer) throws(ClocheError) {
        do throws(SystemError) {
            guard var received = try UnixSocket.receive(viewer.socket, wait: false) else { return }
            guard let message = ControlMessage(received.bytes) else { return drop(viewer) }
            var stdio: [FileDescriptor.Shared] = []
            while let one = received.descriptors.takeFirst() { stdio.append(FileDescriptor.Shared(one)) }
            try answer(viewer, message, stdio)
        } catch { drop(viewer) }
    }

    /// Watches for room only while something waits for it.
    func updateInterest(_ viewer: Viewer) {
        guard viewers[viewer.token] != nil else { return }
        // The set has this descriptor; changing what it waits for cannot fail.
        try? epoll.modify(
            viewer.socket.number,
            token: viewer.token,
            readable: true,
            writable: viewer.isWaiting
        )
    }

    /// Forgets a viewer.
    ///
    /// A program it started gets a hangup, as a closed terminal gives.
    func drop(_ viewer: Viewer) {
        guard viewers.removeValue(forKey: viewer.token) != nil else { return }
        epoll.remove(viewer.socket.number)
        if case .executing(let id) = viewer.role { signalProgram(id, SIGHUP) }
        if let id = viewer.attachment?.program { signalProgram(id, SIGHUP) }
        recordDetach(viewer)
    }

    /// Starts a program for a viewer; false if there is no sandbox now.
    func spawnProgram(_ id: UInt32, _ spec: ProcessSpec, stdio: [CInt]?, size: TerminalSize)
        throws(ClocheError) -> Bool
    {
        guard sandbox != nil else { return false }
        try sandbox?.spawn(SpawnRequest(id, spec, stdio: stdio, size: size))
        return true
    }

    /// Signals a program's process group.
    func signalProgram(_ id: UInt32, _ number: Int32) {
        // Init gone means that there is nothing left to signal.
        try? sandbox?.signal(id, number)
    }
}
