// Ranges of addresses, `10.0.0.0/8` or a single address.

/// All addresses that begin with the same bits.
package struct AddressRange: Hashable, Sendable, CustomStringConvertible {
    /// The first address of it.
    package let base: IPAddress
    /// How many bits all of it have in common.
    package let prefix: Int

    /// `ADDRESS/BITS`, the bits beyond those being zero, or one address.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let base = IPAddress(String(parts[0])) else { return nil }
        guard parts.count == 2 else {
            self.init(base)
            return
        }
        guard let prefix = PortNumber.decimal(Array(parts[1].utf8)[...], through: base.bitCount) else {
            return nil
        }
        self.init(base, prefix: prefix)
        if self.base != base { return nil }
    }

    /// One address alone.
    package init(_ address: IPAddress) {
        base = address
        prefix = address.bitCount
    }

    /// The range of that many bits in which an address lies.
    init(_ address: IPAddress, prefix: Int) {
        base = address.prefix(prefix)
        self.prefix = prefix
    }

    /// Whether the address lies in it; `::ffff:a.b.c.d` is the same address as `a.b.c.d`.
    package func contains(_ address: IPAddress) -> Bool {
        let (range, address) = (unmapped ?? self, address.unmapped)
        return address.isIPv4 == range.base.isIPv4 && address.prefix(range.prefix) == range.base
    }

    /// Whether all of the other lies in it.
    func contains(_ other: AddressRange) -> Bool {
        let (outer, inner) = (unmapped ?? self, other.unmapped ?? other)
        return outer.base.isIPv4 == inner.base.isIPv4 && outer.prefix <= inner.prefix
            && outer.contains(inner.base)
    }

    /// Whether there is only one address in it.
    package var isSingle: Bool { prefix == base.bitCount }

    /// The range of IPv4 that a range below `::ffff:0:0/96` is.
    var unmapped: AddressRange? {
        guard prefix >= 96, base.unmapped.isIPv4, !base.isIPv4 else { return nil }
        return AddressRange(base.unmapped, prefix: prefix - 96)
    }

    /// As a profile has it.
    package var description: String { isSingle ? base.description : "\(base)/\(prefix)" }
}
