// How far each limit of a run is used up and who holds it: what `stats`, `top` and `inspect` show. Pure: a policy and
// a measurement come in, a list goes out.

/// A limit by its key below `limits` in a profile.
public enum LimitName: String, Equatable, Sendable, CaseIterable {
    /// See `ResourceLimits.memoryBytes`.
    case memory
    /// See `ResourceLimits.memoryHighBytes`.
    case memoryHigh = "memory-high"
    /// See `ResourceLimits.swapBytes`.
    case swap
    /// See `ResourceLimits.processes`.
    case processes
    /// See `ResourceLimits.cpuMillicores`.
    case cpu
    /// See `ResourceLimits.cpuWeight`.
    case cpuWeight = "cpu-weight"
    /// See `ResourceLimits.ioReadBytes`.
    case ioRead = "io-read"
    /// See `ResourceLimits.ioWriteBytes`.
    case ioWrite = "io-write"
    /// See `ResourceLimits.ioReadOperations`.
    case ioReadOperations = "io-read-operations"
    /// See `ResourceLimits.ioWriteOperations`.
    case ioWriteOperations = "io-write-operations"
    /// See `LimitsPolicy.wallClockSeconds`.
    case wallClock = "wall-clock"
    /// See `LimitsPolicy.idleSeconds`.
    case idle
    /// See `LimitsPolicy.cpuSeconds`.
    case cpuTime = "cpu-time"
    /// See `LimitsPolicy.startsPerMinute`.
    case processStarts = "process-starts"
    /// See `LimitsPolicy.diskBytes`.
    case disk
    /// See `LimitsPolicy.diskFiles`.
    case diskFiles = "disk-files"
    /// See `LimitsPolicy.openFiles`.
    case openFiles = "open-files"
    /// See `LimitsPolicy.fileBytes`.
    case fileSize = "file-size"
    /// See `LimitsPolicy.outputBytes`.
    case output
    /// See `LimitsPolicy.logBytes`.
    case logSize = "log-size"

    /// What its value counts.
    public var unit: LimitUnit {
        switch self {
        case .memory, .memoryHigh, .swap, .disk, .fileSize, .output, .logSize: .bytes
        case .processes, .cpuWeight, .processStarts, .diskFiles, .openFiles: .count
        case .cpu: .millicores
        case .ioRead, .ioWrite: .bytesPerSecond
        case .ioReadOperations, .ioWriteOperations: .operationsPerSecond
        case .wallClock, .idle, .cpuTime: .seconds
        }
    }
}

/// What the value of a limit counts.
public enum LimitUnit: String, Equatable, Sendable, CaseIterable {
    /// Bytes.
    case bytes
    /// Things.
    case count
    /// Thousandths of a core.
    case millicores
    /// Seconds.
    case seconds
    /// Bytes in a second.
    case bytesPerSecond = "bytes-per-second"
    /// Reads or writes in a second.
    case operationsPerSecond = "operations-per-second"
}

/// One limit that is set.
public struct LimitState: Equatable, Sendable {
    /// Which one.
    public var name: LimitName
    /// How much is allowed.
    public var value: Int64
    /// How much of it is used; nil when that is not known, and for rates, which take two measurements.
    public var used: Int64?
    /// Who holds it.
    public var holder: LimitHolder

    /// A limit.
    public init(_ name: LimitName, value: Int64, used: Int64?, holder: LimitHolder) {
        self.name = name
        self.value = value
        self.used = used
        self.holder = holder
    }

    /// What `value` and `used` count.
    public var unit: LimitUnit { name.unit }

    /// Every limit that a policy sets, in the order of `LimitName`.
    ///
    /// - Parameters:
    ///   - limits: the policy.
    ///   - report: what is used.
    ///   - elapsedSeconds: how long the run takes so far.
    ///   - idleSeconds: how long its terminal has been silent.
    ///   - holder: who holds a limit here.
    public static func all(
        _ limits: LimitsPolicy,
        _ report: ResourceReport,
        elapsedSeconds: Int64?,
        idleSeconds: Int64? = nil,
        holder: (LimitName) -> LimitHolder
    ) -> [LimitState] {
        LimitName.allCases.compactMap { name in
            name.value(in: limits).map { value in
                let used =
                    switch name {
                    case .wallClock: elapsedSeconds
                    case .idle: idleSeconds
                    default: name.used(in: report)
                    }
                return LimitState(name, value: value, used: used, holder: holder(name))
            }
        }
    }
}

extension LimitName {
    /// Those that a policy sets, the size of the log left out, which is always set.
    public static func all(in limits: LimitsPolicy) -> [LimitName] {
        allCases.filter { $0 != .logSize && $0.value(in: limits) != nil }
    }

    /// What a policy sets it to; nil when it does not.
    public func value(in limits: LimitsPolicy) -> Int64? {
        switch self {
        case .memory: limits.shares.memoryBytes
        case .memoryHigh: limits.shares.memoryHighBytes
        case .swap: limits.shares.swapBytes
        case .processes: limits.shares.processes
        case .cpu: limits.shares.cpuMillicores
        case .cpuWeight: limits.shares.cpuWeight
        case .ioRead: limits.shares.ioReadBytes
        case .ioWrite: limits.shares.ioWriteBytes
        case .ioReadOperations: limits.shares.ioReadOperations
        case .ioWriteOperations: limits.shares.ioWriteOperations
        case .wallClock: limits.wallClockSeconds
        case .idle: limits.idleSeconds
        case .cpuTime: limits.cpuSeconds
        case .processStarts: limits.startsPerMinute
        case .disk: limits.diskBytes
        case .diskFiles: limits.diskFiles
        case .openFiles: limits.openFiles
        case .fileSize: limits.fileBytes
        case .output: limits.outputBytes
        case .logSize: limits.logBytes
        }
    }

    /// The number of a report that is held against it; nil where one report does not tell.
    fileprivate func used(in report: ResourceReport) -> Int64? {
        switch self {
        case .memory, .memoryHigh: report.memoryBytes
        case .swap: report.swapBytes
        case .processes: report.tasks
        case .cpuTime: report.cpuMicroseconds.map { $0 / 1_000_000 }
        case .disk: report.diskBytes
        case .diskFiles: report.diskFiles
        case .output: report.outputBytes
        case .cpu, .cpuWeight, .ioRead, .ioWrite, .ioReadOperations, .ioWriteOperations, .wallClock, .idle,
            .processStarts, .openFiles, .fileSize, .logSize:
            nil
        }
    }
}

extension LimitState {
    /// The limit as it is sent and as `--json` prints it.
    public var document: Document {
        .object([
            "name": .string(name.rawValue), "limit": .integer(value), "used": .optional(used),
            "unit": .string(unit.rawValue), "holder": .string(holder.rawValue),
        ])
    }

    /// Reads a limit; nil when it is none.
    public init?(document: Document) {
        guard let name = document["name"]?.string.flatMap(LimitName.init),
            let value = document["limit"]?.integer,
            let holder = document["holder"]?.string.flatMap(LimitHolder.init)
        else { return nil }
        self.init(name, value: value, used: document["used"]?.integer, holder: holder)
    }
}

/// What a supervisor answers when asked for its agent's resources.
public struct AgentUsage: Equatable, Sendable {
    /// Where the agent is in its life.
    public var state: AgentState
    /// What it uses.
    public var report: ResourceReport
    /// Its limits.
    public var limits: [LimitState]

    /// An answer.
    public init(state: AgentState, report: ResourceReport, limits: [LimitState]) {
        self.state = state
        self.report = report
        self.limits = limits
    }

    /// The answer as it is sent.
    public var document: Document {
        .object([
            "state": .string(state.rawValue), "report": report.document,
            "limits": .list(limits.map(\.document)),
        ])
    }

    /// Reads an answer; nil when it is none.
    ///
    /// A limit of a name that this version does not know is left out: its supervisor may be newer.
    public init?(document: Document) {
        guard let state = document["state"]?.string.flatMap(AgentState.init),
            let report = document["report"].flatMap(ResourceReport.init(document:)),
            let limits = document["limits"]?.list
        else { return nil }
        self.init(state: state, report: report, limits: limits.compactMap(LimitState.init(document:)))
    }
}
