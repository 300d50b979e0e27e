// Why the kernel refuses namespaces, or everything in them: its answer and the host's settings -> cause and
// remedy in words. Used by the errors of a start and by `cloche doctor`, so that both say the same.

internal import Glibc
internal import LinuxSystem

/// A cause, and what to do about it.
struct NamespaceRefusal: Equatable, Sendable {
    let why: String
    let remedy: String

    /// clone3(2) said no.
    static func ofClone(_ answer: Errno, _ facts: HostFacts, executable: String) -> NamespaceRefusal {
        switch answer.number {
        case ENOSPC, EUSERS: limit(answer, facts)
        case ENOSYS: noCall(answer, facts)
        case EINVAL: tooOld(answer, facts)
        case EAGAIN, ENOMEM:
            NamespaceRefusal(
                why: "\(answer): too many processes, or too little memory",
                remedy: "end some programs, or raise the limits that `ulimit -u` and your user's cgroup set"
            )
        default: forbidden(answer, facts, executable: executable)
        }
    }

    /// The namespaces came into being, but the first mount in them was refused.
    static func ofMount(_ answer: Errno, _ facts: HostFacts, executable: String) -> NamespaceRefusal {
        let refusal = forbidden(answer, facts, executable: executable)
        return NamespaceRefusal(
            why: "the new user namespace gives no rights: \(refusal.why)",
            remedy: refusal.remedy
        )
    }

    private static func limit(_ answer: Errno, _ facts: HostFacts) -> NamespaceRefusal {
        guard let first = facts.zeroLimits.first else {
            return NamespaceRefusal(
                why: "\(answer): a limit on namespaces is reached, here or in a namespace around this one",
                remedy:
                    "see `sysctl user` for the limits, and raise user.max_user_namespaces on the host itself"
            )
        }
        let names = facts.zeroLimits.joined(separator: ", ")
        return NamespaceRefusal(
            why:
                "\(names) \(facts.zeroLimits.count == 1 ? "is" : "are") 0, so nobody may make such a namespace",
            remedy: "sudo sysctl -w \(facts.zeroLimits.map { $0 + "=65536" }.joined(separator: " "))"
                + " (and find the file below /etc/sysctl.d that sets \(first))"
        )
    }

    private static func noCall(_ answer: Errno, _ facts: HostFacts) -> NamespaceRefusal {
        if facts.seccompFiltered { return filtered(answer, facts) }
        return NamespaceRefusal(
            why: "\(answer): this kernel has no clone3, which came with Linux 5.3",
            remedy: "use a newer kernel; Cloche needs 5.12 or later"
        )
    }

    private static func tooOld(_ answer: Errno, _ facts: HostFacts) -> NamespaceRefusal {
        if !facts.hasUserNamespaces {
            return NamespaceRefusal(
                why: "this kernel was built without user namespaces",
                remedy: "use a kernel with CONFIG_USER_NS=y, as every large distribution's is"
            )
        }
        return NamespaceRefusal(
            why: "\(answer): this kernel does not know one of the namespaces or clone flags",
            remedy: "use Linux 5.12 or later, built with all CONFIG_*_NS"
        )
    }

    private static func forbidden(_ answer: Errno, _ facts: HostFacts, executable: String) -> NamespaceRefusal
    {
        if facts.debianForbids && !facts.isRoot {
            return NamespaceRefusal(
                why: "kernel.unprivileged_userns_clone is 0, so only root may make user namespaces",
                remedy: "echo kernel.unprivileged_userns_clone=1 | sudo tee /etc/sysctl.d/60-cloche.conf"
                    + " && sudo sysctl --system"
            )
        }
        if facts.appArmorRestricts && !facts.isRoot {
            return NamespaceRefusal(
                why: "AppArmor forbids user namespaces to programs without a profile of their own"
                    + " (kernel.apparmor_restrict_unprivileged_userns is 1)",
                remedy: appArmorRemedy(executable)
            )
        }
        if facts.seccompFiltered || facts.container != nil { return filtered(answer, facts) }
        if !facts.rootIsMount {
            return NamespaceRefusal(
                why: "\(answer): this is a chroot, where the kernel allows no user namespace",
                remedy:
                    "run Cloche outside the chroot, or enter the directory with pivot_root in place of chroot"
            )
        }
        return NamespaceRefusal(
            why: "\(answer), from a chroot around Cloche, or a security module",
            remedy:
                "run it outside the chroot; look for a denial in `sudo dmesg` or `sudo ausearch -m avc` (SELinux, AppArmor, Yama, grsecurity)"
        )
    }

    private static func filtered(_ answer: Errno, _ facts: HostFacts) -> NamespaceRefusal {
        let around = facts.container.map { "the container around Cloche (\($0))" } ?? "what runs Cloche"
        return NamespaceRefusal(
            why: "\(answer): \(around) forbids it\(facts.seccompFiltered ? " with a seccomp filter" : "")",
            remedy: containerRemedy(facts.container)
        )
    }

    /// How to give a container what Cloche needs.
    static func containerRemedy(_ engine: String?) -> String {
        switch engine {
        case "docker":
            "start the container with `docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined"
                + " --security-opt systempaths=unconfined`"
        case "podman":
            "start the container with `podman run --security-opt seccomp=unconfined --security-opt unmask=ALL`"
        case "kubernetes":
            "give the pod `hostUsers: false` and its container `procMount: Unmasked` and seccompProfile Unconfined"
        default:
            "let what runs Cloche allow clone3, mount and pivot_root (for systemd: RestrictNamespaces=no and no"
                + " SystemCallFilter that leaves out @mount)"
        }
    }

    /// A profile for this one program keeps Ubuntu's restriction for all others.
    private static func appArmorRemedy(_ executable: String) -> String {
        let plain = executable.utf8.allSatisfy { byte in
            Character(UnicodeScalar(byte)).isLetter || Character(UnicodeScalar(byte)).isNumber
                || "/._+-".utf8.contains(byte)
        }
        guard plain, executable.hasPrefix("/") else {
            return "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
        }
        return "printf 'abi <abi/4.0>,\\nprofile cloche \(executable) flags=(unconfined) { userns, }\\n'"
            + " | sudo tee /etc/apparmor.d/cloche && sudo apparmor_parser -r /etc/apparmor.d/cloche"
    }
}
