// Plain text in lines of limited width: paragraphs and two-column tables, for the help texts.
// Widths are counted in characters; the tables hold ASCII only.

/// Lays out text.
struct TextColumns {
    /// The greatest length of a line, in characters.
    let width: Int

    /// A text broken into lines between words; a word longer than a line stays whole.
    func wrap(_ text: some StringProtocol, indent: Int = 0) -> [String] {
        let margin = String(repeating: " ", count: indent)
        var lines: [String] = []
        for word in text.split(whereSeparator: \.isWhitespace) {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] += " " + word
            } else {
                lines.append(margin + word)
            }
        }
        return lines
    }

    /// The paragraphs of a text, with an empty line between each two.
    func paragraphs(_ text: String) -> [String] {
        Array(text.paragraphs.map { wrap($0) }.joined(separator: [""]))
    }

    /// Rows of a term and its meaning, the meanings aligned; a long term gets a line of its own.
    ///
    /// Tables under one another align when each gets the same `aligned` terms.
    func table(
        _ rows: [(term: String, meaning: String)],
        aligned terms: [String]? = nil,
        indent: Int = 2
    ) -> [String] {
        let (gap, greatestColumn) = (2, 30)
        let lengths = (terms ?? rows.map(\.term)).map(\.count)
        let widest = lengths.filter { indent + $0 + gap <= greatestColumn }.max() ?? 0
        let column = indent + widest + gap
        let margin = String(repeating: " ", count: indent)
        return rows.flatMap { row -> [String] in
            let meaning = wrap(row.meaning, indent: column)
            guard let first = meaning.first else { return [margin + row.term] }
            guard row.term.count <= widest else { return [margin + row.term] + meaning }
            let padding = String(repeating: " ", count: widest - row.term.count + gap)
            return [margin + row.term + padding + first.dropFirst(column)] + meaning.dropFirst()
        }
    }
}

extension String {
    /// The parts between empty lines.
    var paragraphs: [String] {
        let lines = split(separator: "\n", omittingEmptySubsequences: false)
        let blocks = lines.split { $0.allSatisfy(\.isWhitespace) }
        return blocks.map { $0.joined(separator: " ") }
    }
}
