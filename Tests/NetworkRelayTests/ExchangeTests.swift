// What programs say and are told, over real sockets and on each path: transparent, CONNECT, a whole URL, SOCKS.

import ClocheModel
import LinuxSystem
import NetworkRules
import Testing

@testable import NetworkRelay

@Suite struct ExchangeTests {
    private func get(_ port: UInt16, _ path: String = "/", _ fields: String = "", host: String = "api.test")
        -> String
    {
        "GET \(path) HTTP/1.1\r\nHost: \(host):\(port)\r\n\(fields)\r\n"
    }

    // MARK: The proxy's paths

    @Test func connectIsATunnel() throws {
        let world = try World([])
        let server = try world.serve()
        try world.replace([.api(server.port)])
        let program = try world.connectToProxy()
        let hello = TLSSample.hello("api.test")
        // With the first bytes of the tunnel at once.
        program.send(
            Array("CONNECT api.test:\(server.port) HTTP/1.1\r\nHost: api.test:\(server.port)\r\n\r\n".utf8)
                + hello
        )
        try world.until("the hello") { server.accepted.first?.received == hello }
        let peer = server.accepted[0]
        peer.send(TLSSample.answer(asksAgain: false))
        let established = Array("HTTP/1.1 200 Connection established\r\n\r\n".utf8)
        try world.until("the answer") { program.received == established + TLSSample.answer(asksAgain: false) }
        program.send("data")
        try world.until("data") { peer.received == hello + Array("data".utf8) }
    }

    @Test func socksIsATunnel() throws {
        let world = try World([])
        let server = try world.serve("220 x\r\n")
        try world.replace([.api(server.port)])
        let program = try world.connectToProxy()
        let port = [UInt8(server.port >> 8), UInt8(truncatingIfNeeded: server.port)]
        program.send([5, 1, 0])
        try world.until("the method") { program.received == [5, 0] }
        program.forget()
        program.send([5, 1, 0, 3, 8] + Array("API.test".utf8) + port)
        try world.until("success and the greeting") { program.received.count == 17 }
        #expect(program.received.prefix(2) == [5, 0] && program.text.hasSuffix("220 x\r\n"))

        // Who has asked the resolver itself means the name.
        let own = try world.connectToProxy()
        let address = try #require(try world.address(of: "api.test"))
        own.send([5, 1, 0, 5, 1, 0, 1] + address.bytes + port)
        try world.until("the greeting") { own.text.hasSuffix("220 x\r\n") }

        let refused = try world.connectToProxy()
        refused.send([5, 1, 0, 5, 1, 0, 3, 6] + Array("b.test".utf8) + port)
        try world.until("the refusal") { refused.ended == .closed }
        #expect(refused.received.prefix(4) == [5, 0, 5, 2])
        #expect(server.accepted.count == 2)
    }

    @Test func aURLGoesToTheServerAsAPath() throws {
        let world = try World([])
        let server = try world.serve()
        try world.replace([.api(server.port)])
        let program = try world.connectToProxy()
        let authority = "api.test:\(server.port)"
        program.send(
            "POST http://\(authority)/x HTTP/1.1\r\nHost: \(authority)\r\nContent-Length: 4\r\nProxy-Connection: x\r\n\r\nbo"
        )
        try world.until("the head") { server.accepted.first?.text.hasSuffix("\r\n\r\nbo") == true }
        let peer = server.accepted[0]
        // The end of the body, and a request that is none of this connection's.
        program.send("dyGET http://\(authority)/y HTTP/1.1\r\nHost: \(authority)\r\n\r\n")
        try world.until("the body") { peer.text.hasSuffix("body") }
        #expect(peer.text.hasPrefix("POST /x HTTP/1.1\r\nHost: \(authority)\r\n"))
        #expect(peer.text.contains("Connection: close\r\n") && !peer.text.contains("Proxy-Connection"))
        peer.send("HTTP/1.1 200 OK\r\n\r\nanswer")
        peer.endOutput()
        try world.until("the answer") {
            program.text == "HTTP/1.1 200 OK\r\n\r\nanswer" && program.ended == .closed
        }
        try world.until("the end") { world.network.connectionCount == 0 }
        #expect(!peer.text.contains("/y"))
    }

    @Test(arguments: [
        "CONNECT b.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n",
        "GET http://b.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: b.test\r\n\r\n",
    ])
    func theProxyRefuses(_ request: String) throws {
        let world = try World([.api(443)])
        let program = try world.connectToProxy()
        program.send(request)
        try world.until("the refusal") { program.ended == .closed }
        #expect(program.text.hasPrefix("HTTP/1.1 403 Forbidden\r\n"))
        #expect(!request.contains("b.test:443") || program.text.contains("  - b.test:443\n"))
        // It reads on for a moment, lest the answer is lost in a reset, and no longer.
        try world.until("the end") { world.network.connectionCount == 0 }
    }

    /// One rule, one decision: plain HTTP to a port for TLS is refused on every path.
    @Test func aURLToAPortForTLSIsRefused() throws {
        let world = try World([])
        let server = try world.serve()
        try world.replace([.api(server.port, demand: .tls)])
        let authority = "api.test:\(server.port)"
        let url = try world.connectToProxy()
        url.send("GET http://\(authority)/ HTTP/1.1\r\nHost: \(authority)\r\n\r\n")
        let transparent = try world.connect(authority)
        transparent.send(get(server.port))
        let tunnel = try world.connectToProxy()
        tunnel.send("CONNECT \(authority) HTTP/1.1\r\nHost: \(authority)\r\n\r\n" + get(server.port))
        try world.untilEach([url, transparent, tunnel], "a refusal") { $0.ended != nil }
        #expect(server.accepted.allSatisfy { $0.received.isEmpty })
        #expect(world.events.filter { $0.words.hasSuffix("wrong-protocol") }.count == 3)
    }

    // MARK: Refusals

    @Test func whoeverIsRefusedIsToldInItsOwnTerms() throws {
        let world = try World([.api(80)])
        world.names.answers["api.test"] = [.addresses(["10.0.0.1"], seconds: 60)]
        func told(_ bytes: [UInt8], at authority: String) throws -> Peer {
            let program = try world.connect(authority)
            program.send(bytes)
            try world.until("the end") { program.ended != nil }
            return program
        }
        let http = try told(Array("GET / HTTP/1.1\r\nHost: api.test\r\n\r\n".utf8), at: "api.test:80")
        #expect(
            http.text.hasPrefix("HTTP/1.1 403 ") && http.text.contains("10.0.0.1, to which api.test leads")
        )
        let tls = try told(TLSSample.hello("x.test"), at: "192.0.2.1:443")
        #expect(tls.received == [0x15, 3, 3, 0, 2, 2, 49] && tls.ended == .closed)
        #expect(try told(Array("SSH-2.0-x\r\n".utf8), at: "192.0.2.1:22").ended == .reset)
        #expect(try told([], at: "192.0.2.1:22").ended == .reset)
        // Not before it is known what it speaks.
        #expect(try told([0x16], at: "192.0.2.1:443").ended == .reset)
    }

    @Test func whoTalksOnIsHeardOnlySoLong() throws {
        let world = try World([])
        let server = try world.serve("x")
        try world.replace([.api(server.port)])
        let program = try world.connectToProxy()
        program.send("GET / HTTP/1.1\r\n\r\n")
        program.send([UInt8](repeating: 65, count: 64 << 20))
        let (other, _) = try world.connect(server)
        try world.until("x") { other.text == "x" }
        try world.until("the end") { world.network.connectionCount == 1 }
        try world.until("the end") { program.ended != nil }
    }

    @Test func whatIsNotFinishedIsRefused() throws {
        let world = try World([])
        let server = try world.serve()
        try world.replace([.api(server.port)])
        world.network.patience = 100
        let silent = try world.connectToProxy()
        let head = try world.connect("api.test:\(server.port)")
        head.send("GET / HTTP/1.1\r\nHost: ")
        let hello = try world.connect("api.test:\(server.port)")
        hello.send(Array(TLSSample.hello("api.test").prefix(20)))
        try world.untilEach([silent, head, hello], "an end") { $0.ended != nil }
        #expect(head.text.hasPrefix("HTTP/1.1 400 "))
        #expect(hello.received == [0x15, 3, 3, 0, 2, 2, 49])
        #expect(silent.received.isEmpty)
        #expect(server.accepted.allSatisfy { $0.received.isEmpty })

        // Silence between requests, and a server that thinks, are nothing of the kind.
        let idle = try world.connect("api.test:\(server.port)")
        idle.send(get(server.port))
        let thinking = try world.connect("api.test:\(server.port)")
        thinking.send(TLSSample.hello("api.test") + [23, 3, 3])
        let late = MonotonicClock.milliseconds + 300
        try world.until("a while") { MonotonicClock.milliseconds > late }
        #expect(idle.ended == nil && thinking.ended == nil)
    }

    @Test func littleIsHeldOfEachWhereMuchIsHeldOfAll() throws {
        let world = try World([])
        let server = try world.serve()
        try world.replace([.api(server.port)])
        let long = get(server.port, "/", "X: \(String(repeating: "x", count: 20_000))\r\n")
        let (first, peer) = try world.connect(server)
        first.send(long)
        try world.until("a long head") { peer.text.hasSuffix("x\r\n\r\n") }
        world.network.heldBytes += 64 << 20
        let second = try world.connect("api.test:\(server.port)")
        second.send(long)
        try world.until("the reset") { second.ended == .reset }
        let (third, other) = try world.connect(server)
        third.send(get(server.port))
        try world.until("a short head") { other.text.hasSuffix("\r\n\r\n") }
        #expect(world.network.heldBytes == 64 << 20)
    }

    @Test func halfOfWhatIsLookedAtAndTheEndIsRefused() throws {
        let world = try World([])
        let server = try world.serve()
        try world.replace([.api(server.port)])
        let program = try world.connect("api.test:\(server.port)")
        program.send("GET / HTTP/1.1\r\nHo")
        program.endOutput()
        try world.until("the answer") { program.ended == .closed }
        #expect(program.text.hasPrefix("HTTP/1.1 400 "))
        // A few letters are no request, and may be all that a program has to say.
        let word = try world.connect("api.test:\(server.port)")
        word.send("hello")
        word.endOutput()
        try world.until("the word") {
            server.accepted.last?.text == "hello" && server.accepted.last?.ended == .closed
        }
        #expect(server.accepted.allSatisfy { $0.text.isEmpty || $0.text == "hello" })
    }

    // MARK: Requests

    @Test func aSecondRequestThatIsNotAllowedEndsBoth() throws {
        let world = try World([])
        let server = try world.serve()
        try world.replace([
            NetworkEntry("api.test:\(server.port)", addresses: ["127.0.0.1"], methods: ["GET"])
        ])
        let (program, peer) = try world.connect(server)
        program.send(get(server.port, "/1"))
        try world.until("the first") { peer.text.hasSuffix("\r\n\r\n") }
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        try world.until("ok") { program.text.hasSuffix("ok") }
        program.send(get(server.port, "/2") + "DELETE / HTTP/1.1\r\nHost: api.test:\(server.port)\r\n\r\n")
        try world.until("the end") { program.ended == .reset && peer.ended == .reset }
        #expect(!peer.text.contains("DELETE") && program.text.hasSuffix("ok"))
        #expect(world.events.contains { $0.words == "refused 1 method-not-allowed" })

        // The first one gets an answer.
        let first = try world.connect("api.test:\(server.port)")
        first.send("DELETE / HTTP/1.1\r\nHost: api.test:\(server.port)\r\n\r\n")
        try world.until("the answer") { first.ended == .closed }
        #expect(first.text.hasPrefix("HTTP/1.1 403 "))
        try world.until("the record") { world.events.contains { $0.words == "disconnected 2 0 0 refused" } }
    }

    @Test func inATunnelNoAnswerIsTakenForTheServers() throws {
        let world = try World([])
        let server = try world.serve()
        try world.replace([.api(server.port)])
        let program = try world.connectToProxy()
        program.send(
            "CONNECT api.test:\(server.port) HTTP/1.1\r\nHost: api.test:\(server.port)\r\n\r\n"
                + get(server.port)
        )
        try world.until("the request") { server.accepted.first?.text.hasSuffix("\r\n\r\n") == true }
        server.accepted[0].send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nsome")
        try world.until("some") { program.text.hasSuffix("some") }
        program.send(get(server.port, host: "b.test"))
        try world.until("the end") { program.ended == .reset }
        #expect(program.text.hasSuffix("some"))
        // Where nothing was said by the server, the refusal is the client's in the tunnel.
        let other = try world.connectToProxy()
        other.send("CONNECT api.test:\(server.port) HTTP/1.1\r\nHost: api.test:\(server.port)\r\n\r\n")
        try world.until("the tunnel") { other.text.hasSuffix("\r\n\r\n") }
        other.send(TLSSample.hello("b.test"))
        try world.until("the alert") { other.ended == .closed }
        #expect(other.received.suffix(7) == [0x15, 3, 3, 0, 2, 2, 49])
    }

    @Test func aLongChunkedBodyGoesThrough() throws {
        let world = try World([])
        let server = try world.serve()
        try world.replace([.api(server.port)])
        let (program, peer) = try world.connect(server)
        peer.keeps = false
        let chunk = Array("10000\r\n".utf8) + [UInt8](repeating: 9, count: 65536) + [13, 10]
        let head = "PUT / HTTP/1.1\r\nHost: api.test:\(server.port)\r\nTransfer-Encoding: chunked\r\n\r\n"
        let body = (0..<64).flatMap { _ in chunk } + Array("0\r\n\r\n".utf8)
        program.send(Array(head.utf8) + body)
        try world.until("all of it") { peer.receivedCount == head.utf8.count + body.count }
        #expect(world.network.heldBytes == 0)
    }

    @Test func aWebSocket() throws {
        let world = try World([])
        let server = try world.serve()
        try world.replace([.api(server.port)])
        let upgrade = get(
            server.port,
            "/ws",
            "Connection: Upgrade\r\nUpgrade: websocket\r\n"
        )
        let (program, peer) = try world.connect(server)
        program.send(upgrade + "\u{1}frame")
        try world.until("the request") { peer.text == upgrade }
        // The answer in two pieces; the second one says it.
        peer.send("HTTP/1.1 101")
        for _ in 0..<5 { try world.turn(most: 5) }
        #expect(program.received.isEmpty)
        peer.send(" Switching Protocols\r\n\r\n\u{2}")
        try world.until("frames") { peer.text.hasSuffix("\u{1}frame") && program.text.hasSuffix("\u{2}") }

        let (second, refusing) = try world.connect(server)
        second.send(upgrade)
        try world.until("the request") { refusing.text == upgrade }
        refusing.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        try world.until("the answer") { second.text.hasSuffix("\r\n\r\n") }
        second.send(get(server.port, "/next"))
        try world.until("the next request") { refusing.text.contains("/next") }

        // Whoever gives up while the answer is awaited is noticed.
        let (third, silent) = try world.connect(server)
        third.send(upgrade)
        try world.until("the request") { silent.text == upgrade }
        third.reset()
        try world.until("the end") { silent.ended == .reset }
    }

    // MARK: Other rules

    @Test func otherRulesCloseWhatTheyDoNotAllow() throws {
        let world = try World([])
        let server = try world.serve("x")
        let rules: [NetworkEntry] = [
            .api(server.port), .api(server.port, "b.test"), NetworkEntry("127.0.0.1:\(server.port)"),
        ]
        try world.replace(rules)
        func open(_ name: String) throws -> Peer {
            let program = try world.connectToProxy()
            program.send("CONNECT \(name):\(server.port) HTTP/1.1\r\nHost: \(name):\(server.port)\r\n\r\n")
            try world.until("x") { program.text.hasSuffix("x") }
            return program
        }
        let a = try open("api.test")
        let b = try open("b.test")
        let address = try open("127.0.0.1")
        // Rules with a mistake leave those before.
        #expect(throws: ClocheError.self) { try world.replace([NetworkEntry("not a host")]) }
        #expect(throws: ClocheError.self) { try world.replace([], proxy: "nonsense") }
        #expect(world.network.connectionCount == 3)
        try world.replace(rules)
        #expect(world.network.connectionCount == 3)

        try world.replace([.api(server.port), .api(server.port, "b.test")])
        try world.until("the reset") { address.ended == .reset }
        try world.replace([.api(server.port)])
        try world.until("the reset") { b.ended == .reset }
        a.send("still\n")
        try world.until("still") { server.accepted.contains { $0.text == "still\n" } }
        // The address that a name had is refused now.
        try world.replace([.api(server.port)], deny: [NetworkEntry("127.0.0.0/8:*")])
        try world.until("the reset") { a.ended == .reset }
        #expect(world.network.connectionCount == 0)
        #expect(world.events.filter { $0.words.hasSuffix("no longer allowed") }.count == 3)
    }

    @Test func otherRulesHoldForWhatIsBeingOpened() throws {
        let world = try World([])
        let server = try world.serve("x")
        let proxy = try world.serve()
        try world.replace([.api(server.port)], proxy: "http://127.0.0.1:\(proxy.port)")
        let program = try world.connect("api.test:\(server.port)")
        try world.until("the request") { proxy.accepted.first?.text.hasSuffix("\r\n\r\n") == true }
        try world.replace([.api(1)])
        try world.until("the reset") { program.ended == .reset && proxy.accepted[0].ended != nil }
        #expect(world.network.connectionCount == 0)
    }
}
