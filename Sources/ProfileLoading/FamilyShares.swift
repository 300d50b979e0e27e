// Limits and budgets that an agent and those that it starts have together: what is left when others have taken theirs, and
// what a new one gets that asks for nothing. Values only.

package import ClocheModel

/// Arithmetic on limits and budgets of effective profiles.
package enum FamilyShares {
    /// The keys that are used up: what one has, another has not.
    ///
    /// Times and the like are for each.
    private static let divided: [(section: String, names: [String])] = [
        (
            "limits",
            [
                "memory", "memory-high", "swap", "processes", "cpu", "io-read", "io-write",
                "io-read-operations",
                "io-write-operations", "cpu-time", "process-starts", "disk", "disk-files", "output",
            ]
        ),
        ("budget", ["requests", "input-tokens", "output-tokens", "tokens", "cost"]),
    ]

    private static func rows(_ section: String) -> [SchemaKey] {
        ProfileSchema.keys.first { $0.name == section }?.children ?? []
    }

    /// A profile with what is left of its limits and budgets.
    ///
    /// - Parameters:
    ///   - document: an effective profile.
    ///   - taken: what others have of it: effective profiles, or documents of the same form.
    ///   - isForItself: whether it is what the owner goes on with: then nothing is less than a profile can say. Of what is
    ///     given away, nothing is left at 0.
    package static func remaining(
        of document: Document,
        after taken: [Document],
        forItself isForItself: Bool = false
    ) -> Document {
        var rest = document
        for (section, names) in divided {
            for row in rows(section) where names.contains(row.name) {
                let path = [section, row.name]
                guard let value = document.value(at: path), var left = row.type.amount(of: value) else {
                    continue
                }
                for other in taken {
                    // Who has no limit of it has none to use.
                    left -= min(left, other.value(at: path).flatMap { row.type.amount(of: $0) } ?? 0)
                }
                if isForItself { left = max(left, row.type.least) }
                rest[section]?[row.name] = row.type.value(of: left)
            }
        }
        return rest
    }

    /// The keys of which nothing is left: a profile cannot say so little.
    package static func exhausted(_ left: Document) -> [String] {
        divided.flatMap { section, names in
            rows(section).filter { row in
                guard names.contains(row.name), let value = left.value(at: [section, row.name]) else {
                    return false
                }
                return row.type.amount(of: value).map { $0 < row.type.least } ?? false
            }.map { "\(section).\($0.name)" }
        }
    }

    /// What was used of budgets, in the form of a profile.
    ///
    /// - Parameter amount: how much of a limit: a count, or billionths of a dollar.
    package static func used(_ amount: (BudgetLimit) -> Int64) -> Document {
        let entries = rows("budget").compactMap { row -> Document.Entry? in
            BudgetLimit(rawValue: row.name).map { Document.Entry(row.name, row.type.value(of: amount($0))) }
        }
        return .object(["budget": .map(entries)])
    }

    /// What one that has ended used of limits that are used up, in the form of a profile.
    ///
    /// - Parameters:
    ///   - report: what was measured at its end; what was not counts as all that it had.
    ///   - profile: the effective profile that it had.
    ///   - names: which of the limits.
    package static func used(_ report: ResourceReport?, of profile: Document, _ names: [String]) -> Document {
        let measured: [String: Int64?] = [
            "disk": report?.diskBytes, "disk-files": report?.diskFiles,
            "cpu-time": report?.cpuMicroseconds.map { ($0 + 999_999) / 1_000_000 },
            "output": report?.outputBytes,
        ]
        let entries = rows("limits").filter { names.contains($0.name) }.compactMap { row -> Document.Entry? in
            let had = profile.value(at: ["limits", row.name])
            guard let used = measured[row.name].flatMap({ $0 }) else {
                return had.map { Document.Entry(row.name, $0) }
            }
            return Document.Entry(row.name, row.type.value(of: used))
        }
        return .object(["limits": .map(entries)])
    }

    /// How much processor time programs of a profile can have used, in seconds; nil where it has no limit of that.
    ///
    /// - Parameters:
    ///   - seconds: how long they ran at most.
    ///   - processors: how many there are.
    package static func mostProcessorSeconds(of document: Document, in seconds: Int64, _ processors: Int64)
        -> Int64?
    {
        let limits = rows("limits")
        func amount(_ name: String) -> Int64? {
            limits.first { $0.name == name }?.type.amount(
                of: document.value(at: ["limits", name]) ?? .null
            )
        }
        guard let most = amount("cpu-time") else { return nil }
        let cores = min(amount("cpu") ?? .max, processors * 1000)
        return min(most, (seconds * cores + 999) / 1000)
    }

    /// What of memory a profile has, in bytes; nil without a limit.
    package static func memory(of document: Document) -> Int64? {
        rows("limits").first { $0.name == "memory" }?.type.amount(
            of: document.value(at: ["limits", "memory"]) ?? .null
        )
    }

    /// A profile with equal parts of what a parent has, where it would have more.
    ///
    /// - Parameters:
    ///   - document: an effective profile.
    ///   - whole: the parent's.
    ///   - left: what is left of that.
    ///   - count: how many parts there are.
    package static func part(_ document: Document, of whole: Document, left: Document, count: Int64)
        -> Document
    {
        var part = document
        for (section, names) in divided {
            for row in rows(section) where names.contains(row.name) {
                let path = [section, row.name]
                guard let all = whole.value(at: path).flatMap({ row.type.amount(of: $0) }),
                    let rest = left.value(at: path).flatMap({ row.type.amount(of: $0) })
                else { continue }
                let own = document.value(at: path).flatMap { row.type.amount(of: $0) } ?? .max
                part[section]?[row.name] = row.type.value(of: min(own, min(rest, all / max(1, count))))
            }
        }
        return part
    }
}

extension ValueType {
    /// The least number that a value may stand for.
    fileprivate var least: Int64 {
        switch self {
        case .orNone(let inner): inner.least
        default: amounts.lowerBound
        }
    }

    /// The value that stands for a number.
    fileprivate func value(of amount: Int64) -> Document {
        switch self {
        case .cores: .string(Self.decimal(amount, digits: 3))
        case .money: .string(Self.decimal(amount, digits: 9))
        case .orNone(let inner): inner.value(of: amount)
        default: .integer(amount)
        }
    }

    private static func decimal(_ amount: Int64, digits: Int) -> String {
        let text = String(amount)
        let padded = String(repeating: "0", count: max(0, digits + 1 - text.utf8.count)) + text
        return "\(padded.dropLast(digits)).\(padded.suffix(digits))"
    }
}
