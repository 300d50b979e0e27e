// From a name to a connected socket: the resolver inside, c-ares and a resolver of the host's that answers as it likes,
// addresses that are judged, the user's own proxy, and ports of the host that lead inside.

import ClocheModel
import LinuxSystem
import NetworkRules
import Testing

@testable import NetworkRelay

@Suite struct OpeningTests {
    // MARK: The resolver inside

    @Test func allowedNamesHaveAddressesAndOthersDoNotExist() throws {
        let world = try World(
            [NetworkEntry("a.test:443"), NetworkEntry("*.b.test:443")],
            deny: [NetworkEntry("no.b.test:*")]
        )
        let address = try #require(try world.address(of: "a.test"))
        #expect(address.kind == .synthetic && address.isIPv4)
        #expect(try world.address(of: "A.TEST") == address)
        #expect(try world.address(of: "x.b.test") != address)
        #expect(try world.address(of: "a.test", type: 28)?.kind == .synthetic)
        for name in ["b.test", "x.y.b.test", "no.b.test", "secret-of-64-bytes.evil.test"] {
            #expect(try world.address(of: name) == nil)
        }
        #expect(try world.address(of: "a.test", type: 16) == nil)
        // Nothing was asked outside.
        #expect(world.names.asked.isEmpty)
        #expect(world.events.map(\.words).contains("question b.test A host-not-allowed"))
    }

    @Test func questionsOverTCP() throws {
        let world = try World([NetworkEntry("a.test:443")])
        let program = try world.connect("8.8.8.8:53")
        let question: [UInt8] = [
            0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 97, 4, 116, 101, 115, 116, 0, 0, 1, 0, 1,
        ]
        let framed = [0, UInt8(question.count)] + question
        // Two at once, the second in two pieces.
        program.send(framed + framed.prefix(5))
        try world.until("an answer") { program.received.count > 2 }
        program.send(Array(framed.dropFirst(5)))
        let length = question.count + 16
        try world.until("both answers") { program.received.count == 2 * (length + 2) }
        #expect(Array(program.received.suffix(4).prefix(2)) == [198, 18])
        #expect(program.received.prefix(length + 2) == program.received.suffix(length + 2))
        #expect(world.network.connectionCount == 0)
        program.endOutput()
        try world.until("the end") { program.ended == .closed }

        // Not all of a question, and something that is none.
        let silent = try world.connect("8.8.8.8:53")
        silent.send([0, 12, 1])
        silent.endOutput()
        try world.until("the end") { silent.ended == .closed }
        let wrong = try world.connect("8.8.8.8:53")
        wrong.send([0, 3, 1, 2, 3])
        try world.until("the end") { wrong.ended != nil }
    }

    // MARK: Addresses

    @Test func eachConnectionIsJudgedByTheAddressThatItGets() throws {
        let world = try World([])
        let server = try world.serve()
        try world.replace([NetworkEntry("api.test:\(server.port)", addresses: ["127.0.0.1"])])
        world.names.answers["api.test"] = [
            .addresses(["127.0.0.1"], seconds: 0), .addresses(["127.0.0.2"], seconds: 0),
            .addresses(["169.254.169.254"], seconds: 0), .addresses(["::ffff:127.0.0.2"], seconds: 0),
            .addresses(["::1"], seconds: 0), .addresses(["10.1.2.3", "0.0.0.0", "127.0.0.1"], seconds: 0),
        ]
        let (first, _) = try world.connect(server)
        first.close()
        for reason in ["address-not-public", "metadata-address", "address-not-public", "address-not-public"] {
            let program = try world.connect("api.test:\(server.port)")
            try world.until("a refusal") { program.ended == .reset }
            #expect(world.events.last?.words.hasSuffix(reason) == true, "\(world.events.last?.words ?? "")")
        }
        #expect(server.accepted.count == 1)
        // Of several, the one that may be.
        let (last, _) = try world.connect(server)
        #expect(world.events.last?.words.hasSuffix("transparent 127.0.0.1") == true)
        last.close()
    }

    @Test func anAddressThatDoesNotAnswerIsNotTheLast() throws {
        let world = try World([])
        let server = try world.serve()
        try world.replace([.api(server.port)])
        // It listens at 127.0.0.1 only.
        world.names.answers["api.test"] = [
            .addresses(["127.0.0.3", "127.0.0.2", "127.0.0.1", "127.0.0.4"], seconds: 60)
        ]
        let (program, peer) = try world.connect(server)
        program.send("a\n")
        try world.until("a") { peer.text == "a\n" }
    }

    @Test func anAddressIsJudgedAsAnAddress() throws {
        let world = try World([])
        let server = try world.serve("hello")
        try world.replace([NetworkEntry("127.0.0.1:\(server.port)")])
        // The program's own loopback is not the host's; this is what the proxy's clients can ask for.
        let program = try world.connectToProxy()
        program.send(
            "CONNECT 127.0.0.1:\(server.port) HTTP/1.1\r\nHost: x\r\n\r\n".replacing(
                "Host: x",
                with: "Host: 127.0.0.1:\(server.port)"
            )
        )
        try world.until("hello") { program.text.hasSuffix("\r\n\r\nhello") }
        for authority in [
            "127.0.0.2:\(server.port)", "[::ffff:127.0.0.2]:\(server.port)", "169.254.169.254:80",
            "10.0.0.1:443",
        ] {
            let program = try world.connectToProxy()
            program.send("CONNECT \(authority) HTTP/1.1\r\nHost: \(authority)\r\n\r\n")
            try world.until("a refusal") { program.ended == .closed }
            #expect(program.text.hasPrefix("HTTP/1.1 403 "))
        }
        let transparent = try world.connect("192.0.2.7:443")
        try world.until("the reset") { transparent.ended == .reset }
        #expect(server.accepted.count == 1)
    }

    // MARK: The host's resolver

    @Test func thoseWhoAskAtOnceShareAQuestion() throws {
        let world = try World([])
        let server = try world.serve("x")
        try world.replace([.api(server.port)])
        var programs: [Peer] = []
        for _ in 0..<20 { programs.append(try world.connect("api.test:\(server.port)")) }
        try world.untilEach(programs, "x") { $0.text == "x" }
        #expect(world.names.asked.sorted() == ["api.test 1", "api.test 28"])
    }

    @Test func aNameThatIsNotThereIsSaidToBeUnknown() throws {
        let world = try World([.api(80), .api(8080)])
        world.names.answers["api.test"] = [.nothing]
        let program = try world.connect("api.test:80")
        program.send("GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")
        try world.until("an answer") { program.ended == .closed }
        #expect(program.text.hasPrefix("HTTP/1.1 502 "))
        #expect(program.text.contains("no address of api.test was found"))
        let silent = try world.connect("api.test:8080")
        try world.until("the reset") { silent.ended == .reset }
    }

    @Test func aResolverThatIsSilentHoldsUpNobodyElse() throws {
        let world = try World([])
        let server = try world.serve("x")
        try world.replace([
            .api(server.port), .api(server.port, "slow.test"), .api(server.port, "slower.test"),
        ])
        world.names.answers["slow.test"] = [.silence]
        world.names.answers["slower.test"] = [.silence]
        let slow = try world.connect("slow.test:\(server.port)")
        let slower = try world.connect("slower.test:\(server.port)")
        try world.until("the questions") { world.names.asked.count >= 4 }
        for _ in 0..<10 {
            let (program, peer) = try world.connect(server)
            try world.until("x") { program.text == "x" }
            program.close()
            peer.close()
        }
        try world.until("the others") { world.network.connectionCount == 2 }
        #expect(slow.ended == nil && slower.ended == nil)
        // Whoever gives up is let go of at once.
        slow.reset()
        try world.until("the end") { world.network.connectionCount == 1 }
        // So is whoever the rules do not allow any more.
        try world.replace([.api(server.port)])
        try world.until("the reset") { slower.ended == .reset }
        #expect(world.network.connectionCount == 0)
    }

    @Test func otherResolversTellWhoeverWaits() throws {
        let world = try World([])
        let server = try world.serve("x")
        try world.replace([.api(server.port)])
        world.names.answers["api.test"] = [.silence]
        let waiting = try world.connect("api.test:\(server.port)")
        try world.until("the question") { !world.names.asked.isEmpty }
        var settings = world.network.settings
        let other = try World([])
        settings.dnsServers = ["127.0.0.1:\(other.names.port)"]
        try world.network.replace(settings)
        try world.until("the reset") { waiting.ended == .reset }
        #expect(world.events.contains { $0.words.hasPrefix("failed 1 no address of api.test was found") })
        let program = try world.connect("api.test:\(server.port)")
        try world.until("x") {
            try other.turn(most: 1)
            return program.text == "x"
        }
    }

    @Test func theNextResolverIsAskedWhenTheFirstIsDead() throws {
        let dead = try Datagrams()
        let names = try NameServer()
        let world = try World(servers: ["127.0.0.1:\(dead.address.port)", "127.0.0.1:\(names.port)"])
        let server = try world.serve("x")
        try world.replace([.api(server.port)])
        let program = try world.connect("api.test:\(server.port)")
        try world.until("x") {
            names.serve()
            return program.text == "x"
        }
        #expect(dead.receive() != nil)
    }

    /// With the user's proxy, it is that one which asks for them.
    @Test func newNamesBelowAWildcardAreFewForAProxyToo() throws {
        let world = try World([])
        let proxy = try world.serve()
        try world.replace([NetworkEntry("*.wild.test:443")], proxy: "http://127.0.0.1:\(proxy.port)")
        for index in 0..<120 {
            let program = try world.connect("n\(index).wild.test:443")
            try world.until("an end") {
                program.ended == .reset || proxy.accepted.last?.text.contains("n\(index).") == true
            }
        }
        #expect(proxy.accepted.count >= 100 && proxy.accepted.count < 120)
    }

    @Test func newNamesBelowAWildcardAreFew() throws {
        let world = try World([NetworkEntry("*.wild.test:443", addresses: ["127.0.0.0/8"])])
        var programs: [Peer] = []
        for index in 0..<120 { programs.append(try world.connect("n\(index).wild.test:443")) }
        try world.untilEach(programs, "an end") { $0.ended == .reset }
        let asked = Set(world.names.asked.map { $0.prefix { $0 != " " } }).count
        #expect(asked >= 100 && asked < 120)
        #expect(world.events.contains { $0.words.hasSuffix(" unresolved") })
    }

    // MARK: The user's own proxy

    @Test func theUsersProxyIsAskedByName() throws {
        let world = try World([])
        let proxy = try world.serve()
        try world.replace([.api(443)], proxy: "http://me:secret@127.0.0.1:\(proxy.port)")
        let program = try world.connect("api.test:443")
        let hello = TLSSample.hello("api.test")
        program.send(hello)
        try world.until("the request") { proxy.accepted.first?.text.hasSuffix("\r\n\r\n") == true }
        let peer = proxy.accepted[0]
        #expect(
            peer.text
                == "CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n"
        )
        peer.forget()
        peer.send("HTTP/1.1 200 ")
        peer.send("OK\r\nX: y\r\n\r\n" + "first")
        try world.until("what follows") { program.text == "first" && peer.received == hello }
        #expect(world.names.asked.isEmpty)
        #expect(world.events.last?.words == "connected 1 transparent by 127.0.0.1:\(proxy.port)")
        #expect(!world.events.contains { $0.words.contains("secret") })
    }

    @Test(arguments: [
        "HTTP/1.1 407 Authenticate\r\n\r\n", "HTTP/1.1 100 x\r\n\r\n", "SSH-2.0\r\n\r\n", "", "HTTP/1.1 200",
    ])
    func whatItRefusesFails(_ answer: String) throws {
        let world = try World([])
        let proxy = try world.serve()
        proxy.onAccept = { peer in
            peer.send(answer)
            peer.endOutput()
        }
        try world.replace([.api(443)], proxy: "http://127.0.0.1:\(proxy.port)")
        let program = try world.connectToProxy()
        program.send("CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\n")
        try world.until("an answer") { program.ended == .closed }
        #expect(program.text.hasPrefix("HTTP/1.1 502 "))
        #expect(program.text.contains("the upstream proxy 127.0.0.1:\(proxy.port) does not connect"))
        #expect(world.network.connectionCount <= 1)
    }

    @Test func whatWaitsForTheProxyEndsWithItsClient() throws {
        let world = try World([])
        let proxy = try world.serve()
        try world.replace([.api(443)], proxy: "http://127.0.0.1:\(proxy.port)")
        let program = try world.connect("api.test:443")
        try world.until("the request") { proxy.accepted.first?.text.hasSuffix("\r\n\r\n") == true }
        program.reset()
        // At once, and not when patience ends.
        try world.until("the end", within: 5000) { proxy.accepted[0].ended != nil }
        #expect(world.network.connectionCount == 0)
    }

    @Test func addressesThatMustNotBeAreNotAskedForThere() throws {
        let world = try World([])
        let proxy = try world.serve()
        try world.replace(
            [NetworkEntry("*:443")],
            deny: [NetworkEntry("192.0.2.0/24:*")],
            proxy: "http://127.0.0.1:\(proxy.port)"
        )
        for address in ["10.0.0.1:443", "169.254.169.254:443", "192.0.2.1:443"] {
            let program = try world.connect(address)
            try world.until("the reset") { program.ended == .reset }
        }
        #expect(proxy.accepted.isEmpty)
    }

    // MARK: From the host

    /// A server "inside": the sockets that init would make are this process's own.
    private func forwarded(_ world: World, _ port: UInt16) throws -> Peer {
        world.network.requestSocket = { [unowned network = world.network] id, isIPv4 in
            do throws(SystemError) {
                network.provide(id, FileDescriptor.Shared(try StreamSocket.make(isIPv4: isIPv4)))
                return true
            } catch { return false }
        }
        let address = try world.network.forward(SocketAddress(ipv4: 0x7f00_0001, port: 0), to: port)
        #expect(world.network.forwarded.map(\.port) == [port])
        return try outside(world, address)
    }

    private func outside(_ world: World, _ address: SocketAddress) throws -> Peer {
        let socket = FileDescriptor.Shared(try StreamSocket.make(isIPv4: true))
        try StreamSocket.connect(socket.number, to: address)
        let outside = Peer(socket)
        try world.add(outside)
        return outside
    }

    /// A listener on a port that nobody has on the other family, where another test may have one.
    private func soleListener(_ isIPv4: Bool) throws -> FileDescriptor.Shared {
        while true {
            let listener = FileDescriptor.Shared(try StreamSocket.listen(.loopback(isIPv4: isIPv4, port: 0)))
            let port = try #require(StreamSocket.localAddress(listener.number)?.port)
            // What cannot be had is somebody else's.
            if (try? StreamSocket.listen(.loopback(isIPv4: !isIPv4, port: port))) != nil { return listener }
        }
    }

    @Test(arguments: [true, false]) func aPortOfTheHostLeadsInside(_ isIPv4: Bool) throws {
        let world = try World([])
        let listener = try soleListener(isIPv4)
        let port = try #require(StreamSocket.localAddress(listener.number)?.port)
        let outside = try forwarded(world, port)
        outside.send("GET / HTTP/0.9 whatever")
        var inside: Peer?
        try world.until("a connection") {
            if let socket = try StreamSocket.accept(listener.number) {
                inside = Peer(FileDescriptor.Shared(socket))
            }
            return inside != nil
        }
        let peer = try #require(inside)
        try world.add(peer)
        try world.until("its words") { peer.text == "GET / HTTP/0.9 whatever" }
        peer.send("answer")
        peer.endOutput()
        try world.until("the answer") { outside.text == "answer" && outside.ended == .closed }
        outside.endOutput()
        try world.until("the end") { world.network.connectionCount == 0 }
        #expect(world.events.last?.words == "disconnected 1 6 23 -")
        let address = world.network.forwarded[0].address
        #expect(world.network.endForward(address))
        #expect(!world.network.endForward(address))
        let refused = try self.outside(world, address)
        try world.until("a refusal") { refused.ended == .reset }
    }

    /// For a moment there may be no descriptor for it.
    @Test func aSocketThatCannotBeMadeIsAskedForAgain() throws {
        let world = try World([])
        let listener = try StreamSocket.listen(.loopback(isIPv4: true, port: 0))
        let port = try #require(StreamSocket.localAddress(listener.number)?.port)
        let outside = try forwarded(world, port)
        try world.until("a connection") { world.network.connectionCount == 1 }
        var asked = 0
        world.network.requestSocket = { [unowned network = world.network] id, isIPv4 in
            asked += 1
            do throws(SystemError) {
                let socket = FileDescriptor.Shared(try StreamSocket.make(isIPv4: isIPv4))
                network.provide(id, asked < 3 ? nil : socket)
                return true
            } catch { return false }
        }
        let second = try self.outside(world, world.network.forwarded[0].address)
        try world.until("both connections") { world.network.connectionCount == 2 }
        #expect(asked == 3 && outside.ended == nil && second.ended == nil)
    }

    @Test func nobodyInsideIsAReset() throws {
        let world = try World([])
        let watchers = world.network.watcherCount
        let outside = try forwarded(world, 1)
        try world.until("the reset") { outside.ended == .reset }
        #expect(world.network.watcherCount == watchers + 1)
        world.network.requestSocket = { _, _ in false }
        let second = try self.outside(world, world.network.forwarded[0].address)
        try world.until("the reset") { second.ended == .reset }
        // Sockets that nobody asked for are closed.
        world.network.provide(1, nil)
        world.network.provide(.max, FileDescriptor.Shared(try StreamSocket.make(isIPv4: true)))
    }
}
