import Testing

@testable import NetworkMessages

@Suite struct HTTPRequestTests {
    @Test func reads() {
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        guard case .found(let head, _) = HTTPRequestHead.parse(bytes.span) else {
            Issue.record("no")
            return
        }
        #expect(head.authority?.host == "a")
    }
}
