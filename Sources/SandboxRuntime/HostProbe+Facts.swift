// What the host says about itself: the settings that forbid namespaces, the mounts, the surroundings. Read
// only after a trial failed, to name the cause: no check is decided by them. Text in, values out, so that
// tests need no host.

internal import Glibc
internal import LinuxSystem

/// The settings and surroundings that explain why the kernel refused something.
struct HostFacts: Equatable, Sendable {
    /// Ubuntu's `kernel.apparmor_restrict_unprivileged_userns`.
    var appArmorRestricts = false
    /// Old Debian's `kernel.unprivileged_userns_clone` is there and 0.
    var debianForbids = false
    /// The `user.max_*_namespaces` that are 0.
    var zeroLimits: [String] = []
    /// The kernel has user namespaces at all: `/proc/self/ns/user` is there.
    var hasUserNamespaces = true
    /// A seccomp filter lies on this process already.
    var seccompFiltered = false
    /// The file system's root is a mount; not so in a chroot.
    var rootIsMount = true
    /// The engine of a container around us.
    var container: String?
    /// `/proc/self/uid_map`: the ids that there are here.
    var userIDs: [SubordinateRange] = []
    /// Places where something is mounted.
    var mountPoints: [String] = []
    /// Whether Cloche runs as root, at least within its user namespace.
    var isRoot = false

    /// The facts of this host and process.
    static var current: HostFacts {
        // A file that is not there or hidden says nothing; the answer is then less exact.
        HostFacts(isRoot: CurrentUser.isRoot, exists: Files.exists) { try? Files.readText($0) }
    }

    init() {}

    /// Takes the facts from files.
    init(isRoot: Bool, exists: (String) -> Bool, read: (String) -> String?) {
        func number(_ path: String) -> Int64? {
            read(path).flatMap { Int64($0.filter { !$0.isWhitespace }) }
        }
        self.isRoot = isRoot
        appArmorRestricts = (number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") ?? 0) != 0
        debianForbids = number("/proc/sys/kernel/unprivileged_userns_clone") == 0
        zeroLimits = Self.kinds.filter { number("/proc/sys/user/max_\($0)_namespaces") == 0 }
            .map { "user.max_\($0)_namespaces" }
        hasUserNamespaces = exists("/proc/self/ns/user")
        let status = read("/proc/self/status") ?? ""
        seccompFiltered = status.split(separator: "\n").contains {
            $0.hasPrefix("Seccomp:") && $0.hasSuffix("2")
        }
        mountPoints = MountTable.points(read("/proc/self/mountinfo") ?? "")
        rootIsMount = mountPoints.isEmpty || mountPoints.contains("/")
        userIDs = Self.idMap(read("/proc/self/uid_map") ?? "")
        container = Self.container(mountPoints, exists: exists, read: read)
    }

    private static let kinds = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"]

    /// The inside halves of an id map.
    static func idMap(_ text: String) -> [SubordinateRange] {
        text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ").compactMap { UInt32($0) }
            return fields.count == 3 ? SubordinateRange(first: fields[0], count: fields[2]) : nil
        }
    }

    /// An image that was unpacked onto a disk keeps its marker, so that a file of the engine's must be
    /// mounted too.
    private static func container(
        _ mountPoints: [String],
        exists: (String) -> Bool,
        read: (String) -> String?
    ) -> String? {
        let name = read("/run/systemd/container")?.split(separator: "\n").first.map(String.init)
        guard mountPoints.contains("/etc/hosts") else { return name.flatMap { $0.isEmpty ? nil : $0 } }
        if exists("/.dockerenv") { return "docker" }
        if exists("/run/.containerenv") { return "podman" }
        if exists("/var/run/secrets/kubernetes.io") { return "kubernetes" }
        return name ?? "surrounding"
    }

    /// Every id of the host exists here.
    var isInitialUserNamespace: Bool {
        userIDs.isEmpty || userIDs == [SubordinateRange(first: 0, count: .max)]
    }

    /// Whether an id exists in the user namespace that Cloche runs in.
    func hasUserID(_ id: UInt32) -> Bool {
        userIDs.isEmpty
            || userIDs.contains { id >= $0.first && UInt64(id) < UInt64($0.first) + UInt64($0.count) }
    }

    /// The mounts below a directory, itself left out.
    func mounts(below path: String) -> [String] {
        let prefix = path == "/" ? "/" : path + "/"
        return mountPoints.filter { $0.hasPrefix(prefix) && $0 != path }
    }
}
