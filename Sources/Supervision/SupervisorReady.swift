// What is said between a command that starts an agent and the supervisor it has started, over a socket that is the
// supervisor's standard input: an order, then one answer, empty for "it runs", an error otherwise.

package import ClocheModel
package import LinuxSystem
internal import StructuredText

/// Which agent a supervisor is to run.
package struct SupervisorOrder: Equatable, Sendable {
    /// The agent's directory.
    package var directory: String
    /// Which agent that is: the id of its audit log.
    ///
    /// One that was made in the same place since is another's.
    package var agent: String
    /// How its harness is started.
    package var mode: String
    /// The supervisor's own environment, `NAME=value`: what the agent may be given of the user's, and what names
    /// Cloche's own places.
    package var environment: [String]

    /// An order.
    package init(directory: String, agent: String, mode: String, environment: [String]) {
        self.directory = directory
        self.agent = agent
        self.mode = mode
        self.environment = environment
    }

    /// Gives the order.
    ///
    /// - Parameters:
    ///   - right: the right to change the agent, which the supervisor holds, too, until its record says that it starts: the
    ///     command may be killed meanwhile.
    ///   - keys: a pipe for the agent's gateway, which goes along.
    package func send(
        to socket: borrowing FileDescriptor,
        holding right: borrowing FileLock,
        keys: FileDescriptor.Shared? = nil
    ) throws(ClocheError) {
        let message = bytes
        guard message.count <= UnixSocket.messageLimit else {
            throw ClocheError(
                .usage,
                "the environment is too long",
                why: "\(message.count) bytes, at most \(UnixSocket.messageLimit) fit",
                remedy: "pass fewer variables, or put the values into files in the workspace"
            )
        }
        do throws(SystemError) {
            let descriptors = [right.number] + (keys.map { [$0.number] } ?? [])
            try UnixSocket.send(socket, message, descriptors: descriptors)
        } catch { throw ClocheError(.system, "cannot start the supervisor", why: error.description) }
    }

    /// An order and what came along.
    package struct Received: ~Copyable {
        /// The order.
        package let order: SupervisorOrder
        /// The pipe for its gateway, if it has one.
        package let keys: FileDescriptor.Shared?
        fileprivate let right: FileDescriptor

        /// The right to change the agent.
        package consuming func takeRight() -> FileDescriptor { right }
    }

    /// Waits for an order; nil when the command has ended without one.
    package static func receive(_ socket: borrowing FileDescriptor) throws(SystemError) -> Received? {
        guard var message = try UnixSocket.receive(socket), let order = SupervisorOrder(message.bytes),
            let right = message.descriptors.takeFirst()
        else { return nil }
        var keys: FileDescriptor.Shared?
        if let pipe = message.descriptors.takeFirst() { keys = FileDescriptor.Shared(pipe) }
        return Received(order: order, keys: keys, right: right)
    }

    /// The order as bytes: each word is ended by a null.
    var bytes: [UInt8] {
        ([directory, agent, mode] + environment).flatMap { word in Array(word.utf8) + [0] }
    }

    /// Reads an order; nil when it is none.
    init?(_ bytes: [UInt8]) {
        guard bytes.last == 0 else { return nil }
        let words = bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard words.count >= 3 else { return nil }
        self.init(directory: words[0], agent: words[1], mode: words[2], environment: Array(words[3...]))
    }
}

/// The start report of a supervisor.
package enum SupervisorReady {
    private static let runs: [UInt8] = Array("ok".utf8)

    /// Says that the harness runs, or why not.
    package static func send(_ error: ClocheError?, to socket: borrowing FileDescriptor) {
        let bytes = error.map { Array(JSONText.serialize($0.document).utf8) } ?? runs
        // The command that would have read it was killed; the agent goes on.
        _ = try? UnixSocket.send(socket, bytes)
    }

    /// Waits for the report; nil means that the harness runs.
    package static func receive(_ socket: borrowing FileDescriptor) throws(SystemError) -> ClocheError? {
        error(in: try UnixSocket.receive(socket)?.bytes ?? [])
    }

    /// Reads the report; nil means that the harness runs.
    static func error(in bytes: [UInt8]) -> ClocheError? {
        if bytes == runs { return nil }
        // A supervisor that died before its report leaves nothing.
        if let document = try? JSONText.parse(bytes), let error = ClocheError(document: document) {
            return error
        }
        return ClocheError(
            .system,
            "the supervisor ended before the agent ran",
            why: "it left no report",
            remedy: "its last words may be in supervisor.log in the agent's state directory"
        )
    }
}
