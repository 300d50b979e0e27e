// Byte streams and ways to cut them that several suites share.

import Testing

@testable import TerminalText

/// Bytes for a terminal, as an argument of a test: its log must not drive the terminal of who reads it.
struct Stream: ExpressibleByStringLiteral, CustomTestStringConvertible {
    let text: String

    init(stringLiteral text: String) { self.text = text }

    init(_ text: String) { self.text = text }

    var testDescription: String { text.debugDescription }
}

/// What programs really send, and what they should not, in one stream each.
let representativeStreams: [Stream] = [
    "plain\r\nlines äöü 日本語 🐙\r\n",
    "\u{1B}[?1049h\u{1B}[2J\u{1B}[1;1H\u{1B}[38;2;10;20;30mbox ┌─┐\u{1B}[0m\u{1B}[?25l\u{1B}[c",
    "a\u{1B}]52;c;aGk=\u{07}b\u{1B}]0;title\u{1B}\\c\u{1B}Pq#0;2\u{1B}\\d\u{1B}_Gf=24\u{1B}\\e",
    "\u{1B}]8;id=1;https://example.org/\u{1B}\\link\u{1B}]8;;\u{1B}\\\u{1B}]8;;file:///etc\u{07}text",
    "10%\r50%\r\u{1B}[K100%\r\ndone\u{08}\u{08}xt\u{202E}evil\u{2069}\n\u{1B}[5Cindented\u{1B}[3;1Hrow",
    "\u{1B}[6n\u{1B}[5n\u{1B}[?2026$p\u{1B}[>q\u{1B}[21t\u{05}\u{1B}[>1u\u{1B}[<u\u{1B}(0lqk\u{1B}(B\u{1B}#8",
    "\u{1B}[1\u{07};2\u{1B}[3mX\u{18}\u{1B}]0;cut\u{18}Y\u{1B}[99999999bZ\u{9B}31m\u{85}end\u{1B}[",
]

/// Runs a filter over chunks.
func attachOutput(_ chunks: [ArraySlice<UInt8>]) -> (output: [UInt8], replies: [UInt8]) {
    var filter = AttachFilter()
    var output: [UInt8] = []
    var replies: [UInt8] = []
    for chunk in chunks { filter.feed(chunk, into: &output, replies: &replies) }
    filter.finish(into: &output)
    return (output, replies)
}

func attachOutput(_ bytes: [UInt8]) -> [UInt8] { attachOutput([bytes[...]]).output }

func attachOutput(_ text: String) -> String {
    String(decoding: attachOutput(Array(text.utf8)), as: UTF8.self)
}

func plainOutput(_ chunks: [ArraySlice<UInt8>]) -> [UInt8] {
    var filter = PlainTextFilter()
    var output: [UInt8] = []
    for chunk in chunks { filter.feed(chunk, into: &output) }
    filter.finish(into: &output)
    return output
}

func plainOutput(_ bytes: [UInt8]) -> String { String(decoding: plainOutput([bytes[...]]), as: UTF8.self) }

func plainOutput(_ text: String) -> String { plainOutput(Array(text.utf8)) }

/// Every way to cut a stream in two, and the one of single bytes.
func everyCut(_ bytes: [UInt8]) -> [[ArraySlice<UInt8>]] {
    bytes.indices.map { [bytes[..<$0], bytes[$0...]] } + [bytes.indices.map { bytes[$0...$0] }]
}

/// SplitMix64: the same bytes in every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
