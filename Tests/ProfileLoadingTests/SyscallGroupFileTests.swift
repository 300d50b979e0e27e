// Groups of system calls in the user's and the project's files: which are found, trusted, and kept with an agent.

import ClocheModel
import LinuxSystem
import StructuredText
import Testing

@testable import ProfileLoading

@Suite struct SyscallGroupFileTests {
    private static let text = "description: x\nallow: [[bpf]]\n"
    private static let refusing = "refuse-when: [{calls: [read], when: [arg2 == 7], why: x}]\n"
    private static let chosen = "overrides: {syscalls: {groups+: [own]}}\n"

    @Test func baseListsTheStandardGroups() throws {
        let policy = try ConfigurationTree().loader.load(name: "base").policy
        #expect(policy.syscalls == SyscallPolicy())
    }

    @Test func anUnknownGroupIsAnErrorWithASuggestion() throws {
        let failure = try ConfigurationTree().failure(nil, ["syscalls.groups=[fils]"])
        #expect(failure.contains("`syscalls.groups`: fils is no group; did you mean `files`?"), "\(failure)")
        #expect(
            try ConfigurationTree().failure(nil, ["syscalls.groups=[Files]"]).contains(
                "must be the name of a group"
            )
        )
    }

    @Test func unknownCallsAreErrorsWithASuggestion() throws {
        let failure = try ConfigurationTree().failure(nil, ["syscalls.deny=[openatt]"])
        #expect(
            failure.contains("`syscalls.deny`: openatt is no system call; did you mean `openat`?"),
            "\(failure)"
        )
    }

    @Test func theUsersOwnGroupIsKeptWithTheProfile() throws {
        let tree = try ConfigurationTree([
            "user/config.yaml": Self.chosen, "user/syscalls/own.yaml": Self.text,
        ])
        let profile = try tree.loader.load()
        #expect(profile.policy.syscalls.groups == SyscallPolicy.standardGroups + ["own"])
        #expect(profile.policy.syscalls.definitions == [Document.Entry("own", .string(Self.text))])
        let stored = try JSONText.parse(JSONText.serializeBytes(profile.document))
        #expect(try Policy(document: stored) == profile.policy)
    }

    @Test func aFileCannotTakeABuiltInGroupsName() throws {
        let tree = try ConfigurationTree(["user/syscalls/files.yaml": Self.text])
        #expect(try tree.loader.load().policy.syscalls.definitions.isEmpty)
    }

    @Test func mistakesInAGroupHaveTheirPlace() throws {
        let tree = try ConfigurationTree([
            "user/config.yaml": Self.chosen, "user/syscalls/own.yaml": "allow: [[raed]]\n",
        ])
        #expect(tree.failure().contains("user/syscalls/own.yaml:1:10: there is no system call `raed`"))
        try Files.remove(tree.path("user/syscalls/own.yaml"))
        try tree.makeFIFO("user/syscalls/own.yaml")
        #expect(tree.failure().contains("user/syscalls/own.yaml: cannot be read"))
    }

    @Test func aProjectsGroupMustBeTrusted() throws {
        let tree = try ConfigurationTree([
            "user/config.yaml": Self.chosen, "project/syscalls/own.yaml": Self.text,
        ])
        let failure = tree.failure()
        #expect(
            failure.contains("project/syscalls/own.yaml: the group `own` decides about system calls"),
            "\(failure)"
        )
        #expect(failure.contains("`cloche config trust`"))
        #expect(try tree.loader.trustProject() == [tree.path("project/syscalls/own.yaml")])
        #expect(try tree.loader.load().policy.syscalls.definitions.count == 1)
        try tree.write("project/syscalls/own.yaml", Self.text + "# changed\n")
        #expect(tree.failure().contains("is not trusted"))
    }

    @Test func theUsersGroupStandsAboveAProjectsOfTheSameName() throws {
        let tree = try ConfigurationTree([
            "user/config.yaml": Self.chosen, "user/syscalls/own.yaml": Self.text,
            "project/syscalls/own.yaml": "allow: [[mount]]\n",
        ])
        #expect(
            try tree.loader.load().policy.syscalls.definitions == [Document.Entry("own", .string(Self.text))]
        )
    }

    /// A group of the user's may refuse what the others allow, so that its absence would give more.
    @Test func anUntrustedProjectCannotTakeTheUsersGroupAway() throws {
        let tree = try ConfigurationTree([
            "user/config.yaml": Self.chosen, "user/syscalls/own.yaml": Self.refusing,
            "project/config.yaml": "overrides: {syscalls: {groups: [files, memory]}}\n",
        ])
        #expect(tree.failure().contains("`syscalls.groups` gives the agent more than your settings"))
        try tree.write("project/config.yaml", "overrides: {syscalls: {groups: [files, own]}}\n")
        #expect(try tree.loader.load().policy.syscalls.groups == ["files", "own"])
    }
}
