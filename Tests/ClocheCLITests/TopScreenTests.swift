// What `top` draws and which keys it knows.

import ClocheModel
import Testing

@testable import ClocheCLI

@Suite struct TopScreenTests {
    private static let plain = UsageStyle(unicode: false, colors: false)

    @Test(arguments: 1...40) func aFrameFitsTheTerminal(_ height: Int) {
        for width in [1, 5, 20, 80] {
            let lines = TopView(sort: .cpu).lines(Samples.three(), Self.plain, width: width, height: height)
            #expect(lines.count <= height && lines.allSatisfy { $0.count <= width })
        }
    }

    @Test func theTitleCountsAndSums() {
        let lines = TopView(sort: .memory).lines(Samples.three(), Self.plain, width: 100, height: 10)
        #expect(lines[0] == "cloche: 3 agents, 1 paused, 1 silent, cpu 150%, memory 512M, by memory")
        #expect(lines.count == 10 && lines[9] == TopView.plainHelp)
    }

    @Test func aSmallTerminalShowsTheTable() {
        let lines = TopView(sort: .cpu).lines(Samples.three(), Self.plain, width: 20, height: 2)
        #expect(lines[0].hasPrefix("NAME") && lines[1] == "... 3 more")
    }

    @Test func keysAreReadAndAllElseIsPassedOver() {
        func keys(_ text: String) -> [TopKey] { TopKey.keys(Array(text.utf8), page: 7) }
        #expect(keys("q") == [.quit] && keys("\u{3}") == [.quit] && keys("\u{1A}") == [.suspend])
        #expect(keys("cm") == [.sort(.cpu), .sort(.memory)])
        #expect(keys("\u{1B}[C\u{1B}[D\u{1B}OA\u{1B}[B") == [.nextSort, .previousSort, .up(1), .down(1)])
        #expect(keys("\u{1B}[5~\u{1B}[6~") == [.up(7), .down(7)])
        #expect(keys("\u{1B}[200~zx\u{1B}[1;5P\u{1B}[99") == [])
        #expect(keys("\u{1B}") == [] && keys("\u{1B}[") == [] && keys("") == [])
        #expect(TopKey.keys([0xff, 0xc3, 0x28, UInt8(ascii: "q")], page: 1) == [.quit])
    }

    @Test func keysChangeTheView() {
        var view = TopView(sort: .cpu)
        view.apply(.previousSort, rows: 5)
        #expect(view.sort == .name)
        view.apply(.nextSort, rows: 5)
        view.apply(.nextSort, rows: 5)
        #expect(view.sort == .memory)
        view.apply(.down(100), rows: 5)
        #expect(view.offset == 4)
        view.apply(.up(100), rows: 5)
        #expect(view.offset == 0)
        view.apply(.down(1), rows: 0)
        #expect(view.offset == 0)
    }

    @Test func aFrameClearsNoScreenAndEndsWhatItBegins() {
        let frame = ScreenBytes.frame(["one", "two"])
        #expect(!frame.contains("\u{1B}[2J"))
        #expect(frame == "\u{1B}[?2026h\u{1B}[Hone\u{1B}[K\r\ntwo\u{1B}[K\u{1B}[J\u{1B}[?2026l")
        #expect(
            ScreenBytes.inPlace(["x"], before: 3)
                == "\u{1B}[?2026h\r\u{1B}[3Ax\u{1B}[K\r\n\u{1B}[J\u{1B}[?2026l"
        )
        for mode in ["?1049", "?25", "?7"] {
            #expect(ScreenBytes.enter.contains(mode) && ScreenBytes.leave.contains(mode))
        }
    }
}
