// A connection to a host that no rule names is held, nothing of it goes out, and it goes on when it may.

import ClocheModel
import NetworkRules
import Testing

@testable import NetworkRelay

@Suite struct AskingTests {
    /// Who is asked, and what was asked.
    private final class Person {
        var asked: [(connection: UInt64, target: String)] = []
        var withdrawn: [UInt64] = []
        var answer = HostVerdict.wait
    }

    private func world(_ allow: [NetworkEntry] = [], deny: [NetworkEntry] = []) throws -> (World, Person) {
        let (world, person) = (try World(allow, deny: deny), Person())
        world.network.judgeNewHost = { connection, destination in
            person.asked.append((connection, destination.description))
            return person.answer
        }
        world.network.withdrawNewHost = { person.withdrawn.append($0) }
        return (world, person)
    }

    @Test func aNameIsResolvedOnlyWhenItIsApproved() throws {
        let (world, person) = try world([NetworkEntry("known.test:443")])
        world.names.answers["new.test"] = [.addresses(["93.184.216.34"], seconds: 60)]
        let program = try world.connect("new.test:8443")
        program.send("hello")
        try world.until("it is asked") { person.asked.count == 1 }
        #expect(person.asked[0].target == "new.test:8443" && world.names.asked.isEmpty)
        #expect(world.events.map(\.words) == ["askable new.test A"])
        #expect(program.ended == nil && person.withdrawn.isEmpty)
        world.network.decide(person.asked[0].connection, .allowed("request 1"))
        try world.until("the name is resolved") { !world.names.asked.isEmpty }
        #expect(person.withdrawn.isEmpty)
    }

    @Test func aPersonDoesNotApproveOfPrivateAddresses() throws {
        let (world, person) = try world()
        let server = try world.serve("hello")
        world.names.answers["new.test"] = [.addresses(["127.0.0.1"], seconds: 60)]
        person.answer = .allowed("request 1")
        let program = try world.connect("new.test:\(server.port)")
        try world.until("a refusal") { program.ended == .reset }
        #expect(world.events.last?.words.hasSuffix("address-not-public") == true)
        #expect(server.accepted.isEmpty)
    }

    @Test func denied() throws {
        let (world, person) = try world()
        let program = try world.connectToProxy()
        program.send("CONNECT new.test:443 HTTP/1.1\r\nHost: new.test:443\r\n\r\n")
        try world.until("it is asked") { person.asked.count == 1 }
        world.network.decide(person.asked[0].connection, .refused("a person has denied it"))
        try world.until("a refusal") { program.ended != nil }
        #expect(program.text.hasPrefix("HTTP/1.1 403 ") && program.text.contains("a person has denied it"))
        #expect(world.names.asked.isEmpty && world.events.last?.words.hasSuffix("host-not-allowed") == true)
        // Answered once, it is not answered again.
        world.network.decide(person.asked[0].connection, .allowed("late"))
        #expect(world.names.asked.isEmpty)
    }

    @Test func nobodyIsAskedAboutWhatIsRefusedForAnythingElse() throws {
        let (world, person) = try world(
            [NetworkEntry("known.test:443")],
            deny: [NetworkEntry("never.test:*"), NetworkEntry("9.9.9.9:*")]
        )
        #expect(try world.address(of: "never.test") == nil)
        for authority in [
            "known.test:444", "never.test:443", "9.9.9.9:443", "10.0.0.1:443", "127.0.0.2:80", "[::1]:80",
            "169.254.169.254:80", "198.18.200.200:443", "[::ffff:10.0.0.1]:443",
        ] {
            let program = try world.connectToProxy()
            program.send("CONNECT \(authority) HTTP/1.1\r\nHost: \(authority)\r\n\r\n")
            try world.until("a refusal") { program.ended != nil }
            #expect(program.text.hasPrefix("HTTP/1.1 403 "), "\(authority): \(program.text)")
        }
        #expect(person.asked.isEmpty)
        // The control: a public address, which is asked about as such.
        let program = try world.connect("9.9.9.10:443")
        try world.until("it is asked") { person.asked.map(\.target) == ["9.9.9.10:443"] }
        program.close()
        try world.until("it is withdrawn") { person.withdrawn == [person.asked[0].connection] }
        #expect(world.network.connectionCount == 0)
    }

    @Test func otherRulesAnswerAsWell() throws {
        let (world, person) = try world()
        let server = try world.serve("hello")
        world.names.answers["api.test"] = [.addresses(["127.0.0.1"], seconds: 60)]
        let (program, other) = (
            try world.connect("api.test:\(server.port)"), try world.connect("never.test:443")
        )
        try world.until("both are asked") { person.asked.count == 2 }
        let rule = NetworkEntry("api.test:\(server.port)", addresses: ["127.0.0.1"], demand: .any)
        try world.replace([rule], deny: [NetworkEntry("never.test")])
        try world.until("hello") { program.text == "hello" }
        try world.until("a refusal") { other.ended == .reset }
        #expect(person.withdrawn.count == 2)
    }
}
