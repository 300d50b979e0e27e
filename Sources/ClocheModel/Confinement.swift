// What confines a sandbox, mechanism by mechanism: what a profile asks for, what is really there, and the rules of
// the second fence. Values; `SandboxRuntime` decides and carries out.

/// What a profile says of the mechanisms that confine.
public struct ConfinementPolicy: Equatable, Sendable {
    /// How much may be missing.
    public enum Mode: String, Equatable, Sendable, CaseIterable {
        /// What a mechanism lacks on an older kernel is told; a mechanism that is missing stops the start.
        case standard
        /// What a mechanism lacks stops the start too.
        case strict
    }

    /// How much may be missing.
    public var mode: Mode
    /// Mechanisms whose absence is accepted.
    public var permit: [Mechanism]
    /// Whether Landlock is used as a second fence.
    public var landlock: Bool
    /// How many user namespaces the agent may make inside.
    public var nestedNamespaces: Int64
    /// Whether memory that was ever writable stays out of execution (`PR_SET_MDWE`); programs that compile as they run
    /// do not work then.
    public var memoryDenyWriteExecute: Bool
    /// Whether the clocks that count from boot start with the sandbox.
    public var timeNamespace: Bool

    /// Everything that every program can live with.
    public init(
        mode: Mode = .standard,
        permit: [Mechanism] = [],
        landlock: Bool = true,
        nestedNamespaces: Int64 = 0,
        memoryDenyWriteExecute: Bool = false,
        timeNamespace: Bool = false
    ) {
        self.mode = mode
        self.permit = permit
        self.landlock = landlock
        self.nestedNamespaces = nestedNamespaces
        self.memoryDenyWriteExecute = memoryDenyWriteExecute
        self.timeNamespace = timeNamespace
    }
}

/// One thing of the kernel's that confines.
public enum Mechanism: String, Equatable, Sendable, CaseIterable {
    case userNamespace = "user-namespace"
    case mountNamespace = "mount-namespace"
    case pidNamespace = "pid-namespace"
    case netNamespace = "net-namespace"
    case ipcNamespace = "ipc-namespace"
    case utsNamespace = "uts-namespace"
    case cgroupNamespace = "cgroup-namespace"
    case timeNamespace = "time-namespace"
    case capabilities
    case noNewPrivileges = "no-new-privs"
    case seccomp
    case landlock
    case nestedNamespaces = "no-nested-namespaces"
    case memoryDenyWriteExecute = "memory-deny-write-execute"
    case coreDumps = "no-core-dumps"
}

/// Whether a mechanism holds a sandbox.
public struct MechanismState: Equatable, Sendable {
    /// What became of it.
    public enum State: String, Equatable, Sendable {
        /// It is in place.
        case on
        /// The profile does without.
        case off
        /// The kernel has not got it, and the profile accepts that.
        case missing
    }

    /// Which.
    public var mechanism: Mechanism
    /// Whether it holds.
    public var state: State
    /// What of it: the version, what it lacks, the key of the profile that turns it off.
    public var detail: String

    /// A state.
    public init(_ mechanism: Mechanism, _ state: State, _ detail: String = "") {
        self.mechanism = mechanism
        self.state = state
        self.detail = detail
    }

    /// For JSON and the audit log, by the mechanism's name.
    public var entry: Document.Entry {
        Document.Entry(
            mechanism.rawValue,
            .object(["state": .string(state.rawValue), "detail": .string(detail)])
        )
    }
}

/// What Landlock enforces on all programs of a sandbox.
///
/// See `landlock(7)`.
public struct Fence: Equatable, Sendable {
    /// What programs may do with the file at a place, or with all below the directory.
    public struct Rule: Equatable, Sendable {
        /// Below the new root, without a leading slash; empty for the root itself.
        public var target: String
        /// `LANDLOCK_ACCESS_FS_*`.
        public var access: UInt64

        /// A rule.
        public init(target: String, access: UInt64) {
            self.target = target
            self.access = access
        }
    }

    /// The version of Landlock that the kernel has.
    public var version: Int32
    /// `LANDLOCK_ACCESS_FS_*` of all that it decides about.
    public var access: UInt64
    /// `LANDLOCK_SCOPE_*`.
    public var scopes: UInt64
    /// What is allowed; nothing else is.
    public var rules: [Rule]

    /// A fence.
    public init(version: Int32, access: UInt64, scopes: UInt64, rules: [Rule]) {
        self.version = version
        self.access = access
        self.scopes = scopes
        self.rules = rules
    }

    /// `LANDLOCK_ACCESS_FS_*` in words, in the order of their bits.
    static func names(_ access: UInt64) -> [String] {
        rights.enumerated().filter { access & (1 << UInt64($0.offset)) != 0 }.map(\.element)
    }

    private static let rights = [
        "execute", "write-file", "read-file", "list", "remove-directory", "remove-file",
        "make-character-device",
        "make-directory", "make-file", "make-socket", "make-fifo", "make-block-device", "make-link", "move",
        "truncate", "device-ioctl",
    ]
}

/// What confines one sandbox beside its mounts.
public struct ConfinementPlan: Equatable, Sendable {
    /// The second fence, if there is one.
    public var fence: Fence?
    /// `PR_SET_MDWE`.
    public var memoryDenyWriteExecute: Bool
    /// A time namespace.
    public var timeNamespace: Bool
    /// Every mechanism.
    public var states: [MechanismState]

    /// Nothing but what every sandbox has.
    public init(
        fence: Fence? = nil,
        memoryDenyWriteExecute: Bool = false,
        timeNamespace: Bool = false,
        states: [MechanismState] = []
    ) {
        self.fence = fence
        self.memoryDenyWriteExecute = memoryDenyWriteExecute
        self.timeNamespace = timeNamespace
        self.states = states
    }

    /// The mechanisms by name, for JSON and the audit log.
    public var document: Document {
        .map(states.map(\.entry))
    }
}
