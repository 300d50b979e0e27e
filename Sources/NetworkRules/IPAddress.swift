// Addresses as numbers and as text. One text form is read, the strict one: what another reader might take for
// another address (leading zeros, octal, hexadecimal, fewer than four numbers) is none.

/// An address of either family.
package struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// Whether it has four bytes; an IPv4 address mapped into IPv6 has sixteen.
    package let isIPv4: Bool
    /// The first eight bytes; 0 for IPv4.
    package let high: UInt64
    /// The last eight bytes; those of IPv4 are the last four.
    package let low: UInt64

    /// An IPv4 address from its number, most significant byte first.
    package static func v4(_ number: UInt32) -> IPAddress {
        IPAddress(isIPv4: true, high: 0, low: UInt64(number))
    }

    /// An IPv6 address from its two halves.
    package static func v6(_ high: UInt64, _ low: UInt64) -> IPAddress {
        IPAddress(isIPv4: false, high: high, low: low)
    }

    private init(isIPv4: Bool, high: UInt64, low: UInt64) {
        self.isIPv4 = isIPv4
        self.high = high
        self.low = low
    }

    /// The address of four or sixteen bytes in network order; nil for another number of bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        let value = bytes.reduce((high: UInt64(0), low: UInt64(0))) {
            ($0.high << 8 | $0.low >> 56, $0.low << 8 | UInt64($1))
        }
        self.init(isIPv4: bytes.count == 4, high: value.high, low: value.low)
    }

    /// The four or sixteen bytes in network order.
    package var bytes: [UInt8] {
        let all = [high, low].flatMap { half in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: half >> UInt64($0)) }
        }
        return isIPv4 ? Array(all.suffix(4)) : all
    }

    /// How many bits it has.
    var bitCount: Int { isIPv4 ? 32 : 128 }

    /// The IPv4 address of `::ffff:a.b.c.d`; any other address itself.
    package var unmapped: IPAddress {
        !isIPv4 && high == 0 && low >> 32 == 0xffff ? .v4(UInt32(truncatingIfNeeded: low)) : self
    }

    /// The address with all bits behind the first `count` cleared.
    func prefix(_ count: Int) -> IPAddress {
        if isIPv4 {
            let mask = count == 0 ? 0 : ~UInt32(0) << UInt32(32 - count)
            return .v4(UInt32(truncatingIfNeeded: low) & mask)
        }
        let upper = count >= 64 ? ~0 : count == 0 ? 0 : ~UInt64(0) << UInt64(64 - count)
        let lower = count <= 64 ? 0 : ~UInt64(0) << UInt64(128 - count)
        return .v6(high & upper, low & lower)
    }
}

extension IPAddress {
    /// Four decimal numbers without leading zeros, or the text of RFC 4291 without zone and brackets.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        if bytes.contains(UInt8(ascii: ":")) {
            guard let groups = Self.groups(bytes) else { return nil }
            let halves = [groups[..<4], groups[4...]].map { $0.reduce(UInt64(0)) { $0 << 16 | UInt64($1) } }
            self = .v6(halves[0], halves[1])
        } else {
            guard let number = Self.dottedQuad(bytes[...]) else { return nil }
            self = .v4(number)
        }
    }

    private static func dottedQuad(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var number: UInt32 = 0
        for part in parts {
            guard let value = PortNumber.decimal(part, through: 255) else { return nil }
            number = number << 8 | UInt32(value)
        }
        return number
    }

    /// The eight groups of an IPv6 address.
    private static func groups(_ bytes: [UInt8]) -> [UInt16]? {
        let colon = UInt8(ascii: ":")
        var gap: Int?
        for index in bytes.indices.dropLast() where bytes[index] == colon && bytes[index + 1] == colon {
            guard gap == nil else { return nil }
            gap = index
        }
        guard let gap else {
            guard let groups = groups(part: bytes[...], last: true), groups.count == 8 else { return nil }
            return groups
        }
        guard let head = groups(part: bytes[..<gap], last: false),
            let tail = groups(part: bytes[(gap + 2)...], last: true), head.count + tail.count < 8
        else { return nil }
        return head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail
    }

    /// The groups between colons; only the last ones of an address may be a dotted quad.
    private static func groups(part: ArraySlice<UInt8>, last: Bool) -> [UInt16]? {
        if part.isEmpty { return [] }
        var result: [UInt16] = []
        let pieces = part.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        for (index, piece) in pieces.enumerated() {
            if last, index == pieces.count - 1, piece.contains(UInt8(ascii: ".")) {
                guard let quad = dottedQuad(piece) else { return nil }
                result += [UInt16(quad >> 16), UInt16(truncatingIfNeeded: quad)]
                continue
            }
            guard (1...4).contains(piece.count) else { return nil }
            var value: UInt16 = 0
            for byte in piece {
                guard let digit = PercentCoding.hexDigit(byte) else { return nil }
                value = value << 4 | UInt16(digit)
            }
            result.append(value)
        }
        return result
    }

    /// The one text of an address: four decimal numbers, or the form of RFC 5952.
    package var description: String {
        if isIPv4 { return bytes.map { String($0) }.joined(separator: ".") }
        let mapped = unmapped
        if mapped.isIPv4 { return "::ffff:" + mapped.description }
        let groups = [high, low].flatMap { half in
            stride(from: 48, through: 0, by: -16).map { UInt16(truncatingIfNeeded: half >> UInt64($0)) }
        }
        var longest = 0..<0
        var start = 0
        for index in 0...8 where index == 8 || groups[index] != 0 {
            if index - start > max(longest.count, 1) { longest = start..<index }
            start = index + 1
        }
        func text(_ range: Range<Int>) -> String {
            groups[range].map { String($0, radix: 16) }.joined(separator: ":")
        }
        if longest.isEmpty { return text(0..<8) }
        return text(0..<longest.lowerBound) + "::" + text(longest.upperBound..<8)
    }
}
