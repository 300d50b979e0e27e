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
        switch answer {
        case .addresses(let addresses):
            let full = message(.success, addresses: addresses, secondsToLive: secondsToLive)
            // What does not fit is asked for again over TCP.
            return full.count <= (overTCP ? 65535 : sizeLimit) ? full : message(.success, isTruncated: true)
        case .empty: return message(.success)
        case .noSuchName: return message(.noSuchName)
        case .blocked(let words): return message(.noSuchName, blocked: words)
        case .failure: return message(.failure)
        case .notImplemented: return message(.notImplemented)
        }
    }

    /// A reply with this code, with addresses or with the words of a refusal.
    func message(
        _ code: Code,
        addresses: [[UInt8]] = [],
        secondsToLive: UInt32 = 0,
        blocked: String? = nil,
        isTruncated: Bool = false
    ) -> [UInt8] {
        // With at most 160 bytes of words, a reply without addresses stays below 512 bytes.
        let words = blocked?.utf8.prefix(160)
        var reply = Self.header(id, flags, code, isTruncated: isTruncated)
        reply.reserveCapacity(question.count + 28 * addresses.count + 32 + (words?.count ?? 0))
        // The numbers of questions, answers and additional records.
        reply[5] = 1
        reply[6] = UInt8(truncatingIfNeeded: addresses.count >> 8)
        reply[7] = UInt8(truncatingIfNeeded: addresses.count)
        reply[11] = hasEDNS ? 1 : 0
        reply += question
        for address in addresses {
            // The name that was asked for, at byte 12; the type; class IN.
            reply.append(0xC00C as UInt16)
            reply.append(address.count == 4 ? RecordType.a : RecordType.aaaa)
            reply.append(1 as UInt16)
            reply.append(UInt16(truncatingIfNeeded: secondsToLive >> 16))
            reply.append(UInt16(truncatingIfNeeded: secondsToLive))
            reply.append(UInt16(truncatingIfNeeded: address.count))
            reply += address
        }
        guard hasEDNS else { return reply }
        // The root; the high bits of the code, version 0, and the bit for signatures as it was.
        reply.append(0 as UInt8)
        reply.append(Self.optionsType)
        reply.append(UInt16(Self.ownSizeLimit))
        reply.append((code.rawValue >> 4) << 8)
        reply.append(wantsSignatures ? 0x8000 : 0 as UInt16)
        guard let words else {
            reply.append(0 as UInt16)
            return reply
        }
        // The option for errors (15): the error "Blocked" (15), and why.
        reply.append(UInt16(words.count + 6))
        reply.append(15 as UInt16)
        reply.append(UInt16(words.count + 2))
        reply.append(15 as UInt16)
        reply += words
        return reply
    }

    /// A reply's header; alone it is the reply to what was not understood.
    static func header(_ id: UInt16, _ flags: UInt16, _ code: Code, isTruncated: Bool = false) -> [UInt8] {
        let kept = flags & (Flag.operation | Flag.recursionDesired | Flag.checkingDisabled)
        let own = Flag.response | Flag.recursionAvailable | (isTruncated ? Flag.truncated : 0)
        let all = kept | own | code.rawValue & 15
        return [
            UInt8(id >> 8), UInt8(id & 255), UInt8(all >> 8), UInt8(all & 255), 0, 0, 0, 0, 0, 0, 0, 0,
        ]
    }
}

extension [UInt8] {
    /// The high byte first.
    fileprivate mutating func append(_ number: UInt16) {
        append(UInt8(number >> 8))
        append(UInt8(number & 255))
    }
}
