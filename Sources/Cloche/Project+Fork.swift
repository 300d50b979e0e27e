// A second agent out of one: its workspace, git directory, home and layers as of a snapshot, under another name and on a
// branch of its own. Made in the order of a start, so that whatever is cut off can be deleted.

internal import AgentStore
internal import AuditRecords
public import ClocheModel
internal import GitWorkspace
internal import LinuxSystem
internal import Snapshots

extension Project {
    /// Makes an agent that is what another one is, or was at a snapshot; it does not run yet.
    ///
    /// - Parameters:
    ///   - name: the agent to fork; it does not run.
    ///   - new: the name of the new agent.
    ///   - snapshot: what to begin from; nil is the present.
    public func fork(_ name: String, as new: String, from snapshot: String? = nil) throws(ClocheError)
        -> AgentInfo
    {
        let directory = try agentDirectory(name)
        let target = try agentDirectory(new)
        let lock = try directory.lockForOperation()
        defer { _ = lock.isLocked }
        // A snapshot is whole whatever the agent is.
        let record = try snapshot == nil ? restingRecord(directory) : record(ofResting: directory)
        let child = try childRecord(of: record, new, target)
        let snapshots = SnapshotDirectory(directory)
        let made: Snapshot
        if let snapshot {
            made = try snapshots.snapshot(snapshot)
        } else {
            made = try snapshots.take(try snapshots.freeName(), keptTrees(directory, record))
        }
        // It was only made to begin from; the new agent has all of it.
        defer { if snapshot == nil { try? snapshots.delete(made.name) } }
        let began = snapshot.map { Document.string($0) } ?? .null
        try make(target, child, from: made, of: directory, record)
        try note(
            directory,
            record,
            ["action": .string("fork"), "name": began, "into": .string(new)]
        )
        return try info(target)
    }

    private func childRecord(of record: AgentRecord, _ new: String, _ target: AgentDirectory)
        throws(ClocheError) -> AgentRecord
    {
        if target.exists {
            throw ClocheError(
                .exists,
                "an agent named \(new) exists already",
                why: target.path,
                remedy: "choose another name, or `cloche delete \(new)` first"
            )
        }
        let workspace: WorkspaceKind
        switch record.workspace {
        case .directory(let path):
            throw ClocheError(
                .state,
                "agent \(record.name) works in a directory of yours",
                why: "two agents would write the same files at \(path)",
                remedy: "`cloche start \(new) --workspace dir:PATH` with a copy of that directory"
            )
        case .empty: workspace = .empty
        case .worktree(let repository, _, let base):
            let branch = "cloche/" + new
            if try GitRepository.discover(from: repository).commit("refs/heads/" + branch) != nil {
                throw ClocheError(
                    .exists,
                    "the branch \(branch) exists already",
                    why: "it may hold work of an earlier agent",
                    remedy: "choose another name, or remove the branch: git branch -D \(branch)"
                )
            }
            workspace = .worktree(repository: repository, branch: branch, base: base)
        }
        var child = AgentRecord(
            name: new,
            project: record.project,
            workspace: workspace,
            access: record.access,
            workspacePath: target.workspace,
            profile: record.profile,
            effective: record.effective,
            task: record.task,
            created: WallClock.milliseconds
        )
        child.variables = record.variables
        child.auditLog = AuditLog.newID()
        child.forkedFrom = record.name
        return child
    }

    private func make(
        _ target: AgentDirectory,
        _ child: AgentRecord,
        from snapshot: Snapshot,
        of directory: AgentDirectory,
        _ record: AgentRecord
    ) throws(ClocheError) {
        let lock = try target.create(child)
        defer { _ = lock.isLocked }
        do throws(ClocheError) {
            try furnish(target, child, snapshot, directory, record)
            try auditLog(target, child).append(
                .create,
                [
                    "profile": .string(child.profile), "task": .string(child.task),
                    "forked-from": .string(record.name), "snapshot": .string(snapshot.name),
                ],
                .left
            )
            var done = child
            done.state = .stopped
            done.ended = WallClock.milliseconds
            try target.write(done)
        } catch {
            discard(target, unless: error.code == .exists)
            throw error
        }
    }

    private func furnish(
        _ target: AgentDirectory,
        _ child: AgentRecord,
        _ snapshot: Snapshot,
        _ directory: AgentDirectory,
        _ record: AgentRecord
    ) throws(ClocheError) {
        if case .worktree = child.workspace {
            let worktree = try AgentGit.worktree(target, child)
            try worktree.create(like: try AgentGit.worktree(directory, record))
            try noteCheckout(target, child)
        } else {
            do throws(SystemError) {
                try Files.makeDirectory(target.workspace, mode: 0o755)
            } catch { throw StoreError.cannotWrite(error) }
        }
        try SnapshotDirectory(target).begin(
            from: snapshot,
            of: SnapshotDirectory(directory),
            keptTrees(target, child),
            // Those that were checked out so lately that their times do not tell.
            checkout: Self.checkout(target, child)
        )
        if case .worktree = child.workspace {
            try AgentGit.worktree(target, child).takeOverPrivateGit(of: record.name)
        }
    }
}
