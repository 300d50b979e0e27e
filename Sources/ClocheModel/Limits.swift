// How much of the host an agent may use. Values only: the files of cgroup v2 that hold them are named in
// ControlGroups, what is measured instead without one in ResourceUsage.

/// Limits of one run; nil means none.
public struct LimitsPolicy: Equatable, Sendable {
    /// What the kernel shares out among the agent's processes.
    public var shares: ResourceLimits
    /// Whether a limit that nobody can hold here stops the start.
    public var enforcement: Enforcement
    /// Wall-clock time of one run, in seconds.
    public var wallClockSeconds: Int64?
    /// Time without terminal output or input, in seconds.
    public var idleSeconds: Int64?
    /// Processor time of all processes together, in seconds.
    public var cpuSeconds: Int64?
    /// Processes and threads that may be started within a minute.
    public var startsPerMinute: Int64?
    /// Bytes on disk of workspace, home and upper layer together, as `du` counts them.
    public var diskBytes: Int64?
    /// Files and directories of workspace, home and upper layer together.
    public var diskFiles: Int64?
    /// `RLIMIT_NOFILE`.
    public var openFiles: Int64?
    /// `RLIMIT_FSIZE` in bytes.
    public var fileBytes: Int64?
    /// Bytes that the terminal may be sent in one run.
    public var outputBytes: Int64?
    /// Terminal output kept on disk, in bytes.
    public var logBytes: Int64

    /// These limits.
    public init(
        shares: ResourceLimits = ResourceLimits(),
        enforcement: Enforcement = .available,
        wallClockSeconds: Int64? = nil,
        idleSeconds: Int64? = nil,
        cpuSeconds: Int64? = nil,
        startsPerMinute: Int64? = nil,
        diskBytes: Int64? = nil,
        diskFiles: Int64? = nil,
        openFiles: Int64? = nil,
        fileBytes: Int64? = nil,
        outputBytes: Int64? = nil,
        logBytes: Int64 = 16 << 20
    ) {
        self.shares = shares
        self.enforcement = enforcement
        self.wallClockSeconds = wallClockSeconds
        self.idleSeconds = idleSeconds
        self.cpuSeconds = cpuSeconds
        self.startsPerMinute = startsPerMinute
        self.diskBytes = diskBytes
        self.diskFiles = diskFiles
        self.openFiles = openFiles
        self.fileBytes = fileBytes
        self.outputBytes = outputBytes
        self.logBytes = logBytes
    }
}

/// The limits that a cgroup can hold, of one agent or of all agents of a project together; nil means none.
///
/// See the kernel's `Documentation/admin-guide/cgroup-v2.rst`.
public struct ResourceLimits: Equatable, Sendable {
    /// `memory.max` in bytes: beyond it, all is killed.
    public var memoryBytes: Int64?
    /// `memory.high` in bytes: beyond it, processes are slowed and memory is taken back.
    public var memoryHighBytes: Int64?
    /// `memory.swap.max` in bytes.
    public var swapBytes: Int64?
    /// `pids.max`, and `RLIMIT_NPROC` in the sandbox's user namespace.
    public var processes: Int64?
    /// `cpu.max`, in thousandths of a core.
    public var cpuMillicores: Int64?
    /// `cpu.weight`, 1 to 10000; nil is `standardWeight`, the kernel's own.
    public var cpuWeight: Int64?
    /// `io.max` `rbps`: bytes read per second, of each device.
    public var ioReadBytes: Int64?
    /// `io.max` `wbps`.
    public var ioWriteBytes: Int64?
    /// `io.max` `riops`: reads per second, of each device.
    public var ioReadOperations: Int64?
    /// `io.max` `wiops`.
    public var ioWriteOperations: Int64?

    /// The `cpu.weight` of a cgroup that nobody gave another.
    public static let standardWeight: Int64 = 100

    /// These limits.
    public init(
        memoryBytes: Int64? = nil,
        memoryHighBytes: Int64? = nil,
        swapBytes: Int64? = nil,
        processes: Int64? = nil,
        cpuMillicores: Int64? = nil,
        cpuWeight: Int64? = nil,
        ioReadBytes: Int64? = nil,
        ioWriteBytes: Int64? = nil,
        ioReadOperations: Int64? = nil,
        ioWriteOperations: Int64? = nil
    ) {
        self.memoryBytes = memoryBytes
        self.memoryHighBytes = memoryHighBytes
        self.swapBytes = swapBytes
        self.processes = processes
        self.cpuMillicores = cpuMillicores
        self.cpuWeight = cpuWeight
        self.ioReadBytes = ioReadBytes
        self.ioWriteBytes = ioWriteBytes
        self.ioReadOperations = ioReadOperations
        self.ioWriteOperations = ioWriteOperations
    }
}

/// What happens when a limit that a profile sets can be held by nobody on this host.
public enum Enforcement: String, Equatable, Sendable, CaseIterable {
    /// The agent is not started.
    case strict
    /// What can be held is held; the rest is told at start, in `list`, `inspect` and the audit log.
    case available
    /// No cgroup is asked for, even where there is one: the supervisor measures.
    case measured
}

extension LimitsPolicy {
    /// Whether a cgroup holds what nothing else can.
    public var profitsFromCgroup: Bool {
        var others = shares
        others.processes = nil
        return others != ResourceLimits()
    }
}

/// Who holds one limit of a running agent.
public enum LimitHolder: String, Equatable, Sendable, CaseIterable {
    /// The kernel, by the agent's cgroup.
    case cgroup
    /// The kernel, by a limit of each process (`setrlimit(2)`).
    case rlimit
    /// The supervisor, which measures and kills.
    case supervisor
    /// Nobody: the limit is set and does not hold.
    case nobody
}
