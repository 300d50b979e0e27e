// The allow-list of `AttachFilter`, as data: what a full-screen program needs to draw and to read keys.
// Whatever is not named here is dropped. A line is added only for a sequence that makes the terminal send
// nothing by itself, writes nothing outside its screen, and is undone by `AttachFilter.reset`.

/// What a sequence's parameters must be for it to pass.
enum SequenceRule: UInt8, Sendable {
    /// The sequence is dropped.
    case drop
    /// Numbers separated by `;`.
    case numbers
    /// Numbers with `;` and `:`, as in `4:3`.
    case subnumbers
    /// At most one number: with more, the same final byte means something else.
    case oneNumber
    /// None: with any, the same final byte means something else.
    case noNumbers
    /// Those modes of `AllowedSequences.modes` that are listed.
    case modes
    /// Those modes of `AllowedSequences.privateModes` that are listed.
    case privateModes
    /// Resource 4 only, `modifyOtherKeys`.
    case modifyOtherKeys
}

/// The tables of sequences that pass.
enum AllowedSequences {
    private typealias Row = (
        prefix: Unicode.Scalar?, intermediate: Unicode.Scalar?, finals: String, rule: SequenceRule
    )

    /// CSI sequences.
    private static let rows: [Row] = [
        // Cursor moves: CUU CUD CUF CUB CNL CPL CHA CUP CHT CBT HPA HPR VPA VPR HVP.
        (nil, nil, "ABCDEFGHIZ`adef", .numbers),
        // Erase, insert, delete, scroll up, repeat: ED EL ICH IL DL DCH ECH SU REP.
        (nil, nil, "JK@LMPXSb", .numbers),
        // Selective erase: DECSED DECSEL.
        ("?", nil, "JK", .numbers),
        // Scroll down; with five parameters it would start highlight tracking of the mouse.
        (nil, nil, "T", .oneNumber),
        // Insert and delete columns: DECIC DECDC.
        (nil, "'", "}~", .numbers),
        // Tab stops, scroll region: TBC DECSTBM.
        (nil, nil, "gr", .numbers),
        // Save and restore the cursor; with parameters `s` would set side margins.
        (nil, nil, "su", .noNumbers),
        // Colours and attributes: SGR.
        (nil, nil, "m", .subnumbers),
        (nil, nil, "hl", .modes),
        ("?", nil, "hl", .privateModes),
        // Cursor shape, soft reset: DECSCUSR DECSTR.
        (nil, " ", "q", .oneNumber),
        (nil, "!", "p", .noNumbers),
        // Keyboard: push, pop and set of the kitty protocol, `modifyOtherKeys` of xterm.
        (">", nil, "u", .oneNumber),
        ("<", nil, "u", .oneNumber),
        ("=", nil, "u", .numbers),
        (">", nil, "m", .modifyOtherKeys),
    ]

    /// Modes of `CSI h` and `CSI l`.
    ///
    /// Insert mode; not 2, which locks the keyboard.
    static let modes: Set<Int> = [4]

    /// Modes of `CSI ? h` and `CSI ? l`.
    ///
    /// Left out, among others: 3 (resizes the window), 1001 (hangs the terminal until answered), 2031 and
    /// 2048 (reports unasked), 6 and 69 (cannot be undone without moving the cursor).
    static let privateModes: Set<Int> = [
        1,  // cursor keys
        5,  // reverse video
        7,  // line wrap
        9, 1000, 1002, 1003,  // mouse
        1005, 1006, 1015, 1016,  // forms of its reports
        12, 25,  // cursor blink, cursor shown
        47, 1047, 1048, 1049,  // alternate screen
        1004,  // focus events
        2004,  // bracketed paste
        2026,  // synchronized output
    ]

    /// Those of `privateModes` that are about drawing, and not about what the terminal sends.
    static let drawingModes = privateModes.subtracting([
        1, 9, 1000, 1002, 1003, 1005, 1006, 1015, 1016, 1004, 2004,
    ])

    /// Finals of ESC sequences that change what keys send: DECKPAM DECKPNM.
    static let keypadEscapes: [UInt8] = [UInt8(ascii: "="), UInt8(ascii: ">")]

    /// ESC sequences without an intermediate byte: DECSC DECRC DECKPAM DECKPNM RIS IND NEL HTS RI SS2 SS3.
    private static let escapes = "78=>cDEHMNO"

    /// ESC sequences with one: character sets into G0-G3, line attributes and DECALN.
    ///
    /// Not `%`: it would switch UTF-8 off, and parts of characters would become C1 controls.
    private static let intermediateEscapes: [(intermediates: String, finals: String)] = [
        ("()*+", "0AB12"),
        ("#", "34568"),
    ]

    /// Whether an ESC sequence passes.
    static func allowsEscape(_ final: UInt8, intermediate: UInt8) -> Bool {
        if intermediate == 0 { return escapes.utf8.contains(final) }
        return intermediateEscapes.contains {
            $0.intermediates.utf8.contains(intermediate) && $0.finals.utf8.contains(final)
        }
    }

    /// The rules by `index`: filters look one up per sequence.
    static let rules: [SequenceRule] = {
        var rules = [SequenceRule](repeating: .drop, count: index(UInt8(ascii: "?"), 0x2F, 0x7F) + 1)
        for row in rows {
            let prefix = row.prefix.map { UInt8(ascii: $0) } ?? 0
            let intermediate = row.intermediate.map { UInt8(ascii: $0) } ?? 0
            for final in row.finals.utf8 { rules[index(prefix, intermediate, final)] = row.rule }
        }
        return rules
    }()

    /// The place of a CSI sequence in `rules`; the parser hands over no bytes outside these ranges.
    static func index(_ prefix: UInt8, _ intermediate: UInt8, _ final: UInt8) -> Int {
        let prefixes = prefix == 0 ? 0 : Int(prefix) - 0x3B
        let intermediates = intermediate == 0 ? 0 : Int(intermediate) - 0x1F
        return (prefixes * 17 + intermediates) * 64 + Int(final) - 0x40
    }
}
