// From a policy to the one under which a run is recorded: wider where a profile may be, and nowhere else.

package import ClocheModel

/// Policies to record under.
package enum RecordingPolicy {
    /// What init, or any program at all, cannot do without: whether it is used needs no looking.
    package static let neededGroups = ["files", "memory", "processes", "events", "sockets"]
    /// Given to programs while they are recorded; `nested-namespaces` is not among them: too much comes with it.
    package static let offeredGroups = SyscallPolicy.standardGroups + ["debugging"]
    /// Its use cannot be told from that of other groups' calls.
    static let unseenGroups = ["nested-namespaces"]

    /// The policy with every group of calls that a profile gets for the asking, and every public address; what it
    /// denies stays denied.
    package static func recording(_ policy: Policy) -> Policy {
        var policy = policy
        policy.syscalls.groups += offeredGroups.filter { !policy.syscalls.groups.contains($0) }
        policy.network.mode = .open
        return policy
    }

    /// What is allowed without being noted.
    package static func smallest(_ policy: SyscallPolicy) -> SyscallPolicy {
        var policy = policy
        policy.groups = neededGroups + policy.groups.filter { unseenGroups.contains($0) }
        policy.allow = []
        return policy
    }

    /// The policy under which refusals are counted: the same, but where there is no network there is one in which
    /// nothing can be reached, so that somebody sees who tries.
    package static func counting(_ policy: Policy) -> Policy {
        var policy = policy
        if policy.network.mode == .none {
            policy.network.mode = .allow
            policy.network.allow = []
        }
        return policy
    }
}
