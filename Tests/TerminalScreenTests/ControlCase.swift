// One case of what a sequence does: the input, and what stands on the screen afterwards. The names are those of esctest
// (the suite of xterm's author and iTerm2's) where it has such a case; the cases themselves are ours.

import TerminalScreen
import TerminalText
import Testing

/// A case, and how it comes out.
struct ControlCase: Sendable, CustomTestStringConvertible {
    enum Outcome: Sendable, Equatable {
        /// As xterm does it.
        case passes
        /// Otherwise, on purpose.
        case deviates(String)
        /// The sequence does not reach the screen, nor anybody's terminal.
        case dropped(String)
    }

    /// The sequence's name.
    let control: String
    let name: String
    /// `␛` stands for ESC.
    let input: String
    /// The rows with text, divided by `|`; nil where it does not matter.
    let rows: String?
    /// Row and column from 1; nil where it does not matter.
    let cursor: [Int]?
    /// What is answered.
    let replies: String
    /// The numbers of SGR of the first character; nil where they do not matter.
    var style: String?
    let columns: Int
    let lines: Int
    let outcome: Outcome

    var testDescription: String { "\(control)_\(name)" }

    /// What a program would write.
    static func bytes(_ text: String) -> [UInt8] {
        text.unicodeScalars.flatMap { $0 == "␛" ? [0x1B] : Array(String($0).utf8) }
    }
}

/// A case that passes.
func pass(
    _ control: String,
    _ name: String,
    _ input: String,
    _ rows: String? = nil,
    at cursor: [Int]? = nil,
    replies: String = "",
    size: [Int] = [80, 24]
) -> ControlCase {
    ControlCase(
        control: control,
        name: name,
        input: input,
        rows: rows,
        cursor: cursor,
        replies: replies,
        columns: size[0],
        lines: size[1],
        outcome: .passes
    )
}

/// A case that comes out otherwise than in xterm.
func deviates(
    _ control: String,
    _ name: String,
    _ input: String,
    _ rows: String? = nil,
    at cursor: [Int]? = nil,
    size: [Int] = [80, 24],
    _ why: String
) -> ControlCase {
    ControlCase(
        control: control,
        name: name,
        input: input,
        rows: rows,
        cursor: cursor,
        replies: "",
        columns: size[0],
        lines: size[1],
        outcome: .deviates(why)
    )
}

/// Cases that begin with a sequence that the filter drops: nothing of it passes, and nothing answers.
func dropped(_ control: String, _ names: String, _ input: String, _ why: String) -> ControlCase {
    ControlCase(
        control: control,
        name: names,
        input: input,
        rows: nil,
        cursor: nil,
        replies: "",
        columns: 80,
        lines: 24,
        outcome: .dropped(why)
    )
}

/// A part of vttest, of which there is a recorded stream.
struct VTTestPart: Sendable {
    let menu: String
    let what: String
    /// Streams of `Streams/index.txt`.
    let streams: [String]
}

/// A case about how the first character is drawn.
func pass(sgr name: String, _ numbers: String, _ style: String) -> ControlCase {
    var item = pass("SGR", name, "␛[\(numbers)mx", "x")
    item.style = style
    return item
}
