// The table of `stats` and `top` as lines of text. Pure: rows and a size come in, lines go out. What does not fit the
// width loses bars first and then columns, the least wanted first; what does not fit the height is counted.

internal import ClocheModel
internal import TerminalText

/// How lines are drawn.
struct UsageStyle: Sendable {
    /// Bars of block characters; ASCII otherwise.
    var unicode: Bool
    /// Colours and bold.
    var colors: Bool

    /// Whether the user's locale is one of UTF-8; see `locale(7)` for the order.
    static func isUnicode(_ variable: (String) -> String?) -> Bool {
        let value = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap(variable).first { !$0.isEmpty } ?? ""
        let name = value.lowercased()
        return name.contains("utf-8") || name.contains("utf8")
    }
}

/// A part of a line in one style.
struct Span: Equatable {
    var text: String
    var style: Output.Style?

    init(_ text: String, _ style: Output.Style? = nil) {
        self.text = text
        self.style = style
    }
}

/// What stands in one place of the table.
private struct Cell {
    var text: String
    /// How much of its limit is used, if it has a bar.
    var fraction: Double?
    /// In the place of the bar.
    var note = ""

    /// Characters of what follows the text when bars are shown.
    var tailWidth: Int { note.isEmpty ? fraction == nil ? 0 : UsageTable.barWidth : note.count }

    init(_ text: String) { self.text = text }

    /// What is used beside its limit.
    init(_ used: String, _ limit: LimitState?) {
        text = used
        guard let limit else { return }
        text += "/" + Amount.text(limit.value, limit.unit)
        if limit.holder == .nobody {
            note = "not held"
        } else if let amount = limit.used {
            fraction = limit.value > 0 ? Double(amount) / Double(limit.value) : amount > 0 ? 1 : 0
        }
    }
}

/// A column; a row may have several cells in it, or none.
private struct Column {
    let title: String
    let cells: [[Cell]]
    var hasBars: Bool
    /// Characters of the widest text beside a bar, so that bars are below each other.
    let textWidth: Int
    /// Characters of the widest place, with bars and without.
    private let fullWidth: Int
    private let shortWidth: Int

    var width: Int { hasBars ? fullWidth : shortWidth }

    init(_ title: String, hasBars: Bool = false, _ cells: [[Cell]]) {
        self.title = title
        self.cells = cells
        self.hasBars = hasBars
        let aligned = cells.filter { $0.count == 1 }.joined().filter { $0.tailWidth > 0 }
        let textWidth = aligned.map(\.text.count).max() ?? 0
        self.textWidth = textWidth
        func widest(_ width: (Cell) -> Int) -> Int {
            cells.map { row in row.reduce(max(0, row.count - 1) * UsageTable.gap) { $0 + width($1) } }.max()
                ?? 0
        }
        shortWidth = max(title.count, widest(\.text.count))
        fullWidth = max(
            title.count,
            widest { $0.tailWidth > 0 ? max(textWidth, $0.text.count) + 1 + $0.tailWidth : $0.text.count }
        )
    }
}

/// The table.
struct UsageTable {
    /// Characters of a bar.
    static let barWidth = 7
    /// Blanks between columns.
    static let gap = 2

    let style: UsageStyle
    private var columns: [Column]
    private let count: Int

    init(_ rows: [UsageRow], _ style: UsageStyle) {
        self.style = style
        count = rows.count
        func column(_ title: String, bars: Bool = false, _ cell: (UsageRow) -> Cell) -> Column {
            Column(title, hasBars: bars, rows.map { [cell($0)] })
        }
        columns = [
            column("NAME") { Cell(visible($0.name)) },
            column("STATE") { Cell($0.isSilent ? $0.state.rawValue + "?" : $0.state.rawValue) },
            column("CPU%", bars: true) { row in
                Cell(row.text(row.cpuMillicores, Amount.percent), row.limit(.cpu))
            },
            column("MEM", bars: true) { row in
                Cell(row.text(row.report?.memoryBytes, Amount.bytes), row.limit(.memory))
            },
            column("TASKS", bars: true) { row in
                Cell(row.text(row.report?.tasks, Amount.count), row.limit(.processes))
            },
            column("IO R/W") { Cell($0.pair($0.ioRead, $0.ioWritten)) },
            column("NET R/W") { Cell($0.pair($0.networkReceived, $0.networkSent)) },
            column("DISK", bars: true) { row in
                Cell(row.text(row.report?.diskBytes, Amount.bytes), row.limit(.disk))
            },
            column("PSI C/M/I") { Cell($0.pressure) },
            Column("LIMITS", hasBars: true, rows.map(Self.otherLimits)),
        ]
    }

    /// The limits that have no column of their own and of which it is known how much is used.
    private static func otherLimits(_ row: UsageRow) -> [Cell] {
        row.limits.compactMap { limit in
            if [.cpu, .memory, .processes, .disk].contains(limit.name) { return nil }
            guard let used = limit.used else { return nil }
            // `1.0M/5.0M/s`: the limit says once of what both are.
            let amount = limit.unit == .bytesPerSecond ? Amount.bytes(used) : Amount.text(used, limit.unit)
            return Cell(limit.name.rawValue + " " + amount, limit)
        }
    }

    /// What goes, in this order, while the lines are too wide.
    private static let sacrifices: [(title: String, whole: Bool)] = [
        ("LIMITS", false), ("LIMITS", true), ("PSI C/M/I", true), ("NET R/W", true), ("DISK", false),
        ("TASKS", false), ("IO R/W", true), ("CPU%", false), ("MEM", false), ("DISK", true), ("TASKS", true),
        ("STATE", true), ("CPU%", true), ("MEM", true),
    ]

    /// The lines: titles first, then as many rows as fit from `offset` on, then how many are below.
    ///
    /// - Parameters:
    ///   - width: the longest that a line may be; nil for any length.
    ///   - height: how many lines there may be; nil for any number.
    ///   - offset: how many rows are left out at the top.
    func lines(width: Int? = nil, height: Int? = nil, offset: Int = 0) -> [String] {
        let columns = fitting(width)
        let room = max(0, (height ?? .max) - 1)
        let first = min(max(0, offset), max(0, count - room))
        let isCut = count - first > room
        let shown = first..<min(count, isCut ? first + max(0, room - 1) : count)
        var text = [join(columns) { [Span($0.title, .bold)] }]
        for row in shown { text.append(join(columns) { spans($0, row) }) }
        if isCut && room > 0 {
            let rest = "\(style.unicode ? "…" : "...") \(count - shown.upperBound) more"
            text.append(draw([Span(rest, .faint)], limit: width))
        }
        return height.map { Array(text.prefix($0)) } ?? text

        func join(_ columns: [Column], _ place: (Column) -> [Span]) -> String {
            var line: [Span] = []
            for column in columns {
                let spans = place(column)
                let blanks = column.width - spans.reduce(0) { $0 + $1.text.count } + Self.gap
                line += spans + [Span(String(repeating: " ", count: max(0, blanks)))]
            }
            return draw(line, limit: width)
        }
    }

    private func fitting(_ width: Int?) -> [Column] {
        var columns = self.columns.filter { column in
            // A column of limits that nobody has is no news.
            column.title != "LIMITS" || column.cells.contains { !$0.isEmpty }
        }
        guard let width else { return columns }
        for sacrifice in Self.sacrifices {
            if columns.reduce(-Self.gap, { $0 + $1.width + Self.gap }) <= width { break }
            guard let index = columns.firstIndex(where: { $0.title == sacrifice.title }) else { continue }
            if sacrifice.whole { columns.remove(at: index) } else { columns[index].hasBars = false }
        }
        return columns
    }

    /// What stands in a column for a row.
    private func spans(_ column: Column, _ row: Int) -> [Span] {
        var spans: [Span] = []
        for cell in column.cells[row] {
            if !spans.isEmpty { spans.append(Span(String(repeating: " ", count: Self.gap))) }
            guard column.hasBars && cell.tailWidth > 0 else {
                spans.append(Span(cell.text))
                continue
            }
            let blanks = max(0, column.textWidth - cell.text.count) + 1
            spans += [Span(cell.text + String(repeating: " ", count: blanks))] + bar(cell)
        }
        return spans
    }

    private func bar(_ cell: Cell) -> [Span] {
        if !cell.note.isEmpty { return [Span(cell.note, .yellow)] }
        guard let fraction = cell.fraction else { return [] }
        let part = min(max(fraction, 0), 1)
        var filled = Int((part * Double(Self.barWidth)).rounded())
        // Something is not nothing, and nearly full is not full.
        if part > 0 { filled = max(filled, 1) }
        if part < 1 { filled = min(filled, Self.barWidth - 1) }
        let (on, off) = style.unicode ? ("▇", "░") : ("#", ".")
        let color: Output.Style = part >= 0.95 ? .red : part >= 0.8 ? .yellow : .green
        return [
            Span(String(repeating: on, count: filled), color),
            Span(String(repeating: off, count: Self.barWidth - filled), .faint),
        ]
    }

    /// A line as it is written: at most `limit` characters, without blanks at its end.
    func draw(_ spans: [Span], limit: Int?) -> String {
        var left = limit ?? .max
        var parts: [Span] = []
        for span in spans {
            let text = String(span.text.prefix(left))
            left -= text.count
            if !text.isEmpty { parts.append(Span(text, span.style)) }
        }
        while let last = parts.last, last.text.allSatisfy({ $0 == " " }) { parts.removeLast() }
        if var last = parts.popLast() {
            while last.text.last == " " { last.text.removeLast() }
            parts.append(last)
        }
        return parts.map { span in style.colors ? span.style?.paint(span.text) ?? span.text : span.text }
            .joined()
    }
}

extension UsageRow {
    /// A number as text: `?` when the supervisor is silent, `-` when it cannot be known.
    fileprivate func text(_ value: Int64?, _ form: (Int64) -> String) -> String {
        value.map(form) ?? (isSilent ? "?" : "-")
    }

    fileprivate func pair(_ one: Int64?, _ other: Int64?) -> String {
        if one == nil && other == nil { return text(nil, Amount.bytes) }
        return text(one, Amount.bytes) + "/" + text(other, Amount.bytes)
    }

    /// Whole percents of the last ten seconds: cpu, memory, disks.
    fileprivate var pressure: String {
        let shares = [report?.cpuPressure, report?.memoryPressure, report?.ioPressure]
        if shares.allSatisfy({ $0 == nil }) { return text(nil, Amount.count) }
        return shares.map { text($0) { String(($0 + 50) / 100) } }.joined(separator: "/")
    }
}
