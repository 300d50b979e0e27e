// The dashboard's picture: from the model to a canvas. Pure. Everything that an agent chose goes through the canvas,
// which holds nothing that a terminal obeys; what it chose in one line is made visible before.

internal import ClocheModel
internal import Supervision
internal import TerminalScreen
internal import TerminalText

/// Draws the dashboard.
struct DashboardView {
    let model: DashboardModel
    let layout: DashboardLayout
    let look: DashboardLook
    var canvas: Canvas

    /// Modes of the terminal that the dashboard asks for: the mouse, in its SGR form, and marks around pastes.
    static let modes: Set<Int> = [1000, 1006, 2004]

    /// The picture of a model.
    static func draw(_ model: DashboardModel, _ look: DashboardLook) -> Canvas {
        var view = DashboardView(
            model: model,
            layout: DashboardLayout(model),
            look: look,
            canvas: Canvas(columns: model.columns, rows: model.rows, usesColours: look.colours)
        )
        view.canvas.modes = modes
        view.draw()
        return view.canvas
    }

    private mutating func draw() {
        guard let bottom = layout.bottom else { return drawWords() }
        if let title = layout.title { drawTitle(title) }
        switch model.mode {
        case .help: drawHelp()
        case .refusals(let first): drawAllRefusals(first)
        case .answer(let name, let request): drawRequest(request, of: name)
        case .question(let name, let question, _): drawQuestion(question, of: name)
        case .browse, .message, .filter, .confirmStop:
            drawList()
            if let box = layout.preview { drawPreview(box) }
            if let box = layout.usage { drawUsage(box) }
            if let box = layout.refusals { drawRefusals(box) }
            if layout.isWide, let box = layout.preview { drawDivider(box) }
        }
        drawBottom(bottom)
    }

    /// The rows between title and bottom line.
    var middle: DashboardBox {
        let top = layout.title == nil ? 0 : 2
        return DashboardBox(row: top, column: 0, rows: max(0, model.rows - 1 - top), columns: model.columns)
    }

    // MARK: Title

    /// Where there is room for nothing else.
    private mutating func drawWords() {
        var lines = [counts().map(\.text).joined(separator: ", ")]
        if let agent = model.current { lines.append("\(agent.name): \(agent.word)") }
        for (row, line) in lines.prefix(model.rows).enumerated() { canvas.put(line, row: row, column: 0) }
    }

    /// How many agents there are, and how many are in states that matter.
    func counts() -> [(text: String, style: Style)] {
        let agents = model.agents
        var parts: [(String, Style)] = [("\(agents.count) agent\(agents.count == 1 ? "" : "s")", .standard)]
        var seen: [String] = []
        for tone in [DashboardAgent.Tone.attention, .bad, .busy, .calm, .done] {
            for agent in agents where agent.tone == tone && !seen.contains(agent.word) {
                seen.append(agent.word)
                let count = agents.count { $0.tone == tone && $0.word == agent.word }
                parts.append(("\(count) \(agent.word)", look.style(tone)))
            }
        }
        return parts
    }

    private mutating func drawTitle(_ row: Int) {
        var column = canvas.put(" cloche", row: row, column: 0, style: look.bold)
        column = canvas.put(
            "  " + Canvas.cut(model.project, to: max(0, model.columns / 3), mark: look.ellipsis),
            row: row,
            column: column,
            style: look.faint
        )
        let parts = counts()
        let separator = look.unicode ? " · " : ", "
        let gap = Canvas.width(of: separator)
        var width = 0
        var kept = 0
        for (number, part) in parts.enumerated() {
            let more = Canvas.width(of: part.text) + (number == 0 ? 0 : gap)
            guard column + 2 + width + more + 1 <= model.columns else { break }
            width += more
            kept += 1
        }
        var place = model.columns - 1 - width
        for (number, part) in parts.prefix(kept).enumerated() {
            if number > 0 {
                place = canvas.put(separator, row: row, column: place, style: look.faint)
            }
            place = canvas.put(part.text, row: row, column: place, style: part.style)
        }
    }

    // MARK: List

    private mutating func drawList() {
        let box = layout.list
        let shown = model.shown
        let places = columnPlaces(shown, box)
        if let header = layout.header {
            for place in places {
                canvas.put(place.title, row: header, column: place.start, end: box.end, style: look.faint)
            }
        }
        if shown.isEmpty { return drawNoAgents(box) }
        for row in 0..<box.rows where layout.first + row < shown.count {
            draw(shown[layout.first + row], row: box.row + row, places, box)
        }
        let hidden = shown.count - layout.first - box.rows
        if hidden > 0, box.rows > 1 {
            let text = "\(hidden) more \(look.unicode ? "↓" : "v")"
            let start = box.end - Canvas.width(of: text) - 1
            canvas.put(" " + text, row: box.row + box.rows - 1, column: start - 1, style: look.faint)
        }
    }

    private mutating func drawNoAgents(_ box: DashboardBox) {
        let lines =
            model.filter.isEmpty
            ? ["no agents yet", "cloche start NAME \"what it is to do\""]
            : ["no name has \(visible(model.filter, limit: 40))", "esc shows all"]
        for (row, line) in lines.prefix(box.rows).enumerated() {
            canvas.put(line, row: box.row + row, column: 2, end: box.end, style: look.faint)
        }
    }

    private struct ColumnPlace {
        var title: String
        var start: Int
        var end: Int
        var text: (DashboardAgent) -> String
    }

    /// The columns that have room, the task last.
    private func columnPlaces(_ agents: [DashboardAgent], _ box: DashboardBox) -> [ColumnPlace] {
        let now = model.now
        let columns: [(title: String, most: Int, text: (DashboardAgent) -> String)] = [
            ("NAME", 20, { $0.name }), ("  STATE", 12, { "  " + $0.word }),
            ("SINCE", 5, { $0.age(now: now) }),
            ("CHANGES", 8, { $0.changes }),
        ]
        var places: [ColumnPlace] = []
        var start = 2
        for column in columns {
            let widest = agents.map { Canvas.width(of: column.text($0)) }.max() ?? 0
            let width = min(column.most, max(widest, column.title.count))
            guard places.isEmpty || start + width <= box.end else { return places }
            let end = min(start + width, box.end)
            places.append(ColumnPlace(title: column.title, start: start, end: end, text: column.text))
            start = end + 2
        }
        if start + 10 <= box.end {
            places.append(ColumnPlace(title: "TASK", start: start, end: box.end - 1, text: { $0.task }))
        }
        return places
    }

    private mutating func draw(
        _ agent: DashboardAgent,
        row: Int,
        _ places: [ColumnPlace],
        _ box: DashboardBox
    ) {
        let isSelected = agent.name == model.selected
        if isSelected {
            canvas.put(look.marker, row: row, column: 0, end: box.end, style: look.accent)
        }
        for (number, place) in places.enumerated() {
            let text = Canvas.cut(place.text(agent), to: place.end - place.start, mark: look.ellipsis)
            let style: Style =
                switch number {
                case 0: isSelected ? look.bold : agent.isLive ? .standard : look.faint
                case 1: look.style(agent.tone)
                case 4: agent.isLive ? .standard : look.faint
                default: look.faint
                }
            canvas.put(text, row: row, column: place.start, end: place.end, style: style)
            if number == 1 {
                canvas.put(look.mark(agent.tone), row: row, column: place.start, end: place.end, style: style)
            }
        }
    }

    // MARK: Preview

    private mutating func drawDivider(_ box: DashboardBox) {
        for row in box.row..<box.row + box.rows {
            canvas.put(look.vertical, row: row, column: box.column - 1, style: look.faint)
        }
    }

    /// A line across with words in it.
    mutating func drawRule(_ text: String, _ more: String, row: Int, from start: Int, to end: Int) {
        for column in start..<max(start, end) {
            canvas.put(look.horizontal, row: row, column: column, end: end, style: look.faint)
        }
        guard end - start >= 8 else { return }
        var column = start + 2
        if !text.isEmpty {
            let shown = Canvas.cut(text, to: end - column - 4, mark: look.ellipsis)
            column = canvas.put(" \(shown) ", row: row, column: column, end: end - 1, style: look.bold)
        }
        if !text.isEmpty { column += 1 }
        let room = end - column - 4
        let shown = Canvas.cut(more, to: room, mark: look.ellipsis)
        if !shown.isEmpty, room >= 6 {
            canvas.put(" \(shown) ", row: row, column: column, end: end - 1, style: look.faint)
        }
    }

    private mutating func drawPreview(_ box: DashboardBox) {
        guard let agent = model.current else {
            return drawRule("", "", row: box.row, from: box.column, to: box.end)
        }
        var words = [agent.profile, agent.branch ?? ""].filter { !$0.isEmpty }
        if case .last = model.preview { words.append("its last screen") }
        if !agent.remark.isEmpty { words.append("says: \(agent.remark)") }
        let more = words.joined(separator: look.unicode ? " · " : ", ")
        drawRule(agent.name, more, row: box.row, from: box.column, to: box.end)
        let inside = DashboardBox(
            row: box.row + 1,
            column: box.column + 1,
            rows: box.rows - 1,
            columns: box.columns - 1
        )
        switch model.preview {
        case .none: break
        case .words(let text):
            canvas.put(text, row: inside.row, column: inside.column + 1, end: inside.end, style: look.faint)
        case .screen(let report): draw(report, inside, showsCursor: report.showsCursor)
        case .last(let report): draw(report, inside, showsCursor: false)
        }
    }

    /// The end of what stands on a screen, as much of it as there is room for.
    private mutating func draw(_ report: ScreenReport, _ box: DashboardBox, showsCursor: Bool) {
        var used = report.lines.count
        while used > 0, report.lines[used - 1].isBlank { used -= 1 }
        if showsCursor { used = max(used, min(report.cursorRow + 1, report.lines.count)) }
        let top = max(0, used - box.rows)
        for row in 0..<max(0, min(box.rows, used - top)) {
            canvas.put(report.lines[top + row], row: box.row + row, column: box.column, end: box.end)
        }
        let (row, column) = (report.cursorRow - top, report.cursorColumn)
        if showsCursor, 0..<box.rows ~= row, 0..<box.columns ~= column {
            let place = box.column + column
            canvas.paint(row: box.row + row, from: place, to: place + 1) { $0[.reverse].toggle() }
        }
    }

    // MARK: Help

    private mutating func drawHelp() {
        let box = middle
        drawRule("keys", "any key goes back", row: box.row, from: 0, to: model.columns)
        let lines = DashboardWords.help(look)
        // In two columns where they do not fit below each other.
        let room = max(1, box.rows - 2)
        let width = lines.count > room ? model.columns / 2 : model.columns
        for (number, line) in lines.enumerated() {
            let part = number / room
            guard part * width < model.columns else { break }
            let row = box.row + 2 + number % room
            guard row < box.row + box.rows else { continue }
            let start = part * width + 2
            canvas.put(line.key, row: row, column: start, end: model.columns, style: look.bold)
            canvas.put(line.effect, row: row, column: start + 14, end: (part + 1) * width)
        }
    }
}

extension ScreenLine {
    /// Whether nothing is to be seen of it.
    fileprivate var isBlank: Bool {
        runs.allSatisfy { run in
            run.text.unicodeScalars.allSatisfy { $0 == " " } && run.style.background == .standard
                && !run.style.reverse
        }
    }
}
