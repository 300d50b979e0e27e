// Looks for the detach key in what the user types while attached. Everything else goes on to the agent
// byte by byte as it was typed. Used by `attach`, `run` and `exec` with a terminal. Invariants: it holds
// back a prefix key and an unfinished CSI sequence, never more; a lone Escape is passed on at once.

/// Splits typed bytes into those for the agent and the wish to detach.
package struct DetachKeyMatcher: Sendable {
    /// What came of some typed bytes.
    package struct Outcome: Equatable, Sendable {
        /// What to write to the agent.
        package var forward: [UInt8] = []
        /// Whether the user asked to leave; what they typed after that is dropped.
        package var detaches = false
    }

    /// A longer CSI sequence is passed on unread.
    private static let longestSequence = 64

    private let keys: [UInt8]
    /// The prefix key as it was typed, while the second key is awaited.
    private var prefix: [UInt8] = []
    /// An unfinished escape sequence.
    private var sequence: [UInt8] = []
    /// How many bytes of an old mouse report, `CSI M` and three bytes, are still to come.
    private var mouseBytes = 0

    /// A matcher at the start of an attachment.
    package init(_ key: DetachKey) { keys = key.keys }

    /// Takes the bytes of one read from the terminal.
    ///
    /// A sequence may be cut by the end of a read, except right after `ESC` or `ESC [`: there the read
    /// counts as a key, since Escape and alt-[ send just that.
    package mutating func feed(_ typed: ArraySlice<UInt8>) -> Outcome {
        var outcome = Outcome()
        guard !keys.isEmpty else {
            outcome.forward = Array(typed)
            return outcome
        }
        for byte in typed where !outcome.detaches { take(byte, &outcome) }
        if outcome.detaches {
            self = DetachKeyMatcher(copying: keys)
        } else if 1...2 ~= sequence.count {
            flushSequence(as: .other, &outcome)
        }
        return outcome
    }

    /// Takes the bytes of one read from the terminal.
    package mutating func feed(_ typed: [UInt8]) -> Outcome { feed(typed[...]) }

    private init(copying keys: [UInt8]) { self.keys = keys }

    private mutating func take(_ byte: UInt8, _ outcome: inout Outcome) {
        if mouseBytes > 0 {
            mouseBytes -= 1
            outcome.forward.append(byte)
        } else if byte == Byte.escape {
            flushSequence(as: .other, &outcome)
            sequence = [byte]
        } else if sequence.isEmpty {
            take(.byte(byte), [byte], &outcome)
        } else {
            takeInSequence(byte, &outcome)
        }
    }

    private mutating func takeInSequence(_ byte: UInt8, _ outcome: inout Outcome) {
        if sequence.count == 1, byte != UInt8(ascii: "[") {
            flushSequence(as: .other, &outcome)
            return take(byte, &outcome)
        }
        sequence.append(byte)
        if sequence.count == 2 { return }
        if 0x40...0x7E ~= byte {
            if sequence.count == 3, byte == UInt8(ascii: "M") { mouseBytes = 3 }
            flushSequence(as: TypedKey(sequence: sequence[2...]), &outcome)
        } else if !(0x20...0x3F ~= byte) || sequence.count > DetachKeyMatcher.longestSequence {
            flushSequence(as: .other, &outcome)
        }
    }

    private mutating func flushSequence(as key: TypedKey, _ outcome: inout Outcome) {
        guard !sequence.isEmpty else { return }
        let typed = sequence
        sequence = []
        take(key, typed, &outcome)
    }

    private mutating func take(_ key: TypedKey, _ typed: [UInt8], _ outcome: inout Outcome) {
        if key == .none {
            outcome.forward += typed
        } else if prefix.isEmpty {
            guard key == .byte(keys[0]) else {
                outcome.forward += typed
                return
            }
            if keys.count == 1 { outcome.detaches = true } else { prefix = typed }
        } else {
            if key == .byte(keys[1]) {
                outcome.detaches = true
                return
            }
            outcome.forward += prefix
            if key != .byte(keys[0]) { outcome.forward += typed }
            prefix = []
        }
    }
}
