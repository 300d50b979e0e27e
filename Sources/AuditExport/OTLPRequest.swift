// Records as OpenTelemetry logs: the JSON form of ExportLogsServiceRequest
// (https://opentelemetry.io/docs/specs/otlp/#otlphttp), and what a collector's answer means.

internal import ClocheModel
internal import StructuredText

/// A request of OTLP over HTTP.
package enum OTLPRequest {
    /// The body with these records, all of one log.
    package static func body(_ records: some Collection<ExportRecord>, now: Int64) -> [UInt8] {
        guard let source = records.first?.source else { return [] }
        let resource = [
            attribute("service.name", "cloche"), attribute("cloche.agent", source.agent),
            attribute("cloche.project", source.project),
            attribute("cloche.log", source.log),
        ]
        let logs = Document.object([
            "resource": .object(["attributes": .list(resource)]),
            "scopeLogs": .list([
                .object([
                    "scope": .object(["name": .string("cloche.audit")]),
                    "logRecords": .list(records.map { logRecord($0, now) }),
                ])
            ]),
        ])
        return JSONText.serializeBytes(.object(["resourceLogs": .list([logs])]))
    }

    private static func logRecord(_ record: ExportRecord, _ now: Int64) -> Document {
        let severity = record.severity.otlp
        return .object([
            "timeUnixNano": nanoseconds(record.time ?? now),
            "observedTimeUnixNano": nanoseconds(now),
            "severityNumber": .integer(severity.number),
            "severityText": .string(severity.text),
            // The record itself, so that a receiver can verify the chain.
            "body": .object(["stringValue": .string(String(decoding: record.line, as: UTF8.self))]),
            "attributes": .list([
                attribute("event.name", "cloche.\(record.kind)"), attribute("cloche.level", record.level),
                .object([
                    "key": .string("cloche.seq"),
                    "value": .object(["intValue": .string(String(record.sequence))]),
                ]),
                attribute("cloche.message", record.message),
            ]),
        ])
    }

    /// 64 bits stand as text in this JSON.
    private static func nanoseconds(_ milliseconds: Int64) -> Document {
        .string(milliseconds <= 0 ? "0" : "\(milliseconds)000000")
    }

    private static func attribute(_ key: String, _ value: String) -> Document {
        .object(["key": .string(key), "value": .object(["stringValue": .string(value)])])
    }
}

/// What a collector's answer means for the records that it was sent.
package enum OTLPOutcome: Equatable, Sendable {
    /// It has them; some it may have refused, and says why.
    case taken(rejected: Int64, why: String)
    /// Later, at the earliest after so many milliseconds if it says so.
    case later(why: String, milliseconds: Int64?)
    /// It will never take these.
    case refused(why: String)

    /// Judges an answer.
    package init(_ answer: HTTPAnswer) {
        switch answer.status {
        case 200..<300:
            // Most answers have no body; one that cannot be read says nothing of importance.
            let partial = (try? JSONText.parse(answer.body))?["partialSuccess"]
            let rejected = partial?["rejectedLogRecords"]
            let count = rejected?.integer ?? rejected?.string.flatMap { Int64($0) } ?? 0
            self = .taken(rejected: max(0, count), why: partial?["errorMessage"]?.string ?? "")
        case 400, 413, 422:
            self = .refused(why: Self.text(answer))
        default:
            // Also what a person must put right, such as a wrong path: the log keeps the records until then.
            let seconds = answer.header("retry-after").flatMap { Int64($0) }
            let milliseconds = seconds.flatMap { 0...3600 ~= $0 ? $0 * 1000 : nil }
            self = .later(why: Self.text(answer), milliseconds: milliseconds)
        }
    }

    private static func text(_ answer: HTTPAnswer) -> String {
        let body = String(decoding: answer.body.prefix(300), as: UTF8.self)
        return "the collector answers \(answer.status)" + (body.isEmpty ? "" : ": \(body)")
    }
}
