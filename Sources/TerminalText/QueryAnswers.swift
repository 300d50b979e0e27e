// Answers to the questions that programs put to their terminal. They never reach the user's terminal, as
// its answer would be typed input; and an agent with nobody attached must not wait for one. So the same
// fixed answers are given always. Used by `AttachFilter`, which knows a question when it drops one.

/// Fixed answers to the terminal queries that programs wait for.
package enum QueryAnswers {
    /// No answer is added to a queue that holds this many bytes.
    package static let limit = 4096

    /// A VT220 with colour: enough for programs to use what `AttachFilter` lets through.
    private static let attributes = Array("\u{1B}[?62;22c".utf8)
    private static let ready = Array("\u{1B}[0n".utf8)
    /// The answer to the question for the cursor's place where nobody knows it.
    package static let position = Array("\u{1B}[1;1R".utf8)

    /// DECID, the old form of DA1.
    static func answerEscape(_ final: UInt8, _ parser: EscapeParser, into replies: inout [UInt8]) {
        if final == UInt8(ascii: "Z"), parser.intermediate == 0 { append(attributes, to: &replies) }
    }

    /// DA1, and DSR 5 and 6; whether it was the question for the cursor's place, and was answered.
    static func answerControlSequence(
        _ final: UInt8,
        _ parser: EscapeParser,
        into replies: inout [UInt8]
    ) -> Bool {
        guard parser.prefix == 0, parser.intermediate == 0 else { return false }
        switch (final, String(decoding: parser.parameters, as: UTF8.self)) {
        case (UInt8(ascii: "c"), ""), (UInt8(ascii: "c"), "0"): append(attributes, to: &replies)
        case (UInt8(ascii: "n"), "5"): append(ready, to: &replies)
        case (UInt8(ascii: "n"), "6"): return append(position, to: &replies)
        default: break
        }
        return false
    }

    @discardableResult
    private static func append(_ answer: [UInt8], to replies: inout [UInt8]) -> Bool {
        guard replies.count + answer.count <= limit else { return false }
        replies += answer
        return true
    }
}
