// What tokens cost, by model. The list that comes with Cloche is profiles/prices.yaml; a user's own adds to it and stands
// above it. A project has none: a price that is too low would be more budget.

package import ClocheModel
package import StructuredText

/// The prices of one model's tokens, each in billionths of a dollar for a million.
package struct ModelPrice: Equatable, Sendable {
    /// Prices by what was done with a token.
    package struct Rates: Equatable, Sendable {
        package var input, output, cacheRead, cacheWrite, cacheWriteLong: Money
    }

    /// For most requests.
    package var rates: Rates
    /// For those that send more than so many tokens.
    package var longPrompt: (above: Int64, rates: Rates)?

    package static func == (first: ModelPrice, second: ModelPrice) -> Bool {
        first.rates == second.rates && first.longPrompt?.above == second.longPrompt?.above
            && first.longPrompt?.rates == second.longPrompt?.rates
    }

    /// What tokens of one request cost, rounded up to a billionth of a dollar.
    package func cost(_ usage: TokenUsage) -> Money {
        var rates = rates
        if let longPrompt, usage.sent > longPrompt.above { rates = longPrompt.rates }
        let parts: [(Int64, Money)] = [
            (usage.input, rates.input), (usage.output, rates.output), (usage.cacheRead, rates.cacheRead),
            (usage.cacheWrite, rates.cacheWrite), (usage.cacheWriteLong, rates.cacheWriteLong),
        ]
        let sum = parts.reduce(Int128(0)) { $0 + Int128($1.0) * Int128($1.1.nanoDollars) }
        return Money(nanoDollars: Int64(clamping: (sum + 999_999) / 1_000_000))
    }
}

/// What a request cost.
package struct RequestCost: Equatable, Sendable {
    /// In dollars.
    package let money: Money
    /// Whether the model has a price; without one, it is counted at the dearest known.
    package let isPriced: Bool

    /// A cost.
    package init(money: Money, isPriced: Bool) { (self.money, self.isPriced) = (money, isPriced) }

    /// Of what costs nothing whatever its model.
    package static let nothing = RequestCost(money: .zero, isPriced: true)
}

/// Prices by patterns of models' names.
package struct PriceList: Sendable {
    /// A pattern and its price.
    private struct Row: Sendable {
        let text: String
        let pattern: NamePattern
        let price: ModelPrice
    }

    private var rows: [Row] = []
    /// Of each kind of token the dearest price in the list: what a model without a price is counted at.
    private(set) var dearest = ModelPrice.Rates(
        input: .zero,
        output: .zero,
        cacheRead: .zero,
        cacheWrite: .zero,
        cacheWriteLong: .zero
    )

    /// The prices that come with Cloche.
    package static func builtIn() throws(StructuredTextError) -> PriceList {
        var list = PriceList()
        try list.add(Array(embeddedPrices.utf8), file: "prices.yaml")
        return list
    }

    /// Takes in a file of prices; a pattern that is there already gets the new price.
    package mutating func add(_ text: [UInt8], file: String) throws(StructuredTextError) {
        for (name, price) in try PriceReader(file: file).prices(text) {
            rows.removeAll { $0.text == name }
            rows.append(Row(text: name, pattern: NamePattern(name), price: price))
        }
        for rates in rows.flatMap({ [$0.price.rates, $0.price.longPrompt?.rates ?? $0.price.rates] }) {
            dearest.input = max(dearest.input, rates.input)
            dearest.output = max(dearest.output, rates.output)
            dearest.cacheRead = max(dearest.cacheRead, rates.cacheRead)
            dearest.cacheWrite = max(dearest.cacheWrite, rates.cacheWrite)
            dearest.cacheWriteLong = max(dearest.cacheWriteLong, rates.cacheWriteLong)
        }
    }

    /// The price of a model: that of the longest pattern that its name fits, with or without the date at its end.
    package func price(of model: String) -> ModelPrice? {
        let names = [model, Self.withoutDate(model)]
        var best: Row?
        // Of patterns of one length, the later one is the user's.
        for row in rows where row.text.utf8.count >= best?.text.utf8.count ?? 0 {
            if names.contains(where: row.pattern.matches) { best = row }
        }
        return best?.price
    }

    /// What a request cost.
    package func cost(_ usage: TokenUsage, of model: String?) -> RequestCost {
        if let price = model.flatMap(price) { return RequestCost(money: price.cost(usage), isPriced: true) }
        return RequestCost(money: ModelPrice(rates: dearest).cost(usage), isPriced: false)
    }

    /// `claude-opus-4` of `claude-opus-4-20250514`, `gpt-5` of `gpt-5-2025-08-07`, and without `@20250514` or `-latest`.
    static func withoutDate(_ model: String) -> String {
        for ending in ["-latest", "@########", "-########", "-####-##-##"] {
            let tail = model.utf8.suffix(ending.utf8.count)
            guard tail.count == ending.utf8.count, tail.count < model.utf8.count else { continue }
            let fits = zip(tail, ending.utf8).allSatisfy { byte, sign in
                sign == UInt8(ascii: "#") ? 0x30...0x39 ~= byte : byte == sign
            }
            if fits { return String(decoding: model.utf8.dropLast(tail.count), as: UTF8.self) }
        }
        return model
    }
}

/// Reads a file of prices, and refuses whatever it does not know.
private struct PriceReader {
    let file: String

    func prices(_ text: [UInt8]) throws(StructuredTextError) -> [(String, ModelPrice)] {
        let root = try YAMLText.parse(text, file: file)
        if root.document == .null { return [] }
        guard case .map(let entries) = root.value else {
            throw failure(root, "a map with the key `models` was expected")
        }
        var prices: [(String, ModelPrice)] = []
        for entry in entries {
            guard entry.key == "models" else {
                throw failure(entry, "unknown key `\(entry.key)`; `models` is meant")
            }
            guard case .map(let models) = entry.value.value else {
                throw failure(entry.value, "`models` must be a map from names of models to prices")
            }
            for model in models {
                guard UsageReading.modelName(model.key) != nil else {
                    throw failure(
                        model,
                        "the name of a model has 1 to 128 visible characters of ASCII, and no blanks"
                    )
                }
                prices.append((model.key, try price(model.value)))
            }
        }
        return prices
    }

    private func price(_ node: LocatedNode) throws(StructuredTextError) -> ModelPrice {
        guard case .map(let entries) = node.value else { throw failure(node, "a map of prices was expected") }
        let rates = try rates(node, entries, over: nil)
        guard let long = entries.first(where: { $0.key == "long-prompt" }) else {
            return ModelPrice(rates: rates)
        }
        guard case .map(let parts) = long.value.value, let above = long.value["above"]?.document.integer,
            above > 0
        else {
            throw failure(
                long,
                "`long-prompt` must be a map of prices with the key `above`, a number of tokens"
            )
        }
        return ModelPrice(rates: rates, longPrompt: (above, try self.rates(long.value, parts, over: rates)))
    }

    /// What is left out is as dear as it can be expected to be: no cache makes anything cheaper.
    private func rates(
        _ node: LocatedNode,
        _ entries: [LocatedNode.Entry],
        over base: ModelPrice.Rates?
    ) throws(StructuredTextError) -> ModelPrice.Rates {
        let known = [
            "input", "output", "cache-read", "cache-write", "cache-write-1h",
            base == nil ? "long-prompt" : "above",
        ]
        if let other = entries.first(where: { !known.contains($0.key) }) {
            throw failure(other, "unknown key `\(other.key)`; there are \(known.joined(separator: ", "))")
        }
        guard let input = try money(node["input"]) ?? base?.input,
            let output = try money(node["output"]) ?? base?.output
        else { throw failure(node, "a price needs the keys `input` and `output`") }
        let write = try money(node["cache-write"]) ?? max(input, base?.cacheWrite ?? .zero)
        return ModelPrice.Rates(
            input: input,
            output: output,
            cacheRead: try money(node["cache-read"]) ?? max(input, base?.cacheRead ?? .zero),
            cacheWrite: write,
            cacheWriteLong: try money(node["cache-write-1h"]) ?? max(write, base?.cacheWriteLong ?? .zero)
        )
    }

    private func money(_ node: LocatedNode?) throws(StructuredTextError) -> Money? {
        guard let node else { return nil }
        // A million tokens for a million dollars is a mistake; below it, no sum of one request overflows.
        guard case .scalar(_, let text) = node.value, let money = Money(text),
            money <= Money(nanoDollars: 1_000_000_000_000_000)
        else {
            throw failure(node, "a price in dollars for a million tokens was expected, such as 3 or 0.25")
        }
        return money
    }

    private func failure(_ node: LocatedNode, _ message: String) -> StructuredTextError {
        StructuredTextError(file: file, position: node.position, message: message)
    }

    private func failure(_ entry: LocatedNode.Entry, _ message: String) -> StructuredTextError {
        StructuredTextError(file: file, position: entry.keyPosition, message: message)
    }
}
