// cost: what agents used of model APIs, by agent, model or day. The sums are in CostTable.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import ModelUsage

enum CostCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let since = try command.value("since").map { text throws(ClocheError) in
            UsageLedger.day(try AuditSince.time(text, now: WallClock.milliseconds))
        }
        let grouping = command.value("by").flatMap(CostTable.Grouping.init) ?? .agent
        let usage = try chosen(context.project.spending(), command.rest, context)
        let table = CostTable(usage, by: grouping, since: since)
        if command.flag("json") {
            context.output.json(table.document)
            return ExitCode.success
        }
        if table.rows.isEmpty {
            context.output.note("nothing was used of model APIs" + (since == nil ? "" : " since then"))
            return ExitCode.success
        }
        context.output.table(table.lines, header: table.titles)
        for note in table.notes(pricesFile: context.installation.pricesFile) { context.output.note(note) }
        return ExitCode.success
    }

    /// Of the agents that are named; all without a name.
    private static func chosen(_ usage: [AgentSpending], _ names: [String], _ context: Context)
        throws(ClocheError) -> [AgentSpending]
    {
        if names.isEmpty { return usage }
        for name in names where !usage.contains(where: { $0.name == name }) {
            // One that is there has used nothing yet; any other is an error that says so.
            _ = try context.project.agent(name)
        }
        return usage.filter { names.contains($0.name) }
    }
}

/// Sums over ledgers, as rows of a table.
struct CostTable {
    enum Grouping: String, CaseIterable {
        case agent, model, day
    }

    /// What is summed up in a row.
    struct Key: Hashable, Comparable {
        var text: String
        var isDeleted = false

        static func < (first: Key, second: Key) -> Bool {
            (first.isDeleted ? 1 : 0, first.text) < (second.isDeleted ? 1 : 0, second.text)
        }
    }

    let grouping: Grouping
    let since: Int64?
    private(set) var rows: [(key: Key, sums: UsageSums)]
    let total: UsageSums

    init(_ usage: [AgentSpending], by grouping: Grouping, since: Int64?) {
        self.grouping = grouping
        self.since = since
        var sums: [Key: UsageSums] = [:]
        for agent in usage {
            for row in agent.ledger.rows where since.map({ row.day >= $0 }) ?? true {
                let key =
                    switch grouping {
                    case .agent: Key(text: agent.name, isDeleted: agent.isDeleted)
                    case .model: Key(text: row.model)
                    case .day: Key(text: Self.date(row.day))
                    }
                sums[key] = (sums[key] ?? UsageSums()) + row.sums
            }
        }
        rows = sums.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        total = sums.values.reduce(UsageSums(), +)
    }

    /// `2026-11-21`; what is older than days are kept comes before.
    private static func date(_ day: Int64) -> String {
        day == UsageLedger.earlier ? "" : String(Timestamp.short(day * 86_400_000).prefix(10))
    }

    // MARK: Words

    var titles: [String] {
        [
            grouping.rawValue.uppercased(), "REQUESTS", "INPUT", "OUTPUT", "CACHE-READ", "CACHE-WRITE",
            "COST", "",
        ]
    }

    var lines: [[String]] {
        rows.map { line(name($0.key), $0.sums) } + (rows.count > 1 ? [line("total", total)] : [])
    }

    private func name(_ key: Key) -> String {
        if key.text.isEmpty { return "earlier" }
        return key.isDeleted ? key.text + " (deleted)" : key.text
    }

    private func line(_ name: String, _ sums: UsageSums) -> [String] {
        let tokens = sums.tokens
        var marks: [String] = []
        if sums.estimated > 0 { marks.append("~\(sums.estimated) estimated") }
        if sums.unpriced > 0 { marks.append("!\(sums.unpriced) unpriced") }
        let written = TokenUsage(input: tokens.cacheWrite, cacheWrite: tokens.cacheWriteLong).sent
        return [
            name, String(sums.requests), Amount.count(tokens.input), Amount.count(tokens.output),
            Amount.count(tokens.cacheRead), Amount.count(written), sums.cost.text,
            marks.joined(separator: ", "),
        ]
    }

    /// What the marks mean.
    func notes(pricesFile: String) -> [String] {
        var notes: [String] = []
        if total.estimated > 0 {
            notes.append(
                "~ requests whose answer did not say what they used, or not to its end: estimated by length"
            )
        }
        if total.unpriced > 0 {
            notes.append(
                "! requests to models without a price, which are not in COST; against a budget they count as "
                    + "\(total.assumed.text). \(pricesFile) can have their prices"
            )
        }
        return notes
    }

    var document: Document {
        .object([
            "by": .string(grouping.rawValue),
            "since": .optional(since.map(Self.date)),
            "rows": .list(
                rows.map { row in
                    var head = [Document.Entry(grouping.rawValue, .string(row.key.text))]
                    if grouping == .agent { head.append(Document.Entry("deleted", .bool(row.key.isDeleted))) }
                    return .map(head + (row.sums.document.entries ?? []))
                }
            ),
            "total": total.document,
        ])
    }
}
