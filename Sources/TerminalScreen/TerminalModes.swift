// What programs switch at their terminal besides drawing: how keys and the mouse are reported, how the cursor looks.

/// The modes of a terminal.
package struct TerminalModes: Equatable, Sendable {
    /// Modes of `CSI ? h` that are on, of those that `AllowedSequences` lets through.
    ///
    /// Not the alternate screen, which is not a mode of the terminal here but another grid.
    package var on: Set<Int> = [7, 25]
    /// Insert mode.
    package var inserts = false
    /// The keypad sends sequences of its own (DECKPAM).
    package var applicationKeypad = false
    /// What `CSI > 4 ; N m` set last: xterm's modifyOtherKeys.
    package var modifyOtherKeys = 0
    /// The number of DECSCUSR.
    package var cursorShape = 0
    /// Flags of the kitty keyboard protocol, the last pushed last; of the main and of the alternate screen.
    package var keyboardFlags: [[Int]] = [[], []]

    /// Programs that push more than they pop make nothing grow.
    static let mostKeyboardFlags = 16

    /// Those that a program can switch here, in the order in which they are set.
    static let settable: [Int] = [
        1, 5, 7, 9, 12, 25, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 2004, 2026,
    ]
    /// Only one of these is on at a time: the last that was set.
    private static let exclusive: [Set<Int>] = [[9, 1000, 1002, 1003], [1005, 1006, 1015, 1016]]

    /// Cursor keys send `ESC O` instead of `ESC [` (DECCKM).
    package var applicationCursor: Bool { on.contains(1) }
    /// Pasted text stands between marks.
    package var bracketedPaste: Bool { on.contains(2004) }
    /// The cursor is shown.
    package var showsCursor: Bool { on.contains(25) }
    /// Lines that are too long go on in the next.
    private(set) var wraps = true

    mutating func set(_ mode: Int, _ isOn: Bool) {
        guard Self.settable.contains(mode) else { return }
        // Asked for with every run of text.
        if mode == 7 { wraps = isOn }
        if !isOn {
            on.remove(mode)
            return
        }
        if let others = Self.exclusive.first(where: { $0.contains(mode) }) { on.subtract(others) }
        on.insert(mode)
    }
}
