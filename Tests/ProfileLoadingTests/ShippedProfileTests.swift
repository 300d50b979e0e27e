// The profiles in profiles/: each loads, reads back the same from its stored form, and says what it must.

import ClocheModel
import StructuredText
import Testing

@testable import ProfileLoading

@Suite struct ShippedProfileTests {
    static let names = embeddedProfiles.map { ProfileLibrary.name(of: $0.path) }

    @Test(arguments: names)
    func loadsAndReadsBackTheSame(_ name: String) throws {
        let tree = try ConfigurationTree()
        let profile = try tree.loader.load(name: name)
        #expect(profile.name == name)
        #expect(!profile.policy.summary.isEmpty)
        #expect(try Policy(document: profile.document) == profile.policy)
        let stored = try JSONText.parse(JSONText.serializeBytes(profile.document))
        #expect(try Policy(document: stored) == profile.policy)
        #expect(profile.chain.first == "base" && profile.chain.last == name)
    }

    static let programs = [
        "claude", "gemini", "codex", "opencode", "copilot", "aider", "mini-swe-agent", "shell", "command",
    ]

    @Test(arguments: programs)
    func isThere(_ name: String) { #expect(ShippedProfileTests.names.contains(name)) }

    @Test(arguments: names)
    func onlyAgentProgramsReachTheNetwork(_ name: String) throws {
        let profile = try ConfigurationTree().loader.load(name: name)
        let isAgent = profile.chain.contains("agent")
        let network = profile.policy.network
        // Behind a gateway there is no network to reach.
        let hasGateway = name.hasSuffix("-gateway") || name.hasSuffix("-login")
        #expect(network.mode == (isAgent && !hasGateway ? .allow : .none))
        #expect(network.allow.isEmpty == (!isAgent || name == "agent"))
        // Its service by TLS, and nothing that an agent of another program would not need as well.
        #expect(network.allow.allSatisfy { !$0.target.contains(":") && !$0.target.contains("*") })
        #expect(isAgent || (profile.policy.credentials.isEmpty && profile.policy.filesystem.binds.isEmpty))
        #expect(profile.policy.filesystem.workspace == (name.hasSuffix("-readonly") ? .readOnly : .readWrite))
        #expect(profile.policy.filesystem.binds.allSatisfy { $0.optional && $0.mode == .readOnly })
    }

    @Test(arguments: names)
    func seedsAreValid(_ name: String) throws {
        let seeds = try ConfigurationTree().loader.load(name: name).policy.harness.seeds
        for seed in seeds where seed.path.hasSuffix(".json") {
            #expect(throws: Never.self) { try JSONText.parse(seed.content, file: seed.path) }
        }
    }

    @Test func claudeIsWhatItsFileSays() throws {
        let tree = try ConfigurationTree()
        let policy = try tree.loader.load(name: "claude").policy
        #expect(policy.harness.program == "claude")
        #expect(
            policy.harness.commandLine(task: "fix it").suffix(4)
                == ["claude", "--dangerously-skip-permissions", "--no-chrome", "fix it"]
        )
        #expect(
            policy.harness.commandLine(task: nil, resuming: true).suffix(4)
                == ["claude", "--dangerously-skip-permissions", "--no-chrome", "--continue"]
        )
        #expect(
            policy.credentials.last?.kind
                == .file(
                    source: tree.home + "/.claude/.credentials.json",
                    target: "/home/agent/.claude/.credentials.json"
                )
        )
        // Programs are found, not bound (`HostPrograms`).
        #expect(policy.filesystem.binds.isEmpty)
        #expect(
            policy.environment.pass.contains("LANG") && policy.environment.pass.contains("ANTHROPIC_BASE_URL")
        )
        #expect(policy.environment.set.first { $0.key == "PATH" }?.value.string?.contains(" ") == false)
        #expect(policy.stop.graceSeconds == 15 && policy.limits.shares.processes == 8192)
    }

    @Test func shellRunsATaskAsACommandLine() throws {
        let harness = try ConfigurationTree().loader.load(name: "shell").policy.harness
        #expect(
            harness.commandLine(task: "echo '{task}' $HOME") == ["/bin/bash", "-lc", "echo '{task}' $HOME"]
        )
        #expect(harness.commandLine(task: nil) == ["/bin/bash", "-l"])
        #expect(harness.commandLine(task: "x", resuming: true) == ["/bin/bash", "-lc", "x"])
    }
}
