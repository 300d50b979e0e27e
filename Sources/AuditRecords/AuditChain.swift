// Verifies a log: each record carries the hash of the one before it, and the head the hash of the last. A chain proves
// what lies before a point that is trusted, so that trust runs from the head backwards; a record that neither fits what
// is before it nor what follows was put there, one that fits only what is before it was changed.

internal import ClocheModel
internal import StructuredText

/// Verifies the files of one log, oldest first.
package struct AuditChain {
    /// One record as far as the chain is concerned.
    private struct Link {
        let sequence: Int64
        let previous: RecordHash
        let hash: RecordHash
        let file: String
        let line: Int
        /// Where its line ends in its file.
        let end: Int64
    }

    private static let mostFindings = 100

    private let owner: String?
    /// The one that hashes are compared with.
    private var log: String?
    private let wanted: Set<Int64>
    private let head: LogHead?
    private var report = ChainReport()
    /// The last record that was judged, or rather: all about it but what follows it.
    private var before: Link?
    /// One that does not follow `before`; the next one tells which of the two is wrong.
    private var doubtful: Link?
    private var file = ""
    private var headFound = false
    /// The number of a line that was no record, right before the next.
    private var skipped: Int64?
    /// The numbers of the first file that is there, and of the oldest that must be.
    private var firstFile: Int64?
    private var oldestKept: Int64?
    private var tornAt: (file: String, line: Int, bytes: Int)?

    /// Begins.
    ///
    /// - Parameters:
    ///   - log: the id that the agent's record has, if it has one.
    ///   - head: the log's head; nil when it is missing or cannot be read.
    ///   - wanted: numbers of records whose hashes are to be in the report.
    package init(log: String?, head: LogHead?, hashesOf wanted: Set<Int64> = []) {
        self.wanted = wanted
        owner = log ?? head?.log
        self.log = owner
        self.head = head
    }

    /// Reads the next file.
    ///
    /// - Parameters:
    ///   - name: what findings call it.
    ///   - bytes: all that it has.
    ///   - number: which file of the log it is; nil for the last.
    package mutating func read(_ name: String, _ bytes: [UInt8], number: Int64?) {
        file = name
        var line = 0
        var begin = bytes.startIndex
        while begin < bytes.endIndex {
            line += 1
            guard let end = bytes[begin...].firstIndex(of: UInt8(ascii: "\n")) else {
                let torn = bytes.count - begin
                tornAt = (name, line, torn)
                // Only the last file can be cut short by a crash.
                if number != nil || isBeforeHead(Int64(begin)) { unreadable(line) }
                return
            }
            take(bytes[begin..<end], line, end: Int64(end + 1))
            begin = end + 1
        }
    }

    /// Whether a place of the last file is one that the head says was written.
    private func isBeforeHead(_ place: Int64) -> Bool {
        guard let head, !headFound else { return false }
        return place < head.size
    }

    /// The number that the next record must have.
    private var expected: Int64 { ((doubtful ?? before)?.sequence ?? skipped ?? 0) + 1 }

    private mutating func note(
        _ problem: ChainFinding.Problem,
        _ sequence: Int64?,
        _ line: Int,
        _ text: String
    ) {
        note(problem, sequence, file, line, text)
    }

    private mutating func note(
        _ problem: ChainFinding.Problem,
        _ sequence: Int64?,
        _ file: String,
        _ line: Int,
        _ text: String
    ) {
        guard report.findings.count < Self.mostFindings else { return }
        report.findings.append(
            ChainFinding(problem: problem, sequence: sequence, file: file, line: line, text: text)
        )
    }

    // MARK: A record

    private mutating func unreadable(_ line: Int) {
        settleDoubt(nil)
        let sequence = expected
        note(.unreadable, sequence, line, "record \(sequence) should be here, and this is no record")
        report.records += 1
        // What follows is compared with the place, and with nothing else.
        before = nil
        skipped = sequence
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>, _ line: Int, end: Int64) {
        guard let (sequence, previous) = AuditRecord.link(bytes) else { return unreadable(line) }
        if line == 1 { beginFile(bytes, sequence, previous) }
        let hash = RecordHash(bytes, in: log ?? "")
        let link = Link(
            sequence: sequence,
            previous: previous,
            hash: hash,
            file: file,
            line: line,
            end: end
        )
        report.records += 1
        if wanted.contains(sequence) { report.hashes[sequence] = hash }
        if let (covered, hash) = AuditRecord.signed(bytes) {
            report.signs.append(ChainSign(sequence: sequence, covered: covered, hash: hash))
        }
        settleDoubt(link)
        if let skipped {
            self.skipped = nil
            if sequence != skipped + 1 { misplaced(link, expected: skipped + 1) }
        } else if let before {
            if sequence != before.sequence + 1 {
                misplaced(link, expected: before.sequence + 1)
            } else if previous != before.hash {
                doubtful = link
                return
            }
        }
        accept(link)
    }

    private mutating func accept(_ link: Link) {
        before = link
        guard let head, link.sequence == head.end.sequence, !headFound else { return }
        // A record with that number and another content is judged at the end, when nothing else has been found.
        if link.hash == head.end.hash && link.end == head.size { headFound = true }
    }

    /// The first record of a file; that of the first file is the chain's beginning.
    private mutating func beginFile(_ bytes: ArraySlice<UInt8>, _ sequence: Int64, _ previous: RecordHash) {
        // Anything but an object with these keys is told below.
        let record = try? JSONText.parse(Array(bytes))
        let isLog = record?["event"]?.string == EventKind.log.name
        let continued = record?["continues"]?.integer
        if isLog { oldestKept = record?["oldest"]?.integer }
        guard report.records == 0 else { return }
        (report.first, report.firstPrevious) = (sequence, previous)
        report.log = record?["id"]?.string
        firstFile = (continued ?? 0) + 1
        if isLog, let log, let found = report.log, found != log {
            note(.otherLog, sequence, 1, "this is the log \(found), and the agent's is \(log)")
            // That is why none of its records fits: it is told once.
            self.log = found
        } else if !isLog || sequence > 1 && continued == nil {
            note(.missing, 1, 1, "the log does not begin with its first record, but with record \(sequence)")
        } else if sequence == 1, let log, previous != RecordHash([], in: log) {
            note(.altered, 1, 1, "record 1 is not how the log \(log) begins")
        }
    }

    private mutating func misplaced(_ link: Link, expected: Int64) {
        if link.sequence > expected {
            let last = link.sequence - 1
            let which = last == expected ? "record \(expected) is" : "records \(expected) to \(last) are"
            note(.missing, expected, link.file, link.line, "\(which) not here; record \(link.sequence) is")
        } else {
            let text = "record \(expected) should be here, and record \(link.sequence) is"
            note(.misplaced, expected, link.file, link.line, text)
        }
    }

    /// Judges the one that did not follow the one before it.
    private mutating func settleDoubt(_ next: Link?) {
        guard let link = doubtful, let before else { return }
        doubtful = nil
        let isVouchedFor: Bool
        if let next, next.sequence == link.sequence + 1 {
            isVouchedFor = next.previous == link.hash
        } else {
            isVouchedFor = next == nil && head?.end.sequence == link.sequence && head?.end.hash == link.hash
        }
        if isVouchedFor {
            let text =
                "record \(before.sequence) was changed: record \(link.sequence) was written after another one"
            note(.altered, before.sequence, before.file, before.line, text)
        } else {
            let text = "record \(link.sequence) was not written after record \(before.sequence)"
            note(.foreign, link.sequence, link.file, link.line, text)
        }
        accept(link)
    }

    // MARK: The end

    /// What was found out.
    package mutating func finish() -> ChainReport {
        settleDoubt(nil)
        if let before {
            report.last = ChainEnd(sequence: before.sequence, hash: before.hash)
        }
        judgeFiles()
        judgeHead()
        if let torn = tornAt,
            !report.findings.contains(where: { $0.line == torn.line && $0.file == torn.file })
        {
            let text = "\(torn.bytes) bytes of a record that was being written when its writer was killed"
            note(.torn, before.map { $0.sequence + 1 }, torn.file, torn.line, text)
        }
        return report
    }

    /// Whether files are missing that no retention took away.
    private mutating func judgeFiles() {
        guard let oldestKept, let firstFile, firstFile > oldestKept, let first = report.first else { return }
        let text =
            "record \(first - 1) and those before it are not there; their files, from \(oldestKept) on, were kept"
        let finding = ChainFinding(problem: .missing, sequence: first - 1, file: "", line: 0, text: text)
        report.findings.insert(finding, at: 0)
    }

    private mutating func judgeHead() {
        guard let head else {
            return note(.headless, nil, "", 0, "the log's head is missing or cannot be read")
        }
        if let owner, head.log != owner {
            note(.otherLog, nil, "", 0, "the head is of the log \(head.log), and the agent's is \(owner)")
        }
        if headFound || head.end.sequence == 0 { return }
        let number = head.end.sequence
        let last = before?.sequence ?? skipped ?? 0
        if last < number {
            let which = last + 1 == number ? "record \(number) is" : "records \(last + 1) to \(number) are"
            note(.missing, last + 1, file, 0, "\(which) not there; the log's head has \(number) as the last")
        } else if report.findings.isEmpty {
            note(.altered, number, file, 0, "record \(number) is another one than the log's head says")
        }
    }
}
