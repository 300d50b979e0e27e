// What a person's terminal sends, read as keys, mouse and pastes.

import Testing

@testable import TerminalText

@Suite struct KeyReaderTests {
    private func read(_ text: String) -> [InputEvent] {
        var reader = KeyReader()
        return reader.feed(Array(text.utf8))
    }

    private func key(_ code: Key.Code, _ modifiers: KeyModifiers = []) -> InputEvent {
        .key(Key(code, modifiers))
    }

    @Test func charactersAndControls() {
        #expect(read("aü漢") == [key(.character("a")), key(.character("ü")), key(.character("漢"))])
        #expect(read("\r\t\u{7F}\u{8}") == [key(.enter), key(.tab), key(.backspace), key(.backspace)])
        #expect(read("\u{3}\u{1A}") == [key(.character("c"), .control), key(.character("z"), .control)])
        #expect(read("\u{0}") == [key(.character(" "), .control)])
        #expect(read("\u{1F}") == [key(.character("_"), .control)])
    }

    @Test func keysOfSequences() {
        #expect(read("\u{1B}[A\u{1B}OB") == [key(.up), key(.down)])
        #expect(read("\u{1B}[1;5C\u{1B}[3~\u{1B}[5~") == [key(.right, .control), key(.delete), key(.pageUp)])
        #expect(
            read("\u{1B}[Z\u{1B}OP\u{1B}[24~") == [key(.tab, .shift), key(.function(1)), key(.function(12))]
        )
        #expect(read("\u{1B}x\u{1B}\u{7F}") == [key(.character("x"), .alt), key(.backspace, .alt)])
        #expect(read("\u{1B}[99z\u{1B}[?1;2cq") == [key(.character("q"))])
    }

    @Test func theMouse() {
        #expect(read("\u{1B}[<0;5;3M") == [.mouse(MouseEvent(.press, row: 2, column: 4))])
        #expect(read("\u{1B}[<0;5;3m") == [.mouse(MouseEvent(.other, row: 2, column: 4))])
        #expect(
            read("\u{1B}[<64;1;1M\u{1B}[<81;1;1M") == [
                .mouse(MouseEvent(.wheelUp, row: 0, column: 0)),
                .mouse(MouseEvent(.wheelDown, row: 0, column: 0)),
            ]
        )
        // Dragged, and what is no place.
        #expect(read("\u{1B}[<32;5;3M") == [.mouse(MouseEvent(.other, row: 2, column: 4))])
        #expect(read("\u{1B}[<0;0;3M\u{1B}[<0;3M\u{1B}[<M") == [])
        let far = read("\u{1B}[<0;99999999999999999999;3M")
        #expect(far == [.mouse(MouseEvent(.press, row: 2, column: 99_998))])
    }

    @Test func pastesAreText() {
        #expect(
            read("\u{1B}[200~q\u{1B}[A\r\nß\u{1B}[201~q") == [
                .paste("q\u{1B}[A\r\nß"), key(.character("q")),
            ]
        )
        // What looks like its end and is none.
        #expect(read("\u{1B}[200~\u{1B}[20\u{1B}[201~") == [.paste("\u{1B}[20")])
    }

    @Test func silenceEndsWhatIsOpen() {
        var reader = KeyReader()
        #expect(reader.feed([0x1B]) == [] && reader.patience == KeyReader.escapePatience)
        #expect(reader.silence(10) == [])
        #expect(reader.silence(KeyReader.escapePatience) == [key(.escape)] && reader.patience == nil)
        #expect(reader.feed(Array("\u{1B}[200~abc".utf8)) == [.paste("abc")])
        #expect(reader.patience == KeyReader.pastePatience)
        #expect(reader.silence(KeyReader.pastePatience) == [])
        #expect(reader.feed([UInt8(ascii: "q")]) == [key(.character("q"))])
        #expect(read("\u{1B}\u{1B}[A") == [key(.escape), key(.up)])
    }

    /// However the bytes are cut, the same keys come; garbage makes nothing grow and is no paste without its mark.
    @Test(arguments: 0..<200) func anyBytesInAnyPieces(_ seed: UInt64) {
        var random = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
        func next(_ below: Int) -> Int {
            random ^= random << 13
            random ^= random >> 7
            random ^= random << 17
            return Int(random % UInt64(below))
        }
        let parts: [[UInt8]] = [
            [0x1B], Array("\u{1B}[".utf8), Array("\u{1B}[<".utf8), Array("\u{1B}[200~".utf8),
            Array("\u{1B}[201~".utf8), Array("\u{1B}O".utf8), Array("0;12M".utf8), Array("ü漢".utf8),
            [0xFF, 0xC3],
        ]
        var bytes: [UInt8] = []
        for _ in 0..<60 {
            bytes += next(3) == 0 ? [UInt8(next(256))] : parts[next(parts.count)]
        }
        var whole = KeyReader()
        let wanted = Self.joined(whole.feed(bytes))
        var reader = KeyReader()
        var events: [InputEvent] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = 1 + next(5)
            events += reader.feed(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        #expect(Self.joined(events) == wanted)
        #expect(reader.patience == whole.patience)
    }

    @Test func aLongSequenceIsPassedOver() {
        let long = "\u{1B}[" + String(repeating: "1;", count: 5000) + "A" + "q"
        #expect(read(long) == [key(.character("q"))])
    }

    /// Pieces of one paste as one, in their place among the keys.
    private static func joined(_ events: [InputEvent]) -> [InputEvent] {
        var joined: [InputEvent] = []
        for event in events {
            if case .paste(let more) = event, case .paste(let text)? = joined.last {
                joined[joined.count - 1] = .paste(text + more)
            } else {
                joined.append(event)
            }
        }
        return joined
    }
}
