// What an agent asks for, or asks, in the place of everything else: nobody is to approve of what was not seen whole.

internal import ClocheModel
internal import Messaging
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

    /// A question, whose answer is typed in the bottom line.
    mutating func drawQuestion(_ question: Message, of name: String) {
        let box = middle
        drawRule("\(name) asks you", "", row: box.row, from: 0, to: model.columns)
        let seconds = question.expires.map { max(0, ($0 - model.now) / 1000) }
        let more = (model.agents.first { $0.name == name }?.questions.count ?? 1) - 1
        let facts =
            question.content.choices.map { "- \(visible($0))" }
            + [
                seconds.map { "too late in \($0) s" } ?? "",
                more > 0 ? "\(more) more questions of this agent wait" : "", "Enter answers, Escape does not",
            ].filter { !$0.isEmpty }
        let width = model.columns - 4
        let text = question.content.text.split(separator: "\n", omittingEmptySubsequences: false)
            .flatMap { DashboardWords.fill(visible(String($0), limit: .max), width: width) }
        var lines = text.map { ($0, look.bold) }
        let room = max(0, box.rows - 3 - facts.count)
        if lines.count > room {
            lines = lines.prefix(max(0, room - 1)) + [("`cloche inbox` shows all of it", look.bad)]
        }
        lines += [("", Style.standard)] + facts.map { ($0, Style.standard) }
        for (number, line) in lines.prefix(max(0, box.rows - 2)).enumerated() {
            canvas.put(line.0, row: box.row + 2 + number, column: 2, end: model.columns, style: line.1)
        }
    }
}
