// What a person's terminal may be sent, read apart from the filter: the list is written here a second time, as text, and
// taken from what terminals do (ctlseqs, ECMA-48), so that a slip in `AllowedSequences` is found.

/// The first thing in the bytes that is not on the list; nil when all is.
func notAllowed(in bytes: [UInt8]) -> String? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return "broken UTF-8" }
    var rest = Array(text.unicodeScalars)[...]
    while let first = rest.popFirst() {
        if first != "\u{1B}" {
            let isText = first.value >= 0x20 && !(0x7F...0x9F ~= first.value)
            if !isText && !(0x07...0x0F ~= first.value) { return "control \(first.value)" }
            continue
        }
        guard let kind = rest.popFirst() else { return "ESC at the end" }
        switch kind {
        case "[":
            guard let end = rest.firstIndex(where: { 0x40...0x7E ~= $0.value }) else { return "no end" }
            let body = String(String.UnicodeScalarView(rest[...end]))
            if !allowsControlSequence(body) { return "CSI \(body.debugDescription)" }
            rest = rest[(end + 1)...]
        case "]":
            guard let end = rest.firstIndex(of: "\u{1B}"), end + 1 < rest.endIndex, rest[end + 1] == "\\"
            else { return "a string without its end" }
            let body = String(String.UnicodeScalarView(rest[..<end]))
            if !allowsCommand(body) { return "OSC \(body.debugDescription)" }
            rest = rest[(end + 2)...]
        case "(", ")", "*", "+":
            guard let set = rest.popFirst(), "012AB".unicodeScalars.contains(set) else { return "a set" }
        case "#":
            guard let size = rest.popFirst(), "34568".unicodeScalars.contains(size) else { return "a size" }
        default: if !"78=>cDEHMNO".unicodeScalars.contains(kind) { return "ESC \(kind)" }
        }
    }
    return nil
}

/// A final byte, with what stands before it.
private func allowsControlSequence(_ body: String) -> Bool {
    let inside = body.dropLast()
    let prefix = inside.first.map { "<=>?".contains($0) ? String($0) : "" } ?? ""
    let middle = inside.dropFirst(prefix.count)
    let numbers = middle.prefix { $0.isASCII && ($0.isNumber || $0 == ";" || $0 == ":") }
    let intermediates = middle.dropFirst(numbers.count)
    let isOne = numbers.allSatisfy(\.isNumber)
    let parts = numbers.split(separator: ";", omittingEmptySubsequences: false)
    if numbers.split(whereSeparator: { ";:".contains($0) }).contains(where: { $0.count > 4 }) { return false }
    if numbers.contains(":") { return prefix.isEmpty && intermediates.isEmpty && body.last == "m" }
    switch (prefix, String(intermediates), body.last ?? " ") {
    case ("", "", "T"): return isOne
    case ("", "", "s"), ("", "", "u"), ("", "!", "p"): return numbers.isEmpty
    case ("", "", "h"), ("", "", "l"): return parts.allSatisfy { $0 == "4" }
    case ("", "", let final): return "ABCDEFGHIJKLMPSXZ@`abdefgmr".contains(final)
    case ("", "'", "}"), ("", "'", "~"), ("?", "", "J"), ("?", "", "K"), ("=", "", "u"): return true
    case ("", " ", "q"), (">", "", "u"), ("<", "", "u"): return isOne
    case (">", "", "m"): return parts.first == "4"
    case ("?", "", "h"), ("?", "", "l"):
        let modes: Set<Int> = [
            1, 5, 7, 9, 12, 25, 47, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 1047, 1048, 1049, 2004,
            2026,
        ]
        return parts.allSatisfy { Int($0).map(modes.contains) ?? false }
    default: return false
    }
}

/// Hyperlinks alone, to the web alone.
private func allowsCommand(_ body: String) -> Bool {
    let parts = body.split(separator: ";", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0] == "8", body.unicodeScalars.allSatisfy({ 0x21...0x7E ~= $0.value })
    else { return false }
    let target = parts[2].lowercased()
    let isKnown = parts[1].isEmpty || parts[1].hasPrefix("id=")
    return isKnown && (target.isEmpty || target.hasPrefix("http://") || target.hasPrefix("https://"))
}
