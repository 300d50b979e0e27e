// One record as it goes out. Its text came from an agent in part: it is one line of JSON that is copied as it is, or
// values of that, which each encoder puts where no text can become structure.

package import ClocheModel
internal import StructuredText

/// Whose log a record is from.
///
/// A record itself does not say it; with its number, that tells doubles.
package struct ExportSource: Equatable, Sendable {
    /// The agent's name.
    package let agent: String
    /// The project's directory.
    package let project: String
    /// The log's id.
    package let log: String

    /// Names a log.
    package init(agent: String, project: String, log: String) {
        (self.agent, self.project, self.log) = (agent, project, log)
    }
}

/// How much a record asks for a person.
package enum ExportSeverity: Equatable, Sendable {
    case information
    /// Something was not allowed, or went over a limit.
    case warning
    /// The agent failed.
    case error

    /// As syslog and the journal count.
    var syslog: Int {
        switch self {
        case .information: 6
        case .warning: 4
        case .error: 3
        }
    }

    /// As OpenTelemetry counts, with its word.
    var otlp: (number: Int64, text: String) {
        switch self {
        case .information: (9, "INFO")
        case .warning: (13, "WARN")
        case .error: (17, "ERROR")
        }
    }
}

/// A record on its way out.
package struct ExportRecord: Equatable, Sendable {
    /// Whose it is.
    package let source: ExportSource
    /// The record as the log has it, without its newline.
    package let line: [UInt8]
    /// The same, read.
    package let event: Document
    /// The record in words, for people.
    package let message: String

    /// A line of a log; nil when it is no record.
    package init?(_ line: [UInt8], from source: ExportSource, words: (Document) -> String) {
        // What is no record was made by no writer of ours; `audit verify` names it.
        guard let event = try? JSONText.parse(line), event.entries != nil, event["seq"]?.integer != nil else {
            return nil
        }
        self.source = source
        self.line = line
        self.event = event
        message = words(event)
    }

    /// Its number in its log.
    package var sequence: Int64 { event["seq"]?.integer ?? 0 }
    /// The kind of event.
    package var kind: String { event["event"]?.string ?? "" }
    /// What it takes to have it on record.
    package var level: String { event["level"]?.string ?? "" }
    /// When it happened, as the log has it.
    var timeText: String { event["time"]?.string ?? "" }
    /// When it happened, in milliseconds since 1970.
    package var time: Int64? { Timestamp.parse(timeText) }

    /// What a person should make of it.
    package var severity: ExportSeverity {
        switch kind {
        case "denied", "limit": return .warning
        case "end" where event["failure"]?.string != nil: return .error
        default:
            let verdict = event["verdict"]?.string
            return verdict == "refused" || verdict == "denied" ? .warning : .information
        }
    }

    /// The line with whose it is in front, `{"cloche":{"agent":...,"log":...},` and on as in the log.
    package var identified: [UInt8] { Self.identified(line, source) }

    private static func identified(_ line: [UInt8], _ source: ExportSource) -> [UInt8] {
        let front = JSONText.serializeBytes(
            .object(["cloche": .object(["agent": .string(source.agent), "log": .string(source.log)])])
        )
        return front.dropLast() + [UInt8(ascii: ",")] + line.drop { $0 != UInt8(ascii: "{") }.dropFirst()
    }

    /// The same in at most so many bytes: of a record that is longer, facts are left out and named in `left-out`.
    package func identified(atMost limit: Int) -> [UInt8] {
        let whole = identified
        if whole.count <= limit { return whole }
        var kept: [Document.Entry] = []
        var dropped: [Document] = []
        // The rest is for the names of what was left out, and `prev`.
        var room = limit / 2
        for entry in event.entries ?? [] {
            let size = JSONText.serializeBytes(entry.value).count + entry.key.utf8.count + 4
            if size <= min(room, limit / 8) || entry.key == "prev" && size <= 100 {
                kept.append(entry)
                room -= size
            } else if dropped.count < 32 {
                dropped.append(.string(String(entry.key.unicodeScalars.prefix(40))))
            }
        }
        kept.append(.init("left-out", .list(dropped)))
        return Self.identified(JSONText.serializeBytes(.map(kept)), source)
    }
}
