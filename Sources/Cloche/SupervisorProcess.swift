// `cloche internal supervise`: the process that `start` and `resume` leave behind. It is started with nothing but a
// socket, so that `start` can have it load, and its sandbox's namespaces made, while it still reads profiles itself.

internal import AgentStore
public import ClocheModel
internal import LinuxSystem
internal import Supervision

/// The supervisor as a process.
package enum SupervisorProcess {
    /// Waits for an order on standard input, runs the agent to its end and returns its exit code.
    package static func run() -> Int32 {
        do {
            // The number stays taken until /dev/null has it.
            guard let socket = FileDescriptor(duplicating: 0) else { return 125 }
            guard let received = try SupervisorOrder.receive(socket),
                let mode = StartMode(rawValue: received.order.mode)
            else { return 0 }
            ProcessEnvironment.replace(received.order.environment)
            let directory = AgentDirectory(path: received.order.directory)
            do throws(SystemError) {
                try takeStreams(directory)
            } catch {
                SupervisorReady.send(StoreError.cannotWrite(error), to: socket)
                return 125
            }
            return run(received, mode, reporting: socket)
        } catch { return 125 }
    }

    /// Nothing is read from the terminal of the command; what a crash says goes to a file.
    private static func takeStreams(_ directory: AgentDirectory) throws(SystemError) {
        let null = try Files.openForUpdate("/dev/null")
        try null.replace(0)
        let log = try Files.openForAppending(directory.path + "/supervisor.log")
        try log.replace(1)
        try log.replace(2)
    }

    private static func run(
        _ received: consuming SupervisorOrder.Received,
        _ mode: StartMode,
        reporting socket: consuming FileDescriptor
    ) -> Int32 {
        let (order, keys) = (received.order, received.keys)
        let right = received.takeRight()
        let directory = AgentDirectory(path: order.directory)
        let supervisor: Supervisor
        do throws(ClocheError) {
            let record = try directory.read()
            // The command that gave the order may be dead, and its agent replaced by another one of that name.
            guard (record.auditLog ?? "") == order.agent else { return 125 }
            let agent = try AgentLaunch(installation: Installation())
                .supervisedAgent(directory, record, mode, keys: keys)
            supervisor = try Supervisor(agent, holding: right)
            try supervisor.start()
        } catch {
            SupervisorReady.send(error, to: socket)
            return 125
        }
        SupervisorReady.send(nil, to: socket)
        _ = consume socket
        Heap.trim()
        return supervisor.run()
    }
}

/// A supervisor that was started, and waits to be told for which agent; without an order it ends with this value.
public final class WaitingSupervisor: Sendable {
    private let socket: FileDescriptor

    /// Starts one.
    ///
    /// - Parameters:
    ///   - installation: where the program is.
    ///   - ownNetwork: whether its sandbox will have a network of its own; the kernel's part of that is then begun.
    /// - Throws: when no process can be started.
    public init(_ installation: Installation, ownNetwork: Bool) throws(ClocheError) {
        do throws(SystemError) {
            let pair = try UnixSocket.pair()
            let null = try Files.openForUpdate("/dev/null")
            _ = try Subprocess(
                installation.executable,
                [ownNetwork ? "internal-ahead" : "internal", "supervise"],
                directory: "/"
            ).spawn(stdin: pair.far.number, stdout: null.number, stderr: null.number, newSession: true)
            socket = pair.closingFar()
        } catch { throw ClocheError(.system, "cannot start a supervisor", why: error.description) }
    }

    /// Has it run an agent; returns when the agent's program runs.
    func begin(_ order: SupervisorOrder, holding right: borrowing FileLock, keys: FileDescriptor.Shared?)
        throws(ClocheError)
    {
        let answer: ClocheError?
        try order.send(to: socket, holding: right, keys: keys)
        do throws(SystemError) {
            answer = try SupervisorReady.receive(socket)
        } catch {
            throw ClocheError(
                .system,
                "cannot start the supervisor of \(order.directory)",
                why: error.description
            )
        }
        if let answer { throw answer }
    }
}
