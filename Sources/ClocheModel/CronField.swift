// One of the five fields of a crontab line: which values it means, and why a text means none.

/// What is wrong with a field, as a sentence that names it.
struct CronProblem: Error, Equatable {
    let sentence: String

    init(_ sentence: String) { self.sentence = sentence }
}

/// The kinds of fields, with the values that each may have.
struct CronFieldKind {
    let name: String
    let range: ClosedRange<Int>
    /// Names that stand for values, the first for the lowest.
    var words: [String] = []

    static let minute = CronFieldKind(name: "minute", range: 0...59)
    static let hour = CronFieldKind(name: "hour", range: 0...23)
    static let day = CronFieldKind(name: "day of month", range: 1...31)
    static let month = CronFieldKind(
        name: "month",
        range: 1...12,
        words: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    )
    /// 7 is Sunday as well as 0.
    static let weekday = CronFieldKind(
        name: "day of week",
        range: 0...7,
        words: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
    )
}

/// A field that was read.
struct CronField: Equatable {
    /// The values it means, in order.
    let values: [Int]
    /// Whether it begins with a star: cron then takes the other field of days as well, and not either of the two.
    let isStar: Bool

    /// Reads a list of items: `*`, `a` or `a-b`, a star and a range also with `/step`.
    init(_ text: String, _ kind: CronFieldKind) throws(CronProblem) {
        var values: Set<Int> = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            values.formUnion(try Self.item(String(item), kind))
        }
        self.values = values.sorted()
        isStar = text.hasPrefix("*")
    }

    private static func item(_ text: String, _ kind: CronFieldKind) throws(CronProblem) -> [Int] {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(
            String.init
        )
        let range = try range(parts[0], kind)
        guard parts.count == 2 else { return Array(range) }
        guard parts[0] == "*" || parts[0].contains("-") else {
            throw CronProblem(
                "\(kind.name): the step of \(text.debugDescription) has no range before it;"
                    + " \(parts[0])-\(kind.range.upperBound)/\(parts[1]) would be one"
            )
        }
        guard let step = number(parts[1]), step > 0 else {
            throw CronProblem("\(kind.name): the step \(parts[1].debugDescription) is no number from 1 on")
        }
        return Array(stride(from: range.lowerBound, through: range.upperBound, by: step))
    }

    private static func range(_ text: String, _ kind: CronFieldKind) throws(CronProblem) -> ClosedRange<Int> {
        // Sunday is not to be met twice.
        if text == "*" { return kind.words.count == 7 ? 0...6 : kind.range }
        let ends = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let first = try value(ends[0], kind)
        guard ends.count == 2 else { return first...first }
        var last = try value(ends[1], kind)
        // `fri-sun`: the week of ranges may end with its Sunday.
        if kind.words.count == 7, last == 0, first > 0 { last = 7 }
        guard first <= last else {
            throw CronProblem("\(kind.name): the range \(text.debugDescription) ends before it begins")
        }
        return first...last
    }

    private static func value(_ text: String, _ kind: CronFieldKind) throws(CronProblem) -> Int {
        if let index = kind.words.firstIndex(of: text.lowercased()) { return kind.range.lowerBound + index }
        guard let value = number(text) else {
            let names = kind.words.isEmpty ? "" : " or a name such as \(kind.words[1])"
            throw CronProblem("\(kind.name): \(text.debugDescription) is not a number\(names)")
        }
        guard kind.range.contains(value) else {
            throw CronProblem(
                "\(kind.name): \(value) is not from \(kind.range.lowerBound) to \(kind.range.upperBound)"
            )
        }
        return value
    }

    /// Digits alone: no sign, as `Int` takes one.
    private static func number(_ text: String) -> Int? {
        text.utf8.allSatisfy { 0x30...0x39 ~= $0 } && text.utf8.count <= 4 ? Int(text) : nil
    }
}
