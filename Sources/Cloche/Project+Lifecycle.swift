// Stopping, resuming and deleting agents. Each begins by looking at what is there now, so that each finishes
// what a killed command or supervisor left.

internal import AgentStore
internal import AuditRecords
public import ClocheModel
internal import ControlGroups
internal import GitWorkspace
internal import LinuxSystem
internal import ProfileLoading
internal import Supervision

extension Project {
    /// Ends an agent: asks its program, waits for the grace, then kills everything in its sandbox.
    ///
    /// - Parameters:
    ///   - name: the agent.
    ///   - graceSeconds: how long to wait; 0 kills at once, nil takes the profile's time.
    /// - Returns: false when it did not run.
    @discardableResult
    public func stop(_ name: String, graceSeconds: Int32? = nil) throws(ClocheError) -> Bool {
        let directory = try agentDirectory(name)
        let before = try AgentStatus(of: directory)
        guard let client = try SupervisorClient.connect(directory) else {
            if before.state == .lost { try settleLost(directory) }
            return false
        }
        var isAsked = true
        do throws(ClocheError) {
            try client.send(.stop(graceSeconds: graceSeconds))
        } catch  where error.code == .state {
            // It ends by itself, or was killed, since it let us connect.
            isAsked = false
        }
        try client.awaitEnd()
        awaitChildren(of: before.record)
        return isAsked
    }

    /// Between two looks at children that are ending, in milliseconds, and how long they may take beyond their grace.
    private static let (childrenPace, childrenTime): (Int32, Int64) = (50, 10_000)

    /// Waits for the agents that end because their parent has, and those below them.
    private func awaitChildren(of parent: AgentRecord) {
        // One that cannot be read has the children that it has; they end, or not, by themselves.
        guard let policy = try? Policy(document: parent.effective), policy.agents.atEnd == .stop,
            policy.agents.children > 0, let id = parent.auditLog
        else { return }
        let reference = ParentReference(name: parent.name, auditLog: id)
        for directory in state.agents() {
            // The same.
            guard let record = try? directory.read(), record.parent == reference,
                // One that a person has started again while its parent did not run does not end with it.
                record.started ?? 0 >= parent.started ?? 0,
                directory.isSupervised,
                // Without its times it is not known how long it may take.
                let own = try? Policy(document: record.effective)
            else { continue }
            let end = MonotonicClock.milliseconds + Int64(own.stop.graceSeconds) * 1000 + Self.childrenTime
            while directory.isSupervised, MonotonicClock.milliseconds < end {
                Pause.milliseconds(Self.childrenPace)
            }
            awaitChildren(of: record)
        }
    }

    /// Writes down that an agent's supervisor was lost.
    private func settleLost(_ directory: AgentDirectory) throws(ClocheError) {
        // Whoever holds it changes the agent, and judges it anew; that may be this very command.
        guard let lock = try? directory.lockForOperation() else { return }
        defer { _ = lock.isLocked }
        var record = try directory.read()
        guard !directory.isSupervised, record.state.isSupervised else { return }
        record.state = .failed
        record.endReason = .supervisorLost
        record.failure = "the agent \(EndReason.supervisorLost.text)"
        record.ended = WallClock.milliseconds
        try directory.write(record)
        AgentCgroup.clearLeftover(.find(.host), directory.cgroupOwner)
        try auditLog(directory, record).append(
            .end,
            ["reason": .string(EndReason.supervisorLost.rawValue)]
        )
    }

    /// Starts an agent again with its workspace, home and profile.
    ///
    /// - Parameters:
    ///   - name: the agent.
    ///   - task: what it is to do next; empty for nothing new.
    ///   - overrides: `key=value` overrides of its limits, its network and its model, from now on.
    public func resume(_ name: String, task: String = "", overrides: [String] = []) throws(ClocheError)
        -> AgentInfo
    {
        let directory = try agentDirectory(name)
        let lock = try directory.lockForOperation()
        defer { _ = lock.isLocked }
        let status = try AgentStatus(of: directory)
        switch status.state {
        case .starting, .running, .paused, .stopping:
            throw ClocheError(
                .state,
                "agent \(name) is \(status.state.rawValue) already",
                remedy: "`cloche attach \(name)` shows it, `cloche stop \(name)` ends it"
            )
        case .creating, .deleting, .incomplete:
            throw ClocheError(
                .state,
                "agent \(name) is not complete",
                why: "the command that was \(status.record.state.rawValue) it was ended half-way",
                remedy: "`cloche delete \(name)` removes what is there"
            )
        case .stopped, .exited, .failed, .lost: break
        }
        try settleSnapshots(directory, status.record)
        var record = status.record
        // Without a new task the old one stays on show; it is not given again.
        if !task.isEmpty { record.task = task }
        if !overrides.isEmpty {
            let changes = overrides.map { StoredChange.option($0) }
            record.effective = try StoredProfile.changed(record.effective, changes, bundlesOf: profiles)
        }
        var policy = try Policy(document: record.effective)
        // What its program cannot be told is not kept for the next time.
        if !overrides.isEmpty { try HarnessFiles.check(policy, installation) }
        record.state = .stopped
        record.resumed = WallClock.milliseconds
        // What its children have, or have used, it has not.
        if record.left != nil { record.left = try ActingAgent(self, record, directory).left() }
        try choose(&policy, &record)
        try directory.write(record)
        let mode = task.isEmpty ? StartMode.resume : .resumeWithTask
        try launch(directory, holding: lock, mode, policy, record.variables)
        return infoAfterStart(directory, record)
    }

    /// Removes an agent: worktree, branch, home, state.
    ///
    /// - Parameters:
    ///   - name: the agent.
    ///   - force: also what runs and what is nowhere else.
    ///   - keepBranch: leaves its branch.
    /// - Returns: a sentence for the user when something was kept after all.
    @discardableResult
    public func delete(_ name: String, force: Bool = false, keepBranch: Bool = false) throws(ClocheError)
        -> String?
    {
        let directory = try agentDirectory(name)
        guard directory.exists else {
            _ = try directory.read()
            return nil
        }
        let lock = try directory.lockForOperation()
        defer { _ = lock.isLocked }
        guard let status = try readable(directory, force: force) else {
            try keepUsage(directory, force: force)
            try removeWithLayers(directory)
            return
                "its record could not be read; `git worktree prune` and `git branch -D cloche/\(name)` clean the rest"
        }
        if status.isRunning {
            guard force else {
                throw ClocheError(
                    .state,
                    "agent \(name) is \(status.state.rawValue)",
                    why: "deleting it would end its work",
                    remedy: "`cloche stop \(name)` first, or `cloche delete --force \(name)`"
                )
            }
            try stop(name, graceSeconds: 0)
        }
        if !force && ![.creating, .deleting].contains(status.record.state) {
            try refuseLoss(directory, status.record, keepBranch: keepBranch)
            try refuseLossOfSnapshots(directory, status.record)
        }
        return try dismantle(directory, force: force, keepBranch: keepBranch)
    }

    private func readable(_ directory: AgentDirectory, force: Bool) throws(ClocheError) -> AgentStatus? {
        do throws(ClocheError) {
            return try AgentStatus(of: directory)
        } catch {
            if force { return nil }
            throw error
        }
    }

    /// The record says `deleting` before the first file goes, so that a second `delete` finishes what a kill
    /// left.
    private func dismantle(_ directory: AgentDirectory, force: Bool, keepBranch: Bool) throws(ClocheError)
        -> String?
    {
        var record = try directory.read()
        AgentCgroup.clearLeftover(.find(.host), directory.cgroupOwner)
        record.state = .deleting
        // On a full disk the old record stays; deleting is what makes room there.
        try? directory.write(record)
        var kept: String?
        if case .worktree = record.workspace {
            kept = try AgentGit.worktree(directory, record).remove(keepBranch: keepBranch)
        }
        try keepUsage(directory, force: force)
        try removeWithLayers(directory)
        return kept
    }

    /// What it used of model APIs still counts for its project.
    private func keepUsage(_ directory: AgentDirectory, force: Bool) throws(ClocheError) {
        do throws(ClocheError) {
            try state.keepUsage(of: directory)
            try keepUseForParent(directory)
        } catch {
            // What cannot be read or kept must not keep a person from removing the agent.
            if !force { throw error }
        }
    }

    /// What an agent and those below it have used of what its parent has stays used.
    private func keepUseForParent(_ directory: AgentDirectory) throws(ClocheError) {
        // What cannot be read tells of no parent.
        guard let record = try? directory.read(), let parent = record.parent, let id = record.auditLog else {
            return
        }
        let place = state.agent(parent.name)
        // One that is gone, or another one of its name, has nothing to count.
        guard let known = try? place.read(), known.auditLog == parent.auditLog else { return }
        let used = try ActingAgent(self, known, place).used(by: record, directory)
        try place.keepDescendantsUse(used, of: id)
    }

    /// What an agent has made and nobody else has stops its deletion.
    private func refuseLoss(_ directory: AgentDirectory, _ record: AgentRecord, keepBranch: Bool)
        throws(ClocheError)
    {
        switch record.workspace {
        case .directory: return
        case .empty:
            // A workspace that cannot be read may hold anything.
            let names = (try? Files.list(directory.workspace)) ?? ["?"]
            if names.isEmpty { return }
            throw ClocheError(
                .wouldLose,
                "agent \(record.name) has files that are nowhere else",
                why: "\(names.count) in \(directory.workspace)",
                remedy: "copy them, or `cloche delete --force \(record.name)`"
            )
        case .worktree:
            try refuseLossOfWork(directory, record, keepBranch: keepBranch)
        }
    }
}
