// Amounts of US dollars in whole billionths: prices of single tokens are that small, and sums of them must not drift as
// floating point would. What does not fit any more stays at the largest amount, so that a limit holds.

/// An amount of US dollars, exactly.
public struct Money: Equatable, Hashable, Comparable, Sendable {
    /// Billionths of a dollar.
    public var nanoDollars: Int64

    /// Nothing.
    public static let zero = Money(nanoDollars: 0)

    /// So many billionths of a dollar.
    public init(nanoDollars: Int64) { self.nanoDollars = nanoDollars }

    /// Dollars as people write them: `5`, `5.00`, `$5.00` or `5.00 USD`; nil for anything else, for more than nine
    /// decimals, and beyond 64 bits.
    public init?(_ text: String) {
        var rest = text[...]
        if rest.hasPrefix("$") {
            rest = rest.dropFirst()
        } else if rest.hasSuffix("USD") {
            rest = rest.dropLast(3)
            while rest.hasSuffix(" ") { rest = rest.dropLast() }
        }
        let parts = rest.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, !whole.isEmpty else { return nil }
        var fraction = parts.count == 2 ? parts[1] : ""
        if parts.count == 2 && fraction.isEmpty { return nil }
        while fraction.hasSuffix("0") { fraction = fraction.dropLast() }
        guard fraction.utf8.count <= 9, (whole + fraction).utf8.allSatisfy({ 0x30...0x39 ~= $0 }),
            let nanoDollars = Int64(whole + fraction + String(repeating: "0", count: 9 - fraction.utf8.count))
        else { return nil }
        self.nanoDollars = nanoDollars
    }

    /// Dollars with two decimals, and with four below one dollar.
    ///
    /// What is less than the least that is shown, and something, is shown as that.
    public var text: String {
        let unit: Int64 = nanoDollars < 1_000_000_000 ? 100_000 : 10_000_000
        let digits = nanoDollars < 1_000_000_000 ? 4 : 2
        let (parts, rest) = nanoDollars.quotientAndRemainder(dividingBy: unit)
        let shown = parts + (rest * 2 >= unit || (parts == 0 && rest > 0) ? 1 : 0)
        let scale = 1_000_000_000 / unit
        if shown == 0 { return "$0.00" }
        let fraction = String(shown % scale)
        return "$\(shown / scale)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }

    /// Whether one is less.
    public static func < (first: Money, second: Money) -> Bool { first.nanoDollars < second.nanoDollars }

    /// Both together, or the largest amount.
    public static func + (first: Money, second: Money) -> Money {
        let (sum, overflow) = first.nanoDollars.addingReportingOverflow(second.nanoDollars)
        return Money(nanoDollars: overflow ? .max : sum)
    }

    /// What is more in one than in the other; never less than nothing.
    public static func - (first: Money, second: Money) -> Money {
        Money(nanoDollars: max(0, first.nanoDollars - second.nanoDollars))
    }

    /// Adds to an amount.
    public static func += (first: inout Money, second: Money) { first = first + second }
}
