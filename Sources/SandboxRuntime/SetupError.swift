// Facts about a failed set-up -> sentences: which protection or step, the kernel's answer, what to do.

internal import CLinux
internal import ClocheModel
internal import Glibc
internal import LinuxSystem

enum SetupError {
    /// A system call of the supervisor failed.
    static func system(_ error: SystemError) -> ClocheError {
        if error.call == "clone3" { return namespaces(error) }
        if error.call == "mount_setattr" {
            return ClocheError(
                .sandbox, "cannot make an idmapped mount", why: error.description,
                remedy: "started by root, Cloche needs a file system with idmapped mounts (ext4, xfs, btrfs, tmpfs"
                    + " from kernel 6.3) for state and workspace; run it as an ordinary user, or move them")
        }
        return ClocheError(.sandbox, "cannot build the sandbox", why: error.description)
    }

    private static func namespaces(_ error: SystemError) -> ClocheError {
        let remedy =
            switch error.errno.number {
            case ENOSPC: "raise user.max_user_namespaces with sysctl(8)"
            case EPERM: "`cloche doctor` finds out what forbids user namespaces here, and how to allow them"
            default: "`cloche doctor` tries every feature that is needed"
            }
        return ClocheError(.host, "cannot make new namespaces", why: error.description, remedy: remedy)
    }

    /// The child stage reported a failure.
    static func stage(_ message: Wire.Message, _ plan: SandboxPlan) -> ClocheError {
        let answer = Errno(message.error)
        let index = Int(message.value)
        switch clinux_stage(message.id) {
        case CLINUX_STAGE_OPERATION where plan.operations.indices.contains(index):
            return operation(plan.operations[index], answer)
        case CLINUX_STAGE_SOURCE where plan.sources.indices.contains(index):
            return source(plan.sources[index], answer)
        case let stage:
            return ClocheError(
                .sandbox, "cannot build the sandbox", why: "\(name(stage)), step \(index): \(answer)",
                remedy: "`cloche doctor` tries every feature that is needed")
        }
    }

    private static func source(_ source: MountSource, _ answer: Errno) -> ClocheError {
        let remedy =
            answer.number == ESTALE
            ? "something replaced it while the sandbox was being built; start again"
            : "make it readable for you, or take it out of the profile"
        return ClocheError(
            .sandbox, "cannot bring \(source.path) into the sandbox", why: "\(answer), asked for by \(source.reason)",
            remedy: remedy)
    }

    private static func operation(_ operation: PlanOperation, _ answer: Errno) -> ClocheError {
        let place = "/" + operation.target
        var remedy = "`cloche doctor` tries every feature that is needed"
        var what = "cannot set up \(place) in the sandbox"
        switch operation.action {
        case .filesystem("proc", _, _):
            what = "cannot mount /proc in the sandbox"
            remedy = "a container around Cloche hides parts of /proc; give that container an unmasked /proc"
        case .filesystem("overlay", _, _):
            what = "cannot mount an overlay at \(place)"
            remedy = "overlayfs in a user namespace needs kernel 5.11; set `filesystem: {writable: []}` to do without"
        case .bind, .directory, .mountPoint, .file:
            if answer == .loop || answer == .notDirectory {
                remedy = "the agent has put a symbolic link on the way to \(place); remove it below `cloche path`"
            }
        default: break
        }
        return ClocheError(.sandbox, what, why: "\(answer), asked for by \(operation.reason)", remedy: remedy)
    }

    private static func name(_ stage: clinux_stage) -> String {
        switch stage {
        case CLINUX_STAGE_PARENT_DEATH: "asking for the parent-death signal"
        case CLINUX_STAGE_HANDSHAKE: "waiting for the supervisor"
        case CLINUX_STAGE_IDENTITY: "taking the agent's user id"
        case CLINUX_STAGE_PROPAGATION: "making mounts private"
        case CLINUX_STAGE_ROOT: "making the new root"
        case CLINUX_STAGE_PIVOT: "changing to the new root"
        case CLINUX_STAGE_CAPABILITIES: "dropping capabilities"
        case CLINUX_STAGE_DESCRIPTORS: "closing descriptors"
        case CLINUX_STAGE_INIT: "executing init"
        default: "stage \(stage.rawValue)"
        }
    }

    /// Init could not start a program.
    static func spawn(_ message: Wire.Message) -> ClocheError {
        let answer = Errno(message.error)
        switch clinux_spawn_step(UInt32(bitPattern: message.value)) {
        case CLINUX_SPAWN_EXEC where answer == .noEntry:
            return ClocheError(
                .programNotFound, "the program is not in the sandbox", why: "\(answer)",
                remedy: "only the host's system directories and what the profile binds are there")
        case CLINUX_SPAWN_EXEC:
            return ClocheError(.programNotExecutable, "the program cannot be executed", why: "\(answer)")
        case CLINUX_SPAWN_DIRECTORY:
            return ClocheError(.sandbox, "cannot enter the working directory", why: "\(answer)")
        case CLINUX_SPAWN_TERMINAL:
            return ClocheError(.sandbox, "cannot make a terminal", why: "\(answer)")
        case CLINUX_SPAWN_FORK:
            return ClocheError(
                .sandbox, "cannot start another process", why: "\(answer)",
                remedy: "the agent may have reached `limits.processes`")
        default:
            return ClocheError(.sandbox, "the sandbox could not be confined", why: "\(answer)")
        }
    }
}
