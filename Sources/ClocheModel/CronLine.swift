// When a schedule is due: written as in crontab(5), meant for systemd.time(7). A pure translation; nothing is asked of
// the clock. `Cloche/Schedules` makes timers of it.

/// The times of a crontab line.
public struct CronLine: Equatable, Sendable {
    /// The line as it was given, with one space between fields.
    public let text: String
    /// The same as expressions for `OnCalendar=`; it is due when one of them is.
    public let calendar: [String]

    private static let nicknames: [(name: String, fields: String)] = [
        ("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"), ("@monthly", "0 0 1 * *"), ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
    ]

    /// Reads five fields, or a nickname such as `@daily`.
    ///
    /// - Throws: an error that names the field which is wrong.
    public init(_ text: String) throws(ClocheError) {
        let words = text.split { $0 == " " || $0 == "\t" }.map(String.init)
        do throws(CronProblem) {
            calendar = try Self.calendar(Self.fields(words))
        } catch {
            throw ClocheError(
                .usage,
                "not a time for a schedule: \(text.debugDescription)",
                why: error.sentence,
                remedy:
                    "give minute, hour, day of month, month and day of week, as \"30 2 * * 1-5\", or a word as @daily"
            )
        }
        self.text = words.joined(separator: " ")
    }

    private static func fields(_ words: [String]) throws(CronProblem) -> [String] {
        if words.count == 1, words[0].hasPrefix("@") {
            if let known = nicknames.first(where: { $0.name == words[0].lowercased() }) {
                return known.fields.split(separator: " ").map(String.init)
            }
            if words[0].lowercased() == "@reboot" {
                throw CronProblem("@reboot is no time; a schedule goes by the calendar")
            }
            throw CronProblem(
                "\(words[0].debugDescription) is none of \(nicknames.map(\.name).joined(separator: ", "))"
            )
        }
        guard words.count == 5 else {
            throw CronProblem("it has \(words.count) \(words.count == 1 ? "field" : "fields"), and not five")
        }
        return words
    }

    private static func calendar(_ fields: [String]) throws(CronProblem) -> [String] {
        let minutes = try CronField(fields[0], .minute)
        let hours = try CronField(fields[1], .hour)
        let days = try CronField(fields[2], .day)
        let months = try CronField(fields[3], .month)
        let weekdays = try CronField(fields[4], .weekday)
        let time =
            "\(component(hours, .hour)):\(component(minutes, .minute)):00"
        let month = component(months, .month)
        let byDay = "*-\(month)-\(component(days, .day)) \(time)"
        let exists = occurs(days, months)
        let week = self.week(weekdays)
        // Both given means either; a star in one of them means that both must hold.
        if !days.isStar, !weekdays.isStar {
            let byWeek = (week.isEmpty ? "" : week + " ") + "*-\(month)-* \(time)"
            // When one of the two is every day, the other adds nothing.
            if week.isEmpty || !exists { return [byWeek] }
            return component(days, .day) == "*" ? [byDay] : [byDay, byWeek]
        }
        guard exists else {
            throw CronProblem("day of month: there is no \(days.values[0]) in the month that the line names")
        }
        return [(week.isEmpty ? "" : week + " ") + byDay]
    }

    /// Whether one of the days is in one of the months.
    private static func occurs(_ days: CronField, _ months: CronField) -> Bool {
        let longest = months.values.map { $0 == 2 ? 29 : [4, 6, 9, 11].contains($0) ? 30 : 31 }.max() ?? 0
        return days.values.contains { $0 <= longest }
    }

    /// Numbers as systemd has them: `*`, `05..50/15`, `01..03,09`.
    private static func component(_ field: CronField, _ kind: CronFieldKind) -> String {
        let values = field.values
        if values.count == kind.range.count { return "*" }
        func padded(_ value: Int) -> String { (value < 10 ? "0" : "") + "\(value)" }
        if values.count > 2 {
            let step = values[1] - values[0]
            if step > 1, zip(values, values.dropFirst()).allSatisfy({ $1 - $0 == step }) {
                return "\(padded(values[0]))..\(padded(values[values.count - 1]))/\(step)"
            }
        }
        return runs(values, padded)
    }

    /// Days of the week, which begins on Monday; empty for all of them.
    private static func week(_ field: CronField) -> String {
        let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        let days = Set(field.values.map { ($0 + 6) % 7 }).sorted()
        return days.count == 7 ? "" : runs(days) { names[$0] }
    }

    /// Values one by one, three and more that follow each other as a range.
    private static func runs(_ values: [Int], _ word: (Int) -> String) -> String {
        var parts: [String] = []
        var rest = values[...]
        while let first = rest.first {
            var last = first
            while rest.dropFirst(last - first + 1).first == last + 1 { last += 1 }
            if last - first >= 2 {
                parts.append("\(word(first))..\(word(last))")
            } else {
                parts += (first...last).map(word)
            }
            rest = rest.dropFirst(last - first + 1)
        }
        return parts.joined(separator: ",")
    }
}
