// `cloche internal supervise`: the process that `start` and `resume` leave behind.

internal import AgentStore
internal import ClocheModel
package import LinuxSystem
internal import Supervision

/// The supervisor as a process.
package enum SupervisorProcess {
    /// Runs an agent to its end and returns its exit code.
    ///
    /// - Parameters:
    ///   - path: the agent's directory.
    ///   - mode: how the harness is started.
    ///   - ready: the pipe on which the command that started us waits for the first word.
    package static func run(
        _ path: String,
        _ mode: StartMode,
        ready: consuming FileDescriptor,
        installation: Installation
    )
        -> Int32
    {
        let directory = AgentDirectory(path: path)
        let supervisor: Supervisor
        do throws(ClocheError) {
            let record = try directory.read()
            let agent = try AgentLaunch(installation: installation)
                .supervisedAgent(directory, record, mode)
            supervisor = try Supervisor(agent)
            try supervisor.start()
        } catch {
            SupervisorReady.write(error, to: ready)
            return 125
        }
        SupervisorReady.write(nil, to: ready)
        Heap.trim()
        return supervisor.run()
    }
}
