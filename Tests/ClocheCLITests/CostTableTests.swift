// The table of `cost`: sums by agent, model and day, and their marks.

import Cloche
import ClocheModel
import ModelUsage
import Testing

@testable import ClocheCLI

@Suite struct CostTableTests {
    static let usage: [AgentSpending] = {
        func ledger(_ id: String, _ uses: [(day: Int64, model: String?, isEstimated: Bool)]) -> UsageLedger {
            var ledger = UsageLedger(id: id)
            for use in uses {
                let tokens = TokenUsage(
                    input: 1000,
                    output: 200,
                    cacheRead: 50_000,
                    cacheWrite: 30,
                    cacheWriteLong: 4
                )
                let reading = UsageReading(model: use.model, usage: tokens, isEstimated: use.isEstimated)
                let cost = RequestCost(money: Money("1.5") ?? .zero, isPriced: use.model != nil)
                ledger.add(reading, cost, day: use.day)
            }
            return ledger
        }
        return [
            AgentSpending(
                name: "fixer",
                isDeleted: false,
                ledger: ledger("fixer 2", [(20_778, "m", false), (20_779, "n", true), (20_779, nil, false)])
            ),
            AgentSpending(name: "fixer", isDeleted: true, ledger: ledger("fixer 1", [(20_778, "m", false)])),
            AgentSpending(name: "", isDeleted: true, ledger: ledger("", [(UsageLedger.earlier, "m", false)])),
        ]
    }()

    @Test func byAgent() {
        let table = CostTable(Self.usage, by: .agent, since: nil)
        #expect(
            table.lines == [
                ["fixer", "3", "3000", "600", "150k", "102", "$3.00", "~1 estimated, !1 unpriced"],
                ["earlier", "1", "1000", "200", "50k", "34", "$1.50", ""],
                ["fixer (deleted)", "1", "1000", "200", "50k", "34", "$1.50", ""],
                ["total", "5", "5000", "1000", "250k", "170", "$6.00", "~1 estimated, !1 unpriced"],
            ]
        )
        #expect(table.titles.count == table.lines[0].count)
        let notes = table.notes(pricesFile: "/home/u/.config/cloche/prices.yaml")
        #expect(notes.count == 2 && notes[1].contains("$1.50. /home/u/.config/cloche/prices.yaml"))
    }

    @Test func byModelAndByDay() {
        #expect(
            CostTable(Self.usage, by: .model, since: nil).lines.map { $0[0] } == [
                "m", "n", "unknown", "total",
            ]
        )
        let days = CostTable(Self.usage, by: .day, since: nil)
        #expect(days.lines.map { $0[0] } == ["earlier", "2026-11-21", "2026-11-22", "total"])
        #expect(days.lines.map { $0[1] } == ["1", "2", "2", "5"])
        let late = CostTable(Self.usage, by: .day, since: 20_779)
        // A sum of one row is that row.
        #expect(late.lines.map { $0[0] } == ["2026-11-22"])
        #expect(late.total.requests == 2)
        #expect(CostTable(Self.usage, by: .day, since: 20_780).rows.isEmpty)
        #expect(CostTable([], by: .agent, since: nil).lines.isEmpty)
    }

    @Test func asADocument() {
        let document = CostTable(Self.usage, by: .agent, since: 20_778).document
        #expect(document["since"] == .string("2026-11-21"))
        let rows = document["rows"]?.list ?? []
        #expect(rows.map { $0["agent"]?.string } == ["fixer", "fixer"])
        #expect(rows.map { $0["deleted"]?.bool } == [false, true])
        #expect(rows.first?["unpriced-nanodollars"] == .integer(1_500_000_000))
        #expect(document["total"]?["nanodollars"] == .integer(4_500_000_000))
    }
}
