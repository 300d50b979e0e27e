// What a sandbox is wanted for: a policy plus the places on the host that belong to this one agent.

package import ClocheModel
internal import LinuxSystem

/// The input of the planner.
package struct SandboxRequest: Sendable {
    /// One host path of the agent's, at a place inside.
    package struct Place: Equatable, Sendable {
        /// Absolute path on the host.
        package var source: String
        /// Absolute path inside.
        package var target: String
        /// Whether the agent may change it.
        package var mode: AccessMode
        /// Whether `source` was without symbolic links when the user named it: one that is on the way now is an
        /// error, because somebody else has put it there.
        package var isResolved: Bool

        /// Shows `source` at `target`.
        package init(source: String, target: String, mode: AccessMode, isResolved: Bool = false) {
            self.isResolved = isResolved
            self.source = source
            self.target = target
            self.mode = mode
        }
    }

    /// The effective profile, in the parts that concern the sandbox.
    package var policy: Policy
    /// Who the agent is, inside and on the host.
    package var identity: SandboxIdentity
    /// Host name inside.
    package var hostname: String
    /// Path of Cloche's own executable.
    package var executable: String
    /// The working files, shown at `/workspace`; nil gives an empty one that is thrown away.
    package var workspace: Place?
    /// Mounts on top of the workspace and below `/run/cloche`: the private git directory and its parts.
    package var places: [Place]
    /// The project's shared directories that the agent has.
    package var shares: [SharedDirectory] = []
    /// Where it is written down what stands for absent names in directories of the user's; nil for a workspace that is
    /// no such directory, in which nothing is protected from the agent.
    package var stubRecords: String?
    /// Programs of the host that are not the system's.
    package var programs = HostPrograms()
    /// The agent's home on the host; nil gives one that is thrown away.
    package var home: String?
    /// The agent's own layer over the system directories; nil gives one that is thrown away.
    package var upper: String?
    /// Layers that once were the agent's own and are written by nobody any more, the topmost first.
    package var layers: [String] = []
    /// The host's `/etc` as this sandbox sees it; nil takes the host's files one by one.
    package var etc: EtcTree?
    /// The cgroup that it is born in, as `/proc/PID/cgroup` has it; nil for the one that the supervisor is in.
    package var cgroup: String?
    /// The network by name, if it has one; nil leaves what `policy.network` says.
    package var network: SandboxNetworkRequest?
    /// Whether the agent has a gateway, whose socket is made inside.
    package var hasGateway = false
    /// Who vouches for its gateway where that answers in the place of services.
    package var authority: InterceptionAuthority?
    /// The FIFO by which the program says what it does, if there is one.
    package var statePipe: String?
    /// The socket by which the agent speaks to its supervisor, if it has one; Cloche's program comes with it.
    package var agentSocket: String?
    /// The agent's directory on the host, if it has one: a link in it is none of Cloche's making, and refused.
    package var directory: String?

    /// A request.
    package init(
        policy: Policy,
        identity: SandboxIdentity,
        hostname: String,
        executable: String,
        workspace: Place? = nil,
        places: [Place] = [],
        stubRecords: String? = nil,
        home: String? = nil,
        upper: String? = nil,
        etc: EtcTree? = nil,
        network: SandboxNetworkRequest? = nil,
        directory: String? = nil
    ) {
        self.policy = policy
        self.identity = identity
        self.hostname = hostname
        self.executable = executable
        self.workspace = workspace
        self.places = places
        self.stubRecords = stubRecords
        self.home = home
        self.upper = upper
        self.etc = etc
        self.network = network
        self.directory = directory
    }
}

/// Paths inside that other parts rely on.
package enum InsidePath {
    /// The working files, and the working directory a program starts in.
    package static let workspace = "/workspace"
    /// The directory of the shared directories.
    package static let shared = "/shared"
    /// `HOME`.
    package static let home = "/home/agent"
    /// Cloche's own: the private git directory; profiles cannot mount there.
    package static let runtime = "/run/cloche"
    /// Where the program says what it does.
    package static let state = "/run/cloche/state"
    /// Where the agent's own `cloche` speaks to.
    package static let socket = "/run/cloche/socket"
    /// That program.
    package static let program = "/run/cloche/cloche"
    /// Links to the programs of the host that were brought in, first in `PATH`.
    package static let programs = "/run/cloche/programs"
    /// The system's certificates, and that of the authority by which the gateway answers in the place of services.
    package static let certificates = "/run/cloche/certificates.pem"
    /// That of the authority alone.
    package static let authority = "/run/cloche/authority.pem"
}

extension SandboxIdentity {
    /// Ids inside a sandbox that root started.
    private static let agentID: UInt32 = 1000
    /// Where sandboxes get their host ids when root has no range in `/etc/subuid`: below systemd's container
    /// range and above every id that a user database hands out.
    private static let defaultRange = SubordinateRange(first: 1_878_000_000, count: 65536)

    /// The identity for the caller.
    ///
    /// An ordinary user is mapped to itself; root lends the agent an id out of its subordinate range, chosen
    /// by `key`, so that no process of a sandbox ever has host uid 0.
    package static func current(key: String) -> SandboxIdentity {
        guard CurrentUser.isRoot else {
            return SandboxIdentity(
                user: CurrentUser.id,
                group: CurrentUser.group,
                hostUser: CurrentUser.id,
                hostGroup: CurrentUser.group,
                startedByRoot: false
            )
        }
        // An absent or unreadable file means that root has no range of its own.
        let text = (try? Files.readText("/etc/subuid")) ?? ""
        let range = SubordinateRange.parse(["root", "0"], in: text) ?? defaultRange
        // Id 0 of the range stays free: other tools map their root there.
        let offset = 1 + StableHash.value(of: key) % UInt64(max(range.count - 1, 1))
        let host = range.first + UInt32(offset % UInt64(range.count))
        return SandboxIdentity(
            user: agentID,
            group: agentID,
            hostUser: host,
            hostGroup: host,
            startedByRoot: true
        )
    }
}
