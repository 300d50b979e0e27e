// Prices: which one holds for a model, and that sums of money are exact.

import ClocheModel
import StructuredText
import Testing

@testable import ModelUsage

@Suite struct PriceTests {
    static func list(_ text: String) throws -> PriceList {
        var list = try PriceList.builtIn()
        try list.add(Array(text.utf8), file: "own.yaml")
        return list
    }

    @Test func theBuiltInPricesAreRead() throws {
        let list = try PriceList.builtIn()
        let opus = try #require(list.price(of: "claude-opus-4-1-20250805"))
        #expect(opus.rates.output == Money("75"))
        #expect(opus.rates.cacheWriteLong == Money("30"))
        #expect(list.price(of: "gpt-5-2025-08-07")?.rates.input == Money("1.25"))
        #expect(list.price(of: "gpt-5-mini")?.rates.input == Money("0.25"))
        #expect(list.price(of: "claude-3-5-haiku-latest")?.rates.input == Money("0.80"))
        #expect(list.price(of: "claude-opus-4@20250514")?.rates.input == Money("15"))
        #expect(list.price(of: "gemini-2.5-flash-lite-preview-09")?.rates.input == Money("0.1"))
        // A model that came later has no price of an older one's.
        for name in ["gpt-6", "gpt-5-ultra", "claude-opus-4-1x", "claude", ""] {
            #expect(list.price(of: name) == nil)
        }
    }

    @Test func theLongestPatternCountsAndTheUsersOwnStandsAbove() throws {
        let list = try Self.list(
            """
            models:
              gpt-*: {input: 1, output: 2}
              gpt-6-*: {input: 3, output: 4}
              "gpt-6-mini": {input: 5, output: 6}
              gpt-5: {input: 7, output: 8}
            """
        )
        #expect(list.price(of: "gpt-9")?.rates.input == Money("1"))
        #expect(list.price(of: "gpt-6-large")?.rates.input == Money("3"))
        #expect(list.price(of: "gpt-6-mini-2027-01-01")?.rates.input == Money("5"))
        #expect(list.price(of: "gpt-5")?.rates.input == Money("7"))
        #expect(list.price(of: "gpt-5-mini")?.rates.input == Money("0.25"))
    }

    @Test func costsAreExact() throws {
        let list = try Self.list("models: {m: {input: 0.0375, output: 0.1, cache-read: 0.01}}")
        let one = list.cost(TokenUsage(input: 1), of: "m")
        // 37.5 billionths, rounded up.
        #expect(one == RequestCost(money: Money(nanoDollars: 38), isPriced: true))
        #expect(list.cost(TokenUsage(input: 2), of: "m").money.nanoDollars == 75)
        #expect(list.cost(TokenUsage(input: 1_000_000, output: 1_000_000), of: "m").money == Money("0.1375"))
        // Whoever left out what writing to a cache costs pays what sending does.
        #expect(list.cost(TokenUsage(cacheWrite: 2, cacheWriteLong: 2), of: "m").money.nanoDollars == 150)
        let most = Int64.max
        #expect(list.cost(TokenUsage(input: most, output: most), of: "o1-pro").money.nanoDollars == .max)
    }

    @Test func aLongPromptHasItsOwnPrice() throws {
        let list = try PriceList.builtIn()
        func cost(_ usage: TokenUsage) -> Money { list.cost(usage, of: "gemini-2.5-pro").money }
        #expect(cost(TokenUsage(input: 200_000)) == Money("0.25"))
        #expect(cost(TokenUsage(input: 200_001)) == Money("0.5000025"))
        #expect(cost(TokenUsage(input: 100_000, output: 1000, cacheRead: 150_000)) == Money("0.3025"))
    }

    @Test func aModelWithoutAPriceIsCountedAtTheDearest() throws {
        let usage = TokenUsage(input: 1_000_000, output: 1_000_000)
        let cost = try PriceList.builtIn().cost(usage, of: "nobody-knows")
        #expect(cost == RequestCost(money: Money(nanoDollars: 750_000_000_000), isPriced: false))
        #expect(try PriceList.builtIn().cost(usage, of: nil) == cost)
        let list = try Self.list("models: {x: {input: 1000, output: 1}}")
        #expect(list.cost(usage, of: nil).money == Money("1600"))
    }

    @Test(arguments: [
        ("[]", "1:1: a map with the key `models` was expected"),
        ("prices: {}", "1:1: unknown key `prices`; `models` is meant"),
        ("models: []", "1:9: `models` must be a map"),
        ("models:\n  \"a b\": {input: 1, output: 1}", "2:3: the name of a model has"),
        ("models: {a: 1}", "1:13: a map of prices was expected"),
        ("models: {a: {input: 1}}", "a price needs the keys `input` and `output`"),
        ("models: {a: {input: 1, output: 1, cached: 1}}", "unknown key `cached`"),
        ("models: {a: {input: -1, output: 1}}", "1:21: a price in dollars"),
        ("models: {a: {input: 1e3, output: 1}}", "a price in dollars"),
        ("models: {a: {input: 1, output: 99999999}}", "a price in dollars"),
        ("models: {a: {input: 1, output: 1, long-prompt: {input: 2}}}", "with the key `above`"),
        ("models: {a: {input: 1, output: 1}, a: {input: 1, output: 1}}", "here twice"),
    ])
    func whatIsWrongIsSaidWithItsPlace(_ text: String, _ message: String) {
        #expect {
            _ = try Self.list(text)
        } throws: { error in
            "\(error)".contains(message) && "\(error)".hasPrefix("own.yaml:")
        }
    }
}
