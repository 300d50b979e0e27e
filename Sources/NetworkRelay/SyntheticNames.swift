// Addresses that stand for names. The sandbox is told such an address for a name; when a connection is made to it, the
// name that was meant is known exactly. An address is never given to a second name.

internal import LinuxSystem
internal import NetworkRules

/// Names and the addresses that stand for them inside.
struct SyntheticNames {
    private var names: [HostName] = []
    private var numbers: [HostName: Int] = [:]
    private static let most = 1 << 16

    /// 198.18.0.0/15 (RFC 2544), which nobody routes.
    private static let base: UInt32 = 198 << 24 | 18 << 16
    /// fdc1:c4e::/96: those of IPv4 in a range that is ours (RFC 4193).
    private static let prefix: UInt64 = 0xfdc1_0c4e_0000_0000
    /// The addresses before are kept for the resolver and the like.
    private static let first: UInt32 = 256

    /// Whether a name that no rule allows may have one: half of them are for those that rules do.
    func hasRoom(forAsked name: HostName) -> Bool { numbers[name] != nil || names.count < Self.most / 2 }

    /// The addresses of a name; nil when there are too many names.
    mutating func addresses(of name: HostName) -> (ipv4: UInt32, high: UInt64, low: UInt64)? {
        let number: Int
        if let known = numbers[name] {
            number = known
        } else {
            guard names.count < Self.most else { return nil }
            number = names.count
            names.append(name)
            numbers[name] = number
        }
        let ipv4 = Self.base + Self.first + UInt32(number)
        return (ipv4, Self.prefix, UInt64(ipv4))
    }

    /// The name that an address stands for; nil when it stands for none.
    func name(of address: SocketAddress) -> HostName? {
        let ipv4: UInt32
        if let own = address.ipv4 {
            ipv4 = own
        } else if address.high == Self.prefix, address.low >> 32 == 0 {
            ipv4 = UInt32(address.low)
        } else {
            return nil
        }
        guard ipv4 >= Self.base + Self.first else { return nil }
        let number = Int(ipv4 - Self.base - Self.first)
        return number < names.count ? names[number] : nil
    }
}
