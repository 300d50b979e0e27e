// Where members of a JSON text stand, found without making values of them: what is a secret stays where it is, and what is
// not looked for is written back byte for byte.

/// Finds members of a JSON object by the names on the way to each.
@safe struct MemberScan {
    /// What stands somewhere.
    enum Kind: Equatable {
        case string, number, word, list, object
    }

    /// A value and its place, of a string with its quotes.
    struct Member: Equatable {
        let kind: Kind
        let range: Range<Int>
    }

    /// Why a text is not read.
    struct Malformed: Error, Equatable {
        let why: String
    }

    private static let deepest = 32

    private let bytes: UnsafeRawBufferPointer
    private let wanted: [[String]]
    private var position = 0
    private var found: [Member?]

    /// The members, in the order in which they are wanted; nil for each that is not there.
    ///
    /// - Throws: why the text is no JSON object; also when a name on the way to one is there twice.
    static func find(_ wanted: [[String]], in bytes: UnsafeRawBufferPointer) throws(Malformed) -> [Member?] {
        var scan = unsafe MemberScan(bytes, wanted)
        scan.skipBlanks()
        guard scan.next == UInt8(ascii: "{") else { throw Malformed(why: "it is no JSON object") }
        try scan.readObject(Array(wanted.indices), depth: 0)
        scan.skipBlanks()
        guard scan.position == bytes.count else { throw Malformed(why: "something follows the object") }
        return scan.found
    }

    private init(_ bytes: UnsafeRawBufferPointer, _ wanted: [[String]]) {
        unsafe self.bytes = bytes
        self.wanted = wanted
        found = Array(repeating: nil, count: wanted.count)
    }

    private var next: UInt8? { unsafe position < bytes.count ? bytes[position] : nil }

    private mutating func skipBlanks() {
        while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
    }

    private mutating func take(_ byte: UInt8) throws(Malformed) {
        guard next == byte else { throw Malformed(why: "it is no JSON") }
        position += 1
    }

    /// Reads a value.
    ///
    /// - Parameter candidates: those that are wanted below it, of which the first `depth` names have been passed.
    private mutating func readValue(_ candidates: [Int], depth: Int) throws(Malformed) -> Kind {
        guard depth < Self.deepest else { throw Malformed(why: "it is nested too deeply") }
        switch next {
        case UInt8(ascii: "{"):
            try readObject(candidates, depth: depth)
            return .object
        case UInt8(ascii: "["):
            try readList(depth: depth)
            return .list
        case UInt8(ascii: "\""):
            _ = try readString()
            return .string
        case UInt8(ascii: "t"): return try readWord("true")
        case UInt8(ascii: "f"): return try readWord("false")
        case UInt8(ascii: "n"): return try readWord("null")
        default:
            try readNumber()
            return .number
        }
    }

    private mutating func readObject(_ candidates: [Int], depth: Int) throws(Malformed) {
        try take(UInt8(ascii: "{"))
        var passed: Set<String> = []
        skipBlanks()
        if next == UInt8(ascii: "}") {
            position += 1
            return
        }
        while true {
            skipBlanks()
            let name = try readString()
            skipBlanks()
            try take(UInt8(ascii: ":"))
            skipBlanks()
            let meant = try candidates.isEmpty ? [] : self.meant(name, candidates, depth, &passed)
            let start = position
            let kind = try readValue(meant.filter { wanted[$0].count > depth + 1 }, depth: depth + 1)
            for index in meant where wanted[index].count == depth + 1 {
                found[index] = Member(kind: kind, range: start..<position)
            }
            skipBlanks()
            if next == UInt8(ascii: "}") {
                position += 1
                return
            }
            try take(UInt8(ascii: ","))
        }
    }

    /// The candidates that go on with a name.
    private func meant(_ name: Range<Int>, _ candidates: [Int], _ depth: Int, _ passed: inout Set<String>)
        throws(Malformed) -> [Int]
    {
        // Names are no secrets.
        guard let text = unsafe Self.text(UnsafeRawBufferPointer(rebasing: bytes[name])) else { return [] }
        let meant = candidates.filter { wanted[$0][depth] == text }
        if !meant.isEmpty, !passed.insert(text).inserted {
            throw Malformed(why: "a name in it is there twice")
        }
        return meant
    }

    private mutating func readList(depth: Int) throws(Malformed) {
        try take(UInt8(ascii: "["))
        skipBlanks()
        if next == UInt8(ascii: "]") {
            position += 1
            return
        }
        while true {
            skipBlanks()
            _ = try readValue([], depth: depth + 1)
            skipBlanks()
            if next == UInt8(ascii: "]") {
                position += 1
                return
            }
            try take(UInt8(ascii: ","))
        }
    }

    private mutating func readWord(_ word: StaticString) throws(Malformed) -> Kind {
        for index in 0..<word.utf8CodeUnitCount { try unsafe take(word.utf8Start[index]) }
        return .word
    }

    /// The place between the quotes.
    private mutating func readString() throws(Malformed) -> Range<Int> {
        try take(UInt8(ascii: "\""))
        let start = position
        while let byte = next, byte >= 0x20 {
            position += 1
            if byte == UInt8(ascii: "\"") { return start..<(position - 1) }
            if byte == UInt8(ascii: "\\") { try readEscape() }
        }
        throw Malformed(why: "a text in it does not end")
    }

    private mutating func readEscape() throws(Malformed) {
        guard let byte = next else { throw Malformed(why: "a text in it does not end") }
        position += 1
        switch byte {
        case UInt8(ascii: "u"):
            for _ in 0..<4 {
                guard let digit = next, digit.isHexadecimal else { throw Malformed(why: "it is no JSON") }
                position += 1
            }
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return
        default: throw Malformed(why: "it is no JSON")
        }
    }

    private mutating func readNumber() throws(Malformed) {
        if next == UInt8(ascii: "-") { position += 1 }
        let isZero = next == UInt8(ascii: "0")
        let digits = skipDigits()
        guard digits > 0, !isZero || digits == 1 else { throw Malformed(why: "it is no JSON") }
        if next == UInt8(ascii: ".") {
            position += 1
            guard skipDigits() > 0 else { throw Malformed(why: "it is no JSON") }
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            guard skipDigits() > 0 else { throw Malformed(why: "it is no JSON") }
        }
    }

    private mutating func skipDigits() -> Int {
        let start = position
        while let byte = next, 0x30...0x39 ~= byte { position += 1 }
        return position - start
    }

    // MARK: Texts

    /// The characters of a text of ASCII, one by one; false from `body` ends it.
    ///
    /// - Returns: whether all of them were given: a text with other characters has an end before its end.
    static func read(_ content: UnsafeRawBufferPointer, _ body: (UInt8) -> Bool) -> Bool {
        var index = 0
        while index < content.count {
            var byte = unsafe content[index]
            index += 1
            if byte == UInt8(ascii: "\\") {
                guard index < content.count else { return false }
                let mark = unsafe content[index]
                index += 1
                switch mark {
                case UInt8(ascii: "u"):
                    guard index + 4 <= content.count else { return false }
                    var code = 0
                    for place in index..<(index + 4) { code = unsafe code << 4 | content[place].hexadecimal }
                    guard code < 0x80 else { return false }
                    index += 4
                    byte = UInt8(code)
                case UInt8(ascii: "b"): byte = 0x08
                case UInt8(ascii: "f"): byte = 0x0c
                case UInt8(ascii: "n"): byte = 0x0a
                case UInt8(ascii: "r"): byte = 0x0d
                case UInt8(ascii: "t"): byte = 0x09
                default: byte = mark
                }
            }
            guard byte < 0x80, body(byte) else { return false }
        }
        return true
    }

    /// A text of ASCII; nil for another.
    private static func text(_ content: UnsafeRawBufferPointer) -> String? {
        var characters: [UInt8] = []
        let isWhole = unsafe read(content) { byte in
            characters.append(byte)
            return characters.count <= 256
        }
        return isWhole ? String(decoding: characters, as: UTF8.self) : nil
    }
}

extension UInt8 {
    fileprivate var isHexadecimal: Bool {
        0x30...0x39 ~= self || 0x41...0x46 ~= self || 0x61...0x66 ~= self
    }

    fileprivate var hexadecimal: Int { self < 0x40 ? Int(self & 0xf) : Int(self & 0xf) + 9 }
}
