// Agents that an agent starts: full agents, each with a supervisor of its own, with a part of what their parent has.

internal import AgentStore
internal import AuditRecords
package import ClocheModel
internal import GitWorkspace
internal import LinuxSystem
internal import ModelUsage
internal import ProfileLoading
internal import Supervision
internal import TerminalScreen

/// What an agent wants another one to be.
package struct ChildOptions: Sendable {
    /// Its name.
    package var name: String
    /// What it is to do.
    package var task: String
    /// The name of a profile; nil for the parent's own.
    package var profile: String?
    /// `key=value` overrides, no wider than what the parent has.
    package var overrides: [String]
    /// Whether its workspace is read-only.
    package var readOnly: Bool
    /// Variables for its program.
    package var variables: [Document.Entry]
    /// Its labels.
    package var labels: [Document.Entry]

    /// These.
    package init(
        name: String,
        task: String,
        profile: String?,
        overrides: [String],
        readOnly: Bool,
        variables: [Document.Entry],
        labels: [Document.Entry]
    ) {
        (self.name, self.task, self.profile, self.overrides) = (name, task, profile, overrides)
        (self.readOnly, self.variables, self.labels) = (readOnly, variables, labels)
    }
}

extension ActingAgent {
    /// Starts a child.
    ///
    /// - Returns: the child, and the keys of which its profile would have had more.
    package func start(_ options: ChildOptions) throws(ClocheError) -> (agent: AgentInfo, narrowed: [String])
    {
        guard let reference else {
            throw ClocheError(
                .state,
                "\(record.name) cannot have children",
                why: "it was made by a version of Cloche that had none",
                remedy: "ask the person to make another agent"
            )
        }
        // Two at once must not take the same share.
        let lock = try lockFamily()
        defer { _ = lock.isLocked }
        do throws(ClocheError) {
            let profile = try profile(of: options)
            var start = StartOptions(
                name: options.name,
                task: options.task,
                workspace: try workspace(),
                readOnly: options.readOnly || record.access == .readOnly,
                variables: options.variables
            )
            start.labels = options.labels
            let policy = try Policy(document: profile.document)
            start.child = StartOptions.Child(
                profile: StartProfile(
                    name: profile.document["profile"]?.string ?? record.profile,
                    document: profile.document,
                    policy: policy
                ),
                parent: reference,
                keys: try keys(of: policy)
            )
            let agent = try project.start(start)
            try note("started", options.name, profile.narrowed)
            try settleShares()
            return (agent, profile.narrowed)
        } catch {
            // The refusal is what matters; the agent's log says it as well if it can.
            try? note("refused", options.name, [], why: error.why.isEmpty ? error.what : error.why)
            throw error
        }
    }

    /// The keys for a child's gateway, from this one's: some came from a variable that is nowhere any more.
    private func keys(of policy: Policy) throws(ClocheError) -> FileDescriptor.Shared? {
        let services = policy.gatewayServices.map(\.name)
        if services.isEmpty { return nil }
        guard let client = try SupervisorClient.connect(directory) else {
            throw ClocheError(.state, "\(record.name) is ending")
        }
        try client.send(.copyKeys(services))
        var reply = try client.receiveWithDescriptor()
        if case .failed(let error)? = reply.message { throw error }
        guard let pipe = reply.descriptor.take() else {
            throw ClocheError(.state, "\(record.name) is ending")
        }
        return FileDescriptor.Shared(pipe)
    }

    /// Where a child works: what its parent has, in a worktree of its own if that has one.
    private func workspace() throws(ClocheError) -> WorkspaceChoice {
        switch record.workspace {
        case .worktree:
            // Its last commit; what it has not committed is its own.
            return .worktree(base: try project.sync(record.name).head)
        case .directory(let path): return .directory(path)
        case .empty: return .empty
        }
    }

    private func profile(of options: ChildOptions) throws(ClocheError) -> AttenuatedProfile {
        let living = livingChildren()
        guard policy.depth > 0, living.count < policy.children else {
            throw ClocheError(
                .state,
                "\(record.name) may not start another agent",
                why: policy.depth == 0 || policy.children == 0
                    ? "its profile allows no children (agents.children, agents.depth)"
                    : "it has \(living.count) that run, and agents.children is \(policy.children)",
                remedy: living.isEmpty ? "do it yourself, or ask the person" : "wait for one, or stop one"
            )
        }
        if let name = options.profile, !ProfileLoader.isName(name) {
            throw ClocheError(
                .usage,
                "not the name of a profile: \(name.debugDescription)",
                remedy: "leave it out"
            )
        }
        let whole = Attenuation.bound(of: record)
        let left = FamilyShares.remaining(of: whole, after: try taken(by: living))
        var profile = AttenuatedProfile(document: whole, narrowed: [])
        if let name = options.profile {
            profile = Attenuation.cut(try project.profiles.load(name: name).document, to: whole)
        }
        let base = FamilyShares.part(profile.document, of: whole, left: left, count: policy.children + 1)
        let document = try Attenuation.applying(
            options.overrides,
            to: base,
            within: left,
            bundlesOf: project.profiles
        )
        return AttenuatedProfile(document: document, narrowed: profile.narrowed)
    }

    // MARK: Shares

    /// What children have of this agent's limits and budgets: all of a living one's, and what others have used.
    private func taken(by living: [AgentInfo]) throws(ClocheError) -> [Document] {
        var taken = living.map(\.record.effective)
        for agent in project.agents().agents where relation(to: agent.record) == .child {
            if living.contains(where: { $0.record.name == agent.record.name }) { continue }
            let directory = AgentDirectory(path: agent.directory)
            let used = try directory.readUsage(created: agent.record.created).sum()
            taken.append(FamilyShares.used { used.used(of: $0) })
        }
        return taken
    }

    /// Tells its supervisor what is left for itself.
    package func settleShares() throws(ClocheError) {
        guard policy.children > 0 else { return }
        let left = FamilyShares.remaining(of: record.effective, after: try taken(by: livingChildren()))
        // One that is ending needs no limits.
        guard let client = try SupervisorClient.connect(directory) else { return }
        let shares = Document.object(["limits": left["limits"] ?? .null, "budget": left["budget"] ?? .null])
        try client.send(.setShares(shares))
        _ = try client.receive()
    }

    private func lockFamily() throws(ClocheError) -> FileLock {
        do throws(SystemError) {
            guard let lock = try FileLock(directory.path + "/family.lock", wait: true) else {
                throw SystemError("fcntl", .wouldBlock, directory.path)
            }
            return lock
        } catch { throw StoreError.cannotWrite(error) }
    }

    /// Writes into the agent's log what it did with a child.
    func note(_ action: String, _ name: String, _ narrowed: [String] = [], why: String? = nil)
        throws(ClocheError)
    {
        try project.auditLog(directory, record).append(
            .child,
            [
                "action": .string(action), "name": .string(name), "why": .optional(why),
                "narrowed": narrowed.isEmpty ? .null : .strings(narrowed),
            ]
        )
    }

    // MARK: What they do

    /// Ends a child; false when it had ended.
    package func stop(_ name: String, graceSeconds: Int32?) throws(ClocheError) -> Bool {
        _ = try child(name)
        let wasRunning = try project.stop(name, graceSeconds: graceSeconds)
        try note("stopped", name)
        try settleShares()
        return wasRunning
    }

    /// The lines that a child's terminal shows.
    package func screen(of name: String, linesAbove: Int) throws(ClocheError) -> [String] {
        _ = try child(name)
        return try project.look(name, LookRequest(linesAbove: linesAbove)).lines.map { $0.text }
    }

    /// Merges children, and itself if it is named, into a branch of its own.
    package func merge(_ names: [String], check: String?, keepGoing: Bool) throws(ClocheError) -> MergeOutcome
    {
        for name in names where name != record.name { _ = try child(name) }
        var options = MergeOptions(names)
        options.destination = .branch("cloche-merged/\(record.name)")
        options.check = check
        options.leavesOut = keepGoing
        return try project.merge(options)
    }
}
