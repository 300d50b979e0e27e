// Requests as clients send them, the heads that servers get of them, and requests by which something is smuggled past
// one of two readers.

import Testing

@testable import NetworkMessages

@Suite struct HTTPRequestTests {
    @Test func readsARequest() throws {
        let head = try read(
            """
            GET /r.git/info/refs?service=git-upload-pack HTTP/1.1
            Host: Git.Example.com:8080
            User-Agent: git/2.39.5
            Accept-Encoding: deflate, gzip, br, zstd
            X-Empty:
            X-Spaces: \t a  b \t

            """
        )
        #expect(head.method == "GET")
        #expect(head.form == .origin)
        #expect(head.path == "/r.git/info/refs?service=git-upload-pack")
        #expect(head.authority == HTTPAuthority(host: "Git.Example.com", port: 8080))
        #expect(head.minorVersion == 1)
        #expect(head.body == .none)
        #expect(head.upgrades.isEmpty && !head.expectsContinue && head.keepsAlive)
        #expect(head["user-agent"] == "git/2.39.5")
        #expect(head["X-EMPTY"] == "")
        #expect(head["x-spaces"] == "a  b")
        #expect(head["host"] == nil)
        #expect(
            text(head.forServer(keepsAlive: true)) == """
                GET /r.git/info/refs?service=git-upload-pack HTTP/1.1
                Host: Git.Example.com:8080
                User-Agent: git/2.39.5
                Accept-Encoding: deflate, gzip, br, zstd
                X-Empty:\u{20}
                X-Spaces: a  b

                """
        )
    }

    @Test func readsWhatGoesToAProxy() throws {
        let curl = try read(
            """
            GET http://api.example.com:8080/v1?q=2 HTTP/1.1
            Host: api.example.com:8080
            User-Agent: curl/7.88.1
            Proxy-Connection: Keep-Alive
            Proxy-Authorization: Basic c2VjcmV0

            """
        )
        #expect(curl.form == .absolute)
        #expect(curl.path == "/v1?q=2")
        #expect(curl.authority == HTTPAuthority(host: "api.example.com", port: 8080))
        #expect(
            text(curl.forServer(keepsAlive: false)) == """
                GET /v1?q=2 HTTP/1.1
                Host: api.example.com:8080
                User-Agent: curl/7.88.1
                Connection: close

                """
        )
        #expect(
            text(curl.forServer(keepsAlive: true, forProxy: true)) == """
                GET http://api.example.com:8080/v1?q=2 HTTP/1.1
                Host: api.example.com:8080
                User-Agent: curl/7.88.1

                """
        )
        for (target, path) in [
            ("http://a", "/"), ("HTTP://a/", "/"), ("http://a?x", "/?x"), ("http://a/?", "/?"),
            ("http://A:80/", "/"),
        ] {
            let head = try read("GET \(target) HTTP/1.1\nHost: a\n")
            #expect(head.path == path && head.form == .absolute)
        }
    }

    @Test(arguments: [
        "CONNECT api.example.com:443 HTTP/1.1\nHost: api.example.com:443\nProxy-Connection: Keep-Alive\n",
        "CONNECT api.example.com:443 HTTP/1.1\nHost: API.example.com\n",
        "CONNECT api.example.com:443 HTTP/1.0\n",
        "CONNECT api.example.com:443 HTTP/1.1\n",
        "CONNECT api.example.com:443 HTTP/1.1\nContent-Length: 0\n",
    ]) func readsConnect(_ request: String) throws {
        let head = try read(request)
        #expect(head.form == .authority)
        #expect(head.authority?.host.lowercased() == "api.example.com")
        #expect(head.authority?.port == 443)
        #expect(head.path == "")
    }

    @Test func readsAddresses() throws {
        #expect(try read("CONNECT [2001:db8::1]:443 HTTP/1.1\n").authority?.host == "[2001:db8::1]")
        #expect(try read("CONNECT 10.1.2.3:5432 HTTP/1.1\n").authority?.text == "10.1.2.3:5432")
        let head = try read("GET http://[::1]:8080/a HTTP/1.1\nHost: [::1]:8080\n")
        #expect(head.authority == HTTPAuthority(host: "[::1]", port: 8080))
    }

    @Test func readsBodies() throws {
        #expect(try read("POST / HTTP/1.1\nHost: a\nContent-Length: 0\n").body == .length(0))
        #expect(try read("POST / HTTP/1.1\nHost: a\ncontent-length: 0042\n").body == .length(42))
        #expect(
            try read("POST / HTTP/1.1\nHost: a\nContent-Length: 999999999999999999\n").body
                == .length(999_999_999_999_999_999)
        )
        let node = try read(
            """
            POST /up HTTP/1.1
            Expect: 100-continue
            Host: 127.0.0.1:57591
            Connection: keep-alive
            Transfer-Encoding: Chunked

            """
        )
        #expect(node.body == .chunked && node.expectsContinue && node.keepsAlive)
        #expect(
            text(node.forServer(keepsAlive: true)) == """
                POST /up HTTP/1.1
                Host: 127.0.0.1:57591
                Expect: 100-continue
                Transfer-Encoding: chunked

                """
        )
    }

    @Test func changesProtocolsOnlyWhenTold() throws {
        // Java's HttpClient does this on every first request of a plain connection.
        let java = try read(
            """
            GET /a?b=c HTTP/1.1
            Connection: Upgrade, HTTP2-Settings
            Content-Length: 0
            Host: localhost:35837
            HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA
            Upgrade: h2c
            User-Agent: Java-http-client/17.0.15

            """
        )
        #expect(java.upgrades == ["h2c"])
        #expect(
            text(java.forServer(keepsAlive: true)) == """
                GET /a?b=c HTTP/1.1
                Host: localhost:35837
                User-Agent: Java-http-client/17.0.15
                Content-Length: 0

                """
        )
        let socket = try read(
            "GET /ws HTTP/1.1\nHost: a\nUpgrade: WebSocket\nConnection: keep-alive, Upgrade\nX: y\n"
        )
        #expect(socket.upgrades == ["websocket"])
        #expect(
            text(socket.forServer(keepsAlive: true, upgrade: "websocket")) == """
                GET /ws HTTP/1.1
                Host: a
                X: y
                Connection: Upgrade
                Upgrade: websocket

                """
        )
    }

    @Test func leavesOutWhatIsForOneConnection() throws {
        let head = try read(
            """
            GET / HTTP/1.1
            X-Secret: 1
            Host: a
            Keep-Alive: timeout=5
            TE: trailers
            Trailer: x
            connection: Close , x-secret,host,, Content-Length
            Content-Length: 3
            X-Secrets: 2

            """
        )
        #expect(!head.keepsAlive)
        #expect(
            text(head.forServer(keepsAlive: true)) == """
                GET / HTTP/1.1
                Host: a
                X-Secrets: 2
                Content-Length: 3

                """
        )
    }

    @Test func readsOldAndOddRequests() throws {
        let old = try read("GET / HTTP/1.0\nConnection: keep-alive\n")
        #expect(old.authority == nil && !old.keepsAlive && old.minorVersion == 0)
        #expect(text(old.forServer(keepsAlive: false)) == "GET / HTTP/1.0\nConnection: close\n")
        let options = try read("OPTIONS * HTTP/1.1\nHost: a\n")
        #expect(options.form == .asterisk && options.path == "*")
        #expect(text(options.forServer(keepsAlive: true)) == "OPTIONS * HTTP/1.1\nHost: a\n")
        let server = try read("OPTIONS http://a HTTP/1.1\nHost: a\n")
        #expect(text(server.forServer(keepsAlive: true)) == "OPTIONS * HTTP/1.1\nHost: a\n")
        #expect(
            text(server.forServer(keepsAlive: true, forProxy: true)) == "OPTIONS http://a HTTP/1.1\nHost: a\n"
        )
        // One empty line before a request, as after the body of the last one.
        let bytes = Array("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET".utf8)
        guard case .found(let head, bytes.count - 3) = HTTPRequestHead.parse(bytes.span) else {
            Issue.record("an empty line before a request")
            return
        }
        #expect(text(head.forServer(keepsAlive: true)) == "GET / HTTP/1.1\nHost: a\n")
        // Bytes that are no ASCII, in a value.
        #expect(try read("GET / HTTP/1.1\nHost: a\nX: ü\n")["x"] == "ü")
    }

    @Test func readsPieces() {
        let whole = Array(
            "\r\nPOST /a HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "y", count: 60000))\r\n\r\n".utf8
        )
        var reader = HTTPRequestReader()
        for end in 0..<whole.count {
            guard case .needMore = reader.read(whole.span.extracting(0..<end)) else {
                Issue.record("\(end) bytes are enough")
                return
            }
        }
        guard case .found(let head, whole.count) = reader.read((whole + Array("body".utf8)).span) else {
            Issue.record("the whole head is not")
            return
        }
        #expect(head["x"]?.utf8.count == 60000)
    }

    @Test func isBounded() {
        func head(_ size: Int) -> [UInt8] {
            let start = Array("GET / HTTP/1.1\r\nHost: a\r\nX: ".utf8)
            return start + [UInt8](repeating: 0x79, count: size - start.count - 4) + Array("\r\n\r\n".utf8)
        }
        #expect(why(head(65536)) == nil)
        #expect(why(head(65537)) == "head is too long")
        #expect(why(head(70000)) == "head is too long")
        #expect(why(Array(head(65537).dropLast())) == "head is too long")
        let fields = String(repeating: "X: y\n", count: 256)
        #expect(why("GET / HTTP/1.1\nHost: a\n" + fields) == "request has too many fields")
        let list = String(repeating: "x,", count: 33)
        #expect(why("GET / HTTP/1.1\nHost: a\nConnection: \(list)\n") == "field Connection is too long")
    }
}

/// A request of lines; each ends with CR LF, and the head with an empty line.
func request(_ lines: String) -> [UInt8] {
    Array(lines.replacing("\n", with: "\r\n").utf8) + Array("\r\n".utf8)
}

func why(_ bytes: [UInt8]) -> String? {
    guard case .malformed(let why) = HTTPRequestHead.parse(bytes.span) else { return nil }
    return why
}

func why(_ lines: String) -> String? { why(request(lines)) }

private struct NotRead: Error {}

private func read(_ lines: String) throws -> HTTPRequestHead {
    let bytes = request(lines)
    guard case .found(let head, bytes.count) = HTTPRequestHead.parse(bytes.span) else { throw NotRead() }
    return head
}

/// A head as lines, without the empty one.
private func text(_ bytes: [UInt8]) -> String {
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(text.hasSuffix("\r\n\r\n"))
    return String(text.replacing("\r\n", with: "\n").dropLast())
}
