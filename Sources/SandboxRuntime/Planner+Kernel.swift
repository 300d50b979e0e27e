// What the kernel provides: /tmp, /run, /dev, /proc and the little of /sys that programs read.

internal import ClocheModel
internal import LinuxSystem

extension Planner {
    mutating func addTemporary() {
        addTmpfs("tmp", mode: "1777", "filesystem.tmp-size")
        // Over the place where the overlay layers were staged.
        addTmpfs("run", mode: "0755", "filesystem.tmp-size")
    }

    /// A minimal `/dev`: six devices, an own devpts, shared memory.
    mutating func addDevices() throws(ClocheError) {
        let reason = "dev"
        addDirectories("dev", reason)
        add(
            .filesystem(
                kind: "tmpfs",
                options: ["mode=0755", "size=65536", "nr_inodes=64"],
                attributes: [.noSetID, .noExec]
            ),
            "dev",
            reason
        )
        for name in ["null", "zero", "full", "random", "urandom", "tty"] {
            let source = addSource(try find("/dev/\(name)", reason), [.noSetID, .noExec], reason)
            add(.mountPoint, "dev/\(name)", reason)
            add(.bind(source: source), "dev/\(name)", reason)
        }
        for (name, link) in [
            ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
        ] {
            add(.symlink(to: link), "dev/\(name)", reason)
        }
        addDirectories("dev/pts", reason)
        add(
            .filesystem(
                kind: "devpts",
                options: ["ptmxmode=0666", "mode=0600"],
                attributes: [.noSetID, .noExec]
            ),
            "dev/pts",
            reason
        )
        addTmpfs("dev/shm", mode: "1777", attributes: [.noSetID, .noDevices, .noExec], "filesystem.tmp-size")
        add(.seal([.readOnly, .noSetID, .noExec]), "dev", reason)
    }

    /// Files of procfs that tell of or act on the whole host.
    ///
    /// Those that only root may open need no mask, since no process of a sandbox is ever the host's root.
    private static let maskedFiles = [
        "kcore", "keys", "key-users", "kmsg", "kallsyms", "kpagecount", "kpageflags", "kpagecgroup",
        "latency_stats", "sched_debug", "timer_list", "sysrq-trigger", "vmallocinfo", "slabinfo", "modules",
    ]
    /// Why `/dev/null` is mounted on them.
    static let maskReason = "proc mask"
    /// What the kernel counts of a user inside and outside together: a quarter may be used up by one sandbox.
    private static let sharedCounts = ["max_inotify_instances", "max_inotify_watches"]
    /// Directories of procfs that are only read, and in which others than root may write something.
    private static let readOnlyDirectories = ["sys", "pressure"]

    mutating func addProcesses() throws(ClocheError) {
        let reason = "proc"
        let plain: MountAttributes = [.noSetID, .noDevices, .noExec]
        addDirectories("proc", reason)
        add(.filesystem(kind: "proc", options: [], attributes: plain), "proc", reason)
        // The kernel's own count of the user namespaces below this one.
        let nested = request.policy.confinement.nestedNamespaces
        add(.setting("\(nested)"), "proc/sys/user/max_user_namespaces", "confinement.nested-namespaces")
        for name in Self.sharedCounts {
            // A kernel without it counts nothing.
            guard let text = try? Files.read("/proc/sys/user/\(name)", limit: 32),
                let most = Int(String(decoding: text, as: UTF8.self).prefix { $0.isNumber })
            else { continue }
            add(.setting("\(max(most / 4, 1))"), "proc/sys/user/\(name)", reason)
        }
        for name in Self.readOnlyDirectories where Files.exists("/proc/\(name)") {
            add(.readOnly, "proc/\(name)", optional: true, reason)
        }
        let null = try find("/dev/null", Self.maskReason)
        for name in Self.maskedFiles {
            // Kernels differ in which of these they have.
            guard let status = try? Files.status("/proc/\(name)"), status.mode & 0o066 != 0 else { continue }
            let source = addSource(null, [.readOnly, .noSetID, .noExec], Self.maskReason)
            add(.bind(source: source), "proc/\(name)", optional: true, Self.maskReason)
        }
        // glibc counts processors here; nothing else of sysfs is shown.
        let processors = "/sys/devices/system/cpu"
        if Files.isDirectory(processors) {
            try addBind(
                processors,
                at: String(processors.dropFirst()),
                [.readOnly, .noSetID, .noDevices, .noExec],
                "sys"
            )
        }
        if request.cgroup != nil {
            // What a JVM, Go and Node read to learn how much there is for them. It shows the sandbox's own cgroup and
            // no other.
            let reason = "limits"
            addDirectories("sys/fs/cgroup", reason)
            add(
                .filesystem(
                    kind: "cgroup2",
                    options: [],
                    attributes: [.readOnly, .noSetID, .noDevices, .noExec]
                ),
                "sys/fs/cgroup",
                reason
            )
        }
    }
}
