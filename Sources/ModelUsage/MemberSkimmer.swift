// Finds a few members of JSON objects in bytes that come in any pieces, and keeps nothing else: an answer may be as long as
// it likes. What is not looked for is skipped, not judged; what is found is handed over as text for JSONText. Called by
// UsageReader and RequestReader.

/// Skims JSON objects, one after another or in an array, for members by name.
struct MemberSkimmer {
    /// A member to look for.
    struct Member {
        /// The object of the document's that has it; nil for the document itself.
        let parent: [UInt8]?
        let name: [UInt8]
        /// How much of its value is kept.
        let limit: Int

        init(_ name: String, in parent: String? = nil, limit: Int = 65536) {
            self.parent = parent.map { Array($0.utf8) }
            self.name = Array(name.utf8)
            self.limit = limit
        }
    }

    /// The text of each member's value in the last document; empty for one that is not there.
    private(set) var values: [[UInt8]]
    /// Whether a value was longer than what is kept of it.
    private(set) var isCut: [Bool]
    /// Whether names were in the document that two readers may read as two: one twice, or one with an escape in it.
    private(set) var isAmbiguous = false
    /// Whether a document has just ended.
    private(set) var hasEnded = false

    private let members: [Member]
    private let parents: [[UInt8]]
    private var depth = 0
    /// The depth within the document: 2 where documents stand in an array.
    private var base = 1
    private var isInDocument = false
    /// The object within the document that is looked through.
    private var entered: Int?
    /// The name that was read last stands for one of `parents`.
    private var candidate: Int?
    private var mode = Mode.structure
    private var expectsName = false
    private var name: [UInt8] = []
    private var kept: (member: Int, depth: Int)?
    private var isEscaped = false

    private enum Mode { case structure, name, string }

    init(_ members: [Member]) {
        self.members = members
        var parents: [[UInt8]] = []
        for member in members {
            if let parent = member.parent, !parents.contains(parent) { parents.append(parent) }
        }
        self.parents = parents
        values = Array(repeating: [], count: members.count)
        isCut = Array(repeating: false, count: members.count)
    }

    /// Forgets a document that has not ended.
    mutating func reset() {
        (depth, base, mode) = (0, 1, .structure)
        leaveDocument()
    }

    private mutating func leaveDocument() {
        (isInDocument, entered, candidate, kept) = (false, nil, nil, nil)
        (expectsName, isEscaped) = (false, false)
    }

    private mutating func enterDocument() {
        for index in values.indices {
            values[index].removeAll(keepingCapacity: true)
            isCut[index] = false
        }
        (isInDocument, isAmbiguous, expectsName) = (true, false, true)
    }

    /// Reads on; stops behind the end of a document, which `hasEnded` then says.
    ///
    /// - Returns: how many bytes were read.
    mutating func skim(_ bytes: UnsafeRawBufferPointer) -> Int {
        hasEnded = false
        var index = 0
        while index < bytes.count {
            switch mode {
            case .structure:
                if isSkipping { index = unsafe skipNested(bytes, from: index) }
                guard index < bytes.count else { return index }
                let byte = unsafe bytes[index]
                index += 1
                structure(byte)
                if hasEnded { return index }
            case .name:
                nameByte(unsafe bytes[index])
                index += 1
            case .string:
                let end = unsafe stringEnd(bytes, from: index)
                if kept != nil { unsafe keep(UnsafeRawBufferPointer(rebasing: bytes[index..<end])) }
                index = end
            }
        }
        return index
    }

    /// Whether what is read is deeper than all names that are looked at, and not kept.
    private var isSkipping: Bool { isInDocument && kept == nil && depth > base + (entered == nil ? 0 : 1) }

    /// Reads on to the next string, or to the end of what is nested so deep.
    private mutating func skipNested(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        let end = base + (entered == nil ? 0 : 1) + 1
        var index = start
        while index < bytes.count {
            switch unsafe bytes[index] {
            case UInt8(ascii: "\""): return index
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == end { return index }
                depth -= 1
            default: break
            }
            index += 1
        }
        return index
    }

    private mutating func structure(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""):
            if expectsName {
                mode = .name
                name.removeAll(keepingCapacity: true)
            } else {
                mode = .string
                keep(byte)
            }
        case UInt8(ascii: "{"), UInt8(ascii: "["): open(byte)
        case UInt8(ascii: "}"), UInt8(ascii: "]"): close(byte)
        case UInt8(ascii: ","):
            if isAtNames {
                kept = nil
                (expectsName, candidate) = (true, nil)
            } else {
                keep(byte)
            }
        case UInt8(ascii: ":"):
            if isAtNames && kept == nil { valueBegins() } else { keep(byte) }
        default: keep(byte)
        }
    }

    /// Whether the depth is that of names that are looked at.
    private var isAtNames: Bool {
        isInDocument && (depth == base && entered == nil || depth == base + 1 && entered != nil)
    }

    private mutating func open(_ byte: UInt8) {
        keep(byte)
        if depth == 0 { base = byte == UInt8(ascii: "[") ? 2 : 1 }
        depth += 1
        guard byte == UInt8(ascii: "{") else { return }
        if depth == base {
            enterDocument()
        } else if isInDocument, depth == base + 1, entered == nil, let candidate {
            (entered, expectsName) = (candidate, true)
        }
    }

    private mutating func close(_ byte: UInt8) {
        if let kept, depth > kept.depth { keep(byte) } else { kept = nil }
        depth = max(0, depth - 1)
        guard isInDocument else { return }
        if entered != nil && depth == base { (entered, candidate, expectsName) = (nil, nil, false) }
        if depth < base {
            leaveDocument()
            hasEnded = true
        }
    }

    /// The colon behind a name that is looked at.
    private mutating func valueBegins() {
        expectsName = false
        let parent = entered.map { parents[$0] }
        candidate = parent == nil ? parents.firstIndex(of: name) : nil
        guard let member = members.firstIndex(where: { $0.name == name && $0.parent == parent }) else {
            return
        }
        if !values[member].isEmpty {
            isAmbiguous = true
            values[member].removeAll(keepingCapacity: true)
        }
        kept = (member, depth)
    }

    private mutating func nameByte(_ byte: UInt8) {
        if isEscaped {
            isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
            // It may be one of ours, written so that a comparison of bytes does not see it.
            (isEscaped, isAmbiguous) = (true, true)
        } else if byte == UInt8(ascii: "\"") {
            (mode, expectsName) = (.structure, false)
            return
        }
        // No name that is looked for is longer.
        if name.count < 64 { name.append(byte) }
    }

    /// Behind the string that is read, or the end of what there is.
    private mutating func stringEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        if isEscaped && index < bytes.count {
            isEscaped = false
            index += 1
        }
        while index < bytes.count {
            // Eight at a time while none of them is a quote or a backslash.
            while index + 8 <= bytes.count {
                let word = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                if word.hasByte(UInt8(ascii: "\"")) || word.hasByte(UInt8(ascii: "\\")) { break }
                index += 8
            }
            guard index < bytes.count else { break }
            let byte = unsafe bytes[index]
            index += 1
            if byte == UInt8(ascii: "\"") {
                mode = .structure
                return index
            }
            if byte == UInt8(ascii: "\\") {
                if index == bytes.count { isEscaped = true } else { index += 1 }
            }
        }
        return index
    }

    private mutating func keep(_ byte: UInt8) {
        guard let kept, byte > 0x20 || !values[kept.member].isEmpty else { return }
        if values[kept.member].count < members[kept.member].limit {
            values[kept.member].append(byte)
        } else {
            isCut[kept.member] = true
        }
    }

    private mutating func keep(_ bytes: UnsafeRawBufferPointer) {
        guard let kept else { return }
        let room = members[kept.member].limit - values[kept.member].count
        unsafe values[kept.member].append(contentsOf: bytes.prefix(room))
        if bytes.count > room { isCut[kept.member] = true }
    }
}
