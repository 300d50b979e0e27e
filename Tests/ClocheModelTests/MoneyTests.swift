// Dollars as people write them and as they are shown.

import ClocheModel
import Testing

@Suite struct MoneyTests {
    @Test(arguments: [
        ("5", 5_000_000_000), ("5.00", 5_000_000_000), ("$5.00", 5_000_000_000), ("5 USD", 5_000_000_000),
        ("5.5USD", 5_500_000_000), ("0.000000001", 1), ("0.1", 100_000_000), ("007", 7_000_000_000), ("0", 0),
        ("9223372036.854775807", Int64.max),
    ])
    func reads(_ text: String, _ nanoDollars: Int64) { #expect(Money(text)?.nanoDollars == nanoDollars) }

    @Test(arguments: [
        "", "$", "USD", "5.", ".5", "-5", "+5", "5 EUR", "5,00", "1e3", "0.0000000001",
        "9223372036.854775808",
        "$5 USD", " 5", "5.0.0", "٥",
    ])
    func refuses(_ text: String) { #expect(Money(text) == nil) }

    @Test(arguments: [
        (0, "$0.00"), (1, "$0.0001"), (49_999, "$0.0001"), (4_200_000, "$0.0042"), (4_250_000, "$0.0043"),
        (999_900_000, "$0.9999"), (1_000_000_000, "$1.00"), (12_345_000_000, "$12.35"),
        (12_344_999_999, "$12.34"),
        (5_020_000_000, "$5.02"), (Int64.max, "$9223372036.85"),
    ])
    func shows(_ nanoDollars: Int64, _ text: String) { #expect(Money(nanoDollars: nanoDollars).text == text) }

    @Test func sumsStayAtTheLargest() {
        let most = Money(nanoDollars: .max)
        #expect(most + Money(nanoDollars: 1) == most)
        #expect(Money.zero - most == .zero)
    }
}
