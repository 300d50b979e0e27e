// A text of one line as a person types it: the dashboard's message and filter.

internal import TerminalScreen
internal import TerminalText

/// An editor for a short text.
struct LineEditor: Equatable {
    /// The most bytes; what is typed beyond is not taken.
    static let most = 16384

    private(set) var scalars: [Unicode.Scalar] = []
    /// Where the next character goes.
    private(set) var cursor = 0

    init(_ text: String = "") {
        scalars = Array(text.unicodeScalars)
        cursor = scalars.count
    }

    var text: String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    /// Takes in what was pasted: line ends and tabs stay, other control characters do not.
    mutating func insert(_ text: String) {
        var isReturned = false
        for scalar in text.unicodeScalars {
            defer { isReturned = scalar == "\r" }
            if scalar == "\n" && isReturned { continue }
            insert(scalar == "\r" ? "\n" : scalar)
        }
    }

    private mutating func insert(_ scalar: Unicode.Scalar) {
        let isControl = scalar.value < 0x20 || 0x7F...0x9F ~= scalar.value
        guard !isControl || scalar == "\n" || scalar == "\t" else { return }
        // Four bytes is the most that one takes.
        guard scalars.count < Self.most / 4 else { return }
        scalars.insert(scalar, at: cursor)
        cursor += 1
    }

    /// Takes in a key; false when it does nothing here.
    mutating func press(_ key: Key) -> Bool {
        switch (key.code, key.modifiers) {
        case (.character(let scalar), []): insert(scalar)
        case (.character("j"), .control): insert("\n")
        case (.backspace, []): erase(from: cursor - 1, to: cursor)
        case (.delete, []), (.character("d"), .control): erase(from: cursor, to: cursor + 1)
        case (.left, []), (.character("b"), .control): cursor = max(0, cursor - 1)
        case (.right, []), (.character("f"), .control): cursor = min(scalars.count, cursor + 1)
        case (.home, []), (.character("a"), .control): cursor = 0
        case (.end, []), (.character("e"), .control): cursor = scalars.count
        case (.character("u"), .control): erase(from: 0, to: cursor)
        case (.character("k"), .control): erase(from: cursor, to: scalars.count)
        case (.character("w"), .control), (.backspace, .alt): erase(from: wordStart, to: cursor)
        default: return false
        }
        return true
    }

    private var wordStart: Int {
        var place = cursor
        while place > 0 && scalars[place - 1].properties.isWhitespace { place -= 1 }
        while place > 0 && !scalars[place - 1].properties.isWhitespace { place -= 1 }
        return place
    }

    private mutating func erase(from start: Int, to end: Int) {
        let (start, end) = (max(0, start), min(end, scalars.count))
        guard start < end else { return }
        scalars.removeSubrange(start..<end)
        cursor = start
    }

    /// What fits in so many columns around the cursor, and the cursor's column in it.
    func shown(width: Int) -> (text: String, column: Int) {
        guard width > 1 else { return ("", 0) }
        let pieces = scalars.map { $0 == "\n" ? "⏎" : $0 == "\t" ? " " : String($0) }
        var start = cursor
        var before = 0
        while start > 0 {
            let next = Canvas.width(of: pieces[start - 1])
            guard before + next < width else { break }
            before += next
            start -= 1
        }
        var text = pieces[start..<cursor].joined()
        var taken = before
        for piece in pieces[cursor...] {
            taken += Canvas.width(of: piece)
            guard taken < width else { break }
            text += piece
        }
        return (text, before)
    }
}
