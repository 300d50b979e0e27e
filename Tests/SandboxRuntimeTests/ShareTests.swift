// Shared directories in plans: flags, fence, and what is refused. The host is only looked at; nothing is mounted.

import ClocheModel
import Glibc
import LinuxSystem
import Testing

@testable import SandboxRuntime

@Suite struct ShareTests {
    private static func request(_ shares: [SharedDirectory], _ change: (inout Policy) -> Void = { _ in })
        -> SandboxRequest
    {
        var policy = Policy(
            profile: "test",
            harness: HarnessPolicy(command: ["sh"]),
            filesystem: FilesystemPolicy(system: ["/usr"], etc: [])
        )
        change(&policy)
        var request = SandboxRequest(
            policy: policy,
            identity: SandboxIdentity(
                user: 1000,
                group: 1000,
                hostUser: 1000,
                hostGroup: 1000,
                startedByRoot: false
            ),
            hostname: "fixer",
            executable: "/bin/sh"
        )
        request.shares = shares
        return request
    }

    private static func share(_ name: String, _ mode: ShareMode) -> SharedDirectory {
        SharedDirectory(name: name, mode: mode, files: "/tmp", bytes: 1, count: 1)
    }

    @Test(
        "No link leads anywhere, and only `rw` is writable",
        arguments: [(ShareMode.readOnly, true), (.append, true), (.readWrite, false)]
    )
    func flags(mode: ShareMode, isReadOnly: Bool) throws {
        let plan = try Planner.plan(Self.request([Self.share("notes", mode)]))
        let source = try #require(plan.sources.last { $0.reason == Planner.shareReason })
        #expect(source.attributes.isSuperset(of: [.noSetID, .noDevices, .noLinks]))
        #expect(source.attributes.contains(.readOnly) == isReadOnly)
        #expect(source.owned && !source.recursive)
        let mount = try #require(PlannedMount.all(of: plan).last { $0.target == "/shared/notes" })
        #expect(mount.attributes == source.attributes && mount.text.contains("nosymfollow"))
    }

    @Test("The fence lets nobody make sockets, FIFOs and links there, whatever version of Landlock")
    func fence() throws {
        let plan = try Planner.plan(Self.request([Self.share("notes", .readWrite)]))
        let (sockets, pipes, links, files): (UInt64, UInt64, UInt64, UInt64) = (
            1 << 9, 1 << 10, 1 << 12, 1 << 8
        )
        for version in 1...Fence.newest {
            let rules = Fence.make(plan, version: version).rules
            let rule = try #require(rules.last { $0.target == "shared/notes" })
            #expect(rule.access & (sockets | pipes | links) == 0)
            #expect(rule.access & files != 0)
            // The control: in the home, they may.
            let home = try #require(rules.last { $0.target == "home/agent" })
            #expect(home.access & (sockets | pipes | links) == sockets | pipes | links)
        }
    }

    @Test("Without the fence nothing is shared for writing")
    func unfenced() throws {
        let off: (inout Policy) -> Void = { $0.confinement.landlock = false }
        let error = #expect(throws: ClocheError.self) {
            try Planner.plan(Self.request([Self.share("notes", .readWrite)], off))
        }
        #expect(error?.what == "the agent cannot be given the shared directory notes for writing")
        for mode in [ShareMode.readOnly, .append] {
            #expect(throws: Never.self) { try Planner.plan(Self.request([Self.share("notes", mode)], off)) }
        }
    }

    @Test("A profile's bind does not cover them")
    func covered() throws {
        for target in ["/shared", "/shared/notes", "/shared/notes/below"] {
            let error = #expect(throws: ClocheError.self) {
                try Planner.plan(
                    Self.request([Self.share("notes", .readOnly)]) {
                        $0.filesystem.binds = [BindPolicy(source: "/tmp", target: target)]
                    }
                )
            }
            #expect(error?.what == "cannot mount at \(target)")
        }
    }

    @Test("A kernel that follows links is told by name")
    func oldKernel() throws {
        let plan = try Planner.plan(Self.request([Self.share("notes", .readOnly)]))
        let source = try #require(plan.sources.last { $0.reason == Planner.shareReason })
        let error = SetupError.source(source, Errno(EINVAL), HostFacts())
        #expect(error.remedy.contains("nosymfollow") && error.remedy.contains("5.14"))
        let idmapped = SetupFailure.call(SystemError("mount_setattr", Errno(EINVAL), source.path))
        #expect(SetupError.explain(idmapped, plan, HostFacts()).remedy.contains("nosymfollow"))
    }

    @Test("The mount table tells the flag")
    func table() {
        let line = "30 1 8:1 /x /shared/notes rw,nosuid,nodev,nosymfollow - ext4 /dev/sda1 rw\n"
        let mount = MountTable.mounts(Array(line.utf8)).first
        #expect(mount?.attributes == [.noSetID, .noDevices, .noLinks])
    }
}
