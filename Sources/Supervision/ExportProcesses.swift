// The processes that send the audit log to the destinations of `audit.export`, one each: `cloche internal send-audit`.
// They read the log's files; nothing here waits for them. They see the supervisor's end by the end of a pipe, send the
// rest, and end by themselves.

internal import AgentStore
internal import LinuxSystem

/// A supervisor's children that send its log.
struct ExportProcesses {
    private struct Process {
        let destination: String
        var id: Int32?
        /// When it was started, and when it is to be started, again after it has ended.
        var started: Int64 = 0
        var due: Int64? = 0
        var delay = firstDelay
    }

    /// Milliseconds until one that has ended is started again: this, then twice that, up to the last.
    private static let (firstDelay, lastDelay): (Int64, Int64) = (500, 60_000)
    /// One that has lived as long had no trouble in starting.
    private static let settled: Int64 = 30_000

    private var processes: [Process]
    private let directory: AgentDirectory
    private let executable: String
    /// What they have as standard input, and the end that this process alone has.
    private var life: (read: FileDescriptor.Shared, write: FileDescriptor.Shared)?

    /// None runs yet.
    init(_ destinations: [String], of directory: AgentDirectory, executable: String) {
        (self.directory, self.executable) = (directory, executable)
        var known: Set<String> = []
        processes = destinations.filter { known.insert($0).inserted }.map { Process(destination: $0) }
    }

    /// When `start` is to be called, in milliseconds of the monotonic clock.
    var nextStart: Int64? { processes.compactMap(\.due).min() }

    /// Starts those whose time has come.
    mutating func start(now: Int64) {
        for index in processes.indices {
            guard let due = processes[index].due, now >= due else { continue }
            processes[index].due = nil
            processes[index].started = now
            do throws(SystemError) {
                processes[index].id = try spawn(processes[index].destination)
            } catch {
                // The log has all; a later one sends it.
                ended(index, now)
            }
        }
    }

    private mutating func spawn(_ destination: String) throws(SystemError) -> Int32 {
        let life: (read: FileDescriptor.Shared, write: FileDescriptor.Shared)
        if let known = self.life { life = known } else { life = try Pipe().shared() }
        self.life = life
        let null = try Files.openForUpdate("/dev/null")
        return try Subprocess(
            executable,
            ["internal", "send-audit", directory.path, destination],
            directory: "/"
        ).spawn(stdin: life.read.number, stdout: null.number, stderr: 2, newSession: true)
    }

    /// Looks whether one has ended; it is started again after a while.
    mutating func lookForEnded(now: Int64) {
        for index in processes.indices {
            guard let id = processes[index].id, Subprocess.hasEnded(id) else { continue }
            processes[index].id = nil
            ended(index, now)
        }
    }

    private mutating func ended(_ index: Int, _ now: Int64) {
        if now - processes[index].started >= Self.settled { processes[index].delay = Self.firstDelay }
        processes[index].due = now + processes[index].delay
        processes[index].delay = min(processes[index].delay * 2, Self.lastDelay)
    }
}
