// Which of the kernel's mechanisms hold a sandbox: what the policy asks for against what this kernel has. What is
// asked for and missing is an error, unless the policy permits that very degradation.

internal import CLinux
internal import ClocheModel
internal import Glibc
internal import LinuxSystem

enum Confinement {
    /// What of it this kernel has.
    struct Kernel {
        /// The version of Landlock; -1 if there is none.
        var landlock: Int32
        /// Why there is none.
        var answer: Errno?
        var timeNamespaces = true
        var memoryDenyWriteExecute = true

        /// The running one's; what is not asked for is not tried.
        static func current(_ wanted: ConfinementPolicy) -> Kernel {
            var kernel = Kernel(landlock: wanted.landlock ? clinux_landlock_abi() : 0)
            if kernel.landlock < 0 { kernel.answer = Errno(errno) }
            if wanted.timeNamespace { kernel.timeNamespaces = Files.exists("/proc/self/ns/time") }
            if wanted.memoryDenyWriteExecute {
                kernel.memoryDenyWriteExecute = clinux_memory_deny_write_execute() >= 0
            }
            return kernel
        }
    }

    /// Decides every mechanism of a sandbox with these mounts.
    ///
    /// - Throws: when one is missing and its absence is not permitted, naming it.
    static func plan(_ policy: Policy, _ plan: SandboxPlan, kernel: Kernel? = nil) throws(ClocheError)
        -> ConfinementPlan
    {
        let wanted = policy.confinement
        let kernel = kernel ?? .current(wanted)
        var states: [MechanismState] = always.map { MechanismState($0, .on) }
        states.append(
            plan.sharesNetwork
                ? MechanismState(.netNamespace, .off, "network.mode is host")
                : MechanismState(.netNamespace, .on)
        )
        states.append(
            wanted.nestedNamespaces == 0
                ? MechanismState(.nestedNamespaces, .on)
                : MechanismState(.nestedNamespaces, .off, "\(wanted.nestedNamespaces) are allowed")
        )
        var confinement = ConfinementPlan()
        let (fence, fenceState) = try landlock(wanted, plan, kernel)
        let time = try state(
            .timeNamespace,
            wanted.timeNamespace,
            "confinement.time-namespace",
            has: kernel.timeNamespaces,
            wanted
        )
        let memory = try state(
            .memoryDenyWriteExecute,
            wanted.memoryDenyWriteExecute,
            "confinement.memory-deny-write-execute",
            has: kernel.memoryDenyWriteExecute,
            wanted
        )
        confinement.fence = fence
        confinement.timeNamespace = time.state == .on
        confinement.memoryDenyWriteExecute = memory.state == .on
        confinement.states = states + [fenceState, time, memory]
        return confinement
    }

    /// No start is without these, whatever a profile says.
    private static let always: [Mechanism] = [
        .userNamespace, .mountNamespace, .pidNamespace, .ipcNamespace, .utsNamespace, .cgroupNamespace,
        .capabilities, .noNewPrivileges, .seccomp, .coreDumps,
    ]

    private static func landlock(_ wanted: ConfinementPolicy, _ plan: SandboxPlan, _ kernel: Kernel)
        throws(ClocheError) -> (Fence?, MechanismState)
    {
        guard wanted.landlock else {
            return (nil, MechanismState(.landlock, .off, "confinement.landlock is off"))
        }
        let version = kernel.landlock
        guard version > 0 else {
            let answer = kernel.answer ?? .noEntry
            guard wanted.permit.contains(.landlock), wanted.mode != .strict else {
                throw missing(
                    .landlock,
                    "landlock_create_ruleset: \(answer)",
                    HostProbe.landlockRemedy(answer)
                )
            }
            return (nil, MechanismState(.landlock, .missing, "permitted by confinement.permit"))
        }
        let lacks = Fence.lacks(version)
        if wanted.mode == .strict && !lacks.isEmpty {
            throw missing(
                .landlock,
                "this kernel has version \(version), which does not know \(lacks.joined(separator: ", "))",
                "use a newer kernel, or `confinement: {mode: standard}`"
            )
        }
        let detail =
            "version \(version)" + (lacks.isEmpty ? "" : ", without \(lacks.joined(separator: ", "))")
        return (Fence.make(plan, version: version), MechanismState(.landlock, .on, detail))
    }

    private static func state(
        _ mechanism: Mechanism,
        _ isWanted: Bool,
        _ key: String,
        has isThere: Bool,
        _ policy: ConfinementPolicy
    ) throws(ClocheError) -> MechanismState {
        guard isWanted else { return MechanismState(mechanism, .off, "\(key) is off") }
        if isThere { return MechanismState(mechanism, .on) }
        guard policy.permit.contains(mechanism), policy.mode != .strict else {
            throw missing(mechanism, "this kernel has not got it", "set \(key) to off, or use a newer kernel")
        }
        return MechanismState(mechanism, .missing, "permitted by confinement.permit")
    }

    private static func missing(_ mechanism: Mechanism, _ why: String, _ remedy: String) -> ClocheError {
        ClocheError(
            .host,
            "the kernel lacks \(mechanism.rawValue), which the profile requires",
            why: why,
            remedy: "\(remedy); or accept it: `confinement: {permit: [\(mechanism.rawValue)]}`"
        )
    }
}
