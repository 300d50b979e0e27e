// SandboxPlan -> the flat form that the C child stage carries out. Everything is allocated here, before the
// clone; the memory lives as long as this value, which must outlast the call of clinux_clone.

internal import CLinux
internal import ClocheModel
internal import Glibc
internal import LinuxSystem

@safe struct ChildProgram: ~Copyable {
    private let sources: UnsafeMutableBufferPointer<clinux_source>
    private let operations: UnsafeMutableBufferPointer<clinux_operation>
    private var texts: [UnsafeMutablePointer<CChar>] = unsafe []
    private var mounts: [CInt] = []
    private let capabilities: UnsafeMutableRawPointer
    private let identity: SandboxIdentity
    private let sharesNetwork: Bool

    /// Lays a plan out.
    init(_ plan: SandboxPlan) throws(ClocheError) {
        guard let capabilities = unsafe clinux_no_capabilities() else { throw Self.outOfMemory }
        unsafe self.capabilities = unsafe capabilities
        unsafe sources = .allocate(capacity: plan.sources.count)
        unsafe sources.initialize(repeating: clinux_source())
        unsafe operations = .allocate(capacity: plan.operations.count)
        unsafe operations.initialize(repeating: clinux_operation())
        identity = plan.identity
        sharesNetwork = plan.sharesNetwork
        for (index, source) in plan.sources.enumerated() { fill(index, source) }
        for (index, operation) in plan.operations.enumerated() { fill(index, operation) }
    }

    deinit {
        for index in unsafe texts.indices { unsafe free(texts[index]) }
        for mount in mounts { close(mount) }
        unsafe sources.deallocate()
        unsafe operations.deallocate()
        unsafe clinux_free_capabilities(capabilities)
    }

    private static var outOfMemory: ClocheError {
        ClocheError(.system, "cannot plan the sandbox", why: "out of memory")
    }

    /// Started by root, what the agent owns is mounted idmapped: the files of the host's owner appear as the
    /// agent's inside, and what the agent makes belongs to that owner on disk.
    ///
    /// A user namespace per owner carries the map. Owner and mount are taken of one open file, which must be the one
    /// that the planner saw: somebody who owns a directory of the path may have put another there since.
    mutating func makeIdmappedMounts(_ plan: SandboxPlan) throws(SetupFailure) {
        var namespaces: [UInt64: CInt] = [:]
        defer { for namespace in namespaces.values { close(namespace) } }
        for (index, source) in plan.sources.enumerated() where source.owned {
            let mount: CInt
            do throws(SystemError) {
                mount = try idmappedMount(source, &namespaces)
            } catch  where error.call == "openat2" {
                throw .stage(CLINUX_STAGE_SOURCE, index, error.errno)
            } catch { throw .call(error) }
            mounts.append(mount)
            unsafe sources[index].fd = mount
        }
    }

    private func idmappedMount(_ source: MountSource, _ namespaces: inout [UInt64: CInt]) throws(SystemError)
        -> CInt
    {
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

    /// Clones the child.
    ///
    /// See `clinux_clone`.
    borrowing func clone(control: CInt, pidfd: inout CInt) -> pid_t {
        var namespaces = UInt64(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS)
        namespaces |= UInt64(CLONE_NEWCGROUP)
        if !sharesNetwork { namespaces |= UInt64(CLONE_NEWNET) }
        let rootOptions: [CChar] = Array("mode=0755\0size=1048576\0nr_inodes=4096\0\0".utf8CString)
        return unsafe rootOptions.withUnsafeBufferPointer { options in
            guard let options = options.baseAddress, let sources = unsafe sources.baseAddress,
                let operations = unsafe operations.baseAddress
            else { return -1 }
            var program = unsafe clinux_program(
                namespaces: namespaces,
                user: identity.user,
                group: identity.group,
                clear_groups: identity.startedByRoot ? 1 : 0,
                init_source: 0,
                sources: sources,
                source_count: self.sources.count,
                operations: operations,
                operation_count: self.operations.count,
                root_options: options,
                no_capabilities: capabilities
            )
            return unsafe clinux_clone(&program, control, &pidfd)
        }
    }

    private mutating func text(_ string: String) -> UnsafePointer<CChar> {
        guard let copy = unsafe strdup(string) else { preconditionFailure("out of memory") }
        unsafe texts.append(copy)
        return unsafe UnsafePointer(copy)
    }

    /// `key=value` strings, each ended by a null, an empty one at the end.
    private mutating func optionList(_ options: [String]) -> UnsafePointer<CChar> {
        var bytes: [UInt8] = []
        for option in options { bytes += Array(option.utf8) + [0] }
        bytes.append(0)
        guard let copy = unsafe malloc(bytes.count)?.bindMemory(to: CChar.self, capacity: bytes.count) else {
            preconditionFailure("out of memory")
        }
        for (index, byte) in bytes.enumerated() { unsafe copy[index] = CChar(bitPattern: byte) }
        unsafe texts.append(copy)
        return unsafe UnsafePointer(copy)
    }

    private mutating func fill(_ index: Int, _ source: MountSource) {
        unsafe sources[index] = unsafe clinux_source(
            path: text(source.path),
            fd: -1,
            recursive: source.recursive ? 1 : 0,
            device: source.device,
            inode: source.inode,
            attributes: source.attributes.rawValue
        )
    }

    private mutating func fill(_ index: Int, _ operation: PlanOperation) {
        var flat = unsafe clinux_operation()
        unsafe flat.source = -1
        unsafe flat.optional = operation.optional ? 1 : 0
        unsafe flat.target = text(operation.target)
        switch operation.action {
        case .filesystem(let kind, let options, let attributes):
            unsafe flat.kind = CLINUX_OP_FILESYSTEM.rawValue
            unsafe flat.text = text(kind)
            unsafe flat.options = optionList(options)
            unsafe flat.attributes = attributes.rawValue
        case .bind(let source):
            unsafe flat.kind = CLINUX_OP_BIND.rawValue
            unsafe flat.source = Int32(source)
        case .readOnly: unsafe flat.kind = CLINUX_OP_READ_ONLY.rawValue
        case .seal(let attributes):
            unsafe flat.kind = CLINUX_OP_SEAL.rawValue
            unsafe flat.attributes = attributes.rawValue
        case .directory(let mode):
            unsafe flat.kind = CLINUX_OP_DIRECTORY.rawValue
            unsafe flat.mode = mode
        case .file(let content, let mode):
            unsafe flat.kind = CLINUX_OP_FILE.rawValue
            unsafe flat.text = text(content)
            unsafe flat.mode = mode
        case .mountPoint:
            unsafe flat.kind = CLINUX_OP_MOUNT_POINT.rawValue
            unsafe flat.mode = 0o644
        case .symlink(let to):
            unsafe flat.kind = CLINUX_OP_SYMLINK.rawValue
            unsafe flat.text = text(to)
        case .hostname(let name):
            unsafe flat.kind = CLINUX_OP_HOSTNAME.rawValue
            unsafe flat.text = text(name)
        case .loopback: unsafe flat.kind = CLINUX_OP_LOOPBACK.rawValue
        }
        unsafe operations[index] = unsafe flat
    }
}
