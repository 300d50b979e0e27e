// The kernel's answer and the host's settings -> the one cause and remedy that fit.

import ClocheModel
import Glibc
import LinuxSystem
import Testing

@testable import SandboxRuntime

@Suite struct NamespaceRefusalTests {
    private static func facts(_ change: (inout HostFacts) -> Void) -> HostFacts {
        var facts = HostFacts()
        change(&facts)
        return facts
    }

    private static let cases: [(answer: CInt, facts: HostFacts, why: String, remedy: String)] = [
        (
            ENOSPC, facts { $0.zeroLimits = ["user.max_user_namespaces"] }, "user.max_user_namespaces is 0",
            "sysctl -w user.max_user_namespaces=65536"
        ),
        (
            ENOSPC, facts { $0.zeroLimits = ["user.max_net_namespaces", "user.max_ipc_namespaces"] }, "are 0",
            "user.max_net_namespaces=65536 user.max_ipc_namespaces=65536"
        ),
        (ENOSPC, HostFacts(), "a limit on namespaces is reached", "on the host itself"),
        (EPERM, facts { $0.debianForbids = true }, "only root may", "kernel.unprivileged_userns_clone=1"),
        (EACCES, facts { $0.appArmorRestricts = true }, "AppArmor", "profile cloche /opt/cloche"),
        (EPERM, facts { $0.seccompFiltered = true }, "with a seccomp filter", "systemd"),
        (ENOSYS, facts { $0.seccompFiltered = true }, "with a seccomp filter", "clone3"),
        (ENOSYS, HostFacts(), "no clone3", "newer kernel"),
        (EPERM, facts { $0.container = "docker" }, "docker", "docker run --security-opt seccomp=unconfined"),
        (EPERM, facts { $0.container = "podman" }, "podman", "unmask=ALL"),
        (EPERM, facts { $0.container = "kubernetes" }, "kubernetes", "procMount: Unmasked"),
        (EPERM, facts { $0.rootIsMount = false }, "a chroot", "outside the chroot"),
        (EPERM, HostFacts(), "a security module", "dmesg"),
        (EINVAL, facts { $0.hasUserNamespaces = false }, "built without", "CONFIG_USER_NS=y"),
        (EINVAL, HostFacts(), "does not know", "5.12"),
        (EAGAIN, HostFacts(), "too many processes", "ulimit -u"),
    ]

    @Test(arguments: cases.indices) func causeAndRemedy(index: Int) {
        let item = Self.cases[index]
        let refusal = NamespaceRefusal.ofClone(Errno(item.answer), item.facts, executable: "/opt/cloche")
        #expect(refusal.why.contains(item.why))
        #expect(refusal.remedy.contains(item.remedy))
    }

    @Test func rootIsNotHeldByWhatHoldsOnlyOthers() {
        let facts = Self.facts {
            $0.isRoot = true
            $0.debianForbids = true
            $0.appArmorRestricts = true
        }
        let why = NamespaceRefusal.ofClone(.notPermitted, facts, executable: "/opt/cloche").why
        #expect(!why.contains("AppArmor") && !why.contains("unprivileged"))
    }

    @Test(arguments: ["/opt/a b/cloche", "/opt/{a}/cloche", "/opt/caf\u{e9}/cloche", "cloche"])
    func aPathThatAProfileWouldMisreadGetsTheSysctl(path: String) {
        let facts = Self.facts { $0.appArmorRestricts = true }
        let remedy = NamespaceRefusal.ofMount(.access, facts, executable: path).remedy
        #expect(remedy == "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0")
    }

    @Test func namespacesWithoutRights() {
        let facts = Self.facts { $0.appArmorRestricts = true }
        let refusal = NamespaceRefusal.ofMount(.access, facts, executable: "/usr/bin/cloche")
        #expect(refusal.why.hasPrefix("the new user namespace gives no rights: AppArmor forbids"))
    }
}

@Suite struct SetupErrorTests {
    private let plan = SandboxPlan(
        identity: SandboxIdentity(
            user: 1000,
            group: 1000,
            hostUser: 1_878_000_001,
            hostGroup: 1_878_000_001,
            startedByRoot: true
        ),
        sharesNetwork: false,
        executable: "/opt/cloche",
        sources: [],
        operations: []
    )

    private func source(_ answer: CInt, _ facts: HostFacts) -> ClocheError {
        let source = MountSource(path: "/srv/a", attributes: [], device: 1, inode: 2, reason: "workspace")
        return SetupError.source(source, Errno(answer), facts)
    }

    @Test func noUserNamespacesIsOneClearError() {
        var facts = HostFacts()
        facts.zeroLimits = ["user.max_user_namespaces"]
        let error = SetupError.explain(
            .call(SystemError("clone3", Errno(ENOSPC), "new namespaces")),
            plan,
            facts
        )
        #expect(error.code == .host)
        #expect(
            error.description == """
                cannot make user namespaces: user.max_user_namespaces is 0, so nobody may make such a namespace
                  sudo sysctl -w user.max_user_namespaces=65536 (and find the file below /etc/sysctl.d that sets \
                user.max_user_namespaces)
                """
        )
    }

    @Test func anIdThatDoesNotExistHere() {
        var facts = HostFacts()
        facts.isRoot = true
        facts.userIDs = [SubordinateRange(first: 0, count: 1), SubordinateRange(first: 1, count: 65536)]
        let failure = SystemError("write", .notPermitted, "/proc/7/uid_map")
        let error = SetupError.explain(.call(failure), plan, facts)
        #expect(error.why.contains("1878000001 does not exist"))
        #expect(error.remedy.contains("ordinary user"))
    }

    @Test func aMountBelowAnOrdinaryUsersSourceIsNamed() {
        var facts = HostFacts()
        facts.mountPoints = ["/", "/srv/ab", "/srv/a/data"]
        #expect(source(EINVAL, facts).remedy.contains("/srv/a/data"))
        #expect(!source(EINVAL, HostFacts()).remedy.contains("mounted below"))
        #expect(source(ESTALE, facts).remedy.contains("start again"))
    }

    @Test func aMaskedProcNamesTheMasksAndTheEngine() {
        let operation = PlanOperation(
            .filesystem(kind: "proc", options: [], attributes: []),
            at: "proc",
            reason: "proc"
        )
        var facts = HostFacts()
        facts.mountPoints = ["/proc", "/proc/kcore", "/proc/sys/fs/binfmt_misc"]
        facts.container = "docker"
        let error = SetupError.operation(operation, .notPermitted, facts)
        #expect(error.what == "cannot mount /proc in the sandbox")
        #expect(error.remedy.contains("(/proc/kcore)"))
        #expect(error.remedy.contains("systempaths=unconfined"))
    }

    @Test(arguments: [(ENODEV, "modprobe overlay"), (EINVAL, "XDG_STATE_HOME"), (EPERM, "5.11")])
    func overlays(answer: CInt, remedy: String) {
        let operation = PlanOperation(
            .filesystem(kind: "overlay", options: [], attributes: []),
            at: "usr",
            reason: "filesystem.writable"
        )
        let error = SetupError.operation(operation, Errno(answer), HostFacts())
        #expect(error.remedy.contains(remedy))
        #expect(error.why.hasSuffix("asked for by filesystem.writable"))
    }

    @Test func aFullDisk() {
        let operation = PlanOperation(.directory(mode: 0o755), at: "home/agent", reason: "home")
        #expect(SetupError.operation(operation, .noSpace, HostFacts()).remedy.hasPrefix("free some space"))
    }
}
