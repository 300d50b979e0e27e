// Which controllers of cgroup v2 the kernel and systemd leave to this user. Nothing is made or moved: whether
// the files may be written says it all.

internal import CLinux
internal import Glibc
internal import LinuxSystem

/// What was found of a delegated cgroup.
struct CgroupDelegation: Equatable, Sendable {
    /// What Cloche's limits need.
    static let wanted = ["memory", "pids", "cpu", "io"]

    /// The v2 hierarchy is mounted.
    var mounted = false
    /// cgroup v1 holds the controllers, and v2 has none of those that are wanted.
    var legacy = false
    /// The delegated directory, if there is one.
    var directory: String?
    /// The controllers in it.
    var controllers: [String] = []

    /// Those that a limit needs and nobody gives.
    var lacking: [String] { Self.wanted.filter { !controllers.contains($0) } }

    /// Looks for one: the cgroup of this process, then that of the user's systemd.
    static func find(
        user: UInt32,
        mayWrite: (String) -> Bool,
        read: (String) -> String?
    ) -> CgroupDelegation {
        let table = read("/proc/self/mountinfo") ?? ""
        var result = CgroupDelegation()
        result.legacy = MountTable.hasLegacyCgroups(table)
        guard let mount = MountTable.cgroup(table) else { return result }
        result.mounted = true
        if names(read(mount.point + "/cgroup.controllers")).contains("memory") { result.legacy = false }
        var candidates: [String] = []
        if let own = path(read("/proc/self/cgroup") ?? "", below: mount.root) {
            candidates.append(mount.point + own)
        }
        candidates.append("\(mount.point)/user.slice/user-\(user).slice/user@\(user).service")
        for directory in candidates {
            guard let text = read(directory + "/cgroup.controllers"),
                ["", "/cgroup.procs", "/cgroup.subtree_control"].allSatisfy({ mayWrite(directory + $0) })
            else { continue }
            result.directory = directory
            result.controllers = names(text)
            break
        }
        return result
    }

    private static func names(_ text: String?) -> [String] {
        (text ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
    }

    /// The v2 line of `/proc/self/cgroup`, `0::/path`, as seen from the mount's root.
    static func path(_ text: String, below root: String) -> String? {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("0::/") }) else {
            return nil
        }
        let path = String(line.dropFirst(3))
        if root == "/" { return path == "/" ? "" : path }
        guard path == root || path.hasPrefix(root + "/") else { return nil }
        return String(path.dropFirst(root.count))
    }
}

extension HostProbe {
    static func cgroup(_ facts: HostFacts) -> HostCheck {
        let found = CgroupDelegation.find(
            user: CurrentUser.id,
            mayWrite: { unsafe clinux_may($0, W_OK) == 0 },
            // Files that are not there are part of the answer.
            read: { try? Files.readText($0) }
        )
        return cgroup(found, systemd: Files.isDirectory("/run/systemd/system"), facts)
    }

    /// The verdict on what was found.
    static func cgroup(_ found: CgroupDelegation, systemd: Bool, _ facts: HostFacts) -> HostCheck {
        let feature = HostFeature(
            "cgroup-delegation",
            "delegated cgroups",
            for:
                "limits on memory, processes, cpu and disk traffic that the kernel holds; Cloche works without"
        )
        if found.legacy {
            return feature.degraded(
                "this host uses cgroup v1: memory and the other controllers are bound to it",
                systemd
                    ? "boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line"
                    : "mount only cgroup v2 at boot: `mount -t cgroup2 none /sys/fs/cgroup`"
            )
        }
        guard found.mounted else {
            return feature.degraded(
                "cgroup v2 is not mounted",
                "sudo mount -t cgroup2 none /sys/fs/cgroup, before anything uses cgroup v1"
            )
        }
        guard let directory = found.directory else {
            return feature.degraded("no cgroup may be written by you", delegate(systemd, facts))
        }
        if found.lacking.isEmpty {
            return feature.ok("\(directory) is yours, with \(found.controllers.joined(separator: ", "))")
        }
        let there = found.controllers.isEmpty ? "no controller" : found.controllers.joined(separator: ", ")
        return feature.degraded(
            "\(directory) is yours with \(there), but without \(found.lacking.joined(separator: ", "))",
            delegate(systemd, facts)
        )
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
            + " then log out and in again"
    }
}
