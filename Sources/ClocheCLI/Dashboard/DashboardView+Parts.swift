// The lower parts of the dashboard: usage, refusals, and the bottom line with keys, a question or an editor.

internal import Cloche
internal import ClocheModel
internal import LinuxSystem
internal import TerminalScreen
internal import TerminalText

extension DashboardView {
    // MARK: Usage

    /// A number beside its limit.
    private struct Gauge {
        var label: String
        var text: String
        var fraction: Double?

        init(_ label: String, _ used: Int64?, _ limit: LimitState?, _ form: (Int64) -> String) {
            self.label = label
            text = used.map(form) ?? "-"
            guard let limit else { return }
            text += "/" + form(limit.value)
            if let used, limit.value > 0 { fraction = Double(used) / Double(limit.value) }
        }
    }

    private func gauges(_ row: UsageRow?) -> [Gauge] {
        let percent = { (value: Int64) in Amount.percent(value) + "%" }
        return [
            Gauge("cpu", row?.cpuMillicores, row?.limit(.cpu), percent),
            Gauge("memory", row?.report?.memoryBytes, row?.limit(.memory), Amount.bytes),
            Gauge("disk", row?.report?.diskBytes, row?.limit(.disk), Amount.bytes),
        ]
    }

    mutating func drawUsage(_ box: DashboardBox) {
        guard let agent = model.current else { return }
        let row = model.usage[agent.name]
        if !agent.isLive {
            let place = box.rows > 1 ? box.row + 1 : box.row
            canvas.put(
                " uses nothing: it does not run",
                row: place,
                column: 0,
                end: box.end,
                style: look.faint
            )
        } else if box.rows >= 4 {
            for (number, gauge) in gauges(row).enumerated() {
                draw(gauge, row: box.row + 1 + number, column: 2, label: 8, barColumn: 28, end: box.end - 2)
            }
        } else {
            drawUsageLine(gauges(row), tasks: row?.report?.tasks, box)
        }
        if box.rows >= 4 { drawRule("usage", usageWords(row), row: box.row, from: 0, to: box.end) }
        if row?.isSilent == true {
            let text = " its supervisor does not answer"
            canvas.put(text, row: box.row + box.rows - 1, column: 0, end: box.end, style: look.warning)
        }
    }

    private func usageWords(_ row: UsageRow?) -> String {
        guard let tasks = row?.report?.tasks else { return "" }
        return "\(Amount.count(tasks)) task\(tasks == 1 ? "" : "s")"
    }

    private mutating func draw(
        _ gauge: Gauge,
        row: Int,
        column: Int,
        label: Int,
        barColumn: Int,
        end: Int
    ) {
        canvas.put(gauge.label, row: row, column: column, end: end, style: look.faint)
        canvas.put(gauge.text, row: row, column: column + label, end: end)
        guard let fraction = gauge.fraction, end - barColumn >= 4 else { return }
        drawBar(fraction, row: row, column: barColumn, width: min(24, end - barColumn))
    }

    private mutating func drawBar(_ fraction: Double, row: Int, column: Int, width: Int) {
        let bar = look.bar(fraction, width: width)
        let next = canvas.put(bar.filled, row: row, column: column, style: look.style(ofFraction: fraction))
        canvas.put(bar.rest, row: row, column: next, style: look.faint)
    }

    private mutating func drawUsageLine(_ gauges: [Gauge], tasks: Int64?, _ box: DashboardBox) {
        // Bars only where all of them have room.
        let width = 6
        let texts = gauges.reduce(1) { $0 + $1.label.count + 1 + $1.text.count + 3 }
        let bars = gauges.reduce(0) { $0 + ($1.fraction == nil ? 0 : width + 1) }
        let hasBars = texts + bars <= box.columns
        var column = box.column + 1
        for gauge in gauges {
            let taken = gauge.label.count + 1 + gauge.text.count
            guard column + taken <= box.end else { return }
            column = canvas.put(gauge.label + " ", row: box.row, column: column, style: look.faint)
            column = canvas.put(gauge.text, row: box.row, column: column)
            if hasBars, let fraction = gauge.fraction {
                drawBar(fraction, row: box.row, column: column + 1, width: width)
                column += width + 1
            }
            column += 3
        }
        guard let tasks else { return }
        let text = "\(Amount.count(tasks)) task\(tasks == 1 ? "" : "s")"
        if column + text.count <= box.end {
            canvas.put(text, row: box.row, column: column, style: look.faint)
        }
    }

    // MARK: Refusals

    mutating func drawRefusals(_ box: DashboardBox) {
        var top = box.row
        var rows = box.rows
        if layout.isWide {
            drawRule("refused", "", row: top, from: 0, to: box.end)
            (top, rows) = (top + 1, rows - 1)
        }
        guard let agent = model.current else { return }
        if model.refusals.isEmpty {
            let text = layout.isWide ? "  nothing lately" : " nothing refused lately"
            canvas.put(text, row: top, column: 0, end: box.end, style: look.faint)
            return
        }
        for (row, refusal) in model.refusals.suffix(rows).reversed().enumerated() {
            draw(refusal, of: agent, row: top + row, end: box.end)
        }
    }

    private mutating func draw(_ refusal: NetworkRefusal, of agent: DashboardAgent, row: Int, end: Int) {
        var column = layout.isWide ? 2 : 1
        if !layout.isWide { column = canvas.put("refused ", row: row, column: column, style: look.faint) }
        let count = refusal.count == 1 ? "" : " \(look.times)\(refusal.count)"
        let place = visible(refusal.place, limit: 100)
        let room = max(12, (end - column) / 2)
        column = canvas.put(
            Canvas.cut(place, to: room - count.count, mark: look.ellipsis) + count,
            row: row,
            column: column,
            end: end,
            style: look.warning
        )
        let time = DashboardWords.time(refusal.last)
        column = canvas.put("  \(time)", row: row, column: column, end: end, style: look.faint)
        guard let command = WhyText.command(refusal, agent: agent.name) else { return }
        let shown = Canvas.cut(command, to: end - column - 3, mark: look.ellipsis)
        guard end - column > 16 else { return }
        canvas.put("  \(shown)", row: row, column: column, end: end - 1, style: look.faint)
    }

    /// The refusals in full, newest first, in the place of everything else.
    mutating func drawAllRefusals(_ first: Int) {
        let box = middle
        let name = model.current?.name ?? ""
        drawRule(
            "refused to \(name)",
            "up down scrolls, q goes back",
            row: box.row,
            from: 0,
            to: model.columns
        )
        var row = box.row + 2
        let end = box.row + box.rows
        if model.refusals.isEmpty {
            let text = "nothing of the network was refused lately"
            canvas.put(text, row: row, column: 2, end: model.columns, style: look.faint)
        }
        for refusal in model.refusals.reversed().dropFirst(first) {
            for (number, line) in WhyText.lines(refusal, agent: name).enumerated() {
                for part in DashboardWords.fill(line, width: model.columns - 6 - (number == 0 ? 0 : 2)) {
                    guard row < end else { return }
                    let style = number == 0 ? look.bold : Style.standard
                    canvas.put(part, row: row, column: number == 0 ? 2 : 4, style: style)
                    row += 1
                }
            }
            row += 1
        }
    }

    // MARK: Bottom line

    mutating func drawBottom(_ row: Int) {
        switch model.mode {
        case .message(let name, let editor): draw(editor, label: "message to \(name): ", row: row)
        case .question(let name, _, let editor): draw(editor, label: "answer to \(name): ", row: row)
        case .filter(let editor, _): draw(editor, label: "names with: ", row: row)
        case .confirmStop(let name):
            canvas.put(
                " stop \(name)? y stops it, any other key does not",
                row: row,
                column: 0,
                style: look.warning
            )
        case .answer:
            let text = " a approves once, A for all of the run, n denies, any other key neither"
            canvas.put(
                Canvas.cut(text, to: model.columns - 1, mark: look.ellipsis),
                row: row,
                column: 0,
                style: look.warning
            )
        case .browse, .help, .refusals:
            if let notice = model.notice {
                let text = Canvas.cut(notice.text, to: model.columns - 2, mark: look.ellipsis)
                canvas.put(" " + text, row: row, column: 0, style: notice.isBad ? look.bad : look.accent)
            } else {
                drawKeys(row)
            }
        }
    }

    private mutating func draw(_ editor: LineEditor, label: String, row: Int) {
        let label = Canvas.cut(label, to: max(0, model.columns - 12), mark: look.ellipsis)
        let column = canvas.put(" " + label, row: row, column: 0, style: look.accent)
        let (text, place) = editor.shown(width: model.columns - column)
        canvas.put(text, row: row, column: column)
        canvas.cursor = Canvas.Place(row: row, column: column + place)
    }

    private mutating func drawKeys(_ row: Int) {
        var column = 1
        for (key, effect) in DashboardWords.keys(model, look) {
            let width = Canvas.width(of: key) + 1 + Canvas.width(of: effect)
            guard column + width <= model.columns else { continue }
            column = canvas.put(key, row: row, column: column, style: look.bold)
            column = canvas.put(" " + effect + "  ", row: row, column: column, style: look.faint)
        }
    }
}

/// Texts of the dashboard.
enum DashboardWords {
    /// The keys that do something now, the most wanted first.
    static func keys(_ model: DashboardModel, _ look: DashboardLook) -> [(key: String, effect: String)] {
        guard let agent = model.current else { return [("/", "filter"), ("?", "help"), ("q", "quit")] }
        let enter = look.unicode ? "⏎" : "a"
        let own =
            agent.isLive
            ? [
                (enter, "attach"), ("m", "message"), ("s", "stop"), ("p", agent.isPaused ? "go on" : "pause"),
            ] : [("r", "resume")]
        let asked =
            agent.requests.isEmpty
            ? agent.questions.isEmpty ? [] : [("y", "answer")] : [("y", "approve or deny")]
        return asked + own + [("d", "diff"), ("w", "why"), ("/", "filter"), ("?", "help"), ("q", "quit")]
    }

    /// Every key.
    static func help(_ look: DashboardLook) -> [(key: String, effect: String)] {
        [
            (look.unicode ? "↑ ↓ j k" : "up down j k", "select an agent; the wheel, too"),
            ("Enter or a", "attach; its detach key comes back here"),
            ("y", "see what it asks for or asks you, and approve, deny or answer"),
            ("m", "type a message to it"), ("s", "stop it, after a question"), ("r", "resume it"),
            ("p", "pause it, or let it go on"), ("d", "what it changed"),
            ("w", "what was refused to it, and what would allow it"), ("/", "show names with a text only"),
            ("ctrl-l", "draw anew"), ("ctrl-z", "suspend"), ("q", "leave; agents go on"),
        ]
    }

    /// `10:32` of the user's time, from a time of the log.
    static func time(_ text: String) -> String {
        guard let time = Timestamp.parse(text) else { return "" }
        return String(WallClock.syslogStamp(time).dropFirst(7).prefix(5))
    }

    /// Text in lines of a width, parted at blanks where that is possible.
    static func fill(_ text: String, width: Int) -> [String] {
        guard width > 0 else { return [] }
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            var word = String(word)
            if !line.isEmpty, Canvas.width(of: line) + 1 + Canvas.width(of: word) > width {
                lines.append(line)
                line = ""
            }
            while Canvas.width(of: word) > width {
                let part = Canvas.cut(word, to: width, mark: "")
                guard !part.isEmpty else { break }
                lines.append(part)
                word = String(word.unicodeScalars.dropFirst(part.unicodeScalars.count))
            }
            line += line.isEmpty ? word : " " + word
        }
        return lines + [line]
    }
}
