// SandboxRequest -> SandboxPlan. Looks at the host (what exists, what is a link, which inode) and decides
// every mount; changes nothing. The order of the steps is the order of design section 3's table, with one
// rule on top: what is mounted later may cover what came before, never the other way round.

package import ClocheModel
internal import LinuxSystem

/// Makes plans.
package struct Planner {
    var sources: [MountSource] = []
    var operations: [PlanOperation] = []
    var stubs: [PlanStub] = []
    let request: SandboxRequest
    /// Where the host has something mounted.
    let mountPoints: [String]

    /// Mount flags of everything that is not a device.
    static let plain: MountAttributes = [.noSetID, .noDevices]
    /// Where the upper layers are attached while overlays are made; the tmpfs on `/run` covers the place for
    /// good, because nobody inside may unmount.
    static let staging = "run/layers"
    /// Where the layers that nobody writes are attached meanwhile, by number; covered like `staging`.
    ///
    /// Short, since an option of a mount has at most 255 bytes.
    static let lower = "run/"
    /// Where what is thrown away lies, until it has been attached to its places; covered like `staging`.
    static let memory = "run/memory"

    private init(_ request: SandboxRequest) {
        self.request = request
        // Without the table nothing is known, and the kernel has the last word.
        mountPoints = MountTable.points((try? Files.readText("/proc/self/mountinfo")) ?? "")
    }

    /// Plans one sandbox.
    ///
    /// - Throws: when the host lacks something that the policy requires, naming the key that does.
    package static func plan(_ request: SandboxRequest) throws(ClocheError) -> SandboxPlan {
        let executable: String
        do {
            executable = try Files.canonicalPath(request.executable)
        } catch {
            throw ClocheError(
                .host,
                "cannot find Cloche's own program",
                why: "\(request.executable): \(error.errno)",
                remedy: "install it again"
            )
        }
        var planner = Planner(request)
        try planner.addSystem()
        try planner.addEtc()
        try planner.addVar()
        try planner.addHome()
        try planner.addWorkspace()
        planner.addTemporary()
        try planner.addDevices()
        try planner.addProcesses()
        try planner.addPlaces()
        planner.addTrust()
        try planner.addPrograms()
        try planner.addBinds()
        try planner.addShares()
        try planner.addCredentials()
        try planner.addNetwork()
        planner.addHostname()
        var plan = SandboxPlan(
            identity: request.identity,
            sharesNetwork: request.network == nil && request.policy.network.mode == .host,
            executable: executable,
            sources: planner.sources,
            operations: planner.operations,
            stubs: planner.stubs
        )
        plan.cgroup = request.cgroup
        plan.confinement = try Confinement.plan(request.policy, plan)
        try planner.refuseUnfencedShares(plan)
        return plan
    }

    // MARK: Steps

    mutating func add(
        _ action: PlanOperation.Action,
        _ target: String,
        optional: Bool = false,
        _ reason: String
    ) {
        operations.append(PlanOperation(action, at: target, optional: optional, reason: reason))
    }

    /// The directories above a target, and the target itself.
    mutating func addDirectories(
        _ target: String,
        mode: UInt32 = 0o755,
        optional: Bool = false,
        _ reason: String
    ) {
        var path = ""
        for component in target.split(separator: "/") {
            path += path.isEmpty ? String(component) : "/" + component
            guard made.insert(path).inserted else { continue }
            add(.directory(mode: path == target ? mode : 0o755), path, optional: optional, reason)
        }
    }
    /// How many layers that nobody writes were attached.
    var lowerCount = 0
    /// Directories that there are on the way.
    private(set) var made: Set<String> = []

    /// A file or directory of the host, looked at once.
    struct HostFile {
        /// Without symbolic links.
        let path: String
        let status: FileStatus
    }

    /// Looks a host path up.
    ///
    /// Links on the way are followed, but not in the agent's own directory, where Cloche makes none.
    func find(_ path: String, _ reason: String) throws(ClocheError) -> HostFile {
        // One that is gone is told below.
        if let own = request.directory, path.hasPrefix(own + "/"), let real = try? Files.canonicalPath(own) {
            return try findResolved(real + path.dropFirst(own.utf8.count), reason)
        }
        do {
            let real = try Files.canonicalPath(path)
            return HostFile(path: real, status: try Files.status(real))
        } catch {
            throw ClocheError(
                .configuration,
                "cannot bring \(path) into the sandbox",
                why: "\(error.errno), asked for by \(reason)",
                remedy: "make it exist and readable, or take it out of the profile"
            )
        }
    }

    /// Looks up a path that must have no symbolic links: they are refused when it is opened.
    func findResolved(_ path: String, _ reason: String) throws(ClocheError) -> HostFile {
        do {
            return HostFile(path: path, status: try Files.status(path, followLinks: false))
        } catch {
            throw ClocheError(
                .configuration,
                "cannot bring \(path) into the sandbox",
                why: "\(error.errno), asked for by \(reason)",
                remedy: "make it exist again, as it was"
            )
        }
    }

    /// Takes something of the host as a source and returns its index.
    mutating func addSource(
        _ file: HostFile,
        _ attributes: MountAttributes,
        recursive: Bool = false,
        owned: Bool = false,
        _ reason: String
    ) -> Int {
        sources.append(
            MountSource(
                path: file.path,
                attributes: attributes,
                recursive: recursive,
                device: file.status.device,
                inode: file.status.inode,
                isDirectory: file.status.kind == .directory,
                owned: owned,
                reason: reason
            )
        )
        return sources.count - 1
    }

    /// Binds a host file or directory at a target, making what it is mounted on.
    mutating func addBind(
        _ path: String,
        at target: String,
        _ attributes: MountAttributes,
        recursive: Bool = false,
        owned: Bool = false,
        _ reason: String
    ) throws(ClocheError) {
        let file = try find(path, reason)
        addBind(file, at: target, attributes, recursive: recursive, owned: owned, reason)
    }

    /// As above, of a file that was looked up already.
    mutating func addBind(
        _ file: HostFile,
        at target: String,
        _ attributes: MountAttributes,
        recursive: Bool = false,
        owned: Bool = false,
        _ reason: String
    ) {
        let source = addSource(file, attributes, recursive: recursive, owned: owned, reason)
        if file.status.kind == .directory {
            addDirectories(target, reason)
        } else {
            addParent(of: target, reason)
            add(.mountPoint, target, reason)
        }
        add(.bind(source: source), target, reason)
    }

    /// The directories above a target.
    mutating func addParent(of target: String, _ reason: String) {
        guard let slash = target.utf8.lastIndex(of: UInt8(ascii: "/")) else { return }
        addDirectories(String(target[..<slash]), reason)
    }

    mutating func addTmpfs(
        _ target: String,
        mode: String,
        attributes: MountAttributes = plain,
        _ reason: String
    ) {
        let limits = request.policy.filesystem
        addDirectories(target, reason)
        add(
            .filesystem(
                kind: "tmpfs",
                options: [
                    "mode=\(mode)", "size=\(limits.temporaryBytes)", "nr_inodes=\(limits.temporaryInodes)",
                ],
                attributes: attributes
            ),
            target,
            reason
        )
    }

    // MARK: Host name

    private mutating func addHostname() {
        add(.hostname(request.hostname), "", "hostname")
        // Last: everything that is mounted keeps its own flags, the root itself becomes read-only.
        add(.seal([.readOnly, .noSetID, .noDevices]), "", "root")
    }
}
