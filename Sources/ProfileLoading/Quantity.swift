// Sizes, durations and signals as people write them.

/// Numbers with units.
package enum Quantity {
    /// Units of sizes, largest first; `KB` and the like are refused where they could be read two ways.
    static let sizeUnits: [(name: String, bytes: Int64)] = [
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
        ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000), ("B", 1),
    ]
    /// Units of durations, largest first: the order in which they must be written.
    static let durationUnits: [(name: String, seconds: Int64)] = [
        ("w", 604_800), ("d", 86400), ("h", 3600), ("m", 60), ("s", 1),
    ]

    /// Bytes of `512MiB`, `2 GiB` or `4096`; nil for anything else and beyond 64 bits.
    package static func bytes(_ text: String) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }
        guard let number = Int64(digits) else { return nil }
        if unit.isEmpty { return number }
        guard let row = sizeUnits.first(where: { $0.name == unit }) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: row.bytes)
        return overflow ? nil : product
    }

    /// Seconds of `90s`, `30m`, `1h30m` or `45`; nil for anything else and beyond 64 bits.
    package static func seconds(_ text: String) -> Int64? {
        if let number = Int64(text) { return number >= 0 ? number : nil }
        var rest = text[...]
        var total: Int64 = 0
        var units = durationUnits[...]
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            guard let number = Int64(digits), let index = units.firstIndex(where: { rest.hasPrefix($0.name) })
            else { return nil }
            let (product, overflow) = number.multipliedReportingOverflow(by: units[index].seconds)
            let (sum, carry) = total.addingReportingOverflow(product)
            if overflow || carry { return nil }
            total = sum
            rest = rest.dropFirst(1)
            units = units[(index + 1)...]
        }
        return text.isEmpty ? nil : total
    }
}

/// Signals by name, `signal(7)`; the numbers are those of x86-64 and arm64.
package enum SignalName {
    static let numbers: [(name: String, number: Int32)] = [
        ("HUP", 1), ("INT", 2), ("QUIT", 3), ("KILL", 9), ("USR1", 10), ("USR2", 12), ("TERM", 15),
    ]

    /// The number of `TERM` or `SIGTERM`; nil for a name that is no sensible way to stop a program.
    package static func number(of name: String) -> Int32? {
        let short = name.hasPrefix("SIG") ? String(name.dropFirst(3)) : name
        return numbers.first { $0.name == short }?.number
    }
}
