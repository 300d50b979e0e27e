// SandboxPlan -> the flat form that the C child stage carries out, laid out in the memory that it shares with the
// child; and the child itself, until it is a sandbox. See child_stage.h.

internal import CLinux
internal import ClocheModel
internal import Glibc
internal import LinuxSystem

/// A child in new namespaces, cloned before it is known what it is to build.
///
/// The kernel needs most of a millisecond for the namespaces, and nearly as much to start init; a process that is started
/// for nothing but a sandbox has that done while it reads its profiles.
package enum ChildAhead {
    /// Written by the first thing that a process does, taken by the first sandbox, on the same thread.
    nonisolated(unsafe) private static var child: clinux_child?

    /// Clones it; a failure is met again, and told, when a sandbox is built without it.
    ///
    /// - Parameters:
    ///   - executable: Cloche's own program.
    ///   - isBusy: whether this process has work to do meanwhile; the child is then put on another CPU.
    package static func clone(executable: String, isBusy: Bool) {
        // Idmapped mounts are made before the clone, to be inherited.
        if CurrentUser.isRoot || Weakening.isWanted { return }
        var made = unsafe clinux_child()
        guard clinux_leave_keyring() == 0, unsafe clinux_prepare(&made) == 0 else { return }
        // The network takes longest: the child makes it itself.
        guard unsafe clinux_clone(&made, ChildProgram.namespaces, UInt64(CLONE_NEWNET), executable, -1) == 0
        else {
            return unsafe ChildProgram.end(made)
        }
        if isBusy { unsafe clinux_move_away(made.pid) }
        unsafe child = made
    }

    fileprivate static func take() -> clinux_child? {
        defer { unsafe child = nil }
        return unsafe child
    }
}

@safe struct ChildProgram: ~Copyable {
    /// All but the network's.
    fileprivate static let namespaces = UInt64(
        CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP
    )

    private var child: clinux_child
    /// How much of the plan's memory is used.
    private var used = MemoryLayout<clinux_program>.stride
    private var mounts: [CInt] = []
    private let executable: String
    /// Started by root, init's program as a mount; else -1.
    private var rootsExecutable: CInt = -1
    private let sharesNetwork: Bool

    /// Lays a plan out for the child that is there, if it fits, or for a new one.
    ///
    /// - Parameter cgroup: the cgroup's directory that it is to be born in, or -1.
    init(_ plan: SandboxPlan, cgroup: CInt) throws {
        executable = plan.executable
        sharesNetwork = plan.sharesNetwork
        let ahead = unsafe ChildAhead.take()
        // Its network, its clocks and its cgroup are decided when it is cloned.
        if let ahead = unsafe ahead, !plan.sharesNetwork, !plan.confinement.timeNamespace, cgroup < 0 {
            unsafe child = ahead
        } else {
            if let ahead = unsafe ahead { unsafe Self.end(ahead) }
            unsafe child = clinux_child()
            try check("memfd_create", "plan") { unsafe clinux_prepare(&child) }
            unsafe child.cgroup = cgroup
        }
        try layOut(plan)
    }

    private mutating func layOut(_ plan: SandboxPlan) throws {
        guard plan.sources.count <= Int(CLINUX_MAX_SOURCES) else {
            throw ClocheError(
                .configuration,
                "cannot build the sandbox",
                why: "it takes \(plan.sources.count) mounts, at most \(CLINUX_MAX_SOURCES) are possible",
                remedy: "bind directories in place of the files in them"
            )
        }
        var sources: [clinux_source] = []
        for source in plan.sources { sources.append(try flat(source)) }
        var operations: [clinux_operation] = []
        for operation in plan.operations { operations.append(try flat(operation)) }
        let fence = plan.confinement.fence
        var fences: [clinux_fence] = []
        for rule in fence?.rules ?? [] {
            try fences.append(clinux_fence(target: put(rule.target), access: rule.access))
        }
        var program = clinux_program()
        program.user = plan.identity.user
        program.group = plan.identity.group
        program.clear_groups = plan.identity.startedByRoot ? 1 : 0
        program.source_count = UInt32(plan.sources.count)
        program.operation_count = UInt32(plan.operations.count)
        program.sources = try put(sources)
        program.operations = try put(operations)
        program.root_options = try put(list(["mode=0755", "size=1048576", "nr_inodes=4096"]))
        program.fence_count = UInt32(fences.count)
        program.fences = try put(fences)
        program.fence_access = fence?.access ?? 0
        program.fence_scopes = fence?.scopes ?? 0
        program.time_namespace = plan.confinement.timeNamespace ? 1 : 0
        #if CLOCHE_WEAKENED
        program.left_out = Weakening.leftOutByInit
        #endif
        unsafe child.program?.pointee = program
    }

    deinit {
        for mount in mounts { close(mount) }
        unsafe Self.end(child)
    }

    /// Lets go of a child; one that is there ends with its control socket.
    fileprivate static func end(_ child: clinux_child) {
        if let program = unsafe child.program { unsafe munmap(program, Int(CLINUX_PLAN_SIZE)) }
        if unsafe child.plan >= 0 { unsafe close(child.plan) }
        if unsafe child.control >= 0 { unsafe close(child.control) }
        if unsafe child.far >= 0 { unsafe close(child.far) }
        if unsafe child.pidfd >= 0 { unsafe close(child.pidfd) }
        var status: CInt = 0
        while unsafe child.pid > 0 && (unsafe waitpid(child.pid, &status, 0)) < 0 && errno == EINTR {}
    }

    /// Started by root, what the agent owns is mounted idmapped: the files of the host's owner appear as the
    /// agent's inside, and what the agent makes belongs to that owner on disk.
    ///
    /// A user namespace per owner carries the map. Owner and mount are taken of one open file, which must be the one
    /// that the planner saw: somebody who owns a directory of the path may have put another there since.
    mutating func makeIdmappedMounts(_ plan: SandboxPlan) throws(SetupFailure) {
        var namespaces: [UInt64: CInt] = [:]
        defer { for namespace in namespaces.values { close(namespace) } }
        do throws(SystemError) {
            try makeRootsExecutable()
        } catch { throw .call(error) }
        guard let program = unsafe child.program else { return }
        let table = unsafe (UnsafeMutableRawPointer(program) + Int(program.pointee.sources))
            .assumingMemoryBound(to: clinux_source.self)
        for (index, source) in plan.sources.enumerated() where source.owned {
            let mount: CInt
            do throws(SystemError) {
                mount = try idmappedMount(source, plan.identity, &namespaces)
            } catch  where error.call == "openat2" {
                throw .stage(CLINUX_STAGE_SOURCE, index, error.errno)
            } catch { throw .call(error) }
            mounts.append(mount)
            unsafe table[index].fd = mount
        }
    }

    /// Root's child has none of root's rights over files: a program in somebody's private directory, or that only its
    /// owner may execute, is opened here, and appears to the child as its own.
    private mutating func makeRootsExecutable() throws(SystemError) {
        let place = try Files.openPlace(executable)
        let status = try Files.status(of: place)
        let attributes = MountAttributes([.readOnly, .noSetID, .noDevices]).rawValue
        var namespace: CInt = -1
        if status.owner != 0 {
            namespace = try check("clone3", "user namespace") {
                clinux_user_namespace(status.owner, status.group, 0, 0)
            }
        }
        defer { if namespace >= 0 { close(namespace) } }
        rootsExecutable = try check("mount_setattr", executable) {
            clinux_idmapped_mount(place.number, namespace, attributes, 0)
        }
        mounts.append(rootsExecutable)
    }

    private func idmappedMount(
        _ source: MountSource,
        _ identity: SandboxIdentity,
        _ namespaces: inout [UInt64: CInt]
    ) throws(SystemError) -> CInt {
        let place = try Files.openPlace(source.path)
        let status = try Files.status(of: place)
        guard status.device == source.device, status.inode == source.inode else {
            throw SystemError("openat2", Errno(ESTALE), source.path)
        }
        let key = UInt64(status.owner) << 32 | UInt64(status.group)
        if namespaces[key] == nil {
            namespaces[key] = try check("clone3", "user namespace") {
                clinux_user_namespace(status.owner, status.group, identity.hostUser, identity.hostGroup)
            }
        }
        return try check("mount_setattr", source.path) {
            clinux_idmapped_mount(
                place.number,
                namespaces[key] ?? -1,
                source.attributes.rawValue,
                source.recursive ? 1 : 0
            )
        }
    }

    /// Clones the child, unless it is there, and gives it away as a sandbox.
    mutating func clone() throws(SystemError) -> Sandbox {
        if unsafe child.pid == 0 {
            try check("keyctl", "session keyring") { clinux_leave_keyring() }
            var wanted = Self.namespaces | (sharesNetwork ? 0 : UInt64(CLONE_NEWNET))
            // Born in a cgroup, it makes the namespace itself.
            if unsafe child.cgroup >= 0 { wanted &= ~UInt64(CLONE_NEWCGROUP) }
            try check("clone3", "new namespaces") {
                let namespaces = Weakening.namespaces(wanted)
                return unsafe clinux_clone(&child, namespaces, 0, executable, rootsExecutable)
            }
        }
        let sandbox = unsafe Sandbox(
            control: FileDescriptor(owning: child.control),
            process: FileDescriptor(owning: child.pidfd),
            pid: child.pid
        )
        unsafe (child.control, child.pidfd, child.pid) = (-1, -1, 0)
        return sandbox
    }

    // MARK: Layout

    /// Puts values into the plan's memory and returns their distance from its start.
    private mutating func put<T: BitwiseCopyable>(_ values: [T]) throws -> UInt32 {
        let alignment = MemoryLayout<T>.alignment
        let start = (used + alignment - 1) & ~(alignment - 1)
        let size = MemoryLayout<T>.stride * values.count
        guard let memory = unsafe UnsafeMutableRawPointer(child.program),
            start + size <= Int(CLINUX_PLAN_SIZE)
        else {
            let limit = "its plan is larger than \(CLINUX_PLAN_SIZE) bytes"
            throw ClocheError(.sandbox, "cannot build the sandbox", why: limit)
        }
        unsafe values.withUnsafeBytes { bytes in
            unsafe (memory + start).copyMemory(
                from: bytes.baseAddress ?? UnsafeRawPointer(memory),
                byteCount: size
            )
        }
        used = start + size
        return UInt32(start)
    }

    private mutating func put(_ text: String) throws -> UInt32 { try put(Array(text.utf8) + [0]) }

    /// `key=value` strings, each ended by a null, an empty one at the end.
    private func list(_ options: [String]) -> String { options.map { $0 + "\0" }.joined() }

    private mutating func flat(_ source: MountSource) throws -> clinux_source {
        try clinux_source(
            path: put(source.path),
            fd: -1,
            recursive: source.recursive ? 1 : 0,
            device: source.device,
            inode: source.inode,
            attributes: source.attributes.rawValue
        )
    }

    private mutating func flat(_ operation: PlanOperation) throws -> clinux_operation {
        var flat = clinux_operation()
        flat.source = -1
        flat.optional = operation.optional ? 1 : 0
        flat.part = operation.part?.bit ?? 0
        flat.without = operation.without?.bit ?? 0
        flat.target = try put(operation.target)
        switch operation.action {
        case .filesystem(let kind, let options, let attributes):
            flat.kind = CLINUX_OP_FILESYSTEM.rawValue
            flat.text = try put(kind)
            flat.options = try put(list(options))
            flat.attributes = attributes.rawValue
        case .bind(let source):
            flat.kind = CLINUX_OP_BIND.rawValue
            flat.source = Int32(source)
        case .readOnly: flat.kind = CLINUX_OP_READ_ONLY.rawValue
        case .pin: flat.kind = CLINUX_OP_PIN.rawValue
        case .part(let directory):
            flat.kind = CLINUX_OP_PART.rawValue
            flat.text = try put(directory)
        case .seal(let attributes):
            flat.kind = CLINUX_OP_SEAL.rawValue
            flat.attributes = attributes.rawValue
        case .directory(let mode):
            flat.kind = CLINUX_OP_DIRECTORY.rawValue
            flat.mode = mode
        case .file(let content, let mode):
            flat.kind = CLINUX_OP_FILE.rawValue
            flat.text = try put(content)
            flat.mode = mode
        case .mountPoint:
            flat.kind = CLINUX_OP_MOUNT_POINT.rawValue
            flat.mode = 0o644
        case .symlink(let to):
            flat.kind = CLINUX_OP_SYMLINK.rawValue
            flat.text = try put(to)
        case .hostname(let name):
            flat.kind = CLINUX_OP_HOSTNAME.rawValue
            flat.text = try put(name)
        case .loopback: try ask(.loopbackUp, &flat)
        case .everyAddress(let isIPv6): try ask(.everyAddress(isIPv6: isIPv6), &flat)
        case .packetFilter(let port): try ask(.packetFilter(port: port), &flat)
        case .listen(let ports): try open(ports, SOCK_STREAM, &flat)
        case .datagrams(let port): try open([port], SOCK_DGRAM, &flat)
        case .socketTable: flat.kind = CLINUX_OP_SOCKET_TABLE.rawValue
        case .setting(let value):
            flat.kind = CLINUX_OP_SETTING.rawValue
            flat.text = try put(value)
        }
        return flat
    }

    private mutating func ask(_ request: NetlinkRequest, _ flat: inout clinux_operation) throws {
        let bytes = request.bytes
        flat.kind = CLINUX_OP_NETLINK.rawValue
        flat.mode = UInt32(request.family)
        flat.text = try put(bytes)
        flat.attributes = UInt64(bytes.count)
        flat.options = UInt32(request.answers)
    }

    private mutating func open(_ ports: [UInt16], _ type: __socket_type, _ flat: inout clinux_operation)
        throws
    {
        flat.kind = CLINUX_OP_SOCKETS.rawValue
        flat.mode = type.rawValue
        flat.text = try put(ports)
        flat.attributes = UInt64(ports.count)
    }
}
