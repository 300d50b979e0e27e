// Where the cgroups of agents can be made: by systemd, or below a cgroup that was given to this user. Nothing is made
// or moved here; whether the files may be written says it all.

internal import Glibc
internal import LinuxSystem

/// What Cloche may do with the host's cgroups.
package struct CgroupPlace: Equatable, Sendable {
    /// What Cloche's limits need.
    package static let wanted = ["memory", "pids", "cpu", "io"]

    /// How a cgroup for an agent is come by.
    package enum Way: Equatable, Sendable {
        /// A manager of systemd's makes scopes: the sockets at which it may be asked, the best first.
        case systemd(sockets: [String])
        /// A directory in which cgroups may be made.
        case tree(String)
        /// There is none.
        case none(NoPlace)

        /// Whether there is one.
        package var isThere: Bool { if case .none = self { false } else { true } }
    }

    /// Why there is none.
    package enum NoPlace: String, Equatable, Sendable {
        /// cgroup v2 is not mounted.
        case notMounted = "cgroup v2 is not mounted"
        /// Nothing was given to this user.
        case notDelegated = "no cgroup may be written by you"
    }

    /// How.
    package var way: Way
    /// Where cgroup v2 is mounted; empty if nowhere.
    package var mount = ""
    /// Which part of the hierarchy is shown there, as `/proc/PID/cgroup` has it.
    package var root = "/"
    /// The controllers that agents' cgroups can have.
    package var controllers: [String] = []
    /// cgroup v1 holds controllers, and v2 has no memory controller.
    package var isLegacy = false
    /// Processes stand in the way: the cgroup they are directly in may be written, but not hand on its controllers.
    package var crowdedBy: String?

    /// A place.
    package init(_ way: Way) { self.way = way }

    /// Those that a limit needs and nobody gives.
    package var lacking: [String] { Self.wanted.filter { !controllers.contains($0) } }

    /// What is asked of the host.
    package struct Questions {
        let user: UInt32
        let mayWrite: (String) -> Bool
        let exists: (String) -> Bool
        let read: (String) -> String?

        /// These answers.
        package init(
            user: UInt32,
            mayWrite: @escaping (String) -> Bool,
            exists: @escaping (String) -> Bool,
            read: @escaping (String) -> String?
        ) {
            self.user = user
            self.mayWrite = mayWrite
            self.exists = exists
            self.read = read
        }

        /// The host itself.
        package static var host: Questions {
            Questions(
                user: CurrentUser.id,
                mayWrite: { unsafe access($0, W_OK) == 0 },
                exists: { Files.exists($0) },
                // A file that is not there is part of the answer.
                read: { try? Files.readText($0) }
            )
        }
    }

    /// Looks for one: systemd first, then the cgroup of this process and those above it.
    package static func find(_ ask: Questions) -> CgroupPlace {
        let table = ask.read("/proc/self/mountinfo") ?? ""
        let rows = MountInfo.rows(table)
        guard let mount = rows.first(where: { $0.kind == "cgroup2" }) else {
            var place = CgroupPlace(.none(.notMounted))
            place.isLegacy = rows.contains { $0.kind == "cgroup" }
            return place
        }
        var place = bySystemd(ask, mount.point) ?? tree(ask, mount.point, mount.root)
        let all = words(ask.read(mount.point + "/cgroup.controllers"))
        place.mount = mount.point
        place.root = mount.root
        place.isLegacy = rows.contains { $0.kind == "cgroup" } && !all.contains("memory")
        return place
    }

    private static func bySystemd(_ ask: Questions, _ mount: String) -> CgroupPlace? {
        guard ask.exists("/run/systemd/system") else { return nil }
        let sockets: [String]
        var group = mount
        if ask.user == 0 {
            sockets = ["/run/dbus/system_bus_socket", "/run/systemd/private"]
        } else {
            // Not of the environment: the manager that may write this user's cgroups is at this place.
            sockets = ["/run/user/\(ask.user)/bus", "/run/user/\(ask.user)/systemd/private"]
            group += "/user.slice/user-\(ask.user).slice/user@\(ask.user).service"
        }
        guard let text = ask.read(group + "/cgroup.controllers"), ask.mayWrite(group) else { return nil }
        let there = sockets.filter(ask.exists)
        guard !there.isEmpty else { return nil }
        var place = CgroupPlace(.systemd(sockets: there))
        place.controllers = words(text)
        return place
    }

    /// The uppermost cgroup that may be written, from that of this process on.
    private static func tree(_ ask: Questions, _ mount: String, _ root: String) -> CgroupPlace {
        func isOurs(_ directory: String) -> Bool {
            ["", "/cgroup.procs", "/cgroup.subtree_control"].allSatisfy { ask.mayWrite(directory + $0) }
        }
        guard var path = path(ask.read("/proc/self/cgroup") ?? "", below: root), isOurs(mount + path) else {
            return CgroupPlace(.none(.notDelegated))
        }
        while !path.isEmpty, isOurs(mount + parent(path)) { path = parent(path) }
        let directory = mount + path
        var place = CgroupPlace(.tree(directory))
        let enabled = words(ask.read(directory + "/cgroup.subtree_control"))
        let all = words(ask.read(directory + "/cgroup.controllers"))
        // The root of all has no type; any other cgroup hands nothing on as long as a process is directly in it.
        let isRoot = ask.read(directory + "/cgroup.type") == nil
        if isRoot || words(ask.read(directory + "/cgroup.procs")).isEmpty {
            place.controllers = all
        } else {
            place.controllers = enabled
            if wanted.contains(where: { all.contains($0) && !enabled.contains($0) }) {
                place.crowdedBy = directory
            }
        }
        return place
    }

    /// The cgroup above, "" for those below the mount.
    private static func parent(_ path: String) -> String {
        path.parentPath == "/" ? "" : path.parentPath
    }

    private static func words(_ text: String?) -> [String] {
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
