// Trials of what only a sandbox shows. Each is a plan of a few steps, launched like an agent's and thrown
// away; the last is the real plan of a simple profile, with the real filters, running a program.

internal import CLinux
internal import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import SyscallFilter

extension HostProbe {
    private static let base = HostFeature(
        "mount-api",
        "mounts, pivot_root and no_new_privs in a user namespace",
        for: "every sandbox"
    )
    private static let proc = HostFeature("own-proc", "an own /proc", for: "every sandbox")
    private static let loopback = HostFeature(
        "loopback",
        "an own network with loopback",
        for: "sandboxes without the host's network"
    )
    private static let names = HostFeature(
        "network-by-name",
        "a network on which every address is local, and a packet filter for it",
        for: "profiles with `network: {mode: allow}` or `open`"
    )
    private static let terminal = HostFeature(
        "terminal",
        "an own devpts and terminals on it",
        for: "agent sessions"
    )
    private static let overlay = HostFeature(
        "overlayfs",
        "overlayfs in a user namespace",
        for: "profiles with `filesystem: {writable: [...]}`"
    )
    private static let shares = HostFeature(
        "shared-directories",
        "mounts in which no symbolic link is followed",
        for: "profiles with `shares`"
    )
    private static let filter = HostFeature("seccomp-filter", "seccomp filters", for: "every sandbox")
    private static let whole = HostFeature("sandbox", "a whole sandbox", for: "running anything")

    static let sandboxFeatures = [base, proc, loopback, names, terminal, overlay, shares, filter, whole]

    static func sandbox(_ facts: HostFacts, executable: String, _ place: borrowing ProbePlace) -> [HostCheck]
    {
        let trial: SandboxTrial
        do {
            trial = try SandboxTrial(executable: executable, facts: facts)
        } catch { return sandboxFeatures.map { $0.missing(error) } }
        if let error = trial.attempt([]) {
            let failed = base.missing(error)
            return [failed] + sandboxFeatures.dropFirst().map { $0.untried(failed) }
        }
        let checks = [
            base.ok(
                "clone3, fsopen, open_tree, move_mount, mount_setattr, pivot_root, all capabilities dropped"
            ),
            result(proc, trial.attempt(SandboxTrial.proc), "a fresh procfs was mounted"),
            result(loopback, trial.attempt(SandboxTrial.loopback, network: true), "lo came up"),
            tryNetwork(trial),
            result(terminal, trial.tryTerminal(), "a devpts was mounted and a program put on its terminal"),
            tryOverlays(trial, place), tryShares(trial),
            result(filter, trial.tryFilter(), "init and its programs run under the two filters of a sandbox"),
        ]
        if let failed = checks.first(where: { $0.status == .missing }) {
            return checks + [whole.untried(failed)]
        }
        return checks + [result(whole, trial.tryWhole(), "one like an agent's was built, and ran a program")]
    }

    private static func result(_ feature: HostFeature, _ error: ClocheError?, _ success: String) -> HostCheck
    {
        error.map { feature.missing($0) } ?? feature.ok(success)
    }

    /// All of it, and else what of it is missing.
    private static func tryNetwork(_ trial: SandboxTrial) -> HostCheck {
        if trial.tryNetwork(demanding: [.packetFilter, .ipv6]) == nil {
            return names.ok(
                "routes, rules and sockets were made, for any port of any address, by IPv4 and IPv6"
            )
        }
        if let error = trial.tryNetwork(demanding: []) { return names.missing(error) }
        var lacks: [String] = []
        var remedies: [String] = []
        if let error = trial.tryNetwork(demanding: [.packetFilter]) {
            lacks.append(
                "no packet filter (\(error.why)): connections to the ports that a profile names are taken, those to"
                    + " others are refused without a trace, and datagrams to other ports than DNS get lost"
            )
            remedies.append(error.remedy)
        }
        if let error = trial.tryNetwork(demanding: [.ipv6]) {
            lacks.append("no IPv6 (\(error.why)): names have IPv4 addresses only")
            remedies.append(error.remedy)
        }
        return names.degraded(lacks.joined(separator: "; "), remedies.joined(separator: "; "))
    }

    private static func tryShares(_ trial: SandboxTrial) -> HostCheck {
        guard let error = trial.attempt(SandboxTrial.shares) else {
            return shares.ok("a tmpfs was mounted with nosymfollow")
        }
        return shares.degraded(error.why.isEmpty ? error.what : error.why, SetupError.noLinksRemedy)
    }

    /// `run` keeps the upper layer in memory, an agent in the state directory.
    private static func tryOverlays(_ trial: SandboxTrial, _ place: borrowing ProbePlace) -> HostCheck {
        if let error = trial.tryOverlay(upper: nil) { return overlay.missing(error) }
        guard let path = place.path else {
            return overlay.ok("one was mounted over /usr, its upper layer in memory")
        }
        if let error = trial.tryOverlay(upper: path) {
            return overlay.degraded(
                "works with the upper layer in memory, but not on the file system of the state directory: "
                    + "\(error.what): \(error.why)",
                error.remedy
            )
        }
        return overlay.ok("mounted over /usr, its upper layer in memory and in the state directory")
    }
}

/// Launches small plans.
struct SandboxTrial {
    /// No key of a profile asks for a step of a trial.
    private static let reason = ""
    private let executable: String
    /// Init puts its descriptors there.
    private let null: MountSource
    private let identity: SandboxIdentity
    private let facts: HostFacts

    init(executable: String, facts: HostFacts) throws(ClocheError) {
        identity = SandboxIdentity.current(key: "doctor")
        self.facts = facts
        self.executable = executable
        null = try Self.source("/dev/null", [.noSetID, .noExec], owned: false)
    }

    private static func source(_ path: String, _ attributes: MountAttributes, owned: Bool) throws(ClocheError)
        -> MountSource
    {
        do {
            let real = try Files.canonicalPath(path)
            let status = try Files.status(real)
            return MountSource(
                path: real,
                attributes: attributes,
                device: status.device,
                inode: status.inode,
                owned: owned,
                reason: Self.reason
            )
        } catch { throw ClocheError(.system, "cannot look at \(path)", why: error.description) }
    }

    // MARK: Plans

    static let proc = [directory("proc"), filesystem("proc", [], at: "proc")]
    static let loopback = [PlanOperation(.loopback, reason: Self.reason)]

    static let shares = [
        directory("shared"),
        PlanOperation(
            .filesystem(kind: "tmpfs", options: [], attributes: [.noSetID, .noDevices, .noLinks]),
            at: "shared",
            reason: Self.reason
        ),
    ]

    private static func directory(_ target: String) -> PlanOperation {
        PlanOperation(.directory(mode: 0o755), at: target, reason: Self.reason)
    }

    private static func filesystem(_ kind: String, _ options: [String], at target: String) -> PlanOperation {
        let attributes: MountAttributes = [.noSetID]
        return PlanOperation(
            .filesystem(kind: kind, options: options, attributes: attributes),
            at: target,
            reason: Self.reason
        )
    }

    private func plan(_ operations: [PlanOperation], _ sources: [MountSource] = [], network: Bool = false)
        -> SandboxPlan
    {
        let device = [
            Self.directory("dev"), PlanOperation(.mountPoint, at: "dev/null", reason: Self.reason),
            PlanOperation(.bind(source: 0), at: "dev/null", reason: Self.reason),
        ]
        return SandboxPlan(
            identity: identity,
            sharesNetwork: !network,
            executable: executable,
            sources: [null] + sources,
            operations: device + operations
        )
    }

    // MARK: Trials

    /// Builds a sandbox of these steps; the error a start would have given.
    func attempt(_ operations: [PlanOperation], _ sources: [MountSource] = [], network: Bool = false)
        -> ClocheError?
    {
        attempt(plan(operations, sources, network: network), .none)
    }

    private func attempt(
        _ plan: SandboxPlan,
        _ filters: SandboxFilters,
        running spec: ProcessSpec? = nil,
        stdio: [CInt]? = nil
    ) -> ClocheError? {
        do throws(SetupFailure) {
            let sandbox = try Sandbox.build(plan, filters, LimitsPolicy())
            guard let spec else { return nil }
            return try Self.run(spec, stdio, in: sandbox)
        } catch { return SetupError.explain(error, plan, facts) }
    }

    /// Starts a program, without `stdio` on a terminal, and waits for what becomes of it.
    private static func run(_ spec: ProcessSpec, _ stdio: [CInt]?, in sandbox: borrowing Sandbox)
        throws(SetupFailure) -> ClocheError?
    {
        do throws(ClocheError) {
            try sandbox.spawn(SpawnRequest(1, spec, stdio: stdio))
            while let event = try sandbox.nextEvent(wait: true) {
                switch consume event {
                case .started: continue
                case .counted: continue
                case .socket: continue
                case .failed(_, let error): return error
                case .exited(_, let end):
                    return end == .exited(0)
                        ? nil
                        : ClocheError(
                            .sandbox,
                            "a program failed in the sandbox",
                            why: "exit code \(end.exitCode)"
                        )
                case .closed:
                    throw ClocheError(.sandbox, "the sandbox ended by itself", why: "its init is gone")
                }
            }
            return nil
        } catch { throw .told(error) }
    }

    /// A network by name, with these parts or none.
    func tryNetwork(demanding parts: [PlanOperation.Part]) -> ClocheError? {
        var steps = Planner.networkSteps(SandboxNetworkRequest(ports: [443]))
        for index in steps.indices {
            steps[index].reason = Self.reason
            if let part = steps[index].part, parts.contains(part) { steps[index].part = nil }
        }
        let plan = plan(steps, network: true)
        do throws(SetupFailure) {
            var sandbox = try Sandbox.build(plan, .none, LimitsPolicy())
            // Addresses there may be, and no sockets for them.
            if !parts.contains(.ipv6) || sandbox.takeNetwork()?.hasIPv6 == true { return nil }
            let answer = Errno(EAFNOSUPPORT)
            return SetupError.operation(
                PlanOperation(.everyAddress(isIPv6: true), reason: Self.reason),
                answer,
                facts
            )
        } catch { return SetupError.explain(error, plan, facts) }
    }

    /// Nothing can be executed in so small a sandbox: init first opens the terminal, then finds no program.
    func tryTerminal() -> ClocheError? {
        let operations = [
            Self.directory("dev/pts"),
            Self.filesystem("devpts", ["ptmxmode=0666", "mode=0600"], at: "dev/pts"),
        ]
        let nothing = ProcessSpec(arguments: ["/none"], environment: [], directory: "/")
        let error = attempt(plan(operations), .none, running: nothing)
        return error?.code == .programNotFound ? nil : error
    }

    func tryOverlay(upper: String?) -> ClocheError? {
        do throws(ClocheError) {
            let lower = try Self.source("/usr", [.readOnly, .noSetID, .noDevices], owned: false)
            var sources = [lower]
            var operations = ["lower", "upper", "merged"].map(Self.directory)
            operations.append(PlanOperation(.bind(source: 1), at: "lower", reason: Self.reason))
            if let upper {
                sources.append(try Self.source(upper, [.noSetID, .noDevices], owned: true))
                operations.append(PlanOperation(.bind(source: 2), at: "upper", reason: Self.reason))
            }
            operations += [Self.directory("upper/files"), Self.directory("upper/work")]
            let options = ["lowerdir=lower", "upperdir=upper/files", "workdir=upper/work", "userxattr"]
            operations.append(Self.filesystem("overlay", options, at: "merged"))
            operations.append(Self.directory("merged/made"))
            return attempt(operations, sources)
        } catch { return error }
    }

    func tryFilter() -> ClocheError? {
        do throws(ClocheError) {
            return attempt(plan([]), try SandboxFilters(SyscallPolicy()))
        } catch { return error }
    }

    /// The planner's own plan of a profile without a workspace, with the real filters.
    func tryWhole() -> ClocheError? {
        let policy = Policy(profile: "doctor", harness: HarnessPolicy(command: ["true"]))
        do throws(ClocheError) {
            let plan = try Planner.plan(
                SandboxRequest(
                    policy: policy,
                    identity: identity,
                    hostname: "doctor",
                    executable: executable
                )
            )
            let program = ProcessSpec(
                arguments: ["true"],
                environment: ["PATH=/usr/local/bin:/usr/bin:/bin"],
                directory: "/"
            )
            let null = try Self.openNull()
            return attempt(
                plan,
                try SandboxFilters(policy.syscalls),
                running: program,
                stdio: [null.number, null.number, null.number]
            )
        } catch { return error }
    }
}

extension SandboxTrial {
    private static func openNull() throws(ClocheError) -> FileDescriptor {
        do {
            return try Files.open("/dev/null", O_RDWR)
        } catch { throw ClocheError(.system, "cannot open /dev/null", why: error.description) }
    }
}

extension SandboxFilters {
    /// Two filters of one instruction, which allows every call.
    static var none: SandboxFilters {
        // BPF_RET | BPF_K with SECCOMP_RET_ALLOW, as struct sock_filter lies in memory.
        let allow = FilterProgram(bytes: [0x06, 0, 0, 0, 0, 0, 0xff, 0x7f])
        return SandboxFilters(allowList: allow, argumentRules: allow)
    }
}
