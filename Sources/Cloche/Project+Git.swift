// Taking over an agent's work: sync, diff, merge. The git of the host only ever sees objects that came
// through a checked fetch from a sandbox; GitWorkspace does that, this file brings the two together.

internal import AgentStore
internal import AuditRecords
package import ClocheModel
package import GitWorkspace
internal import LinuxSystem
internal import ProfileLoading
internal import SandboxRuntime
internal import Supervision

extension Project {
    /// Fetches an agent's commits and uncommitted changes into the repository.
    @discardableResult
    package func sync(_ name: String) throws(ClocheError) -> SyncResult {
        let (directory, record, worktree) = try gitAgent(name)
        return try sync(directory, record, worktree)
    }

    /// The same for one whose record has been read.
    func sync(_ directory: AgentDirectory, _ record: AgentRecord, _ worktree: AgentWorktree)
        throws(ClocheError) -> SyncResult
    {
        let account = try requester.map { agent throws(ClocheError) in try FetchAccount(self, agent) }
        try account?.refuseIfSpent()
        let result = try worktree.sync(
            uploadPackCommand: exportCommand(directory),
            environment: Self.exportEnvironment,
            within: TreeBounds(try Policy(document: record.effective).limits),
            counting: account?.add
        )
        let log = auditLog(directory, record)
        let event = AuditEvent(
            .sync,
            [
                .init("head", .string(result.head)), .init("commits", .integer(Int64(result.commits))),
                .init("uncommitted", .bool(result.hasUncommittedChanges)),
            ]
        )
        try log.append([event] + (log.keeps(.file) ? FileEvents.all(of: result, worktree) : []))
        return result
    }

    /// What the export process needs of our environment: where state and caches are.
    private static var exportEnvironment: [String] {
        ["HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"].compactMap { name in
            ProcessEnvironment.value(name).map { "\(name)=\($0)" }
        }
    }

    /// Fetches, then compares the agent's work with where it began.
    package func diff(_ name: String, _ form: DiffForm, atMost most: Int = .max) throws(ClocheError)
        -> (diff: AgentDiff, sync: SyncResult)
    {
        let (directory, record, worktree) = try gitAgent(name)
        let synced = try sync(directory, record, worktree)
        return (try worktree.diff(form, protecting: Self.protected(record), atMost: most), synced)
    }

    /// Fetches, then merges the agent's work into the branch that is checked out.
    package func merge(
        _ name: String,
        message: String? = nil,
        dryRun: Bool = false,
        progress: (String) -> Void = { _ in }
    )
        throws(ClocheError) -> (merge: MergeResult, warnings: [DiffWarning], sync: SyncResult)
    {
        let (directory, record, worktree) = try gitAgent(name)
        let lock = try directory.lockForOperation(wait: true)
        defer { _ = lock.isLocked }
        let synced = try sync(directory, record, worktree)
        let warnings = try worktree.diff(.names, protecting: Self.protected(record)).warnings
        let result = try worktree.merge(
            task: record.task,
            message: message,
            dryRun: dryRun,
            waiting: progress
        )
        if dryRun { return (result, warnings, synced) }
        try auditLog(directory, record).append(
            .merge,
            ["commit": .optional(result.commit), "into": .string(result.branch)]
        )
        return (result, warnings, synced)
    }

    /// What the agent's profile protects.
    static func protected(_ record: AgentRecord) throws(ClocheError) -> [ProtectedName] {
        try Policy(document: record.effective).filesystem.protect.map { ProtectedName($0) }
    }

    /// An agent of this project with a worktree.
    func gitAgent(_ name: String) throws(ClocheError) -> (AgentDirectory, AgentRecord, AgentWorktree) {
        let directory = try agentDirectory(name)
        let record = try directory.read()
        if record.state == .creating || record.state == .deleting {
            throw ClocheError(
                .state,
                "agent \(name) is not complete",
                why: "a command was ended half-way",
                remedy: "`cloche delete \(name)` removes what is there"
            )
        }
        return (directory, record, try AgentGit.worktree(directory, record))
    }

    /// Refuses to delete an agent whose commits or changes are nowhere else.
    func refuseLossOfWork(_ directory: AgentDirectory, _ record: AgentRecord, keepBranch: Bool)
        throws(ClocheError)
    {
        let worktree = try AgentGit.worktree(directory, record)
        // A sync that fails is told by what `unmergedWork` then does not know.
        let synced = try? sync(directory, record, worktree)
        let work = try worktree.unmergedWork(after: synced)
        let onlyCommits = work.uncommittedFiles == 0 && work.otherRefs.isEmpty && work.unknown.isEmpty
        if work.isEmpty || keepBranch && onlyCommits { return }
        throw ClocheError(
            .wouldLose,
            "agent \(record.name) has work that is nowhere else",
            why: work.text,
            remedy:
                "`cloche merge \(record.name)` takes it over; `cloche delete --force \(record.name)` drops it"
        )
    }
}

/// The far end of a sync: a sandbox without network in which the agent's files are read-only.
package enum ExportProcess {
    /// Runs the export of an agent, with git's pipes as standard input and output, and returns its exit code.
    package static func run(_ path: String, installation: Installation) throws -> Int32 {
        let directory = AgentDirectory(path: path)
        let record = try directory.read()
        let worktree = try AgentGit.worktree(directory, record)
        var policy = Policy(profile: "export", harness: HarnessPolicy(command: []))
        policy.filesystem.etc = ["ld.so.cache", "alternatives"]
        policy.limits.openFiles = 4096
        let request = SandboxRequest(
            policy: policy,
            identity: .current(key: directory.path),
            hostname: "export",
            executable: installation.executable,
            workspace: .init(source: record.workspacePath, target: InsidePath.workspace, mode: .readOnly),
            places: try worktree.exportMounts().map(\.place),
            directory: directory.path
        )
        let spec = ProcessSpec(
            arguments: try worktree.exportCommand(),
            environment: ["PATH=/usr/bin:/bin", "HOME=/tmp", "TMPDIR=/tmp"],
            directory: "/tmp"
        )
        // A limit of its policy that asks for a cgroup there is none.
        return try OneShot.run(request, spec, directory.cgroupOwner, installation: installation)
    }
}
