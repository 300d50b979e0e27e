// Ledgers: sums by day and model, their bounds, and what stays of deleted agents.

import ClocheModel
import StructuredText
import Testing

@testable import ModelUsage

@Suite struct UsageLedgerTests {
    static func reading(_ model: String?, _ output: Int64 = 1, isEstimated: Bool = false) -> UsageReading {
        UsageReading(model: model, usage: TokenUsage(input: 10, output: output), isEstimated: isEstimated)
    }

    static let priced = RequestCost(money: Money(nanoDollars: 5), isPriced: true)
    static let unpriced = RequestCost(money: Money(nanoDollars: 700), isPriced: false)

    @Test func sumsByDayAndModel() throws {
        var ledger = UsageLedger(id: "a 1")
        ledger.add(Self.reading("m", 3), Self.priced, day: 20_000)
        ledger.add(Self.reading("m", 4, isEstimated: true), Self.priced, day: 20_001)
        ledger.add(Self.reading(nil), Self.unpriced, day: 20_001)
        ledger.add(Self.reading("m"), Self.priced, day: 20_001)
        // A clock that was set back.
        ledger.add(Self.reading("n"), Self.priced, day: 19_999)
        #expect(ledger.rows.map(\.day) == [19_999, 20_000, 20_001, 20_001])
        #expect(ledger.rows.map(\.model) == ["n", "m", "m", "unknown"])
        let today = ledger.sum(since: 20_001, through: 20_001)
        #expect(today.requests == 3 && today.estimated == 1 && today.unpriced == 1)
        #expect(today.cost.nanoDollars == 10 && today.assumed.nanoDollars == 700)
        #expect(
            today.used(of: .cost) == 710 && today.used(of: .inputTokens) == 30
                && today.used(of: .tokens) == 36
        )
        #expect(ledger.sum().requests == 5)
        #expect(UsageLedger(document: ledger.document) == ledger)
        #expect(UsageLedger(document: try JSONText.parse(JSONText.serialize(ledger.document))) == ledger)
    }

    /// An agent chooses the names of models; it can make neither a file grow nor a sum forget.
    @Test func namesAndDaysAreBoundedAndNothingIsLost() {
        var ledger = UsageLedger(id: "a 1")
        for number in 0..<2000 {
            ledger.add(Self.reading("model-\(number)"), Self.priced, day: 20_000 + Int64(number) / 100)
        }
        ledger.add(Self.reading("model-0"), Self.priced, day: 20_100)
        ledger.add(Self.reading(nil), Self.priced, day: 20_100)
        #expect(Set(ledger.rows.map(\.model)).count == 66)
        #expect(ledger.rows.count <= UsageLedger.mostRows)
        #expect(ledger.sum().requests == 2002)
        for day in 0..<1000 { ledger.add(Self.reading("model-1"), Self.priced, day: 20_200 + Int64(day)) }
        #expect(ledger.rows.count <= UsageLedger.mostRows)
        #expect(ledger.sum().requests == 3002)
        #expect(ledger.rows.first?.day == UsageLedger.earlier)
        #expect(ledger.sum(since: 21_199).requests == 1)
        #expect(UsageLedger(document: ledger.document) == ledger)
    }

    @Test func numbersDoNotWrap() {
        var ledger = UsageLedger(id: "a 1")
        let most = RequestCost(money: Money(nanoDollars: .max), isPriced: true)
        for _ in 0..<2 { ledger.add(Self.reading("m", .max), most, day: 1) }
        #expect(ledger.sum().used(of: .cost) == .max && ledger.sum().used(of: .tokens) == .max)
    }

    @Test(arguments: ["version", "agent", "used"]) func isNoneWithout(_ key: String) {
        var document = UsageLedger(id: "a 1").document
        #expect(UsageLedger(document: document) != nil)
        document[key] = nil
        #expect(UsageLedger(document: document) == nil)
    }

    @Test(arguments: ["day", "requests", "output", "nanodollars", "model"]) func isNoneWithABadRow(
        _ key: String
    ) {
        var ledger = UsageLedger(id: "a 1")
        ledger.add(Self.reading("m"), Self.priced, day: 1)
        var row = ledger.document["used"]?.list?.first ?? .null
        for bad in [Document.integer(-1), .string("\u{1B}"), .null] {
            row[key] = bad
            var document = ledger.document
            document["used"] = .list([row])
            #expect(UsageLedger(document: document) == nil)
        }
    }

    @Test func whatDeletedAgentsUsedIsKeptOnce() {
        var deleted = DeletedUsage()
        for number in 0..<40 {
            var ledger = UsageLedger(id: "a \(number)")
            ledger.add(Self.reading("m"), Self.priced, day: 1)
            deleted.keep(ledger)
            // A deletion that was cut short is done again.
            deleted.keep(ledger)
        }
        deleted.keep(UsageLedger(id: "nothing 1"))
        #expect(deleted.agents.count == 32)
        #expect(deleted.agents.first?.id == "a 8")
        #expect(deleted.others.sum().requests == 8)
        #expect(DeletedUsage(document: deleted.document) == deleted)
    }
}
