// Where and why a text is not what it should be. The one error of this target; callers turn it into a
// ClocheError whose reason is `description`.

/// A place in a text, counted from one as editors do.
package struct TextPosition: Equatable, Hashable, Sendable {
    /// First line is 1.
    package let line: Int
    /// First column is 1; counted in characters.
    package let column: Int

    /// The place at that line and column.
    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

/// A text that cannot be read as JSON or YAML.
package struct StructuredTextError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The name of the file, as given to the parser; empty where the text has none.
    package let file: String
    /// Where the trouble was noticed.
    package let position: TextPosition
    /// What is wrong: lower-case first word, no full stop.
    package let message: String

    /// Says what is wrong and where.
    package init(file: String = "", position: TextPosition, message: String) {
        self.file = file
        self.position = position
        self.message = message
    }

    /// `file:line:column: message`, which editors and terminals make clickable.
    package var description: String {
        let place = "\(position.line):\(position.column): \(message)"
        return file.isEmpty ? "line " + place : file + ":" + place
    }
}
