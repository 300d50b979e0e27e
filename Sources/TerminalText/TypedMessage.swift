// A text that is typed for a person as one message: between the marks of a paste where the program takes pastes, and
// on one line where it does not. Nothing in the text may be a key of its own, least of all the mark that ends a paste.
// Used by `cloche message` and, with the modes of the terminal, by the supervisor.

/// A text fit to be typed as one message.
package struct TypedMessage: Equatable, Sendable {
    /// The text: lines parted by `\n`, no other control character but tabs.
    package let text: String

    /// Takes a text without the line ends at its end.
    ///
    /// - Throws: when it has characters that are keys or commands, or is empty.
    package init(_ text: String) throws(MessageProblem) {
        var scalars = String.UnicodeScalarView()
        var line = 1
        var isReturned = false
        for scalar in text.unicodeScalars {
            // CRLF is a line end as files of other systems have it; a carriage return by itself is a key.
            if isReturned, scalar != "\n" { throw .control("\r", line: line) }
            isReturned = scalar == "\r"
            if isReturned { continue }
            if scalar == "\n" { line += 1 }
            guard scalar == "\n" || scalar == "\t" || !scalar.isControl else {
                throw .control(scalar, line: line)
            }
            scalars.append(scalar)
        }
        if isReturned { throw .control("\r", line: line) }
        while scalars.last == "\n" { scalars.removeLast() }
        guard scalars.contains(where: { !$0.properties.isWhitespace }) else { throw .empty }
        self.text = String(scalars)
    }

    /// How many lines it has.
    package var lines: Int { text.unicodeScalars.reduce(1) { $0 + ($1 == "\n" ? 1 : 0) } }

    /// What is typed.
    ///
    /// A program that takes no pastes would take each line end for Enter, and a tab for the wish to have a word
    /// completed, so both become spaces there.
    package func bytes(_ modes: KeyModes) -> [UInt8] {
        guard modes.bracketedPaste else {
            return text.utf8.map { $0 == Byte.lineFeed || $0 == Byte.tab ? UInt8(ascii: " ") : $0 }
        }
        let body = text.utf8.map { $0 == Byte.lineFeed ? Byte.carriageReturn : $0 }
        return Array("\u{1B}[200~".utf8) + body + Array("\u{1B}[201~".utf8)
    }
}

/// Why a text cannot be typed as a message.
package enum MessageProblem: Error, Equatable, Sendable, CustomStringConvertible {
    /// There is nothing but white space.
    case empty
    /// A character that is a key or a command.
    case control(Unicode.Scalar, line: Int)

    package var description: String {
        switch self {
        case .empty: "it is empty"
        case .control(let scalar, let line): "the control character \(scalar.escaped) is in line \(line)"
        }
    }
}

extension Unicode.Scalar {
    /// C0, DEL or C1.
    fileprivate var isControl: Bool { value < 0x20 || 0x7F...0x9F ~= value }
}
