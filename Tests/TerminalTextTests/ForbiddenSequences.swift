// A second reading of the bytes, written apart from the filters: it walks a byte stream with no state
// machine and names the first thing that must not reach a user's terminal. It knows forbidden things and
// the grammar; it does not use the allow-list.

/// What is wrong with a byte stream for a user's terminal; nil when nothing is.
func forbidden(in bytes: [UInt8]) -> String? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return "broken UTF-8" }
    let scalars = Array(text.unicodeScalars)
    var position = 0
    while position < scalars.count {
        let scalar = scalars[position]
        if scalar == "\u{1B}" {
            guard let sequence = Sequence(scalars[(position + 1)...]) else { return "unfinished sequence" }
            if let reason = sequence.reason { return "\(reason) in \(sequence.body.debugDescription)" }
            position += 1 + sequence.length
            continue
        }
        let isAllowedControl = 0x07...0x0F ~= scalar.value
        if scalar.value < 0x20, !isAllowedControl { return "control \(scalar.value)" }
        if 0x7F...0x9F ~= scalar.value { return "control \(scalar.value)" }
        position += 1
    }
    return nil
}

/// Whether a character may be in text without any sequences.
func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    if scalar == "\n" || scalar == "\t" { return true }
    return scalar.value >= 0x20 && !(0x7F...0x9F ~= scalar.value) && !scalar.properties.isBidiControl
}

private struct Sequence {
    /// What follows ESC, as text.
    let body: String
    var length: Int { body.unicodeScalars.count }

    init?(_ rest: ArraySlice<Unicode.Scalar>) {
        guard let first = rest.first else { return nil }
        let end: Int?
        switch first {
        case "[": end = rest.dropFirst().firstIndex { 0x40...0x7E ~= $0.value }
        case "]", "P", "X", "^", "_", "k":
            // Up to BEL or to ESC with the byte after it.
            let stop = rest.firstIndex { $0.value == 0x07 || $0.value == 0x1B }
            end = stop.map { rest[$0].value == 0x1B ? $0 + 1 : $0 }
        default: end = rest.firstIndex { $0.value >= 0x30 }
        }
        guard let end, end < rest.endIndex else { return nil }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: rest[...end])
        body = String(view)
    }

    var reason: String? {
        switch body.first {
        case "[": return reasonOfControlSequence
        case "]": return reasonOfCommand
        case "P", "X", "^", "_", "k": return "control string"
        case "Z": return "identification query"
        case "%": return "change of encoding"
        case " ": return "8-bit controls"
        default: return nil
        }
    }

    private var reasonOfControlSequence: String? {
        let parameters = body.dropFirst().dropLast()
        guard parameters.unicodeScalars.allSatisfy({ 0x20...0x3F ~= $0.value }) else { return "odd byte" }
        if parameters.split(whereSeparator: { !$0.isNumber }).contains(where: { $0.count > 4 }) {
            return "great number"
        }
        let isPlain = parameters.unicodeScalars.allSatisfy { 0x30...0x3B ~= $0.value }
        switch body.last {
        case "c": return "device attributes"
        case "n": return "status report"
        case "i": return "media copy"
        case "t": return "window operation"
        case "x", "y", "z", "w", "v", "{", "|": return "report or rectangle"
        case "p" where parameters != "!": return "mode report or conformance level"
        case "q" where parameters.last != " ": return "version query or LEDs"
        case "u" where parameters.first == "?": return "keyboard query"
        case "m" where parameters.first == "?": return "keyboard query"
        case "S" where !isPlain: return "graphics query"
        case "T" where parameters.contains(";") || !isPlain: return "mouse tracking or title mode"
        case "h" where isPlain, "l" where isPlain:
            return parameters.split(separator: ";").contains("2") ? "keyboard lock" : nil
        case "h" where parameters.first == "?":
            let modes = parameters.dropFirst().split(separator: ";")
            return ["3", "1001", "2031", "2048", "9001"].first(where: { modes.contains(Substring($0)) })
                .map { "mode \($0)" }
        default: return nil
        }
    }

    private var reasonOfCommand: String? {
        guard body.hasPrefix("]8;") else { return "operating system command" }
        let parts = body.dropFirst(3).split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].hasSuffix("\u{1B}\\") else { return "malformed link" }
        let target = parts[1].dropLast(2).lowercased()
        return target.isEmpty || target.hasPrefix("http://") || target.hasPrefix("https://")
            ? nil : "link to a file"
    }
}
