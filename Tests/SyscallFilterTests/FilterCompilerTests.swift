// What the compiled filters decide, call by call. The numbers are those of x86-64.

import ClocheModel
import Glibc
import StructuredText
import Testing

@testable import SyscallFilter

#if arch(x86_64)
/// Both programs of one policy, applied to calls as the kernel does.
struct Filters {
    let programs: [FilterProgram]

    init(_ policy: SyscallPolicy = SyscallPolicy()) throws {
        let (list, rules) = try FilterCompiler.programs(policy)
        programs = [list, rules]
    }

    static func number(_ name: String) throws -> UInt32 {
        try #require(SyscallNumbers.all.first { $0.name == name }?.number)
    }

    func decide(_ name: String, _ arguments: UInt64...) throws -> Decision {
        try decide(CallFacts(number: Filters.number(name), arguments: arguments))
    }

    func decide(_ call: CallFacts) throws -> Decision {
        .strictest(try programs.map { try $0.run(call) })
    }
}

@Suite struct FilterCompilerTests {
    private static let refused = Decision.errno(EPERM)
    private static let unknown = Decision.errno(ENOSYS)

    @Test func programsFitTheKernel() throws {
        for program in try Filters().programs {
            #expect(program.bytes.count % 8 == 0)
            #expect((1...4096).contains(program.count))
        }
    }

    @Test(arguments: ["read", "execve", "openat", "clone", "ioctl", "chmod"]) func allows(_ name: String)
        throws
    {
        #expect(try Filters().decide(name) == .allow)
    }

    static let privileged = [
        "mount", "ptrace", "unshare", "setns", "bpf", "keyctl", "add_key", "reboot", "userfaultfd",
        "perf_event_open", "process_vm_readv", "pidfd_getfd", "io_uring_setup",
    ]

    @Test(arguments: privileged) func refuses(_ name: String) throws {
        #expect(try Filters().decide(name) == Self.refused)
    }

    /// A C library that meets these falls back to a call whose arguments a filter can read.
    @Test(arguments: ["clone3", "openat2", "statmount", "listmount", "file_getattr", "process_mrelease"])
    func doesNotKnow(_ name: String) throws {
        #expect(try Filters().decide(name) == Self.unknown)
    }

    @Test func doesNotKnowNumbersThatNoKernelHas() throws {
        for number in [1000, 9999, 0x3fff_ffff] as [UInt32] {
            #expect(try Filters().decide(CallFacts(number: number)) == Self.unknown)
        }
    }

    static let foreign: [(name: String, architecture: UInt32)] = [
        ("i386", 0x4000_0003), ("aarch64", 0xc000_00b7), ("arm", 0x4000_0028), ("none", 0),
    ]

    @Test(arguments: foreign) func killsForeignArchitectures(_ name: String, _ architecture: UInt32) throws {
        #expect(try Filters().decide(CallFacts(number: 0, architecture: architecture)) == .killProcess)
    }

    @Test func killsX32() throws {
        for number in [0, 16, 59, 512, 547] as [UInt32] {
            #expect(try Filters().decide(CallFacts(number: 0x4000_0000 | number)) == .killProcess)
        }
    }

    static let terminalRequests: [(request: UInt64, refused: Bool)] = [
        (0x5412, true), (0x541c, true), (0x1_0000_5412, true), (0xffff_ffff_0000_5412, true),
        (0xdead_beef_0000_541c, true), (0x5423, true), (0x5424, false), (0x5413, false), (0x5401, false),
        (0x1_5412, false),
    ]

    @Test(arguments: terminalRequests)
    func nobodyTypesIntoATerminal(_ request: UInt64, _ refused: Bool) throws {
        #expect(try Filters().decide("ioctl", 0, request) == (refused ? Self.refused : .allow))
    }

    /// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
    static let namespaces: [UInt64] = [
        0x20000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000,
    ]

    @Test(arguments: namespaces) func noNewNamespaces(_ flag: UInt64) throws {
        #expect(try Filters().decide("clone", flag) == Self.refused)
        #expect(try Filters().decide("clone", flag | 0x11) == Self.refused)
        #expect(try Filters().decide("clone", flag | 0xffff_ffff_0000_0000) == Self.refused)
    }

    @Test func forksAndThreadsAreMade() throws {
        // SIGCHLD with CHILD_SETTID and CHILD_CLEARTID; glibc's flags of a thread; vfork.
        for flags in [0x120_0011, 0x3d_0f00, 0x4111] as [UInt64] {
            #expect(try Filters().decide("clone", flags) == .allow)
        }
    }

    /// Calls that set a mode, and the arguments before it.
    static let modes: [(name: String, before: [UInt64])] = [
        ("chmod", [0]), ("fchmod", [3]), ("fchmodat", [0, 0]), ("creat", [0]), ("mknod", [0]),
        ("mknodat", [0, 0]), ("open", [0, 0o101]), ("openat", [0, 0, 0o101]), ("open", [0, 0o20200002]),
        ("openat", [0, 0, 0o20200002]), ("fchmodat2", [0, 0]),
    ]

    @Test(arguments: modes) func noSetIDFile(_ name: String, _ before: [UInt64]) throws {
        let filters = try Filters()
        let number = try Filters.number(name)
        for mode in [0o4755, 0o2755, 0o6000, 0o104755, 0o1_0000_0000_4644] as [UInt64] {
            #expect(try filters.decide(CallFacts(number: number, arguments: before + [mode])) == Self.refused)
        }
        for mode in [0, 0o755, 0o1777] as [UInt64] {
            #expect(try filters.decide(CallFacts(number: number, arguments: before + [mode])) == .allow)
        }
    }

    /// Without O_CREAT the kernel does not look at the third argument, which then holds anything.
    @Test func openingWithoutCreatingHasNoMode() throws {
        #expect(try Filters().decide("open", 0, 0, 0o4755) == .allow)
        #expect(try Filters().decide("openat", 0, 0, 0o200000, 0o4755) == .allow)
    }

    static let sockets: [(arguments: [UInt64], decision: Decision)] = [
        ([1, 1, 0], .allow), ([2, 1, 6], .allow), ([10, 2, 17], .allow), ([2, 0x80801, 0], .allow),
        ([2, 2, 1], .allow), ([10, 0x80002, 58], .allow), ([2, 2, 58], .errno(EAFNOSUPPORT)),
        ([2, 3, 1], .errno(EAFNOSUPPORT)), ([2, 1, 132], .errno(EAFNOSUPPORT)),
        ([2, 6, 0], .errno(EAFNOSUPPORT)),
        ([2, 1, 262], .errno(EAFNOSUPPORT)), ([2, 5, 0], .errno(EAFNOSUPPORT)),
        ([16, 3, 0], .allow),
        ([0xffff_ffff_0000_0002, 0xffff_ffff_0000_0001, 0xffff_ffff_0000_0006], .allow),
        ([16, 3, 9], .errno(EAFNOSUPPORT)), ([16, 3, 1 << 32], .allow),
        ([0, 1, 0], .errno(EAFNOSUPPORT)), ([17, 3, 0], .errno(EAFNOSUPPORT)),
        ([38, 5, 0], .errno(EAFNOSUPPORT)), ([40, 1, 0], .errno(EAFNOSUPPORT)),
        ([0xffff_ffff, 1, 0], .errno(EAFNOSUPPORT)), ([0x1_0000_0028, 1, 0], .errno(EAFNOSUPPORT)),
        ([0x1_0000_0010, 3, 9], .errno(EAFNOSUPPORT)),
    ]

    @Test(arguments: sockets) func someSocketFamilies(_ arguments: [UInt64], _ decision: Decision) throws {
        #expect(try Filters().decide(CallFacts(number: 41, arguments: arguments)) == decision)
    }

    @Test func pairsOfUnixSocketsOnly() throws {
        let filters = try Filters()
        for family in [0, 2, 10, 16, 17, 30, 38, 40, 0xffff_ffff, 0x1_0000_0028] as [UInt64] {
            #expect(try filters.decide("socketpair", family, 1, 0) == .errno(EAFNOSUPPORT))
        }
        #expect(try filters.decide("socketpair", 1, 1, 0) == .allow)
    }

    @Test func noSnapshots() throws {
        let filters = try Filters()
        // SNAP_CREATE, SUBVOL_CREATE, INO_LOOKUP, SNAP_CREATE_V2 of btrfs, SUBVOLUME_CREATE of bcachefs.
        for request in [
            0x5000_9401, 0x5000_940e, 0xd000_9412, 0x5000_9417, 0x4020_bc10, 0xffff_ffff_5000_9401,
        ] as [UInt64] {
            #expect(try filters.decide("ioctl", 3, request) == Self.refused)
        }
        // FICLONE, FICLONERANGE, FIDEDUPERANGE, FIEMAP.
        for request in [0x4004_9409, 0x4020_940d, 0xc018_9436, 0xc020_660b] as [UInt64] {
            #expect(try filters.decide("ioctl", 3, request) == .allow)
        }
    }

    @Test func noModulesByRequestsToSockets() throws {
        let filters = try Filters()
        for request in [
            0x8940, 0x8941, 0x8982, 0x8983, 0x89a0, 0x89a1, 0x89a2, 0x89a3, 0xffff_ffff_0000_89a0,
        ] as [UInt64] {
            #expect(try filters.decide("ioctl", 3, request) == Self.refused)
        }
        // SIOCGIFNAME, SIOCGIFCONF, SIOCGIFINDEX, SIOCGSTAMP, SIOCETHTOOL.
        for request in [0x8910, 0x8912, 0x8933, 0x8906, 0x8946] as [UInt64] {
            #expect(try filters.decide("ioctl", 3, request) == .allow)
        }
    }

    @Test func noUrgentData() throws {
        let filters = try Filters()
        for flags in [0x1, 0x4041] as [UInt64] {
            #expect(try filters.decide("sendto", 3, 0, 0, flags) == .errno(EOPNOTSUPP))
            #expect(try filters.decide("sendmsg", 3, 0, flags) == .errno(EOPNOTSUPP))
            #expect(try filters.decide("sendmmsg", 3, 0, 0, flags) == .errno(EOPNOTSUPP))
        }
        #expect(try filters.decide("sendto", 3, 0, 1, 0x4040) == .allow)
        #expect(try filters.decide("sendmsg", 3, 0, 0x4040) == .allow)
    }

    @Test func somePersonalities() throws {
        for value in [0, 8, 0xffff_ffff, 0x40000, 0xffff_ffff_ffff_ffff, 0x1_0000_0000] as [UInt64] {
            #expect(try Filters().decide("personality", value) == .allow)
        }
        // READ_IMPLIES_EXEC, MMAP_PAGE_ZERO and PER_SOLARIS.
        for value in [0x40_0000, 0x10_0000, 0xd, 0x1_0040_0000] as [UInt64] {
            #expect(try Filters().decide("personality", value) != .allow)
        }
    }

    @Test func aPolicyAllowsMore() throws {
        let filters = try Filters(SyscallPolicy(allow: ["ptrace", "clone3"]))
        #expect(try filters.decide("ptrace") == .allow)
        #expect(try filters.decide("clone3") == .allow)
        #expect(try filters.decide("mount") == Self.refused)
    }

    @Test func anAllowedCallKeepsItsArgumentRules() throws {
        let filters = try Filters(SyscallPolicy(allow: ["ioctl", "clone", "chmod"]))
        #expect(try filters.decide("ioctl", 0, 0x5412) == Self.refused)
        #expect(try filters.decide("clone", 0x1000_0000) == Self.refused)
        #expect(try filters.decide("chmod", 0, 0o4755) == Self.refused)
    }

    @Test(arguments: ["read", "socket", "personality", "clone3"]) func refusingWins(_ name: String) throws {
        let filters = try Filters(SyscallPolicy(allow: [name], deny: [name]))
        #expect(try filters.decide(name, 1) == Self.refused)
    }

    @Test func allowingSocketAllowsEveryFamily() throws {
        #expect(try Filters(SyscallPolicy(allow: ["socket"])).decide("socket", 17, 3, 0) == .allow)
    }

    @Test func prctlHasTheOptionsThatProgramsUse() throws {
        let filters = try Filters()
        // PR_SET_NAME, PR_SET_NO_NEW_PRIVS, PR_SET_VMA; the kernel takes an int.
        for option in [15, 38, 0x5356_4d41, 0xffff_ffff_0000_000f] as [UInt64] {
            #expect(try filters.decide("prctl", option) == .allow)
        }
        // PR_SET_MM, PR_SCHED_CORE, PR_SET_PTRACER, PR_SET_MEMORY_MERGE, one that is not there.
        for option in [35, 62, 0x5961_6d61, 67, 9999, 0x1_0000_0023] as [UInt64] {
            #expect(try filters.decide("prctl", option) == .errno(EINVAL))
        }
    }

    @Test func initKeepsItsLimits() throws {
        let filters = try Filters()
        for pid in [1, 0xdead_beef_0000_0001] as [UInt64] {
            for limit in [0x7fff_0000, 0x1_0000_0000, 1] as [UInt64] {
                #expect(try filters.decide("prlimit64", pid, 7, limit) == Self.refused)
            }
            #expect(try filters.decide("prlimit64", pid, 7, 0) == .allow)
        }
        for pid in [0, 2, 0x1_0001] as [UInt64] {
            #expect(try filters.decide("prlimit64", pid, 7, 1) == .allow)
        }
    }

    @Test func noDevicesButPipesAndSockets() throws {
        let filters = try Filters()
        for type in [0o020000, 0o060000, 0o020644, 0xffff_ffff_0000_2000] as [UInt64] {
            #expect(try filters.decide("mknod", 0, type) == Self.refused)
            #expect(try filters.decide("mknodat", 0, 0, type) == Self.refused)
        }
        for type in [0, 0o644, 0o010644, 0o100644, 0o140755] as [UInt64] {
            #expect(try filters.decide("mknod", 0, type) == .allow)
            #expect(try filters.decide("mknodat", 0, 0, type) == .allow)
        }
    }

    @Test(arguments: [1024, 1040, 0xffff_ffff_0000_0400] as [UInt64]) func noLeases(_ command: UInt64) throws
    {
        #expect(try Filters().decide("fcntl", 3, command) == Self.refused)
        #expect(try Filters().decide("fcntl", 3, command + 1) == .allow)
    }

    @Test func noProtocolOnTopOfTCP() throws {
        let filters = try Filters()
        #expect(try filters.decide("setsockopt", 3, 6, 31) == .errno(ENOPROTOOPT))
        #expect(try filters.decide("setsockopt", 3, 0x1_0000_0006, 0x1_0000_001f) == .errno(ENOPROTOOPT))
        #expect(try filters.decide("setsockopt", 3, 6, 1) == .allow)
        #expect(try filters.decide("setsockopt", 3, 1, 31) == .allow)
    }

    @Test func aTracersMinusOneIsUnknown() throws {
        #expect(try Filters().decide(CallFacts(number: .max)) == Self.unknown)
    }

    // MARK: groups

    @Test func whatNoGroupAllowsIsNotThere() throws {
        let filters = try Filters(SyscallPolicy(groups: ["information"]))
        #expect(try filters.decide("uname") == .allow)
        #expect(try filters.decide("read") == Self.unknown)
        #expect(try filters.decide("mount") == Self.refused)
    }

    /// A project may take groups away, so what a group refuses must not go with it.
    @Test(arguments: SyscallTable.builtInGroups) func withoutAGroupNothingMoreIsAllowed(_ group: String)
        throws
    {
        let all = try Filters(
            SyscallPolicy(groups: SyscallTable.builtInGroups.filter { $0 != "nested-namespaces" })
        )
        let fewer = try Filters(
            SyscallPolicy(
                groups: SyscallTable.builtInGroups.filter { ![group, "nested-namespaces"].contains($0) }
            )
        )
        for arguments in Self.probes {
            for (number, name) in SyscallNumbers.all {
                let call = CallFacts(number: number, arguments: arguments)
                if try fewer.decide(call) == .allow {
                    #expect(try all.decide(call) == .allow, "\(name) \(arguments)")
                }
            }
        }
    }

    static let probes: [[UInt64]] = [
        [], [1, 0x5412, 1], [0x1000_0000], [0, 0o4755, 0o4755, 0o4755], [0, 0o101, 0o101, 0o4755], [17, 3],
        [2, 6, 31],
    ]

    @Test func debuggersMayTrace() throws {
        let filters = try Filters(SyscallPolicy(groups: SyscallPolicy.standardGroups + ["debugging"]))
        for name in ["ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd"] {
            #expect(try filters.decide(name) == .allow)
        }
        #expect(try filters.decide("prctl", 0x5961_6d61) == .allow)
        #expect(try filters.decide("prctl", 15) == .allow)
        #expect(try filters.decide("prctl", 35) == .errno(EINVAL))
        #expect(try filters.decide("perf_event_open") == Self.refused)
    }

    @Test func nestedNamespacesLiftTheRuleOnClone() throws {
        let filters = try Filters(SyscallPolicy(groups: SyscallPolicy.standardGroups + ["nested-namespaces"]))
        #expect(try filters.decide("clone", 0x7e02_0011) == .allow)
        for name in ["unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "fsopen", "move_mount"] {
            #expect(try filters.decide(name) == .allow)
        }
        #expect(try filters.decide("clone3") == Self.unknown)
        #expect(try filters.decide("ioctl", 0, 0x5412) == Self.refused)
    }

    @Test func aProfilesOwnGroup() throws {
        let text = """
            description: One call, and one fewer
            allow: [[bpf]]
            refuse-when:
              - {calls: [read], when: ["arg2 > 0x100000000", "arg2 < 2"], why: a test}
            """
        let policy = SyscallPolicy(
            groups: SyscallPolicy.standardGroups + ["own"],
            definitions: [Document.Entry("own", .string(text))]
        )
        let filters = try Filters(policy)
        #expect(try filters.decide("bpf") == .allow)
        for (count, isAllowed) in [
            (0, false), (1, false), (2, true), (0xffff_ffff, true), (0x1_0000_0000, true),
            (0x1_0000_0001, false),
            (0x2_0000_0000, false),
        ] as [(UInt64, Bool)] {
            #expect(try filters.decide("read", 0, 0, count) == (isAllowed ? .allow : Self.refused))
        }
        #expect(throws: FilterError.unknownGroup("own")) {
            try FilterCompiler.programs(SyscallPolicy(groups: ["own"]))
        }
    }

    @Test func namesThatNobodyKnowsAreErrors() {
        #expect(throws: FilterError.unknownCall("opeN")) {
            try FilterCompiler.programs(SyscallPolicy(allow: ["opeN"]))
        }
        #expect(throws: FilterError.unknownCall("")) {
            try FilterCompiler.programs(SyscallPolicy(deny: [""]))
        }
    }
}
#endif

@Suite struct FilterTableTests {
    private static func row(_ name: String, _ policy: SyscallPolicy = SyscallPolicy()) throws -> SyscallRow {
        try #require(try SyscallTable(policy).rows.first { $0.name == name })
    }

    @Test func everyCallIsThereOnce() throws {
        let rows = try SyscallTable(SyscallPolicy()).rows
        #expect(Set(rows.map(\.number)).count == rows.count && Set(rows.map(\.name)).count == rows.count)
        #expect(rows.count > 300)
    }

    @Test func theTableFollowsThePolicy() throws {
        #expect(try Self.row("mount").verdict == .refuse("EPERM"))
        #expect(try Self.row("mount").group == "mounts")
        #expect(try Self.row("mount", SyscallPolicy(allow: ["mount"])).verdict == .allow)
        #expect(try Self.row("mount", SyscallPolicy(allow: ["mount"])).group == "syscalls.allow")
        #expect(try Self.row("read", SyscallPolicy(deny: ["read"])).verdict == .refuse("EPERM"))
        #expect(try Self.row("read", SyscallPolicy(allow: ["read"], deny: ["read"])).group == "syscalls.deny")
        #expect(try Self.row("clone3").verdict == .refuse("ENOSYS"))
        guard case .allowWhen(let cases, "EAFNOSUPPORT") = try Self.row("socket").verdict else {
            Issue.record("socket is not limited")
            return
        }
        #expect(cases.contains("low32(arg0) == AF_UNIX"))
        #expect(try Self.row("ioctl").refusals.first?.when == "low32(arg1) in (TIOCSTI, TIOCLINUX)")
    }

    /// Whoever reads the table learns why; plainly allowed calls need no reason.
    @Test func whatIsRefusedOrLimitedHasAReason() throws {
        for row in try SyscallTable(SyscallPolicy()).rows {
            #expect(row.verdict == .allow || !row.why.isEmpty, "\(row.name)")
            #expect(row.refusals.allSatisfy { !$0.why.isEmpty }, "\(row.name)")
        }
    }

    @Test func newerKernelsCallsFollowTheNumbersOfLibseccomp() {
        let names = SyscallNumbers.all.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(SyscallNumbers.all.last?.name == "listns")
        #expect(
            SyscallNumbers.knows("read") && SyscallNumbers.knows("socketcall")
                && !SyscallNumbers.knows("raed")
        )
    }

    @Test func keysTellPoliciesApart() {
        let policies = [
            SyscallPolicy(), SyscallPolicy(allow: ["mount"]), SyscallPolicy(deny: ["mount"]),
            SyscallPolicy(allow: ["mount"], deny: ["mount"]), SyscallPolicy(allow: ["mount", "bpf"]),
            SyscallPolicy(groups: ["files"]),
            SyscallPolicy(definitions: [Document.Entry("files", .string("a"))]),
        ]
        #expect(Set(policies.map { FilterCompiler.key($0) }).count == policies.count)
        #expect(
            FilterCompiler.key(SyscallPolicy(allow: ["bpf"]))
                == FilterCompiler.key(SyscallPolicy(allow: ["bpf"]))
        )
    }

    @Test func theSamePolicyGivesTheSameProgram() throws {
        let policy = SyscallPolicy(allow: ["ptrace"], deny: ["read"])
        let (first, second) = (try FilterCompiler.programs(policy), try FilterCompiler.programs(policy))
        #expect(first == second)
    }
}
