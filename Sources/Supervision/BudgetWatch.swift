// Holds the budgets of an agent and of its project: judges each request to a model API before it goes out, adds up what it
// used when it is over, and keeps the sums on disk. The supervisor has one for each life of an agent. Times are milliseconds
// since 1970, since budgets are for days.

package import AgentStore
package import ClocheModel
package import ModelUsage

/// Judges requests, and keeps the agent's ledger.
package final class BudgetWatch {
    /// Between two times that the ledger is written.
    static let writeInterval: Int64 = 100

    /// What the agent used in all its lives.
    package private(set) var ledger: UsageLedger

    private let directory: AgentDirectory
    private let prices: PriceList
    private var budgets: [(scope: BudgetEvent.Scope, policy: BudgetPolicy)]
    /// What had been used when this life began.
    private let before: UsageSums
    /// Requests that have begun and not ended, with what they use at least.
    private var underWay = UsageSums()
    private var others: ProjectUsage
    /// What has been told; each is told once in a period.
    private var told: Set<Told> = []
    private var writtenAt: Int64 = 0
    private var isWritten = true
    /// Why the ledger could not be written the last time.
    private var failure: ClocheError?

    private struct Told: Hashable {
        let scope: BudgetEvent.Scope
        let limit: BudgetLimit
        let state: BudgetEvent.State
        /// The day, of a budget for days.
        let day: Int64
    }

    /// Begins to hold the budgets of a policy.
    ///
    /// - Parameters:
    ///   - policy: has the budgets of the agent and of its project.
    ///   - directory: the agent's.
    ///   - created: when the agent was made, from its record.
    ///   - project: where the ledgers of the project's other agents are.
    ///   - prices: what tokens cost.
    /// - Throws: when the agent's ledger is there and cannot be read; what was used is not forgotten.
    package init(
        _ policy: Policy,
        _ directory: AgentDirectory,
        created: Int64,
        project: ProjectState,
        prices: PriceList
    ) throws(ClocheError) {
        self.directory = directory
        self.prices = prices
        budgets = Self.budgets(policy)
        ledger = try directory.readUsage(created: created)
        before = ledger.sum()
        others = ProjectUsage(project, without: directory)
    }

    private static func budgets(_ policy: Policy) -> [(scope: BudgetEvent.Scope, policy: BudgetPolicy)] {
        [(.agent, policy.budget), (.project, policy.projectBudget)].filter { $0.1.isSet }
    }

    /// Holds the budgets of another policy from now on; what was told of the old ones may be told anew.
    package func change(_ policy: Policy) {
        budgets = Self.budgets(policy)
        told.removeAll()
    }

    /// The first limit of a budget of the agent's that it has gone beyond, with what is under way.
    ///
    /// Where it cannot be counted, the first that is set.
    package func exceeded(of policy: BudgetPolicy, _ now: Int64) -> BudgetLimit? {
        BudgetLimit.allCases.first { limit in
            guard let most = policy.most(limit) else { return false }
            // See above.
            guard let sums = try? used(.agent, policy.period, now) else { return true }
            return sums.used(of: limit) + underWay.used(of: limit) > most
        }
    }

    // MARK: Requests

    /// A request is about to go out; nil lets it, and then `ended` must be called once for it.
    ///
    /// - Parameters:
    ///   - now: the time.
    ///   - expected: what it uses at least (`ModelRequest.expected`): while it is under way, that is counted as used.
    package func begins(_ now: Int64, expecting expected: UsageReading? = nil) -> BudgetRefusal? {
        if let refusal = refusal(now) { return refusal }
        underWay = underWay + sums(expected)
        return nil
    }

    /// A request is about to go out that the provider works on later (`ModelRequest.Billing.deferred`); nil lets it, and
    /// then `ended` must be called.
    ///
    /// Its answer does not say what it uses, so that under any budget it would be a way around it; without one, it is counted
    /// with what it sends.
    package func deferredBegins(_ now: Int64, expecting expected: UsageReading? = nil) -> BudgetRefusal? {
        if let budget = budgets.first {
            return BudgetRefusal(deferredUnder: budget.scope, agent: directory.name)
        }
        return begins(now, expecting: expected)
    }

    /// A request is over.
    ///
    /// - Parameters:
    ///   - reading: what it used; nil for one that cost nothing, because it failed before a model answered.
    ///   - expected: what `begins` was told.
    ///   - now: the time.
    /// - Returns: what is to be recorded, and acted on where it says `pauses`.
    package func ended(_ reading: UsageReading?, expected: UsageReading? = nil, _ now: Int64) -> [BudgetEvent]
    {
        underWay = underWay - sums(expected)
        let nothing = UsageReading(model: expected?.model, usage: TokenUsage(), isEstimated: false)
        let cost = reading.map { prices.cost($0.usage, of: $0.model) }
        ledger.add(
            reading ?? nothing,
            cost ?? .nothing,
            day: UsageLedger.day(now)
        )
        isWritten = false
        if now >= writtenAt + Self.writeInterval || now < writtenAt { write(now) }
        return events(now)
    }

    /// A request as sums; what is expected of it is little, and it is one in any case.
    private func sums(_ expected: UsageReading?) -> UsageSums {
        var sums = UsageSums()
        let usage = expected?.usage ?? TokenUsage()
        let cost = expected == nil ? nil : prices.cost(usage, of: expected?.model)
        sums.add(usage, cost ?? .nothing, isEstimated: true)
        return sums
    }

    // MARK: The ledger on disk

    /// When `write` is due; nil when all is written.
    package var nextWrite: Int64? { isWritten ? nil : writtenAt + Self.writeInterval }

    /// Writes the ledger, so that no death of any process takes away what was used.
    package func write(_ now: Int64) { write(now, sync: false) }

    /// Writes the ledger for good: the agent ends.
    package func close(_ now: Int64) { if ledger.sum() != before { write(now, sync: true) } }

    private func write(_ now: Int64, sync: Bool) {
        writtenAt = now
        do throws(ClocheError) {
            try directory.write(ledger, sync: sync)
            (isWritten, failure) = (true, nil)
        } catch { failure = error }
    }

    // MARK: Judging

    private func refusal(_ now: Int64) -> BudgetRefusal? {
        if budgets.isEmpty { return nil }
        if let failure { return BudgetRefusal(uncountable: failure, agent: directory.name) }
        do throws(ClocheError) {
            for (scope, policy) in budgets {
                for limit in BudgetLimit.allCases {
                    guard let most = policy.most(limit) else { continue }
                    let sums = try used(scope, policy.period, now)
                    let used = sums.used(of: limit)
                    let pending = underWay.used(of: limit)
                    guard used >= most || pending > 0 && pending >= most - used else { continue }
                    let event = BudgetEvent(scope, limit, .reached, used: used, most: most, policy, now)
                    return BudgetRefusal(
                        event,
                        agent: directory.name,
                        underWay: used >= most ? 0 : pending,
                        unpriced: limit == .cost ? sums.assumed : .zero,
                        isNews: used >= most && isNews(event, now)
                    )
                }
            }
        } catch { return BudgetRefusal(uncountable: error, agent: directory.name) }
        return nil
    }

    /// What has come near a limit or reached it, and was not told yet.
    private func events(_ now: Int64) -> [BudgetEvent] {
        var events: [BudgetEvent] = []
        for (scope, policy) in budgets {
            // Where it cannot be counted, the next request is refused, and says why.
            guard let sums = try? used(scope, policy.period, now) else { continue }
            for limit in BudgetLimit.allCases {
                guard let most = policy.most(limit) else { continue }
                let used = sums.used(of: limit)
                let isNear =
                    policy.warnPercent.map { Int128(used) * 100 >= Int128(most) * Int128($0) } ?? false
                guard used >= most || isNear else { continue }
                let state: BudgetEvent.State = used >= most ? .reached : .warning
                let event = BudgetEvent(scope, limit, state, used: used, most: most, policy, now)
                if isNews(event, now) { events.append(event) }
            }
        }
        return events
    }

    private func isNews(_ event: BudgetEvent, _ now: Int64) -> Bool {
        let day = event.period == .day ? UsageLedger.day(now) : 0
        func told(_ state: BudgetEvent.State) -> Told {
            Told(scope: event.scope, limit: event.limit, state: state, day: day)
        }
        if event.state == .reached { self.told.insert(told(.warning)) }
        return self.told.insert(told(event.state)).inserted
    }

    /// What was used of a budget in its period.
    private func used(_ scope: BudgetEvent.Scope, _ period: BudgetPolicy.Period, _ now: Int64)
        throws(ClocheError) -> UsageSums
    {
        let today = UsageLedger.day(now)
        let own =
            switch period {
            case .total: ledger.sum()
            case .day: ledger.sum(since: today)
            case .run: ledger.sum() - before
            }
        if scope == .agent { return own }
        return try own + others.sum(since: period == .day ? today : .min, now)
    }
}
