// The bundles in profiles/harness: what each says of its program holds together.

import ClocheModel
import StructuredText
import Testing

@testable import ProfileLoading

@Suite struct BundleFileTests {
    static let names = ["claude", "gemini", "codex", "opencode", "copilot", "aider", "mini-swe-agent"]

    @Test func theBundlesAreThese() throws {
        let bundles = try ConfigurationTree().loader.bundleNames()
        #expect(bundles == (BundleFileTests.names + ["shell", "command"]).sorted())
    }

    @Test(arguments: names)
    func aBundleSaysHowItsProgramTakesWhatItIsGiven(_ name: String) throws {
        let harness = try ConfigurationTree().loader.load(name: name).policy.harness
        #expect(harness.commandLine(task: nil, model: "m1").contains("m1"))
        #expect(!harness.check.isEmpty && !harness.interrupt.isEmpty && harness.rank != nil)
        #expect(harness.check.first == harness.program)
        if harness.instructions.putsTextInArguments { #expect(harness.instructions.file == nil) }
        guard let servers = harness.servers else { return }
        let placed = try servers.placing([HarnessFileTests.program, HarnessFileTests.web], in: [])
        let text = String(decoding: placed, as: UTF8.self)
        #expect(text.contains("srv") && text.contains("https://b/mcp") && !text.contains("{" + "command}"))
        // What is seeded can be written into.
        for seed in harness.seeds where seed.path == servers.file {
            #expect(throws: Never.self) {
                try servers.placing([HarnessFileTests.program], in: Array(seed.content.utf8))
            }
        }
    }

    @Test func ranksAreDifferent() throws {
        let loader = try ConfigurationTree().loader
        let ranks = try loader.bundleNames().compactMap { try loader.load(name: $0).policy.harness.rank }
        #expect(Set(ranks).count == ranks.count && ranks.count == BundleFileTests.names.count)
    }
}
