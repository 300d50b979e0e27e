// The agent's own socket: where the `cloche` in its sandbox asks for something. The supervisor takes the connection and
// reads nothing of it: a process of its own does what is asked, `cloche internal agent-request`, which knows for which agent
// it is because it was started for that one. So no mistake there costs the supervisor, and nothing here waits.
//
// What these processes use is not counted among what the agent uses; their number and their pace are bounded.

internal import AgentStore
internal import Glibc
internal import LinuxSystem

/// The listening end, and the processes that carry requests out.
final class AgentSocket {
    /// The most at a time; each may be one that waits for another agent.
    static let most = 16

    let listener: FileDescriptor
    private let executable: String
    private let directory: AgentDirectory
    private var processes: [Int32] = []
    private var pace = RequestPace()
    /// While it is not listened to: until when, in milliseconds of the monotonic clock; `.max` until a process ends.
    private(set) var pausedUntil: Int64?

    /// Makes the socket; one that is there is of a supervisor that died.
    init(in directory: AgentDirectory, executable: String) throws(SystemError) {
        (self.directory, self.executable) = (directory, executable)
        let folder = try Files.open(directory.path, O_RDONLY | O_DIRECTORY)
        try Files.remove(Self.path(in: directory))
        listener = try UnixSocket.listen(in: folder, name: AgentDirectory.agentSocketName)
    }

    /// Where it is on the host.
    static func path(in directory: AgentDirectory) -> String {
        "\(directory.path)/\(AgentDirectory.agentSocketName)"
    }

    /// Nobody asks any more.
    func remove() {
        // Else only a name is left; the next supervisor removes it.
        try? Files.remove(Self.path(in: directory))
    }

    /// Takes one request, and has a process carry it out.
    func serve(at now: Int64) {
        guard processes.count < Self.most else {
            pausedUntil = .max
            return
        }
        if let until = pace.pause(at: now) {
            pausedUntil = until
            return
        }
        do throws(SystemError) {
            guard let connection = try UnixSocket.accept(listener) else { return }
            let null = try Files.openForUpdate("/dev/null")
            let request = Subprocess(
                executable,
                ["internal", "agent-request", directory.path],
                environment: ProcessEnvironment.current,
                directory: "/"
            )
            let numbers = (stdin: connection.number, null: null.number)
            let pid = try request.spawn(
                stdin: numbers.stdin,
                stdout: numbers.null,
                stderr: numbers.null,
                newSession: true
            )
            processes.append(pid)
        } catch {
            // No process, or no memory: whoever asked sees the connection end, and is told so by its own program.
        }
    }

    /// Forgets those that have ended.
    func lookForEnded() {
        processes.removeAll { Subprocess.hasEnded($0) }
        if pausedUntil == .max, processes.count < Self.most { pausedUntil = 0 }
    }

    /// Whether it is listened to again from now on.
    func resumes(at now: Int64) -> Bool {
        guard let until = pausedUntil, now >= until else { return false }
        pausedUntil = nil
        return true
    }
}

/// A bucket of requests; times are milliseconds of the monotonic clock.
struct RequestPace {
    /// How many in a second in the long run, and at once.
    private static let (perSecond, most): (Int64, Int64) = (40, 200)

    /// In thousandths of a request.
    private var room = RequestPace.most * 1000
    private var last: Int64?

    /// Takes one; until when it has to wait if there is none.
    mutating func pause(at now: Int64) -> Int64? {
        room = min(Self.most * 1000, room + (now - (last ?? now)) * Self.perSecond)
        last = now
        if room < 1000 { return now + (1000 - room + Self.perSecond - 1) / Self.perSecond }
        room -= 1000
        return nil
    }
}
