// Ledgers as documents, for `usage.json` and for `--json`. What a file says that cannot be is an error and not nothing: a
// ledger that began anew would be a budget that begins anew.

package import ClocheModel

extension TokenUsage {
    /// The numbers by name.
    package var document: Document {
        .object([
            "input": .integer(input), "output": .integer(output), "cache-read": .integer(cacheRead),
            "cache-write": .integer(cacheWrite), "cache-write-1h": .integer(cacheWriteLong),
        ])
    }
}

extension UsageSums {
    /// The sums by name; money in billionths of a dollar.
    package var document: Document {
        .map(
            [.init("requests", .integer(requests))] + (tokens.document.entries ?? []) + [
                .init("estimated", .integer(estimated)), .init("unpriced", .integer(unpriced)),
                .init("nanodollars", .integer(cost.nanoDollars)),
                .init("unpriced-nanodollars", .integer(assumed.nanoDollars)),
            ]
        )
    }

    /// Reads sums; nil when a number is missing or negative.
    init?(document: Document) {
        func number(_ key: String) -> Int64? { document[key]?.integer.flatMap { $0 >= 0 ? $0 : nil } }
        guard let requests = number("requests"), let input = number("input"), let output = number("output"),
            let read = number("cache-read"), let write = number("cache-write"),
            let long = number("cache-write-1h"),
            let estimated = number("estimated"), let unpriced = number("unpriced"),
            let cost = number("nanodollars"), let assumed = number("unpriced-nanodollars")
        else { return nil }
        self.requests = requests
        tokens = TokenUsage(
            input: input,
            output: output,
            cacheRead: read,
            cacheWrite: write,
            cacheWriteLong: long
        )
        self.estimated = estimated
        self.unpriced = unpriced
        self.cost = Money(nanoDollars: cost)
        self.assumed = Money(nanoDollars: assumed)
    }
}

extension UsageLedger {
    /// The ledger as it is written.
    package var document: Document {
        .object([
            "version": .integer(Self.version), "agent": .string(id),
            "used": .list(
                rows.map { row in
                    let head: [Document.Entry] = [
                        .init("day", .integer(row.day)), .init("model", .string(row.model)),
                    ]
                    return .map(head + (row.sums.document.entries ?? []))
                }
            ),
        ])
    }

    /// Reads a ledger; nil when a part is missing or cannot be.
    package init?(document: Document) {
        guard document["version"]?.integer == Self.version, let id = document["agent"]?.string,
            let list = document["used"]?.list
        else { return nil }
        self.init(id: id)
        for item in list {
            guard let day = item["day"]?.integer, day >= 0, let model = item["model"]?.string,
                UsageReading.modelName(model) != nil, let sums = UsageSums(document: item)
            else { return nil }
            insert(Row(day: day, model: model, sums: sums))
        }
    }
}

extension DeletedUsage {
    /// The ledgers as they are written.
    package var document: Document {
        .object([
            "version": .integer(UsageLedger.version), "deleted": .list(agents.map(\.document)),
            "others": others.document,
        ])
    }

    /// Reads them; nil when a part is missing or cannot be.
    package init?(document: Document) {
        guard document["version"]?.integer == UsageLedger.version, let list = document["deleted"]?.list,
            let others = document["others"].flatMap({ UsageLedger(document: $0) })
        else { return nil }
        self.init()
        for item in list {
            guard let ledger = UsageLedger(document: item) else { return nil }
            keep(ledger)
        }
        restore(others)
    }
}
