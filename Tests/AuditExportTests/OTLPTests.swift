// Records as OpenTelemetry logs, and what the answers of collectors mean.

import ClocheModel
import StructuredText
import Testing

@testable import AuditExport

private func attributes(_ list: Document?) -> [String: String] {
    let pairs = (list?.list ?? []).map { item in
        (
            item["key"]?.string ?? "",
            item["value"]?["stringValue"]?.string ?? item["value"]?["intValue"]?.string ?? "?"
        )
    }
    return Dictionary(pairs) { "twice: \($0) \($1)" }
}

@Test func recordsAreOneRequest() throws {
    let records = [sample("exec", ["path": .string(attack)]), sample("denied", sequence: 8)]
    let body = try JSONText.parse(OTLPRequest.body(records, now: 1_795_255_200_999))
    let logs = try #require(body["resourceLogs"]?.list)
    #expect(logs.count == 1)
    let resource = attributes(logs[0]["resource"]?["attributes"])
    #expect(resource["service.name"] == "cloche" && resource["cloche.agent"] == "fixer")
    #expect(resource["cloche.log"] == source.log)
    let found = try #require(logs[0]["scopeLogs"]?.list?.first?["logRecords"]?.list)
    try #require(found.count == 2)
    #expect(found[0]["timeUnixNano"]?.string == "1795255200123000000")
    #expect(found[0]["observedTimeUnixNano"]?.string == "1795255200999000000")
    #expect(found[0]["body"]?["stringValue"]?.string == text(records[0].line))
    let facts = attributes(found[0]["attributes"])
    #expect(facts["cloche.seq"] == "7" && facts["event.name"] == "cloche.exec")
    #expect(facts["cloche.message"] == attack)
    #expect(found[1]["severityNumber"]?.integer == 13 && found[1]["severityText"]?.string == "WARN")
}

private func answer(_ text: String) -> HTTPAnswer? { HTTPAnswer(Array(text.utf8)) }

@Test func answersAreRead() throws {
    #expect(answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n") == nil)
    let cut = try #require(answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"))
    #expect(cut.status == 200 && !cut.isWhole)
    #expect(try #require(answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")).isWhole)
    #expect(try #require(answer("HTTP/1.1 204 No Content\r\n\r\n")).isWhole)
    let interim = try #require(
        answer(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 503 Busy\r\nRETRY-AFTER: \t7\r\ncontent-length: 0\r\n\r\n"
        )
    )
    #expect(interim.status == 503 && interim.isWhole && interim.header("retry-after") == "7")
    #expect(try #require(answer("SSH-2.0-x\r\n\r\n")).status == 0)
    #expect(try #require(answer("\r\n\r\n")).status == 0)
    #expect(try #require(answer("HTTP/1.1 -1 x\r\n\r\n")).status == -1)
}

@Test(arguments: [
    ("200 OK", "", OTLPOutcome.taken(rejected: 0, why: "")),
    ("200 OK", "{}", .taken(rejected: 0, why: "")),
    (
        "200 OK", "{\"partialSuccess\":{\"rejectedLogRecords\":\"3\",\"errorMessage\":\"no\"}}",
        .taken(rejected: 3, why: "no")
    ),
    ("503 Busy", "", .later(why: "the collector answers 503", milliseconds: 4000)),
    ("429 Slow", "", .later(why: "the collector answers 429", milliseconds: 4000)),
    ("404 Not", "where", .later(why: "the collector answers 404: where", milliseconds: 4000)),
    ("302 There", "", .later(why: "the collector answers 302", milliseconds: 4000)),
    ("400 Bad", "b", .refused(why: "the collector answers 400: b")),
    ("413 Large", "", .refused(why: "the collector answers 413")),
    ("-7 x", "", .later(why: "the collector answers -7", milliseconds: 4000)),
])
func answersMean(status: String, body: String, outcome: OTLPOutcome) throws {
    let read = try #require(answer("HTTP/1.1 \(status)\r\nRetry-After: 4\r\n\r\n\(body)"))
    #expect(OTLPOutcome(read) == outcome)
}

@Test(arguments: ["soon", "-3", "99999999999999999999", "7200", "Sat, 21 Nov 2026 10:00:00 GMT"])
func anOddRetryAfterIsNone(value: String) throws {
    let read = try #require(answer("HTTP/1.1 503 x\r\nRetry-After: \(value)\r\n\r\n"))
    #expect(OTLPOutcome(read) == .later(why: "the collector answers 503", milliseconds: nil))
}

@Test func aRequestHasAHead() {
    let head = text(HTTPPost.head(path: "/v1/logs", authority: "127.0.0.1:4318", length: 12))
    #expect(head.hasPrefix("POST /v1/logs HTTP/1.1\r\nHost: 127.0.0.1:4318\r\n"))
    #expect(head.contains("\r\nContent-Length: 12\r\n") && head.hasSuffix("\r\nConnection: close\r\n\r\n"))
}
