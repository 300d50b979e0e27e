// What a report gathers from the events of a log, one after the other: hosts, calls that were refused, files, samples,
// runs. Bounded, whatever an agent does.

internal import ClocheModel

/// The connections to one host.
struct HostTraffic {
    var ports: [Int64] = []
    var addresses: [String] = []
    var programs: [String] = []
    var rules: [String] = []
    var allowed = 0
    var refused = 0
    var failed = 0
    var sent: Int64 = 0
    var received: Int64 = 0
    var lastTime = ""

    /// Bytes both ways.
    var bytes: Int64 {
        let (sum, overflow) = sent.addingReportingOverflow(received)
        return overflow ? .max : sum
    }

    /// What became of them.
    var verdict: String {
        let parts = [("allowed", allowed), ("refused", refused), ("failed", failed)].filter { $0.1 > 0 }
        return parts.count == 1 ? parts[0].0 : parts.map { "\($0.1) \($0.0)" }.joined(separator: ", ")
    }

    mutating func add(_ event: Document) {
        lastTime = event["time"]?.string ?? lastTime
        if let port = event["port"]?.integer { Self.note(port, in: &ports) }
        if let address = event["address"]?.string { Self.note(address, in: &addresses) }
        if let program = event["program"]?.string { Self.note(program, in: &programs) }
        if let rule = event["rule"]?.string { Self.note(rule, in: &rules) }
        if event["event"]?.string == "disconnect" {
            sent = Self.sum(sent, event["sent"])
            received = Self.sum(received, event["received"])
            return
        }
        switch event["verdict"]?.string {
        case "allowed": allowed += 1
        case "refused": refused += 1
        case "failed": failed += 1
        default: break
        }
    }

    private static func sum(_ count: Int64, _ more: Document?) -> Int64 {
        let (sum, overflow) = count.addingReportingOverflow(max(0, more?.integer ?? 0))
        return overflow ? .max : sum
    }

    private static func note<Value: Equatable>(_ value: Value, in list: inout [Value]) {
        // A line of a table has room for some.
        if list.count < 12, !list.contains(value) { list.append(value) }
    }
}

/// A system call that was refused.
struct DeniedCall {
    struct Key: Hashable {
        let call: String
        let program: String
        let answer: String
        let why: String
    }

    var count: Int64 = 0
    var firstTime: String
    var lastTime: String
    /// What would allow it, if the record says so.
    var suggestion: String?
}

/// A file that was made, changed or removed.
struct FileChange {
    var changes: [String] = []
    var count = 0
    var lastTime = ""
}

/// One start of the agent, to its end.
struct Run {
    let number: Int
    let began: String
    let beganAt: Int64
    var ended: String?
    var endedAt: Int64
    var reason: String?
    var exitCode: Int64?
    var lanes = [Slots](repeating: Slots(), count: Lane.allCases.count)
}

/// What is drawn beside each other over the time of a run.
enum Lane: Int, CaseIterable {
    case people, programs, connections, files, denials

    var title: String {
        switch self {
        case .people: "People"
        case .programs: "Programs"
        case .connections: "Network"
        case .files: "Files"
        case .denials: "Denied"
        }
    }

    /// The lanes that an event belongs into.
    static func lanes(of event: Document) -> [Lane] {
        var lanes: [Lane] = EventWords.isDenial(event) ? [.denials] : []
        switch event["event"]?.string {
        case "exec": lanes.append(EventWords.isProgramStart(event) ? .programs : .people)
        case "connect", "dns", "disconnect", "network-untold":
            if lanes.isEmpty { lanes.append(.connections) }
        case "file": lanes.append(.files)
        case "attach", "detach", "keys", "command", "policy", "forward", "pause", "unpause", "sync", "merge",
            "sign":
            lanes.append(.people)
        default: break
        }
        return lanes
    }
}

/// Numbers over time; of many, every second, fourth and so on.
struct Samples {
    struct Point {
        let time: Int64
        let values: [String: Int64]
    }

    private(set) var points: [Point] = []
    private var stride = 1
    private var skipped = 0
    private static let most = 480

    /// What is drawn, with the unit; the rest of a sample is in the raw records.
    static let series: [(key: String, title: String, unit: LimitUnit, isRate: Bool)] = [
        ("cpu-microseconds", "Processor, of one core", .millicores, true),
        ("memory", "Memory", .bytes, false),
        ("tasks", "Processes and threads", .count, false), ("disk", "Disk", .bytes, false),
        ("network-received", "Received", .bytesPerSecond, true),
        ("network-sent", "Sent", .bytesPerSecond, true),
        ("io-written", "Written to disks", .bytesPerSecond, true),
    ]

    mutating func add(_ event: Document, at time: Int64) {
        skipped += 1
        guard skipped >= stride else { return }
        skipped = 0
        var values: [String: Int64] = [:]
        for row in Self.series { values[row.key] = event[row.key]?.integer }
        points.append(Point(time: time, values: values))
        if points.count >= Self.most {
            points = points.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
            stride *= 2
        }
    }

    /// The values of one series; of a counter, how fast it grew since the sample before.
    func curve(_ key: String, isRate: Bool, perSecond: Int64) -> [(time: Int64, value: Int64)] {
        let known = points.compactMap { point in point.values[key].map { (time: point.time, value: $0) } }
        // The clock may have been set back.
        guard isRate else { return known.sorted { $0.time < $1.time } }
        return zip(known, known.dropFirst()).compactMap { before, after in
            let (grown, overflow) = after.value.subtractingReportingOverflow(before.value)
            // A counter that is smaller than before belongs to another run.
            guard !overflow, after.time > before.time, grown >= 0 else { return nil }
            let (scaled, isHuge) = grown.multipliedReportingOverflow(by: perSecond)
            return isHuge ? nil : (after.time, scaled / (after.time - before.time))
        }
    }
}
