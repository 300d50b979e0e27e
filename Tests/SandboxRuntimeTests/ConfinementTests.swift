// What is decided before a sandbox is built: the fence from the mounts, the mount table that a plan leads to, and which
// mechanisms may be missing. Values only; that the kernel does as it is told is tested in Tests/EscapeTests.

import ClocheModel
import Testing

@testable import SandboxRuntime

private let readOnly: MountAttributes = [.readOnly, .noSetID, .noDevices]
private let writable: MountAttributes = [.noSetID, .noDevices]

private func source(
    _ path: String,
    _ attributes: MountAttributes,
    recursive: Bool = false,
    directory: Bool = true
)
    -> MountSource
{
    MountSource(
        path: path,
        attributes: attributes,
        recursive: recursive,
        device: 1,
        inode: 2,
        isDirectory: directory,
        reason: "test"
    )
}

private func plan(_ sources: [MountSource], _ operations: [PlanOperation]) -> SandboxPlan {
    SandboxPlan(
        identity: SandboxIdentity(user: 1, group: 1, hostUser: 1, hostGroup: 1, startedByRoot: false),
        sharesNetwork: false,
        executable: "/bin/true",
        sources: sources,
        operations: operations
    )
}

private func tmpfs(_ target: String) -> PlanOperation {
    PlanOperation(
        .filesystem(kind: "tmpfs", options: [], attributes: writable),
        at: target,
        reason: "test"
    )
}

private func bind(_ index: Int, _ target: String) -> PlanOperation {
    PlanOperation(.bind(source: index), at: target, reason: "test")
}

@Suite struct FenceTests {
    private func rights(_ plan: SandboxPlan, _ target: String, version: Int32 = 7) throws -> Set<String> {
        let rule = try #require(Fence.make(plan, version: version).rules.last { $0.target == target })
        var copy = plan
        copy.confinement.fence = Fence(version: version, access: 0, scopes: 0, rules: [rule])
        let names = copy.document.value(at: ["landlock"])?.list?.first?["access"]?.stringList ?? []
        return Set(names)
    }

    @Test func whatIsOnlyReadCannotBeWritten() throws {
        let plan = plan([source("/usr", readOnly)], [bind(0, "usr")])
        #expect(try rights(plan, "usr") == ["read-file", "list", "execute"])
    }

    @Test func whatIsWrittenHoldsNoDevices() throws {
        let rights = try rights(plan([], [tmpfs("tmp")]), "tmp")
        #expect(
            rights.isSuperset(of: ["read-file", "write-file", "execute", "make-file", "move", "truncate"])
        )
        #expect(rights.isDisjoint(with: ["make-character-device", "make-block-device", "device-ioctl"]))
    }

    @Test func aFileHasOnlyTheRightsOfFiles() throws {
        let plan = plan([source("/key", readOnly.union(.noExec), directory: false)], [bind(0, "key")])
        #expect(try rights(plan, "key") == ["read-file"])
    }

    @Test func theRootCanBeListedAndNoMore() throws { #expect(try rights(plan([], []), "") == ["list"]) }

    @Test func whatIsCoveredHasNoRule() {
        let plan = plan([source("/layers", writable)], [bind(0, "run/layers"), tmpfs("run")])
        #expect(Fence.make(plan, version: 7).rules.map(\.target) == ["", "run"])
    }

    @Test func whatLiesBelowKeepsItsRule() {
        let plan = plan([source("/key", readOnly)], [tmpfs("home"), bind(0, "home/key")])
        #expect(Fence.make(plan, version: 7).rules.map(\.target) == ["", "home", "home/key"])
    }

    /// A right that the kernel does not know is an error there.
    @Test(arguments: [(1, 13), (2, 14), (3, 15), (4, 15), (5, 16), (7, 16), (12, 16)] as [(Int32, Int)])
    func onlyKnownRightsAreAskedFor(_ version: Int32, _ bits: Int) {
        let fence = Fence.make(plan([], [tmpfs("tmp")]), version: version)
        #expect(fence.access == 1 << UInt64(bits) - 1)
        #expect(fence.rules.allSatisfy { $0.access & ~fence.access == 0 })
        #expect((fence.scopes != 0) == (version >= 6))
    }

    @Test func whatAVersionLacksIsNamed() {
        #expect(Fence.lacks(7).isEmpty)
        #expect(Fence.lacks(4) == ["device ioctls", "signals and abstract sockets"])
    }
}

@Suite struct PlannedMountTests {
    @Test func flagsAddUp() throws {
        let mounts = PlannedMount.all(
            of: plan(
                [source("/a", readOnly, recursive: true)],
                [
                    tmpfs("dev"), PlanOperation(.seal([.readOnly]), at: "dev", reason: "test"), bind(0, "a"),
                    PlanOperation(.readOnly, at: "a/b", optional: true, reason: "test"),
                    PlanOperation(.seal([.readOnly, .noSetID]), reason: "test"),
                ]
            )
        )
        #expect(mounts.map(\.target) == ["/", "/dev", "/a", "/a/b"])
        #expect(mounts[0].attributes == [.readOnly, .noSetID, .noDevices])
        #expect(mounts[1].attributes == [.readOnly, .noSetID, .noDevices])
        #expect(mounts[2].isRecursive && mounts[2].source?.path == "/a")
        #expect(mounts[3].isOptional && mounts[3].attributes == readOnly)
    }

    @Test func whatIsMountedOverIsCovered() {
        let mounts = PlannedMount.all(
            of: plan([source("/a", writable)], [bind(0, "run/a"), tmpfs("run"), bind(0, "runner")])
        )
        #expect(mounts.map(\.isCovered) == [false, true, false, false])
    }

    @Test func aWeakerMountIsNotTheSame() throws {
        let planned = try #require(PlannedMount.all(of: plan([source("/a", readOnly)], [bind(0, "a")])).last)
        func mount(_ point: String, _ attributes: MountAttributes) -> MountTable.Mount {
            MountTable.Mount(point: point, attributes: attributes, kind: "ext4")
        }
        #expect(planned.isMet(by: mount("/a", readOnly)))
        #expect(planned.isMet(by: mount("/a", readOnly.union(.noExec))))
        #expect(!planned.isMet(by: mount("/a", writable)))
        #expect(!planned.isMet(by: mount("/b", readOnly)))
    }
}

@Suite struct MountTableTests {
    @Test func theKernelsTableIsRead() {
        let text = """
            36 35 98:0 /mnt1 /mnt\\0402 rw,noatime,nosuid master:1 shared:7 - ext4 /dev/root rw,errors=continue
            37 36 0:5 / /x ro,nosuid,nodev,noexec - tmpfs none rw

            """
        let mounts = MountTable.mounts(Array(text.utf8))
        #expect(mounts.map(\.point) == ["/mnt 2", "/x"])
        #expect(mounts.map(\.kind) == ["ext4", "tmpfs"])
        #expect(mounts[0].attributes == [.noSetID])
        #expect(mounts[1].attributes == [.readOnly, .noSetID, .noDevices, .noExec])
    }

    @Test(arguments: ["", "\n", "1 2 3", "1 2 3:4 / /x", "1 2 3:4 / /x rw", "1 2 3:4 / /x rw - "])
    func aTornTableIsNoCrash(_ text: String) { #expect(MountTable.mounts(Array(text.utf8)).count <= 1) }
}

@Suite struct ConfinementTests {
    private func states(_ confinement: ConfinementPolicy, version: Int32 = 7, network: NetworkMode = .none)
        throws
        -> ConfinementPlan
    {
        let policy = Policy(
            profile: "test",
            harness: HarnessPolicy(command: ["sh"]),
            confinement: confinement,
            network: NetworkSettings(mode: network)
        )
        var bare = plan([], [])
        bare.sharesNetwork = network == .host
        return try Confinement.plan(policy, bare, kernel: Confinement.Kernel(landlock: version, answer: nil))
    }

    private func state(_ mechanism: Mechanism, _ plan: ConfinementPlan) -> MechanismState? {
        plan.states.first { $0.mechanism == mechanism }
    }

    @Test func everyMechanismHasAState() throws {
        let plan = try states(ConfinementPolicy())
        #expect(Set(plan.states.map(\.mechanism)) == Set(Mechanism.allCases))
        #expect(plan.states.count == Mechanism.allCases.count)
        #expect(plan.fence != nil && state(.landlock, plan)?.state == .on)
    }

    @Test func missingLandlockStopsTheStartByName() {
        let error = #expect(throws: ClocheError.self) { try states(ConfinementPolicy(), version: -1) }
        #expect(
            error?.what.contains("landlock") == true && error?.remedy.contains("permit: [landlock]") == true
        )
    }

    @Test func itsAbsenceMayBePermitted() throws {
        let plan = try states(ConfinementPolicy(permit: [.landlock]), version: -1)
        #expect(plan.fence == nil && state(.landlock, plan)?.state == .missing)
    }

    @Test func strictPermitsNothing() {
        let strict = ConfinementPolicy(mode: .strict, permit: [.landlock])
        #expect(throws: ClocheError.self) { try states(strict, version: -1) }
        #expect(throws: ClocheError.self) { try states(strict, version: 5) }
        #expect(throws: Never.self) { try states(strict, version: 7) }
    }

    @Test func anOlderVersionIsUsedAndSaid() throws {
        let plan = try states(ConfinementPolicy(), version: 4)
        #expect(state(.landlock, plan)?.detail.contains("without device ioctls") == true)
    }

    @Test func whatThePolicyTurnsOffIsOff() throws {
        let plan = try states(ConfinementPolicy(landlock: false, nestedNamespaces: 3), network: .host)
        #expect(plan.fence == nil)
        for mechanism in [Mechanism.landlock, .nestedNamespaces, .netNamespace] {
            #expect(state(mechanism, plan)?.state == .off)
        }
    }
}
