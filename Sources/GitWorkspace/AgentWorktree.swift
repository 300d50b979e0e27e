// One agent's worktree: its names, its paths on the host, and where they are inside a sandbox. The operations
// are in the files beside this one (creation, sync, diff, merge, removal). docs/git.md draws the whole
// picture.

package import ClocheModel
internal import LinuxSystem

/// A host path to show inside a sandbox.
package struct GitMount: Equatable, Sendable {
    /// Absolute host path: a directory, or a file.
    package let source: String
    /// Absolute path inside.
    package let target: String
    package let writable: Bool
}

/// The git side of one agent.
///
/// Below `metadata` are `private` (the agent's own git directory: the only part it ever writes), `pointer`
/// (the file that takes the place of the worktree's `.git` inside), `no-alternates` (an empty file),
/// `origin`, `first-index` (git's index of the first commit), `synced`, `lock`.
package struct AgentWorktree: Sendable {
    package let repository: GitRepository
    /// The agent's name.
    package let agent: String
    /// Root of the worktree on the host.
    package let workspace: String
    /// A directory of Cloche's for this agent's git state; made by `create`.
    package let metadata: String

    /// Names a worktree; nothing is read or made.
    ///
    /// - Throws: `.usage` when the name cannot be part of a branch name.
    package init(repository: GitRepository, agent: String, workspace: String, metadata: String)
        throws(ClocheError)
    {
        let fits = agent.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."):
                true
            default: false
            }
        }
        let odd =
            agent.hasPrefix("-") || agent.hasPrefix(".") || agent.hasSuffix(".") || agent.hasSuffix(".lock")
        guard fits, !odd, !agent.isEmpty, agent.utf8.count <= 100, !agent.contains("..") else {
            throw ClocheError(
                .usage,
                "\(agent.visible) cannot name a branch",
                remedy: "use letters, digits and hyphens"
            )
        }
        self.repository = repository
        self.agent = agent
        self.workspace = workspace
        self.metadata = metadata
    }

    /// The agent's branch: `cloche/fixer`.
    package var branchName: String { "cloche/" + agent }
    /// The branch as a full ref name.
    var branch: String { "refs/heads/" + branchName }
    /// The refs of the main repository that belong to this agent: what it started from, what the last sync
    /// brought.
    var refs: AgentRefs { AgentRefs(agent: agent) }

    /// The agent's own git directory.
    package static func privateGitDirectory(of metadata: String) -> String { metadata + "/private" }
    var privateGitDirectory: String { Self.privateGitDirectory(of: metadata) }
    var pointerFile: String { metadata + "/pointer" }
    var emptyFile: String { metadata + "/no-alternates" }
    var originFile: String { metadata + "/origin" }
    var firstIndexFile: String { metadata + "/first-index" }
    var syncedFile: String { metadata + "/synced" }
    var lockFile: String { metadata + "/lock" }

    /// What the agent's sandbox needs, in order, after the workspace itself is mounted at `workspaceTarget`.
    ///
    /// - Throws: `.system` when the repository's objects cannot be found.
    package func sandboxMounts(workspaceTarget: String = "/workspace") throws(ClocheError) -> [GitMount] {
        try mounts(workspaceTarget, privateIsWritable: true)
    }

    /// What the one-shot sandbox of an export needs: the same with the private git directory read-only.
    ///
    /// The caller mounts the workspace read-only at `workspaceTarget` first, and a tmpfs at `/tmp`.
    package func exportMounts(workspaceTarget: String = "/workspace") throws(ClocheError) -> [GitMount] {
        try mounts(workspaceTarget, privateIsWritable: false)
    }

    private func mounts(_ workspaceTarget: String, privateIsWritable: Bool) throws(ClocheError) -> [GitMount]
    {
        var mounts = [
            GitMount(source: pointerFile, target: workspaceTarget + "/.git", writable: false),
            GitMount(
                source: privateGitDirectory,
                target: SandboxPath.privateGitDirectory,
                writable: privateIsWritable
            ),
        ]
        for (index, path) in try ObjectDirectories.all(of: repository.commonDirectory).enumerated() {
            let target = SandboxPath.objects(index)
            mounts.append(GitMount(source: path, target: target, writable: false))
            // The repository's own list holds host paths; inside, every directory is listed by us.
            if Files.exists(path + "/info/alternates") {
                mounts.append(
                    GitMount(source: emptyFile, target: target + "/info/alternates", writable: false)
                )
            }
        }
        return mounts
    }

    /// The git directory that the host keeps for this worktree (`.git/worktrees/<id>`); nil when there is
    /// none.
    ///
    /// It is found from the host's side, never through the worktree's `.git` file.
    func administrativeDirectory() -> String? {
        let parent = repository.commonDirectory + "/worktrees"
        // No such directory means that the repository has no linked worktree.
        guard let names = try? Files.list(parent) else { return nil }
        let wanted = [UInt8]((workspace + "/.git").utf8)
        return names.map { parent + "/" + $0 }.first { path in
            // A registration without a readable `gitdir` is of no worktree that exists.
            guard let text = try? Files.read(path + "/gitdir", limit: 8192) else { return false }
            return text == wanted || text == wanted + [UInt8(ascii: "\n")]
        }
    }

    /// The same, where it has to be there.
    func requiredAdministrativeDirectory() throws(ClocheError) -> String {
        guard let path = administrativeDirectory() else {
            throw ClocheError(
                .git,
                "the worktree of \(agent) is not known to the repository",
                why: "no entry of \(repository.commonDirectory.visible)/worktrees names \(workspace.visible)",
                remedy:
                    "if the repository was moved, run `git worktree repair \(workspace.shellQuoted)` in it"
            )
        }
        return path
    }

    /// Runs `body` while no other cloche works on this agent's git state.
    ///
    /// It gets this worktree with a git whose commands hold the lock, too: one that outlives a killed cloche
    /// goes on working, and whoever comes next waits for it.
    func exclusively<R: Sendable>(
        _ body: (AgentWorktree) throws(ClocheError) -> R
    ) throws(ClocheError) -> R {
        let lock = try RepositoryLock.take(lockFile, waiting: { _ in })
        return try body(
            AgentWorktree(
                repository: repository.holding(lock.number),
                agent: agent,
                workspace: workspace,
                metadata: metadata
            )
        )
    }
}

/// Where the parts of a worktree's git are inside a sandbox.
package enum SandboxPath {
    /// The agent's own git directory.
    package static let privateGitDirectory = "/run/cloche/git"

    /// The repository's objects, and those it borrows from.
    package static func objects(_ index: Int) -> String {
        index == 0 ? "/run/cloche/objects" : "/run/cloche/objects.\(index)"
    }
}

/// The refs that Cloche keeps for an agent in the main repository.
struct AgentRefs: Sendable {
    let agent: String

    /// All of them are below this.
    var prefix: String { "refs/cloche/\(agent)/" }
    /// The commit that the agent started from.
    var base: String { prefix + "base" }
    /// The agent's commit as of the last finished sync; the branch moved with it.
    var head: String { prefix + "head" }
    /// As `head`, with the uncommitted changes on top; the same commit when there are none.
    var snapshot: String { prefix + "snapshot" }
    /// The commit last offered to a merge, uncommitted changes included.
    ///
    /// Whether it was merged is a matter of ancestry.
    var proposal: String { prefix + "proposal" }
    /// What a fetch brought, before the branch moves.
    var fetchedHead: String { prefix + "fetched/head" }
    var fetchedSnapshot: String { prefix + "fetched/snapshot" }
    var fetchedReport: String { prefix + "fetched/report" }
    /// Other branches and stashes of the agent that hold commits of their own.
    var other: String { prefix + "other/" }
}
