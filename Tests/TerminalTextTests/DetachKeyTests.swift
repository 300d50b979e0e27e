// The detach key: how it is written, and how it is found in what is typed.

import Testing

@testable import TerminalText

@Suite struct DetachKeyTests {
    @Test(
        arguments: [
            ("ctrl-]", [0x1D], "ctrl-]"), ("ctrl-] d", [0x1D, 0x64], "ctrl-] d"),
            ("ctrl-b,d", [0x02, 0x64], "ctrl-b d"),
            ("Ctrl-B , D", [0x02, 0x44], "ctrl-b D"), ("^]d", nil, ""), ("^] d", [0x1D, 0x64], "ctrl-] d"),
            ("none", [], "none"),
            ("ctrl-p ctrl-q", [0x10, 0x11], "ctrl-p ctrl-q"),
            ("ctrl-space space", [0x00, 0x20], "ctrl-@ space"),
            ("ctrl-\\", [0x1C], "ctrl-\\"), ("ctrl-^ ^", [0x1E, 0x5E], "ctrl-^ ^"),
            ("ctrl+a d", [0x01, 0x64], "ctrl-a d"),
        ] as [(String, [UInt8]?, String)]
    )
    func parses(_ text: String, _ keys: [UInt8]?, _ name: String) throws {
        guard let keys else {
            #expect(throws: DetachKeyError.self) { try DetachKey(text) }
            return
        }
        let key = try DetachKey(text)
        #expect(key.keys == keys)
        #expect(key.description == name)
        #expect(try DetachKey(key.description) == key)
    }

    @Test func theDefaultIsWhatItSays() throws {
        #expect(try DetachKey("ctrl-] d") == .standard)
        #expect(DetachKey.standard.description == "ctrl-] d")
    }

    @Test(
        arguments: [
            ("", "", "it is empty"), (" , ", "", "it is empty"),
            ("ctrl-]]", "ctrl-]]", "'ctrl-]]' is no key"),
            ("ctrl-ä", "ctrl-ä", "'ctrl-ä' is no key"), ("ctrl-] dd", "dd", "'dd' is no key"),
            ("ctrl-1 d", "ctrl-1", "'ctrl-1' is no key"),
            ("ctrl-a b c", "c", "'c' is one key too many"), ("d", "d", "'d' comes first and is no ctrl- key"),
            ("ctrl-[ d", "ctrl-[", "'ctrl-[' is what terminals send for Escape"),
            ("ctrl-i", "ctrl-i", "for Tab"),
            ("^m d", "^m", "for Enter"),
            ("none d", "none", "'none' is no key"), ("f12", "f12", "'f12' is no key"),
            ("\u{1B}[x", "\u{1B}[x", "'\\u{1B}[x' is no key"),
        ] as [(Stream, Stream, String)]
    )
    func errorsNameThePart(_ stream: Stream, _ part: Stream, _ why: String) throws {
        let text = stream.text
        let error = try #require(throws: DetachKeyError.self) { try DetachKey(text) }
        #expect(error.part == part.text)
        #expect(error.description.contains(why))
        #expect(error.description.hasPrefix("detach key '\(visible(text))' cannot be used: "))
        #expect(error.description.hasSuffix("; write for example 'ctrl-] d', or 'none'"))
    }

    /// Reads are separated by `|`.
    @Test(
        arguments: [
            ("ls\r", "ls\r", false), ("\u{1D}d", "", true), ("a\u{1D}dx", "a", true), ("\u{1D}|d", "", true),
            ("\u{1D}|\u{1D}d", "\u{1D}d", false),
            ("\u{1D}\u{1D}\u{1D}d", "\u{1D}", true), ("\u{1D}x", "\u{1D}x", false),
            ("\u{1D}xd", "\u{1D}xd", false), ("\u{1D}", "", false),
            ("\u{1D}D", "\u{1D}D", false), ("\u{1D}ü", "\u{1D}ü", false), ("ü日\u{1D}d", "ü日", true),
            // Escape and alt-keys go on at once, arrow keys whole.
            ("\u{1B}", "\u{1B}", false), ("\u{1B}|x", "\u{1B}x", false), ("\u{1B}[", "\u{1B}[", false),
            ("\u{1B}[A", "\u{1B}[A", false),
            ("\u{1B}[1;5|A", "\u{1B}[1;5A", false), ("\u{1B}\u{1D}d", "\u{1B}", true),
            ("\u{1D}\u{1B}[A", "\u{1D}\u{1B}[A", false),
            ("\u{1D}\u{1B}", "\u{1D}\u{1B}", false), ("\u{1B}OPd", "\u{1B}OPd", false),
            ("\u{1B}[1\u{1D}d", "\u{1B}[1\u{1D}d", false),
            // The kitty protocol, with and without event types and locks.
            ("\u{1B}[93;5ud", "", true), ("\u{1B}[93;|5u|d", "", true),
            ("\u{1B}[93;5u\u{1B}[93;5u", "\u{1B}[93;5u", false),
            ("\u{1B}[93;5:1u\u{1B}[93;5:3u\u{1B}[100u", "\u{1B}[93;5:3u", true),
            ("\u{1B}[93;69u\u{1B}[100;65;100u", "", true),
            ("\u{1B}[93;5u\u{1B}[57442;1:3ud", "\u{1B}[57442;1:3u", true),
            ("\u{1B}[93;5ux", "\u{1B}[93;5ux", false),
            ("\u{1B}[93u", "\u{1B}[93u", false), ("\u{1B}[93;6ud", "\u{1B}[93;6ud", false),
            ("\u{1B}[1098::93;5ud", "", true),
            ("\u{1B}[93;5:3ud", "\u{1B}[93;5:3ud", false),
            ("\u{1B}[93;5u\u{1B}[1;1:3A\u{1B}[A", "\u{1B}[1;1:3A\u{1B}[93;5u\u{1B}[A", false),
            // modifyOtherKeys.
            ("\u{1B}[27;5;93~d", "", true), ("\u{1B}[27;5;93~x", "\u{1B}[27;5;93~x", false),
            ("\u{1B}[3~", "\u{1B}[3~", false),
            // Mouse and focus do not come between the two keys.
            ("\u{1D}\u{1B}[<35;1;1M|d", "\u{1B}[<35;1;1M", true),
            ("\u{1D}\u{1B}[I\u{1B}[Od", "\u{1B}[I\u{1B}[O", true),
            ("\u{1D}\u{1B}[M d!d", "\u{1B}[M d!", true),
        ] as [(Stream, Stream, Bool)]
    )
    func matches(_ typed: Stream, _ forward: Stream, _ detaches: Bool) {
        var matcher = DetachKeyMatcher(.standard)
        var all = DetachKeyMatcher.Outcome()
        for part in typed.text.split(separator: "|") where !all.detaches {
            let outcome = matcher.feed(Array(part.utf8))
            all.forward += outcome.forward
            all.detaches = outcome.detaches
        }
        #expect(String(decoding: all.forward, as: UTF8.self) == forward.text)
        #expect(all.detaches == detaches)
    }

    @Test func otherKeys() throws {
        var single = DetachKeyMatcher(try DetachKey("ctrl-]"))
        #expect(single.feed(Array("ab\u{1D}c".utf8)) == .init(forward: Array("ab".utf8), detaches: true))
        var none = DetachKeyMatcher(.none)
        #expect(
            none.feed(Array("\u{1D}d\u{1B}[".utf8))
                == .init(forward: Array("\u{1D}d\u{1B}[".utf8), detaches: false)
        )
        var twice = DetachKeyMatcher(try DetachKey("ctrl-a ctrl-a"))
        #expect(twice.feed([1, 1]) == .init(forward: [], detaches: true))
        var shifted = DetachKeyMatcher(try DetachKey("ctrl-^ D"))
        #expect(shifted.feed(Array("\u{1B}[54;6u\u{1B}[100;2u".utf8)) == .init(forward: [], detaches: true))
    }

    @Test func longSequencesPass() {
        let text = "\u{1B}[" + String(repeating: "1;", count: 500) + "u"
        var matcher = DetachKeyMatcher(.standard)
        #expect(matcher.feed(Array(text.utf8)) == .init(forward: Array(text.utf8), detaches: false))
    }
}
