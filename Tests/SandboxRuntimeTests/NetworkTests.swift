// The sandbox's side of a network by name, in real sandboxes: what is called inside arrives outside, by the address that
// was called, and nothing else is there.

import ClocheModel
import Glibc
import LinuxSystem
import Testing

@testable import SandboxRuntime

/// What the script prints, line by line.
private func run(_ script: String, _ network: SandboxNetworkRequest?) throws -> [String] {
    let box = try NetworkBox(script, network)
    return try box.lines()
}

@Suite struct NetworkTests {
    private static let filtered = SandboxNetworkRequest(ports: [443])
    private static let unfiltered = SandboxNetworkRequest(ports: [443, 8080], usesPacketFilter: false)

    @Test func everyPortOfEveryAddressArrives() throws {
        let lines = try run(
            """
            for address, port in [("198.18.0.7", 443), ("8.8.8.8", 1), ("203.0.113.9", 65535), ("2001:db8::1", 22),
                                  ("198.18.0.1", 53), ("8.8.8.8", 53), ("127.0.0.1", 3128), ("::1", 3128)]:
                print(tcp(address, port))
            """,
            Self.filtered
        )
        #expect(
            lines == [
                "198.18.0.7 443 of 198.18.0.1 at 3128", "8.8.8.8 1 of 198.18.0.1 at 3128",
                "203.0.113.9 65535 of 198.18.0.1 at 3128", "2001:db8::1 22 of fdc1:c4e::1 at 3128",
                "198.18.0.1 53 of 198.18.0.1 at 53", "8.8.8.8 53 of 198.18.0.1 at 3128",
                "127.0.0.1 3128 of 127.0.0.1 at 3128", "::1 3128 of ::1 at 3128",
            ]
        )
    }

    @Test func withoutThePacketFilterChosenPortsArrive() throws {
        let lines = try run(
            """
            for address, port in [("198.18.0.7", 443), ("2001:db8::1", 8080), ("8.8.8.8", 53), ("198.18.0.7", 444),
                                  ("2001:db8::1", 22)]:
                print(tcp(address, port))
            """,
            Self.unfiltered
        )
        #expect(
            lines == [
                "198.18.0.7 443 of 198.18.0.1 at 443", "2001:db8::1 8080 of fdc1:c4e::1 at 8080",
                "8.8.8.8 53 of 198.18.0.1 at 53", "ECONNREFUSED", "ECONNREFUSED",
            ]
        )
    }
}
