// An agent's scope of systemd's, in the slice of its project. It holds the supervisor too, so that it is there as long as
// one of them lives; systemd removes it with its last process. A slice it would keep for ever: the last agent to end
// has it stopped.

internal import ClocheModel
internal import Glibc
internal import LinuxSystem

struct Scope {
    let group: ControlGroup
    private let sockets: [String]
    private let project: String

    /// Has one made, with this process in it, under these limits of all agents of the project together.
    ///
    /// - Parameter weight: `cpu.weight` among the project's agents: the sandbox's own is beside its supervisor's only.
    init(
        sockets: [String],
        mount: String,
        _ owner: AgentCgroup.Owner,
        weight: Int64?,
        shared: ResourceLimits
    ) throws(ClocheError) {
        self.sockets = sockets
        project = owner.project
        let lock = Self.lock()
        defer { withExtendedLifetime(lock) {} }
        let manager = try SystemdManager(sockets: sockets)
        let name = "cloche-\(owner.agent)-\(getpid()).scope"
        try manager.startScope(
            name,
            [
                ("Description", .text("Cloche agent \(owner.agent)")), ("Slice", .text(Self.slice(project))),
                ("PIDs", .processes([UInt32(getpid())])), ("Delegate", .flag(true)),
                // Its own default is a share of the host's; the profile's limit is the sandbox's.
                ("TasksMax", .number(.max)),
                ("CPUWeight", .number(weight.map { UInt64($0) } ?? .max)),
                ("CollectMode", .text("inactive-or-failed")),
            ]
        )
        // An unreadable file is a path that fails below.
        let text = (try? Files.readText("/proc/self/cgroup")) ?? ""
        guard let path = CgroupPlace.path(text, below: "/"), path.hasSuffix("/" + name) else {
            throw ClocheError(
                .host,
                "cannot get a cgroup from systemd",
                why:
                    "it has made \(name), and this process is in \(text.split(separator: "\n").last ?? "none")",
                remedy: "--set limits.enforcement=measured does without"
            )
        }
        group = ControlGroup(path: mount + path)
        let slice = ControlGroup(path: group.path.parentPath)
        // Asking systemd for what is there already would cost each start another answer.
        if slice.holds(shared) { return }
        try manager.set(Self.slice(project), shared.unitProperties(disks: Disks.paths))
    }

    /// Whoever starts a scope or stops a slice holds it: a slice that is stopped takes its scopes with it.
    private static func lock() -> FileLock? {
        let directory = CurrentUser.isRoot ? "/run" : "/run/user/\(CurrentUser.id)"
        // Its holder may have been stopped, and nobody is to wait for ever. Without it, a slice may be left, or stopped
        // under an agent that starts in this very moment, whose start then fails.
        let end = MonotonicClock.milliseconds + 10_000
        while MonotonicClock.milliseconds < end {
            do throws(SystemError) {
                if let lock = try FileLock(directory + "/cloche.lock") { return lock }
            } catch { return nil }  // see above
            usleep(5000)
        }
        return nil
    }

    /// A dash in a slice's name means that it is in another.
    static func slice(_ project: String) -> String {
        "cloche-" + project.map { $0 == "-" ? "\\x2d" : String($0) }.joined() + ".slice"
    }

    /// This process is about to end: if no other agent is there, the slices go with its scope.
    func leave() {
        // systemd ends what is in the scope, which is us.
        signal(SIGTERM, SIG_IGN)
        Self.stopSlices(
            ControlGroup(path: group.path.parentPath),
            project,
            without: [group.path.lastComponent],
            sockets
        )
    }

    /// Stops the slices that only a killed supervisor's scope was in.
    static func clearLeftover(sockets: [String], mount: String, _ owner: AgentCgroup.Owner) {
        let manager =
            CurrentUser.isRoot
            ? mount : "\(mount)/user.slice/user-\(CurrentUser.id).slice/user@\(CurrentUser.id).service"
        let slice = ControlGroup(path: "\(manager)/cloche.slice/\(Self.slice(owner.project))")
        guard slice.exists else { return }
        // systemd removes a scope without processes, a moment after the last has gone.
        let end = MonotonicClock.milliseconds + 2000
        while slice.children.contains(where: { isScope($0, of: owner.agent) }),
            MonotonicClock.milliseconds < end
        { usleep(10_000) }
        stopSlices(slice, owner.project, without: [], sockets)
    }

    private static func isScope(_ name: String, of agent: String) -> Bool {
        let prefix = "cloche-\(agent)-"
        let suffix = ".scope"
        guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return false }
        return UInt32(name.dropFirst(prefix.count).dropLast(suffix.count)) != nil
    }

    /// Stops a project's slice if these are all that is in it, and the slice of all projects if that is all in it.
    private static func stopSlices(
        _ slice: ControlGroup,
        _ project: String,
        without others: [String],
        _ sockets: [String]
    ) {
        guard let lock = Self.lock() else { return }
        defer { withExtendedLifetime(lock) {} }
        guard slice.exists, slice.children == others else { return }
        let all = ControlGroup(path: slice.path.parentPath)
        let isLast = all.children == [slice.path.lastComponent]
        // A manager that is gone has taken its slices with it.
        try? SystemdManager(sockets: sockets).stop(isLast ? "cloche.slice" : Self.slice(project))
    }
}

extension ResourceLimits {
    /// These limits as properties of a unit, `systemd.resource-control(5)`; those that are not set take an earlier one
    /// away.
    func unitProperties(disks: [String]) -> [(String, UnitProperty)] {
        func number(_ value: Int64?) -> UnitProperty { .number(value.map { UInt64($0) } ?? .max) }
        func devices(_ value: Int64?) -> UnitProperty {
            .devices(value.map { value in disks.map { ($0, UInt64(value)) } } ?? [])
        }
        return [
            ("MemoryMax", number(memoryBytes)), ("MemoryHigh", number(memoryHighBytes)),
            ("MemorySwapMax", number(effectiveSwapBytes)), ("TasksMax", number(processes)),
            // Microseconds in each second.
            ("CPUQuotaPerSecUSec", number(cpuMillicores.map { $0 * 1000 })), ("CPUWeight", number(cpuWeight)),
            ("IOReadBandwidthMax", devices(ioReadBytes)), ("IOWriteBandwidthMax", devices(ioWriteBytes)),
            ("IOReadIOPSMax", devices(ioReadOperations)), ("IOWriteIOPSMax", devices(ioWriteOperations)),
        ]
    }
}
