// An audit log that anybody may have written: its chain is judged, its records are shown and become a page.

import AuditRecords
import ClocheModel
import StructuredText

@testable import AuditReport

/// A log is judged without a crash, found whole only if its records follow each other, and its words are harmless.
@Sendable func fuzzAudit(_ bytes: [UInt8]) {
    // A head first, if there is one; it may be cut anywhere.
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    let head = LogHead(Array(parts[0]))
    let log = parts.count > 1 ? Array(parts[1]) : Array(parts[0])
    var chain = AuditChain(log: nil, head: head, hashesOf: [1])
    chain.read("audit.jsonl", log, number: nil)
    let report = chain.finish()
    let lines = log.split(separator: 0x0a, omittingEmptySubsequences: false)
    require(report.records <= lines.count, "no more records than lines")
    if report.findings.isEmpty {
        require(head != nil, "a log without a head is not whole")
        requireChain(lines.dropLast(), head?.log ?? "")
    }
    requireWords(lines)
}

/// Follows the hashes once more.
private func requireChain(_ lines: ArraySlice<ArraySlice<UInt8>>, _ id: String) {
    var last: RecordHash?
    for line in lines {
        guard let link = AuditRecord.link(line) else { fatalError("a whole log has records only") }
        if let last { require(link.previous == last, "each record follows the one before it") }
        last = RecordHash(line, in: id)
    }
}

private func requireWords(_ lines: [ArraySlice<UInt8>]) {
    var page = AuditReport(subject)
    for line in lines {
        // Most inputs are no JSON.
        guard let event = try? JSONText.parse(Array(line)), event.entries != nil else { continue }
        let words = EventWords(event)
        for text in [words.name, words.verdict, words.text] {
            let isOneLine = !text.contains("\n")
            require(isOneLine && text.unicodeScalars.allSatisfy(isPlain), "plain: \(text.debugDescription)")
        }
        page.add(event)
    }
    let html = page.page()
    require(!html.lowercased().contains("<script"), "no script")
    require(html.unicodeScalars.allSatisfy(isPlain), "no character of the page drives or hides anything")
}

private let subject = ReportSubject(
    AgentRecord(
        name: "fixer",
        project: "/project",
        workspace: .empty,
        access: .readWrite,
        workspacePath: "/workspace",
        profile: "shell",
        effective: .object([:]),
        task: "task",
        created: 1_795_255_200_000
    ),
    state: .exited,
    made: 1_795_255_300_000,
    version: "0.1.0"
)
