// Questions to the resolver of a sandbox (RFC 1035, 6891): one question of class IN. What came over TCP is given without
// its two bytes of length. DNSReply.swift has the answers.

/// What came to the resolver.
package enum DNSRequest: Equatable, Sendable {
    /// A question.
    case query(DNSQuery)
    /// Something that gets this reply, for this reason.
    case refused(reply: [UInt8], why: String)
    /// Something that gets no reply, since nobody waits for one.
    case malformed(String)

    /// Reads one message.
    package static func parse(_ bytes: Span<UInt8>) -> DNSRequest {
        guard bytes.count >= 12 else { return .malformed("DNS message is too short") }
        let id = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
        let flags = UInt16(bytes[2]) << 8 | UInt16(bytes[3])
        // An answer to an answer could go on for ever.
        guard flags & DNSQuery.Flag.response == 0 else { return .malformed("DNS message is a response") }
        guard flags & DNSQuery.Flag.operation == 0 else {
            return .refused(
                reply: DNSQuery.header(id, flags, .notImplemented),
                why: "DNS operation is not QUERY"
            )
        }
        do throws(Malformed) {
            let query = try DNSQuery(id: id, flags: flags, bytes)
            if query.ednsVersion != 0 {
                return .refused(reply: query.message(.badVersion), why: "version of EDNS is not 0")
            }
            if query.questionClass != 1 {
                return .refused(reply: query.message(.refused), why: "class of the question is not IN")
            }
            if !query.isPlain {
                let reply = query.reply(.noSuchName)
                return .refused(reply: reply, why: "name has characters that no host name has")
            }
            return .query(query)
        } catch { return .refused(reply: DNSQuery.header(id, flags, .formatError), why: error.why) }
    }
}

/// One question.
package struct DNSQuery: Equatable, Sendable {
    /// Types of what is asked for.
    package enum RecordType {
        package static let a: UInt16 = 1
        package static let ptr: UInt16 = 12
        package static let aaaa: UInt16 = 28
    }

    enum Flag {
        static let response: UInt16 = 0x8000
        static let operation: UInt16 = 0x7800
        static let truncated: UInt16 = 0x0200
        static let recursionDesired: UInt16 = 0x0100
        static let recursionAvailable: UInt16 = 0x0080
        static let checkingDisabled: UInt16 = 0x0010
    }

    /// What the asker knows the question by.
    package let id: UInt16
    /// The name as it was written, of letters, digits, `-` and `_`, without a dot at its end; the root is `.`.
    package let name: String
    /// What is asked for; see `RecordType`.
    package let type: UInt16
    /// Whether the asker knows EDNS, by which more can be said in a reply.
    package let hasEDNS: Bool

    let flags: UInt16
    /// The question as it came: a reply repeats it.
    let question: [UInt8]
    let questionClass: UInt16
    let isPlain: Bool
    let ednsVersion: UInt8
    /// The bit by which the asker wants signatures; a reply repeats it.
    let wantsSignatures: Bool
    /// How long a reply over UDP may be.
    let sizeLimit: Int

    fileprivate init(id: UInt16, flags: UInt16, _ bytes: Span<UInt8>) throws(Malformed) {
        self.id = id
        self.flags = flags
        var rest = bytes.extracting(droppingFirst: 4)
        guard rest.takeUInt16() == 1 else { throw Malformed("DNS message has not one question") }
        guard rest.takeUInt16() == 0, rest.takeUInt16() == 0, let additional = rest.takeUInt16(),
            additional <= 1
        else { throw Malformed("DNS question comes with other records") }
        var text: [UInt8] = []
        var isPlain = true
        while true {
            guard let length = rest.takeByte() else { throw Malformed("name in a DNS question is cut off") }
            if length == 0 { break }
            guard length < 64 else { throw Malformed("name in a DNS question is compressed") }
            if !text.isEmpty { text.append(UInt8(ascii: ".")) }
            guard rest.count >= length else { throw Malformed("name in a DNS question is cut off") }
            // 255 bytes with the length of each label.
            guard text.count + Int(length) <= 253 else {
                throw Malformed("name in a DNS question is too long")
            }
            for index in 0..<Int(length) {
                isPlain = isPlain && ByteSet.label.contains(rest[index])
                text.append(rest[index])
            }
            rest = rest.extracting(droppingFirst: Int(length))
        }
        guard let type = rest.takeUInt16(), let questionClass = rest.takeUInt16() else {
            throw Malformed("DNS question is cut off")
        }
        self.type = type
        self.questionClass = questionClass
        self.isPlain = isPlain
        name = text.isEmpty ? "." : isPlain ? String(decoding: text, as: UTF8.self) : ""
        question = bytes.extracting(12..<bytes.count - rest.count).array
        hasEDNS = additional == 1
        let options =
            try additional == 1 ? Self.takeOptions(&rest) : (size: 512, version: 0, signatures: false)
        sizeLimit = max(512, min(options.size, Self.ownSizeLimit))
        ednsVersion = options.version
        wantsSignatures = options.signatures
        guard rest.isEmpty else { throw Malformed("DNS message goes on after its end") }
    }

    /// The only additional record that is understood: OPT, of EDNS.
    private static func takeOptions(
        _ rest: inout Span<UInt8>
    ) throws(Malformed) -> (size: Int, version: UInt8, signatures: Bool) {
        guard rest.takeByte() == 0, rest.takeUInt16() == optionsType, let size = rest.takeUInt16(),
            rest.takeByte() != nil, let version = rest.takeByte(), let flags = rest.takeUInt16(),
            let length = rest.takeUInt16(), rest.count >= length
        else { throw Malformed("additional record of a DNS question is not that of EDNS") }
        var options = rest.extracting(0..<Int(length))
        while !options.isEmpty {
            guard options.takeUInt16() != nil, let length = options.takeUInt16(), options.skip(Int(length))
            else {
                throw Malformed("option of EDNS is cut off")
            }
        }
        rest = rest.extracting(droppingFirst: Int(length))
        return (Int(size), version, flags & 0x8000 != 0)
    }
}
