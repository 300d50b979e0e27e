import TerminalText
import Testing

@testable import TerminalScreen

/// Colours of underlines, and links: kept by cell, painted, and bounded.
struct DecorationTests {
    private func screen(_ text: String, columns: Int = 20, rows: Int = 4) -> Screen {
        var screen = Screen(columns: columns, rows: rows)
        screen.feed(Array(text.utf8))
        return screen
    }

    private func open(_ target: String) -> String { "\u{1B}]8;;\(target)\u{1B}\\" }

    private let close = "\u{1B}]8;;\u{1B}\\"

    private func links(_ screen: Screen) -> [String?] {
        (0..<screen.columns).map { screen.cell(row: 0, column: $0).decoration.link?.target }
    }

    @Test func plainCellsTakeNoMore() {
        #expect(MemoryLayout<Cell>.stride == 16)
    }

    @Test(arguments: [
        ("\u{1B}[4;58;5;9mx", Colour.indexed(9)), ("\u{1B}[4;58:5:9mx", .indexed(9)),
        ("\u{1B}[58;2;1;2;3mx", .rgb(1, 2, 3)), ("\u{1B}[58:2::1:2:3mx", .rgb(1, 2, 3)),
        ("\u{1B}[58:5:9;59mx", .standard), ("\u{1B}[58:5:9m\u{1B}[mx", .standard),
        ("\u{1B}[58:5:9m\u{1B}7\u{1B}[m\u{1B}8x", .indexed(9)), ("\u{1B}[58:5:9m\u{1B}[!px", .standard),
    ])
    func theColourOfAnUnderlineIsKept(_ text: String, _ wanted: Colour) {
        #expect(screen(text).cell(row: 0, column: 0).decoration.underline == wanted)
    }

    @Test func aLinkIsKeptUntilItEnds() {
        let target = "https://example.org/a"
        let shown = links(screen("a\(open(target))b\u{1B}[1mc\u{1B}[0md\(close)e"))
        #expect(shown[..<6] == [nil, target, target, target, nil, nil])
        #expect(links(screen("\(open("file:///etc/passwd"))a"))[0] == nil)
        #expect(links(screen("\(open(target))a\u{1B}[2K"))[0] == nil)
    }

    @Test(arguments: [
        "\u{1B}]8;id=1;https://a.b\u{1B}\\link\u{1B}[4:3;58:5:9m red\u{1B}[m more\u{1B}]8;;\u{1B}\\ plain",
        "\u{1B}[58:2::1:2:3;4munder", "\u{1B}]8;;https://a.b\u{1B}\\open\u{1B}7",
        "\u{1B}[58:5:9m\u{1B}7\u{1B}[mx",
        "main\u{1B}[58:5:9;4mx\u{1B}[?1049hfull\u{1B}]8;;https://c\u{1B}\\link",
        "\u{1B}]8;;https://a.b\u{1B}\\0123456789\u{1B}]8;;https://c.d\u{1B}\\abcdefghij",
    ])
    func paintingGivesThemAgain(_ text: String) {
        let more = Array("x\u{1B}[4m\u{1B}8y\u{1B}[?1049lz".utf8)
        var first = screen(text)
        var second = screen("\u{1B}[58:5:1m\(open("https://other"))other")
        let painted = first.restoration()
        second.feed(painted)
        for _ in 0..<2 {
            for row in 0..<4 { #expect(first.line(row: row).runs == second.line(row: row).runs) }
            first.feed(more)
            second.feed(more)
        }
        var filter = AttachFilter()
        var passed: [UInt8] = []
        filter.feed(painted, into: &passed)
        #expect(passed == painted)
    }

    @Test func framesShowThem() {
        var screen = screen("\(open("https://a.b"))one\(close) \u{1B}[4;58:5:9mtwo")
        var painter = FramePainter(columns: 30, rows: 5)
        var watcher = Screen(columns: 30, rows: 5)
        watcher.feed(painter.frame(screen))
        screen.feed(Array("\r\(open("https://c.d"))ONE".utf8))
        watcher.feed(painter.frame(screen))
        #expect(links(watcher)[0] == "https://c.d")
        #expect(watcher.cell(row: 0, column: 4).decoration.underline == .indexed(9))
    }

    @Test func linesAboveKeepThem() {
        let text = "\(open("https://a.b"))link\(close)\u{1B}[4;58:5:9mred"
        let shown = screen(text).line(row: 0)
        #expect(shown.runs.count == 2 && shown.runs[0].decoration.link?.target == "https://a.b")
        #expect(screen(text + "\u{1B}[m\r\n\n\n\n\n").scrolledOff(most: 9).first == shown)
    }

    @Test func manyLinksAreBounded() {
        var screen = Screen(columns: 80, rows: 24, scrollback: 1 << 16)
        let long = String(repeating: "x", count: 2000)
        for number in 0..<3000 {
            screen.feed(Array("\(open("https://a.b/\(number)\(long)"))\(number % 10)".utf8))
        }
        #expect(screen.decorations.count < 200)
        // Those that were there first have left the screen, and the newest have room again.
        for number in 0..<300 { screen.feed(Array("\(open("https://c/\(number)"))\r\n".utf8)) }
        screen.feed(Array("\u{1B}[H\(open("https://c"))x".utf8))
        #expect(links(screen)[0] == "https://c")
        let kept = screen.scrolledOff(most: .max)
        #expect(
            kept.flatMap(\.runs).reduce(0) { $0 + ($1.decoration.link?.target.utf8.count ?? 0) } < 1 << 18
        )
    }

    @Test func aRunIsReadAgain() {
        for run in screen("\(open("https://a.b"))\u{1B}[1;4:3;58:2::1:2:3mx").line(row: 0).runs {
            let link = run.decoration.link?.target
            #expect(ScreenLine.Run(text: run.text, selection: run.selection, link: link) == run)
        }
        #expect(ScreenLine.Run(text: "x", selection: "0", link: "file:///x").decoration == .none)
    }
}
