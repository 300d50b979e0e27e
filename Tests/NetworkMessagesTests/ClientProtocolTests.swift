// What a connection begins with: clients of all kinds, and disguises that some server sees through.

import Testing

@testable import NetworkMessages

@Suite struct ClientProtocolTests {
    private func recognize(_ text: String) -> ClientProtocol? {
        ClientProtocol.recognize(Array(text.utf8).span)
    }

    @Test(arguments: HelloSample.all) func knowsHellos(_ sample: HelloSample) {
        #expect(ClientProtocol.recognize(sample.bytes.span) == .tls)
        #expect(ClientProtocol.recognize(sample.bytes.span.extracting(0..<2)) == .tls)
        #expect(ClientProtocol.recognize(sample.bytes.span.extracting(0..<1)) == nil)
        #expect(ClientProtocol.recognize(sample.bytes.span.extracting(0..<0)) == nil)
    }

    @Test func knowsOddHellos() {
        // SSL 2 that offers TLS 1.0; an alert and other records before a hello.
        #expect(ClientProtocol.recognize([0x80, 0x2E, 1, 3, 1].span) == .tls)
        #expect(ClientProtocol.recognize([0x80, 0x2E, 1, 0, 2].span) == .tls)
        #expect(ClientProtocol.recognize([0x80, 0x2E, 1].span) == nil)
        for type: UInt8 in 0x14...0x18 { #expect(ClientProtocol.recognize([type, 3, 3].span) == .tls) }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n", "get /", "POST  /", "CONNECT a:443", "GET \r/x\rHTTP/1.1\r\n", "GET x\r\n",
        "FOO\r/x\rHTTP/1.1\r", "get\r/x", "gEt x\r\n", "GET\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET\t/",
        "GET http://a/\r\n", "get x HTTP/1.1", "PURGE http://a/",
        "GET /\r\n",
        "\r\nGET / HTTP/1.1", "\n\n GET /", "\u{B}\u{C}\u{1F}HEAD /", "PURGE / HTTP/1.1\r\n",
        "M-SEARCH * http/1.1",
        "\(String(repeating: "X", count: 300)) / HTTP/1.1",
    ]) func knowsRequests(_ text: String) { #expect(recognize(text) == .http) }

    @Test func knowsSpacesOfLatin1() {
        #expect(ClientProtocol.recognize(([0xA0, 0x85] + Array("GET / HTTP/1.1".utf8)).span) == .http)
        #expect(ClientProtocol.recognize((Array("GET".utf8) + [0xA0, 0x2F]).span) == .http)
    }

    @Test(arguments: [
        "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", "EHLO example.com\r\n", "a1 LOGIN x y\r\n",
        "*1\r\n$4\r\nPING\r\n",
        "PING\r\n", "0032git-upload-pack /a\0host=b\0\r\n", "\0\0\0\u{8}\u{4}\u{D2}\u{16}/", "{\"a\":1}",
        "<stream",
        "USER anonymous\r\n", "\u{5}\u{1}\0", "GETX\r\n", "\0GET / HTTP/1.1\r\n", "get key\r\n",
        "CONNECT {\"verbose\":false}\r\n",
    ]) func knowsOtherClients(_ text: String) { #expect(recognize(text) == .other) }

    @Test(arguments: [
        "", "\r\n", "GE", "GET", "PURGE", "PURGE / HTT", "EHLO example.com", "SSH-2.0-OpenSSH", "POST ",
        "CONNECT ", "get key", "get \r", "FOO\r/x\r",
    ])
    func waits(_ text: String) { #expect(recognize(text) == nil) }

    @Test func doesNotWaitForEver() {
        for piece in ["\r\n", "X", "X ", "X y"] {
            #expect(recognize(String(repeating: piece, count: 8191 / piece.utf8.count)) == nil)
            #expect(recognize(String(repeating: piece, count: 8192)) == .http)
        }
    }
}
