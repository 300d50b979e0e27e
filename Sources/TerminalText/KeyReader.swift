// What a person's terminal sends, read as keys, movements of the mouse (SGR, 1006) and pasted text, in pieces that may
// end anywhere. For Cloche's own full-screen views; what is typed to an agent passes as bytes.
//
// Invariants: nothing but the limits below is kept; feeding in pieces gives what feeding at once gives, pastes in
// pieces of their own apart.

/// What a person did.
package enum InputEvent: Equatable, Sendable {
    /// A key was pressed.
    case key(Key)
    /// The mouse was used.
    case mouse(MouseEvent)
    /// Text, or a piece of it, was pasted.
    case paste(String)
}

/// A use of the mouse.
package struct MouseEvent: Equatable, Sendable {
    /// What was done.
    package enum Kind: Equatable, Sendable {
        /// The left button went down.
        case press
        /// The wheel was turned, away from the person or towards.
        case wheelUp, wheelDown
        /// Anything else.
        case other
    }

    /// What was done.
    package var kind: Kind
    /// From 0.
    package var row: Int
    /// From 0.
    package var column: Int

    /// A use of the mouse.
    package init(_ kind: Kind, row: Int, column: Int) {
        (self.kind, self.row, self.column) = (kind, row, column)
    }
}

/// Reads keys.
package struct KeyReader: Sendable {
    private enum State: Sendable {
        case ground
        case escape
        /// Behind `ESC O`.
        case shift
        /// Behind `ESC [`.
        case sequence
        case paste
    }

    /// A sequence that is longer is passed over.
    static let longestSequence = 64
    /// After so many milliseconds without a byte, ESC is the key, and a paste without its end is over.
    package static let escapePatience: Int64 = 50
    /// See `escapePatience`.
    package static let pastePatience: Int64 = 1000

    private static let pasteEnd = Array("\u{1B}[201~".utf8)

    private var state = State.ground
    private var parameters: [UInt8] = []
    private var decoder = UTF8Decoder()
    /// The character that is read has ESC before it.
    private var isAlt = false
    private var pasted = String.UnicodeScalarView()
    /// How much of the end of a paste was read.
    private var matched = 0

    /// A reader at the start.
    package init() {}

    /// Reads the next bytes.
    package mutating func feed(_ bytes: [UInt8]) -> [InputEvent] {
        var events: [InputEvent] = []
        for byte in bytes { take(byte, &events) }
        flush(&events)
        return events
    }

    /// How long silence has to last before `silence` has something to say; nil when it never will.
    package var patience: Int64? {
        switch state {
        case .ground: decoder.isPending ? Self.escapePatience : nil
        case .escape, .shift, .sequence: Self.escapePatience
        case .paste: Self.pastePatience
        }
    }

    /// What it means that for so long nothing came.
    package mutating func silence(_ milliseconds: Int64) -> [InputEvent] {
        guard let patience, milliseconds >= patience else { return [] }
        var events: [InputEvent] = []
        if state == .escape { events.append(.key(Key(.escape))) }
        if decoder.isPending { decoder.reset() }
        if state == .shift { events.append(.key(Key(.character("O"), .alt))) }
        if state == .sequence && parameters.isEmpty { events.append(.key(Key(.character("["), .alt))) }
        flush(&events)
        state = .ground
        (matched, isAlt) = (0, false)
        return events
    }

    private mutating func flush(_ events: inout [InputEvent]) {
        guard !pasted.isEmpty else { return }
        events.append(.paste(String(pasted)))
        pasted = String.UnicodeScalarView()
    }

    // MARK: One byte

    private mutating func take(_ byte: UInt8, _ events: inout [InputEvent]) {
        switch state {
        case .ground: takeGround(byte, &events)
        case .escape: takeAfterEscape(byte, &events)
        case .shift:
            state = .ground
            if let code = Self.final(byte) { events.append(.key(Key(code))) }
            if byte == Byte.escape { state = .escape }
        case .sequence: takeInSequence(byte, &events)
        case .paste:
            takeInPaste(byte)
            // Before the keys that follow.
            if state == .ground { flush(&events) }
        }
    }

    private mutating func takeGround(_ byte: UInt8, _ events: inout [InputEvent]) {
        if decoder.isPending || byte >= 0x80 {
            switch decoder.take(byte) {
            case .incomplete, .broken: return
            case .brokenBefore: return takeGround(byte, &events)
            case .scalar(let scalar): return type(.character(scalar), &events)
            }
        }
        switch byte {
        case Byte.escape:
            if isAlt { events.append(.key(Key(.escape))) }
            isAlt = false
            state = .escape
        case Byte.carriageReturn: type(.enter, &events)
        case Byte.tab: type(.tab, &events)
        case Byte.delete, Byte.backspace: type(.backspace, &events)
        case 0x01...0x1A: type(.character(Unicode.Scalar(byte | 0x60)), &events, .control)
        case 0x00: type(.character(" "), &events, .control)
        case 0x1C...0x1F: type(.character(Unicode.Scalar(byte | 0x40)), &events, .control)
        default: type(.character(Unicode.Scalar(byte)), &events)
        }
    }

    private mutating func type(
        _ code: Key.Code,
        _ events: inout [InputEvent],
        _ modifiers: KeyModifiers = []
    ) {
        events.append(.key(Key(code, isAlt ? modifiers.union(.alt) : modifiers)))
        isAlt = false
    }

    private mutating func takeAfterEscape(_ byte: UInt8, _ events: inout [InputEvent]) {
        switch byte {
        case UInt8(ascii: "["):
            state = .sequence
            parameters.removeAll(keepingCapacity: true)
        case UInt8(ascii: "O"): state = .shift
        case Byte.escape: events.append(.key(Key(.escape)))
        default:
            state = .ground
            isAlt = true
            takeGround(byte, &events)
        }
    }

    private mutating func takeInSequence(_ byte: UInt8, _ events: inout [InputEvent]) {
        switch byte {
        case 0x20...0x3F:
            if parameters.count < Self.longestSequence { parameters.append(byte) }
        case 0x40...0x7E:
            state = .ground
            if parameters.count < Self.longestSequence { end(byte, &events) }
        case Byte.escape: state = .escape
        default: state = .ground
        }
    }

    private mutating func takeInPaste(_ byte: UInt8) {
        if byte == Self.pasteEnd[matched] {
            matched += 1
            guard matched == Self.pasteEnd.count else { return }
            matched = 0
            decoder.reset()
            state = .ground
            return
        }
        let before = Self.pasteEnd.prefix(matched)
        matched = 0
        for byte in before { decode(byte) }
        if byte == Self.pasteEnd[0] { matched = 1 } else { decode(byte) }
    }

    private mutating func decode(_ byte: UInt8) {
        switch decoder.take(byte) {
        case .incomplete: break
        case .scalar(let scalar): pasted.append(scalar)
        case .broken: pasted.append("\u{FFFD}")
        case .brokenBefore:
            pasted.append("\u{FFFD}")
            decode(byte)
        }
    }

    // MARK: Sequences

    private mutating func end(_ final: UInt8, _ events: inout [InputEvent]) {
        if parameters.first == UInt8(ascii: "<") {
            if let event = Self.mouse(parameters.dropFirst(), final) { events.append(.mouse(event)) }
            return
        }
        let numbers = Self.numbers(parameters[...])
        let modifiers = KeyModifiers(rawValue: max(0, (numbers.dropFirst().first ?? 1) - 1) & 7)
        if final == UInt8(ascii: "~") {
            if numbers.first == 200 {
                state = .paste
                matched = 0
            } else if let code = Self.numbered(numbers.first ?? 0) {
                events.append(.key(Key(code, modifiers)))
            }
        } else if final == UInt8(ascii: "Z") {
            events.append(.key(Key(.tab, .shift)))
        } else if let code = Self.final(final) {
            events.append(.key(Key(code, modifiers)))
        }
    }

    private static func final(_ byte: UInt8) -> Key.Code? {
        switch Unicode.Scalar(byte) {
        case "A": .up
        case "B": .down
        case "C": .right
        case "D": .left
        case "H": .home
        case "F": .end
        case "M": .keypad("\r")
        case "P", "Q", "R", "S": .function(Int(byte) - 0x4F)
        default: nil
        }
    }

    private static func numbered(_ number: Int) -> Key.Code? {
        switch number {
        case 1, 7: .home
        case 2: .insert
        case 3: .delete
        case 4, 8: .end
        case 5: .pageUp
        case 6: .pageDown
        case 11...15: .function(number - 10)
        case 17...21: .function(number - 11)
        case 23...24: .function(number - 12)
        default: nil
        }
    }

    /// `CSI < BUTTON ; COLUMN ; ROW M`, and `m` for the release.
    private static func mouse(_ parameters: ArraySlice<UInt8>, _ final: UInt8) -> MouseEvent? {
        let numbers = numbers(parameters)
        guard numbers.count == 3, numbers[1] > 0, numbers[2] > 0,
            final == UInt8(ascii: "M") || final == UInt8(ascii: "m")
        else { return nil }
        // Shift, alt and control do not matter.
        let kind: MouseEvent.Kind =
            switch (numbers[0] & ~0x1C, final) {
            case (0, UInt8(ascii: "M")): .press
            case (64, UInt8(ascii: "M")): .wheelUp
            case (65, UInt8(ascii: "M")): .wheelDown
            default: .other
            }
        return MouseEvent(kind, row: numbers[2] - 1, column: numbers[1] - 1)
    }

    private static func numbers(_ bytes: ArraySlice<UInt8>) -> [Int] {
        bytes.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map { digits in
            digits.reduce(0) { sum, digit in
                0x30...0x39 ~= digit ? min(99_999, sum * 10 + Int(digit - 0x30)) : sum
            }
        }
    }
}
