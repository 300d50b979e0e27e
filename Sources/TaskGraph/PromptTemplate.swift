// `{tasks.NAME.outputs.OUTPUT}` and `{matrix.KEY}` in the texts of a plan. Only these two are read; any other brace is
// part of the text, since prompts and commands are full of them.

/// A text with places to fill in.
package struct PromptTemplate: Equatable, Sendable {
    /// A piece of it.
    package enum Piece: Equatable, Sendable {
        case text(String)
        /// `{matrix.KEY}`.
        case matrix(String)
        /// `{tasks.NAME}`: a task's result, where a base is named.
        case task(String)
        /// `{tasks.NAME.outputs.OUTPUT}`.
        case output(task: String, name: String)
        /// What begins as one of these and is none.
        case broken(String)
    }

    /// The pieces in order.
    package let pieces: [Piece]

    /// Takes a text apart.
    package init(_ text: String) {
        var pieces: [Piece] = []
        var plain = ""
        var rest = text[...]
        while let brace = rest.firstIndex(of: "{") {
            plain += rest[..<brace]
            rest = rest[brace...]
            guard rest.hasPrefix("{tasks.") || rest.hasPrefix("{matrix."),
                let end = rest.firstIndex(of: "}")
            else {
                plain.append("{")
                rest = rest.dropFirst()
                continue
            }
            if !plain.isEmpty { pieces.append(.text(plain)) }
            plain = ""
            pieces.append(Self.reference(rest[rest.index(after: brace)..<end]))
            rest = rest[rest.index(after: end)...]
        }
        plain += rest
        if !plain.isEmpty { pieces.append(.text(plain)) }
        self.pieces = pieces
    }

    private static func reference(_ text: Substring) -> Piece {
        if text.hasPrefix("matrix.") {
            let key = text.dropFirst("matrix.".count)
            return key.isEmpty ? .broken(String(text)) : .matrix(String(key))
        }
        let rest = text.dropFirst("tasks.".count)
        // From the end: a task's name may have dots, an output's has none.
        let fields = rest.split(separator: ".", omittingEmptySubsequences: false)
        if fields.count >= 3, fields[fields.count - 2] == "outputs", let name = fields.last, !name.isEmpty {
            let task = fields.dropLast(2).joined(separator: ".")
            return task.isEmpty ? .broken(String(text)) : .output(task: task, name: String(name))
        }
        return rest.isEmpty || fields.contains("outputs") ? .broken(String(text)) : .task(String(rest))
    }

    /// The text with what is given for each reference; one that gets nothing stays as it is written.
    package func filled(_ value: (Piece) -> String?) -> String {
        pieces.map { piece in
            if case .text(let text) = piece { return text }
            return value(piece) ?? piece.text
        }.joined()
    }
}

extension PromptTemplate.Piece {
    /// As it is written.
    package var text: String {
        switch self {
        case .text(let text): text
        case .matrix(let key): "{matrix.\(key)}"
        case .task(let name): "{tasks.\(name)}"
        case .output(let task, let name): "{tasks.\(task).outputs.\(name)}"
        case .broken(let text): "{\(text)}"
        }
    }
}
