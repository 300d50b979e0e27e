// What the agent uses over time, in the audit log: a sample a minute, or every ten seconds, and one at the end. The report
// draws its curves from them.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import LinuxSystem

/// When samples are taken, and which of them are written down: none of times in which nothing happened, but the last of
/// those, so that a curve does not slant over it.
struct Sampling {
    struct Sample: Equatable {
        let report: ResourceReport
        let time: AuditTime
    }

    private let interval: Int64?
    /// When the next is due, in milliseconds of the monotonic clock.
    private(set) var due: Int64?
    private var last: ResourceReport?
    /// The latest that was not written down.
    private var idle: Sample?

    init(_ level: AuditPolicy.Level) {
        interval =
            switch level {
            case .minimal: nil
            case .standard: 60_000
            case .full: 10_000
            }
    }

    /// A sandbox runs.
    mutating func began(at now: Int64) {
        due = interval.map { now + $0 }
        (last, idle) = (nil, nil)
    }

    /// Nothing runs.
    mutating func ended() { due = nil }

    /// Whether one is to be taken now.
    mutating func isDue(_ now: Int64) -> Bool {
        guard let due, let interval, now >= due else { return false }
        self.due = now + interval
        return true
    }

    /// Takes one in; those that are to be written down.
    mutating func note(_ sample: Sample) -> [Sample] {
        // Of a sandbox that has just ended, or whose processes are not counted yet, nothing is known.
        guard sample.report.cpuMicroseconds != nil, sample.report.tasks ?? 0 > 0 else { return [] }
        if let last, Self.isSame(last, sample.report) {
            idle = sample
            return []
        }
        defer { (last, idle) = (sample.report, nil) }
        return [idle, sample].compactMap { $0 }
    }

    /// Whether nothing has happened between two; memory may be taken and given back by the kernel alone.
    private static func isSame(_ one: ResourceReport, _ other: ResourceReport) -> Bool {
        let counts: [KeyPath<ResourceReport, Int64?>] = [
            \.cpuMicroseconds, \.tasks, \.ioReadBytes, \.ioWriteBytes, \.networkReceivedBytes,
            \.networkSentBytes, \.diskBytes, \.diskFiles, \.outputBytes,
        ]
        return counts.allSatisfy { one[keyPath: $0] == other[keyPath: $0] }
    }
}

extension Sampling.Sample {
    /// The facts that the table of events has of it.
    var event: AuditEvent {
        let known = Set(EventKind.sample.fields.map(\.name))
        let facts = (report.document.entries ?? []).filter { known.contains($0.key) }
        return AuditEvent(.sample, facts, at: time)
    }
}

extension Supervisor {
    /// Writes down what is used, if that is due and has changed.
    func recordDueSample() throws(ClocheError) {
        guard sandbox != nil, sampling.isDue(MonotonicClock.milliseconds), record.state != .paused else {
            return
        }
        try audit.append(takeSample())
    }

    /// The sandbox is about to be ended: what was used until then.
    func takeLastSample() -> [AuditEvent] {
        defer { sampling.ended() }
        return sandbox == nil || sampling.due == nil ? [] : takeSample()
    }

    private func takeSample() -> [AuditEvent] {
        sampling.note(Sampling.Sample(report: resourceReport(), time: .now)).map(\.event)
    }
}
