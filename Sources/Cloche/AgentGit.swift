// The git side of an agent, from its record.

internal import AgentStore
internal import ClocheModel
internal import GitWorkspace
internal import LinuxSystem
internal import SandboxRuntime

enum AgentGit {
    /// The worktree of an agent that has one.
    static func worktree(_ directory: AgentDirectory, _ record: AgentRecord) throws(ClocheError)
        -> AgentWorktree
    {
        guard case .worktree(let repository, _, _) = record.workspace else {
            throw ClocheError(
                .state,
                "agent \(record.name) has no branch",
                why: "it works in a directory, not in a git worktree",
                remedy: "its files are at `cloche path \(record.name)`"
            )
        }
        return try AgentWorktree(
            repository: GitRepository.discover(from: repository),
            agent: record.name,
            workspace: record.workspacePath,
            metadata: directory.git
        )
    }
}

extension GitMount {
    var place: SandboxRequest.Place {
        SandboxRequest.Place(source: source, target: target, mode: writable ? .readWrite : .readOnly)
    }
}

extension Project {
    /// The CHANGES column of an agent.
    ///
    /// `known` keeps repositories from one agent to the next, since finding one asks git.
    func changes(
        _ directory: AgentDirectory,
        _ record: AgentRecord,
        _ known: inout [String: GitRepository]
    ) -> String {
        guard case .worktree(let path, _, _) = record.workspace else { return "-" }
        // A repository that is gone leaves nothing to tell.
        guard let repository = known[path] ?? (try? GitRepository.discover(from: path)) else { return "-" }
        known[path] = repository
        let worktree = try? AgentWorktree(  // a name that no branch can have was refused at the start
            repository: repository,
            agent: record.name,
            workspace: record.workspacePath,
            metadata: directory.git
        )
        return worktree?.changeSummary().text ?? "-"
    }

    /// The command that exports an agent's commits from a sandbox; git runs it as the remote's upload-pack.
    func exportCommand(_ directory: AgentDirectory) -> [String] {
        [installation.executable, "internal-ahead", "export", directory.path]
    }
}
