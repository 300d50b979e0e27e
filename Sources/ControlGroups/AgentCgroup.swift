// The cgroup of one agent: made before its sandbox, which is born in it, and gone with it.
//
//   systemd                                            a tree of one's own
//   cloche.slice/cloche-PROJECT.slice   project.limits  cloche/PROJECT
//     cloche-AGENT-PID.scope            delegated         agent:AGENT        limits
//       supervisor
//       sandbox                         limits
//
// Processes are in leaves only: the kernel's rule for cgroups whose children have controllers.

package import ClocheModel
internal import Glibc
package import LinuxSystem

/// The cgroup that a sandbox is started in.
package final class AgentCgroup {
    /// Who it is for.
    package struct Owner: Sendable {
        /// The project's name among all projects: letters, digits, `.`, `_` and `-`.
        package var project: String
        /// The agent's name.
        package var agent: String

        /// An agent of a project.
        package init(project: String, agent: String) {
            self.project = project
            self.agent = agent
        }
    }

    /// The sandbox's.
    package let group: ControlGroup
    /// The same as `/proc/PID/cgroup` has it.
    package let membership: String
    /// The controllers it has, once it was made.
    package private(set) var controllers: [String] = []
    private var limits: ResourceLimits
    /// Of all agents of the project, where no manager of systemd's was given them.
    private let shared: ResourceLimits
    /// Those above it that are made for agents, the innermost first; empty where systemd makes and removes them.
    private let parents: [ControlGroup]
    private let scope: Scope?
    /// Controllers that it must have when it is opened.
    private var needed: [String] = []
    private var hasEnded = false

    private init(
        _ group: ControlGroup,
        _ place: CgroupPlace,
        _ limits: ResourceLimits,
        _ shared: ResourceLimits = ResourceLimits(),
        parents: [ControlGroup] = [],
        in scope: Scope? = nil
    ) {
        self.scope = scope
        self.group = group
        membership = (place.root == "/" ? "" : place.root) + group.path.dropFirst(place.mount.utf8.count)
        self.limits = limits
        self.shared = shared
        self.parents = parents
    }

    /// Finds its place and prepares that; this process comes into it too where systemd makes it.
    ///
    /// - Parameters:
    ///   - place: where; nil is returned when there is none.
    ///   - owner: for whom.
    ///   - limits: the agent's own.
    ///   - shared: those of all agents of the project together.
    ///   - needed: controllers without which no sandbox may be started in it.
    /// - Throws: what systemd or the kernel refused.
    package static func make(
        _ place: CgroupPlace,
        _ owner: Owner,
        _ limits: ResourceLimits,
        shared: ResourceLimits,
        needing needed: [String] = []
    ) throws(ClocheError) -> AgentCgroup? {
        switch place.way {
        case .none: return nil
        case .tree(let top):
            ControlGroup(path: top).enable(CgroupPlace.wanted)
            let cgroup = inTree(top, place, owner, limits, shared)
            cgroup.needed = needed
            return cgroup
        case .systemd(let sockets):
            let scope = try Scope(
                sockets: sockets,
                mount: place.mount,
                owner,
                weight: limits.cpuWeight,
                shared: shared
            )
            try explaining { () throws(SystemError) in
                // Processes are in leaves only, and this one is the first.
                try scope.group.child("supervisor").make()
                try scope.group.child("supervisor").write("0", to: "cgroup.procs")
            }
            scope.group.enable(CgroupPlace.wanted)
            let cgroup = AgentCgroup(scope.group.child("sandbox"), place, limits, in: scope)
            cgroup.needed = needed
            return cgroup
        }
    }

    private static func inTree(
        _ top: String,
        _ place: CgroupPlace,
        _ owner: Owner,
        _ limits: ResourceLimits = ResourceLimits(),
        _ shared: ResourceLimits = ResourceLimits()
    ) -> AgentCgroup {
        let all = ControlGroup(path: top).child("cloche")
        let project = all.child(owner.project)
        // Not the bare name: an agent may be called `memory.max`.
        let group = project.child("agent:" + owner.agent)
        return AgentCgroup(group, place, limits, shared, parents: [project, all])
    }

    private static func explaining(_ body: () throws(SystemError) -> Void) throws(ClocheError) {
        do {
            try body()
        } catch {
            throw ClocheError(
                .host,
                "cannot make a cgroup for the agent",
                why: error.description,
                remedy:
                    "`cloche doctor` says what this host gives; --set limits.enforcement=measured does without"
            )
        }
    }

    /// Makes the cgroup afresh, with its limits, for a sandbox to be born in.
    ///
    /// What an earlier sandbox left in it is killed: its counters would be taken for this one's.
    package func open() throws(ClocheError) -> FileDescriptor {
        var directory: FileDescriptor?
        try Self.explaining { () throws(SystemError) in
            group.kill()
            group.remove()
            try makeGroup()
            if let project = parents.first { try project.apply(shared) }
            controllers = group.words("cgroup.controllers").filter { CgroupPlace.wanted.contains($0) }
            // The place seemed to have them; what counts is what the kernel gave.
            if let lacking = needed.first(where: { !controllers.contains($0) }) {
                throw SystemError("cgroup.subtree_control", .notPermitted, "\(lacking) for \(group.path)")
            }
            try group.apply(limits)
            directory = try Files.open(group.path, O_RDONLY | O_DIRECTORY)
        }
        guard let directory = consume directory else { preconditionFailure("opened above") }
        return directory
    }

    /// Makes it and those above it, again as long as another agent, which was the last there, takes them away meanwhile.
    ///
    /// Once this one is there they stay.
    private func makeGroup() throws(SystemError) {
        for attempt in 0... {
            do throws(SystemError) {
                for parent in parents.reversed() {
                    try parent.make()
                    parent.enable(CgroupPlace.wanted)
                }
                return try group.make()
            } catch  where error.errno == .noEntry && attempt < 1000 { continue }
        }
    }

    /// Puts other limits in force, for this sandbox and those after it.
    package func change(_ limits: ResourceLimits) throws(SystemError) {
        self.limits = limits
        if group.exists { try group.apply(limits) }
    }

    deinit { end() }

    /// Kills what is in it and removes it, with parents that are empty then.
    ///
    /// The second time does nothing.
    package func end() {
        if hasEnded { return }
        hasEnded = true
        group.kill()
        guard group.remove() else { return }
        scope?.leave()
        for parent in parents { _ = unsafe rmdir(parent.path) }
    }

    /// Removes what the agent's supervisor left when it was killed.
    package static func clearLeftover(_ place: CgroupPlace, _ owner: Owner) {
        switch place.way {
        case .none: return
        case .systemd(let sockets): Scope.clearLeftover(sockets: sockets, mount: place.mount, owner)
        case .tree(let top):
            let left = inTree(top, place, owner)
            if left.group.exists { left.end() }
        }
    }
}
