// One thing wrong with a configuration file, and all of them as the one error that a user sees.

internal import ClocheModel
internal import StructuredText

/// One thing wrong, and where.
package struct Diagnostic: Equatable, Sendable, CustomStringConvertible {
    /// `file:line:column`, or what else names the place (`--set limits.idle`).
    package let place: String
    /// What is wrong: lower-case first word, no full stop.
    package let message: String
    /// What to do; may be empty.
    package let remedy: String

    init(_ place: String, _ message: String, remedy: String = "") {
        self.place = place
        self.message = message
        self.remedy = remedy
    }

    init(_ error: StructuredTextError) {
        self.init("\(error.file):\(error.position.line):\(error.position.column)", error.message)
    }

    /// Place and message on one line.
    package var description: String { "\(place): \(message)" }
}

extension ClocheError {
    /// The error of a configuration with these things wrong in it; there is at least one.
    init(_ diagnostics: [Diagnostic]) {
        let remedies = diagnostics.map(\.remedy).filter { !$0.isEmpty }
        var remedy = ""
        for (index, line) in remedies.enumerated() where !remedies[..<index].contains(line) {
            remedy += remedy.isEmpty ? line : "\n  " + line
        }
        if diagnostics.count == 1 {
            self.init(
                .configuration,
                "the configuration is not valid",
                why: diagnostics[0].description,
                remedy: remedy
            )
        } else {
            let lines = diagnostics.map { "\n  " + $0.description }.joined()
            self.init(
                .configuration,
                "the configuration has \(diagnostics.count) mistakes",
                why: lines,
                remedy: remedy
            )
        }
    }
}

/// The nearest of some words, for "did you mean".
enum Suggestion {
    /// The candidate that differs least from a word; nil when none is near.
    static func nearest(to word: String, in candidates: [String]) -> String? {
        let scored = candidates.map { (word: $0, distance: distance(word, $0)) }
        guard let best = scored.min(by: { $0.distance < $1.distance }) else { return nil }
        return best.distance <= max(1, min(word.count, best.word.count) / 3) ? best.word : nil
    }

    /// `; did you mean ...?`, or nothing.
    static func hint(_ word: String, _ candidates: [String]) -> String {
        nearest(to: word, in: candidates).map { "; did you mean `\($0)`?" } ?? ""
    }

    /// Edits (insert, delete, replace, swap neighbours) from one word to the other.
    static func distance(_ first: String, _ second: String) -> Int {
        let a = Array(first.utf8)
        let b = Array(second.utf8)
        guard a.count <= 64, b.count <= 64 else { return .max }
        var rows = [Array(0...b.count)]
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var best = min(rows[i][j] + (a[i] == b[j] ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    best = min(best, rows[i - 1][j - 1] + 1)
                }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
