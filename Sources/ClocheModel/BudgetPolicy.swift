// How much of model APIs an agent may use. Values only: Supervision/BudgetWatch.swift holds them, ModelUsage counts.

/// Limits of what is used of model APIs, of an agent or of all agents of a project together; nil means none.
public struct BudgetPolicy: Equatable, Sendable {
    /// For how long a budget is.
    public enum Period: String, Equatable, Sendable, CaseIterable {
        /// All that was ever used.
        case total
        /// One day, in UTC.
        case day
        /// From a start or `resume` to the agent's end.
        case run
    }

    /// What happens when a budget is used up.
    public enum Action: String, Equatable, Sendable, CaseIterable {
        /// Requests are refused, and the agent is frozen.
        case pause
        /// Requests are refused.
        case refuse
    }

    /// Requests.
    public var requests: Int64?
    /// Tokens that were sent, whether a cache had them or not.
    public var inputTokens: Int64?
    /// Tokens that were answered.
    public var outputTokens: Int64?
    /// Both together.
    public var tokens: Int64?
    /// What they cost.
    public var cost: Money?
    /// For how long.
    public var period: Period
    /// From how much of it on a warning is on record; nil for none.
    public var warnPercent: Int64?
    /// What happens at its end.
    public var action: Action

    /// These limits.
    public init(
        requests: Int64? = nil,
        inputTokens: Int64? = nil,
        outputTokens: Int64? = nil,
        tokens: Int64? = nil,
        cost: Money? = nil,
        period: Period = .total,
        warnPercent: Int64? = 80,
        action: Action = .refuse
    ) {
        self.requests = requests
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.tokens = tokens
        self.cost = cost
        self.period = period
        self.warnPercent = warnPercent
        self.action = action
    }

    /// One limit: a count, or billionths of a dollar; nil where there is none.
    public func most(_ limit: BudgetLimit) -> Int64? {
        switch limit {
        case .requests: requests
        case .inputTokens: inputTokens
        case .outputTokens: outputTokens
        case .tokens: tokens
        case .cost: cost?.nanoDollars
        }
    }

    /// Whether there is any limit.
    public var isSet: Bool { BudgetLimit.allCases.contains { most($0) != nil } }
}

/// One limit of a budget, by its key in profiles.
public enum BudgetLimit: String, Equatable, Sendable, CaseIterable {
    case requests
    case inputTokens = "input-tokens"
    case outputTokens = "output-tokens"
    case tokens
    case cost

    /// An amount of it, for a person.
    public func text(_ amount: Int64) -> String {
        switch self {
        case .requests: amount == 1 ? "1 request" : "\(amount) requests"
        case .inputTokens, .outputTokens, .tokens: amount == 1 ? "1 token" : "\(amount) tokens"
        case .cost: Money(nanoDollars: amount).text
        }
    }

    /// In what its numbers are.
    public var unit: String {
        switch self {
        case .requests: "requests"
        case .inputTokens, .outputTokens, .tokens: "tokens"
        case .cost: "nanodollars"
        }
    }
}
