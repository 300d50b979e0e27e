// Rows of the schema for budgets: what of model APIs an agent may use, and all agents of a project together.

internal import ClocheModel

extension ProfileSchema {
    /// The rows of a budget that may be for these periods.
    static func budget(periods: [String]) -> [SchemaKey] {
        let counts: ClosedRange<Int64> = 1...1_000_000_000_000
        return [
            limit(
                "requests",
                .integer(counts),
                "Requests that cost something. Those under way are counted, so that this limit is exact."
            ),
            limit(
                "input-tokens",
                .integer(counts),
                "Tokens that are sent, whether the provider reads them from its cache or not."
            ),
            limit(
                "output-tokens",
                .integer(counts),
                "Tokens that are answered, with those that a model thinks."
            ),
            limit("tokens", .integer(counts), "Tokens that are sent and answered, together."),
            limit(
                "cost",
                .money,
                """
                What it costs in US dollars, as `5 USD` or `0.50`, by the list of prices. A model that is not in the list is \
                counted at the dearest price that is.
                """
            ),
            SchemaKey(
                "per",
                .choice(periods),
                default: .string("total"),
                project: .narrower(.only("total")),
                periods.contains("run")
                    ? """
                    For how long these limits are: `total` for all that the agent ever uses, `day` for a day in UTC, `run` from \
                    a start or `resume` to the agent's end, restarts included.
                    """
                    : "For how long these limits are: `total` for all that is ever used, `day` for a day in UTC."
            ),
            SchemaKey(
                "warn",
                .orNone(.percent),
                default: .string("80%"),
                project: .narrower(.smaller),
                "From how much of a limit on a warning is on record, once for each limit."
            ),
            SchemaKey(
                "action",
                .choice(["pause", "refuse"]),
                default: .string("refuse"),
                project: .narrower(.earlier(["pause", "refuse"])),
                """
                What happens when a limit is reached. `refuse`: requests are answered with 429 and the reason; the agent goes \
                on otherwise. `pause`: they are refused as well, and the agent is frozen.
                """
            ),
        ]
    }

    private static func limit(_ name: String, _ type: ValueType, _ description: String) -> SchemaKey {
        SchemaKey(name, .orNone(type), default: .string("none"), project: .narrower(.smaller), description)
    }
}
