// The status of a response, and where its head ends.

import Testing

@testable import NetworkMessages

@Suite struct HTTPResponseTests {
    @Test func readsTheStatus() {
        let bytes = Array("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\u{1}".utf8)
        for end in 0..<13 {
            #expect(HTTPResponseHead.parseStatus(bytes.span.extracting(0..<end)) == .needMore)
        }
        #expect(HTTPResponseHead.parseStatus(bytes.span) == .found(HTTPResponseHead(status: 101), length: 12))
        var reader = HTTPResponseReader()
        for end in 0..<bytes.count - 1 { #expect(reader.read(bytes.span.extracting(0..<end)) == .needMore) }
        #expect(reader.read(bytes.span) == .found(HTTPResponseHead(status: 101), length: bytes.count - 1))
    }

    @Test func tellsAnswersFromNotices() {
        let interim = [
            100: true, 101: false, 102: true, 103: true, 199: true, 200: false, 404: false, 999: false,
        ]
        for (status, expected) in interim { #expect(HTTPResponseHead(status: status).isInterim == expected) }
    }

    @Test(arguments: [
        "HTTP/1.1 200\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 404 Nicht gefunden: ü\r\nX: y\r\n\r\n",
    ]) func passes(_ text: String) {
        var reader = HTTPResponseReader()
        guard case .found(_, text.utf8.count) = reader.read(Array(text.utf8).span) else {
            Issue.record("no response")
            return
        }
    }

    @Test(arguments: [
        "HTTP/2 200\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n", "http/1.1 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 200 OK\n\n", "HTTP/1.1 200 OK\r\nX: y\rZ\r\n\r\n",
    ]) func refuses(_ text: String) {
        var reader = HTTPResponseReader()
        guard case .malformed = reader.read(Array(text.utf8).span) else {
            Issue.record("a response")
            return
        }
    }
}
