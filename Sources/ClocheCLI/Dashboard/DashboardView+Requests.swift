// What an agent asks for, in the place of everything else: nobody is to answer what was not seen whole.

internal import ClocheModel
internal import TerminalScreen
internal import TerminalText

extension DashboardView {
    /// Whether there is room for all of what is asked for; only then it is answered here.
    static func showsWhole(_ request: HeldRequest, columns: Int, rows: Int) -> Bool {
        let lines = DashboardWords.fill(visible(request.target, limit: .max), width: columns - 4)
        return columns >= DashboardLayout.fewestColumns && lines.count <= rows - 5
    }

    mutating func drawRequest(_ request: HeldRequest, of name: String) {
        let box = middle
        drawRule("\(name) asks for", "", row: box.row, from: 0, to: model.columns)
        let seconds = max(0, (request.until - model.now) / 1000)
        let waiting = model.agents.first { $0.name == name }?.requests.count ?? 0
        let facts =
            [
                "request \(name)/\(request.number)", "class \(request.kind)",
                request.count == 1 ? "" : "\(request.count) wait for the same",
                "denied in \(seconds) s if nobody answers",
                waiting > 1 ? "\(waiting - 1) more requests of this agent wait" : "",
            ].filter { !$0.isEmpty }
        var lines = DashboardWords.fill(visible(request.target, limit: .max), width: model.columns - 4)
            .map { ($0, look.bold) }
        let room = box.rows - 2
        if !Self.showsWhole(request, columns: model.columns, rows: model.rows) {
            lines = [("too long for this window; `cloche requests \(name)` shows it", look.bad)]
        }
        lines += [("", Style.standard)] + facts.map { ($0, Style.standard) }
        for (number, line) in lines.prefix(max(0, room)).enumerated() {
            canvas.put(line.0, row: box.row + 2 + number, column: 2, end: model.columns, style: line.1)
        }
    }
}
