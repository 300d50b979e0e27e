// What happened to an agent, one JSON object a line, appended by the supervisor and by commands. It lies in
// the agent's directory on the host, which no sandbox shows.

package import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import StructuredText

/// An agent's audit log.
package struct AuditLog: Sendable {
    private let path: String

    /// The log of an agent.
    package init(_ directory: AgentDirectory) { path = directory.auditLog }

    /// Appends one event; it outlives every kill of any process, and a power cut some seconds later.
    ///
    /// - Throws: when it cannot be written; whoever does something that must be recorded stops then.
    package func append(_ event: String, _ facts: KeyValuePairs<String, Document> = [:]) throws(ClocheError) {
        try append([(event, facts.map { Document.Entry($0.key, $0.value) })])
    }

    /// Appends several events at once, as of now.
    ///
    /// - Throws: as for one; some may have been written.
    package func append(_ events: [(event: String, facts: [Document.Entry])]) throws(ClocheError) {
        let time = Document.string(WallClock.format(WallClock.milliseconds))
        let user = Document.integer(Int64(CurrentUser.id))
        var lines: [UInt8] = []
        for (event, facts) in events {
            var record = Document.object(["time": time, "event": .string(event), "user": user])
            for fact in facts { record[fact.key] = fact.value }
            lines += Array((JSONText.serialize(record) + "\n").utf8)
        }
        do throws(SystemError) {
            let file = try Files.open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW)
            try file.write(lines)
        } catch {
            throw ClocheError(
                .system,
                "cannot write the audit log",
                why: "\(path): \(error.errno)",
                remedy: "free some space; an agent is not run without its log"
            )
        }
    }

    /// All events, oldest first; a torn last line is left out.
    package func events() throws(ClocheError) -> [Document] {
        try events { path throws(SystemError) in try Files.read(path) }
    }

    /// The events that are wholly in the last so many bytes, oldest first.
    package func latestEvents(bytes: Int) throws(ClocheError) -> [Document] {
        try events { path throws(SystemError) in
            let file = try Files.open(path, O_RDONLY | O_NOFOLLOW)
            let skipped = try Files.status(of: file).size - Int64(bytes)
            guard skipped > 0 else { return try file.readToEnd() }
            try file.rewind(to: skipped)
            // The first line may be the rest of one.
            return Array(try file.readToEnd().drop { $0 != UInt8(ascii: "\n") })
        }
    }

    private func events(_ read: (String) throws(SystemError) -> [UInt8]) throws(ClocheError) -> [Document] {
        do throws(SystemError) {
            let lines = try read(path).split(separator: UInt8(ascii: "\n"))
            // A line that does not parse is one that a crash cut short.
            return lines.compactMap { try? JSONText.parse(Array($0), file: path) }
        } catch  where error.errno == .noEntry {
            return []
        } catch {
            throw ClocheError(.system, "cannot read the audit log", why: "\(path): \(error.errno)")
        }
    }
}
