// What an agent used of model APIs, by day and model: the content of its `usage.json`. An agent chooses the names of models,
// so there are few of them; days are many only after years. Nothing is dropped: what is too much becomes a sum.

package import ClocheModel
internal import StructuredText

/// Sums over requests.
package struct UsageSums: Equatable, Sendable {
    /// How many.
    package var requests: Int64 = 0
    /// What they used.
    package var tokens = TokenUsage()
    /// How many of them are estimates.
    package var estimated: Int64 = 0
    /// How many of them had no price.
    package var unpriced: Int64 = 0
    /// What those with a price cost.
    package var cost = Money.zero
    /// What the others are counted at.
    package var assumed = Money.zero

    /// No requests.
    package init() {}

    /// What counts against a limit of cost.
    package var counted: Money { cost + assumed }

    /// How much of a limit is used: a count, or billionths of a dollar.
    package func used(of limit: BudgetLimit) -> Int64 {
        switch limit {
        case .requests: requests
        case .inputTokens: tokens.sent
        case .outputTokens: tokens.output
        case .tokens: tokens.all
        case .cost: counted.nanoDollars
        }
    }

    /// One request more.
    package mutating func add(_ usage: TokenUsage, _ price: RequestCost, isEstimated: Bool) {
        requests = TokenUsage.sum(requests, 1)
        tokens = tokens + usage
        if isEstimated { estimated = TokenUsage.sum(estimated, 1) }
        if price.isPriced {
            cost += price.money
        } else {
            unpriced = TokenUsage.sum(unpriced, 1)
            assumed += price.money
        }
    }

    /// What is more in one than in the other; never less than nothing.
    package static func - (first: UsageSums, second: UsageSums) -> UsageSums {
        var sums = first
        sums.requests = max(0, first.requests - second.requests)
        sums.tokens = first.tokens - second.tokens
        sums.estimated = max(0, first.estimated - second.estimated)
        sums.unpriced = max(0, first.unpriced - second.unpriced)
        sums.cost = first.cost - second.cost
        sums.assumed = first.assumed - second.assumed
        return sums
    }

    /// Both together.
    package static func + (first: UsageSums, second: UsageSums) -> UsageSums {
        var sums = first
        sums.requests = TokenUsage.sum(first.requests, second.requests)
        sums.tokens = first.tokens + second.tokens
        sums.estimated = TokenUsage.sum(first.estimated, second.estimated)
        sums.unpriced = TokenUsage.sum(first.unpriced, second.unpriced)
        sums.cost = first.cost + second.cost
        sums.assumed = first.assumed + second.assumed
        return sums
    }
}

/// What one agent used.
package struct UsageLedger: Equatable, Sendable {
    /// One day's use of one model.
    package struct Row: Equatable, Sendable {
        /// Days since 1970 in UTC; `UsageLedger.earlier` for a sum over days long past.
        package var day: Int64
        /// The model's name, `UsageLedger.unknown` or `UsageLedger.other`.
        package var model: String
        /// What was used.
        package var sums: UsageSums
    }

    /// The format of the file; a newer one is refused.
    package static let version: Int64 = 1
    /// Stands for days that are no longer kept apart.
    package static let earlier: Int64 = 0
    /// Stands for a model whose name nobody knows.
    package static let unknown = "unknown"
    /// Stands for models that are too many to be kept apart.
    package static let other = "other"
    /// How many names of models are kept apart.
    package static let mostModels = 64
    /// How many rows there may be before the oldest days are summed up.
    package static let mostRows = 512

    /// Whose it is, in one life: an agent that is made anew under its name has another.
    package let id: String
    /// By day, the oldest first.
    package private(set) var rows: [Row] = []

    /// Nothing used.
    package init(id: String) { self.id = id }

    /// The day of a time in milliseconds since 1970, in UTC.
    package static func day(_ milliseconds: Int64) -> Int64 { max(1, milliseconds / 86_400_000) }

    /// Adds one request.
    package mutating func add(_ reading: UsageReading, _ price: RequestCost, day: Int64) {
        var sums = UsageSums()
        sums.add(reading.usage, price, isEstimated: reading.isEstimated)
        insert(Row(day: day, model: reading.model ?? Self.unknown, sums: sums))
    }

    /// Adds what another has.
    package mutating func add(_ other: UsageLedger) {
        for row in other.rows { insert(row) }
    }

    /// Adds a row, which may be of a day that is there.
    mutating func insert(_ row: Row) {
        var row = row
        if row.model != Self.other && row.model != Self.unknown
            && !rows.contains(where: { $0.model == row.model })
        {
            let known = Set(rows.map(\.model)).subtracting([Self.other, Self.unknown])
            if known.count >= Self.mostModels { row.model = Self.other }
        }
        place(row)
        while rows.count > Self.mostRows { foldOldest() }
    }

    private mutating func place(_ row: Row) {
        var index = rows.endIndex
        while index > 0 && rows[index - 1].day >= row.day {
            index -= 1
            if rows[index].day == row.day && rows[index].model == row.model {
                rows[index].sums = rows[index].sums + row.sums
                return
            }
        }
        rows.insert(row, at: rows.firstIndex { $0.day > row.day } ?? rows.endIndex)
    }

    /// The oldest day that is kept apart becomes part of the sum of those before.
    private mutating func foldOldest() {
        guard let oldest = rows.first(where: { $0.day != Self.earlier })?.day else { return }
        let folded = rows.filter { $0.day == oldest }
        rows.removeAll { $0.day == oldest }
        for row in folded { place(Row(day: Self.earlier, model: row.model, sums: row.sums)) }
    }

    /// All of it, or of one day on, or of one day.
    package func sum(since first: Int64 = .min, through last: Int64 = .max) -> UsageSums {
        rows.reduce(UsageSums()) { first...last ~= $1.day ? $0 + $1.sums : $0 }
    }
}

/// What agents of a project used that have been deleted.
package struct DeletedUsage: Equatable, Sendable {
    /// How many agents are kept apart.
    package static let mostAgents = 32

    /// By agent, the one that was deleted first before the others.
    package private(set) var agents: [UsageLedger] = []
    /// Of all that were deleted before those.
    package private(set) var others = UsageLedger(id: "")

    /// Nobody.
    package init() {}

    /// Takes in what an agent used; once more is no more, so that a deletion that was cut short can be repeated.
    package mutating func keep(_ ledger: UsageLedger) {
        agents.removeAll { $0.id == ledger.id }
        if ledger.rows.isEmpty { return }
        agents.append(ledger)
        while agents.count > Self.mostAgents { others.add(agents.removeFirst()) }
    }

    /// As they were read.
    mutating func restore(_ others: UsageLedger) { self.others.add(others) }
}
