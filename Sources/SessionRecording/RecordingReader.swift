// Reads a recording from whatever pieces a file comes in. A file may be cut short by a crash or changed by anybody, so a
// line that is no event is passed over and counted, and what is kept of an unfinished line has a bound.

internal import ClocheModel
internal import StructuredText

/// Bytes of one file in, events out.
package struct RecordingReader: Sendable {
    /// The longest line that is read, in bytes.
    package static let longestLine = 1 << 20

    /// What the first line says; nil before it was read, and when it is no header of version 2.
    package private(set) var header: RecordingHeader?
    /// How many lines were no events.
    package private(set) var skipped = 0
    /// The beginning of a line whose end has not come.
    private var line: [UInt8] = []
    /// The line at hand is passed over.
    private var passesOver: Bool
    private var awaitsHeader: Bool

    /// A reader at the beginning of a file, or somewhere in it: then it begins with the next line.
    package init(inside: Bool = false) {
        passesOver = inside
        awaitsHeader = !inside
    }

    /// Reads the next bytes and appends the events whose lines they end.
    package mutating func feed(_ bytes: ArraySlice<UInt8>, into events: inout [RecordingEvent]) {
        var rest = bytes
        while let end = rest.firstIndex(of: 0x0a) {
            if passesOver {
                passesOver = false
            } else if line.isEmpty {
                take(rest[..<end], into: &events)
            } else {
                line += rest[..<end]
                take(line[...], into: &events)
            }
            line.removeAll(keepingCapacity: line.capacity <= 1 << 17)
            rest = rest[(end + 1)...]
        }
        if passesOver || rest.isEmpty { return }
        if line.count + rest.count > Self.longestLine {
            line = []
            skipped += 1
            (passesOver, awaitsHeader) = (true, false)
        } else {
            line += rest
        }
    }

    private mutating func take(_ line: ArraySlice<UInt8>, into events: inout [RecordingEvent]) {
        if awaitsHeader {
            awaitsHeader = false
            header = Self.header(line)
            if header == nil { skipped += 1 }
            return
        }
        var parser = EventParser(line)
        switch parser.event() {
        case .event(let event): events.append(event)
        case .other: break
        case .broken: skipped += 1
        }
    }

    private static func header(_ line: ArraySlice<UInt8>) -> RecordingHeader? {
        // What is no JSON is no header, whatever is wrong with it.
        guard let document = try? JSONText.parse(Array(line)), document["version"]?.integer == 2,
            let columns = document["width"]?.integer, 1...65535 ~= columns,
            let rows = document["height"]?.integer, 1...65535 ~= rows
        else { return nil }
        let repeated = document.value(at: ["cloche", "repeated"])?.integer ?? 0
        return RecordingHeader(
            columns: Int(columns),
            rows: Int(rows),
            began: document["timestamp"]?.integer,
            title: document["title"]?.string ?? "",
            terminal: document.value(at: ["env", "TERM"])?.string ?? "",
            repeated: Int(max(0, min(repeated, 1 << 20)))
        )
    }
}

/// One line: `[1.5, "o", "text"]`.
private struct EventParser {
    enum Result {
        case event(RecordingEvent)
        /// Of a kind that is not known here; the format says that it is to be ignored.
        case other
        case broken
    }

    private var rest: ArraySlice<UInt8>
    private var isBroken = false

    init(_ line: ArraySlice<UInt8>) { rest = line }

    mutating func event() -> Result {
        expect(UInt8(ascii: "["))
        let time = number()
        expect(UInt8(ascii: ","))
        let code = string()
        expect(UInt8(ascii: ","))
        let text = string()
        expect(UInt8(ascii: "]"))
        skipBlanks()
        guard !isBroken, rest.isEmpty, let time else { return .broken }
        guard code.count == 1, let kind = RecordingEvent.Kind(rawValue: code[0]) else { return .other }
        return .event(RecordingEvent(time, kind, text))
    }

    private mutating func skipBlanks() {
        while let byte = rest.first, byte == 0x20 || byte == 0x09 || byte == 0x0d { rest.removeFirst() }
    }

    private mutating func expect(_ byte: UInt8) {
        skipBlanks()
        if rest.first == byte { rest.removeFirst() } else { isBroken = true }
    }

    /// The longest recording: 31 years.
    private static let longestSeconds = 1e9

    /// Seconds, as microseconds.
    private mutating func number() -> Int64? {
        skipBlanks()
        let end = rest.firstIndex { !(0x30...0x39 ~= $0 || ".eE+-".utf8.contains($0)) } ?? rest.endIndex
        let digits = rest[..<end]
        rest = rest[end...]
        // Microseconds of so long a time are exact in a Double.
        guard digits.count <= 32, let seconds = Double(String(decoding: digits, as: UTF8.self)),
            0...Self.longestSeconds ~= seconds
        else { return nil }
        return Int64((seconds * 1e6).rounded())
    }

    private mutating func string() -> [UInt8] {
        expect(0x22)
        var text: [UInt8] = []
        while !isBroken {
            guard let end = rest.firstIndex(where: { $0 == 0x22 || $0 == 0x5c || $0 < 0x20 }) else { break }
            text += rest[..<end]
            let byte = rest[end]
            rest = rest[(end + 1)...]
            if byte == 0x22 { return text }
            if byte != 0x5c { break }
            unescape(into: &text)
        }
        isBroken = true
        return []
    }

    private mutating func unescape(into text: inout [UInt8]) {
        guard let letter = rest.popFirst() else {
            isBroken = true
            return
        }
        switch Unicode.Scalar(letter) {
        case "\"", "\\", "/": text.append(letter)
        case "n": text.append(0x0a)
        case "r": text.append(0x0d)
        case "t": text.append(0x09)
        case "b": text.append(0x08)
        case "f": text.append(0x0c)
        case "u": text += Array(String(scalar()).utf8)
        default: isBroken = true
        }
    }

    /// What stands behind `\u`; two escapes if they are the halves of one character.
    private mutating func scalar() -> Unicode.Scalar {
        let unit = codeUnit()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        let start = rest
        if unit < 0xdc00, rest.popFirst() == 0x5c, rest.popFirst() == UInt8(ascii: "u") {
            let second = codeUnit()
            let value = 0x10000 + ((unit & 0x3ff) << 10) + (second & 0x3ff)
            if 0xdc00...0xdfff ~= second, let scalar = Unicode.Scalar(value) { return scalar }
        }
        // Half a character.
        rest = start
        return "\u{FFFD}"
    }

    private mutating func codeUnit() -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            switch rest.popFirst() {
            case let digit? where 0x30...0x39 ~= digit: unit = unit << 4 | UInt32(digit - 0x30)
            case let digit? where 0x41...0x46 ~= digit & 0xdf:
                unit = unit << 4 | UInt32((digit & 0xdf) - 0x37)
            default: isBroken = true
            }
        }
        return unit
    }
}
