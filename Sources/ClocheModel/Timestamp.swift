// Times as logs have them: RFC 3339 in UTC. Reading needs no clock and no locale; the clock itself is LinuxSystem's.

/// A moment as text.
package enum Timestamp {
    /// Milliseconds since 1970 of `2026-11-21T10:00:05.123Z`; also of the same without its later parts.
    ///
    /// A date alone is its midnight; a space may stand for the `T`, and the `Z` may be missing: it is UTC always.
    package static func parse(_ text: String) -> Int64? {
        var reader = Reader(text.utf8[...])
        guard let year = reader.number(4), reader.skip("-"), let month = reader.number(2), reader.skip("-"),
            let day = reader.number(2), (1...12).contains(month),
            (1...days(of: month, in: year)).contains(day)
        else { return nil }
        let midnight = days(year, month, day) * 86_400_000
        if reader.isAtEnd { return midnight }
        guard reader.skip("T") || reader.skip(" ") else { return nil }
        return reader.timeOfDay().map { midnight + $0 }
    }

    /// Milliseconds since midnight of `10:00`, `10:00:05` or `10:00:05.123`, with or without a `Z`.
    package static func parseTimeOfDay(_ text: String) -> Int64? {
        var reader = Reader(text.utf8[...])
        return reader.timeOfDay()
    }

    /// `2026-11-21 10:00:05` of milliseconds since 1970.
    package static func short(_ milliseconds: Int64) -> String {
        let (day, rest) = parted(milliseconds)
        let (year, month, number) = date(day)
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(number, 2)) \(clock(rest))"
    }

    /// `10:00:05` of milliseconds since 1970.
    package static func timeOfDay(_ milliseconds: Int64) -> String { clock(parted(milliseconds).rest) }

    private static func parted(_ milliseconds: Int64) -> (day: Int64, rest: Int64) {
        let day = milliseconds >= 0 ? milliseconds / 86_400_000 : (milliseconds - 86_399_999) / 86_400_000
        return (day, milliseconds - day * 86_400_000)
    }

    private static func clock(_ rest: Int64) -> String {
        let seconds = rest / 1000
        return "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private static func days(of month: Int64, in year: Int64) -> Int64 {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return month == 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
    }

    /// Days since 1970; a year is counted from March, so that a leap day is its last.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let ofEra = year - era * 400
        let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
    }

    /// The other way round.
    private static func date(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let ofEra = shifted - era * 146_097
        let year = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * year + year / 4 - year / 100)
        let part = (5 * ofYear + 2) / 153
        let month = part + (part < 10 ? 3 : -9)
        return (year + era * 400 + (month <= 2 ? 1 : 0), month, ofYear - (153 * part + 2) / 5 + 1)
    }

    /// Reads digits and signs from the front.
    private struct Reader {
        var rest: Substring.UTF8View

        init(_ rest: Substring.UTF8View) { self.rest = rest }

        var isAtEnd: Bool { rest.isEmpty }

        mutating func number(_ width: Int) -> Int64? {
            let digits = rest.prefix(width)
            guard digits.count == width, digits.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
            rest = rest.dropFirst(width)
            return digits.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
        }

        mutating func skip(_ sign: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: sign) else { return false }
            rest = rest.dropFirst()
            return true
        }

        mutating func timeOfDay() -> Int64? {
            guard let hour = number(2), skip(":"), let minute = number(2), hour < 24, minute < 60 else {
                return nil
            }
            var time = (hour * 60 + minute) * 60_000
            if skip(":") {
                // 60 is a leap second.
                guard let second = number(2), second <= 60 else { return nil }
                time += second * 1000
                if skip(".") {
                    let digits = rest.prefix { 0x30...0x39 ~= $0 }
                    guard !digits.isEmpty else { return nil }
                    rest = rest.dropFirst(digits.count)
                    let three = (Array(digits) + [0x30, 0x30]).prefix(3)
                    time += three.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
                }
            }
            _ = skip("Z")
            return isAtEnd ? time : nil
        }
    }
}
