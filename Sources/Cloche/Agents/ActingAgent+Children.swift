// Agents that an agent starts: full agents, each with a supervisor of its own, with a part of what their parent has.

internal import AgentStore
internal import AuditRecords
package import ClocheModel
internal import GitWorkspace
package import LinuxSystem
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
            try refuseName(options)
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
            // Before it begins, and while it does, this agent has no more than what is left beside it.
            try reserve(for: profile.document)
            do throws(ClocheError) {
                _ = try project.start(start)
            } catch {
                try? settleShares()  // what was reserved is given back by the next one, then
                throw error
            }
            try note("started", options.name, profile.narrowed)
            return (try child(options.name), profile.narrowed)
        } catch {
            // The refusal is what matters; the agent's log says it as well if it can.
            try? note("refused", options.name, [], why: error.why.isEmpty ? error.what : error.why)
            throw error
        }
    }

    /// Words that stand for somebody else, in messages and in commands.
    private static let words = [
        "person", "user", "human", "parent", "children", "siblings", "self", "all", "cloche", "system",
    ]

    /// Refuses a name or a label by which a child would be taken for what it is not.
    private func refuseName(_ options: ChildOptions) throws(ClocheError) {
        try AgentName.check(options.name)
        var why: String?
        if Self.words.contains(options.name.lowercased()) { why = "it stands for somebody else" }
        if project.state.agent(options.name).exists { why = "it is taken" }
        // Of a plan that is carried out: its tasks' agents are called so.
        if let plan = project.state.graphs().first(where: { options.name.hasPrefix($0 + "-") }) {
            why = "names that begin with \(plan)- are those of a plan's tasks"
        }
        if let why {
            throw ClocheError(
                .exists,
                "\(options.name) cannot be the agent's name",
                why: why,
                remedy: "choose another name"
            )
        }
        // By some, Cloche knows what it started itself.
        if let variable = options.variables.first(where: { $0.key.hasPrefix("CLOCHE_") }) {
            throw ClocheError(
                .usage,
                "\(variable.key) is a variable of Cloche's",
                remedy: "choose another name"
            )
        }
        if options.labels.contains(where: { $0.key == "schedule" }) {
            throw ClocheError(
                .usage,
                "the label schedule is for what schedules start",
                remedy: "choose another key"
            )
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

    /// How many children are kept, those that have ended among them: each has a place on the host's disk.
    private static let mostChildren = 256

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
        let count = family().count { $0.relation == .child }
        guard count < Self.mostChildren else {
            throw ClocheError(
                .state,
                "\(record.name) may not start another agent",
                why: "\(count) that it started are still kept, though they have ended",
                remedy: "ask the person to delete some"
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
        let left = FamilyShares.remaining(of: whole, after: try taken() + [try usedItself()])
        try refuseExhausted(left)
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

    /// Refuses to give away what there is nothing left of.
    func refuseExhausted(_ left: Document) throws(ClocheError) {
        let keys = FamilyShares.exhausted(left)
        if keys.isEmpty { return }
        throw ClocheError(
            .state,
            "nothing is left of \(keys.joined(separator: ", "))",
            why: "\(record.name), its checks and the agents that it started have used it, or have it",
            remedy: "stop one that has it, or ask the person"
        )
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

    /// Held for what takes a share, or the host's time: one at a time.
    package func lockFamily() throws(ClocheError) -> FileLock {
        do throws(SystemError) {
            guard let lock = try FileLock(directory.path + "/family.lock", wait: true) else {
                throw SystemError("fcntl", .wouldBlock, directory.path)
            }
            return lock
        } catch { throw StoreError.cannotWrite(error) }
    }

    /// What it says may be long, and each of its requests is on record.
    private static func short(_ text: String) -> String {
        // In bytes: one character may be made of any number of them.
        text.utf8.count > 1000 ? String(decoding: text.utf8.prefix(1000), as: UTF8.self) + "…" : text
    }

    /// Writes into the agent's log what it did with a child.
    func note(_ action: String, _ name: String, _ narrowed: [String] = [], why: String? = nil)
        throws(ClocheError)
    {
        try project.auditLog(directory, record).append(
            .child,
            [
                "action": .string(action), "name": .string(Self.short(name)),
                "why": .optional(why.map(Self.short)),
                "narrowed": narrowed.isEmpty ? .null : .strings(narrowed),
            ]
        )
    }

    /// Writes into the agent's log what it was refused.
    package func noteRefusal(of verb: AgentVerb, _ name: String?, _ error: ClocheError) throws(ClocheError) {
        let why = error.why.isEmpty ? error.what : "\(error.what): \(error.why)"
        try note("refused", name ?? record.name, why: "\(verb.rawValue): \(why)")
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
        try note("looked", name)
        return try project.look(name, LookRequest(linesAbove: linesAbove)).lines.map { $0.text }
    }

    /// Merges children, and itself if it is named, into a branch of its own.
    ///
    /// - Parameter isWanted: is asked while a check runs, which is ended when it says no.
    package func merge(
        _ names: [String],
        check: String?,
        keepGoing: Bool,
        isWanted: @escaping () -> Bool
    ) throws(ClocheError) -> MergeOutcome {
        for name in names where name != record.name { _ = try child(name) }
        var options = MergeOptions(names)
        options.destination = .agentsBranch("cloche-merged/\(record.name)")
        options.check = check
        options.leavesOut = keepGoing
        guard let check else { return try project.merge(options, isWanted: isWanted) }
        // What it runs is the agent's word: it gets no more than a child would, and nothing that leads out.
        let profile = try checkProfile()
        options.checkProfile = .given(profile)
        return try withShare(of: profile) { () throws(ClocheError) in
            do throws(ClocheError) {
                let outcome = try project.merge(options, isWanted: isWanted)
                try note("checked", record.name, why: "`\(check)` succeeded")
                return outcome
            } catch {
                if [.check, .sandbox].contains(error.code) {
                    try? note("checked", record.name, why: error.why)  // the failure is what matters
                }
                throw error
            }
        }
    }
}
