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

    @Test(arguments: [true, false]) func questionsAreAnsweredFromWhereTheyWereAsked(usesPacketFilter: Bool)
        throws
    {
        let lines = try run(
            """
            for address in ["198.18.0.1", "8.8.8.8", "127.0.0.1", "fdc1:c4e::1", "2001:4860:4860::8888", "::1"]:
                print(udp(address, 53, b"name"))
            """,
            SandboxNetworkRequest(usesPacketFilter: usesPacketFilter)
        )
        #expect(
            lines == [
                "name asked at 198.18.0.1", "name asked at 8.8.8.8", "name asked at 127.0.0.1",
                "name asked at fdc1:c4e::1", "name asked at 2001:4860:4860::8888", "name asked at ::1",
            ]
        )
    }

    private static let strayDatagrams = """
        began = time.monotonic()
        for address, port in [("8.8.8.8", 443), ("198.18.0.7", 123), ("2001:db8::1", 443)]:
            with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
                try: print(sock.sendto(b"x", (address, port)))
                except OSError as error: print(errno.errorcode[error.errno])
        for address in ["127.0.0.1", "198.18.0.1", "::1"]: print(udp(address, 9))
        print(time.monotonic() - began < 1)
        """

    @Test func otherDatagramsFailAtOnce() throws {
        let lines = try run(Self.strayDatagrams, Self.filtered)
        // On the sandbox's own addresses the agent may have what it likes; here nobody listens.
        let refused = ["ECONNREFUSED", "ECONNREFUSED", "ECONNREFUSED"]
        #expect(lines == ["EPERM", "EPERM", "EPERM"] + refused + ["True"])
    }

    @Test func withoutThePacketFilterOtherDatagramsGetLost() throws {
        let lines = try run(Self.strayDatagrams, Self.unfiltered)
        #expect(lines.prefix(3) == ["1", "1", "1"])
        // A connected socket learns it by its next call.
        #expect(try run("print(udp('8.8.8.8', 443))", Self.unfiltered) == ["ECONNREFUSED"])
    }

    @Test func ownAddressesBelongToTheAgent() throws {
        let lines = try run(
            """
            listener = socket.create_server(("0.0.0.0", 8080))
            for address in ["127.0.0.1", "198.18.0.1", "198.18.0.7"]:
                try: socket.create_connection((address, 8080), 5); print(listener.accept()[0].getsockname()[0])
                except OSError as error: print(error)
                listener.settimeout(0.2)
            for address in ["127.0.0.1", "198.18.0.1"]:
                for port in [3128, 53]:
                    try: socket.create_server((address, port))
                    except OSError as error: print(errno.errorcode[error.errno])
            """,
            Self.filtered
        )
        // What is called elsewhere does not come to the agent's own listener.
        let taken = ["EADDRINUSE", "EACCES", "EADDRINUSE", "EACCES"]
        #expect(lines == ["127.0.0.1", "198.18.0.1", "timed out"] + taken)
    }

    @Test func addressesAreThoseOfAMachineWithANetwork() throws {
        let lines = try run(
            """
            for family in [socket.AF_INET, socket.AF_INET6]:
                address = "2001:db8::1" if family == socket.AF_INET6 else "192.0.2.1"
                found = socket.getaddrinfo(address, 443, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
                print(found[0][4][0])
            """,
            Self.filtered
        )
        #expect(lines == ["192.0.2.1", "2001:db8::1"])
    }

    @Test func theRulesAreOutOfReach() throws {
        let lines = try run(
            """
            for protocol in [socket.NETLINK_ROUTE, 12]:
                try:
                    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
                    # RTM_DELADDR of 198.18.0.1 on lo, with an acknowledgement
                    sock.send(bytes.fromhex("20000000 1500 0500 00000000 00000000 02200000 01000000 0800 0200 c6120001"))
                    head = sock.recv(64)
                    print(errno.errorcode[-int.from_bytes(head[16:20], "little", signed=True)])
                except OSError as error: print(errno.errorcode[error.errno])
            for option in [19, 36]:
                try: socket.socket().setsockopt(socket.SOL_IP if option == 19 else socket.SOL_SOCKET, option, 1)
                except OSError as error: print(errno.errorcode[error.errno])
            print(tcp("8.8.8.8", 22))
            """,
            Self.filtered
        )
        // IP_TRANSPARENT and SO_MARK are for those with rights over the network.
        #expect(
            lines == ["EPERM", "EAFNOSUPPORT", "EPERM", "EPERM", "8.8.8.8 22 of 198.18.0.1 at 3128"]
        )
    }

    @Test func aNetworkWithoutNamesHasNoSockets() throws {
        let box = try NetworkBox(
            "print(tcp('8.8.8.8', 443), tcp('127.0.0.1', 3128), udp('8.8.8.8', 53))",
            nil
        )
        #expect(try box.lines() == ["ENETUNREACH ECONNREFUSED ENETUNREACH"])
        #expect(box.network == nil)
    }

    @Test(arguments: [false, true]) func initMakesSocketsOfTheSandboxsNetwork(isIPv6: Bool) throws {
        let address = isIPv6 ? "::1" : "127.0.0.1"
        let box = try NetworkBox(
            """
            listener = socket.create_server(("\(address)", 8080), family=socket.\(isIPv6 ? "AF_INET6" : "AF_INET"))
            print("ready", flush=True)
            peer, _ = listener.accept()
            print(peer.recv(100).decode())
            """,
            nil
        )
        #expect(try box.line() == "ready")
        try box.sandbox.askForSocket(7, isIPv6: isIPv6)
        guard case .socket(7, let made) = try box.answer(), let made else { throw SetupFailure.silence }
        #expect(fcntl(made.number, F_GETFL) & O_NONBLOCK != 0)
        // Nobody listens there in the network of this test.
        let script = """
            import socket, sys
            sock = socket.socket(fileno=int(sys.argv[1]))
            sock.setblocking(True)
            sock.connect(("\(address)", 8080))
            sock.sendall(b"from outside")
            """
        let python = try #require(
            ProcessEnvironment.findProgram("python3", path: "/usr/local/bin:/usr/bin:/bin")
        )
        let result = try Subprocess(python, ["-c", script, "\(made.number)"]).run(inheriting: [made.number])
        #expect(result.status == 0, "\(result.errorText)")
        #expect(try box.lines() == ["from outside"])
    }
}
