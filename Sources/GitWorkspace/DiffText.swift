// A diff on its way to a terminal. The lines come from an agent's files, so control characters are made
// visible; the colours are ours, put on after that, and cannot be forged.

/// Makes a diff fit for a terminal.
package enum DiffText {
    /// The text with nothing in it that a terminal would act upon but our own colours.
    ///
    /// - Parameter colored: marks additions, removals and headings, for a patch.
    package static func forTerminal(_ output: [UInt8], colored: Bool) -> String {
        var text = ""
        var hunk = Hunk()
        var lines = output.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        for line in lines {
            let plain = visible([UInt8](line).text)
            guard colored else {
                text += plain + "\n"
                continue
            }
            let color = hunk.color(of: plain)
            text += color.isEmpty ? plain + "\n" : "\u{1B}[\(color)m\(plain)\u{1B}[m\n"
        }
        return text
    }

    /// Text with control characters in caret form and reordering marks as escapes; tabs stay.
    private static func visible(_ line: String) -> String {
        guard line.unicodeScalars.contains(where: \.drivesTerminal) else { return line }
        var text = ""
        for scalar in line.unicodeScalars {
            if !scalar.drivesTerminal {
                text.unicodeScalars.append(scalar)
            } else if let caret = Unicode.Scalar(scalar.value ^ 0x40), scalar.value < 0x80 {
                text += "^"
                text.unicodeScalars.append(caret)
            } else {
                text += "<U+" + String(scalar.value, radix: 16, uppercase: true) + ">"
            }
        }
        return text
    }

    /// How many lines of the current hunk are still to come, by which `--- x` as a removed line is told from
    /// a heading.
    private struct Hunk {
        var old = 0
        var new = 0

        mutating func color(of line: String) -> String {
            if old > 0 || new > 0 {
                switch line.utf8.first {
                case UInt8(ascii: "+"):
                    new -= 1
                    return "32"
                case UInt8(ascii: "-"):
                    old -= 1
                    return "31"
                case UInt8(ascii: "\\"): return ""
                default:
                    old -= 1
                    new -= 1
                    return ""
                }
            }
            guard line.hasPrefix("@@ -") else {
                let headings = [
                    "diff ", "index ", "--- ", "+++ ", "new file", "deleted file", "old mode", "new mode",
                ]
                return headings.contains { line.hasPrefix($0) } ? "1" : ""
            }
            let parts = line.split(separator: " ")
            guard parts.count >= 3 else { return "36" }
            old = count(parts[1])
            new = count(parts[2])
            return "36"
        }

        /// The number of lines in `-12,3`; a missing count means one.
        private func count(_ range: Substring) -> Int {
            let parts = range.dropFirst().split(separator: ",")
            return parts.count > 1 ? max(0, Int(parts[1]) ?? 0) : 1
        }
    }
}
