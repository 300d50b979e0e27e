// Everything that the dashboard knows and what a person has chosen in it, as a value. Events go in, and what is to be
// done comes out; nothing here reads, writes or waits.

internal import Cloche
internal import ClocheModel
internal import Messaging
internal import Supervision
internal import TerminalText

/// What a person wants done.
enum DashboardEffect: Equatable {
    case attach(String)
    case message(String, String)
    case stop(String)
    case resume(String)
    case pause(String)
    case unpause(String)
    case diff(String)
    /// A person's answer to a request, by its `AGENT/NUMBER`.
    case answer(String, isApproval: Bool, isLasting: Bool)
    /// What is said to a question, by its `AGENT/ID`.
    case reply(String, String)
    case suspend
    case redraw
    case quit
}

/// What the dashboard shows.
struct DashboardModel: Equatable {
    enum Mode: Equatable {
        case browse
        /// A text for this agent is typed.
        case message(String, LineEditor)
        /// What names must have is typed; what held before.
        case filter(LineEditor, before: String)
        /// Whether this agent is to be stopped.
        case confirmStop(String)
        /// What is to be said to this request of this agent's.
        case answer(String, HeldRequest)
        /// The answer to this question of this agent's is typed.
        case question(String, Message, LineEditor)
        case help
        /// What was refused, from this line on.
        case refusals(Int)
    }

    /// What is known of the selected agent's screen.
    enum Preview: Equatable {
        /// Nothing yet.
        case none
        case screen(ScreenReport)
        /// What it showed last, of one that has ended.
        case last(ScreenReport)
        /// In place of a screen.
        case words(String)
    }

    /// A line that goes away by itself.
    struct Notice: Equatable {
        var text: String
        var isBad: Bool
        /// In milliseconds of the monotonic clock.
        var until: Int64
    }

    /// How long a notice stays.
    static let noticeTime: Int64 = 8000
    /// Two clicks are one double click within so many milliseconds.
    static let doubleClick: Int64 = 400

    var columns = 80
    var rows = 24
    /// The project's name.
    var project = ""
    private(set) var agents: [DashboardAgent] = []
    /// The name of the one that keys are for.
    private(set) var selected: String?
    private(set) var filter = ""
    var mode = Mode.browse
    private(set) var usage: [String: UsageRow] = [:]
    private(set) var preview = Preview.none
    /// Of the selected agent, the latest last.
    private(set) var refusals: [NetworkRefusal] = []
    private(set) var notice: Notice?
    /// In milliseconds since 1970.
    var now: Int64 = 0
    private var lastClick: Click?

    private struct Click: Equatable {
        var name: String
        var time: Int64
    }

    // MARK: What is asked of it

    /// The agents whose names have what was typed as a filter.
    var shown: [DashboardAgent] {
        guard !filter.isEmpty else { return agents }
        let wanted = filter.lowercased()
        return agents.filter { $0.name.lowercased().contains(wanted) }
    }

    var current: DashboardAgent? { shown.first { $0.name == selected } }

    // MARK: What becomes known

    /// Takes in the agents that there are now; the names of those that have begun to wait for somebody.
    @discardableResult
    mutating func take(agents new: [DashboardAgent]) -> [String] {
        let before = Dictionary(agents.map { ($0.name, $0.tone) }) { first, _ in first }
        let isFirst = agents.isEmpty
        let place = shown.firstIndex { $0.name == selected } ?? 0
        agents = DashboardAgent.sorted(new)
        usage = usage.filter { name, _ in agents.contains { $0.name == name } }
        keepSelection(near: place)
        return agents.filter { agent in
            agent.tone == .attention && before[agent.name] != .attention && !isFirst
        }.map(\.name)
    }

    mutating func take(usage rows: [UsageRow]) {
        usage = Dictionary(rows.map { ($0.name, $0) }) { first, _ in first }
    }

    mutating func take(preview new: Preview, of name: String) { if name == selected { preview = new } }

    mutating func take(refusals new: [NetworkRefusal], of name: String) {
        if name == selected { refusals = new }
    }

    mutating func tell(_ text: String, isBad: Bool = false, at time: Int64) {
        notice = Notice(text: visible(text, limit: 1000), isBad: isBad, until: time + Self.noticeTime)
    }

    /// Takes away what is over at this moment of the monotonic clock.
    mutating func expire(at time: Int64) {
        if let notice, notice.until <= time { self.notice = nil }
    }

    private mutating func keepSelection(near place: Int) {
        let shown = shown
        if shown.contains(where: { $0.name == selected }) { return }
        select(shown.isEmpty ? nil : shown[min(place, shown.count - 1)].name)
    }

    private mutating func select(_ name: String?) {
        guard name != selected else { return }
        selected = name
        (preview, refusals) = (.none, [])
    }

    private mutating func move(_ count: Int) {
        let shown = shown
        guard !shown.isEmpty else { return }
        let place = shown.firstIndex { $0.name == selected } ?? 0
        select(shown[min(max(0, place + count), shown.count - 1)].name)
    }

    // MARK: What a person does

    /// Takes in a key, the mouse or pasted text at a moment of the monotonic clock.
    mutating func take(_ event: InputEvent, at time: Int64) -> DashboardEffect? {
        switch event {
        case .key(let key): return press(key, time)
        case .mouse(let mouse): return use(mouse, time)
        case .paste(let text):
            paste(text)
            return nil
        }
    }

    private mutating func paste(_ text: String) {
        switch mode {
        case .message(let name, var editor):
            editor.insert(text)
            mode = .message(name, editor)
        case .question(let name, let question, var editor):
            editor.insert(text)
            mode = .question(name, question, editor)
        case .filter(var editor, let before):
            editor.insert(text)
            mode = .filter(editor, before: before)
            setFilter(editor.text)
        default: break
        }
    }

    private mutating func press(_ key: Key, _ time: Int64) -> DashboardEffect? {
        // These hold everywhere.
        switch key {
        case Key(.character("z"), .control): return .suspend
        case Key(.character("l"), .control): return .redraw
        default: break
        }
        let isLeaving = key == Key(.escape) || key == Key(.character("c"), .control)
        switch mode {
        case .browse: return browse(key, time)
        case .message(let name, var editor):
            if isLeaving {
                mode = .browse
            } else if key == Key(.enter) {
                mode = .browse
                return editor.text.allSatisfy(\.isWhitespace) ? nil : .message(name, editor.text)
            } else if editor.press(key) {
                mode = .message(name, editor)
            }
        case .filter(var editor, let before):
            if isLeaving {
                mode = .browse
                setFilter(before)
            } else if key == Key(.enter) {
                mode = .browse
            } else if key.code == .up || key.code == .down {
                move(key.code == .up ? -1 : 1)
            } else if editor.press(key) {
                mode = .filter(editor, before: before)
                setFilter(editor.text)
            }
        case .confirmStop(let name):
            mode = .browse
            if key == Key(.character("y")) || key == Key(.character("Y")) { return .stop(name) }
        case .answer(let name, let request):
            mode = .browse
            guard DashboardView.showsWhole(request, columns: columns, rows: rows) else { return nil }
            switch key.code {
            // Another key than the one that shows it: that may be held, or pasted.
            case .character("a"):
                return .answer("\(name)/\(request.number)", isApproval: true, isLasting: false)
            case .character("A"):
                return .answer("\(name)/\(request.number)", isApproval: true, isLasting: true)
            case .character("n"):
                return .answer("\(name)/\(request.number)", isApproval: false, isLasting: false)
            default: break
            }
        case .question(let name, let question, var editor):
            if isLeaving {
                mode = .browse
            } else if key == Key(.enter) {
                mode = .browse
                let isEmpty = editor.text.allSatisfy(\.isWhitespace)
                return isEmpty ? nil : .reply("\(name)/\(question.id)", editor.text)
            } else if editor.press(key) {
                mode = .question(name, question, editor)
            }
        case .help: mode = .browse
        case .refusals(let first): scrollRefusals(key, first)
        }
        return nil
    }

    private mutating func scrollRefusals(_ key: Key, _ first: Int) {
        let most = max(0, refusals.count - 1)
        switch key.code {
        case .up, .character("k"): mode = .refusals(max(0, first - 1))
        case .down, .character("j"): mode = .refusals(min(most, first + 1))
        case .pageUp, .home: mode = .refusals(0)
        case .pageDown, .end: mode = .refusals(most)
        default: mode = .browse
        }
    }

    private mutating func setFilter(_ text: String) {
        filter = text
        keepSelection(near: 0)
    }

    private mutating func browse(_ key: Key, _ time: Int64) -> DashboardEffect? {
        // Whoever presses a key has seen it.
        notice = nil
        switch (key.code, key.modifiers) {
        case (.up, []), (.character("k"), []): move(-1)
        case (.down, []), (.character("j"), []): move(1)
        case (.pageUp, []): move(-10)
        case (.pageDown, []): move(10)
        case (.home, []), (.character("g"), []): move(-agents.count)
        case (.end, []), (.character("G"), []): move(agents.count)
        case (.character("q"), []), (.character("c"), .control): return .quit
        case (.character("?"), []), (.character("h"), []): mode = .help
        case (.character("/"), []): mode = .filter(LineEditor(filter), before: filter)
        case (.escape, []): filter.isEmpty ? () : setFilter("")
        case (.enter, []): return act("a", time)
        case (.character(let letter), []): return act(letter, time)
        default: break
        }
        return nil
    }

    /// What a letter does to the selected agent.
    private mutating func act(_ letter: Unicode.Scalar, _ time: Int64) -> DashboardEffect? {
        guard let agent = current else { return nil }
        let name = agent.name
        switch letter {
        case "a", "m", "s", "p":
            guard agent.isLive else {
                tell("\(name) does not run; r resumes it", isBad: true, at: time)
                return nil
            }
            switch letter {
            case "a": return .attach(name)
            case "m": mode = .message(name, LineEditor())
            case "s": mode = .confirmStop(name)
            default: return agent.isPaused ? .unpause(name) : .pause(name)
            }
        case "r":
            if agent.canResume { return .resume(name) }
            tell("\(name) runs already", isBad: true, at: time)
        case "d": return .diff(name)
        case "y":
            if let request = agent.requests.first {
                mode = .answer(name, request)
            } else if let question = agent.questions.first {
                mode = .question(name, question, LineEditor())
            } else {
                tell("\(name) asks for nothing", isBad: true, at: time)
            }
        case "w": mode = .refusals(0)
        default: break
        }
        return nil
    }

    private mutating func use(_ mouse: MouseEvent, _ time: Int64) -> DashboardEffect? {
        switch (mouse.kind, mode) {
        case (.wheelUp, .refusals(let first)): mode = .refusals(max(0, first - 1))
        case (.wheelDown, .refusals(let first)): mode = .refusals(min(max(0, refusals.count - 1), first + 1))
        case (.wheelUp, .browse): move(-1)
        case (.wheelDown, .browse): move(1)
        case (.press, .help), (.press, .refusals): mode = .browse
        case (.press, .browse):
            let layout = DashboardLayout(self)
            guard let agent = layout.agent(at: mouse.row, mouse.column, in: shown) else { return nil }
            let isDouble = lastClick.map { $0.name == agent.name && time - $0.time <= Self.doubleClick }
            lastClick = isDouble == true ? nil : Click(name: agent.name, time: time)
            select(agent.name)
            if isDouble == true { return act("a", time) }
        default: break
        }
        return nil
    }
}
