// "Did you mean": which of the known words a person probably wanted to type.
// A word that begins a known one counts as an abbreviation of it; otherwise edit distance decides.

/// Finds known words near a mistyped one.
package enum Suggestion {
    /// The nearest of the candidates, at most three, in their order; empty when none is near.
    package static func nearest(to word: String, among candidates: [String]) -> [String] {
        let abbreviated = word.count > 1 ? candidates.filter { $0.hasPrefix(word) } : []
        guard abbreviated.isEmpty else { return Array(abbreviated.prefix(3)) }
        let limit = word.count <= 3 ? 1 : word.count <= 7 ? 2 : 3
        let distances = candidates.map { editDistance(word, $0) }
        guard let least = distances.min(), least <= limit else { return [] }
        return Array(zip(candidates, distances).filter { $0.1 == least }.map(\.0).prefix(3))
    }

    /// How many insertions, deletions, replacements and swaps of neighbours turn one word into the other.
    ///
    /// This is the optimal string alignment distance: no part is edited twice.
    static func editDistance(_ first: String, _ second: String) -> Int {
        let (a, b) = (Array(first), Array(second))
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                let replaced = last[j] + (a[i] == b[j] ? 0 : 1)
                var least = Swift.min(replaced, last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    least = Swift.min(least, beforeLast[j - 1] + 1)
                }
                row.append(least)
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }

    /// The words in a question: `did you mean 'a' or 'b'?`; nil for none.
    static func question(_ words: [String]) -> String? {
        words.isEmpty ? nil : "did you mean " + words.map { "'\($0)'" }.joined(separator: " or ") + "?"
    }
}
