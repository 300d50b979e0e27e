// The report of one agent: facts that the caller gives, events one after the other, and out comes one self-contained
// page. Pure: the same facts and events give the same bytes. Called by `cloche audit report`.

package import ClocheModel
internal import StructuredText

/// What a report is of, beside what the log says.
package struct ReportSubject {
    /// One value that is in force.
    package struct Setting {
        let key: String
        let value: String
        let origin: String

        /// A value, and where it was written, if that is known.
        package init(_ key: String, _ value: String, origin: String = "") {
            (self.key, self.value, self.origin) = (key, value, origin)
        }
    }

    /// The agent as it is recorded.
    package let record: AgentRecord
    /// Its state as it was judged when the report was made.
    package let state: AgentState
    /// When the report was made, in milliseconds since 1970.
    package let made: Int64
    /// The version of the program that made it.
    package let version: String
    /// What the agent may reach, and every other value of its profile.
    package var rules: [Setting] = []
    /// See `rules`.
    package var settings: [Setting] = []

    /// An agent, looked at now.
    package init(_ record: AgentRecord, state: AgentState, made: Int64, version: String) {
        (self.record, self.state, self.made, self.version) = (record, state, made, version)
    }
}

/// Something that was refused, in words.
package struct ReportedDenial {
    /// What it was.
    package let what: String
    /// Why it was refused.
    package let why: String
    /// The rule that forbids it, with its place; nil when it is only that none allows it.
    package let rule: String?
    /// The entry of `network.allow` that would allow it.
    package let line: String?
    /// The command that would, or what else there is to do.
    package let command: String?
    /// How often.
    package let count: Int64
    /// The first and the last time, as the log has them.
    package let first: String
    /// See `first`.
    package let last: String

    /// A refusal.
    package init(
        _ what: String,
        why: String,
        rule: String?,
        line: String?,
        command: String?,
        count: Int64,
        first: String,
        last: String
    ) {
        (self.what, self.why, self.rule, self.line, self.command) = (what, why, rule, line, command)
        (self.count, self.first, self.last) = (count, first, last)
    }
}

/// Why a system call is refused.
package struct CallReason: Equatable {
    let why: String
    let lines: [String]

    /// A reason, and the lines of a profile that would allow the call, if there are any to recommend.
    package init(why: String, lines: [String]) { (self.why, self.lines) = (why, lines) }
}

/// A report while it is put together.
package struct AuditReport {
    let subject: ReportSubject
    /// What of the network was refused, the latest last; the caller knows the commands that would allow it.
    package var denials: [ReportedDenial] = []
    /// Why system calls are refused, by their names; the caller knows the filter.
    package var callReasons: [String: CallReason] = [:]
    /// Refusals beyond those.
    package var denialsLeft = 0
    /// Lines of the log that could not be read.
    package var unreadable = 0

    private(set) var kinds = BoundedTable<String, Int>(limit: 60)
    private(set) var runs = Ends<Run>(first: 0, last: 12)
    private(set) var run: Run?
    private(set) var moments = Ends<(time: String, words: EventWords)>(first: 150, last: 350)
    private(set) var processes = Processes()
    private(set) var hosts = BoundedTable<String, HostTraffic>(limit: 2000)
    private(set) var names = BoundedTable<String, Int>(limit: 2000)
    private(set) var calls = BoundedTable<DeniedCall.Key, DeniedCall>(limit: 500)
    private(set) var files = BoundedTable<String, FileChange>(limit: 3000)
    private(set) var filesUntold: Int64 = 0
    private(set) var filesCut = false
    private(set) var samples = Samples()
    private(set) var raw = Tail(bytes: 640 << 10)
    private(set) var count = 0
    private(set) var denied: Int64 = 0
    private(set) var untold: Int64 = 0
    /// Starts and denied calls that are only counted.
    private(set) var uncounted: Int64 = 0
    private(set) var uncountedCalls: Int64 = 0
    private(set) var policyHash: String?
    private(set) var sent: Int64 = 0
    private(set) var received: Int64 = 0
    private(set) var connections = 0
    private(set) var firstTime: String?
    private(set) var lastTime: String?
    private(set) var logID: String?
    private(set) var lastSequence: Int64?
    private(set) var isChained = false
    /// Starts with `network.mode: none`, which takes no attempt down.
    private(set) var startsWithoutNetwork = 0
    private var latest: Int64 = 0
    private var runCount = 0

    /// A report without events.
    package init(_ subject: ReportSubject) { self.subject = subject }

    /// Takes in one event; they come in the order of their time.
    package mutating func add(_ event: Document) {
        count += 1
        let name = event["event"]?.string ?? "?"
        kinds.change(name, new: 0) { $0 += 1 }
        let time = event["time"]?.string
        firstTime = firstTime ?? time
        lastTime = time ?? lastTime
        latest = time.flatMap(Timestamp.parse) ?? latest
        lastSequence = event["seq"]?.integer ?? lastSequence
        if event["prev"] != nil { isChained = true }
        raw.append(JSONText.serialize(Self.short(event)), number: event["seq"]?.integer)
        if EventWords.isDenial(event) {
            denied = Self.sum(denied, .integer(max(1, (event["count"] ?? event["denied"])?.integer ?? 1)))
        }
        noteRun(name, event)
        noteNetwork(name, event)
        noteWork(name, event)
        if Self.isMoment(name, event) { moments.append((time ?? "", EventWords(event))) }
    }

    /// The record without the whole policy that it may carry: that is long, and has variables that may be secret.
    private static func short(_ event: Document) -> Document {
        guard event["policy"]?.entries != nil else { return event }
        var event = event
        event["policy"] = .string("(left out here)")
        return event
    }

    /// Whether it is one of the few that a person reads one by one.
    private static func isMoment(_ name: String, _ event: Document) -> Bool {
        switch name {
        case "dns", "connect", "disconnect", "file", "sample", "denied", "calls-untold", "files-untold",
            "share":
            false
        case "exec": !EventWords.isProgramStart(event)
        default: true
        }
    }

    private mutating func noteRun(_ name: String, _ event: Document) {
        switch name {
        case "log": logID = event["id"]?.string ?? logID
        case "start":
            if let run { runs.append(run) }
            runCount += 1
            let began = event["time"]?.string ?? ""
            policyHash = event["policy-hash"]?.string ?? policyHash
            if event["network"]?.string == "none" { startsWithoutNetwork += 1 }
            run = Run(number: runCount, began: began, beganAt: latest, endedAt: latest)
            processes.beginRun()
        case "end", "restart":
            run?.ended = event["time"]?.string
            run?.reason = name == "restart" ? "restarted" : event["reason"]?.string
            run?.exitCode = event["exit-code"]?.integer
        default: break
        }
        guard let current = run, current.ended == nil || name == "end" || name == "restart" else { return }
        run?.endedAt = max(current.endedAt, latest)
        for lane in Lane.lanes(of: event) {
            let count = Int(clamping: max(1, event["count"]?.integer ?? 1))
            run?.lanes[lane.rawValue].add(at: latest - current.beganAt, count)
        }
    }

    private mutating func noteNetwork(_ name: String, _ event: Document) {
        switch name {
        case "connect", "disconnect":
            let host = event["host"]?.string ?? event["address"]?.string ?? "?"
            hosts.change(host, new: HostTraffic()) { $0.add(event) }
            if name == "connect", event["verdict"]?.string == "allowed" { connections += 1 }
            if name == "disconnect" {
                sent = Self.sum(sent, event["sent"])
                received = Self.sum(received, event["received"])
            }
        case "dns":
            names.change(event["name"]?.string ?? "?", new: 0) { $0 += 1 }
        case "network-untold": untold = Self.sum(untold, event["count"])
        default: break
        }
    }

    private static func sum(_ count: Int64, _ more: Document?) -> Int64 {
        let (sum, overflow) = count.addingReportingOverflow(max(0, more?.integer ?? 0))
        return overflow ? .max : sum
    }

    private mutating func noteWork(_ name: String, _ event: Document) {
        let time = event["time"]?.string ?? ""
        switch name {
        case "exec" where EventWords.isProgramStart(event): processes.add(event)
        case "calls-untold":
            uncounted = Self.sum(uncounted, event["executed"])
            uncountedCalls = Self.sum(uncountedCalls, event["denied"])
        case "exit", "program-exit": processes.end(event)
        case "sample": samples.add(event, at: latest)
        case "files-untold":
            filesUntold = Self.sum(filesUntold, event["count"])
            if event["cut"]?.bool == true { filesCut = true }
        case "file":
            guard let path = event["path"]?.string else { return }
            files.change(path, new: FileChange()) { file in
                let change = (event["change"] ?? event["kind"])?.string ?? "changed"
                if file.changes.count < 4, !file.changes.contains(change) { file.changes.append(change) }
                file.count += 1
                file.lastTime = time
            }
        case "denied":
            let number = event["number"]?.integer.map { "call \($0)" }
            let key = DeniedCall.Key(
                call: (event["call"] ?? event["name"] ?? event["syscall"])?.string ?? number ?? "?",
                program: event["program"]?.string ?? "",
                answer: (event["errno"] ?? event["answer"])?.string ?? "",
                why: event["why"]?.string ?? ""
            )
            let new = DeniedCall(firstTime: time, lastTime: time)
            calls.change(key, new: new) { call in
                call.count = Self.sum(call.count, .integer(max(1, event["count"]?.integer ?? 1)))
                call.lastTime = time
                call.suggestion = event["would-allow"]?.string ?? call.suggestion
            }
        default: break
        }
    }

    /// The runs that are drawn, oldest first.
    var shownRuns: [Run] { runs.last + (run.map { [$0] } ?? []) }

    /// The system calls that were refused, by name.
    package var deniedCalls: Set<String> { Set(calls.keys.map(\.call)) }

    /// The page.
    package func page() -> String { ReportPage(report: self).html.text }
}
