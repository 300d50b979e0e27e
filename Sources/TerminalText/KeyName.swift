// Keys by the names that tmux's `send-keys` gives them: `Enter`, `C-x`, `^x`, `M-Left`, `F5`. Used by `cloche keys`
// before anything is sent, and by the supervisor, which knows what the keys are as bytes (KeyEncoding.swift).

/// Keys held down with another.
package struct KeyModifiers: OptionSet, Hashable, Sendable {
    /// The sum, as xterm and the kitty protocol count them.
    package let rawValue: Int

    /// Modifiers by their sum.
    package init(rawValue: Int) { self.rawValue = rawValue }

    /// Shift.
    package static let shift = KeyModifiers(rawValue: 1)
    /// Alt, which tmux calls meta.
    package static let alt = KeyModifiers(rawValue: 2)
    /// Control.
    package static let control = KeyModifiers(rawValue: 4)
}

/// One press of a key.
package struct Key: Equatable, Sendable {
    /// What a key does.
    package enum Code: Equatable, Sendable {
        /// Types a character.
        case character(Unicode.Scalar)
        /// The keys that have a control byte.
        case enter, escape, tab, backspace
        /// Keys that move.
        case up, down, right, left, home, end, pageUp, pageDown
        /// The two above the arrows.
        case insert, delete
        /// `F1` to `F20`.
        case function(Int)
        /// A key of the number pad, by what is on it; `\r` is its enter key.
        case keypad(Unicode.Scalar)
    }

    /// The key.
    package var code: Code
    /// What is held down with it.
    package var modifiers: KeyModifiers

    /// A key, alone unless modifiers are given.
    package init(_ code: Code, _ modifiers: KeyModifiers = []) {
        self.code = code
        self.modifiers = modifiers
    }
}

/// One argument of `keys`: a key, or text that is typed as it stands.
package enum KeyWord: Equatable, Sendable {
    /// A press of this key.
    case key(Key)
    /// This text.
    case text(String)

    /// Reads a word as tmux does: what names no key is text.
    ///
    /// Only a word that begins with modifiers, has no white space and names no key is refused, as no person types
    /// `C-Entre` into a program.
    package init(_ word: String) throws(UnknownKey) {
        if let scalar = Self.number(word) {
            self = .key(Key(.character(scalar)))
            return
        }
        var rest = word.unicodeScalars[...]
        var modifiers: KeyModifiers = []
        var isNamed = false
        if rest.first == "^", rest.count > 1 {
            modifiers.insert(.control)
            rest.removeFirst()
        }
        while let first = rest.first, rest.dropFirst().first == "-", let modifier = Self.modifiers[first] {
            modifiers.insert(modifier)
            rest = rest.dropFirst(2)
            isNamed = true
        }
        if rest.isEmpty || (modifiers.isEmpty && rest.count == 1) {
            self = .text(word)
        } else if rest.count == 1, let only = rest.first, only.value >= 0x20, only.value != 0x7F {
            self = .key(Key(.character(only), modifiers))
        } else if let row = Self.named(String(rest)) {
            self = .key(Key(row.code, row.implied.union(modifiers)))
        } else if isNamed, !rest.contains(where: { $0.properties.isWhitespace || $0.value < 0x20 }) {
            throw UnknownKey(
                word: word,
                name: String(rest),
                prefix: String(word.unicodeScalars.dropLast(rest.count))
            )
        } else {
            self = .text(word)
        }
    }

    private static let modifiers: [Unicode.Scalar: KeyModifiers] = [
        "C": .control, "c": .control, "M": .alt, "m": .alt, "S": .shift, "s": .shift,
    ]

    /// The character of `0x41`.
    private static func number(_ word: String) -> Unicode.Scalar? {
        guard word.hasPrefix("0x"), word.utf8.count <= 8 else { return nil }
        let digits = word.dropFirst(2)
        // A sign is no digit.
        guard digits.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }) else {
            return nil
        }
        return UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init)
    }

    private static func named(_ name: String) -> (name: String, code: Key.Code, implied: KeyModifiers)? {
        let name = name.lowercased()
        return table.first { $0.name.lowercased() == name }
    }

    /// The names of all keys that have more than one character, as they are shown to people.
    package static var names: [String] { table.map(\.name) }

    /// Every name in every spelling that tmux knows.
    private static let table: [(name: String, code: Key.Code, implied: KeyModifiers)] = {
        let plain: [(String, Key.Code)] = [
            ("Enter", .enter), ("Escape", .escape), ("Tab", .tab), ("Space", .character(" ")),
            ("BSpace", .backspace), ("Up", .up), ("Down", .down), ("Left", .left), ("Right", .right),
            ("Home", .home), ("End", .end), ("PageUp", .pageUp), ("PPage", .pageUp), ("PgUp", .pageUp),
            ("PageDown", .pageDown), ("NPage", .pageDown), ("PgDn", .pageDown), ("Insert", .insert),
            ("IC", .insert), ("Delete", .delete), ("DC", .delete), ("KPEnter", .keypad("\r")),
        ]
        let functions = (1...20).map { ("F\($0)", Key.Code.function($0)) }
        let keypad = "0123456789*+-./".unicodeScalars.map { ("KP\($0)", Key.Code.keypad($0)) }
        return (plain + functions + keypad).map { ($0.0, $0.1, []) } + [("BTab", .tab, .shift)]
    }()
}

/// A word with modifiers before what is no key.
package struct UnknownKey: Error, Equatable, Sendable {
    /// The word as it was given.
    package let word: String
    /// What should be the name of a key.
    package let name: String
    /// The modifiers before it, as they were given.
    package let prefix: String
}
