// What the compiled filters decide, call by call. The numbers are those of x86-64.

import ClocheModel
import Glibc
import SyscallFilter
import Testing

#if arch(x86_64)
/// Call numbers from `asm/unistd_64.h`.
private let numbers: [String: UInt32] = [
    "read": 0, "open": 2, "ioctl": 16, "socket": 41, "sendto": 44, "sendmsg": 46, "socketpair": 53,
    "clone": 56, "execve": 59, "creat": 85, "chmod": 90, "sendmmsg": 307,
    "fchmod": 91, "ptrace": 101, "mknod": 133, "personality": 135, "mount": 165, "reboot": 169,
    "add_key": 248,
    "keyctl": 250, "openat": 257, "mknodat": 259, "fchmodat": 268, "unshare": 272, "perf_event_open": 298,
    "setns": 308, "process_vm_readv": 310, "bpf": 321, "userfaultfd": 323, "io_uring_setup": 425,
    "clone3": 435, "openat2": 437, "pidfd_getfd": 438, "fchmodat2": 452,
]

/// Both programs of one policy, applied to calls as the kernel does.
private struct Filters {
    let programs: [FilterProgram]

    init(_ policy: SyscallPolicy = SyscallPolicy()) throws {
        programs = [try FilterCompiler.allowList(policy), try FilterCompiler.argumentRules()]
    }

    func decide(_ name: String, _ arguments: UInt64...) throws -> Decision {
        try decide(CallFacts(number: try #require(numbers[name]), arguments: arguments))
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
    @Test(arguments: ["clone3", "openat2", "fchmodat2"]) func doesNotKnow(_ name: String) throws {
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
        ("openat", [0, 0, 0o20200002]),
    ]

    @Test(arguments: modes) func noSetIDFile(_ name: String, _ before: [UInt64]) throws {
        let filters = try Filters()
        let number = try #require(numbers[name])
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
        ([1, 1, 0], .allow), ([2, 1, 6], .allow), ([10, 2, 17], .allow), ([2, 3, 1], .allow),
        ([16, 3, 0], .allow),
        ([16, 3, 9], .errno(EAFNOSUPPORT)), ([16, 3, 1 << 32], .errno(EAFNOSUPPORT)),
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
        for value in [0, 0xffff_ffff, 0x40000] as [UInt64] {
            #expect(try Filters().decide("personality", value) == .allow)
        }
        // READ_IMPLIES_EXEC and PER_LINUX32.
        for value in [0x40_0000, 8] as [UInt64] {
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

    @Test func namesThatNobodyKnowsAreErrors() {
        #expect(throws: FilterError.unknownCall("opeN")) {
            try FilterCompiler.allowList(SyscallPolicy(allow: ["opeN"]))
        }
        #expect(throws: FilterError.unknownCall("")) {
            try FilterCompiler.allowList(SyscallPolicy(deny: [""]))
        }
    }
}
#endif

@Suite struct FilterTableTests {
    @Test func noCallIsInTwoLists() {
        let rows = FilterCompiler.table(SyscallPolicy())
        #expect(Set(rows.map(\.name)).count == rows.count)
    }

    @Test func theTableFollowsThePolicy() {
        func answer(_ name: String, _ policy: SyscallPolicy) -> String? {
            FilterCompiler.table(policy).first { $0.name == name }?.answer
        }
        #expect(answer("mount", SyscallPolicy()) == "EPERM")
        #expect(answer("mount", SyscallPolicy(allow: ["mount"])) == "allow")
        #expect(answer("read", SyscallPolicy(deny: ["read"])) == "EPERM")
        #expect(answer("read", SyscallPolicy(allow: ["read"], deny: ["read"])) == "EPERM")
        #expect(answer("socket", SyscallPolicy()) == "allow some families")
        #expect(answer("socket", SyscallPolicy(deny: ["socket"])) == "EPERM")
        #expect(answer("clone3", SyscallPolicy()) == nil)
    }

    @Test func keysTellPoliciesApart() {
        let policies = [
            SyscallPolicy(), SyscallPolicy(allow: ["mount"]), SyscallPolicy(deny: ["mount"]),
            SyscallPolicy(allow: ["mount"], deny: ["mount"]), SyscallPolicy(allow: ["mount", "bpf"]),
        ]
        #expect(Set(policies.map { FilterCompiler.key($0) }).count == policies.count)
        #expect(
            FilterCompiler.key(SyscallPolicy(allow: ["bpf"]))
                == FilterCompiler.key(SyscallPolicy(allow: ["bpf"]))
        )
    }

    @Test func theSamePolicyGivesTheSameProgram() throws {
        let policy = SyscallPolicy(allow: ["ptrace"], deny: ["read"])
        #expect(try FilterCompiler.allowList(policy) == FilterCompiler.allowList(policy))
        #expect(try FilterCompiler.argumentRules() == FilterCompiler.argumentRules())
    }
}
