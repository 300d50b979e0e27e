// What one line of `stats` and `top` is made of: one sample, and rates over the time since the one before. Pure.

internal import Cloche
internal import ClocheModel
internal import LinuxSystem

/// What the lines are sorted by; the largest comes first, names in their order.
enum UsageSort: String, CaseIterable {
    case cpu
    case memory
    case tasks
    case io
    case network
    case disk
    case name
}

/// One agent's line.
struct UsageRow: Equatable {
    var name: String
    var state: AgentState
    /// A supervisor lives, and says nothing.
    var isSilent: Bool
    var report: ResourceReport?
    /// Those that are set; rates are filled in.
    var limits: [LimitState]
    /// Thousandths of a core, over the time since the sample before.
    var cpuMillicores: Int64?
    /// Bytes per second, as all that follow.
    var ioRead: Int64?
    var ioWritten: Int64?
    var networkReceived: Int64?
    var networkSent: Int64?

    init(_ sample: AgentSample, since before: AgentSample?) {
        name = sample.name
        state = sample.state
        isSilent = sample.isSilent
        report = sample.usage?.report
        limits = sample.usage?.limits ?? []
        guard let now = sample.usage?.report, let then = before?.usage?.report else { return }
        let milliseconds = now.measuredAt - then.measuredAt
        guard milliseconds > 0 else { return }
        func rate(_ path: KeyPath<ResourceReport, Int64?>) -> Int64? {
            // A counter that went back is of another run.
            guard let new = now[keyPath: path], let old = then[keyPath: path], new >= old else { return nil }
            return Int64(Double(new - old) * 1000 / Double(milliseconds))
        }
        cpuMillicores = rate(\.cpuMicroseconds).map { $0 / 1000 }
        ioRead = rate(\.ioReadBytes)
        ioWritten = rate(\.ioWriteBytes)
        networkReceived = rate(\.networkReceivedBytes)
        networkSent = rate(\.networkSentBytes)
        for index in limits.indices {
            switch limits[index].name {
            case .cpu: limits[index].used = cpuMillicores
            case .ioRead: limits[index].used = ioRead
            case .ioWrite: limits[index].used = ioWritten
            default: break
            }
        }
    }

    func limit(_ name: LimitName) -> LimitState? { limits.first { $0.name == name } }

    /// What it is sorted by; nil when that is not known.
    private func key(_ sort: UsageSort) -> Int64? {
        switch sort {
        case .cpu: cpuMillicores
        case .memory: report?.memoryBytes
        case .tasks: report?.tasks
        case .io: Self.sum(ioRead, ioWritten)
        case .network: Self.sum(networkReceived, networkSent)
        case .disk: report?.diskBytes
        case .name: nil
        }
    }

    private static func sum(_ one: Int64?, _ other: Int64?) -> Int64? {
        one == nil && other == nil ? nil : (one ?? 0) + (other ?? 0)
    }

    /// The rows of samples, sorted; what is not known comes last, and equals are in the order of their names.
    static func rows(_ samples: [AgentSample], since before: [AgentSample], by sort: UsageSort) -> [UsageRow]
    {
        let old = Dictionary(before.map { ($0.name, $0) }) { first, _ in first }
        return samples.map { UsageRow($0, since: old[$0.name]) }.sorted { one, other in
            let (a, b) = (one.key(sort) ?? -1, other.key(sort) ?? -1)
            return a == b ? one.name < other.name : a > b
        }
    }
}

extension UsageRow {
    /// Percent of a core, to a sixteenth: a number that is the same in binary, and so is short as JSON.
    private static func percent(_ millicores: Int64) -> Double {
        (Double(millicores) * 1.6).rounded() / 16
    }

    /// The row as `--json` prints it: the counters as they were measured, and the rates.
    func document(time: Int64) -> Document {
        var entries = [
            Document.Entry("name", .string(name)), Document.Entry("state", .string(state.rawValue)),
            Document.Entry("time", .string(WallClock.format(time))),
            Document.Entry("answered", .bool(report != nil)),
            Document.Entry("cpu-percent", cpuMillicores.map { .real(Self.percent($0)) } ?? .null),
            Document.Entry("io-read-rate", .optional(ioRead)),
            Document.Entry("io-write-rate", .optional(ioWritten)),
            Document.Entry("network-receive-rate", .optional(networkReceived)),
            Document.Entry("network-send-rate", .optional(networkSent)),
        ]
        // The same fields in every line, known or not.
        let counters = (report ?? ResourceReport(measuredAt: 0, source: .nobody)).document
        for entry in counters.entries ?? [] {
            let isKnown = report != nil
            entries.append(isKnown ? entry : Document.Entry(entry.key, .null))
        }
        entries.append(Document.Entry("limits", .list(limits.map(\.document))))
        return .map(entries)
    }
}
