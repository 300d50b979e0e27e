// The host's system directories, /etc and /var: overlays where the agent may write, read-only binds
// elsewhere.

internal import ClocheModel
internal import LinuxSystem

extension Planner {
    /// The attributes of host files that are only read.
    private static let readOnly: MountAttributes = [.readOnly, .noSetID, .noDevices]

    mutating func addSystem() throws(ClocheError) {
        let reason = "filesystem.system"
        var wanted: [Overlay] = []
        for path in request.policy.filesystem.system {
            // Hosts differ in which of these they have.
            guard let status = try? Files.status(path, followLinks: false) else { continue }
            let target = String(path.dropFirst())
            if status.kind == .symbolicLink {
                // A merged /usr: /bin -> usr/bin. The link is made again; what it names is below a system
                // directory. A link that is gone since the line above is as one that was never there.
                guard let link = try? Files.readLink(path) else { continue }
                addParent(of: target, reason)
                add(.symlink(to: link), target, reason)
                continue
            }
            let layers = overlays(at: path)
            // What is mounted below a lower layer is not part of it.
            try addBind(path, at: target, Self.readOnly, recursive: layers.first?.path != path, reason)
            wanted += layers
        }
        try addOverlays(wanted)
    }

    /// A host directory that gets an upper layer, and the directories in it that the agent may write.
    private struct Overlay {
        let path: String
        var writable: [String]
    }

    /// The overlays that `filesystem.writable` asks for at or below a system directory.
    ///
    /// Each is as deep as it can be, so that what is only read stays on the host's own file system:
    /// `/usr/local/bin` and its siblings share one at `/usr/local`; a directory right below a system
    /// directory has its own.
    private func overlays(at system: String) -> [Overlay] {
        let entries = request.policy.filesystem.writable.filter { $0 == system || $0.hasPrefix(system + "/") }
        if entries.contains(system) { return [Overlay(path: system, writable: entries)] }
        var found: [Overlay] = []
        for entry in entries {
            let parent = entry.parentPath
            let root = parent == system ? entry : parent
            if let index = found.firstIndex(where: { $0.path == root }) {
                found[index].writable.append(entry)
            } else if Files.isDirectory(root) {
                found.append(Overlay(path: root, writable: [entry]))
            }
        }
        return found
    }

    /// The host's directory as lower layer, where it is bound already; the agent's own above it.
    ///
    /// Directories that may be written are made in the upper layer, since only there can the agent own them.
    private mutating func addOverlays(_ overlays: [Overlay]) throws(ClocheError) {
        let reason = "filesystem.writable"
        if overlays.isEmpty { return }
        let upper = Self.staging
        try addLayerStorage(at: upper, "layers", reason)
        for overlay in overlays {
            let target = String(overlay.path.dropFirst())
            let name = target.split(separator: "/").joined(separator: "-")
            let (agent, work) = ("\(upper)/\(name)/files", "\(upper)/\(name)/work")
            addDirectories(agent, reason)
            addDirectories(work, reason)
            for entry in overlay.writable where entry != overlay.path {
                addDirectories(agent + entry.dropFirst(overlay.path.utf8.count), optional: true, reason)
            }
            add(
                .filesystem(
                    kind: "overlay",
                    options: ["lowerdir=\(target)", "upperdir=\(agent)", "workdir=\(work)", "userxattr"],
                    attributes: Self.plain
                ),
                target,
                reason
            )
        }
    }

    /// A directory of the agent's own: kept on the host, or a tmpfs that goes with the sandbox.
    private mutating func addLayerStorage(at target: String, _ name: String, _ reason: String)
        throws(ClocheError)
    {
        if let upper = request.upper {
            try addBind("\(upper)/\(name)", at: target, Self.plain, owned: true, reason)
        } else {
            addTmpfs(target, mode: "0755", reason)
        }
    }

    /// `/etc`: a directory of the agent's own with generated files, the allow-listed names of the host's on
    /// top.
    mutating func addEtc() throws(ClocheError) {
        try addLayerStorage(at: "etc", "etc", "filesystem.etc")
        for (name, content) in generatedEtc() {
            add(.file(content: content, mode: 0o644), "etc/\(name)", "etc")
        }
        var names = hostNames(fitting: request.policy.filesystem.etc)
        if request.policy.network == .host { names += ["resolv.conf", "hosts"] }
        for name in names { try addEtcEntry(name) }
    }

    /// The largest file of `/etc` that is copied; a copy is quicker than a mount, and the agent may change
    /// it.
    private static let copyLimit: Int64 = 65536

    /// One name of the host's `/etc`: directories and large files are bound, small files copied.
    ///
    /// A name that this host does not have, or that the user may not read, is left out.
    private mutating func addEtcEntry(_ name: String) throws(ClocheError) {
        let reason = "filesystem.etc"
        let target = "etc/\(name)"
        guard let file = try? find("/etc/\(name)", reason) else { return }  // not on this host, see above
        if file.status.kind == .regular && file.status.size <= Self.copyLimit {
            // A file with a null byte is none that C strings can carry.
            guard let bytes = try? Files.read(file.path, limit: Int(Self.copyLimit)) else { return }
            if !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) {
                addParent(of: target, reason)
                return add(.file(content: text, mode: 0o644), target, reason)
            }
        }
        guard file.status.kind == .regular || file.status.kind == .directory else { return }
        addBind(file, at: target, Self.readOnly, recursive: true, reason)
    }

    /// The names of a profile's `etc` list; one with a star stands for whatever in the host's directory fits
    /// it.
    private func hostNames(fitting patterns: [String]) -> [String] {
        var listings: [String: [String]] = [:]
        return patterns.flatMap { pattern -> [String] in
            guard pattern.utf8.contains(UInt8(ascii: "*")) else { return [pattern] }
            let parent = pattern.parentPath == "." ? "" : pattern.parentPath + "/"
            // A directory that is not there has no names.
            let names = listings[parent] ?? (try? Files.list("/etc/" + parent)) ?? []
            listings[parent] = names
            let fitting = NamePattern(pattern.lastComponent)
            return names.filter { fitting.matches($0) }.map { parent + $0 }
        }
    }

    private func generatedEtc() -> [(String, String)] {
        let id = request.identity
        let host = request.hostname
        let machine = StableHash.hexadecimal(host) + StableHash.hexadecimal("machine " + host)
        var files = [
            (
                "passwd",
                """
                root:x:0:0:root:/root:/usr/sbin/nologin
                agent:x:\(id.user):\(id.group):agent:\(InsidePath.home):/bin/bash
                nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin

                """
            ),
            ("group", "root:x:0:\nagent:x:\(id.group):\nnogroup:x:65534:\n"),
            ("hostname", host + "\n"),
            ("machine-id", machine + "\n"),
            (
                "nsswitch.conf",
                "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\n"
            ),
        ]
        if request.policy.network != .host {
            files.append(("hosts", "127.0.0.1 localhost \(host)\n::1 localhost ip6-localhost ip6-loopback\n"))
            files.append(
                ("resolv.conf", "# this sandbox has no network but loopback\nnameserver 127.0.0.1\n")
            )
        }
        return files
    }

    mutating func addVar() throws(ClocheError) {
        let reason = "filesystem.writable"
        try addLayerStorage(at: "var", "var", reason)
        for entry in request.policy.filesystem.writable where entry.hasPrefix("/var/") {
            addDirectories(String(entry.dropFirst()), optional: true, reason)
        }
        add(.symlink(to: "/run"), "var/run", optional: true, reason)
        add(.symlink(to: "/tmp"), "var/tmp", optional: true, reason)
    }
}
