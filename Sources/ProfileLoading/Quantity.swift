// Sizes, rates, durations, cores and signals as people write them.

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
    /// The most of each that a profile may say, so that sums and smaller units of them fit in 64 bits.
    static let mostBytes: Int64 = 1 << 60
    static let mostSeconds: Int64 = 100 * 365 * 86400
    static let mostThousandths: Int64 = 1_000_000 * 1000

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

    /// Bytes per second of `50MiB/s`, `50 MiB` or `4096`; nil for anything else and beyond 64 bits.
    package static func bytesPerSecond(_ text: String) -> Int64? {
        bytes(text.hasSuffix("/s") ? String(text.dropLast(2)) : text)
    }

    /// Thousandths of `2`, `1.5`, `.25` or `0.250`; nil for anything else, finer parts, and beyond 64 bits.
    ///
    /// The text is read and not a number with a floating point, in which 0.1 is something else.
    package static func thousandths(_ text: String) -> Int64? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let whole = parts[0]
        var fraction = parts.count == 2 ? parts[1] : ""
        while fraction.hasSuffix("0") { fraction = fraction.dropLast() }
        guard !(whole.isEmpty && parts.count == 1), !(text == "."), fraction.utf8.count <= 3,
            (whole + fraction).utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
        else { return nil }
        return Int64(whole + fraction + String(repeating: "0", count: 3 - fraction.utf8.count))
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

// What people write elsewhere (Docker, Kubernetes, systemd), said as it is written here.
extension Quantity {
    /// A size in the largest unit that leaves a whole number.
    static func text(bytes: Int64) -> String {
        let row = sizeUnits.first { $0.name.contains("i") && bytes % $0.bytes == 0 } ?? ("B", 1)
        return "\(bytes / row.bytes)\(row.name)"
    }

    /// `; did you mean ...?`, or nothing.
    static func hint(_ suggestions: [String]) -> String {
        guard !suggestions.isEmpty else { return "" }
        return "; did you mean " + suggestions.map { "`\($0)`" }.joined(separator: " or ") + "?"
    }

    /// The sizes that `2G`, `2gb`, `2Gi`, `1.5GiB` or `1.5g` may mean; none for anything else.
    static func sizes(meantBy text: String) -> [String] {
        let isRate = text.hasSuffix("/s")
        let size = isRate ? text.dropLast(2) : text[...]
        let digits = size.prefix { ($0.isASCII && $0.isNumber) || $0 == "." }
        let unit = size.dropFirst(digits.count).filter { $0 != " " }.lowercased()
        guard let letter = unit.first, let number = thousandths(String(digits)), number > 0 else { return [] }
        let forms =
            switch unit.dropFirst() {
            case "": [letter.uppercased() + "iB", letter.uppercased() + "B"]
            case "i", "ib": [letter.uppercased() + "iB"]
            case "b": [letter.uppercased() + "B", letter.uppercased() + "iB"]
            default: [String]()
            }
        return forms.compactMap { form in
            guard let row = sizeUnits.first(where: { $0.name.lowercased() == form.lowercased() }) else {
                return nil
            }
            let (product, overflow) = number.multipliedReportingOverflow(by: row.bytes)
            guard !overflow, product % 1000 == 0, product / 1000 <= mostBytes else { return nil }
            let binary = row.name.contains("i")
            let fitting = sizeUnits.first {
                $0.name.contains("i") == binary && product / 1000 % $0.bytes == 0 && $0.bytes <= row.bytes
            }
            guard let fitting else { return nil }
            return "\(product / 1000 / fitting.bytes)\(fitting.name)" + (isRate ? "/s" : "")
        }
    }

    /// The number of cores that `1.5 cores`, `1500m` or `150%` may mean; none for anything else.
    static func cores(meantBy text: String) -> [String] {
        let digits = text.prefix { ($0.isASCII && $0.isNumber) || $0 == "." }
        guard let number = thousandths(String(digits)) else { return [] }
        let meant: Int64? =
            switch text.dropFirst(digits.count).filter({ $0 != " " }).lowercased() {
            case "m": number % 1000 == 0 ? number / 1000 : nil
            case "%": number % 100 == 0 ? number / 100 : nil
            case "c", "core", "cores", "cpu", "cpus": number
            default: nil
            }
        guard let meant, meant > 0, meant <= mostThousandths else { return [] }
        return [decimal(thousandths: meant)]
    }

    /// `1500` as `1.5`.
    private static func decimal(thousandths: Int64) -> String {
        var fraction = String(String(thousandths % 1000 + 1000).dropFirst())
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return "\(thousandths / 1000)" + (fraction.isEmpty ? "" : ".\(fraction)")
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
