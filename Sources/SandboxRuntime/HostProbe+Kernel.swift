// Trials of single kernel calls: namespaces, descriptors, seccomp, Landlock, idmapped mounts.

internal import CLinux
internal import ClocheModel
internal import Glibc
internal import LinuxSystem

extension HostProbe {
    // MARK: Namespaces

    private static let everything = "every sandbox"

    static func namespaces(_ facts: HostFacts, executable: String) -> [HostCheck] {
        let user = HostFeature("user-namespaces", "user namespaces", for: everything)
        let others = HostFeature("namespaces", "the other namespaces", for: everything)
        if let answer = tryNamespaces(UInt64(CLONE_NEWUSER)) {
            let refusal = NamespaceRefusal.ofClone(answer, facts, executable: executable)
            let failed = user.missing("clone3 with CLONE_NEWUSER: \(refusal.why)", refusal.remedy)
            return [failed, others.untried(failed)]
        }
        return [user.ok("clone3 made one"), otherNamespaces(others, facts, executable: executable)]
    }

    private static let kinds: [(name: String, flag: UInt64)] = [
        ("mount", UInt64(CLONE_NEWNS)), ("pid", UInt64(CLONE_NEWPID)), ("network", UInt64(CLONE_NEWNET)),
        ("ipc", UInt64(CLONE_NEWIPC)), ("uts", UInt64(CLONE_NEWUTS)), ("cgroup", UInt64(CLONE_NEWCGROUP)),
    ]

    private static func otherNamespaces(_ feature: HostFeature, _ facts: HostFacts, executable: String)
        -> HostCheck
    {
        let user = UInt64(CLONE_NEWUSER)
        let names = kinds.map(\.name).joined(separator: ", ")
        guard let answer = tryNamespaces(kinds.reduce(user) { $0 | $1.flag }) else {
            return feature.ok("clone3 made all of \(names) at once")
        }
        let failing = kinds.filter { tryNamespaces(user | $0.flag) != nil }.map(\.name)
        let which = failing.isEmpty ? "all together" : failing.joined(separator: ", ")
        let refusal = NamespaceRefusal.ofClone(answer, facts, executable: executable)
        return feature.missing("clone3 for \(which): \(refusal.why)", refusal.remedy)
    }

    private static func tryNamespaces(_ flags: UInt64) -> Errno? {
        answer { clinux_try_namespaces(flags) }
    }

    /// The kernel's answer when a call fails.
    static func answer(_ body: () -> CInt) -> Errno? {
        body() < 0 ? Errno(errno) : nil
    }

    // MARK: Calls

    /// Calls that are there or not, whoever asks.
    static func kernelCalls(_ facts: HostFacts) -> [HostCheck] {
        let own = getpid()
        return [
            call(
                HostFeature("pidfd", "processes as descriptors", for: everything),
                "pidfd_open",
                "5.3",
                facts
            ) {
                let descriptor = clinux_pidfd_open(own)
                if descriptor >= 0 { close(descriptor) }
                return descriptor
            },
            call(
                HostFeature("close-range", "closing all descriptors", for: everything),
                "close_range",
                "5.9",
                facts
            ) {
                // A range in which nothing can be open.
                clinux_close_range(UInt32.max - 1, UInt32.max)
            },
            call(
                HostFeature("openat2", "opening without following links", for: everything),
                "openat2",
                "5.6",
                facts
            ) {
                let descriptor = unsafe clinux_openat2(
                    AT_FDCWD,
                    ".",
                    UInt64(clinux_O_PATH | O_CLOEXEC),
                    0,
                    UInt64(RESOLVE_NO_SYMLINKS)
                )
                if descriptor >= 0 { close(descriptor) }
                return descriptor
            },
        ]
    }

    private static func call(
        _ feature: HostFeature,
        _ name: String,
        _ version: String,
        _ facts: HostFacts,
        _ body: () -> CInt
    ) -> HostCheck {
        guard let answer = answer(body) else { return feature.ok("\(name) works") }
        let remedy =
            facts.seccompFiltered
            ? NamespaceRefusal.containerRemedy(facts.container)
            : "\(name) came with Linux \(version); use 5.12 or later"
        return feature.missing("\(name): \(answer)", remedy)
    }

    // MARK: Confinement

    static func landlock() -> HostCheck {
        let feature = HostFeature(
            "landlock",
            "Landlock",
            for: "the second fence around files; profiles with `confinement: {permit: [landlock]}` do without"
        )
        let version = clinux_landlock_abi()
        guard version > 0 else {
            let answer = Errno(errno)
            return feature.missing("landlock_create_ruleset: \(answer)", landlockRemedy(answer))
        }
        let lacks = Fence.lacks(version).joined(separator: ", ")
        guard !lacks.isEmpty else {
            let more = version > Fence.newest ? ", of which version \(Fence.newest) is used" : ""
            return feature.ok("version \(version)\(more)")
        }
        return feature.degraded(
            "version \(version) knows nothing of \(lacks)",
            "use a newer kernel; `confinement: {mode: strict}` does not start here"
        )
    }

    /// What to do where there is no Landlock.
    static func landlockRemedy(_ answer: Errno) -> String {
        answer.number == EOPNOTSUPP
            ? "add landlock to the list of `lsm=` on the kernel's command line"
            : "use Linux 5.13 or later, built with CONFIG_SECURITY_LANDLOCK"
    }

    /// What a profile may ask for, and the default does not.
    static func optionalMechanisms() -> [HostCheck] {
        let time = HostFeature(
            "time-namespace",
            "time namespaces",
            for: "profiles with `confinement: {time-namespace: on}`"
        )
        let memory = HostFeature(
            "memory-deny-write-execute",
            "memory that is never written and executed",
            for: "profiles with `confinement: {memory-deny-write-execute: on}`"
        )
        let kernel = Confinement.Kernel.current(
            ConfinementPolicy(landlock: false, memoryDenyWriteExecute: true, timeNamespace: true)
        )
        return [
            kernel.timeNamespaces
                ? time.ok("/proc/self/ns/time is there")
                : time.degraded("there is no /proc/self/ns/time", "use a kernel with CONFIG_TIME_NS"),
            kernel.memoryDenyWriteExecute
                ? memory.ok("prctl with PR_GET_MDWE works")
                : memory.degraded("prctl with PR_GET_MDWE is refused", "use Linux 6.3 or later"),
        ]
    }

    static func seccompNotification(_ facts: HostFacts) -> HostCheck {
        let feature = HostFeature(
            "seccomp-notification",
            "seccomp user notification",
            for: "a record of refused calls; Cloche works without"
        )
        guard let answer = answer(clinux_seccomp_notification) else {
            return feature.ok("the kernel can hand refused calls to the supervisor")
        }
        return feature.degraded(
            "seccomp with SECCOMP_GET_ACTION_AVAIL: \(answer)",
            facts.seccompFiltered
                ? NamespaceRefusal.containerRemedy(facts.container)
                : "use Linux 5.0 or later with CONFIG_SECCOMP_FILTER"
        )
    }

    // MARK: Idmapped mounts

    /// Only root needs them: an ordinary user's agent has the user's own id.
    static func idmappedMounts(_ facts: HostFacts, _ place: borrowing ProbePlace, _ directory: String)
        -> HostCheck
    {
        let feature = HostFeature(
            "idmapped-mounts",
            "idmapped mounts",
            for: "agents of root, whose files must belong to the owner of the workspace"
        )
        guard facts.isRoot else { return feature.ok("not needed by an ordinary user") }
        let state = place.path.flatMap { tryIdmappedMount("the state directory", $0) }
        let here = tryIdmappedMount("this directory", directory)
        let refused = [state, here].compactMap(\.self)
        guard let first = refused.first else {
            return feature.ok("mount_setattr made them for the state directory and this directory")
        }
        let detail =
            "mount_setattr with MOUNT_ATTR_IDMAP for "
            + refused.map { "\($0.name): \($0.answer)" }.joined(separator: "; ")
        let remedy = idmapRemedy(first.answer, facts)
        return state == nil ? feature.degraded(detail, remedy) : feature.missing(detail, remedy)
    }

    /// What to do where root cannot lend the agent its files.
    static func idmapRemedy(_ answer: Errno, _ facts: HostFacts) -> String {
        if !facts.isInitialUserNamespace {
            return
                "root here is root of a user namespace only, for which the kernel makes none; run Cloche as an"
                + " ordinary user, or outside"
        }
        return answer == .notPermitted
            ? "root here lacks CAP_SYS_ADMIN; run Cloche as an ordinary user, or give it that capability"
            : "its file system has no idmapped mounts (overlay and network file systems have none, tmpfs from Linux"
                + " 6.3); use ext4, xfs or btrfs, or run Cloche as an ordinary user"
    }

    private static func tryIdmappedMount(_ name: String, _ path: String) -> (name: String, answer: Errno)? {
        // A path that is not there, or not to be seen, cannot be mounted either.
        guard let place = try? Files.open(path, clinux_O_PATH), let status = try? Files.status(of: place)
        else {
            return (name, .noEntry)
        }
        let identity = SandboxIdentity.current(key: "doctor")
        let namespace = clinux_user_namespace(
            status.owner,
            status.group,
            identity.hostUser,
            identity.hostGroup
        )
        if namespace < 0 { return (name, Errno(errno)) }
        defer { close(namespace) }
        let mount = clinux_idmapped_mount(place.number, namespace, 0, 0)
        if mount < 0 { return (name, Errno(errno)) }
        close(mount)
        return nil
    }
}
