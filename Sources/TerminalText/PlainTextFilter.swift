// The readable text of an agent's terminal output, for `cloche logs` and wherever output goes to a file or
// a pipe. It keeps one line at a time: a progress bar that draws itself over and over leaves its last
// state. Moves of the cursor become white space, as full-screen programs write them in place of blanks
// and line ends. It is not a screen: what a program draws out of order stays in the order of its bytes.

/// Turns terminal output into plain text lines.
///
/// Incremental: chunks may end anywhere. A line is given out when it ends.
package struct PlainTextFilter: Sendable {
    /// The longest line, in bytes; a longer one is broken in two.
    package static let longestLine = 65536

    private var scanner = TerminalScanner()
    private var sink = PlainTextSink()

    /// A filter at the start of a stream.
    package init() {}

    /// Reads the next bytes and appends the lines that they end to `output`, each with its `\n`.
    package mutating func feed(_ bytes: ArraySlice<UInt8>, into output: inout [UInt8]) {
        swap(&sink.output, &output)
        scanner.scan(bytes, into: &sink)
        swap(&sink.output, &output)
    }

    /// Reads the next bytes and appends the lines that they end to `output`, each with its `\n`.
    package mutating func feed(_ bytes: [UInt8], into output: inout [UInt8]) {
        feed(bytes[...], into: &output)
    }

    /// Ends the stream: the unfinished line is given out too, if it is not empty.
    package mutating func finish(into output: inout [UInt8]) {
        swap(&sink.output, &output)
        scanner.finish(into: &sink)
        sink.breakLine()
        swap(&sink.output, &output)
    }
}

/// Builds the lines.
private struct PlainTextSink: TerminalSink {
    var output: [UInt8] = []
    private var line: [UInt8] = []
    /// A carriage return came: the next text replaces the line.
    private var isReturned = false

    mutating func text(_ run: ArraySlice<UInt8>, isASCII: Bool = true) {
        prepareToWrite()
        var rest = run
        while !rest.isEmpty {
            var end = rest.index(rest.startIndex, offsetBy: room, limitedBy: rest.endIndex) ?? rest.endIndex
            while end < rest.endIndex, rest[end] & 0xC0 == 0x80 { end -= 1 }
            line += rest[..<end]
            rest = rest[end...]
            if !rest.isEmpty { endLine() }
        }
    }

    mutating func scalar(_ scalar: Unicode.Scalar) {
        let bytes = scalar.isBidirectionalControl ? Array(scalar.escaped.utf8) : Array(scalar.utf8)
        prepareToWrite()
        if bytes.count > room { endLine() }
        line += bytes
    }

    mutating func control(_ byte: UInt8) {
        switch byte {
        case Byte.lineFeed: endLine()
        case Byte.carriageReturn: isReturned = true
        case Byte.backspace: eraseLast()
        case Byte.tab: text([byte])
        default: break
        }
    }

    mutating func escape(_ final: UInt8, _ parser: EscapeParser) {
        // IND, NEL, RI, RIS.
        if parser.intermediate == 0, "DEMc".utf8.contains(final) { breakLine() }
    }

    mutating func controlSequence(_ final: UInt8, _ parser: EscapeParser) {
        guard parser.prefix == 0, parser.intermediate == 0 else { return }
        let number = Int(String(decoding: parser.parameters, as: UTF8.self)) ?? 0
        switch Unicode.Scalar(final) {
        case "A", "B", "E", "F", "H", "d", "f": breakLine()
        case "C", "a": text(ArraySlice(repeating: UInt8(ascii: " "), count: min(max(number, 1), 200)))
        case "G", "`": moveToColumn(number)
        case "J", "K": erase(mode: number, isScreen: final == UInt8(ascii: "J"))
        default: break
        }
    }

    mutating func command(_ payload: [UInt8]) {}

    /// Ends the line if there is anything on it.
    mutating func breakLine() {
        if !line.isEmpty { endLine() }
        isReturned = false
    }

    private var room: Int { PlainTextFilter.longestLine - line.count }

    private mutating func endLine() {
        output += line
        output.append(Byte.lineFeed)
        line.removeAll(keepingCapacity: true)
        isReturned = false
    }

    private mutating func prepareToWrite() {
        if isReturned { line.removeAll(keepingCapacity: true) }
        isReturned = false
    }

    private mutating func eraseLast() {
        guard !isReturned else { return }
        while let last = line.popLast(), last & 0xC0 == 0x80 {}
    }

    private mutating func moveToColumn(_ column: Int) {
        if column <= 1 {
            isReturned = true
        } else if !isReturned, let last = line.last, last != UInt8(ascii: " ") {
            text([UInt8(ascii: " ")])
        }
    }

    /// Erases what a terminal would erase with the cursor at the end of the line, or after a return.
    private mutating func erase(mode: Int, isScreen: Bool) {
        switch mode {
        case 0 where isReturned: prepareToWrite()
        case 2 where !isScreen: line.removeAll(keepingCapacity: true)
        case 2, 3: breakLine()
        default: break
        }
    }
}
