// What programs tell their terminal beside what they show.

import Testing

@testable import TerminalText

@Suite struct TerminalSignalTests {
    @Test(arguments: [
        ("0;make", TerminalSignal.title("make")), ("2;", .title("")), ("2;a;b", .title("a;b")),
        ("2;\u{202E}x\u{1B}", .title("\\u{202E}x\\u{1B}")),
        ("9;done", .notification("done")), ("9;42 tests passed", .notification("42 tests passed")),
        ("777;notify;Title;Body; more", .notification("Title: Body; more")),
        ("777;notify;Title", .notification("Title")), ("777;notify;;Body", .notification("Body")),
        ("133;A", .prompt), ("133;B", .prompt), ("133;A;cl=m", .prompt),
        ("133;C", .commandBegins), ("133;D", .commandEnds), ("133;D;1", .commandEnds),
    ])
    func isRead(payload: String, signal: TerminalSignal) {
        #expect(TerminalSignal.isOne(Array(payload.utf8)))
        #expect(TerminalSignal(Array(payload.utf8)) == signal)
    }

    @Test(arguments: [
        "", "0", "1;icon", "8;;http://a", "52;c;aGk=", "9;4;1;50", "9;9", "777;precmd", "777;other;x", "133",
        "133;",
        "133;P", "1337;File=:", "99;i=1;x", "20;x",
    ])
    func isNone(payload: String) { #expect(TerminalSignal(Array(payload.utf8)) == nil) }

    @Test func aLongOneIsNotLookedAt() {
        let long = Array("2;".utf8) + [UInt8](repeating: 0x61, count: TerminalSignal.longest)
        #expect(!TerminalSignal.isOne(long))
    }

    @Test func aTextIsShort() throws {
        let payload = Array("9;".utf8) + [UInt8](repeating: 0x61, count: 400)
        guard case .notification(let text)? = TerminalSignal(payload) else {
            Issue.record("none")
            return
        }
        #expect(text.unicodeScalars.count == 200)
    }

    @Test func theFilterCollectsThemAndLetsNonePass() {
        var filter = AttachFilter()
        var output: [UInt8] = []
        filter.feed(Array("a\u{1B}]0;one\u{07}b\u{1B}]133;C\u{1B}".utf8), into: &output)
        #expect(filter.signals == [Array("0;one".utf8)])
        filter.feed(Array("\\c\u{1B}]52;c;aGk=\u{07}\u{1B}]8;;http://a\u{07}".utf8), into: &output)
        #expect(filter.signals == [Array("133;C".utf8)])
        filter.feed(Array("d".utf8), into: &output)
        #expect(filter.signals.isEmpty)
        #expect(String(decoding: output, as: UTF8.self) == "abc\u{1B}]8;;http://a\u{1B}\\d")
    }

    @Test func ofAFloodTheNewestAreKept() {
        var filter = AttachFilter()
        var output: [UInt8] = []
        let flood = (0..<1000).map { "\u{1B}]2;\($0)\u{07}" }.joined()
        filter.feed(Array(flood.utf8), into: &output)
        #expect(filter.signals.count == 16 && filter.signals.last == Array("2;999".utf8))
        #expect(filter.signals.first == Array("2;984".utf8))
    }
}
