// As much of TOML as it takes to put tables into a file that somebody else writes as well: where tables begin, and
// whose they are. All other lines stay as they are, comments included. It reads what an agent may have written, so it
// knows strings and brackets that go over several lines, and takes no text in them for a table.

internal import ClocheModel

enum TOMLTables {
    /// The text without the tables `[key.NAME]`, and those below them, of the names given; then these tables, anew.
    ///
    /// Nil if the text ends within a string or a list, so that tables behind it would be a part of that.
    static func placing(_ entries: [Document.Entry], under key: String, in old: String) -> String? {
        var kept: [Substring] = []
        var scanner = TOMLScanner()
        var isOwn = false
        // By bytes: to Swift, CR and LF are one character.
        for line in old.utf8.split(separator: 0x0a, omittingEmptySubsequences: false).map(Substring.init) {
            if scanner.isBetweenStatements, let header = TOMLScanner.header(line) {
                isOwn = header.count >= 2 && header[0] == key && entries.contains { $0.key == header[1] }
            }
            scanner.read(line)
            if !isOwn { kept.append(line) }
        }
        guard scanner.isBetweenStatements else { return nil }
        while kept.last?.allSatisfy(\.isWhitespace) == true { kept.removeLast() }
        var text = kept.isEmpty ? "" : kept.joined(separator: "\n") + "\n"
        for entry in entries {
            text += (text.isEmpty ? "" : "\n") + "[\(name(key)).\(name(entry.key))]\n"
            for part in entry.value.entries ?? [] where part.value != .null {
                text += "\(name(part.key)) = \(value(part.value))\n"
            }
        }
        return text
    }

    private static func name(_ key: String) -> String {
        let isBare = !key.isEmpty && key.utf8.allSatisfy(TOMLScanner.isBare)
        return isBare ? key : string(key)
    }

    private static func value(_ document: Document) -> String {
        switch document {
        case .null: "\"\""
        case .bool(let value): value ? "true" : "false"
        case .integer(let number): String(number)
        case .real(let number): String(number)
        case .string(let text): string(text)
        case .list(let items): "[" + items.map(value).joined(separator: ", ") + "]"
        case .map(let entries):
            "{" + entries.map { "\(name($0.key)) = \(value($0.value))" }.joined(separator: ", ") + "}"
        }
    }

    /// A basic string.
    private static func string(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\" + String(scalar)
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

/// Reads lines only as far as to know where a statement ends.
struct TOMLScanner {
    private enum Text { case basic, literal }

    /// The string of several lines that is open.
    private var open: Text?
    /// How many brackets and braces are open.
    private var depth = 0

    /// Whether the next line begins a statement.
    var isBetweenStatements: Bool { open == nil && depth == 0 }

    /// Goes over a line.
    mutating func read(_ line: Substring) {
        var rest = Array(line.utf8)[...]
        while !rest.isEmpty {
            if let text = open {
                guard let end = TOMLScanner.end(of: text, marks: 3, in: rest) else { return }
                open = nil
                rest = rest[end...]
                continue
            }
            switch rest.removeFirst() {
            case UInt8(ascii: "#"): return
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth = max(0, depth - 1)
            case UInt8(ascii: "\""): begin(.basic, &rest)
            case UInt8(ascii: "'"): begin(.literal, &rest)
            default: continue
            }
        }
    }

    /// One mark of a string was read.
    private mutating func begin(_ text: Text, _ rest: inout ArraySlice<UInt8>) {
        let mark = TOMLScanner.mark(text)
        if rest.prefix(2).elementsEqual([mark, mark]) {
            rest = rest.dropFirst(2)
            open = text
        } else {
            // A string of one line ends with it, whatever else is wrong.
            rest = TOMLScanner.end(of: text, marks: 1, in: rest).map { rest[$0...] } ?? []
        }
    }

    private static func mark(_ text: Text) -> UInt8 { text == .basic ? 0x22 : 0x27 }

    /// Where a string is over; nil if not in this line.
    private static func end(of text: Text, marks: Int, in rest: ArraySlice<UInt8>) -> Int? {
        var index = rest.startIndex
        var count = 0
        while index < rest.endIndex {
            if rest[index] == mark(text) {
                count += 1
                index += 1
                guard count == marks else { continue }
                // The last three marks end a string of several lines; up to two before them belong to it.
                var more = marks == 3 ? 2 : 0
                while more > 0, index < rest.endIndex, rest[index] == mark(text) {
                    (more, index) = (more - 1, index + 1)
                }
                return index
            }
            count = 0
            index += text == .basic && rest[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }

    /// The keys of a table's name if a line begins one: `[a."b c"]` or `[[a]]`.
    static func header(_ line: Substring) -> [String]? {
        var rest = line.drop { $0 == " " || $0 == "\t" }
        guard rest.first == "[" else { return nil }
        rest = rest.drop { $0 == "[" }
        var keys: [String] = []
        while true {
            rest = rest.drop { $0 == " " || $0 == "\t" }
            guard let key = takeKey(&rest) else { return nil }
            keys.append(key)
            rest = rest.drop { $0 == " " || $0 == "\t" }
            guard rest.first == "." else { return rest.first == "]" ? keys : nil }
            rest = rest.dropFirst()
        }
    }

    private static func takeKey(_ rest: inout Substring) -> String? {
        if let mark = rest.first, mark == "\"" || mark == "'" {
            let key = rest.dropFirst().prefix { $0 != mark }
            rest = rest.dropFirst(key.count + 2)
            return String(key)
        }
        let key = rest.prefix { $0.utf8.allSatisfy(isBare) }
        rest = rest.dropFirst(key.count)
        return key.isEmpty ? nil : String(key)
    }

    /// Whether a byte may be in a key without quotes.
    static func isBare(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x5f: true
        default: false
        }
    }
}
