// What a terminal sends for a key, as xterm does it, or as the kitty keyboard protocol has it where the program asked
// for that. The supervisor types these bytes into window 0 for `cloche keys`. The forms:
// https://invisible-island.net/xterm/ctlseqs/ctlseqs.html and https://sw.kovidgoyal.net/kitty/keyboard-protocol/.

/// What a program has asked its terminal to send for keys and pastes.
package struct KeyModes: Equatable, Sendable {
    /// Cursor keys as SS3: DECCKM, `CSI ? 1 h`.
    package var applicationCursor: Bool
    /// The number pad as SS3: DECNKM, `ESC =`.
    package var applicationKeypad: Bool
    /// Pastes between marks: `CSI ? 2004 h`.
    package var bracketedPaste: Bool
    /// The flags of the kitty keyboard protocol that are in force.
    package var kittyFlags: Int

    /// A terminal of which nothing was asked, unless something is given.
    package init(
        applicationCursor: Bool = false,
        applicationKeypad: Bool = false,
        bracketedPaste: Bool = false,
        kittyFlags: Int = 0
    ) {
        self.applicationCursor = applicationCursor
        self.applicationKeypad = applicationKeypad
        self.bracketedPaste = bracketedPaste
        self.kittyFlags = kittyFlags
    }

    /// Kitty's "disambiguate escape codes".
    fileprivate var disambiguates: Bool { kittyFlags & 1 != 0 }
    /// Kitty's "report all keys as escape codes".
    fileprivate var reportsAll: Bool { kittyFlags & 8 != 0 }
    fileprivate var isKitty: Bool { disambiguates || reportsAll }
}

extension Key {
    /// The bytes of a press; nil when the program's terminal has none for it with these modifiers.
    package func bytes(_ modes: KeyModes) -> [UInt8]? {
        if modes.isKitty { return kitty(modes) }
        switch code {
        case .character(let scalar): return character(scalar)
        case .enter: return meta([Byte.carriageReturn])
        case .escape: return meta([Byte.escape])
        case .tab: return shift ? meta(Self.sequence("Z"), allowing: .shift) : meta([Byte.tab])
        case .backspace where modifiers.contains(.control): return meta([Byte.backspace], allowing: .control)
        case .backspace: return meta([Byte.delete])
        case .keypad(let scalar):
            return meta(modes.applicationKeypad ? Self.keypadSequence(scalar) : Array(String(scalar).utf8))
        default: return special(modes)
        }
    }

    private var shift: Bool { modifiers.contains(.shift) }

    /// Alt is an escape before the bytes; any other modifier that they do not tell is lost on the program.
    private func meta(_ bytes: [UInt8], allowing told: KeyModifiers = []) -> [UInt8]? {
        guard modifiers.subtracting([.alt, told]).isEmpty else { return nil }
        return modifiers.contains(.alt) ? [Byte.escape] + bytes : bytes
    }

    private func character(_ scalar: Unicode.Scalar) -> [UInt8]? {
        if modifiers.contains(.control) {
            return Self.control(scalar).flatMap { meta([$0], allowing: .control) }
        }
        guard shift else { return meta(Array(String(scalar).utf8)) }
        // Which character shift makes of another than a letter is a matter of the keyboard.
        guard scalar.isASCII, scalar.properties.isAlphabetic else { return nil }
        return meta(Array(String(scalar).uppercased().utf8), allowing: .shift)
    }

    /// The byte of control and a character, xterm's digits included.
    private static func control(_ scalar: Unicode.Scalar) -> UInt8? {
        switch scalar {
        case "a"..."z", "A"..."Z", "@", "[", "\\", "]", "^", "_": UInt8(scalar.value & 0x1F)
        case " ", "2": 0
        case "3"..."7": UInt8(scalar.value - 0x33 + 0x1B)
        case "/", "-": 0x1F
        case "8", "?": Byte.delete
        default: nil
        }
    }

    // MARK: Keys without a character

    /// Cursor keys and the like: `CSI A`, `CSI 1;5A`, `SS3 A`, `CSI 15~`, `CSI 15;5~`.
    private func special(_ modes: KeyModes) -> [UInt8]? {
        if let letter = cursorLetter {
            if !modifiers.isEmpty { return Self.sequence("1;\(modifierNumber)\(letter)") }
            return modes.applicationCursor && !modes.isKitty
                ? Self.single(letter) : Self.sequence("\(letter)")
        }
        if case .function(let number) = code, let letter = Self.functionLetters[number], !modes.isKitty {
            return modifiers.isEmpty ? Self.single(letter) : Self.sequence("1;\(modifierNumber)\(letter)")
        }
        return tildeNumber.map { Self.sequence(modifiers.isEmpty ? "\($0)~" : "\($0);\(modifierNumber)~") }
    }

    private var modifierNumber: Int { modifiers.rawValue + 1 }

    private var cursorLetter: Character? {
        switch code {
        case .up: "A"
        case .down: "B"
        case .right: "C"
        case .left: "D"
        case .end: "F"
        case .home: "H"
        default: nil
        }
    }

    private static let functionLetters: [Int: Character] = [1: "P", 2: "Q", 3: "R", 4: "S"]
    /// The numbers of `F1` to `F20`, as the VT220 had them.
    private static let functionNumbers = [
        11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 23, 24, 25, 26, 28, 29, 31, 32, 33, 34,
    ]

    private var tildeNumber: Int? {
        switch code {
        case .insert: 2
        case .delete: 3
        case .pageUp: 5
        case .pageDown: 6
        case .function(let number): Self.functionNumbers[number - 1]
        default: nil
        }
    }

    private static func sequence(_ text: String) -> [UInt8] { [Byte.escape] + Array("[\(text)".utf8) }

    private static func single(_ letter: Character) -> [UInt8] { [Byte.escape] + Array("O\(letter)".utf8) }

    /// `SS3 p` for 0 and so on: the character of the key with bit 6 set; `SS3 M` for enter.
    private static func keypadSequence(_ scalar: Unicode.Scalar) -> [UInt8] {
        [Byte.escape, UInt8(ascii: "O"), UInt8(truncatingIfNeeded: scalar.value + 0x40)]
    }

    // MARK: The kitty protocol

    /// `CSI code;modifiers u` for what the old forms cannot tell apart, or for every key.
    private func kitty(_ modes: KeyModes) -> [UInt8]? {
        switch code {
        case .character(let scalar):
            if modifiers.subtracting(.shift).isEmpty, !modes.reportsAll {
                return shift && scalar != " " ? character(scalar) : Array(String(scalar).utf8)
            }
            let isUpper = scalar.properties.isUppercase
            let base = isUpper ? scalar.properties.lowercaseMapping.unicodeScalars.first ?? scalar : scalar
            // tmux's `C-X` is the same as `C-x`; alone, the letter needs the shift key.
            let implied: KeyModifiers = isUpper && !modifiers.contains(.control) ? .shift : []
            return Key(code, modifiers.union(implied)).unicode(Int(base.value))
        case .escape: return unicode(27)
        case .enter, .tab, .backspace:
            let number = code == .enter ? 13 : code == .tab ? 9 : 127
            return modifiers.isEmpty && !modes.reportsAll ? [UInt8(number)] : unicode(number)
        case .keypad(let scalar) where scalar != "\r" && modifiers.isEmpty && !modes.reportsAll:
            return Array(String(scalar).utf8)
        case .keypad(let scalar): return Self.kittyKeypad(scalar).map(unicode)
        case .function(let number):
            if 1...4 ~= number, number != 3, let letter = Self.functionLetters[number] {
                return Self.sequence(modifiers.isEmpty ? "\(letter)" : "1;\(modifierNumber)\(letter)")
            }
            return number > 12 ? unicode(57_363 + number) : special(modes)
        default: return special(modes)
        }
    }

    private func unicode(_ number: Int) -> [UInt8] {
        Self.sequence(modifiers.isEmpty ? "\(number)u" : "\(number);\(modifierNumber)u")
    }

    private static func kittyKeypad(_ scalar: Unicode.Scalar) -> Int? {
        switch scalar {
        case "0"..."9": 57_399 + Int(scalar.value - 0x30)
        case ".": 57_409
        case "/": 57_410
        case "*": 57_411
        case "-": 57_412
        case "+": 57_413
        case "\r": 57_414
        default: nil
        }
    }
}
