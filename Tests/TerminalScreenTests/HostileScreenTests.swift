// Everything that passes the filter, at random and in odd sizes: nothing traps, what paints a screen gives the same screen, frames
// show it, and a few bytes do not cost much.

import Testing

@testable import TerminalScreen
@testable import TerminalText

struct HostileScreenTests {
    @Test(arguments: 1...60) func paintingGivesTheSameScreen(_ seed: UInt64) {
        var chance = Chance(seed)
        let sizes = [(1, 1), (2, 3), (7, 4), (20, 6), (33, 9)]
        let size = sizes[chance.number(0...sizes.count - 1)]
        var screen = Screen(columns: size.0, rows: size.1, scrollback: 4096)
        var painter = FramePainter(columns: 20, rows: 6)
        var watcher = Screen(columns: 20, rows: 6)
        for round in 0..<12 {
            for _ in 0..<40 { screen.feed(Array(chance.item().utf8)) }
            if chance.number(0...5) == 0 {
                screen.resize(columns: chance.number(1...40), rows: chance.number(1...12))
            }
            let painted = screen.restoration()
            #expect(passesUnchanged(painted))
            var other = Screen(columns: screen.columns, rows: screen.rows)
            other.feed(painted)
            expectSame(screen, other, "seed \(seed), round \(round)")
            let frame = painter.frame(screen)
            #expect(passesUnchanged(frame))
            watcher.feed(frame)
            var fresh = FramePainter(columns: 20, rows: 6)
            var clean = Screen(columns: 20, rows: 6)
            clean.feed(fresh.frame(screen))
            #expect(texts(watcher) == texts(clean), "frames of seed \(seed), round \(round)")
        }
        _ = screen.scrolledOff(most: .max)
    }

    /// Lines that leave the screen at once are not written into cells: whatever was before, nobody sees a difference.
    @Test(arguments: 1...60) func floodsShowTheSameAsTheirPieces(_ seed: UInt64) {
        var chance = Chance(seed)
        var bytes: [UInt8] = []
        // At the bottom mostly, and in some odd state often.
        for _ in 0..<chance.number(0...12) { bytes += chance.item().utf8 }
        if seed % 4 != 0 { bytes += "\u{1B}[0m\u{1B}(B\u{F}\u{1B}[4l\u{1B}[r\u{1B}[?1049l\u{1B}[99;3H".utf8 }
        let columns = chance.number(1...30)
        let rows = chance.number(1...12)
        var whole = Screen(columns: columns, rows: rows)
        var pieces = whole
        whole.feed(bytes)
        pieces.feed(bytes)
        for _ in 0..<3 {
            var flood: [UInt8] = []
            while flood.count < 9000 {
                let isOdd = chance.number(0...400) == 0
                flood += isOdd ? Array(chance.item().utf8) : chance.line(columns + (seed % 5 == 0 ? 2 : 0))
            }
            whole.feed(flood)
            for start in stride(from: 0, to: flood.count, by: 1000) {
                pieces.feed(flood[start..<min(start + 1000, flood.count)])
            }
            expectSame(whole, pieces, "seed \(seed)")
            #expect(whole.scrolledOff(most: .max) == pieces.scrolledOff(most: .max), "seed \(seed)")
            #expect(whole.restoration() == pieces.restoration(), "seed \(seed)")
            #expect(whole.lastCharacter == pieces.lastCharacter && whole.cursor == pieces.cursor)
        }
    }

    /// Else the test above would compare one way with itself.
    @Test func linesOfAFloodAreSkipped() {
        var screen = Screen(columns: 10, rows: 4)
        let lines = (0..<12).flatMap { "line \($0)\r\n".utf8 }
        screen.feed(lines)
        #expect(screen.skipLines(lines[...]).elementsEqual(lines.suffix(26)))
        #expect(screen.scrolledOff(most: 2).map(\.text) == ["line 7", "line 8"])
    }

    /// A link may be on each place of a screen, and is written when another stands before it.
    @Test func linksDoNotMakeAScreenLong() {
        var screen = Screen(columns: 100, rows: 40)
        let path = String(repeating: "x", count: 2000)
        for number in 0..<4000 {
            screen.feed(Array("\u{1B}]8;;http://\(number % 2)/\(path)\u{1B}\\a".utf8))
        }
        #expect(screen.restoration().count < 300_000)
        #expect(screen.restoration().count > 200_000)
    }

    /// Painted, it would go to the next line: a wide character in the middle of a line that became one of double width.
    @Test func aCutCharacterIsNotPaintedBeforeAWrap() {
        var screen = Screen(columns: 10, rows: 4)
        screen.feed(Array("\r\n\r\nq\u{1B}[2;1H0123漢\u{1B}[2;10Hx\u{1B}#6".utf8))
        var other = Screen(columns: 10, rows: 4)
        other.feed(screen.restoration())
        #expect(other.text(row: 2) == "q" && screen.text(row: 2) == "q")
        #expect(other.text(row: 1) == "0123 " || other.text(row: 1) == "0123")
    }

    private func passesUnchanged(_ bytes: [UInt8]) -> Bool {
        var filter = AttachFilter()
        var output: [UInt8] = []
        filter.feed(bytes, into: &output)
        return output == bytes
    }

    private func texts(_ screen: Screen) -> [String] { (0..<screen.rows).map(screen.text(row:)) }

    private func expectSame(_ a: Screen, _ b: Screen, _ place: String) {
        #expect(texts(a) == texts(b), "\(place)")
        for row in 0..<a.rows {
            let differs = (0..<a.grid.visible(row).count).first {
                a.cell(row: row, column: $0) != b.cell(row: row, column: $0)
            }
            #expect(differs == nil, "\(place), row \(row)")
        }
        #expect(a.isAlternate == b.isAlternate && a.modes == b.modes && a.region == b.region, "\(place)")
        // Of a line of double width, the right half cannot be reached from outside.
        let column = min(a.cursor.column, a.width(a.cursor.row) - 1)
        #expect((a.cursor.row, column) == (b.cursor.row, b.cursor.column), "\(place)")
        #expect(a.cursor.style == b.cursor.style, "\(place)")
    }

    @Test(arguments: [
        // Onto a line of double width from the right half of another; IL, RI, and back to a saved cursor.
        "\u{1B}[2;1H\u{1B}#6\u{1B}[1;70H\u{1B}Dx", "\u{1B}#6\u{1B}[2;70H\u{1B}Mx漢",
        "\u{1B}[1;70H\u{1B}7\u{1B}[1;1H\u{1B}#6\u{1B}8xy",
        "\u{1B}[1;70H\u{1B}#6\u{1B}[L漢", "\u{1B}#6\u{1B}[1;40H\u{1B}[4hxx",
    ])
    func linesOfDoubleWidthEndInTheMiddle(_ text: String) {
        var screen = Screen(columns: 80, rows: 5)
        screen.feed(Array(text.utf8))
        #expect(texts(screen).joined().contains { "x漢".contains($0) })
    }

    @Test func aMarkOnABlankIsErasedWithIt() {
        var screen = Screen(columns: 20, rows: 2)
        screen.feed(Array("\t\u{300}".utf8))
        #expect(screen.line(row: 0).text.unicodeScalars.contains("\u{300}"))
        screen.feed(Array("\u{1B}[2J".utf8))
        #expect(texts(screen) == ["", ""])
    }

    /// Work for a few bytes, counted in time only to catch what takes hundreds of times as long.
    @Test(arguments: [
        "x\u{1B}[9999b", "漢\u{1B}[9999b", "a\u{300}", "\u{1B}[9999@", "\u{1B}[9999L", "\u{1B}[9999I",
        "\u{1B}[9999S",
    ])
    func aFewBytesDoNotCostMuch(_ item: String) {
        var screen = Screen(columns: 120, rows: 40)
        screen.feed(Array("\u{1B}[4h".utf8))
        let bytes = Array(String(repeating: item, count: 16384 / item.utf8.count).utf8)
        let time = ContinuousClock().measure { screen.feed(bytes) }
        #expect(time < .seconds(60), "\(time)")
    }
}

/// Text and sequences by chance: SplitMix64 decides.
private struct Chance {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func number(_ range: ClosedRange<Int>) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return range.lowerBound + Int((mixed ^ (mixed >> 31)) % UInt64(range.count))
    }

    private mutating func one(_ choices: [String]) -> String { choices[number(0...choices.count - 1)] }

    /// A line of so many columns at most, with its end.
    mutating func line(_ columns: Int) -> [UInt8] {
        (0..<number(0...columns)).map { _ in UInt8(number(0x20...0x7E)) } + [0x0D, 0x0A]
    }

    mutating func item() -> String {
        let parameters = ["", "0", "1", "2", "3", "5", "9", "40", "9999", "2;4", "4;2", "3;9999", ";", "0;0"]
        switch number(0...9) {
        case 0...2:
            return one([
                "a", "bc", "some words", "漢", "字x", "e\u{301}", "\u{300}", "🐙", "│", " ", "        ",
                "0123456789",
            ])
        case 3: return one(["\r", "\n", "\r\n", "\t", "\u{8}", "\u{B}", "\u{E}", "\u{F}", "\u{7}"])
        case 4:
            return "\u{1B}"
                + one([
                    "7", "8", "=", ">", "D", "E", "H", "M", "N", "O", "(0", "(B", ")0", "#3", "#5", "#6",
                    "#8", "c",
                ])
        case 5:
            return "\u{1B}[" + one(["1", "7", "31", "44", "0", "38;5;9", "48;2;1;2;3", "4:3", "2", "22"])
                + "m"
        case 6:
            let modes = ["1", "7", "25", "47", "1047", "1048", "1049", "1000", "1006", "2004", "2026", "5"]
            return "\u{1B}[?" + one(modes) + one(["h", "l"])
        case 7:
            return "\u{1B}["
                + one(["4h", "4l", "!p", "5 q", "s", "u", ">1u", "<u", "=3;2u", ">4;2m", "3'}", "2'~"])
        default:
            let finals = "ABCDEFGHIZ`adefJKLMPSTX@bgr".map(String.init)
            return "\u{1B}[" + one(parameters) + one(finals)
        }
    }
}
