// What an agent and those that it started have together of limits and budgets: what others have, or have used, it has not.

internal import AgentStore
package import ClocheModel
internal import LinuxSystem
internal import ModelUsage
internal import ProfileLoading
internal import Supervision

extension ActingAgent {
    /// What others have of this agent's limits and budgets: all of what those have that run, and what has been used by those
    /// that have ended.
    func taken() throws(ClocheError) -> [Document] {
        guard let reference else { return [] }
        return try taken(below: reference, directory, statuses)
    }

    private func taken(
        below parent: ParentReference,
        _ directory: AgentDirectory,
        _ all: [AgentStatus],
        withDisk: Bool = true,
        depth: Int = 0
    ) throws(ClocheError) -> [Document] {
        // No tree is deeper; a record that somebody has changed may name itself.
        guard depth < 32 else { return [] }
        var taken: [Document] = []
        for (deleted, used) in try directory.readDescendantsUse() {
            let isOfThisRun = deleted >= record.runBegan
            taken += used.filter { $0["limits"] == nil ? counts(deleted) : isOfThisRun }
        }
        for child in all where child.record.parent == parent {
            let place = project.state.agent(child.record.name)
            if child.state.isSupervised || child.state == .creating {
                // What those below it have is part of what it has.
                taken.append(child.record.effective)
                continue
            }
            if withDisk {
                let (used, had) = (child.record.used, child.record.effective)
                taken.append(FamilyShares.used(used, of: had, ["disk", "disk-files"]))
            }
            taken += try used(by: child.record, place, all, withDisk: withDisk, depth: depth)
        }
        return taken
    }

    /// Whether what was used by one that was deleted then is used in the period of this agent's budget.
    private func counts(_ deleted: Int64) -> Bool {
        switch period {
        case .total: true
        case .day: deleted >= UsageLedger.day(WallClock.milliseconds) * 86_400_000
        case .run: deleted >= record.runBegan
        }
    }

    /// What one that has ended, and those below it, have used that does not come back.
    private func used(
        by child: AgentRecord,
        _ place: AgentDirectory,
        _ all: [AgentStatus],
        withDisk: Bool,
        depth: Int
    ) throws(ClocheError) -> [Document] {
        // A run of this agent begins with all of its processor time and output.
        let isOfThisRun = child.created >= record.runBegan
        let sums = sums(of: try place.readUsage(created: child.created), isOfThisRun: isOfThisRun)
        var used = [FamilyShares.used { sums.used(of: $0) }]
        if child.runBegan >= record.runBegan {
            used.append(FamilyShares.used(child.used, of: child.effective, ["cpu-time", "output"]))
        }
        guard let id = child.auditLog else { return used }
        let reference = ParentReference(name: child.name, auditLog: id)
        return used + (try taken(below: reference, place, all, withDisk: withDisk, depth: depth + 1))
    }

    /// What a child used that is about to be deleted, with those below it: all but what is on disk.
    func used(by child: AgentRecord, _ place: AgentDirectory) throws(ClocheError) -> [Document] {
        try used(by: child, place, statuses, withDisk: false, depth: 0)
    }

    private var statuses: [AgentStatus] {
        project.state.agents().compactMap { directory in
            // One whose record cannot be read has no parent that is known.
            try? AgentStatus(of: directory)
        }
    }

    /// What this agent has used of its budget itself; what is under way its supervisor knows.
    func usedItself() throws(ClocheError) -> Document {
        let sums = sums(of: try directory.readUsage(created: record.created), isOfThisRun: false)
        return FamilyShares.used { sums.used(of: $0) }
    }

    private var period: BudgetPolicy.Period {
        // One that cannot be read is counted for ever.
        (try? Policy(document: record.effective))?.budget.period ?? .total
    }

    /// What counts in the period of this agent's budget.
    private func sums(of ledger: UsageLedger, isOfThisRun: Bool) -> UsageSums {
        switch period {
        case .total: ledger.sum()
        case .day: ledger.sum(since: UsageLedger.day(WallClock.milliseconds))
        case .run: isOfThisRun ? ledger.sum() : UsageSums()
        }
    }

    // MARK: What is left for itself

    /// What is left of its limits and budgets for itself.
    func left(beside more: [Document] = []) throws(ClocheError) -> Document {
        let left = FamilyShares.remaining(of: record.effective, after: try taken() + more, forItself: true)
        return .object(["limits": left["limits"] ?? .null, "budget": left["budget"] ?? .null])
    }

    /// Takes from this agent what one is to have that does not run yet.
    ///
    /// - Throws: when it has used too much itself; nothing has changed then.
    func reserve(for child: Document) throws(ClocheError) {
        var shares = try left(beside: [child])
        shares["reserves"] = .bool(true)
        try hold(shares)
    }

    /// Tells its supervisor what is left for itself.
    package func settleShares() throws(ClocheError) {
        guard policy.children > 0 else { return }
        try hold(try left())
    }

    private func hold(_ shares: Document) throws(ClocheError) {
        // One that is ending needs no limits.
        guard let client = try SupervisorClient.connect(directory) else { return }
        try client.send(.setShares(shares))
        if case .failed(let error)? = try client.receive() { throw error }
    }

    // MARK: The sandbox of a check

    /// Does something for which a sandbox has a part of what this agent has, and counts what it may have used.
    func withShare<R>(of profile: Document, _ body: () throws(ClocheError) -> R) throws(ClocheError) -> R {
        try reserve(for: profile)
        let began = MonotonicClock.milliseconds
        let result = Result { () throws(ClocheError) in try body() }
        let seconds = (MonotonicClock.milliseconds - began + 999) / 1000
        if let most = FamilyShares.mostProcessorSeconds(of: profile, in: seconds, Int64(Processors.count)) {
            try directory.addUse(ofChecks: most, since: record.runBegan)
        }
        try hold(try left())
        return try result.get()
    }

    /// The profile of the sandbox of a check: this agent's, with a child's share of its limits, ten minutes, and nothing that leads
    /// anywhere else.
    func checkProfile() throws(ClocheError) -> Document {
        var whole = Attenuation.bound(of: record)
        whole["shares"] = .object([:])
        let nothing = [
            "network.mode=none", "credentials=[]", "filesystem.binds=[]", "hooks.pre-start=[]",
            "hooks.post-stop=[]", "agents.verbs=[]", "agents.children=0", "limits.wall-clock=10m",
        ]
        let closed = try StoredProfile.changed(
            whole,
            nothing.map { .option($0) },
            bundlesOf: project.profiles,
            refusal: { _ in nil }
        )
        let left = FamilyShares.remaining(of: whole, after: try taken() + [try usedItself()])
        try refuseExhausted(left)
        var profile = FamilyShares.part(
            Attenuation.cut(closed, to: whole).document,
            of: whole,
            left: left,
            // Its own part is not the smallest: what it waits for is its work, too.
            count: max(2, policy.children + 1)
        )
        // There is nobody to ask, and nothing to ask about.
        profile["ask"] = .list([])
        profile["filesystem"]?["workspace"] = .string(AccessMode.readWrite.rawValue)
        // What stands for protected names in a user's directory would be files of the merge here.
        profile["filesystem"]?["protect"] = .list([])
        return profile
    }
}
