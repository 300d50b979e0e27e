// How text that an agent chose (names, commit subjects, file names, messages of its programs) stands in
// Cloche's own messages: on one line, unable to drive a terminal, to reorder the words around it or to
// hide. Every message that quotes such text calls `visible`.

/// A one-line rendering of untrusted text.
///
/// Line ends, tabs, controls, bidirectional and other invisible formatting characters stand as `\n`,
/// `\t` or `\u{1B}`. It is for reading: a backslash is not doubled, so there is no way back.
///
/// - Parameter limit: the most Unicode scalars in the result; what was cut off shows as `…`.
package func visible(_ text: String, limit: Int = 200) -> String {
    var result = String.UnicodeScalarView()
    var count = 0
    var countBesideEllipsis = 0
    for scalar in text.unicodeScalars {
        let piece = scalar.isHarmless ? String(scalar) : scalar.escaped
        count += piece.unicodeScalars.count
        if count > limit { return String(result.prefix(countBesideEllipsis)) + (limit > 0 ? "…" : "") }
        result.append(contentsOf: piece.unicodeScalars)
        if count < limit { countBesideEllipsis = count }
    }
    return String(result)
}

/// Text of one line in which nothing changes the order of what is shown, or hides: such characters stand as `\u{202E}`.
package func inOrder(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        let isTag = 0xE0000...0xE007F ~= scalar.value
        if scalar.isBidirectionalControl || isTag {
            result.append(contentsOf: scalar.escaped.unicodeScalars)
        } else {
            result.append(scalar)
        }
    }
    return String(result)
}

extension Unicode.Scalar {
    /// Whether the character changes the order in which text around it is shown.
    ///
    /// The marks, embeddings, overrides and isolates of Unicode's bidirectional algorithm (UAX 9).
    var isBidirectionalControl: Bool {
        switch value {
        case 0x200E, 0x200F, 0x061C, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    /// The character as `\n` or `\u{1B}`.
    var escaped: String {
        switch self {
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        default: "\\u{" + String(value, radix: 16, uppercase: true) + "}"
        }
    }

    /// Whether the character may stand in a message as it is.
    fileprivate var isHarmless: Bool {
        if 0x20...0x7E ~= value { return true }
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: return false
        // Joiners are part of ordinary words and emoji.
        case .format: return value == 0x200C || value == 0x200D
        default: return true
        }
    }
}
