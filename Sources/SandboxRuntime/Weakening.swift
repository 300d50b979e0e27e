// Protections that a build for tests leaves out, by the variable CLOCHE_WITHOUT: so it is seen that the self-check names
// what is missing, and which tests of attacks miss it. Nothing of this is in the program that is shipped: there, every
// question has one answer, at compile time. `scripts/build weakened` makes the other.

internal import CLinux
internal import ClocheModel
internal import Glibc

/// What a build for tests leaves out.
package enum Weakening {
    #if CLOCHE_WEAKENED
    /// What is left out.
    package static let layers: [String] = {
        guard let value = unsafe getenv("CLOCHE_WITHOUT") else { return [] }
        return unsafe String(cString: value).split(separator: ",").map(String.init)
    }()

    static var isWanted: Bool { true }

    static func leavesOut(_ layer: String) -> Bool { layers.contains(layer) }

    /// What init leaves out.
    static var leftOutByInit: UInt32 {
        let bits: [(String, clinux_without)] = [
            ("capabilities", CLINUX_WITHOUT_CAPABILITIES), ("mounts", CLINUX_WITHOUT_MOUNTS),
            ("dumpable", CLINUX_WITHOUT_DUMPABLE), ("descriptors", CLINUX_WITHOUT_DESCRIPTORS),
            ("seccomp", CLINUX_WITHOUT_SECCOMP),
        ]
        return bits.filter { leavesOut($0.0) }.reduce(0) { $0 | $1.1.rawValue }
    }

    static func namespaces(_ flags: UInt64) -> UInt64 {
        let kinds: [(String, CInt)] = [
            ("pid-namespace", CLONE_NEWPID), ("net-namespace", CLONE_NEWNET), ("ipc-namespace", CLONE_NEWIPC),
        ]
        return kinds.filter { leavesOut($0.0) }.reduce(flags) { $0 & ~UInt64($1.1) }
    }

    /// The plan that is carried out in place of the one that was made.
    static func plan(_ plan: SandboxPlan) -> SandboxPlan {
        var plan = plan
        if leavesOut("landlock") { plan.confinement.fence = nil }
        if leavesOut("masks") { plan.operations.removeAll { $0.reason == Planner.maskReason } }
        if leavesOut("no-nested-namespaces") {
            plan.operations.removeAll { if case .setting = $0.action { true } else { false } }
        }
        if leavesOut("net-namespace") { plan.operations.removeAll(where: \.isOfNetwork) }
        // Other ports are then not caught, and datagrams to elsewhere not refused.
        if leavesOut("packet-filter") {
            plan.operations.removeAll { if case .packetFilter = $0.action { true } else { false } }
        }
        if leavesOut("read-only") { makeWritable(&plan) }
        if leavesOut("nosymfollow") {
            for index in plan.sources.indices { plan.sources[index].attributes.remove(.noLinks) }
        }
        if leavesOut("pid-namespace") { useTheHostsProc(&plan) }
        return plan
    }

    private static func makeWritable(_ plan: inout SandboxPlan) {
        plan.operations.removeAll { $0.action == .readOnly }
        for index in plan.sources.indices { plan.sources[index].attributes.remove(.readOnly) }
        for index in plan.operations.indices {
            switch plan.operations[index].action {
            case .seal(let flags): plan.operations[index].action = .seal(flags.subtracting(.readOnly))
            case .filesystem(let kind, let options, let flags):
                let action = PlanOperation.Action.filesystem(
                    kind: kind,
                    options: options,
                    attributes: flags.subtracting(.readOnly)
                )
                plan.operations[index].action = action
            default: continue
            }
        }
    }

    /// The kernel gives no new /proc of processes that are not the sandbox's own.
    private static func useTheHostsProc(_ plan: inout SandboxPlan) {
        var status = stat()
        guard unsafe stat("/proc", &status) == 0 else { return }
        plan.sources.append(
            MountSource(
                path: "/proc",
                attributes: [.noSetID, .noDevices, .noExec],
                recursive: true,
                device: UInt64(status.st_dev),
                inode: UInt64(status.st_ino),
                isDirectory: true,
                reason: "proc"
            )
        )
        for index in plan.operations.indices {
            if case .filesystem("proc", _, _) = plan.operations[index].action {
                plan.operations[index].action = .bind(source: plan.sources.count - 1)
            }
        }
    }
    #else
    /// Nothing is left out.
    package static let layers: [String] = []
    static var isWanted: Bool { false }
    static func leavesOut(_ layer: String) -> Bool { false }
    static func namespaces(_ flags: UInt64) -> UInt64 { flags }
    static func plan(_ plan: SandboxPlan) -> SandboxPlan { plan }
    #endif
}
