// Connections between real sockets: ends, resets, back-pressure, many at once, and what remains of them.

import ClocheModel
import LinuxSystem
import NetworkRules
import Testing

@testable import NetworkRelay

extension World {
    /// A network in which `api.test` is that server.
    static func with(_ port: UInt16, demand: NetworkProtocol? = nil) throws -> World {
        try World([.api(port, demand: demand)])
    }

    /// A program inside and the server's end of its connection to `api.test`.
    func connect(_ server: Server) throws -> (Peer, Peer) {
        let before = server.accepted.count
        let program = try connect("api.test:\(server.port)")
        try until("a connection") { server.accepted.count > before }
        return (program, server.accepted[before])
    }
}

extension NetworkEntry {
    static func api(_ port: UInt16, _ name: String = "api.test", demand: NetworkProtocol? = nil)
        -> NetworkEntry
    {
        NetworkEntry("\(name):\(port)", addresses: ["127.0.0.0/8"], demand: demand)
    }
}

@Suite struct FlowTests {
    @Test func theEndOfOneDirectionLeavesTheOther() throws {
        let world = try World([])
        let server = try world.serve()
        try world.replace([.api(server.port)])
        // A resolver of this machine keeps its socket.
        let (first, other) = try world.connect(server)
        first.endOutput()
        other.endOutput()
        try world.until("the first is over") { world.network.connectionCount == 0 }
        let watchers = world.network.watcherCount
        let (program, peer) = try world.connect(server)
        program.send("ping\n")
        program.endOutput()
        try world.until("ping and the end") { peer.text == "ping\n" && peer.ended == .closed }
        #expect(world.network.connectionCount == 1)
        peer.send("pong")
        try world.until("pong") { program.text == "pong" }
        #expect(program.ended == nil)
        peer.endOutput()
        try world.until("the end of all") { world.network.connectionCount == 0 }
        try world.until("the end") { program.ended == .closed }
        #expect(world.events.last?.words == "disconnected 2 5 4 -")
        #expect(world.network.watcherCount == watchers)
        #expect(world.network.pipes.taken == 0 && world.network.heldBytes == 0)
    }

    @Test func theServerMaySpeakAndEndFirst() throws {
        let world = try World([])
        let server = try world.serve("220 hello\r\n")
        try world.replace([.api(server.port)])
        let (program, peer) = try world.connect(server)
        peer.endOutput()
        try world.until("the greeting and the end") {
            program.text == "220 hello\r\n" && program.ended == .closed
        }
        #expect(peer.ended == nil)
        program.send("QUIT\r\n")
        program.endOutput()
        try world.until("the rest") { peer.text == "QUIT\r\n" && peer.ended == .closed }
        try world.until("the end of all") { world.network.connectionCount == 0 }
    }

    @Test(arguments: [true, false]) func aResetGoesThrough(_ isProgram: Bool) throws {
        let world = try World([])
        let server = try world.serve()
        try world.replace([.api(server.port)])
        let (program, peer) = try world.connect(server)
        program.send("a\n")
        peer.send("b")
        try world.until("both") { peer.text == "a\n" && program.text == "b" }
        if isProgram { program.reset() } else { peer.reset() }
        let other = isProgram ? peer : program
        try world.until("the reset") { other.ended == .reset }
        #expect(world.network.connectionCount == 0)
        #expect(world.events.last?.words.hasPrefix("disconnected 1 2 1 ") == true)
    }

    @Test func nothingIsAConnectionToo() throws {
        let world = try World([])
        let server = try world.serve()
        try world.replace([.api(server.port)])
        let (program, peer) = try world.connect(server)
        program.close()
        try world.until("the end") { peer.ended == .closed }
        peer.close()
        try world.until("the end of all") { world.network.connectionCount == 0 }
        #expect(world.events.last?.words == "disconnected 1 0 0 -")
    }

    @Test func aServerMayCloseAtOnce() throws {
        let world = try World([])
        let server = try world.serve()
        server.onAccept = { $0.close() }
        try world.replace([.api(server.port)])
        let program = try world.connect("api.test:\(server.port)")
        try world.until("the end") { program.ended == .closed }
        program.close()
        try world.until("the end of all") { world.network.connectionCount == 0 }
    }

    @Test func aConnectionThatCannotBeMadeIsBrokenOff() throws {
        let world = try World([])
        let server = try world.serve()
        try world.replace([.api(server.port)])
        let (listening, _) = try world.connect(server)
        listening.close()
        // Nobody listens there.
        try world.replace([.api(1)])
        let program = try world.connect("api.test:1")
        try world.until("the reset") { program.ended == .reset }
        #expect(world.events.contains { $0.words.hasPrefix("failed 2 cannot connect to api.test:1: ") })
    }

    // MARK: Amounts

    @Test func aSlowReaderHoldsBackTheServer() throws {
        let world = try World([])
        let server = try world.serve()
        try world.replace([.api(server.port)])
        let (program, peer) = try world.connect(server)
        (program.reads, program.keeps) = (false, false)
        let amount = 96 << 20
        peer.send([UInt8](repeating: 7, count: amount))
        var unsent = amount
        try world.until("nothing moves") {
            for _ in 0..<10 { try world.turn(most: 10) }
            defer { unsent = peer.unsent }
            return peer.unsent == unsent
        }
        // The kernel's buffers of two connections, and a pipe.
        #expect(peer.unsent > 32 << 20)
        #expect(world.network.pipes.taken == 1)
        program.reads = true
        try world.until("all of it") { program.receivedCount == amount }
        #expect(world.network.pipes.taken == 0)
    }

    /// With pipes, and without any to be had.
    @Test(arguments: [true, false]) func bothDirectionsAtOnce(_ hasPipes: Bool) throws {
        let world = try World([])
        var taken: [RelayPipe] = []
        while !hasPipes, let pipe = world.network.pipes.take() { taken.append(pipe) }
        let server = try world.serve()
        try world.replace([.api(server.port)])
        let (program, peer) = try world.connect(server)
        let piece = (0..<65521).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let pattern = (0..<200).flatMap { _ in piece }
        let other = (0..<200).flatMap { _ in piece.dropFirst() }
        program.send([0] + pattern)
        peer.send(other)
        program.endOutput()
        peer.endOutput()
        var longest = 0
        try world.until("all of it") {
            longest = max(longest, world.network.queueLength)
            return program.ended != nil && peer.ended != nil
        }
        // It is in the queue once, however much there is for it to do.
        #expect(longest == 1)
        for pipe in taken { world.network.pipes.give(pipe) }
        #expect(program.received == other)
        #expect(peer.received == [0] + pattern)
        try world.until("the end of all") { world.network.connectionCount == 0 }
        #expect(world.events.last?.words == "disconnected 1 \(pattern.count + 1) \(other.count) -")
    }

    @Test func twoThousandAtOnce() throws {
        let world = try World([])
        let server = try world.serve()
        server.onAccept = { $0.send("x") }
        try world.replace([.api(server.port)])
        // Four descriptors each, and other tests have some.
        let count = min(2000, OpenFiles.raise() / 8)
        #expect(count >= 500)
        let address = try #require(try world.address(of: "api.test"))
        var programs: [Peer] = []
        for index in 0..<count {
            let (program, accepted) = try Peer.pair()
            try world.add(program)
            world.network.accept(accepted, at: SocketAddress(address, port: server.port))
            program.send("\(index)\n")
            programs.append(program)
        }
        try world.untilEach(programs, "an answer") { $0.text == "x" }
        #expect(world.network.connectionCount == count)
        try world.untilEach(server.accepted, "a word") { $0.text.hasSuffix("\n") }
        #expect(Set(server.accepted.map(\.text)).count == count)
        // What rests needs no pipe.
        #expect(world.network.pipes.taken == 0)
        for program in programs { program.close() }
        try world.untilEach(server.accepted, "the end") { $0.ended == .closed }
        for peer in server.accepted { peer.close() }
        try world.until("the end of all") { world.network.connectionCount == 0 }
    }

    /// Without a packet filter, a listener for a port also catches what is meant for a program of the sandbox's.
    @Test func whatIsMeantForAProgramInsideIsNotTaken() throws {
        let listener = FileDescriptor.Shared(
            try StreamSocket.listen(SocketAddress(ipv4: 0x7f00_0001, port: 0))
        )
        let address = try #require(StreamSocket.localAddress(listener.number))
        let world = try World([NetworkEntry("*:*")], listeners: [listener])
        let socket = FileDescriptor.Shared(try StreamSocket.make(isIPv4: true))
        try StreamSocket.connect(socket.number, to: address)
        let program = Peer(socket)
        try world.add(program)
        try world.until("the reset") { program.ended == .reset }
        #expect(world.events.isEmpty)
    }

    @Test func moreThanThereIsRoomForAreTurnedAway() throws {
        let world = try World([])
        let server = try world.serve()
        try world.replace([.api(server.port)])
        world.network.mostConnections = 1
        let (first, peer) = try world.connect(server)
        let second = try world.connect("api.test:\(server.port)")
        try world.until("the reset") { second.ended == .reset }
        first.send("a\n")
        try world.until("a") { peer.text == "a\n" }
    }

    // MARK: What remains

    @Test func nothingIsLeftOfANetworkThatHasEnded() throws {
        weak var network: AgentNetwork?
        var kept: [Peer] = []
        do {
            let world = try World([])
            network = world.network
            let server = try world.serve()
            try world.replace([.api(server.port), .api(server.port, "slow.test")])
            world.names.answers["slow.test"] = [.silence]
            let (program, peer) = try world.connect(server)
            program.send("a\n")
            try world.until("a") { peer.text == "a\n" }
            let opening = try world.connect("slow.test:\(server.port)")
            let negotiating = try world.connectToProxy()
            negotiating.send("CONNECT ")
            try world.until("the question") { world.names.asked.contains("slow.test 1") }
            kept = [program, peer, opening, negotiating]
        }
        #expect(network == nil)
        for peer in kept { peer.advance() }
        #expect(kept.allSatisfy { $0.ended != nil })
    }

    @Test func whatIsNotReadAnyMoreIsNoticedWhenItIsGone() throws {
        let world = try World([])
        let server = try world.serve()
        try world.replace([.api(server.port, demand: .http)])
        for isReset in [true, false] {
            let (program, peer) = try world.connect(server)
            program.send("GET / HTTP/1.1\r\nHost: api.test:\(server.port)\r\nConnection: close\r\n\r\n")
            try world.until("the request") { peer.text.hasSuffix("\r\n\r\n") }
            // The server thinks for ever; what follows the last request goes nowhere.
            program.send("POST /more")
            if isReset { program.reset() } else { program.endOutput() }
            try world.until("the end") { peer.ended == (isReset ? .reset : .closed) }
            #expect(!peer.text.contains("more"))
            peer.close()
            try world.until("the end of all") { world.network.connectionCount == 0 }
        }
    }
}
