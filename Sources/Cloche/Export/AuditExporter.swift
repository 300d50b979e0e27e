// Sends a log to one destination, in a process of its own: a command of a person's, or a child of the supervisor. Records
// are read from the files on disk, so that a destination that is slow, or away, makes nobody wait and loses nothing: this
// process is behind, and nothing more. What was sent is sent again only when a crash comes between sending and noting it.

internal import AgentStore
internal import AuditExport
internal import AuditRecords
internal import AuditReport
internal import ClocheModel
internal import LinuxSystem
internal import TerminalText

/// Sends the records of one log.
final class AuditExporter {
    private let tail: AuditTail
    private let source: ExportSource
    private let target: any ExportTarget
    private let wait: ExportWait
    private let isWanted: (Document) -> Bool
    /// Whether it ends at once where a person must mend something before anything can be sent.
    private let givesUp: Bool
    /// Told of each problem when it begins, and with nil when it is over.
    private let report: (String?) -> Void

    /// The last record that the destination has.
    private(set) var sent: AuditLine?
    /// How many records went out, and how many the destination did not want.
    private(set) var count = 0
    private(set) var refused: Int64 = 0
    /// The first record that was not wanted, if it is known which it was, and why.
    private(set) var firstRefusal: (record: Int64?, why: String)?
    private var problem: String?
    /// How many records are sent at once; fewer after a batch was refused, to find the one that is not wanted.
    private var most = AuditExporter.mostRecords

    private static let mostRecords = 512
    private static let mostBytes = 1 << 20
    /// Milliseconds between looks at a log that has nothing new.
    private static let pause: Int64 = 200
    /// Milliseconds until a destination is tried again: this, then twice that, up to the last.
    private static let (firstDelay, lastDelay): (Int64, Int64) = (250, 30_000)

    init(
        _ tail: AuditTail,
        from source: ExportSource,
        to target: any ExportTarget,
        _ wait: ExportWait,
        givesUp: Bool = false,
        where isWanted: @escaping (Document) -> Bool = { _ in true },
        report: @escaping (String?) -> Void
    ) {
        (self.tail, self.source, self.target, self.wait) = (tail, source, target, wait)
        (self.givesUp, self.isWanted, self.report) = (givesUp, isWanted, report)
    }

    /// Where to go on after the last record that was sent.
    var end: ChainEnd? { sent.map(tail.end) }
    /// How many records were removed before their turn.
    var missed: Int64 { tail.missed }

    /// The destination that a text names.
    static func target(_ text: String, _ wait: ExportWait, outside forbidden: [String]) throws(ClocheError)
        -> any ExportTarget
    {
        do throws(DestinationError) {
            switch try ExportDestination(text) {
            case .journald(let socket): return DatagramTarget(socket, .journal, wait)
            case .syslog(let socket): return DatagramTarget(socket, .syslog, wait)
            case .file(let path): return FileTarget(path, outside: forbidden)
            case .otlp(let collector, let port, let path): return CollectorTarget(collector, port, path, wait)
            }
        } catch {
            throw ClocheError(
                .usage,
                "\(visible(text)) is no destination",
                why: error.why,
                remedy: "one of \(ExportDestination.forms)"
            )
        }
    }

    /// Sends what is on record, and, with `isFollowing`, what comes until that says no.
    ///
    /// - Parameters:
    ///   - isFollowing: asked before each last look; a destination that is away is waited for as long as it says yes.
    ///   - note: called when something has been sent for good, once in a while.
    /// - Throws: when the log cannot be read; also why the destination takes nothing, when nobody follows, or where
    ///   waiting does not help and it gives up.
    func run(
        while isFollowing: () throws(ClocheError) -> Bool,
        note: () throws(ClocheError) -> Void = {}
    ) throws(ClocheError) {
        var noted = MonotonicClock.milliseconds
        var isNoted = true
        while true {
            let goesOn = try isFollowing() && !wait.isEnding
            let lines = try tail.next(atMost: Self.mostRecords, bytes: Self.mostBytes)
            if !lines.isEmpty {
                isNoted = false
                try deliver(lines, orThrow: !goesOn && !wait.isEnding)
                if wait.isOver { break }
            }
            if lines.isEmpty || MonotonicClock.milliseconds - noted >= 1000, !isNoted {
                settle()
                try note()
                (noted, isNoted) = (MonotonicClock.milliseconds, true)
            }
            guard lines.isEmpty else { continue }
            if !goesOn { return }
            pause(Self.pause)
        }
        settle()
        try note()
    }

    private func pause(_ milliseconds: Int64) {
        // It waits a second time if it cannot the first time.
        do { try wait.wait(milliseconds: milliseconds) } catch {
            Pause.milliseconds(Int32(clamping: milliseconds))
        }
    }

    private func settle() {
        do throws(ExportProblem) { try target.settle() } catch { tell(error.why) }
    }

    private func tell(_ problem: String?) {
        let shown = problem.map { visible($0, limit: 500) }
        if shown == self.problem { return }
        self.problem = shown
        report(shown)
    }

    // MARK: Sending

    private func deliver(_ lines: [AuditLine], orThrow isLastTry: Bool) throws(ClocheError) {
        var records: [(record: ExportRecord, line: AuditLine)] = []
        for line in lines {
            guard let record = ExportRecord(line.bytes, from: source, words: words), isWanted(record.event)
            else {
                continue
            }
            records.append((record, line))
        }
        var rest = records[...]
        var delay = Self.firstDelay
        while !rest.isEmpty {
            let batch = rest.prefix(most)
            do throws(ExportProblem) {
                let taken = try target.send(batch.map(\.record)[...])
                took(&rest, taken.count)
                if taken.refused > 0 {
                    if firstRefusal == nil { firstRefusal = (record: nil, why: taken.why) }
                    refuse(taken.refused, "\(taken.refused) records are not wanted: \(taken.why)")
                } else {
                    tell(nil)
                }
                (delay, most) = (Self.firstDelay, min(Self.mostRecords, most * 2))
            } catch {
                switch error.outcome {
                case .never where batch.count > 1: most = max(1, batch.count / 2)
                case .never:
                    took(&rest, 1)
                    let number = batch.first?.record.sequence
                    if firstRefusal == nil { firstRefusal = (record: number, why: error.why) }
                    refuse(1, "record \(number ?? 0) is not wanted: \(error.why)")
                case .again(let milliseconds):
                    // One that took records once may well do so again.
                    if givesUp, error.remedy != nil, count == 0 { throw failure(error) }
                    tell(error.why)
                    if isLastTry { throw failure(error) }
                    pause(min(max(milliseconds ?? 0, delay), Self.lastDelay))
                    delay = min(delay * 2, Self.lastDelay)
                }
            }
            if wait.isOver { return }
        }
        sent = lines.last
    }

    private func took(_ rest: inout ArraySlice<(record: ExportRecord, line: AuditLine)>, _ taken: Int) {
        sent = rest.prefix(taken).last?.line ?? sent
        rest = rest.dropFirst(taken)
        count += taken
    }

    private func refuse(_ records: Int64, _ why: String) {
        refused += records
        count -= Int(records)
        tell(why)
    }

    private func failure(_ problem: ExportProblem) -> ClocheError {
        let end = sent.map { "; records up to \($0.sequence) were sent" } ?? ""
        return ClocheError(
            .system,
            "cannot send the audit log",
            why: visible(problem.why, limit: 500) + end,
            remedy: problem.remedy.map { visible($0, limit: 500) }
                ?? "with -f a destination that is away is waited for while the agent runs"
        )
    }

    /// A record as a line for people, with its agent in front.
    private func words(_ event: Document) -> String {
        let words = EventWords(event)
        let parts = [words.name, words.verdict, words.text].filter { !$0.isEmpty }
        return "\(source.agent): " + parts.joined(separator: " ")
    }
}
