// What belongs to this one agent: home, workspace, private git directory, the profile's binds and
// credentials.

internal import ClocheModel
internal import LinuxSystem

extension Planner {
    mutating func addHome() throws(ClocheError) {
        let target = String(InsidePath.home.dropFirst())
        if let home = request.home {
            try addBind(home, at: target, Self.plain, owned: true, "home")
        } else {
            addThrownAway(target, "home", "home")
        }
    }

    mutating func addWorkspace() throws(ClocheError) {
        let target = String(InsidePath.workspace.dropFirst())
        if let workspace = request.workspace {
            let file =
                try workspace.isResolved
                ? findResolved(workspace.source, "workspace") : find(workspace.source, "workspace")
            addBind(file, at: target, attributes(workspace.mode), owned: true, "workspace")
        } else {
            addThrownAway(target, "workspace", "workspace")
        }
        try addProtection()
    }

    /// What lies on top of the workspace and below Cloche's own directory.
    mutating func addPlaces() throws(ClocheError) {
        let runtime = String(InsidePath.runtime.dropFirst())
        addDirectories(runtime, "runtime")
        // A mount cannot be renamed away with all that is mounted below it, to be made anew.
        if request.statePipe != nil { add(.pin, runtime, "runtime") }
        for place in request.places {
            try addBind(
                place.source,
                at: String(place.target.dropFirst()),
                attributes(place.mode),
                owned: true,
                "workspace"
            )
        }
        if let pipe = request.statePipe {
            let attributes: MountAttributes = [.readOnly, .noSetID, .noDevices, .noExec]
            let target = String(InsidePath.state.dropFirst())
            try addBind(pipe, at: target, attributes, owned: true, Self.statePipeReason)
        }
        try addOwnProgram()
    }

    /// The agent's own `cloche`, and the socket that it speaks to.
    private mutating func addOwnProgram() throws(ClocheError) {
        guard let socket = request.agentSocket else { return }
        let (place, program) = (InsidePath.socket.dropFirst(), InsidePath.program.dropFirst())
        let attributes: MountAttributes = [.readOnly, .noSetID, .noDevices]
        try addBind(socket, at: String(place), attributes.union(.noExec), owned: true, Self.socketReason)
        try addBind(request.executable, at: String(program), attributes, owned: true, "agents.verbs")
    }

    /// A name for it where login shells look, too: many set `PATH` anew.
    mutating func addOwnLink(in directory: String) {
        guard request.agentSocket != nil else { return }
        add(.symlink(to: InsidePath.program), "\(directory)/cloche", optional: true, "agents.verbs")
    }

    /// Whoever connects to a socket needs the right to write it.
    static let socketReason = "agents' socket"

    /// The one place that is read-only, so that it stays as it is, and written to: a FIFO holds nothing.
    static let statePipeReason = "state pipe"

    /// In a directory of the user's, names that the user's programs obey stay as they are.
    private mutating func addProtection() throws(ClocheError) {
        guard request.stubRecords != nil, let workspace = request.workspace, workspace.mode == .readWrite
        else { return }
        let target = String(workspace.target.dropFirst())
        let names = request.policy.filesystem.protect.map { ProtectedName($0) }
        let places = try ProtectedPlaces(names, in: workspace.source)
        for place in places.all {
            add(place.isFixed ? .readOnly : .pin, "\(target)/\(place.path)", "filesystem.protect")
        }
        stubs = places.stubs
    }

    /// Before the profile's binds, which may cover them.
    mutating func addPrograms() throws(ClocheError) {
        let reason = "programs"
        for bind in request.programs.binds {
            try refuseKernelPath(bind.target)
            try HostSockets.refuse(in: bind)
            // What was looked at has no links; one that is there now was put there since.
            let file = try findResolved(bind.source, reason)
            addBind(file, at: String(bind.target.dropFirst()), attributes(.readOnly), owned: true, reason)
        }
        for link in request.programs.links {
            let target = String(link.place.dropFirst())
            addParent(of: target, reason)
            add(.symlink(to: link.target), target, reason)
        }
    }

    mutating func addBinds() throws(ClocheError) {
        for bind in request.policy.filesystem.binds {
            if bind.optional && !Files.exists(bind.source) { continue }
            try refuseKernelPath(bind.target)
            try refuseRedirection(bind.source, "filesystem.binds")
            try HostSockets.refuse(in: bind)
            try addBind(
                bind.source,
                at: String(bind.target.dropFirst()),
                attributes(bind.mode),
                owned: true,
                "filesystem.binds"
            )
        }
    }

    mutating func addCredentials() throws(ClocheError) {
        for credential in request.policy.credentials {
            guard case .file(let source, let target) = credential.kind else { continue }
            guard Files.exists(source) else {
                if credential.required { throw Self.missingCredential(source) }
                continue
            }
            try refuseKernelPath(target)
            try refuseRedirection(source, "credentials")
            try addBind(
                source,
                at: String(target.dropFirst()),
                [.readOnly, .noSetID, .noDevices, .noExec],
                owned: true,
                "credentials"
            )
        }
    }

    private func attributes(_ mode: AccessMode) -> MountAttributes {
        mode == .readOnly ? [.readOnly, .noSetID, .noDevices] : [.noSetID, .noDevices]
    }

    /// A source that lies where an agent writes must still do so when its links are followed: an earlier run may have put a
    /// link there, to whatever it wanted to be given by the next.
    private func refuseRedirection(_ source: String, _ reason: String) throws(ClocheError) {
        var writable = request.policy.filesystem.binds.filter { $0.mode == .readWrite }.map(\.source)
        if let workspace = request.workspace, workspace.mode == .readWrite {
            writable.append(workspace.source)
        }
        for place in writable where source.hasPrefix(place + "/") {
            let real = try (place: find(place, reason).path, source: find(source, reason).path)
            if real.source.hasPrefix(real.place + "/") { continue }
            throw ClocheError(
                .configuration,
                "cannot bring \(source) into the sandbox",
                why: "a link leads from there to \(real.source), and agents can make links in \(place)",
                remedy: "name \(real.source) itself in \(reason)"
            )
        }
    }

    /// A bind over these would take the sandbox's own protection away.
    private func refuseKernelPath(_ target: String) throws(ClocheError) {
        let reserved = ["/proc", "/sys", "/dev", InsidePath.runtime]
        let normal = target.split(separator: "/", omittingEmptySubsequences: true)
        guard target.hasPrefix("/"), !normal.isEmpty, !normal.contains(".."), !normal.contains(".") else {
            throw ClocheError(
                .configuration,
                "cannot mount at \(target)",
                why: "a target is an absolute path without . and ..",
                remedy: "write the path as it shall be inside, for example /opt/data"
            )
        }
        let path = "/" + normal.joined(separator: "/")
        if let taken = reserved.first(where: { path == $0 || path.hasPrefix($0 + "/") }) {
            throw ClocheError(
                .configuration,
                "cannot mount at \(target)",
                why: "\(taken) belongs to the sandbox itself",
                remedy: "choose another target"
            )
        }
    }

    private static func missingCredential(_ path: String) -> ClocheError {
        ClocheError(
            .configuration,
            "a required credential is missing",
            why: "\(path) does not exist",
            remedy: "log in with the agent program once on the host, or set `required: false` in the profile"
        )
    }
}
