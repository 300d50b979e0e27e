// Which controllers of cgroup v2 the kernel and systemd leave to this user.

internal import ControlGroups
internal import LinuxSystem

extension HostProbe {
    static func cgroup(_ facts: HostFacts) -> HostCheck {
        cgroup(.find(.host), systemd: Files.isDirectory("/run/systemd/system"), facts)
    }

    /// The verdict on what was found.
    static func cgroup(_ found: CgroupPlace, systemd: Bool, _ facts: HostFacts) -> HostCheck {
        let feature = HostFeature(
            "cgroup-delegation",
            "delegated cgroups",
            for:
                "limits on memory, processes, cpu and disk traffic that the kernel holds, and `cloche pause`; without"
                + " them Cloche measures, and ends what uses too much"
        )
        let (place, part): (String, String)
        switch found.way {
        case .none(let reason) where !found.isLegacy:
            return feature.degraded(
                reason.rawValue,
                reason == .notMounted
                    ? "sudo mount -t cgroup2 none /sys/fs/cgroup, before anything uses cgroup v1"
                    : delegate(systemd, facts)
            )
        case .none: (place, part) = ("", "no cgroup is yours")
        case .tree(let directory): (place, part) = (directory, "")
        case .systemd(let sockets): (place, part) = ("a scope of systemd's (by \(sockets[0]))", "")
        }
        if found.lacking.isEmpty {
            return feature.ok("\(place) is yours, with \(found.controllers.joined(separator: ", "))")
        }
        let there = found.controllers.isEmpty ? "no controller" : found.controllers.joined(separator: ", ")
        let detail =
            part.isEmpty
            ? "\(place) is yours with \(there), but without \(found.lacking.joined(separator: ", "))" : part
        if let crowd = found.crowdedBy {
            return feature.degraded(
                "\(detail): processes are directly in \(crowd), so it cannot hand on its controllers",
                "mkdir \(crowd)/shell && for p in $(cat \(crowd)/cgroup.procs); do echo $p >\(crowd)/shell/cgroup.procs; done"
            )
        }
        if found.isLegacy {
            return feature.degraded(
                "\(detail); this host uses cgroup v1, and memory and the other controllers are bound to it",
                systemd
                    ? "boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line"
                    : "mount only cgroup v2 at boot: `mount -t cgroup2 none /sys/fs/cgroup`"
            )
        }
        return feature.degraded(detail, delegate(systemd, facts))
    }

    private static func delegate(_ systemd: Bool, _ facts: HostFacts) -> String {
        if let container = facts.container {
            return
                "give the container around Cloche (\(container)) a writable cgroup of its own, for example `--cgroupns=private` and"
                + " /sys/fs/cgroup mounted rw"
        }
        guard systemd else {
            return
                "as root, make a cgroup below /sys/fs/cgroup, enable its controllers in cgroup.subtree_control, make"
                + " it yours with chown, and start Cloche in it"
        }
        return
            "sudo mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\\nDelegate=cpu cpuset io memory"
            + " pids\\n' | sudo tee /etc/systemd/system/user@.service.d/delegate.conf && sudo systemctl daemon-reload,"
            + " then log out and in again; agents go on after you log out with `loginctl enable-linger`"
    }
}
