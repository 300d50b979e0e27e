// Answers of the resolver of a sandbox. What is not there is never cached (a reply without a SOA record), so that
// another policy holds at once.

/// What a question is answered with.
package enum DNSAnswer: Equatable, Sendable {
    /// Addresses of 4 or 16 bytes, as the question's type asks for.
    case addresses([[UInt8]])
    /// The name is there, but nothing of this type.
    case empty
    /// There is no such name.
    case noSuchName
    /// The policy does not have this name: no such name, with these words for who knows EDNS (RFC 8914).
    case blocked(String)
    /// It could not be found out.
    case failure
    /// This kind of question is not answered.
    case notImplemented
}

extension DNSQuery {
    enum Code: UInt16 {
        case success = 0
        case formatError = 1
        case failure = 2
        case noSuchName = 3
        case notImplemented = 4
        case refused = 5
        case badVersion = 16
    }

    /// The most that is sent over UDP, and what our own OPT record says: it fits any network.
    static let ownSizeLimit = 1232
    /// The type of the record of EDNS.
    static let optionsType: UInt16 = 41

    /// The reply as bytes; over TCP the caller puts two bytes of length before it.
    package func reply(_ answer: DNSAnswer, secondsToLive: UInt32 = 1, overTCP: Bool = false) -> [UInt8] {
        let limit = overTCP ? 65535 : sizeLimit
        switch answer {
        case .addresses(let addresses):
            let records = addresses.map { record($0, secondsToLive) }
            let full = message(.success, records: records)
            // What does not fit is asked for again over TCP.
            return full.count <= limit ? full : message(.success, isTruncated: true)
        case .empty: return message(.success)
        case .noSuchName: return message(.noSuchName)
        case .blocked(let words): return message(.noSuchName, blocked: words)
        case .failure: return message(.failure)
        case .notImplemented: return message(.notImplemented)
        }
    }

    /// A reply with this code.
    func message(
        _ code: Code,
        records: [[UInt8]] = [],
        blocked: String? = nil,
        isTruncated: Bool = false
    ) -> [UInt8] {
        var reply = Self.header(
            id,
            flags,
            code,
            isTruncated: isTruncated,
            counts: (questions: 1, answers: UInt16(clamping: records.count), additional: hasEDNS ? 1 : 0)
        )
        reply += question
        for record in records { reply += record }
        guard hasEDNS else { return reply }
        // The error "Blocked" (15) of the option for errors (15); with the words, the reply stays below 512 bytes.
        let words = blocked.map { Array($0.utf8.prefix(160)) }
        let option: [UInt8] = words.map { [0, 15] + bigEndian($0.count + 2) + [0, 15] + $0 } ?? []
        reply += [0] + bigEndian(Int(Self.optionsType)) + bigEndian(Self.ownSizeLimit)
        reply += [UInt8(truncatingIfNeeded: code.rawValue >> 4), 0, wantsSignatures ? 0x80 : 0, 0]
        reply += bigEndian(option.count) + option
        return reply
    }

    /// A reply's header; alone it is the reply to what was not understood.
    static func header(
        _ id: UInt16,
        _ flags: UInt16,
        _ code: Code,
        isTruncated: Bool = false,
        counts: (questions: UInt16, answers: UInt16, additional: UInt16) = (0, 0, 0)
    ) -> [UInt8] {
        let kept = flags & (Flag.operation | Flag.recursionDesired | Flag.checkingDisabled)
        let own = Flag.response | Flag.recursionAvailable | (isTruncated ? Flag.truncated : 0)
        let fields = [
            id, kept | own | code.rawValue & 15, counts.questions, counts.answers, 0, counts.additional,
        ]
        return fields.flatMap { bigEndian(Int($0)) }
    }

    /// An address of the name that was asked for, which is at byte 12.
    private func record(_ address: [UInt8], _ secondsToLive: UInt32) -> [UInt8] {
        let type = address.count == 4 ? RecordType.a : RecordType.aaaa
        let seconds = Int(secondsToLive)
        return [0xC0, 12] + bigEndian(Int(type)) + [0, 1] + bigEndian(seconds >> 16) + bigEndian(seconds)
            + bigEndian(address.count) + address
    }
}

/// The low 16 bits, the high byte first.
private func bigEndian(_ number: Int) -> [UInt8] {
    [UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number)]
}
