// Instructions in a file that the agent program keeps things in as well: they stand between two lines of ours, and what
// is around those is left as it is. Called before each start.

package import ClocheModel

/// The part of a file of instructions that is Cloche's.
package enum InstructionsBlock {
    static let begin = "<!-- cloche: begin; written anew at each start -->"
    static let end = "<!-- cloche: end -->"

    /// The file with these instructions in the place of those of an earlier start, or else at its beginning.
    package static func placing(_ instructions: String, in old: String) throws(ClocheError) -> String {
        let own = lines(instructions)
        guard !own.contains(where: { $0 == begin || $0 == end }) else {
            throw ClocheError(
                .configuration,
                "these instructions cannot be told apart from the rest of the program's file",
                why: "`instructions` has a line that Cloche itself marks them with: \(begin) or \(end)",
                remedy: "take that line out"
            )
        }
        let block = [begin[...]] + own + [end[...]]
        let there = lines(old)
        guard let first = there.firstIndex(of: begin[...]),
            let last = there[first...].firstIndex(of: end[...])
        else {
            let text = block.joined(separator: "\n") + "\n"
            return old.isEmpty ? text : text + "\n" + old
        }
        return (Array(there[..<first]) + block + there[(last + 1)...]).joined(separator: "\n")
            + (old.hasSuffix("\n") ? "\n" : "")
    }

    private static func lines(_ text: String) -> [Substring] {
        // By bytes: to Swift, CR and LF are one character.
        var lines = text.utf8.split(separator: 0x0a, omittingEmptySubsequences: false).map(Substring.init)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }
}
