// What the dashboard looks like, on terminals of any size.

import Cloche
import ClocheModel
import Supervision
import TerminalScreen
import TerminalText
import Testing

@testable import ClocheCLI

@Suite struct DashboardViewTests {
    private static let ascii = DashboardLook(unicode: false, colours: false)

    /// What `auditor` shows: colours, and a line that is too long.
    private static func screen() -> ScreenReport {
        var screen = Screen(columns: 100, rows: 30)
        screen.feed(
            Array("\u{1B}[31mred\u{1B}[0m plain\r\n\(String(repeating: "long ", count: 19))end\r\n> ".utf8)
        )
        return ScreenReport(screen, linesAbove: 0)
    }

    private static func full(columns: Int, rows: Int) -> DashboardModel {
        var model = Agents.model(columns: columns, rows: rows)
        model.take(preview: .screen(screen()), of: "auditor")
        let limits = [Samples.memory, LimitState(.cpu, value: 2000, used: nil, holder: .cgroup)]
        let before = Samples.sample("auditor", Samples.report(at: 0) { $0.cpuMicroseconds = 0 })
        let now = Samples.report(at: 1000) { report in
            (report.cpuMicroseconds, report.memoryBytes, report.tasks) = (1_900_000, 512 << 20, 12)
        }
        model.take(usage: [UsageRow(Samples.sample("auditor", now, limits), since: before)])
        let refusal: Document = .object([
            "event": .string("connect"), "verdict": .string("refused"), "host": .string("evil.example.com"),
            "port": .integer(443), "reason": .string("not-allowed"), "why": .string("no rule allows it"),
            "would-allow": .string("evil.example.com:443"), "time": .string("2026-11-21T10:00:05.123Z"),
        ])
        model.take(refusals: NetworkRefusals([refusal, refusal]).list, of: "auditor")
        return model
    }

    private static func rows(_ canvas: Canvas) -> [String] { (0..<canvas.rows).map(canvas.text(row:)) }

    @Test func below() {
        let rows = Self.rows(DashboardView.draw(Self.full(columns: 80, rows: 24), Self.ascii))
        let title = " cloche  paper-boat" + String(repeating: " ", count: 22)
        #expect(rows[0] == title + "4 agents, 1 waiting, 2 running, 1 done")
        #expect(rows[2] == "  NAME       STATE    SINCE  CHANGES  TASK")
        #expect(rows[3] == "> auditor  ! waiting  60s    -        Task of auditor")
        #expect(rows[6].hasPrefix("  docs     + done"))
        #expect(rows[8].hasPrefix("-- auditor - claude, cloche/auditor ---"))
        #expect(rows[9] == " red plain")
        #expect(rows[10].hasPrefix(" long long") && rows[10].count == 80)
        #expect(rows[11] == " >")
        #expect(rows[20] == " cpu 190%/200% ######   memory 512M/2.0G ##----   disk -   12 tasks")
        #expect(rows[21].hasPrefix(" refused evil.example.com:443 x2  "))
        #expect(rows[21].contains("cloche policy allow auditor evil"))
        #expect(rows[23] == " a attach  m message  s stop  p pause  d diff  w why  / filter  ? help  q quit")
    }

    @Test func besides() {
        let rows = Self.rows(DashboardView.draw(Self.full(columns: 200, rows: 50), DashboardLook()))
        #expect(
            rows[2].hasPrefix("  NAME       STATE")
                && rows[2].contains("│── auditor ─ claude · cloche/auditor ──")
        )
        #expect(rows[3].hasPrefix("▌ auditor  ◆ waiting") && rows[3].hasSuffix("│ red plain"))
        #expect(rows[4].contains("│ long long") && rows[4].hasSuffix("end"))
        #expect(rows.contains { $0.hasPrefix("── usage ─ 12 tasks ──") })
        #expect(rows.contains { $0.hasPrefix("  memory  512M/2.0G         ━━━━━━──────") })
        #expect(rows.contains { $0.hasPrefix("  evil.example.com:443 ×2  ") })
        #expect(rows[49].hasPrefix(" ⏎ attach  m message"))
    }

    @Test func small() {
        let rows = Self.rows(DashboardView.draw(Self.full(columns: 30, rows: 8), Self.ascii))
        #expect(rows[0].hasPrefix(" cloche  paper-boat"))
        #expect(rows[1].hasPrefix("  NAME       STATE"))
        #expect(rows[2].hasPrefix("> auditor  ! waiting"))
        #expect(rows[5].hasPrefix("  docs"))
        #expect(rows[7] == " a attach  m message  s stop")
        let words = Self.rows(DashboardView.draw(Self.full(columns: 30, rows: 2), Self.ascii))
        #expect(words == ["4 agents, 1 waiting, 2 running", "auditor: waiting"])
        #expect(Self.rows(DashboardView.draw(Self.full(columns: 1, rows: 1), Self.ascii)) == ["4"])
    }

    /// Every size, every mode: whatever is drawn, it is as large as the terminal, and nothing of it is obeyed.
    @Test func everySizeAndMode() {
        let modes: [DashboardModel.Mode] = [
            .browse, .message("auditor", LineEditor("hello\nyou")), .filter(LineEditor("x"), before: ""),
            .confirmStop("auditor"), .help, .refusals(0), .refusals(9),
        ]
        for columns in [1, 2, 7, 19, 20, 21, 33, 54, 80, 119, 120, 121, 200, 1000] {
            for rows in [1, 2, 3, 4, 5, 6, 8, 11, 12, 13, 20, 24, 50] {
                var model = Self.full(columns: columns, rows: rows)
                for mode in modes {
                    model.mode = mode
                    let canvas = DashboardView.draw(model, DashboardLook())
                    #expect(canvas.columns == columns && canvas.rows == rows)
                    if let cursor = canvas.cursor {
                        #expect(0..<columns ~= cursor.column && 0..<rows ~= cursor.row)
                    }
                }
            }
        }
    }

    @Test func withoutColoursNothingHasOne() {
        for mode in [DashboardModel.Mode.browse, .help, .refusals(0), .confirmStop("auditor")] {
            var model = Self.full(columns: 130, rows: 40)
            model.mode = mode
            let canvas = DashboardView.draw(model, DashboardLook(unicode: true, colours: false))
            for row in 0..<40 {
                for column in 0..<130 {
                    let style = canvas.cell(row: row, column: column).style
                    #expect(style.foreground == .standard && style.background == .standard)
                }
            }
        }
        let coloured = DashboardView.draw(Self.full(columns: 130, rows: 40), DashboardLook())
        #expect((0..<130).contains { coloured.cell(row: 3, column: $0).style.foreground == .indexed(3) })
        // It stands out without them.
        let plain = DashboardView.draw(Self.full(columns: 130, rows: 40), Self.ascii)
        #expect((0..<130).contains { plain.cell(row: 3, column: $0).style.reverse })
    }

    @Test func thePreviewKeepsColoursAndItsEnd() {
        let canvas = DashboardView.draw(Self.full(columns: 80, rows: 24), DashboardLook())
        #expect(canvas.cell(row: 9, column: 1).style.foreground == .indexed(1))
        #expect(canvas.cell(row: 11, column: 3).style.reverse, "its cursor")
        var screen = Screen(columns: 80, rows: 24)
        screen.feed((1...60).map { "line \($0)\r\n" }.joined().utf8.map { $0 })
        var model = Self.full(columns: 80, rows: 24)
        model.take(preview: .last(ScreenReport(screen, linesAbove: 0)), of: "auditor")
        let rows = Self.rows(DashboardView.draw(model, DashboardLook()))
        #expect(rows[8].contains("its last screen") && rows[18] == " line 60" && rows[9] == " line 51")
    }

    @Test func whatAnAgentChoseCannotBeObeyed() {
        var agent = Agents.agent("x", "running")
        agent.task = "a\u{1B}]0;t\u{7}\u{9B}2J\u{202E}"
        var model = DashboardModel()
        (model.columns, model.rows) = (100, 30)
        model.take(agents: [agent])
        var report = Self.screen()
        report.lines[0].runs = [.init(text: "p\u{1B}[2Jq\u{7}\u{85}\u{202E}", style: .standard)]
        (report.cursorRow, report.cursorColumn, report.rows) = (-5, 1 << 40, 7)
        model.take(preview: .screen(report), of: "x")
        let canvas = DashboardView.draw(model, DashboardLook())
        var painter = FramePainter(columns: 100, rows: 30)
        let frame = painter.frame(canvas.screen)
        let text = Self.rows(canvas).joined(separator: "\n")
        #expect(text.contains("p[2Jq") && text.contains("a]0;t2J"))
        #expect(!frame.contains(7) && !frame.contains(0x9B))
    }

    @Test func nobodyIsThere() {
        var model = DashboardModel()
        (model.columns, model.rows) = (80, 24)
        let rows = Self.rows(DashboardView.draw(model, Self.ascii))
        #expect(rows[3] == "  no agents yet" && rows[23] == " / filter  ? help  q quit")
    }

    @Test func manyAgentsScroll() {
        var model = DashboardModel()
        (model.columns, model.rows) = (80, 24)
        model.take(agents: (10..<60).map { Agents.agent("agent\($0)") })
        let first = Self.rows(DashboardView.draw(model, Self.ascii))
        #expect(first.contains { $0.hasPrefix("> agent10") } && first.contains { $0.hasSuffix("more v") })
        for _ in 0..<30 { _ = model.take(.key(.init(.down)), at: 0) }
        let later = Self.rows(DashboardView.draw(model, Self.ascii))
        #expect(later.contains { $0.hasPrefix("> agent40") } && !later.contains { $0.hasPrefix("> agent10") })
    }

    @Test func longLinesAreFilled() {
        #expect(DashboardWords.fill("one two three", width: 8) == ["one two", "three"])
        #expect(DashboardWords.fill("abcdefghij", width: 4) == ["abcd", "efgh", "ij"])
        #expect(DashboardWords.fill("x", width: 0) == [])
    }
}
