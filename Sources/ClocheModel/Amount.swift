// Numbers as a table shows them: short, with a unit.

/// Amounts in few characters.
package enum Amount {
    /// `512`, `1.5K`, `640M`, `2.0G`.
    package static func bytes(_ count: Int64) -> String {
        let units = ["", "K", "M", "G", "T", "P"]
        let isHuge = count > Int64.max / 10
        var tenths = isHuge ? count / 1024 * 10 : max(0, count) * 10
        var unit = isHuge ? 1 : 0
        // 999.5 and more would be four digits.
        while tenths >= 9995, unit < units.count - 1 {
            tenths /= 1024
            unit += 1
        }
        if unit == 0 { return String(tenths / 10) }
        return (tenths < 100 ? decimal(tenths) : String((tenths + 5) / 10)) + units[unit]
    }

    /// `12`, `1.5k`, `3.2M`: thousands, for what is counted.
    package static func count(_ count: Int64) -> String {
        if count < 10_000 { return String(count) }
        if count < 1_000_000 { return "\(count / 1000)k" }
        return decimal(count / 100_000) + "M"
    }

    /// `45s`, `12m`, `1h30m`, `2d3h`.
    package static func duration(_ seconds: Int64) -> String {
        let (small, large, per): (String, String, Int64)
        let unit: Int64
        switch seconds {
        case ..<60: return "\(max(0, seconds))s"
        case ..<3600: (small, large, per, unit) = ("s", "m", 60, 1)
        case ..<86400: (small, large, per, unit) = ("m", "h", 60, 60)
        default: (small, large, per, unit) = ("h", "d", 24, 3600)
        }
        let whole = seconds / unit / per
        let rest = seconds / unit % per
        return "\(whole)\(large)" + (rest == 0 ? "" : "\(rest)\(small)")
    }

    /// Thousandths of a core as percent of one: `7.5`, `150`.
    package static func percent(_ millicores: Int64) -> String {
        millicores < 1000 ? decimal(millicores) : String((millicores + 5) / 10)
    }

    /// A tenth's precision, from tenths.
    package static func decimal(_ tenths: Int64) -> String { "\(tenths / 10).\(tenths % 10)" }

    /// An amount of some unit.
    package static func text(_ value: Int64, _ unit: LimitUnit) -> String {
        switch unit {
        case .bytes: bytes(value)
        case .count: count(value)
        case .millicores: percent(value) + "%"
        case .seconds: duration(value)
        case .bytesPerSecond: bytes(value) + "/s"
        case .operationsPerSecond: count(value) + "/s"
        }
    }
}
