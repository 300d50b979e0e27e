// Agents that an agent starts: full agents, each with a supervisor of its own, with a part of what their parent has.

internal import AgentStore
internal import AuditRecords
package import ClocheModel
internal import GitWorkspace
package import LinuxSystem
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
    package func start(_ options: ChildOptions) throws(ClocheError) -> (
        agent: FamilyMember, narrowed: [String]
    ) {
        guard let reference else {
            throw ClocheError(
                .state,
                "\(record.name) cannot have children",
                why: "it was made by a version of Cloche that had none",
                remedy: "ask the person to make another agent"
            )
        }
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
            _ = try project.start(start)
            try note("started", options.name, profile.narrowed)
            try settleShares()
            return (try child(options.name), profile.narrowed)
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
        if let name = options.profile, !policy.profiles.contains(name) {
            let granted = policy.profiles.isEmpty ? "none" : policy.profiles.joined(separator: ", ")
            throw ClocheError(
                .state,
                "\(record.name) may not start agents with the profile \(name.debugDescription)",
                why: "beside its own, its profile grants these: \(granted) (agents.profiles)",
                remedy: "leave --profile out, or ask the person"
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
        try refuseToStarve(whole, left, document)
        return AttenuatedProfile(document: document, narrowed: profile.narrowed)
    }

    /// Refuses a child after which this agent would have less memory than it uses: its own programs would be killed.
    private func refuseToStarve(_ whole: Document, _ left: Document, _ child: Document) throws(ClocheError) {
        let rest = FamilyShares.remaining(of: left, after: [child])
        guard let most = FamilyShares.memory(of: rest), let client = try SupervisorClient.connect(directory)
        else {
            return
        }
        try client.send(.stats)
        guard case .report(let answer)? = try client.receive(),
            let used = answer.value(at: ["report", "memory"])?.integer, used > most
        else { return }
        throw ClocheError(
            .state,
            "\(record.name) needs its memory itself: limits.memory",
            why: "\(Amount.bytes(used)) are in use, and \(Amount.bytes(most)) would be left beside the child",
            remedy: "give the child less, with --set limits.memory, or end programs of yours"
        )
    }

    // MARK: Shares

    /// What children have of this agent's limits and budgets: all of a living one's, and what others have used.
    private func taken(by living: [FamilyMember]) throws(ClocheError) -> [Document] {
        var taken = living.map(\.record.effective)
        for agent in family() where agent.relation == .child && !agent.isLiving {
            let directory = project.state.agent(agent.record.name)
            let used = try directory.readUsage(created: agent.record.created).sum()
            taken.append(FamilyShares.used { used.used(of: $0) })
        }
        return taken
    }

    /// Tells its supervisor what is left for itself.
    package func settleShares() throws(ClocheError) {
        guard policy.children > 0 else { return }
        let left = FamilyShares.remaining(
            of: record.effective,
            after: try taken(by: livingChildren()),
            forItself: true
        )
        // One that is ending needs no limits.
        guard let client = try SupervisorClient.connect(directory) else { return }
        let shares = Document.object(["limits": left["limits"] ?? .null, "budget": left["budget"] ?? .null])
        try client.send(.setShares(shares))
        _ = try client.receive()
    }

    /// Held for what takes a share, or the host's time: one at a time.
    package func lockFamily() throws(ClocheError) -> FileLock {
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

    /// Settings for the sandbox of a check: what a child would get of limits, and ten minutes.
    private func checkSettings() throws(ClocheError) -> [String] {
        let whole = Attenuation.bound(of: record)
        let left = FamilyShares.remaining(of: whole, after: try taken(by: livingChildren()))
        let part = FamilyShares.part(whole, of: whole, left: left, count: policy.children + 1)
        return ["memory", "swap", "processes", "cpu", "cpu-time", "disk", "disk-files", "process-starts"]
            .compactMap { name in
                part.value(at: ["limits", name]).map { "limits.\(name)=\(Document.inline($0))" }
            } + ["limits.wall-clock=10m"]
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
        // What it runs is part of what this agent uses: as much as a child would get.
        options.checkSettings = try checkSettings()
        options.leavesOut = keepGoing
        return try project.merge(options)
    }
}
