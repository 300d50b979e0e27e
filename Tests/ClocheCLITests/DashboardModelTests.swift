// What keys, the mouse and news do to the dashboard.

import ClocheModel
import Supervision
import TerminalScreen
import TerminalText
import Testing

@testable import ClocheCLI
@testable import Messaging

/// Agents for the dashboard.
enum Agents {
    static func agent(
        _ name: String,
        _ word: String = "running",
        _ tone: DashboardAgent.Tone = .busy,
        since: Int64 = 0,
        isLive: Bool = true
    ) -> DashboardAgent {
        DashboardAgent(
            name: name,
            word: word,
            tone: tone,
            since: since,
            isLive: isLive,
            profile: "claude",
            branch: "cloche/\(name)",
            task: "Task of \(name)"
        )
    }

    /// Two at work, one that waits, one that is over.
    static let four = [
        agent("fixer"), agent("auditor", "waiting", .attention, since: 60_000),
        agent("docs", "done", .done, isLive: false), agent("bench"),
    ]

    static func model(columns: Int = 80, rows: Int = 24) -> DashboardModel {
        var model = DashboardModel()
        (model.columns, model.rows, model.project) = (columns, rows, "paper-boat")
        model.now = 120_000
        model.take(agents: four)
        return model
    }
}

@Suite struct DashboardModelTests {
    private func press(_ model: inout DashboardModel, _ code: Key.Code, _ modifiers: KeyModifiers = [])
        -> DashboardEffect?
    {
        model.take(.key(Key(code, modifiers)), at: 0)
    }

    private func type(_ model: inout DashboardModel, _ text: String) -> [DashboardEffect] {
        text.unicodeScalars.compactMap { press(&model, .character($0)) }
    }

    @Test func aQuestionIsAnsweredByTyping() {
        var model = Agents.model()
        let nothing = type(&model, "y")
        #expect(nothing.isEmpty && model.mode == .browse)
        var agents = Agents.four
        let content = NewMessage("Keep\u{1B}[2J it?", asks: true, choices: ["yes", "no"])
        agents[1].questions = [
            Message(id: 7, sender: .agent(name: "auditor", log: "1"), time: 0, content: content)
        ]
        model.take(agents: agents)
        let opened = type(&model, "y")
        let canvas = DashboardView.draw(model, DashboardLook(unicode: false, colours: false))
        let shown = (0..<canvas.rows).map(canvas.text(row:)).joined(separator: "\n")
        #expect(opened.isEmpty && shown.contains("Keep\\u{1B}[2J it?") && shown.contains("- yes"))
        let typed = type(&model, "yes")
        let sent = press(&model, .enter)
        #expect(typed.isEmpty && sent == .reply("auditor/7", "yes") && model.mode == .browse)
        _ = type(&model, "yx")
        let left = press(&model, .escape)
        #expect(left == nil && model.mode == .browse)
        _ = type(&model, "y ")
        let empty = press(&model, .enter)
        #expect(empty == nil)
    }

    @Test func thoseThatLiveComeFirstAndOneIsSelected() {
        let model = Agents.model()
        #expect(model.shown.map(\.name) == ["auditor", "bench", "fixer", "docs"])
        #expect(model.selected == "auditor")
    }

    @Test func theSelectionMovesAndStops() {
        var model = Agents.model()
        _ = press(&model, .down)
        #expect(model.selected == "bench")
        _ = type(&model, "jjjjj")
        #expect(model.selected == "docs")
        _ = type(&model, "k")
        #expect(model.selected == "fixer")
        _ = press(&model, .home)
        #expect(model.selected == "auditor")
        _ = type(&model, "G")
        #expect(model.selected == "docs")
    }

    @Test func theSelectionFollowsItsAgentAndStaysNearOneThatIsGone() {
        var model = Agents.model()
        _ = type(&model, "j")
        model.take(agents: [Agents.agent("aaa")] + Agents.four)
        #expect(model.selected == "bench")
        model.take(agents: [Agents.agent("aaa")] + Agents.four.filter { $0.name != "bench" })
        #expect(model.selected == "fixer")
        model.take(agents: [])
        #expect(model.selected == nil && model.current == nil)
        #expect(type(&model, "amsrpdw").isEmpty && model.mode == .browse)
    }

    @Test func keysAskForWhatTheySay() {
        var model = Agents.model()
        #expect(press(&model, .enter) == .attach("auditor"))
        #expect(
            type(&model, "apdq") == [
                .attach("auditor"), .pause("auditor"), .diff("auditor"), .quit,
            ]
        )
        #expect(press(&model, .character("c"), .control) == .quit)
        #expect(press(&model, .character("z"), .control) == .suspend)
        #expect(press(&model, .character("l"), .control) == .redraw)
        #expect(type(&model, "r").isEmpty && model.notice?.text == "auditor runs already")
        _ = type(&model, "G")
        #expect(type(&model, "r") == [.resume("docs")])
        #expect(type(&model, "amsp").isEmpty && model.mode == .browse)
        #expect(model.notice?.text == "docs does not run; r resumes it")
    }

    @Test func onlyYStops() {
        var model = Agents.model()
        #expect(type(&model, "s").isEmpty && model.mode == .confirmStop("auditor"))
        #expect(type(&model, "n").isEmpty && model.mode == .browse)
        _ = type(&model, "s")
        #expect(press(&model, .enter) == nil && model.mode == .browse)
        #expect(type(&model, "sy") == [.stop("auditor")] && model.mode == .browse)
    }

    @Test func aMessageIsTypedAndPasted() {
        var model = Agents.model()
        #expect(type(&model, "mstop q").isEmpty)
        _ = press(&model, .left)
        _ = model.take(.paste("a\r\nb\u{1B}[201~\u{7}"), at: 0)
        #expect(press(&model, .enter) == .message("auditor", "stop a\nb[201~q") && model.mode == .browse)
        _ = type(&model, "mnever")
        #expect(press(&model, .escape) == nil && model.mode == .browse)
        _ = type(&model, "m  ")
        #expect(press(&model, .enter) == nil)
        // The agent that was meant gets it, wherever the selection is by then.
        _ = type(&model, "mhello")
        model.take(agents: Agents.four.filter { $0.name != "auditor" })
        #expect(press(&model, .enter) == .message("auditor", "hello"))
    }

    @Test func aFilterShowsWhatMatches() {
        var model = Agents.model()
        _ = type(&model, "/IX")
        #expect(model.shown.map(\.name) == ["fixer"] && model.selected == "fixer")
        _ = press(&model, .escape)
        #expect(model.shown.count == 4)
        _ = type(&model, "/zzz")
        #expect(model.shown.isEmpty && model.current == nil)
        #expect(press(&model, .enter) == nil && model.mode == .browse)
        #expect(type(&model, "s").isEmpty && model.mode == .browse)
        _ = press(&model, .escape)
        #expect(model.shown.count == 4 && model.current != nil)
    }

    @Test func theMouseSelectsAndADoubleClickAttaches() {
        var model = Agents.model()
        let row = DashboardLayout(model).list.row + 2
        let click = InputEvent.mouse(MouseEvent(.press, row: row, column: 5))
        #expect(model.take(click, at: 0) == nil && model.selected == "fixer")
        #expect(model.take(click, at: 1000) == nil)
        #expect(model.take(click, at: 1200) == .attach("fixer"))
        #expect(model.take(.mouse(MouseEvent(.wheelUp, row: 0, column: 0)), at: 0) == nil)
        #expect(model.selected == "bench")
        for row in -1...30 {
            _ = model.take(.mouse(MouseEvent(.press, row: row * 1000, column: 99_998)), at: 0)
        }
        #expect(model.selected == "bench")
    }

    @Test func whoBeginsToWaitIsTold() {
        var model = Agents.model()
        #expect(model.take(agents: Agents.four) == [])
        var agents = Agents.four
        agents[0] = Agents.agent("fixer", "waiting", .attention)
        #expect(model.take(agents: agents) == ["fixer"] && model.take(agents: agents) == [])
        var empty = DashboardModel()
        #expect(empty.take(agents: agents) == [], "those that wait at first ring no bell")
    }

    @Test func newsOfAnotherAgentAreNotShown() {
        var model = Agents.model()
        model.take(preview: .words("of fixer"), of: "fixer")
        #expect(model.preview == .none)
        model.take(preview: .words("of auditor"), of: "auditor")
        #expect(model.preview == .words("of auditor"))
        _ = type(&model, "j")
        #expect(model.preview == .none)
    }

    @Test func aNoticeGoesAway() {
        var model = Agents.model()
        model.tell("two\nlines\u{1B}[31m", at: 100)
        #expect(model.notice?.text == "two\\nlines\\u{1B}[31m")
        model.expire(at: 100 + DashboardModel.noticeTime - 1)
        #expect(model.notice != nil)
        model.expire(at: 100 + DashboardModel.noticeTime)
        #expect(model.notice == nil)
    }

    @Test func theEditorEdits() {
        var editor = LineEditor("one two")
        _ = editor.press(Key(.character("w"), .control))
        #expect(editor.text == "one ")
        _ = editor.press(Key(.home))
        _ = editor.press(Key(.delete))
        _ = editor.press(Key(.character("X")))
        #expect(editor.text == "Xne " && editor.cursor == 1)
        _ = editor.press(Key(.character("k"), .control))
        #expect(editor.text == "X")
        let isTaken = editor.press(Key(.up))
        #expect(!isTaken)
        editor.insert(String(repeating: "漢", count: 100_000))
        #expect(editor.text.utf8.count <= LineEditor.most)
        for width in 0...20 {
            let (text, column) = editor.shown(width: width)
            #expect(Canvas.width(of: text) <= width && column <= max(0, width - 1))
        }
    }

    @Test func plainLinesTellWhatChanges() {
        var changes = PlainChanges()
        #expect(changes.lines([], now: 0) == ["no agents yet"])
        #expect(changes.lines([Agents.agent("a")], now: 0).first?.hasPrefix("a: running since ") == true)
        #expect(changes.lines([Agents.agent("a")], now: 0) == [])
        let waits = changes.lines([Agents.agent("a", "waiting", .attention), Agents.agent("b")], now: 0)
        #expect(waits.map { $0.prefix(10) } == ["a: waiting", "b: running"])
        #expect(changes.lines([Agents.agent("b")], now: 0) == ["a: deleted"])
    }

    @Test func anythingTypedLeavesItWhole() {
        var random: UInt64 = 42
        var reader = KeyReader()
        var model = Agents.model()
        for round in 0..<2000 {
            var bytes: [UInt8] = []
            for _ in 0..<7 {
                random = random &* 6_364_136_223_846_793_005 &+ 1
                let byte = UInt8(truncatingIfNeeded: random >> 33)
                bytes.append(round % 2 == 0 ? byte : byte & 0x7F | 0x20)
            }
            for event in reader.feed(bytes) { _ = model.take(event, at: Int64(round)) }
            if round % 50 == 0 {
                (model.columns, model.rows) = (Int(random >> 40 % 150) + 1, Int(random >> 50 % 40) + 1)
                let canvas = DashboardView.draw(model, DashboardLook())
                #expect(canvas.columns == model.columns && canvas.rows == model.rows)
            }
        }
    }
}
