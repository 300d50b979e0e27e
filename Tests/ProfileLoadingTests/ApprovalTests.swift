// Classes of `ask`: which there are, and which would hold nothing.

import ClocheModel
import Testing

@testable import ProfileLoading

@Suite struct ApprovalTests {
    private func tree(_ text: String) throws -> ConfigurationTree {
        try ConfigurationTree([
            "user/profiles/mine.yaml": "extends: shell\n\(text)\n", "user/config.yaml": "profile: mine",
        ])
    }

    @Test func classesAreRead() throws {
        let tree = try tree(
            """
            ask: [push, network:new-host, credential:github, credential:token]
            ask-timeout: 90s
            network: {mode: allow}
            credentials: [{service: github, kept: token}]
            """
        )
        let profile = try tree.loader.load()
        #expect(
            profile.policy.ask
                == ApprovalPolicy(
                    [.push, .newHost, .credential("github"), .credential("token")],
                    timeoutSeconds: 90
                )
        )
        let plain = try self.tree("")
        #expect(try plain.loader.load().policy.ask == ApprovalPolicy([], timeoutSeconds: 300))
    }

    static let mistakes: [(text: String, message: String)] = [
        ("ask: [pushes]", "user/profiles/mine.yaml:2:7: `ask[0]` must be a class of actions"),
        ("ask: [\"credential:\"]", "a class of actions: push, network:new-host, or credential:NAME"),
        ("ask: [network]", "a class of actions"),
        ("ask: [credential:githup]\ncredentials: [{service: github, kept: x}]", "did you mean `github`?"),
        ("ask: [credential:ANTHROPIC]\ncredentials: [{env: ANTHROPIC}]", "neither a service"),
        ("ask: [network:new-host]\nnetwork: {mode: open}", "would hold nothing"),
        ("ask: [network:new-host]\nnetwork: {mode: host}", "would hold nothing"),
        ("ask-timeout: 0", "`ask-timeout`"),
    ]

    @Test(arguments: mistakes.indices)
    func otherClassesAreMistakes(_ index: Int) throws {
        let (text, message) = Self.mistakes[index]
        let failure = try tree(text).failure()
        #expect(failure.contains(message), "\(failure)")
    }

    @Test func anUntrustedFileTakesOnlyNewHostsAway() throws {
        let user = "profile: shell\noverrides: {network: {mode: allow}, ask: [push, network:new-host]}"
        let taken = try ConfigurationTree([
            "user/config.yaml": user, "project/config.yaml": "overrides: {ask: [push]}",
        ])
        #expect(try taken.loader.load().policy.ask.classes == [.push])
        let widened = try ConfigurationTree([
            "user/config.yaml": user, "project/config.yaml": "overrides: {ask: [network:new-host]}",
        ])
        #expect(widened.failure().contains("`ask` gives the agent more than your settings"))
    }
}
