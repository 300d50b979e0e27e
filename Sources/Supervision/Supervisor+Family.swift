// The agent's place among others: what it has to share with agents that it started, and the end of the one that started it.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import Gateway
internal import LinuxSystem

/// The supervisor of the agent that started this one, as it is waited for.
final class ParentWatch {
    /// Readable when it has gone.
    let process: FileDescriptor
    let atEnd: AgentsPolicy.ParentEnd
    /// Whose child this agent is then, if it goes on.
    let grandparent: ParentReference?

    init(
        _ process: consuming FileDescriptor,
        _ atEnd: AgentsPolicy.ParentEnd,
        _ grandparent: ParentReference?
    ) {
        self.process = process
        self.atEnd = atEnd
        self.grandparent = grandparent
    }
}

extension Supervisor {
    /// Begins to wait for the end of the agent that started this one.
    ///
    /// One that a person starts again when its parent has ended is nobody's to stop.
    func watchParent() throws(ClocheError) {
        guard let parent = record.parent else { return }
        let directory = AgentDirectory(path: "\(agent.directory.path.parentPath)/\(parent.name)")
        // It may have been deleted, and another one have its name.
        guard let known = try? directory.read(), known.auditLog == parent.auditLog,
            let client = try SupervisorClient.connect(directory), let process = try client.process()
        else {
            if record.starts > 0 { return }
            throw ClocheError(
                .state,
                "cannot start agent \(record.name)",
                why: "\(parent.name), which starts it, has ended"
            )
        }
        let watch = ParentWatch(process, try agent.readPolicy(known.effective).agents.atEnd, known.parent)
        parentToken = makeToken()
        do throws(SystemError) {
            try epoll.add(watch.process.number, token: parentToken)
        } catch { throw ClocheError(.system, "cannot watch agent \(parent.name)", why: error.description) }
        self.parent = watch
    }

    /// The agent that started this one has ended.
    func parentEnded() throws(ClocheError) {
        guard let watch = parent else { return }
        epoll.remove(watch.process.number)
        parent = nil
        parentToken = 0
        let isKept = watch.atEnd == .keep
        try audit.append(
            .family,
            [
                "action": .string(isKept ? "adopted" : "orphaned"),
                "parent": .optional(isKept ? watch.grandparent?.name : nil),
            ]
        )
        guard isKept else { return beginStop(.parentEnded, graceSeconds: policy.stop.graceSeconds) }
        record.parent = watch.grandparent
        try agent.directory.write(record)
        try watchParent()
    }

    /// Has the gateway put keys into a pipe that only whoever has asked reads.
    func copyKeys(of services: [String], for viewer: Viewer) {
        do throws(SystemError) {
            let pipe = try Pipe().shared()
            gateway?.send(.copyKeys(services: services), pipe.write)
            reply(viewer, .report(.object([:])), descriptors: [pipe.read.number])
        } catch {
            reply(viewer, .failed(ClocheError(.system, "cannot hand the keys on", why: error.description)))
        }
    }

    /// Holds what is left of limits and budget beside what children have.
    ///
    /// - Throws: with `reserves`, when this agent has used more itself than would be left: then nothing has changed.
    func setShares(_ shares: Document) throws(ClocheError) -> Document {
        var lowered = record
        lowered.left = .object(["limits": shares["limits"] ?? .null, "budget": shares["budget"] ?? .null])
        let left = try agent.readPolicy(lowered.held)
        if shares["reserves"]?.bool == true,
            let limit = budget?.exceeded(of: left.budget, WallClock.milliseconds)
        {
            throw ClocheError(
                .state,
                "\(record.name) has used its budget itself: budget.\(limit.rawValue)",
                why: "with what it has used, and what is under way, there is less than was asked for",
                remedy: "ask for less, or do it yourself"
            )
        }
        guard left.limits != resources?.limits || left.budget != policy.budget || record.left == nil else {
            return .object([:])
        }
        // First: whoever starts it again after a crash finds it.
        try agent.directory.write(lowered)
        record = lowered
        do throws(SystemError) {
            try resources?.change(left.limits)
        } catch {
            throw ClocheError(.system, "cannot lower the limits of \(record.name)", why: error.description)
        }
        policy.limits = left.limits
        policy.budget = left.budget
        budget?.change(policy)
        try audit.append(
            .family,
            [
                "action": .string("shares"), "limits": shares["limits"] ?? .null,
                "budget": shares["budget"] ?? .null,
            ]
        )
        return .object([:])
    }
}
