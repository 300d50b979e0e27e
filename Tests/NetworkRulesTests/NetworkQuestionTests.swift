// Texts that a person types after `cloche netcheck PROFILE`, and what is said of them.

import ClocheModel
import NetworkRules
import Testing

@Suite struct NetworkQuestionTests {
    private let policy: NetworkPolicy

    init() throws {
        let entries = [
            NetworkEntry("a.test:443,22"), NetworkEntry("b.test:80", methods: ["GET"], paths: ["/v1/**"]),
            NetworkEntry("c.test:8080"), NetworkEntry("[2606::1]:443"),
        ]
        policy = try NetworkPolicy(NetworkSettings(mode: .allow, allow: entries))
    }

    @Test(arguments: [
        ("a.test", "a.test:443"), ("https://A.test./x?y#z", "a.test:443"), ("https://a.test", "a.test:443"),
        ("wss://a.test:443/", "a.test:443"), ("ssh://a.test", "a.test:22"), ("a.test:22", "a.test:22"),
        ("HTTP://b.test/v1/x?q", "b.test:80"), ("http://b.test/v1/x#/../..", "b.test:80"),
        ("b.test:80", "b.test:80"),
        ("http://c.test:8080/any", "c.test:8080"), ("https://c.test:8080", "c.test:8080"),
        ("tcp://c.test:8080", "c.test:8080"),
        ("https://[2606::1]/", "[2606::1]:443"), ("[2606::1]", "[2606::1]:443"),
    ])
    func whatIsAllowed(text: String, destination: String) throws {
        let question = try NetworkQuestion(text)
        #expect(question.destination.description == destination)
        #expect(policy.decide(question).grant != nil)
    }

    @Test(arguments: [
        ("a.test:80", RefusalReason.portNotAllowed), ("http://a.test", .portNotAllowed),
        ("https://d.test", .hostNotAllowed),
        ("http://a.test:443/", .wrongProtocol), ("https://b.test:80", .wrongProtocol),
        ("http://b.test/v2", .pathNotAllowed),
        ("http://b.test", .pathNotAllowed), ("http://b.test?/v1/x", .pathNotAllowed),
        ("http://b.test/v1/../x", .pathUnclear),
        ("http://127.0.0.1:8080", .addressNotPublic), ("https://169.254.169.254", .metadataAddress),
    ])
    func whatIsRefused(text: String, reason: RefusalReason) throws {
        #expect(policy.decide(try NetworkQuestion(text)).refusal?.reason == reason)
    }

    @Test func theMethodCounts() throws {
        let question = try NetworkQuestion("http://b.test/v1/x")
        #expect(policy.decide(question, method: "POST").refusal?.reason == .methodNotAllowed)
        let other = try #require(policy.decide(NetworkQuestion("https://b.test:80")).refusal)
        #expect(other.suggestion == "{host: b.test:80, protocol: tls}")
    }

    @Test(arguments: [
        "", "https://", "https:///x", "gopher://a.test", "https://user@a.test", "https://a.test@evil.test",
        "https://a.test\\@b",
        "https://0x7f.1/", "http://2130706433", "https://a.test:0", "https://a.test:99999/", "a.test/x",
        "https://a%2etest", "::1",
        "https://[::1", "://a.test",
    ])
    func whatIsNoURL(text: String) {
        #expect(throws: HostError.self) { try NetworkQuestion(text) }
    }
}
