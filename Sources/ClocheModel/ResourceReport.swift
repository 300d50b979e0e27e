// What an agent uses now, beside what it may use: what a supervisor tells `cloche stats` and `cloche top`.

/// What one agent uses; a number that cannot be known here is nil.
public struct ResourceReport: Equatable, Sendable {
    /// Milliseconds of the monotonic clock at which it was measured; rates are differences over it.
    public var measuredAt: Int64
    /// Who measured: the agent's cgroup, or the supervisor by looking at each process.
    public var source: LimitHolder
    /// Processor time since the start, in microseconds.
    public var cpuMicroseconds: Int64?
    /// Bytes of memory in use.
    public var memoryBytes: Int64?
    /// The most that was in use.
    public var memoryPeakBytes: Int64?
    /// Bytes swapped out.
    public var swapBytes: Int64?
    /// Processes and threads.
    public var tasks: Int64?
    /// Bytes read from disks since the start.
    public var ioReadBytes: Int64?
    /// Bytes written to disks since the start.
    public var ioWriteBytes: Int64?
    /// Bytes received by the sandbox's network since the start, loopback left out.
    public var networkReceivedBytes: Int64?
    /// Bytes sent by it.
    public var networkSentBytes: Int64?
    /// Bytes on disk of workspace, home and upper layer, when they were last counted.
    public var diskBytes: Int64?
    /// Files and directories there.
    public var diskFiles: Int64?
    /// Bytes that the terminal was sent.
    public var outputBytes: Int64?
    /// Share of the last ten seconds in which some process waited (`some avg10` of PSI), in hundredths of a percent.
    public var cpuPressure: Int64?
    /// The same for memory.
    public var memoryPressure: Int64?
    /// The same for disks.
    public var ioPressure: Int64?

    /// Nothing known yet.
    public init(measuredAt: Int64, source: LimitHolder) {
        self.measuredAt = measuredAt
        self.source = source
    }
}

extension ResourceReport {
    /// The numbers under the names that they have as text, with the place of each.
    private static var numbers: [(name: String, path: WritableKeyPath<ResourceReport, Int64?>)] {
        [
            ("cpu-microseconds", \.cpuMicroseconds), ("memory", \.memoryBytes),
            ("memory-peak", \.memoryPeakBytes),
            ("swap", \.swapBytes), ("tasks", \.tasks), ("io-read", \.ioReadBytes),
            ("io-written", \.ioWriteBytes),
            ("network-received", \.networkReceivedBytes), ("network-sent", \.networkSentBytes),
            ("disk", \.diskBytes), ("disk-files", \.diskFiles), ("output", \.outputBytes),
            ("cpu-pressure", \.cpuPressure), ("memory-pressure", \.memoryPressure),
            ("io-pressure", \.ioPressure),
        ]
    }

    /// The report as it is sent.
    public var document: Document {
        var entries = [
            Document.Entry("measured-at", .integer(measuredAt)),
            Document.Entry("source", .string(source.rawValue)),
        ]
        for (name, path) in Self.numbers {
            entries.append(Document.Entry(name, .optional(self[keyPath: path])))
        }
        return .map(entries)
    }

    /// Reads a report; nil when it is none.
    public init?(document: Document) {
        guard let at = document["measured-at"]?.integer,
            let source = document["source"]?.string.flatMap(LimitHolder.init)
        else { return nil }
        self.init(measuredAt: at, source: source)
        for (name, path) in Self.numbers { self[keyPath: path] = document[name]?.integer }
    }
}
