// The command's end of the agent's socket.

package import AgentStore
package import ClocheModel
internal import Glibc
package import LinuxSystem

/// A connection to an agent's supervisor.
package struct SupervisorClient: ~Copyable {
    /// Readable when a message waits.
    package let socket: FileDescriptor
    private let name: String

    private init(_ socket: consuming FileDescriptor, _ name: String) {
        self.socket = socket
        self.name = name
    }

    /// Connects; nil when no supervisor lives.
    ///
    /// Without waiting, a supervisor that takes no connections now is an error.
    package static func connect(_ directory: AgentDirectory, wait: Bool = true) throws(ClocheError)
        -> SupervisorClient?
    {
        do throws(SystemError) {
            let folder = try Files.open(directory.path, O_RDONLY | O_DIRECTORY)
            let socket = try UnixSocket.connect(in: folder, name: AgentDirectory.socketName, wait: wait)
            let user = try UnixSocket.peerUser(socket)
            guard user == CurrentUser.id || user == 0 else {
                throw SystemError("connect", .access, "the socket belongs to user \(user)")
            }
            return SupervisorClient(socket, directory.name)
        } catch  where error.errno == .noEntry || error.errno.number == ECONNREFUSED {
            return nil
        } catch {
            throw ClocheError(
                .system,
                "cannot speak to agent \(directory.name)",
                why: error.description,
                remedy: "an agent is only reachable for the user who started it"
            )
        }
    }

    /// Sends a message.
    package borrowing func send(_ message: ControlMessage, descriptors: [CInt] = []) throws(ClocheError) {
        do {
            try UnixSocket.send(socket, message.bytes, descriptors: descriptors)
        } catch  where error.errno.number == EPIPE || error.errno.number == ECONNRESET {
            throw ended
        } catch {
            throw ClocheError(.system, "cannot speak to agent \(name)", why: error.description)
        }
    }

    /// Waits for the next message; nil when the supervisor has gone.
    package borrowing func receive() throws(ClocheError) -> ControlMessage? {
        try receiveWithDescriptor().message
    }

    /// A message and the descriptor that came along.
    package struct Reply: ~Copyable {
        /// The message; nil when the supervisor has gone.
        package let message: ControlMessage?
        /// The first descriptor of the message, if it brought one.
        package var descriptor: FileDescriptor?
    }

    /// As `receive`, with the pty that `started` brings.
    package borrowing func receiveWithDescriptor() throws(ClocheError) -> Reply {
        do {
            guard var received = try UnixSocket.receive(socket) else {
                return Reply(message: nil, descriptor: nil)
            }
            if received.bytes.isEmpty { return Reply(message: nil, descriptor: nil) }
            guard let message = ControlMessage(received.bytes) else {
                throw ClocheError(
                    .system,
                    "cannot understand agent \(name)",
                    why: "its supervisor is of another version of Cloche",
                    remedy: "`cloche stop \(name)` and `cloche resume \(name)`"
                )
            }
            return Reply(message: message, descriptor: received.descriptors.takeFirst())
        } catch let error as ClocheError {
            throw error
        } catch { throw ClocheError(.system, "cannot speak to agent \(name)", why: "\(error)") }
    }

    /// The supervisor's process, readable once it is gone; nil when it is already.
    package borrowing func process() throws(ClocheError) -> FileDescriptor? {
        do {
            return try UnixSocket.peerProcess(socket)
        } catch { throw ClocheError(.system, "cannot speak to agent \(name)", why: error.description) }
    }

    /// Waits until the supervisor's process is gone, at most five seconds after it closed the connection.
    package borrowing func awaitEnd() throws(ClocheError) {
        do {
            let process = try UnixSocket.peerProcess(socket)
            // What it says until then is of no interest here, nor how the connection ends.
            while let message = try? UnixSocket.receive(socket), !message.bytes.isEmpty {}
            guard let process else { return }
            _ = try Poll.wait([Poll.Interest(process.number, readable: true)], milliseconds: 5000)
        } catch { throw ClocheError(.system, "cannot speak to agent \(name)", why: "\(error)") }
    }

    private var ended: ClocheError {
        ClocheError(
            .state,
            "agent \(name) has ended meanwhile",
            why: "its supervisor closed the connection",
            remedy: "`cloche list --all` tells how it ended"
        )
    }
}
