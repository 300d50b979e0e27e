// Facts about a failed set-up -> sentences: which protection or step, the kernel's answer, what to do.

internal import CLinux
internal import ClocheModel
internal import Glibc
internal import LinuxSystem

/// How a set-up failed, before it is put into words.
enum SetupFailure: Error {
    /// A system call of the supervisor failed.
    case call(SystemError)
    /// A step of the child stage failed: which source or operation, or which part of the stage, and the
    /// answer.
    case stage(clinux_stage, Int, Errno)
    /// The child ended and reported nothing.
    case silence
    /// What the plan was made of has changed since.
    case hostChanged
    /// Said already.
    case told(ClocheError)
}

enum SetupError {
    private static let doctor = "`cloche doctor` tries every feature that is needed"

    /// Puts a failure into words.
    static func explain(_ failure: SetupFailure, _ plan: SandboxPlan, _ facts: HostFacts = .current)
        -> ClocheError
    {
        switch failure {
        case .told(let error): return error
        case .hostChanged, .silence:
            return ClocheError(
                .sandbox,
                "cannot build the sandbox",
                why: "its first process ended without a word",
                remedy: "look into `dmesg` for what killed it; \(doctor)"
            )
        case .call(let error): return call(error, plan, facts)
        case .stage(let stage, let index, let answer):
            switch stage {
            case CLINUX_STAGE_OPERATION where plan.operations.indices.contains(index):
                return operation(plan.operations[index], answer, facts)
            case CLINUX_STAGE_NETWORK where answer.number == ENOSPC:
                return call(SystemError("clone3", answer, "network"), plan, facts)
            case CLINUX_STAGE_SOURCE where plan.sources.indices.contains(index):
                return source(plan.sources[index], answer, facts)
            default: return part(stage, index, answer, plan, facts)
            }
        }
    }

    /// What to do where symbolic links would be followed in shared directories.
    static let noLinksRemedy =
        "shared directories need mounts in which no symbolic link is followed (nosymfollow), of Linux 5.14 or later"

    private static func call(_ error: SystemError, _ plan: SandboxPlan, _ facts: HostFacts) -> ClocheError {
        if error.call == "clone3" {
            let refusal = NamespaceRefusal.ofClone(error.errno, facts, executable: plan.executable)
            // The limit of one kind tells that the user namespace itself was granted.
            let others = !facts.zeroLimits.isEmpty && !facts.zeroLimits.contains("user.max_user_namespaces")
            let what = "cannot make \(others ? "new" : "user") namespaces"
            return ClocheError(.host, what, why: refusal.why, remedy: refusal.remedy)
        }
        if error.subject.hasSuffix("id_map") { return identity(error, plan, facts) }
        if error.call == "mount_setattr" {
            if error.errno.number == EINVAL,
                let share = plan.sources.first(where: {
                    $0.path == error.subject && $0.attributes.contains(.noLinks)
                })
            {
                return source(share, error.errno, facts)
            }
            return ClocheError(
                .sandbox,
                "cannot make an idmapped mount",
                why: error.description,
                remedy: HostProbe.idmapRemedy(error.errno, facts)
            )
        }
        return ClocheError(.sandbox, "cannot build the sandbox", why: error.description, remedy: doctor)
    }

    /// The ids of the agent could not be mapped.
    private static func identity(_ error: SystemError, _ plan: SandboxPlan, _ facts: HostFacts) -> ClocheError
    {
        let what = "cannot give the agent a user id"
        if plan.identity.startedByRoot && !facts.hasUserID(plan.identity.hostUser) {
            return ClocheError(
                .host,
                what,
                why:
                    "root here is root of a user namespace in which the id \(plan.identity.hostUser) does not exist",
                remedy:
                    "run Cloche as an ordinary user here, or write a range that exists (see /proc/self/uid_map)"
                    + " into /etc/subuid, as in root:100000:65536"
            )
        }
        let refusal = NamespaceRefusal.ofMount(error.errno, facts, executable: plan.executable)
        return ClocheError(.host, what, why: "\(error.description); \(refusal.why)", remedy: refusal.remedy)
    }

    /// A part of the child stage that no plan decides.
    private static func part(
        _ stage: clinux_stage,
        _ index: Int,
        _ answer: Errno,
        _ plan: SandboxPlan,
        _ facts: HostFacts
    ) -> ClocheError {
        let refused = answer == .notPermitted || answer == .access
        switch stage {
        case CLINUX_STAGE_NETWORK where refused, CLINUX_STAGE_PROPAGATION where refused,
            CLINUX_STAGE_ROOT where refused, CLINUX_STAGE_INIT where refused && index == Self.firstMount:
            let refusal = NamespaceRefusal.ofMount(answer, facts, executable: plan.executable)
            return ClocheError(
                .host,
                "cannot mount in a user namespace",
                why: refusal.why,
                remedy: refusal.remedy
            )
        case CLINUX_STAGE_INIT:
            return ClocheError(
                .sandbox,
                "cannot execute Cloche in the sandbox",
                why: "\(plan.executable): \(answer)",
                remedy: initRemedy(answer)
            )
        default:
            return ClocheError(
                .sandbox,
                "cannot build the sandbox",
                why: "\(name(stage)), step \(index): \(answer)",
                remedy: stageRemedy(stage, answer, facts)
            )
        }
    }

    private static func initRemedy(_ answer: Errno) -> String {
        switch answer {
        case .noEntry: "this program is not linked statically; build it with scripts/build"
        case .access:
            "the program lies on a file system mounted noexec, or may not be executed by you; copy it elsewhere"
        default: doctor
        }
    }

    private static func stageRemedy(_ stage: clinux_stage, _ answer: Errno, _ facts: HostFacts) -> String {
        switch (stage, answer.number) {
        case (_, ENOSYS) where facts.seccompFiltered, (_, EPERM) where facts.seccompFiltered:
            NamespaceRefusal.containerRemedy(facts.container)
        case (_, ENOSYS): "this kernel lacks a call that Cloche needs; use Linux 5.12 or later. \(doctor)"
        case (CLINUX_STAGE_PIVOT, EINVAL):
            "the system runs from its initial ramdisk, whose root cannot be left; boot with a root file system"
        case (CLINUX_STAGE_ROOT, ENOENT): "the host needs a directory /tmp"
        case (_, ENOSPC): "there are too many mounts here; raise fs.mount-max with sysctl(8)"
        default: doctor
        }
    }

    static func source(_ source: MountSource, _ answer: Errno, _ facts: HostFacts) -> ClocheError {
        let below = facts.mounts(below: source.path)
        let remedy =
            switch answer.number {
            case ELOOP: "somebody has put a symbolic link on the way to it; see who, before you start again"
            case ESTALE: "something replaced it while the sandbox was being built; start again"
            case EINVAL where !source.recursive && !below.isEmpty:
                "something else is mounted below it, at \(below[0]), and the kernel will not show what that hides;"
                    + " unmount it, or use another directory"
            case EINVAL where source.attributes.contains(.noLinks): noLinksRemedy
            case ENOSPC: "there are too many mounts here; raise fs.mount-max with sysctl(8)"
            case ENOSYS where facts.seccompFiltered, EPERM where facts.seccompFiltered:
                NamespaceRefusal.containerRemedy(facts.container)
            case ENOSYS: "this kernel lacks openat2 or open_tree; use Linux 5.12 or later"
            default: "make it readable for you, or take it out of the profile"
            }
        return ClocheError(
            .sandbox,
            "cannot bring \(source.path) into the sandbox",
            why: asked(answer, by: source.reason),
            remedy: remedy
        )
    }

    static func operation(_ operation: PlanOperation, _ answer: Errno, _ facts: HostFacts)
        -> ClocheError
    {
        if operation.isOfNetwork { return network(operation, answer, facts) }
        let place = "/" + operation.target
        var remedy = doctor
        var what = "cannot set up \(place) in the sandbox"
        switch operation.action {
        case .filesystem("proc", _, _) where answer == .notPermitted:
            what = "cannot mount /proc in the sandbox"
            remedy = ProcRefusal.remedy(facts)
        case .filesystem("overlay", _, _):
            what = "cannot mount an overlay at \(place)"
            remedy = OverlayRefusal.remedy(answer)
        case .filesystem(let kind, _, _):
            what = "cannot mount \(kind) at \(place)"
            if answer.number == ENODEV {
                remedy = "this kernel has no \(kind); load its module or use another kernel"
            }
        case .bind, .directory, .mountPoint, .file:
            if answer == .loop || answer == .notDirectory {
                remedy =
                    "the agent has put a symbolic link on the way to \(place); remove it below `cloche path`"
            } else if answer.number == EISDIR {
                remedy =
                    "the agent has put a directory in the place of \(place); remove it below `cloche path`"
            } else if answer == .noSpace || answer.number == EDQUOT {
                remedy = "free some space, or inodes, on the disk that holds Cloche's state"
            } else if answer == .readOnly {
                remedy =
                    "the directory that \(place) lies in is read-only; choose another target, or make it writable"
            }
        default: break
        }
        return ClocheError(.sandbox, what, why: asked(answer, by: operation.reason), remedy: remedy)
    }

    /// A step of the sandbox's own network.
    private static func network(_ operation: PlanOperation, _ answer: Errno, _ facts: HostFacts)
        -> ClocheError
    {
        let what =
            switch operation.action {
            case .packetFilter: "cannot set up the packet filter of the sandbox's network"
            case .everyAddress(let isIPv6): "cannot set up IPv\(isIPv6 ? 6 : 4) in the sandbox's network"
            case .listen, .datagrams: "cannot listen in the sandbox's network"
            default: "cannot bring up loopback in the sandbox"
            }
        return ClocheError(
            .sandbox,
            what,
            why: asked(answer, by: operation.reason),
            remedy: networkRemedy(operation, answer, facts)
        )
    }

    private static func networkRemedy(_ operation: PlanOperation, _ answer: Errno, _ facts: HostFacts)
        -> String
    {
        switch (operation.action, answer.number) {
        case (_, EAFNOSUPPORT) where facts.seccompFiltered, (_, EPERM) where facts.seccompFiltered,
            (_, EACCES) where facts.seccompFiltered:
            "what Cloche was started by lets programs have no such sockets"
                + " (RestrictAddressFamilies= of systemd, or the filter of a container); it must let them have"
                + " AF_NETLINK, AF_INET and AF_INET6"
        case (.packetFilter, ENOENT), (.packetFilter, EOPNOTSUPP), (.packetFilter, EPROTONOSUPPORT):
            "load its modules: `sudo modprobe -a nf_tables nft_tproxy nft_reject_inet`; to keep them,"
                + " `printf 'nf_tables\\nnft_tproxy\\nnft_reject_inet\\n' | sudo tee /etc/modules-load.d/cloche.conf`"
        case (.everyAddress(isIPv6: true), _):
            "IPv6 is switched off in the kernel: boot without `ipv6.disable=1`, or"
                + " `sudo sysctl net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0`"
        case (.listen, EMFILE), (.datagrams, EMFILE): "raise the limit of open files, `ulimit -n`"
        default: doctor
        }
    }

    private static func asked(_ answer: Errno, by reason: String) -> String {
        reason.isEmpty ? "\(answer)" : "\(answer), asked for by \(reason)"
    }

    /// The step of `CLINUX_STAGE_INIT` that makes a mount.
    private static let firstMount = 2

    private static func name(_ stage: clinux_stage) -> String {
        switch stage {
        case CLINUX_STAGE_PARENT_DEATH: "asking for the parent-death signal"
        case CLINUX_STAGE_NETWORK: "making a network"
        case CLINUX_STAGE_HANDSHAKE: "waiting for the supervisor"
        case CLINUX_STAGE_IDENTITY: "taking the agent's user id"
        case CLINUX_STAGE_PROPAGATION: "making mounts private"
        case CLINUX_STAGE_ROOT: "making the new root"
        case CLINUX_STAGE_PIVOT: "changing to the new root"
        case CLINUX_STAGE_TIME: "making a time namespace"
        case CLINUX_STAGE_CGROUP: "making a cgroup namespace"
        case CLINUX_STAGE_FENCE: "putting up Landlock's fence"
        case CLINUX_STAGE_CAPABILITIES: "dropping capabilities"
        case CLINUX_STAGE_DESCRIPTORS: "closing descriptors"
        case CLINUX_STAGE_INIT: "executing init"
        case CLINUX_STAGE_SOCKETS: "handing over the sockets of its network"
        default: "stage \(stage.rawValue)"
        }
    }

    /// Init could not start a program.
    static func spawn(_ message: Wire.Message) -> ClocheError {
        let answer = Errno(message.error)
        switch clinux_spawn_step(UInt32(bitPattern: message.value)) {
        case CLINUX_SPAWN_EXEC where answer == .noEntry:
            return ClocheError(
                .programNotFound,
                "the program is not in the sandbox",
                why: "\(answer)",
                remedy: "only the host's system directories and what the profile binds are there"
            )
        case CLINUX_SPAWN_EXEC:
            return ClocheError(.programNotExecutable, "the program cannot be executed", why: "\(answer)")
        case CLINUX_SPAWN_LISTENER:
            // One process has one listener: whoever confines Cloche has it.
            let isTaken = answer.number == EBUSY
            return ClocheError(
                .sandbox,
                "the sandbox's system calls cannot be watched",
                why: isTaken
                    ? "\(answer): a container or another sandbox around Cloche listens already" : "\(answer)",
                remedy: "with `--set audit.level=minimal` refused calls and executions are not recorded"
            )
        case CLINUX_SPAWN_DIRECTORY:
            return ClocheError(.sandbox, "cannot enter the working directory", why: "\(answer)")
        case CLINUX_SPAWN_TERMINAL:
            return ClocheError(.sandbox, "cannot make a terminal", why: "\(answer)")
        case CLINUX_SPAWN_FORK:
            return ClocheError(
                .sandbox,
                "cannot start another process",
                why: "\(answer)",
                remedy: "the agent may have reached `limits.processes`"
            )
        default:
            return ClocheError(.sandbox, "the sandbox could not be confined", why: "\(answer)")
        }
    }
}

/// A fresh procfs was refused.
enum ProcRefusal {
    /// The kernel shows a new one only to those who see the whole old one.
    static func remedy(_ facts: HostFacts) -> String {
        // These two are mounted on directories made for that, which hides nothing.
        let harmless = ["/proc/sys/fs/binfmt_misc", "/proc/fs/nfsd"]
        let hidden = facts.mounts(below: "/proc").filter { !harmless.contains($0) }
        if hidden.isEmpty { return "let what runs Cloche show it a whole /proc of its own" }
        let some = hidden.prefix(3).joined(separator: ", ") + (hidden.count > 3 ? " and others" : "")
        let start =
            "parts of /proc are hidden here by mounts (\(some)), and then the kernel gives no new /proc; "
        switch facts.container {
        case "docker":
            return start + "start the container with `docker run --security-opt systempaths=unconfined`"
        case "podman": return start + "start the container with `podman run --security-opt unmask=ALL`"
        case "kubernetes":
            return start + "give the pod `hostUsers: false` and its container `procMount: Unmasked`"
        default: return start + "unmount them, or let what runs Cloche leave /proc unmasked"
        }
    }
}

/// An overlay was refused.
enum OverlayRefusal {
    static func remedy(_ answer: Errno) -> String {
        switch answer.number {
        case ENODEV:
            "load the module: `sudo modprobe overlay && echo overlay | sudo tee /etc/modules-load.d/overlay.conf`"
        case EINVAL:
            "the file system of Cloche's state cannot hold an overlay's upper layer (NFS, another overlay); point"
                + " XDG_STATE_HOME to ext4, xfs, btrfs or tmpfs, or set `filesystem: {writable: []}`"
        default:
            "overlayfs in a user namespace needs Linux 5.11; set `filesystem: {writable: []}` to do without"
        }
    }
}
