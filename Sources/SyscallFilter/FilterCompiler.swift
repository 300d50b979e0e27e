// SyscallPolicy -> two seccomp programs, compiled by libseccomp on the host before the clone.
//
// The first is an allow-list: listed calls pass, refused ones get EPERM, unknown ones ENOSYS; a foreign
// architecture or x32 kills. The second, on top, refuses particular arguments of allowed calls. Two programs
// because libseccomp cannot say "allow unless these bits" in one; the kernel applies both and the stricter
// answer wins.

internal import CSeccomp
package import ClocheModel
internal import Glibc
internal import LinuxSystem

/// BPF instructions, 8 bytes each, as `seccomp(2)` takes them.
package struct FilterProgram: Equatable, Sendable {
    /// The instructions.
    package let bytes: [UInt8]

    /// A program of these instructions.
    package init(bytes: [UInt8]) { self.bytes = bytes }

    /// How many there are.
    package var count: Int { bytes.count / 8 }
}

/// Why a policy gives no filter.
package enum FilterError: Error, Equatable, Sendable {
    /// A name that libseccomp does not know.
    case unknownCall(String)
    /// libseccomp refused; the number is an errno.
    case library(step: String, errno: Int32)
}

/// Compiles policies.
package enum FilterCompiler {
    /// The allow-list with a policy's changes.
    package static func allowList(_ policy: SyscallPolicy) throws(FilterError) -> FilterProgram {
        let context = try Context.make(defaultAction: Action.noSuchCall)
        let denied = Set(policy.deny)
        for name in policy.allow + policy.deny where !Context.knows(name) { throw .unknownCall(name) }
        let allowed = Set(SyscallTable.allowed).union(policy.allow).subtracting(denied)
        // A call that the second program limits further, or that `addSockets` does, is still listed here.
        for name in allowed.sorted() { try context.add(name, Action.allow) }
        for name in Set(SyscallTable.refused).subtracting(policy.allow).union(denied).sorted() {
            try context.add(name, Action.notPermitted)
        }
        if !denied.contains("socket") { try addSockets(context) }
        // The kernel makes two sockets of any family before it finds that the family has no pairs.
        if !denied.contains("socketpair") {
            try context.add("socketpair", Action.allow, [.equal(0, UInt64(AF_UNIX))])
            try context.add("socketpair", Action.errno(EAFNOSUPPORT), [.less(0, UInt64(AF_UNIX))])
            try context.add("socketpair", Action.errno(EAFNOSUPPORT), [.greater(0, UInt64(AF_UNIX))])
        }
        if !denied.contains("personality") {
            // PER_LINUX, the query, and what 32-bit-minded build tools and debuggers ask for.
            for value in [0, 0xffff_ffff, 0x20000, 0x20008, 0x40000] as [UInt64] {
                try context.add("personality", Action.allow, [.equal(0, value)])
            }
        }
        return try context.compile()
    }

    /// Every call that the allow-list knows, by name, with its answer in words.
    package static func table(_ policy: SyscallPolicy) -> [(name: String, answer: String)] {
        let allowed = Set(SyscallTable.allowed).union(policy.allow).subtracting(policy.deny)
        let refused = Set(SyscallTable.refused).union(policy.deny).subtracting(allowed)
        let limited = [
            "socket": "allow some families", "socketpair": "allow some families",
            "personality": "allow some values",
        ]
        var rows = allowed.map { (name: $0, answer: "allow") } + refused.map { (name: $0, answer: "EPERM") }
        for (name, answer) in limited where !policy.deny.contains(name) && !policy.allow.contains(name) {
            rows.append((name: name, answer: answer))
        }
        return rows.sorted { $0.name < $1.name }
    }

    /// All that the programs are made from, as text: two policies with the same key have the same filters.
    package static func key(_ policy: SyscallPolicy) -> String {
        let version = unsafe seccomp_version().map {
            unsafe "\($0.pointee.major).\($0.pointee.minor).\($0.pointee.micro)"
        }
        return """
            rules \(rulesVersion), libseccomp \(version ?? "?"), \(seccomp_arch_native())
            allow \(SyscallTable.allowed.joined(separator: " ")) + \(policy.allow.joined(separator: " "))
            refuse \(SyscallTable.refused.joined(separator: " ")) + \(policy.deny.joined(separator: " "))
            """
    }

    /// Changes with every change of the rules below that the tables do not show.
    private static let rulesVersion = 3

    /// Refusals by argument.
    package static func argumentRules() throws(FilterError) -> FilterProgram {
        let context = try Context.make(defaultAction: Action.allow)
        for bit in namespaceFlags { try context.add("clone", Action.notPermitted, [.bits(0, bit)]) }
        // The kernel looks at the low 32 bits of the request only.
        for request in [typeIntoTerminal, consoleControl, lineDiscipline] {
            try context.add("ioctl", Action.notPermitted, [.masked(1, 0xffff_ffff, request)])
        }
        // Type and number of the request; size and direction belong to one version of its structure.
        for request in subvolumes {
            try context.add("ioctl", Action.notPermitted, [.masked(1, 0xffff, request)])
        }
        // Whoever executes or opens a file with a lease on it waits for its holder, 45 seconds by default: init too.
        try context.add("fcntl", Action.notPermitted, [.masked(1, 0xffff_ffff, setLease)])
        for (name, flags) in [("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3)] as [(String, UInt32)] {
            try context.add(name, Action.errno(EOPNOTSUPP), [.bits(flags, UInt64(MSG_OOB))])
        }
        try addSetID(context)
        return try context.compile()
    }

    /// `F_SETLEASE`, of `fcntl(2)`.
    private static let setLease: UInt64 = 1024
    /// `TIOCSTI`: types into a terminal, which may be the user's.
    private static let typeIntoTerminal: UInt64 = 0x5412
    /// `TIOCLINUX`: pastes a selection into a console, among others.
    private static let consoleControl: UInt64 = 0x541c
    /// `TIOCSETD`: loads the code of a line discipline, of modems and buses, and binds it to a terminal.
    private static let lineDiscipline: UInt64 = 0x5423
    /// btrfs's and bcachefs's calls on subvolumes and on inodes by number.
    ///
    /// A snapshot of the subvolume that a workspace lies in, made into the workspace, would show all of it: until
    /// Linux 6.8 (CVE-2024-26644) any file of the caller's own in it was leave enough.
    private static let subvolumes: [UInt64] = [
        0x9401, 0x940e, 0x940f, 0x9412, 0x9417, 0x9418, 0x943c, 0x943d, 0x943e, 0x943f, 0xbc10, 0xbc11,
    ]
    /// `O_TMPFILE` without the `O_DIRECTORY` in it.
    private static let temporaryFile: UInt64 = 0o20000000

    /// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
    private static let namespaceFlags: [UInt64] = [
        0x20000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000,
    ]

    /// Unix, IPv4, IPv6 and route netlink; every other family does not exist.
    private static func addSockets(_ context: borrowing Context) throws(FilterError) {
        let noFamily = Action.errno(EAFNOSUPPORT)
        for family in [AF_UNIX, AF_INET, AF_INET6] {
            try context.add("socket", Action.allow, [.equal(0, UInt64(family))])
        }
        for family in UInt64(0)..<16 where ![1, 2, 10].contains(family) {
            try context.add("socket", noFamily, [.equal(0, family)])
        }
        try context.add("socket", noFamily, [.greater(0, UInt64(AF_NETLINK))])
        try context.add("socket", Action.allow, [.equal(0, UInt64(AF_NETLINK)), .equal(2, 0)])
        try context.add("socket", noFamily, [.equal(0, UInt64(AF_NETLINK)), .greater(2, 0)])
    }

    /// No set-user-id or set-group-id file can be made: it would carry the user's, or started by root even
    /// root's, identity to whoever runs it on the host.
    private static func addSetID(_ context: borrowing Context) throws(FilterError) {
        for bit in [0o4000, 0o2000] as [UInt64] {
            for (name, argument) in [
                ("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("creat", 1), ("mknod", 1), ("mknodat", 2),
            ]
                as [(String, UInt32)]
            {
                try context.add(name, Action.notPermitted, [.bits(argument, bit)])
            }
            for creating in [UInt64(O_CREAT), temporaryFile] {
                try context.add("open", Action.notPermitted, [.bits(1, creating), .bits(2, bit)])
                try context.add("openat", Action.notPermitted, [.bits(2, creating), .bits(3, bit)])
            }
        }
    }
}

/// The actions used, as libseccomp's numbers; its `SCMP_ACT_ERRNO` is a macro that Swift cannot import.
private enum Action {
    static let allow: UInt32 = 0x7fff_0000
    static let killProcess: UInt32 = 0x8000_0000
    static let notPermitted = errno(EPERM)
    static let noSuchCall = errno(ENOSYS)
    static func errno(_ number: CInt) -> UInt32 { 0x0005_0000 | UInt32(number) }
}

/// A condition on one argument.
private enum Condition {
    case equal(UInt32, UInt64)
    case less(UInt32, UInt64)
    case greater(UInt32, UInt64)
    case masked(UInt32, UInt64, UInt64)

    /// All these bits are set.
    static func bits(_ argument: UInt32, _ bits: UInt64) -> Condition { .masked(argument, bits, bits) }

    var comparison: scmp_arg_cmp {
        switch self {
        case .equal(let argument, let value):
            scmp_arg_cmp(arg: argument, op: SCMP_CMP_EQ, datum_a: value, datum_b: 0)
        case .less(let argument, let value):
            scmp_arg_cmp(arg: argument, op: SCMP_CMP_LT, datum_a: value, datum_b: 0)
        case .greater(let argument, let value):
            scmp_arg_cmp(arg: argument, op: SCMP_CMP_GT, datum_a: value, datum_b: 0)
        case .masked(let argument, let mask, let value):
            scmp_arg_cmp(arg: argument, op: SCMP_CMP_MASKED_EQ, datum_a: mask, datum_b: value)
        }
    }
}

/// A libseccomp filter under construction.
@safe private struct Context: ~Copyable {
    private let filter: scmp_filter_ctx

    private init(_ filter: scmp_filter_ctx) { unsafe self.filter = filter }

    static func make(defaultAction: UInt32) throws(FilterError) -> Context {
        guard let filter = unsafe seccomp_init(defaultAction) else {
            throw .library(step: "seccomp_init", errno: ENOMEM)
        }
        let context = unsafe Context(filter)
        try context.setAttribute(SCMP_FLTATR_ACT_BADARCH, Action.killProcess)
        // 2: a binary tree over the call numbers in place of a chain.
        try context.setAttribute(SCMP_FLTATR_CTL_OPTIMIZE, 2)
        return context
    }

    private borrowing func setAttribute(_ attribute: scmp_filter_attr, _ value: UInt32) throws(FilterError) {
        try checked("seccomp_attr_set", unsafe seccomp_attr_set(filter, attribute, value))
    }

    deinit { unsafe seccomp_release(filter) }

    static func knows(_ name: String) -> Bool { unsafe seccomp_syscall_resolve_name(name) != -1 }

    /// Adds a rule; a call that this architecture does not have is left out.
    borrowing func add(_ name: String, _ action: UInt32, _ conditions: [Condition] = []) throws(FilterError) {
        let number = unsafe seccomp_syscall_resolve_name(name)
        if number < 0 { return }
        let comparisons = conditions.map(\.comparison)
        try checked(
            name,
            unsafe seccomp_rule_add_exact_array(
                filter,
                action,
                number,
                UInt32(comparisons.count),
                comparisons
            )
        )
    }

    borrowing func compile() throws(FilterError) -> FilterProgram {
        do {
            let file = try Files.makeMemoryFile("filter")
            try checked("seccomp_export_bpf", unsafe seccomp_export_bpf(filter, file.number))
            try file.rewind()
            return FilterProgram(bytes: try file.readToEnd())
        } catch let error as SystemError {
            throw .library(step: error.call, errno: error.errno.number)
        } catch let error as FilterError {
            throw error
        } catch { throw .library(step: "seccomp_export_bpf", errno: EIO) }
    }

    private borrowing func checked(_ step: String, _ result: CInt) throws(FilterError) {
        if result < 0 { throw .library(step: step, errno: -result) }
    }
}
