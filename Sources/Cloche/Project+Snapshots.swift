// Snapshots of agents: workspace, private git directory, home and layers as of one moment in which nothing of the agent
// runs; and going back to one. Each begins by finishing what an earlier one left half-done.

internal import AgentStore
internal import AuditRecords
public import ClocheModel
internal import GitWorkspace
internal import LinuxSystem
public import Snapshots

/// What a rollback did.
public struct Rollback: Equatable, Sendable {
    /// The snapshot that the agent is as now.
    public let snapshot: Snapshot
    /// The name of the snapshot of what it was before.
    public let before: String
}

extension Project {
    /// Makes a snapshot of an agent that does not run.
    ///
    /// - Parameter wanted: the snapshot's name; nil takes the next of `snap-1`, `snap-2` ...
    public func snapshot(_ name: String, as wanted: String? = nil) throws(ClocheError) -> Snapshot {
        let directory = try agentDirectory(name)
        let lock = try directory.lockForOperation()
        defer { _ = lock.isLocked }
        if let wanted { try Self.checkSnapshotName(wanted) }
        let record = try restingRecord(directory)
        let snapshots = SnapshotDirectory(directory)
        let free = try snapshots.freeName()
        let made = try snapshots.take(wanted ?? free, keptTrees(directory, record))
        try note(directory, record, ["action": .string("make"), "name": .string(made.name)])
        return made
    }

    /// The snapshots of an agent, in the order of their making.
    public func snapshots(of name: String) throws(ClocheError) -> [Snapshot] {
        let directory = try agentDirectory(name)
        _ = try directory.read()
        return try SnapshotDirectory(directory).list()
    }

    /// Deletes a snapshot.
    public func deleteSnapshot(_ snapshot: String, of name: String) throws(ClocheError) {
        let directory = try agentDirectory(name)
        let lock = try directory.lockForOperation()
        defer { _ = lock.isLocked }
        let record = try directory.read()
        let snapshots = SnapshotDirectory(directory)
        // The others may have to go first, so that there is room for what was cut off to be finished.
        if try [snapshots.unfinishedRollback, snapshots.lastAutomatic()].contains(snapshot) {
            try settleSnapshots(directory, record)
        } else {
            try settleLayers(directory)
        }
        try snapshots.delete(snapshot)
        try note(directory, record, ["action": .string("delete"), "name": .string(snapshot)])
    }

    /// Puts an agent that does not run back to a snapshot, after a snapshot of what it is.
    public func rollback(_ name: String, to wanted: String) throws(ClocheError) -> Rollback {
        let directory = try agentDirectory(name)
        let lock = try directory.lockForOperation()
        defer { _ = lock.isLocked }
        let record = try record(ofResting: directory)
        try settleLayers(directory)
        let snapshots = SnapshotDirectory(directory)
        let snapshot = try snapshots.snapshot(wanted)
        let (trees, checkout) = (keptTrees(directory, record), Self.checkout(directory, record))
        let before: String
        // One that was cut off has kept what was there, and may be one that cannot be finished.
        if snapshots.unfinishedRollback != nil, let kept = try snapshots.lastAutomatic() {
            try snapshots.finishRollback(to: snapshot, trees, checkout: checkout)
            before = kept
        } else {
            before = try snapshots.goBack(to: snapshot, trees, checkout: checkout).name
        }
        try note(
            directory,
            record,
            ["action": .string("rollback"), "name": .string(wanted), "before": .string(before)]
        )
        return Rollback(snapshot: snapshot, before: before)
    }

    /// What brings the files of an agent's first commit; git is asked about the repository at once, and beside the rest.
    static func checkout(_ directory: AgentDirectory, _ record: AgentRecord) -> SnapshotDirectory.Checkout {
        let found = Beside {
            Result { () throws(ClocheError) in try AgentGit.worktree(directory, record) }
        }
        return { paths, scratch throws(ClocheError) in
            let worktree = try found.value.get()
            return Beside {
                Result { () throws(ClocheError) in try worktree.checkOut(paths, in: scratch) }
            }
        }
    }

    // MARK: What the others need

    /// The record of an agent of which nothing runs; what an earlier command left half-done is finished.
    func restingRecord(_ directory: AgentDirectory) throws(ClocheError) -> AgentRecord {
        let record = try record(ofResting: directory)
        try settleSnapshots(directory, record)
        return record
    }

    /// The record of an agent of which nothing runs.
    func record(ofResting directory: AgentDirectory) throws(ClocheError) -> AgentRecord {
        let status = try AgentStatus(of: directory)
        switch status.state {
        case .starting, .running, .paused, .stopping:
            throw ClocheError(
                .state,
                "agent \(directory.name) is \(status.state.rawValue)",
                why: "its layers are in use, and its files would change meanwhile",
                remedy:
                    "`cloche stop \(directory.name)` first, and `cloche resume \(directory.name)` afterwards"
            )
        case .creating, .deleting, .incomplete:
            throw ClocheError(
                .state,
                "agent \(directory.name) is not complete",
                why: "a command was ended half-way",
                remedy: "`cloche delete \(directory.name)` removes what is there"
            )
        case .stopped, .exited, .failed, .lost: return status.record
        }
    }

    /// Finishes a rollback or a snapshot that was cut off.
    func settleSnapshots(_ directory: AgentDirectory, _ record: AgentRecord) throws(ClocheError) {
        let snapshots = SnapshotDirectory(directory)
        guard snapshots.areThere else { return }
        if let unfinished = snapshots.unfinishedRollback {
            do throws(ClocheError) {
                try snapshots.finishRollback(
                    to: try snapshots.snapshot(unfinished),
                    keptTrees(directory, record),
                    checkout: Self.checkout(directory, record)
                )
            } catch {
                // It may never be possible: then there is another way.
                let other = try snapshots.lastAutomatic() ?? "SNAPSHOT"
                throw ClocheError(
                    error.code,
                    "the rollback of agent \(directory.name) to \(unfinished.debugDescription) cannot be finished",
                    why: error.why.isEmpty ? error.what : error.what + ": " + error.why,
                    remedy: """
                        \(error.remedy); or `cloche rollback \(directory.name) \(other)`, which is what was there before; any \
                        other snapshot will do, too
                        """
                )
            }
        }
        try settleLayers(directory)
    }

    /// Finishes a change of an agent's layers that was cut off.
    func settleLayers(_ directory: AgentDirectory) throws(ClocheError) {
        let pool = LayerPool(of: directory)
        guard pool.isThere else { return }
        let lock = try pool.lock()
        defer { _ = lock.isLocked }
        try pool.repair(directory)
    }

    /// Notes that a new worktree is as git has checked it out.
    func noteCheckout(_ directory: AgentDirectory, _ record: AgentRecord) throws(ClocheError) {
        guard let workspace = keptTrees(directory, record).first(where: { $0.tree == .workspace }) else {
            return
        }
        try SnapshotDirectory(directory).noteCheckout(workspace)
    }

    /// What of an agent is kept file by file; not a directory of the user's.
    func keptTrees(_ directory: AgentDirectory, _ record: AgentRecord) -> [KeptTree] {
        let home = KeptTree(.home, directory.home)
        switch record.workspace {
        case .directory: return [home]
        case .empty: return [KeptTree(.workspace, directory.workspace), home]
        case .worktree:
            // The worktree's `.git` is the host's, and another is in its place inside.
            let git = KeptTree(.git, AgentWorktree.privateGitDirectory(of: directory.git))
            return [KeptTree(.workspace, record.workspacePath, skipping: ".git"), git, home]
        }
    }

    func note(
        _ directory: AgentDirectory,
        _ record: AgentRecord,
        _ facts: KeyValuePairs<String, Document>
    ) throws(ClocheError) {
        try auditLog(directory, record).append(.snapshot, facts, .left)
    }

    private static func checkSnapshotName(_ name: String) throws(ClocheError) {
        if AgentName.isValid(name) && !name.hasPrefix("before-rollback-") { return }
        throw ClocheError(
            .usage,
            "not a name for a snapshot: \(name.debugDescription)",
            why: "it is the name of a file, and before-rollback-N are Cloche's own",
            remedy: "use at most 48 letters, digits, '.', '_' and '-', beginning with a letter or digit"
        )
    }

    // MARK: Deleting an agent

    /// Files that only snapshots of an agent have stop its deletion.
    func refuseLossOfSnapshots(_ directory: AgentDirectory, _ record: AgentRecord) throws(ClocheError) {
        let names = try SnapshotDirectory(directory).withOwnWork(keptTrees(directory, record))
        if names.isEmpty { return }
        throw ClocheError(
            .wouldLose,
            "snapshots of agent \(record.name) have work that is nowhere else",
            why:
                "the workspace or the commits of \(names.joined(separator: ", ")) are not the agent's present ones",
            remedy:
                "`cloche fork \(record.name) NEW --from \(names[0])` keeps one; `cloche delete --force \(record.name)` drops all"
        )
    }

    /// Removes an agent's directory, and the layers that only it had.
    func removeWithLayers(_ directory: AgentDirectory) throws(ClocheError) {
        try directory.remove()
        let pool = LayerPool(state)
        guard pool.isThere else { return }
        let lock = try pool.lock()
        defer { _ = lock.isLocked }
        // Another agent's list may be unreadable: then all layers stay until it is gone.
        try? pool.removeUnused()
    }
}
