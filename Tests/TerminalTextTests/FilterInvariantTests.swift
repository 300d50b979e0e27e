// Properties that hold for every input: chunk boundaries do not matter, nothing forbidden comes out, output
// and memory are bounded.

import Testing

@testable import TerminalText

@Suite struct FilterInvariantTests {
    @Test(arguments: representativeStreams)
    func cutsMakeNoDifference(_ stream: Stream) {
        let bytes = Array(stream.text.utf8)
        let attached = attachOutput([bytes[...]])
        let plain = plainOutput([bytes[...]])
        for chunks in everyCut(bytes) {
            let cut = attachOutput(chunks)
            #expect(cut.output == attached.output && cut.replies == attached.replies)
            #expect(plainOutput(chunks) == plain)
        }
    }

    @Test func cutsMakeNoDifferenceInRandomBytes() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<40 {
            let bytes = randomStream(length: 300, &generator)
            let attached = attachOutput([bytes[...]])
            let plain = plainOutput([bytes[...]])
            for chunks in everyCut(bytes) {
                let cut = attachOutput(chunks)
                #expect(cut.output == attached.output && cut.replies == attached.replies)
                #expect(plainOutput(chunks) == plain)
            }
        }
    }

    @Test(arguments: 1...20)
    func nothingForbiddenComesOutOfRandomBytes(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<20 {
            let bytes = randomStream(length: 5000, &generator)
            let output = attachOutput(bytes)
            #expect(forbidden(in: output) == nil)
            // A broken byte becomes three, and a link at most closes itself.
            #expect(output.count <= 3 * bytes.count)
            #expect(attachOutput(output) == output, "what came out once passes unchanged")
            let plain = plainOutput(bytes)
            #expect(plain.unicodeScalars.allSatisfy { isPlain($0) })
        }
    }

    @Test func everyShortEscapeIsHarmless() {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                let bytes: [UInt8] = [0x1B, first, second, 0x41]
                let output = attachOutput(bytes)
                if let reason = forbidden(in: output) { Issue.record("\(bytes): \(reason)") }
                if !plainOutput(bytes).unicodeScalars.allSatisfy(isPlain) { Issue.record("\(bytes)") }
            }
        }
    }

    @Test func everyShortControlSequenceIsHarmless() {
        for prefix in ["", "?", ">", "=", "<"] {
            for parameter in [
                "", "0", "2", "3", "4", "5", "6", "14", "21", "1001", "1;2", "1;2;3;4;5", "1:2",
            ] {
                for intermediate in [""] + (0x20...0x2F).map({ String(Unicode.Scalar($0)) }) {
                    for final in 0x40...0x7E as ClosedRange<UInt8> {
                        let text = "\u{1B}[\(prefix)\(parameter)\(intermediate)\(Unicode.Scalar(final))"
                        let output = Array(attachOutput(text + "x").utf8)
                        if let reason = forbidden(in: output) {
                            Issue.record("\(text.debugDescription): \(reason)")
                        }
                    }
                }
            }
        }
    }

    @Test(arguments: [
        "\u{1B}]52;c;aGk=\u{07}", "\u{1B}[c", "\u{05}", "\u{9B}6n", "\u{1B}Pq\u{1B}\\",
        "\u{1B}[21t",
        "\u{1B}]8;;file:///\u{1B}\\", "\u{1B}]0;t\u{07}", "\u{1B}[?1001h", "\u{1B}[5i", "\u{1B}[?2026$p",
        "\u{1B}%@",
        "\u{1B}[>q", "\u{1B}[2h", "\u{1B}[123456b", "\u{1B}_x\u{1B}\\", "\u{1B}[?u",
        "\u{1B}]8;;http://x\u{07}",
    ])
    func theCheckerSeesWhatIsForbidden(_ stream: Stream) {
        let text = stream.text
        #expect(forbidden(in: Array("before \(text) after".utf8)) != nil)
        #expect(forbidden(in: attachOutput(Array("before \(text) after".utf8))) == nil)
    }

    @Test func theCheckerSeesForbiddenThingsInRandomBytes() {
        var generator = SeededGenerator(seed: 1)
        #expect(forbidden(in: randomStream(length: 5000, &generator)) != nil)
        #expect(forbidden(in: Array("cut \u{1B}[1".utf8)) == "unfinished sequence")
        #expect(forbidden(in: [0x41, 0xFF]) == "broken UTF-8")
        #expect(forbidden(in: Array("plain \u{1B}[1mtext\u{1B}[0m\r\n".utf8)) == nil)
    }

    @Test(arguments: ["\u{1B}[1;", "\u{1B}]8;;http://", "\u{1B}P", "\u{1B}[?", "text", "\u{1B}]0;"])
    func memoryIsBounded(_ start: Stream) {
        var parser = EscapeParser()
        var largest = 0
        for byte in start.text.utf8 { _ = parser.take(byte) }
        for count in 0..<300_000 {
            _ = parser.take(count % 3 == 0 ? UInt8(ascii: ";") : UInt8(ascii: "1"))
            largest = max(largest, parser.parameters.count + parser.payload.count)
        }
        #expect(largest <= EscapeParser.longestParameters + EscapeParser.longestPayload)
    }

    /// Random bytes in which sequences are likely, since uniform ones hardly ever make a whole one.
    private func randomStream(length: Int, _ generator: inout SeededGenerator) -> [UInt8] {
        let pieces: [[UInt8]] = [
            [0x1B], [0x1B, 0x5B], [0x1B, 0x5D], [0x1B, 0x50], [0x1B, 0x5C], [0x07], [0x9B], [0xC2, 0x9B],
            [0x18],
            Array("8;;".utf8), Array("http://a".utf8), Array("52;c;".utf8), Array("?".utf8), Array(">".utf8),
            Array("1;2".utf8), Array("1049".utf8), Array("$p".utf8), Array("6n".utf8), Array("m".utf8),
            Array("h".utf8),
            Array("\u{202E}".utf8), Array("ü日🐙".utf8), [0x0D], [0x0D, 0x0A], [0x08],
        ]
        var bytes: [UInt8] = []
        while bytes.count < length {
            if Bool.random(using: &generator), let piece = pieces.randomElement(using: &generator) {
                bytes += piece
            } else {
                bytes.append(UInt8.random(in: .min ... .max, using: &generator))
            }
        }
        return bytes
    }
}
