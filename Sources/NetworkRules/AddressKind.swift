// What kind of address one is: the registries of special-purpose addresses (IANA, RFC 6890 and later), the
// metadata services of clouds, and the IPv6 addresses that lead to an IPv4 address.

/// What an address is for; of two kinds the later one is the stricter.
package enum AddressKind: String, CaseIterable, Comparable, Sendable {
    /// Of the internet.
    case `public`
    /// Of a carrier's or a provider's network, 100.64.0.0/10.
    case shared
    /// Of a local network: RFC 1918, unique local and site-local ones.
    case `private`
    /// For documentation, for tests, or not given to anybody.
    case reserved
    /// What Cloche answers for names inside the sandbox; 198.18.0.0/15 is for benchmarks elsewhere.
    case synthetic
    case multicast
    case broadcast
    /// Of one link.
    case linkLocal = "link-local"
    /// All zero; Linux takes it for the host itself.
    case unspecified
    case loopback
    /// The metadata service of a cloud, which hands out credentials.
    case metadata

    /// Orders by strictness.
    package static func < (first: AddressKind, second: AddressKind) -> Bool {
        rank[first, default: 0] < rank[second, default: 0]
    }

    /// What an address of the kind is, to follow "is".
    package var words: String {
        switch self {
        case .public: "a public address"
        case .shared: "an address of a provider's own network"
        case .private: "an address of a private network"
        case .reserved: "a reserved address"
        case .synthetic: "an address that stands for names inside sandboxes"
        case .multicast: "a multicast address"
        case .broadcast: "a broadcast address"
        case .linkLocal: "a link-local address"
        case .unspecified: "the address of no host, which Linux takes for this machine"
        case .loopback: "an address of this machine's loopback"
        case .metadata: "an address of a cloud's metadata service, which must be named alone"
        }
    }

    private static let rank = Dictionary(
        uniqueKeysWithValues: allCases.enumerated().map { ($0.element, $0.offset) }
    )
}

extension IPAddress {
    /// The kind of the address, or that of an address which it leads to if that is the stricter one.
    package var kind: AddressKind {
        let address = unmapped
        return address.embedded.map(\.ownKind).reduce(address.ownKind, max)
    }

    /// The kind without regard to embedded addresses.
    private var ownKind: AddressKind { block?.kind ?? (isIPv4 ? .public : .reserved) }

    /// The smallest special block that the address lies in.
    var block: SpecialBlock? { SpecialBlock.all.first { $0.range.contains(self) } }

    /// The IPv4 addresses to which a gateway may send what is sent to this IPv6 address.
    ///
    /// These are the ones in 6to4, NAT64, Teredo (server and client), IPv4-compatible and ISATAP addresses. The prefix for local
    /// NAT64 gateways leaves open where in the address it is: each place of RFC 6052 counts.
    package var embedded: [IPAddress] {
        if isIPv4 { return [] }
        let last = UInt32(truncatingIfNeeded: low)
        var found: [IPAddress] = []
        if high >> 48 == 0x2002 { found.append(.v4(UInt32(truncatingIfNeeded: high >> 16))) }
        if high >> 32 == 0x2001_0000 {
            found += [.v4(UInt32(truncatingIfNeeded: high)), .v4(~last)]
        }
        if high == 0x0064_ff9b_0000_0000 && low >> 32 == 0 { found.append(.v4(last)) }
        if high >> 16 == 0x0064_ff9b_0001 {
            found += [
                .v4(
                    UInt32(truncatingIfNeeded: high & 0xffff) << 16 | UInt32(truncatingIfNeeded: low >> 40)
                        & 0xffff
                ),
                .v4(
                    UInt32(truncatingIfNeeded: high & 0xff) << 24 | UInt32(truncatingIfNeeded: low >> 32)
                        & 0xff_ffff
                ),
                .v4(UInt32(truncatingIfNeeded: low >> 24)), .v4(last),
            ]
        }
        if high == 0 && low >> 32 == 0 && low > 1 { found.append(.v4(last)) }
        if low >> 32 == 0x5efe || low >> 32 == 0x0200_5efe { found.append(.v4(last)) }
        return found
    }

    /// The address, unmapped, and all that are embedded in it.
    var readings: [IPAddress] { [unmapped] + unmapped.embedded }
}

extension AddressRange {
    /// The addresses that stand for names inside the sandbox.
    package static let syntheticIPv4 = AddressRange(.v4(0xc612_0000), prefix: 15)
    /// The same for IPv6: a unique local prefix of Cloche's own.
    package static let syntheticIPv6 = AddressRange(.v6(0xfdc1_0c4e_0000_0000, 0), prefix: 96)

    /// Whether a rule of this range means that address although it is not public.
    ///
    /// A range that is wider than the special block around the address, such as 0.0.0.0/0, means only the public addresses in it.
    /// The metadata services, the host's own public addresses and what is not public because of an embedded address must be named
    /// one by one; what stands for names inside cannot be named.
    func names(_ address: IPAddress) -> Bool {
        guard contains(address) else { return false }
        let address = address.unmapped
        let kind = address.kind
        if kind == .synthetic { return false }
        if isSingle { return true }
        guard kind != .public, kind != .metadata, let block = address.block, block.kind == kind else {
            return false
        }
        return block.range.contains(self)
    }
}

/// A block of addresses that are not the internet's.
struct SpecialBlock: Sendable {
    let range: AddressRange
    let kind: AddressKind

    /// The smallest come first: the first that contains an address decides.
    static let all: [SpecialBlock] = table.flatMap { kind, texts in
        texts.compactMap { AddressRange($0) }.map { SpecialBlock(range: $0, kind: kind) }
    }.sorted {
        ($0.range.base.isIPv4 ? 96 : 0) + $0.range.prefix > ($1.range.base.isIPv4 ? 96 : 0) + $1.range.prefix
    }

    static let table: KeyValuePairs<AddressKind, [String]> = [
        .metadata: [
            "169.254.169.254", "fd00:ec2::254", "fd20:ce::254",  // most clouds, Amazon, Google
            "169.254.170.2", "169.254.170.23", "fd00:ec2::23",  // Amazon's credentials of containers
            "100.100.100.200",  // Alibaba
            "168.63.129.16",  // Azure
            "192.0.0.192",  // Oracle
        ],
        .unspecified: ["0.0.0.0", "::"],
        .loopback: ["127.0.0.0/8", "::1"],
        .private: [
            "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
            "fc00::/7", "fec0::/10",  // unique local, site-local
            "64:ff9b:1::/48",  // local NAT64 gateways
        ],
        .shared: ["100.64.0.0/10"],
        .linkLocal: ["169.254.0.0/16", "fe80::/10"],
        .synthetic: [AddressRange.syntheticIPv4.description, AddressRange.syntheticIPv6.description],
        .multicast: ["224.0.0.0/4", "ff00::/8"],
        .broadcast: ["255.255.255.255"],
        .reserved: [
            "0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.51.100.0/24",
            "203.0.113.0/24",
            "240.0.0.0/4",
            "::/96",  // IPv4-compatible
            "2001::/23",  // protocols, Teredo among them
            "2001:db8::/32", "3fff::/20",  // documentation
        ],
        // All else of IPv6 but the space of the internet is reserved.
        .public: ["2000::/3", "64:ff9b::/96"],
    ]
}
