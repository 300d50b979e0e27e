// Writes the lines of a recording. Everything that an agent prints goes through `appendText`, so it appends runs of plain
// bytes at once.

/// The lines of a recording, as bytes.
package enum RecordingLine {
    /// The longest text that `append` puts into one line, in bytes.
    package static let longestText = 65536

    /// Appends the line that begins a recording.
    package static func append(_ header: RecordingHeader, to output: inout [UInt8]) {
        output += "{\"version\": 2, \"width\": \(header.columns), \"height\": \(header.rows)".utf8
        if let began = header.began { output += ", \"timestamp\": \(began)".utf8 }
        if !header.title.isEmpty {
            output += ", \"title\": \"".utf8
            appendText(Array(header.title.utf8)[...], to: &output)
            output += "\"".utf8
        }
        if !header.terminal.isEmpty {
            output += ", \"env\": {\"TERM\": \"".utf8
            appendText(Array(header.terminal.utf8)[...], to: &output)
            output += "\"}".utf8
        }
        if header.repeated > 0 { output += ", \"cloche\": {\"repeated\": \(header.repeated)}".utf8 }
        output += "}\n".utf8
    }

    /// Appends an event, of a long text as several with the same time, and returns how many lines that are.
    ///
    /// The text must be UTF-8.
    @discardableResult
    package static func append(_ event: RecordingEvent, to output: inout [UInt8]) -> Int {
        var lines = 0
        var rest = event.bytes[...]
        repeat {
            var stop =
                rest.index(rest.startIndex, offsetBy: longestText, limitedBy: rest.endIndex) ?? rest.endIndex
            // Not within a character.
            while stop < rest.endIndex, stop > rest.startIndex + 1, rest[stop] & 0xC0 == 0x80 { stop -= 1 }
            begin(event.time, event.kind, in: &output)
            appendText(rest[..<stop], to: &output)
            end(&output)
            lines += 1
            rest = rest[stop...]
        } while !rest.isEmpty
        return lines
    }

    /// Appends an event up to its text, which follows by `appendText`, and then `end`.
    package static func begin(_ time: Int64, _ kind: RecordingEvent.Kind, in output: inout [UInt8]) {
        output.append(UInt8(ascii: "["))
        appendSeconds(time, to: &output)
        output += [0x2c, 0x20, 0x22, kind.rawValue, 0x22, 0x2c, 0x20, 0x22]  // , "o", "
    }

    /// Ends an event and its line.
    package static func end(_ output: inout [UInt8]) { output += [0x22, 0x5d, 0x0a] }  // "] and a newline

    /// Appends text as the inside of a JSON string.
    ///
    /// Escaped is what JSON wants, and what would drive a terminal on which somebody prints the file.
    package static func appendText(_ bytes: ArraySlice<UInt8>, to output: inout [UInt8]) {
        unsafe bytes.withUnsafeBytes { text in
            var start = 0
            var index = 0
            while unsafe skipPlain(text, &index) {
                if start < index { unsafe output.append(contentsOf: text[start..<index]) }
                var byte = unsafe text[index]
                index += 1
                start = index
                if byte == 0xc2 {
                    // The controls U+0080 to U+009F are the only ones in two bytes.
                    guard unsafe index < text.count && text[index] < 0xa0 else {
                        start -= 1
                        continue
                    }
                    byte = unsafe text[index]
                    index += 1
                    start = index
                }
                appendEscape(byte, to: &output)
            }
            unsafe output.append(contentsOf: text[start...])
        }
    }

    /// Moves `index` to the next byte that may have to be escaped; false if there is none.
    private static func skipPlain(_ text: UnsafeRawBufferPointer, _ index: inout Int) -> Bool {
        // Eight at once. A bit of `found` may be wrong only above one that is right, and the lowest counts.
        while index + 8 <= text.count {
            let word = unsafe UInt64(littleEndian: text.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let controls = (word &- (ones &* 0x20)) & ~word & (ones &* 0x80)
            let found =
                controls | matches(word, 0x22) | matches(word, 0x5c) | matches(word, 0x7f)
                | matches(word, 0xc2)
            if found != 0 {
                index += found.trailingZeroBitCount / 8
                return true
            }
            index += 8
        }
        while index < text.count {
            let byte = unsafe text[index]
            if byte < 0x20 || byte == 0x22 || byte == 0x5c || byte == 0x7f || byte == 0xc2 { return true }
            index += 1
        }
        return false
    }

    private static let ones: UInt64 = 0x0101_0101_0101_0101

    /// The top bit of each byte of a word that is `byte`.
    private static func matches(_ word: UInt64, _ byte: UInt64) -> UInt64 {
        let rest = word ^ (ones &* byte)
        return (rest &- ones) & ~rest & (ones &* 0x80)
    }

    private static func appendEscape(_ byte: UInt8, to output: inout [UInt8]) {
        output.append(0x5c)
        switch byte {
        case 0x22, 0x5c: output.append(byte)
        case 0x0a: output.append(UInt8(ascii: "n"))
        case 0x0d: output.append(UInt8(ascii: "r"))
        case 0x09: output.append(UInt8(ascii: "t"))
        case 0x08: output.append(UInt8(ascii: "b"))
        default:
            output.append(UInt8(ascii: "u"))
            output.append(0x30)
            output.append(0x30)
            output.append(hexadecimal(byte >> 4))
            output.append(hexadecimal(byte & 15))
        }
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8 { digit < 10 ? 0x30 + digit : 0x57 + digit }

    /// Seconds with six decimals.
    private static func appendSeconds(_ time: Int64, to output: inout [UInt8]) {
        let time = max(0, time)
        output += String(time / 1_000_000).utf8
        output.append(UInt8(ascii: "."))
        let fraction = String(time % 1_000_000).utf8
        for _ in fraction.count..<6 { output.append(0x30) }
        output += fraction
    }
}
