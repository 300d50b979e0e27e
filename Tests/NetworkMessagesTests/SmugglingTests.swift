// Requests by which something gets past the first of two readers: the second one sees another host, another end of the
// body, or another request. Each has a control, the nearest request that passes.

import Testing

@testable import NetworkMessages

@Suite struct SmugglingTests {
    /// Lines that are added to a request, and why it is refused; nil where it passes.
    static let fields: [(lines: String, why: String?)] = [
        // Where the body ends.
        ("Content-Length: 5\n", nil),
        ("Transfer-Encoding: chunked\n", nil),
        (
            "Content-Length: 5\nTransfer-Encoding: chunked\n",
            "request has both Content-Length and Transfer-Encoding"
        ),
        (
            "Transfer-Encoding: chunked\nContent-Length: 5\n",
            "request has both Content-Length and Transfer-Encoding"
        ),
        ("Content-Length: 5\nContent-Length: 6\n", "request has two fields Content-Length"),
        ("Content-Length: 5\ncontent-length: 5\n", "request has two fields Content-Length"),
        ("Content-Length: 5, 5\n", "Content-Length is no number"),
        ("Content-Length: +5\n", "Content-Length is no number"),
        ("Content-Length: -5\n", "Content-Length is no number"),
        ("Content-Length: 0x5\n", "Content-Length is no number"),
        ("Content-Length: 5 0\n", "Content-Length is no number"),
        ("Content-Length: 5;a\n", "Content-Length is no number"),
        ("Content-Length:\n", "Content-Length is no number"),
        ("Content-Length: ٥\n", "Content-Length is no number"),
        ("Content-Length: 18446744073709551621\n", "Content-Length is no number"),
        (
            "Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n",
            "request has two fields Transfer-Encoding"
        ),
        ("Transfer-Encoding: chunked\nTransfer-Encoding: x\n", "request has two fields Transfer-Encoding"),
        ("Transfer-Encoding: chunked, identity\n", "Transfer-Encoding is not just `chunked`"),
        ("Transfer-Encoding: gzip, chunked\n", "Transfer-Encoding is not just `chunked`"),
        ("Transfer-Encoding: xchunked\n", "Transfer-Encoding is not just `chunked`"),
        ("Transfer-Encoding: \"chunked\"\n", "Transfer-Encoding is not just `chunked`"),
        ("Transfer-Encoding: chunked;q=1\n", "Transfer-Encoding is not just `chunked`"),
        ("Transfer-Encoding: identity\n", "Transfer-Encoding is not just `chunked`"),
        ("Transfer-Encoding:\n", "Transfer-Encoding is not just `chunked`"),
        ("Transfer-Encoding: \u{B}chunked\n", "control character in the head"),
        ("Transfer-Encoding: chunked\u{0}\n", "control character in the head"),
        // What is a field.
        ("X: y\n", nil),
        ("Transfer-Encoding : chunked\n", "field has no name, or none that is allowed"),
        ("Transfer-Encoding\t: chunked\n", "field has no name, or none that is allowed"),
        ("Transfer-Encoding\n", "field has no name, or none that is allowed"),
        (": chunked\n", "field has no name, or none that is allowed"),
        ("X Y: z\n", "field has no name, or none that is allowed"),
        ("Hóst: b\n", "field has no name, or none that is allowed"),
        ("X: y\n Transfer-Encoding: chunked\n", "field goes on in the next line"),
        ("X: y\n\tz\n", "field goes on in the next line"),
        (" X: y\n", "field goes on in the next line"),
        ("X: y\rTransfer-Encoding: chunked\n", "CR without LF in the head"),
        ("X: y\r\rZ: z\n", "CR without LF in the head"),
        ("X: a\u{0}b\n", "control character in the head"),
        ("X: a\u{1}b\n", "control character in the head"),
        ("X: a\u{7F}b\n", "control character in the head"),
        ("X: a\tb\n", nil),
        ("Connection: a b\n", "list in a field is none"),
        ("Upgrade: h2c, \"websocket\"\n", "list in a field is none"),
        // For whom it is.
        ("Host: a\n", "request has two fields Host"),
        ("host: b\n", "request has two fields Host"),
    ]

    @Test(arguments: fields.indices) func readsFields(_ index: Int) {
        let sample = Self.fields[index]
        #expect(why("POST / HTTP/1.1\nHost: a\n\(sample.lines)") == sample.why)
    }

    @Test(arguments: [
        ("a", true), ("a.example.com:80", true), ("[::1]:80", true), ("my_service-1", true),
        ("10.0.0.1", true),
        ("", false), ("a:", false), ("a:0", false), ("a:65536", false), ("a:080", false), ("a:+80", false),
        (":80", false), ("a:80:80", false), ("a b", false), ("a,b", false), ("a/b", false), ("a?b", false),
        ("a#b", false), ("user@a", false), ("user:x@a", false), ("a%00", false), ("a%2eb", false),
        ("ä", false),
        ("a\\b", false), ("[::1", false), ("[]", false), ("[::1]x", false), ("[::1%25eth0]", false),
        ("[a.b]g", false),
        ("::1", false), ("\"a\"", false),
    ]) func readsHosts(_ host: String, _ passes: Bool) {
        #expect((why("GET / HTTP/1.1\nHost: \(host)\n") == nil) == passes)
        #expect((why("GET http://\(host)/ HTTP/1.1\nHost: \(host)\n") == nil) == passes)
        let connects = passes && host.contains(":80")
        #expect((why("CONNECT \(host) HTTP/1.1\n") == nil) == connects)
    }

    /// First lines and their `Host`.
    static let lines: [(line: String, host: String?, why: String?)] = [
        ("GET / HTTP/1.1", "a", nil),
        ("GET / HTTP/1.1", nil, "request has no field Host"),
        ("GET http://a/ HTTP/1.1", nil, "request has no field Host"),
        ("GET http://a/ HTTP/1.1", "b", "field Host is not the host of the target"),
        ("GET http://a/ HTTP/1.1", "a:80", nil),
        ("GET http://a:80/ HTTP/1.1", "a", nil),
        ("GET http://a:8080/ HTTP/1.1", "a", "field Host is not the host of the target"),
        ("GET http://a/ HTTP/1.1", "a.", "field Host is not the host of the target"),
        ("GET http://b@a/ HTTP/1.1", "a", "host of the request is no host name"),
        ("GET http://a\\@b/ HTTP/1.1", "a", "host of the request is no host name"),
        ("GET http:///b HTTP/1.1", "b", "host of the request is no host name"),
        ("GET http:/b HTTP/1.1", "b", "target of the request is neither a path nor a URL of http"),
        ("GET https://a/ HTTP/1.1", "a", "target of the request is neither a path nor a URL of http"),
        ("GET ftp://a/ HTTP/1.1", "a", "target of the request is neither a path nor a URL of http"),
        ("GET a HTTP/1.1", "a", "target of the request is neither a path nor a URL of http"),
        ("GET * HTTP/1.1", "a", "target of the request is neither a path nor a URL of http"),
        ("GET a:80 HTTP/1.1", "a", "target of the request is neither a path nor a URL of http"),
        ("connect a:443 HTTP/1.1", "a", "target of the request is neither a path nor a URL of http"),
        ("CONNECT a HTTP/1.1", "a", "target of CONNECT has no port"),
        ("CONNECT / HTTP/1.1", "a", "host of the request is no host name"),
        ("CONNECT http://a:443/ HTTP/1.1", "a", "port of the request is no number"),
        ("CONNECT a:443 HTTP/1.1", "b:443", "field Host is not the host of the target"),
        ("CONNECT a:443 HTTP/1.1", "a:80", "field Host is not the host of the target"),
        ("CONNECT a:443 HTTP/1.1", "a\nContent-Length: 1", "CONNECT has no body"),
        ("CONNECT a:443 HTTP/1.1", "a\nTransfer-Encoding: chunked", "CONNECT has no body"),
        ("POST / HTTP/1.0", "a\nTransfer-Encoding: chunked", "HTTP/1.0 has no Transfer-Encoding"),
        ("GET /\u{20} HTTP/1.1", "a", "version of the request is not HTTP/1.1 or HTTP/1.0"),
        ("GET / HTTP/1.1\u{20}", "a", "version of the request is not HTTP/1.1 or HTTP/1.0"),
        ("GET  / HTTP/1.1", "a", "request line has not three words"),
        ("GET / x HTTP/1.1", "a", "version of the request is not HTTP/1.1 or HTTP/1.0"),
        ("GET /\tHTTP/1.1", "a", "request line has not three words"),
        ("GET\t/ HTTP/1.1", "a", "request has no method"),
        (" GET / HTTP/1.1", "a", "request has no method"),
        ("GET /", "a", "request line has not three words"),
        ("GET", "a", "request has no method"),
        ("G(T / HTTP/1.1", "a", "request has no method"),
        ("GET / HTTP/1.2", "a", "version of the request is not HTTP/1.1 or HTTP/1.0"),
        ("GET / HTTP/2.0", "a", "version of the request is not HTTP/1.1 or HTTP/1.0"),
        ("GET / HTTP/1.10", "a", "version of the request is not HTTP/1.1 or HTTP/1.0"),
        ("GET / http/1.1", "a", "version of the request is not HTTP/1.1 or HTTP/1.0"),
        ("PRI * HTTP/2.0", nil, "version of the request is not HTTP/1.1 or HTTP/1.0"),
        ("GET /a#b HTTP/1.1", "a", "target of the request has a character of no URL"),
        ("GET /ä HTTP/1.1", "a", "target of the request has a character of no URL"),
        ("GET /a[]={|}\"<\\^` HTTP/1.1", "a", nil),
        ("\n\nGET / HTTP/1.1", "a", "request has no method"),
    ]

    @Test(arguments: lines.indices) func readsLines(_ index: Int) {
        let sample = Self.lines[index]
        let host = sample.host.map { "Host: \($0)\n" } ?? ""
        #expect(why("\(sample.line)\n\(host)") == sample.why)
    }

    @Test func endsLinesOneWay() {
        #expect(why(Array("GET / HTTP/1.1\nHost: a\n\n".utf8)) == "LF without CR in the head")
        #expect(why(Array("GET / HTTP/1.1\r\nHost: a\n\r\n".utf8)) == "LF without CR in the head")
        #expect(why(Array("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)) == "LF without CR in the head")
        #expect(why(Array("GET / HTTP/1.1\r\nHost: a\r\n\rGET".utf8)) == "CR without LF in the head")
        #expect(why(Array("\0GET / HTTP/1.1".utf8)) == "control character in the head")
    }
}
