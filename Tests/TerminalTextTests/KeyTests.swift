// Keys by their tmux names, and what a terminal sends for them. The bytes of `plain` are what tmux 3.3a sends for
// `send-keys`, but for Home, End and KPEnter, where tmux has those of its own terminal type.

import Testing

@testable import TerminalText

@Suite struct KeyTests {
    private func bytes(_ word: String, _ modes: KeyModes = KeyModes()) throws -> String? {
        switch try KeyWord(word) {
        case .text(let text): return text
        case .key(let key): return key.bytes(modes).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    static let plain: [(String, String)] = [
        ("Enter", "\r"), ("enter", "\r"), ("ENTER", "\r"), ("Escape", "\u{1B}"), ("Tab", "\t"),
        ("Space", " "),
        ("BTab", "\u{1B}[Z"), ("BSpace", "\u{7F}"), ("Up", "\u{1B}[A"), ("Down", "\u{1B}[B"),
        ("Right", "\u{1B}[C"), ("Left", "\u{1B}[D"), ("Home", "\u{1B}[H"), ("End", "\u{1B}[F"),
        ("PageUp", "\u{1B}[5~"), ("PPage", "\u{1B}[5~"), ("PgUp", "\u{1B}[5~"), ("PageDown", "\u{1B}[6~"),
        ("NPage", "\u{1B}[6~"), ("PgDn", "\u{1B}[6~"), ("IC", "\u{1B}[2~"), ("Insert", "\u{1B}[2~"),
        ("DC", "\u{1B}[3~"), ("Delete", "\u{1B}[3~"), ("F1", "\u{1B}OP"), ("F4", "\u{1B}OS"),
        ("F5", "\u{1B}[15~"), ("F6", "\u{1B}[17~"), ("F12", "\u{1B}[24~"), ("F20", "\u{1B}[34~"),
        ("KP0", "0"), ("KP*", "*"), ("KPEnter", "\r"),
        ("C-x", "\u{18}"), ("^x", "\u{18}"), ("C-X", "\u{18}"), ("c-x", "\u{18}"), ("C-@", "\0"),
        ("C-Space", "\0"), ("C-[", "\u{1B}"), ("^[", "\u{1B}"), ("C-]", "\u{1D}"), ("C-\\", "\u{1C}"),
        ("C-^", "\u{1E}"), ("C-_", "\u{1F}"), ("C-/", "\u{1F}"), ("C--", "\u{1F}"), ("C-?", "\u{7F}"),
        ("C-2", "\0"), ("C-3", "\u{1B}"), ("C-6", "\u{1E}"), ("C-7", "\u{1F}"), ("C-8", "\u{7F}"),
        ("M-x", "\u{1B}x"), ("M-X", "\u{1B}X"), ("C-M-x", "\u{1B}\u{18}"), ("M-é", "\u{1B}é"),
        ("M-Space", "\u{1B} "), ("M-Enter", "\u{1B}\r"), ("M-Tab", "\u{1B}\t"), ("M-BSpace", "\u{1B}\u{7F}"),
        ("M-Escape", "\u{1B}\u{1B}"), ("M-[", "\u{1B}["), ("C-M-@", "\u{1B}\0"), ("C-BSpace", "\u{8}"),
        ("S-x", "X"), ("S-Tab", "\u{1B}[Z"), ("S-BTab", "\u{1B}[Z"), ("M-BTab", "\u{1B}\u{1B}[Z"),
        ("S-Up", "\u{1B}[1;2A"), ("M-Left", "\u{1B}[1;3D"), ("C-Left", "\u{1B}[1;5D"), ("^Up", "\u{1B}[1;5A"),
        ("C-S-Right", "\u{1B}[1;6C"), ("C-M-Up", "\u{1B}[1;7A"), ("C-Home", "\u{1B}[1;5H"),
        ("C-M-S-End", "\u{1B}[1;8F"), ("S-F1", "\u{1B}[1;2P"), ("C-F5", "\u{1B}[15;5~"),
        ("M-F1", "\u{1B}[1;3P"),
        ("S-DC", "\u{1B}[3;2~"), ("C-PPage", "\u{1B}[5;5~"),
        ("0x41", "A"), ("0xe9", "é"), ("0x0a", "\n"),
    ]

    @Test(arguments: plain) func sendsAsTmux(_ word: String, _ expected: String) throws {
        guard case .key = try KeyWord(word) else {
            Issue.record("\(word) is text")
            return
        }
        #expect(try bytes(word) == expected)
    }

    @Test(arguments: [
        "", "a", "é", "^", "-", "hello", "Entr", "^Foo", "None", "C-", "X-y", "--", "a-b", "M-x to the end",
        "0x",
        "0x+41", "0xd800", "0x110000", "0xFFFFFFF", "F21", "F0", "C", "\u{3}", "C-\u{3}", "two words",
        "Enter ",
    ])
    func isText(_ word: String) throws { #expect(try KeyWord(word) == .text(word)) }

    @Test(arguments: [
        ("C-Foo", "Foo", "C-"), ("M-hello", "hello", "M-"), ("C-M-Entre", "Entre", "C-M-"),
        ("^C-Foo", "Foo", "^C-"),
        ("S-F21", "F21", "S-"),
    ])
    func refusesModifiersOfNoKey(_ word: String, _ name: String, _ prefix: String) {
        #expect(throws: UnknownKey(word: word, name: name, prefix: prefix)) { try KeyWord(word) }
    }

    /// A modifier that the bytes do not tell would be lost on the program.
    @Test(arguments: [
        "C-Enter", "S-Enter", "C-Tab", "S-Space", "C-;", "C-é", "C-S-x", "S-Escape", "C-KP0",
    ])
    func hasNoBytes(_ word: String) throws {
        #expect(try bytes(word) == nil)
        #expect(try bytes(word, KeyModes(kittyFlags: 1)) != nil)
    }

    @Test(arguments: [
        ("Up", "\u{1B}OA"), ("Home", "\u{1B}OH"), ("C-Up", "\u{1B}[1;5A"), ("PageUp", "\u{1B}[5~"),
        ("KP0", "\u{1B}Op"), ("KP*", "\u{1B}Oj"), ("KP.", "\u{1B}On"), ("KPEnter", "\u{1B}OM"),
        ("M-KP1", "\u{1B}\u{1B}Oq"), ("x", "x"),
    ])
    func followsApplicationModes(_ word: String, _ expected: String) throws {
        #expect(try bytes(word, KeyModes(applicationCursor: true, applicationKeypad: true)) == expected)
    }

    static let kitty: [(String, Int, String)] = [
        ("Escape", 1, "\u{1B}[27u"), ("Enter", 1, "\r"), ("Enter", 8, "\u{1B}[13u"),
        ("S-Enter", 1, "\u{1B}[13;2u"),
        ("Tab", 1, "\t"), ("BTab", 1, "\u{1B}[9;2u"), ("BSpace", 1, "\u{7F}"), ("C-x", 1, "\u{1B}[120;5u"),
        ("C-X", 1, "\u{1B}[120;5u"), ("C-S-x", 1, "\u{1B}[120;6u"), ("M-X", 1, "\u{1B}[120;4u"),
        ("C-;", 1, "\u{1B}[59;5u"), ("S-x", 1, "X"), ("Space", 1, " "), ("S-Space", 1, " "),
        ("S-x", 8, "\u{1B}[120;2u"), ("Space", 8, "\u{1B}[32u"), ("Up", 1, "\u{1B}[A"),
        ("C-Up", 1, "\u{1B}[1;5A"),
        ("F1", 1, "\u{1B}[P"), ("F3", 1, "\u{1B}[13~"), ("C-F3", 1, "\u{1B}[13;5~"), ("F12", 1, "\u{1B}[24~"),
        ("F13", 1, "\u{1B}[57376u"), ("KP0", 1, "0"), ("KP0", 8, "\u{1B}[57399u"),
        ("KPEnter", 1, "\u{1B}[57414u"),
        ("Up", 2, "\u{1B}OA"),
    ]

    @Test(arguments: kitty) func followsTheKittyProtocol(_ word: String, _ flags: Int, _ expected: String)
        throws
    {
        #expect(try bytes(word, KeyModes(applicationCursor: true, kittyFlags: flags)) == expected)
    }

    /// Which character it is depends on the keyboard.
    @Test func shiftAndADigitIsNoCharacter() throws {
        for flags in [0, 1] { #expect(try bytes("S-1", KeyModes(kittyFlags: flags)) == nil) }
        #expect(try bytes("S-1", KeyModes(kittyFlags: 8)) == "\u{1B}[49;2u")
    }

    /// What is sent can be told from other keys by those who read it: the detach key's reader is one.
    @Test func kittyKeysAreReadBack() throws {
        let sequence = try #require(try bytes("C-]", KeyModes(kittyFlags: 1)))
        #expect(TypedKey(sequence: Array(sequence.utf8.dropFirst(2))[...]) == .byte(0x1D))
    }

    @Test func everyNameIsAKey() throws {
        for name in KeyWord.names {
            guard case .key(let key) = try KeyWord(name) else {
                Issue.record("\(name) is text")
                continue
            }
            #expect(key.bytes(KeyModes())?.isEmpty == false, "\(name)")
            #expect(key.bytes(KeyModes(kittyFlags: 9))?.isEmpty == false, "\(name)")
        }
    }
}

@Suite struct TypedMessageTests {
    private static let pastes = KeyModes(bracketedPaste: true)

    private func typed(_ text: String, _ modes: KeyModes) throws -> String {
        String(decoding: try TypedMessage(text).bytes(modes), as: UTF8.self)
    }

    @Test func isAPasteWhereThatIsTaken() throws {
        #expect(try typed("a\n\tb\r\nü\n\n", Self.pastes) == "\u{1B}[200~a\r\tb\rü\u{1B}[201~")
        #expect(try typed("one", Self.pastes) == "\u{1B}[200~one\u{1B}[201~")
    }

    @Test func isOneLineWhereItIsNot() throws {
        #expect(try typed("a\n\tb\r\nü\n\n", KeyModes()) == "a  b ü")
        #expect(try TypedMessage("a\nb\n").lines == 2)
    }

    @Test(
        arguments: [
            ("x\u{1B}[201~rm", "\u{1B}", 1), ("a\nb\u{3}", "\u{3}", 2), ("a\rb", "\r", 1), ("a\r", "\r", 1),
            ("\r\r\n", "\r", 1), ("a\0", "\0", 1), ("\u{7F}", "\u{7F}", 1), ("\n\n\u{9B}201~", "\u{9B}", 3),
        ] as [(String, Unicode.Scalar, Int)]
    )
    func refusesKeys(_ text: String, _ scalar: Unicode.Scalar, _ line: Int) {
        #expect(throws: MessageProblem.control(scalar, line: line)) { try TypedMessage(text) }
    }

    @Test(arguments: ["", "\n", " \t\r\n"]) func refusesNothing(_ text: String) {
        #expect(throws: MessageProblem.empty) { try TypedMessage(text) }
    }
}
