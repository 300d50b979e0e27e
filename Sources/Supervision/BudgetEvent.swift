// What is told of budgets: to the audit log, and to an agent whose request is refused. Made by BudgetWatch.

package import ClocheModel
internal import ModelUsage

/// A limit of a budget is near, or reached.
package struct BudgetEvent: Equatable, Sendable {
    /// Whose budget.
    package enum Scope: String, Equatable, Sendable {
        /// The agent's own.
        case agent = "budget"
        /// That of all agents of the project.
        case project = "project.budget"
    }

    /// How near.
    package enum State: String, Equatable, Sendable {
        /// As much is used as `warn` says.
        case warning
        /// All of it is used.
        case reached
    }

    /// Whose budget.
    package let scope: Scope
    /// Which limit.
    package let limit: BudgetLimit
    /// How near.
    package let state: State
    /// How much is used.
    package let used: Int64
    /// How much may be.
    package let most: Int64
    /// For how long.
    package let period: BudgetPolicy.Period
    /// When the budget begins anew, in milliseconds since 1970; nil where no time brings that.
    package let endsAt: Int64?
    /// Whether the agent is to be frozen.
    package let pauses: Bool

    init(
        _ scope: Scope,
        _ limit: BudgetLimit,
        _ state: State,
        used: Int64,
        most: Int64,
        _ policy: BudgetPolicy,
        _ now: Int64
    ) {
        self.scope = scope
        self.limit = limit
        self.state = state
        self.used = used
        self.most = most
        period = policy.period
        endsAt = period == .day ? (UsageLedger.day(now) + 1) * 86_400_000 : nil
        pauses = state == .reached && policy.action == .pause
    }

    /// The limit's key in profiles.
    package var key: String { "\(scope.rawValue).\(limit.rawValue)" }

    /// The facts of the audit log's event `budget`; whether the agent is frozen depends on the host, too.
    package func facts(isFrozen: Bool) -> [Document.Entry] {
        [
            .init("limit", .string(key)), .init("state", .string(state.rawValue)),
            .init("used", .integer(used)),
            .init("most", .integer(most)), .init("unit", .string(limit.unit)),
            .init("per", .string(period.rawValue)),
            .init("pauses", .bool(isFrozen)),
        ]
    }

    /// `budget.cost is $5.00 a day, and $4.02 are used`.
    package var text: String {
        let span =
            switch period {
            case .total: ""
            case .day: " a day"
            case .run: " a run"
            }
        return
            "\(key) is \(limit.text(most))\(span), and \(limit.text(used)) \(used == 1 ? "is" : "are") used"
    }
}

/// Why a request is not let out.
package struct BudgetRefusal: Equatable, Sendable {
    /// What is said to the agent, and to its user: which limit, how much is used, when that ends, what to do.
    package let text: String
    /// When it is worth trying again, in milliseconds since 1970; nil where no time brings that.
    package let endsAt: Int64?
    /// What is to be recorded, and acted on where it says `pauses`; nil when that has been told.
    package let event: BudgetEvent?

    init(_ event: BudgetEvent, agent: String, underWay: Int64, unpriced: Money, isNews: Bool) {
        let whose = event.scope == .agent ? "agent \(agent)" : "the project"
        var text = "the budget of \(whose) is used up: \(event.text)"
        if underWay > 0 {
            text =
                "the budget of \(whose) leaves nothing for another request now: \(event.text), "
                + "while \(event.limit.text(underWay)) more, or over, \(underWay == 1 ? "is" : "are") under way"
        }
        if unpriced > .zero {
            text +=
                "; \(unpriced.text) of that for models without a price, counted at the dearest: "
                + "~/.config/cloche/prices.yaml can have one"
        }
        switch event.period {
        case .day: text += "; it begins anew at \(Timestamp.short((event.endsAt ?? 0)).dropLast(3)) UTC"
        case .run: text += "; it begins anew when the agent is stopped and resumed"
        case .total: break
        }
        self.text =
            text + ". For more: `cloche stop \(agent)`, then `cloche resume \(agent) --set \(event.key)=MORE`"
        endsAt = event.endsAt
        self.event = isNews ? event : nil
    }

    /// What it will use is not known in time.
    init(deferredUnder scope: BudgetEvent.Scope, agent: String) {
        text =
            "agent \(agent) is under a budget (\(scope.rawValue)), and a request that its provider works on later, such as a batch "
            + "or one with `background`, cannot be counted: ask for it to be answered at once"
        (endsAt, event) = (nil, nil)
    }

    /// What was used cannot be told, or not be kept: then nothing is left of a budget.
    init(uncountable error: ClocheError, agent: String) {
        text =
            "the budget of agent \(agent) cannot be held, so that no request goes out: \(error.description)"
        (endsAt, event) = (nil, nil)
    }
}
