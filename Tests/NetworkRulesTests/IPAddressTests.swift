// Texts of addresses, what kind each is, and ranges.

import NetworkRules
import Testing

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("0.0.0.0", "0.0.0.0"), ("1.2.3.4", "1.2.3.4"), ("255.255.255.255", "255.255.255.255"),
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("FD00::A", "fd00::a"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:0db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("0:0:1:0:0:0:0:0", "0:0:1::"), ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
        ("::FFFF:102:304", "::ffff:1.2.3.4"),
        ("64:ff9b::10.0.0.1", "64:ff9b::a00:1"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"), ("1::2:3:4:5:6:7", "1:0:2:3:4:5:6:7"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
    ])
    func textsAreReadAndWrittenInOneWay(text: String, canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(IPAddress(canonical) == address)
        #expect(IPAddress(bytes: address.bytes) == address)
    }

    @Test(arguments: [
        "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.04", "0x7f.0.0.1", "0177.0.0.1",
        "127.1",
        "2130706433", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4\n", "1.2.3.4\0", "+1.2.3.4", "1..3.4", "1.2.3.",
        "1.2.3.4.",
        "\u{661}.2.3.4", ":", ":::", ":1", "1:", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
        "1::2:3:4:5:6:7:8", "12345::", "g::", "::1%lo", "[::1]", "::1/128", "::1.2.3", "::1.2.3.4:5",
        "1.2.3.4::",
        "1:2:3:4:5:6:7:1.2.3.4", "::ffff:1.2.3.04", "fd00::1 ", "-1::",
    ])
    func whatCouldBeReadOtherwiseIsNone(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(arguments: [
        ("8.8.8.8", AddressKind.public), ("1.1.1.1", .public), ("11.0.0.0", .public), ("172.32.0.1", .public),
        ("10.0.0.0", .private), ("10.255.255.255", .private), ("172.16.0.1", .private),
        ("172.31.255.255", .private), ("192.168.1.1", .private), ("100.64.0.1", .shared),
        ("100.127.255.255", .shared), ("100.128.0.0", .public), ("127.0.0.1", .loopback),
        ("127.255.255.254", .loopback), ("169.254.1.1", .linkLocal), ("169.254.169.254", .metadata),
        ("100.100.100.200", .metadata), ("169.254.170.2", .metadata), ("168.63.129.16", .metadata),
        ("192.0.0.192", .metadata), ("0.0.0.0", .unspecified), ("0.0.0.1", .reserved),
        ("255.255.255.255", .broadcast), ("240.0.0.1", .reserved), ("224.0.0.1", .multicast),
        ("239.255.255.250", .multicast), ("198.18.0.1", .synthetic), ("198.19.255.255", .synthetic),
        ("198.20.0.0", .public), ("192.0.2.1", .reserved), ("203.0.113.9", .reserved),
        ("192.88.99.1", .reserved),
        ("2606:4700::1111", .public), ("::", .unspecified), ("::1", .loopback), ("fd00::1", .private),
        ("fc00::1", .private), ("fec0::1", .private), ("fe80::1", .linkLocal), ("ff02::1", .multicast),
        ("fd00:ec2::254", .metadata), ("fd20:ce::254", .metadata), ("fdc1:c4e::5", .synthetic),
        ("fdc1:c4f::5", .private), ("2001:db8::1", .reserved), ("3fff::1", .reserved), ("4000::1", .reserved),
        ("100::1", .reserved),
    ])
    func kinds(text: String, kind: AddressKind) throws {
        #expect(try #require(IPAddress(text)).kind == kind)
    }

    /// Each spelling of a way from IPv6 to 127.0.0.1, 10.0.0.1, the metadata service and a public address.
    @Test(arguments: [
        ("::ffff:127.0.0.1", AddressKind.loopback), ("::127.0.0.1", .loopback),
        ("2002:7f00:1::", .loopback), ("64:ff9b::127.0.0.1", .loopback),
        ("2001::80ff:fffe", .loopback), ("2001:0:7f00:1::f7f7:f7f7", .loopback),
        ("2606:4700::5efe:127.0.0.1", .loopback), ("2606:4700::200:5efe:127.0.0.1", .loopback),
        ("64:ff9b:1::127.0.0.1", .loopback), ("64:ff9b:1:7f00:0:100::", .loopback),
        ("64:ff9b:1:7f:0:1::", .loopback), ("64:ff9b:1:0:7f:0:100::", .loopback),
        ("::ffff:10.0.0.1", .private), ("2002:a00:1::1", .private), ("64:ff9b::a00:1", .private),
        ("::ffff:169.254.169.254", .metadata), ("::a9fe:a9fe", .metadata), ("2002:a9fe:a9fe::", .metadata),
        ("64:ff9b::169.254.169.254", .metadata), ("64:ff9b:1::169.254.169.254", .metadata),
        ("2606:4700::5efe:169.254.169.254", .metadata), ("2001::5601:5601", .metadata),
        ("::ffff:8.8.8.8", .public), ("2002:808:808::", .public), ("64:ff9b::8.8.8.8", .public),
        ("2606:4700::5efe:8.8.8.8", .public), ("::8.8.8.8", .reserved), ("fd00::5efe:8.8.8.8", .private),
        ("fe80::5efe:10.0.0.1", .linkLocal),
    ])
    func theStricterKindOfAnEmbeddedAddressHolds(text: String, kind: AddressKind) throws {
        #expect(try #require(IPAddress(text)).kind == kind)
    }

    @Test func rangesContainWhatTheirBitsSay() throws {
        let ten = try #require(AddressRange("10.0.0.0/8"))
        #expect(try ten.contains(#require(IPAddress("10.255.0.1"))))
        #expect(try ten.contains(#require(IPAddress("::ffff:10.1.2.3"))))
        #expect(try !ten.contains(#require(IPAddress("11.0.0.0"))))
        #expect(try !ten.contains(#require(IPAddress("a00::"))))
        let mapped = try #require(AddressRange("::ffff:10.0.0.0/104"))
        #expect(try mapped.contains(#require(IPAddress("10.1.2.3"))))
        #expect(try #require(AddressRange("0.0.0.0/0")).contains(#require(IPAddress("255.1.2.3"))))
        #expect(try #require(AddressRange("::/0")).contains(#require(IPAddress("ff02::1"))))
        let odd = try #require(AddressRange("2001:db8::/33"))
        #expect(try odd.contains(#require(IPAddress("2001:db8:7fff::1"))))
        #expect(try !odd.contains(#require(IPAddress("2001:db8:8000::1"))))
        #expect(try #require(AddressRange("fd00::1")).description == "fd00::1")
        #expect(try #require(AddressRange("fd00::/8")).description == "fd00::/8")
        for text in [
            "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/", "10.0.0.1/8", "::/129", "/8", "10/8", "10.0.0.0/8/8",
        ] {
            #expect(AddressRange(text) == nil, "\(text)")
        }
    }

    @Test func randomAddressesSurviveTheirText() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            // Half of the groups are zero, so that all places of a gap come up.
            let bytes = (0..<8).flatMap { _ -> [UInt8] in
                Bool.random()
                    ? [0, 0] : [UInt8.random(in: 0...255, using: &random), UInt8.random(in: 0...255)]
            }
            let address = IPAddress(bytes: bytes)
            #expect(address != nil && IPAddress(address?.description ?? "") == address, "\(bytes)")
            let short = IPAddress(bytes: bytes.prefix(4))
            #expect(short != nil && IPAddress(short?.description ?? "") == short, "\(bytes)")
        }
    }
}
