// The host's system directories, /etc and /var: overlays where the agent may write, read-only binds
// elsewhere.

internal import ClocheModel
internal import LinuxSystem

extension Planner {
    /// The attributes of host files that are only read.
    private static let readOnly: MountAttributes = [.readOnly, .noSetID, .noDevices]

    mutating func addSystem() throws(ClocheError) {
        let reason = "filesystem.system"
        if request.upper != nil { try addLayerStorage(at: Self.staging, "layers", "filesystem.writable") }
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
            let isWhole = layers.first?.path == path
            if !isWhole || !hasMounts(below: path) {
                // What is mounted below a lower layer is not part of it.
                try addBind(path, at: target, Self.readOnly, recursive: !isWhole, reason)
            }
            for layer in layers { wanted += try splitAtMounts(layer) }
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

    /// The overlays that stand for one below which the host has mounts: the kernel ties those to what is above
    /// them, and refuses it as a lower layer.
    ///
    /// The directory becomes one in memory with the host's entries in it one by one; of these, the ones that
    /// may be written are overlays. What the agent puts right into it ends with the sandbox.
    private mutating func splitAtMounts(_ overlay: Overlay) throws(ClocheError) -> [Overlay] {
        let reason = "filesystem.writable"
        guard hasMounts(below: overlay.path) else { return [overlay] }
        let target = String(overlay.path.dropFirst())
        addTmpfs(target, mode: "0755", reason)
        var deeper: [Overlay] = []
        // What cannot be listed or looked at is as absent: the agent could not use it either.
        for name in (try? Files.list(overlay.path)) ?? [] {
            let (path, place) = ("\(overlay.path)/\(name)", "\(target)/\(name)")
            guard let status = try? Files.status(path, followLinks: false) else { continue }  // as above
            switch status.kind {
            case .symbolicLink:
                guard let link = try? Files.readLink(path) else { continue }  // as above
                add(.symlink(to: link), place, reason)
            case .directory where overlay.writable.contains(path):
                let inner = Overlay(path: path, writable: [path])
                if !hasMounts(below: path) { try addBind(path, at: place, Self.readOnly, reason) }
                deeper += try splitAtMounts(inner)
            case .directory, .regular:
                try addBind(path, at: place, Self.readOnly, recursive: true, reason)
            default: continue
            }
        }
        return deeper
    }

    private func hasMounts(below path: String) -> Bool {
        mountPoints.contains { $0.hasPrefix(path + "/") }
    }

    private mutating func addOverlays(_ overlays: [Overlay]) throws(ClocheError) {
        for overlay in overlays {
            // Elsewhere it is part of what is bound above it.
            let target = String(overlay.path.dropFirst())
            try addOverlay(at: target, "filesystem.writable") { planner, files in
                for entry in overlay.writable where entry != overlay.path {
                    let path = files + entry.dropFirst(overlay.path.utf8.count)
                    planner.addDirectories(path, optional: true, "filesystem.writable")
                    if entry == "/usr/local/bin" { planner.addOwnLink(in: path) }
                }
            }
        }
    }

    /// What is at the target already as lower layer, the agent's own above it.
    ///
    /// `fill` puts into the agent's layer what has to be there before the two are joined: directories that may
    /// be written, since only there can the agent own them, and files of ours.
    private mutating func addOverlay(
        at target: String,
        _ reason: String,
        fill: (inout Planner, _ files: String) -> Void
    ) throws(ClocheError) {
        let lower = try addLowerLayers(["layers/\(Self.flat(target))/files"], reason) + [target]
        let storage = request.upper == nil ? addMemory("layers", reason) : Self.staging
        let layer = storage + "/" + Self.flat(target)
        let (files, work) = (layer + "/files", layer + "/work")
        addDirectories(files, reason)
        addDirectories(work, reason)
        fill(&self, files)
        add(
            .filesystem(
                kind: "overlay",
                options: [
                    "lowerdir=" + lower.joined(separator: ":"), "upperdir=\(files)", "workdir=\(work)",
                    "userxattr",
                ],
                attributes: Self.plain
            ),
            target,
            reason
        )
    }

    /// Attaches parts of the layers that nobody writes any more.
    ///
    /// - Returns: where, the topmost first.
    private mutating func addLowerLayers(_ parts: [String], _ reason: String) throws(ClocheError) -> [String]
    {
        var places: [String] = []
        for path in request.layers.flatMap({ layer in parts.map { "\(layer)/\($0)" } }) {
            // A layer has what the agent wrote while it was on top, which need not be all of them.
            guard let names = try? Files.list(path), !names.isEmpty else { continue }
            let place = Self.lower + String(lowerCount)
            lowerCount += 1
            let file = try findResolved(path, reason)
            addBind(file, at: place, Self.readOnly, owned: true, reason)
            places.append(place)
        }
        return places
    }

    /// A path as one name.
    private static func flat(_ path: String) -> String {
        let dash = UInt8(ascii: "-")
        return String(decoding: path.utf8.map { $0 == UInt8(ascii: "/") ? dash : $0 }, as: UTF8.self)
    }

    /// A directory of the agent's own: kept on the host, or one that goes with the sandbox.
    private mutating func addLayerStorage(at target: String, _ name: String, _ reason: String)
        throws(ClocheError)
    {
        if let upper = request.upper {
            try addBind("\(upper)/\(name)", at: target, Self.plain, owned: true, reason)
        } else {
            addThrownAway(target, name, reason)
        }
    }

    /// A directory that goes with the sandbox: all such are parts of one file system in memory, because each that is
    /// made and ended takes its time.
    mutating func addThrownAway(_ target: String, _ name: String, _ reason: String) {
        let directory = addMemory(name, reason)
        addDirectories(target, reason)
        add(.part(of: directory), target, reason)
    }

    /// A directory of that file system.
    private mutating func addMemory(_ name: String, _ reason: String) -> String {
        if !made.contains(Self.memory) { addTmpfs(Self.memory, mode: "0755", reason) }
        addDirectories("\(Self.memory)/\(name)", reason)
        return "\(Self.memory)/\(name)"
    }

    /// `/etc`: the copy of the host's as lower layer, the agent's own above it, with generated files.
    mutating func addEtc() throws(ClocheError) {
        let reason = "filesystem.etc"
        if let tree = request.etc {
            try addBind(tree.path, at: "etc", Self.readOnly, owned: true, reason)
        } else {
            addDirectories("etc", reason)
        }
        let generated = generatedEtc()
        try addOverlay(at: "etc", reason) { planner, files in
            for (name, content) in generated {
                planner.add(.file(content: content, mode: 0o644), "\(files)/\(name)", "etc")
            }
        }
        if request.etc != nil { return }
        for name in HostEtc.names(fitting: request.policy.etcNames) { try addEtcEntry(name) }
    }

    /// The largest file of `/etc` that is copied where no tree can be kept; a copy is quicker than a mount, and
    /// the agent may change it.
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
        if request.policy.network.mode != .host {
            let hosts = "127.0.0.1 localhost \(host)\n::1 localhost ip6-localhost ip6-loopback\n"
            files.append(("hosts", hosts + request.interceptedHosts))
            files.append(
                (
                    "resolv.conf",
                    request.network == nil
                        ? "# this sandbox has no network but loopback\nnameserver 127.0.0.1\n"
                        : InsideNetwork.resolverConfiguration
                )
            )
        }
        return files
    }

    /// `/var` is the agent's own altogether, until layers lie below it.
    private mutating func addVarOverlay(_ lower: [String], _ reason: String) {
        let (files, work) = (Self.staging + "/var/files", Self.staging + "/var/work")
        addDirectories(files, reason)
        addDirectories(work, reason)
        addDirectories("var", reason)
        add(
            .filesystem(
                kind: "overlay",
                options: [
                    "lowerdir=" + lower.joined(separator: ":"), "upperdir=\(files)", "workdir=\(work)",
                    "userxattr",
                ],
                attributes: Self.plain
            ),
            "var",
            reason
        )
    }

    mutating func addVar() throws(ClocheError) {
        let reason = "filesystem.writable"
        let lower = try addLowerLayers(["layers/var/files", "var"], reason)
        if lower.isEmpty {
            try addLayerStorage(at: "var", "var", reason)
        } else {
            addVarOverlay(lower, reason)
        }
        for entry in request.policy.filesystem.writable where entry.hasPrefix("/var/") {
            addDirectories(String(entry.dropFirst()), optional: true, reason)
        }
        add(.symlink(to: "/run"), "var/run", optional: true, reason)
        add(.symlink(to: "/tmp"), "var/tmp", optional: true, reason)
    }
}
