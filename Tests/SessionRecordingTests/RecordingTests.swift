// Recordings as bytes: what is written is JSON that reads back the same, and what is read may be anything.

import SessionRecording
import Testing

@Suite struct RecordingTests {
    private func read(_ text: String, pieces: Int = .max) -> (RecordingReader, [RecordingEvent]) {
        var reader = RecordingReader()
        var events: [RecordingEvent] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            reader.feed(rest.prefix(pieces), into: &events)
            rest = rest.dropFirst(pieces)
        }
        return (reader, events)
    }

    private static let header = "{\"version\": 2, \"width\": 80, \"height\": 24}\n"

    @Test func headerIsWrittenAsTheFormatWantsIt() {
        var bytes: [UInt8] = []
        RecordingLine.append(
            RecordingHeader(columns: 120, rows: 40, began: 1_504_467_315, title: "a\"b", terminal: "xterm"),
            to: &bytes
        )
        let wanted =
            "{\"version\": 2, \"width\": 120, \"height\": 40, \"timestamp\": 1504467315, \"title\": \"a\\\"b\", "
            + "\"env\": {\"TERM\": \"xterm\"}}\n"
        #expect(String(decoding: bytes, as: UTF8.self) == wanted)
    }

    @Test func headersReadBackTheSame() {
        let all = RecordingHeader(
            columns: 7,
            rows: 65535,
            began: 1,
            title: "t",
            terminal: "x",
            repeated: 3
        )
        for header in [all, RecordingHeader(columns: 80, rows: 24)] {
            var bytes: [UInt8] = []
            RecordingLine.append(header, to: &bytes)
            #expect(read(String(decoding: bytes, as: UTF8.self)).0.header == header)
        }
    }

    @Test(arguments: [
        ("plain", "plain"), ("\u{1B}[1m\r\n\t\u{8}", "\\u001b[1m\\r\\n\\t\\b"), ("\"\\", "\\\"\\\\"),
        ("\u{7F}\u{0}\u{1F}", "\\u007f\\u0000\\u001f"), ("\u{9B}31m\u{80}", "\\u009b31m\\u0080"),
        ("\u{A0}\u{BF}\u{FF}", "\u{A0}\u{BF}\u{FF}"), ("日本語 🏳️‍🌈", "日本語 🏳️‍🌈"), ("", ""),
    ])
    func textIsEscaped(_ text: String, _ escaped: String) {
        var bytes: [UInt8] = []
        let event = RecordingEvent(1_500_000, .output, Array(text.utf8))
        #expect(RecordingLine.append(event, to: &bytes) == 1)
        #expect(String(decoding: bytes, as: UTF8.self) == "[1.500000, \"o\", \"\(escaped)\"]\n")
        let (reader, events) = read(Self.header + String(decoding: bytes, as: UTF8.self))
        #expect(events == [event] && reader.skipped == 0)
    }

    @Test func everyCharacterReadsBackTheSame() {
        var text = ""
        for value in UInt32(0)..<0x11_0000 where value < 0x3000 || value % 251 == 0 {
            if let scalar = Unicode.Scalar(value) { text.unicodeScalars.append(scalar) }
        }
        for kind in [RecordingEvent.Kind.output, .input, .marker] {
            let event = RecordingEvent(1, kind, Array(text.utf8))
            var bytes = Array(Self.header.utf8)
            let lines = RecordingLine.append(event, to: &bytes)
            let (reader, events) = read(String(decoding: bytes, as: UTF8.self), pieces: 1000)
            #expect(events.count == lines && reader.skipped == 0)
            #expect(events.flatMap(\.bytes) == event.bytes && events.allSatisfy { $0.time == 1 })
        }
    }

    @Test func longTextIsCutBetweenCharacters() {
        let text = "x" + String(repeating: "é", count: RecordingLine.longestText)
        var bytes = Array(Self.header.utf8)
        #expect(RecordingLine.append(RecordingEvent(0, .output, Array(text.utf8)), to: &bytes) == 3)
        let (_, events) = read(String(decoding: bytes, as: UTF8.self))
        #expect(events.count == 3)
        for event in events { #expect(String(validating: event.bytes, as: UTF8.self) != nil) }
        #expect(events.flatMap(\.bytes) == Array(text.utf8))
    }

    @Test func otherWritersAreUnderstood() {
        let text = """
            { "width":80,"theme":{"fg":"#fff"}, "height":24, "version":2, "timestamp": 5 }
            [0,"o","a\\/\\u00e9\\ud83d\\ude00"]
              [ 1e1 , "i" , "x" ]\r
            [11.25, "m", ""]
            [12, "r", "100x50"]
            [13, "x", "0"]

            """
        let (reader, events) = read(text)
        #expect(reader.header == RecordingHeader(columns: 80, rows: 24, began: 5))
        #expect(
            events == [
                RecordingEvent(0, .output, Array("a/é😀".utf8)),
                RecordingEvent(10_000_000, .input, Array("x".utf8)),
                RecordingEvent(11_250_000, .marker, []),
                RecordingEvent(12_000_000, columns: 100, rows: 50),
            ]
        )
        #expect(reader.skipped == 0, "a kind that is not known is no mistake")
        #expect(events[3].size.map { [$0.columns, $0.rows] } == [100, 50] && events[0].size == nil)
    }

    @Test(arguments: [
        "", "x", "[", "[]", "[1]", "[1, \"o\"]", "[1, \"o\", \"a]", "[1, \"o\", \"a\"", "[1, \"o\", \"a\"] x",
        "[-1, \"o\", \"a\"]", "[1e99, \"o\", \"a\"]", "[nan, \"o\", \"a\"]", "[1, \"o\", 5]", "[1, o, \"a\"]",
        "[1, \"o\", \"\\x\"]", "[1, \"o\", \"\\u12g4\"]", "[1, \"o\", \"\\u-001\"]", "[1, \"o\", \"\\u1\"]",
        "[1, \"o\", \"a\tb\"]", "[1, \"o\", \"a\", 1]", "{\"version\": 2}",
    ])
    func brokenLinesArePassedOver(_ line: String) {
        let good = "[2, \"o\", \"good\"]\n"
        let (reader, events) = read(Self.header + line + "\n" + good)
        #expect(events == [RecordingEvent(2_000_000, .output, Array("good".utf8))])
        #expect(reader.skipped == 1)
    }

    @Test func halvesOfCharactersAreReplaced() {
        let (_, events) = read(Self.header + "[1, \"o\", \"\\ud800x\\udc00\\ud800\\u0041\"]\n")
        #expect(
            events.first.map { String(decoding: $0.bytes, as: UTF8.self) } == "\u{FFFD}x\u{FFFD}\u{FFFD}A"
        )
    }

    @Test func aTornEndIsNotGivenUntilItIsWhole() {
        var reader = RecordingReader()
        var events: [RecordingEvent] = []
        reader.feed(Array((Self.header + "[1, \"o\", \"a\"]\n[2, \"o\", \"b\"]").utf8)[...], into: &events)
        #expect(events.count == 1 && reader.skipped == 0)
        reader.feed([0x0a], into: &events)
        #expect(events.count == 2)
    }

    @Test func aLineTooLongIsPassedOverAndNotKept() {
        var reader = RecordingReader()
        var events: [RecordingEvent] = []
        reader.feed(Array(Self.header.utf8)[...], into: &events)
        let part = [UInt8](repeating: 0x61, count: 65536)
        for _ in 0..<100 { reader.feed(part[...], into: &events) }
        reader.feed(Array("\n[1, \"o\", \"a\"]\n".utf8)[...], into: &events)
        #expect(events.count == 1 && reader.skipped == 1)
        // The first line, too.
        reader = RecordingReader()
        for _ in 0..<100 { reader.feed(part[...], into: &events) }
        reader.feed(Array("\n[1, \"o\", \"a\"]\n".utf8)[...], into: &events)
        #expect(events.count == 2 && reader.skipped == 1 && reader.header == nil)
    }

    @Test(arguments: [
        "{\"version\": 1, \"width\": 80, \"height\": 24}", "{\"version\": 2, \"width\": 0, \"height\": 24}",
        "{\"version\": 2, \"width\": 80, \"height\": 99999}", "{\"version\": 2}", "[0, \"o\", \"a\"]", "",
        "\u{0}",
    ])
    func whatIsNoHeaderIsNone(_ line: String) {
        let (reader, events) = read(line + "\n[1, \"o\", \"a\"]\n")
        #expect(reader.header == nil && reader.skipped == 1 && events.count == 1)
    }

    @Test func readingFromTheMiddleBeginsWithTheNextLine() {
        var reader = RecordingReader(inside: true)
        var events: [RecordingEvent] = []
        reader.feed(Array("\"o\", \"lost\"]\n[1, \"o\", \"a\"]\n".utf8)[...], into: &events)
        #expect(events.map(\.bytes) == [[0x61]] && reader.skipped == 0)
    }

    @Test func anyBytesAreReadAlikeInAnyPieces() {
        var generator = Numbers(state: 7)
        let words = [
            "[", "]", "1", "0.5", ",", " ", "\"o\"", "\"", "\\", "\\u", "d83d", "\\n", "\n", "é", "a",
            "\u{1B}",
            Self.header, "[1, \"o\", \"a\"]\n", "[2, \"r\", \"80x24\"]\n",
        ]
        for _ in 0..<500 {
            let text = (0..<40).map { _ in words[Int(generator.next() % UInt64(words.count))] }.joined()
            let whole = read(text)
            for pieces in [1, 2, 7] {
                let cut = read(text, pieces: pieces)
                #expect(
                    cut.1 == whole.1 && cut.0.skipped == whole.0.skipped && cut.0.header == whole.0.header
                )
            }
        }
    }

    private struct Numbers {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
    }
}
