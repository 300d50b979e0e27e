// What is done to build one sandbox, as a value: printable, comparable, and carried out in order by the C
// child stage. The planner makes it from a Policy; every step says which profile key or rule asked for it.

/// Attributes of a mount, in the kernel's words.
public struct MountAttributes: OptionSet, Equatable, Sendable {
    /// The kernel's `MOUNT_ATTR_` bits.
    public let rawValue: UInt64

    /// The bits of `mount_setattr(2)`.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// `MOUNT_ATTR_RDONLY`: nothing below can be changed.
    public static let readOnly = MountAttributes(rawValue: 0x1)
    /// `MOUNT_ATTR_NOSUID`: set-id bits and file capabilities have no effect.
    public static let noSetID = MountAttributes(rawValue: 0x2)
    /// `MOUNT_ATTR_NODEV`: device files cannot be opened.
    public static let noDevices = MountAttributes(rawValue: 0x4)
    /// `MOUNT_ATTR_NOEXEC`: no file can be executed.
    public static let noExec = MountAttributes(rawValue: 0x8)
    /// `MOUNT_ATTR_NOSYMFOLLOW`: no symbolic link leads anywhere.
    public static let noLinks = MountAttributes(rawValue: 0x200000)

    /// Their names, as `mount(8)` prints them.
    public var names: [String] {
        [
            (MountAttributes.readOnly, "ro"), (.noSetID, "nosuid"), (.noDevices, "nodev"),
            (.noExec, "noexec"), (.noLinks, "nosymfollow"),
        ].filter { contains($0.0) }.map(\.1)
    }
}

/// One thing of the host that is mounted.
public struct MountSource: Equatable, Sendable {
    /// Absolute and without symbolic links.
    public var path: String
    /// What mount flags it gets before it is attached.
    public var attributes: MountAttributes
    /// Whether mounts below it come along.
    public var recursive: Bool
    /// Device and inode that the planner saw there; another file at that path stops the start.
    public var device: UInt64
    /// See `device`.
    public var inode: UInt64
    /// Whether it is a directory.
    public var isDirectory: Bool
    /// Whether the agent writes it: started by root, it is then an idmapped mount.
    public var owned: Bool
    /// The profile key or rule that asks for it.
    public var reason: String

    /// A source.
    public init(
        path: String,
        attributes: MountAttributes,
        recursive: Bool = false,
        device: UInt64,
        inode: UInt64,
        isDirectory: Bool = false,
        owned: Bool = false,
        reason: String
    ) {
        self.isDirectory = isDirectory
        self.path = path
        self.attributes = attributes
        self.recursive = recursive
        self.device = device
        self.inode = inode
        self.owned = owned
        self.reason = reason
    }
}

/// One step inside the new root; targets are relative to it, without a leading slash.
public struct PlanOperation: Equatable, Sendable {
    /// What is done.
    public enum Action: Equatable, Sendable {
        /// A new file system of the kernel: kind, options.
        case filesystem(kind: String, options: [String], attributes: MountAttributes)
        /// A source is attached.
        case bind(source: Int)
        /// The target is bound over itself, read-only.
        case readOnly
        /// The target, even a symbolic link, is bound over itself as it is, so that nobody can rename or remove it.
        case pin
        /// A directory of what is mounted already is attached.
        case part(of: String)
        /// The mount at the target gets these attributes.
        case seal(MountAttributes)
        /// A directory.
        case directory(mode: UInt32)
        /// A file with this content.
        case file(content: String, mode: UInt32)
        /// An empty file to mount on.
        case mountPoint
        /// A symbolic link.
        case symlink(to: String)
        /// The host name.
        case hostname(String)
        /// The loopback interface comes up.
        case loopback
        /// Every IPv4 or IPv6 address is one of the sandbox's own, on loopback, so that a connection to it ends there.
        case everyAddress(isIPv6: Bool)
        /// Connections to all but the sandbox's real addresses arrive at this port, and datagrams to them fail.
        case packetFilter(port: UInt16)
        /// TCP sockets that listen at these ports, for the supervisor.
        case listen(ports: [UInt16])
        /// A UDP socket at this port, for the supervisor.
        case datagrams(port: UInt16)
        /// A socket by which the supervisor asks about the sandbox's other sockets.
        case socketTable
        /// A setting of the kernel's is written into its file.
        case setting(String)
    }

    /// What a kernel may lack of a network by name.
    public enum Part: String, Equatable, Sendable {
        /// nf_tables, with what the rules use of it.
        case packetFilter = "packet-filter"
        /// IPv6.
        case ipv6
        /// Questions about sockets: whose they are.
        case socketTable = "socket-table"
    }

    /// What is done.
    public var action: Action
    /// Where.
    public var target: String
    /// Whether a missing target is fine.
    public var optional: Bool
    /// What the sandbox is to do without, should the step fail; nil stops the start.
    public var part: Part?
    /// The step is done only if this is missing.
    public var without: Part?
    /// The profile key or rule that asks for it.
    public var reason: String

    /// A step.
    public init(
        _ action: Action,
        at target: String = "",
        optional: Bool = false,
        part: Part? = nil,
        without: Part? = nil,
        reason: String
    ) {
        self.action = action
        self.target = target
        self.optional = optional
        self.part = part
        self.without = without
        self.reason = reason
    }
}

/// Who the agent is, inside and on the host.
public struct SandboxIdentity: Equatable, Sendable {
    /// User id inside.
    public var user: UInt32
    /// Group id inside.
    public var group: UInt32
    /// The host ids they are mapped to.
    public var hostUser: UInt32
    /// See `hostUser`.
    public var hostGroup: UInt32
    /// Started by root: the host ids are not the caller's own.
    public var startedByRoot: Bool

    /// An identity.
    public init(user: UInt32, group: UInt32, hostUser: UInt32, hostGroup: UInt32, startedByRoot: Bool) {
        self.user = user
        self.group = group
        self.hostUser = hostUser
        self.hostGroup = hostGroup
        self.startedByRoot = startedByRoot
    }
}

/// A name of the workspace that is absent, and that nobody inside may make: something empty stands for it on the host as
/// long as the sandbox is there.
public struct PlanStub: Equatable, Sendable {
    /// Below the workspace.
    public var path: String
    /// What stands there.
    public var kind: ProtectedName.Stub

    /// A stub.
    public init(path: String, kind: ProtectedName.Stub) {
        self.path = path
        self.kind = kind
    }
}

/// The whole plan of one sandbox.
public struct SandboxPlan: Equatable, Sendable {
    /// Who the agent is.
    public var identity: SandboxIdentity
    /// Whether the sandbox shares the host's network namespace.
    public var sharesNetwork: Bool
    /// Cloche's own program on the host, absolute and without symbolic links: init executes it.
    public var executable: String
    /// Everything of the host that is in it.
    public var sources: [MountSource]
    /// The steps, in order.
    public var operations: [PlanOperation]
    /// What confines it beside these.
    public var confinement: ConfinementPlan
    /// The cgroup that it is born in, as `/proc/PID/cgroup` has it; nil for the one that the supervisor is in.
    public var cgroup: String?
    /// What is made in the workspace before the first step, each after the directories above it.
    public var stubs: [PlanStub]

    /// A plan.
    public init(
        identity: SandboxIdentity,
        sharesNetwork: Bool,
        executable: String,
        sources: [MountSource],
        operations: [PlanOperation],
        confinement: ConfinementPlan = ConfinementPlan(),
        stubs: [PlanStub] = []
    ) {
        self.confinement = confinement
        self.identity = identity
        self.sharesNetwork = sharesNetwork
        self.executable = executable
        self.sources = sources
        self.operations = operations
        self.stubs = stubs
    }
}

/// A program to run in a sandbox.
public struct ProcessSpec: Equatable, Sendable {
    /// The program, looked up in the environment's `PATH`, and its arguments.
    public var arguments: [String]
    /// `NAME=value`, complete.
    public var environment: [String]
    /// Working directory inside.
    public var directory: String

    /// A program.
    public init(arguments: [String], environment: [String], directory: String) {
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
    }
}

/// How a program ended.
public enum ProcessEnd: Equatable, Sendable {
    /// It returned this code.
    case exited(Int32)
    /// This signal killed it.
    case signalled(Int32)

    /// What a shell would say: the code, or 128 plus the signal.
    public var exitCode: Int32 {
        switch self {
        case .exited(let code): code
        case .signalled(let signal): 128 + signal
        }
    }
}
