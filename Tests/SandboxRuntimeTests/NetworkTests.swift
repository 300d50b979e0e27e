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

    @Test(arguments: [true, false]) func theRulesAreOutOfReach(isFiltered: Bool) throws {
        let box = try NetworkBox(
            """
            # RTM_DELADDR of 198.18.0.1 on lo; NFT_MSG_DELTABLE of "cloche", as a batch
            address = "20000000 1500 0500 00000000 00000000 02200000 01000000 0800 0200 c6120001"
            batch = "14000000 1000 0100 00000000 00000000 0000000a"
            batch += "20000000 020a 0500 00000000 00000000 01000000 0b00 0100 636c6f63686500 00"
            batch += "14000000 1100 0100 00000000 00000000 0000000a"
            for protocol, message in [(socket.NETLINK_ROUTE, address), (12, batch)]:
                try:
                    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
                    sock.send(bytes.fromhex(message))
                    print(errno.errorcode[-int.from_bytes(sock.recv(64)[16:20], "little", signed=True)])
                except OSError as error: print("no socket:", errno.errorcode[error.errno])
            for level, option in [(socket.SOL_IP, 19), (socket.SOL_SOCKET, 36)]:
                try: socket.socket().setsockopt(level, option, 1)
                except OSError as error: print(errno.errorcode[error.errno])
            print(tcp("8.8.8.8", 22))
            """,
            Self.filtered,
            isFiltered: isFiltered
        )
        // Without the filter nf_tables can be spoken to; without capabilities it does nothing. IP_TRANSPARENT and SO_MARK
        // are for those with rights over the network.
        let tables = isFiltered ? "no socket: EAFNOSUPPORT" : "EPERM"
        #expect(try box.lines() == ["EPERM", tables, "EPERM", "EPERM", "8.8.8.8 22 of 198.18.0.1 at 3128"])
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

    /// The sockets that this process has open, by their numbers in the kernel.
    private static func openSockets() throws -> Set<String> {
        // One that is closed meanwhile is none.
        Set(try Files.list("/proc/self/fd").compactMap { try? Files.readLink("/proc/self/fd/\($0)") })
    }

    @Test func nothingOfTheNetworkIsLeft() throws {
        var sockets: Set<String> = []
        var process = ""
        do {
            let box = try NetworkBox("print(tcp('8.8.8.8', 22))", Self.unfiltered)
            #expect(try box.lines() == ["ECONNREFUSED"])
            let held = box.network
            let network = try #require(held)
            let numbers = [try #require(network.questions).number] + network.listeners.map(\.socket.number)
            sockets = try Set(numbers.map { try Files.readLink("/proc/self/fd/\($0)") })
            process = "/proc/\(box.sandbox.pid)/ns/net"
            #expect(sockets.count == 5 && Files.exists(process))
            #expect(try Self.openSockets().isSuperset(of: sockets))
        }
        #expect(try Self.openSockets().isDisjoint(with: sockets))
        #expect(!Files.exists(process))
    }

    @Test func theSelfCheckSeesNoWayOut() throws {
        let box = try NetworkBox("time.sleep(60)", Self.filtered)
        let report = try box.sandbox.report()
        let rows = report.value(at: ["checks"])?.list ?? []
        let row = try #require(rows.first { $0["subject"]?.string == "interfaces" })
        #expect(row["holds"]?.bool == true && report["holds"]?.bool == true)
    }
}

@Suite struct SocketTableTests {
    /// Its namespace's sockets, and not the host's.
    @Test func theSandboxTellsWhichSocketAConnectionIsOf() throws {
        let box = try NetworkBox(
            """
            listener = socket.create_server(("127.0.0.1", 4000))
            peer = socket.create_connection(("127.0.0.1", 4000))
            print(peer.getsockname()[1], os.fstat(peer.fileno()).st_ino, flush=True)
            time.sleep(60)
            """,
            SandboxNetworkRequest()
        )
        let numbers = try box.line().split(separator: " ").compactMap { UInt64($0) }
        let table = SocketDiagnosis(try #require(box.network?.socketTable))
        func address(_ port: UInt64) -> SocketAddress { SocketAddress(ipv4: 0x7f00_0001, port: UInt16(port)) }
        #expect(table.inode(local: address(numbers[0]), remote: address(4000)) == numbers[1])
        #expect(table.inode(local: address(4000), remote: address(numbers[0])) != numbers[1])
        #expect(table.inode(local: address(numbers[0]), remote: address(4001)) == nil)
        let host = try StreamSocket.listen(.loopback(isIPv4: true, port: 0))
        let outside = try #require(StreamSocket.localAddress(host.number))
        let client = try StreamSocket.make(isIPv4: true)
        try StreamSocket.connect(client.number, to: outside)
        let local = try #require(StreamSocket.localAddress(client.number))
        #expect(table.inode(local: local, remote: outside) == nil)
    }
}

@Suite struct WaysOutTests {
    private static let head = "Inter-|   Receive\n face |bytes\n"
    private static let lo = "    lo:       0       0\n"
    private static let routes = "Iface\tDestination\tGateway\n"
    private static let local = String(repeating: "0 ", count: 9) + "      lo\n"

    private func isClosed(_ interfaces: String, _ routes: String = "", _ routes6: String = local) -> Bool {
        let names = SelfCheck.interfaces(Array((Self.head + interfaces).utf8))
        let used = SelfCheck.routed(Array((Self.routes + routes).utf8), Array(routes6.utf8))
        return SelfCheck.isClosed(names, used)
    }

    @Test func loopbackAloneIsClosed() {
        #expect(isClosed(Self.lo) && isClosed(Self.lo, "", ""))
        // The kernel's own tunnels lead nowhere.
        #expect(isClosed(Self.lo + "  sit0:       0       0\n"))
    }

    @Test func anythingElseIsOpen() {
        #expect(!isClosed(""))
        #expect(!isClosed(Self.lo + "  eth0:       0       0\n"))
        #expect(!isClosed(Self.lo + "  lo:0:       0       0\n"))
        #expect(!isClosed(Self.lo + " tunl0: 0\n", "tunl0\t00000000\t0100000A\n"))
        #expect(!isClosed(Self.lo + "  sit0: 0\n", "", Self.local + "0 0     sit0\n"))
    }
}

@Suite struct NetworkPlanTests {
    @Test func proxyVariablesLeaveTheProfilesAlone() {
        let own = ["A=http_proxy=x", "https_proxy=http://own:1", "NO_PROXY="]
        let added = InsideNetwork.addingProxyVariables(to: own)
        #expect(Array(added.prefix(3)) == own)
        #expect(added.contains("HTTP_PROXY=http://127.0.0.1:3128"))
        #expect(added.contains("all_proxy=http://127.0.0.1:3128"))
        #expect(added.filter { $0.lowercased().hasPrefix("https_proxy=") } == ["https_proxy=http://own:1"])
        #expect(added.filter { $0.lowercased().hasPrefix("no_proxy=") } == ["NO_PROXY="])
        #expect(InsideNetwork.addingProxyVariables(to: []).contains("no_proxy=localhost,127.0.0.1,::1"))
    }

    @Test func portsAreListenedAtOnce() {
        let many = (1...200).map { UInt16($0) } + [3128, 53, 0, 7]
        let steps = Planner.networkSteps(SandboxNetworkRequest(ports: many))
        let ports = steps.compactMap { step -> [UInt16]? in
            if case .listen(let ports) = step.action { ports } else { nil }
        }
        #expect(ports.count == 2 && ports[0] == [3128, 53])
        #expect(ports[1].count == InsideNetwork.mostPorts && Set(ports[1]).isDisjoint(with: [0, 53, 3128]))
        #expect(steps.last?.without == .packetFilter)
        let forced = Planner.networkSteps(SandboxNetworkRequest(ports: [443], usesPacketFilter: false))
        #expect(forced.last?.without == nil && !forced.contains { $0.part == .packetFilter })
        #expect(Planner.networkSteps(SandboxNetworkRequest()).filter { $0.without != nil }.isEmpty)
    }

    @Test func attributesAreAlignedAndNested() {
        var message = NetlinkMessage(0x10, flags: 0x400)
        message.append([1, 0])
        message.nest(2) { $0.attribute(1, name: "lo") }
        message.attribute(3, big: 258)
        let head: [UInt8] = [40, 0, 0, 0, 0x10, 0, 5, 4, 0, 0, 0, 0, 0, 0, 0, 0]
        let attributes: [UInt8] = [12, 0, 2, 0x80, 7, 0, 1, 0, 108, 111, 0, 0, 8, 0, 3, 0, 0, 0, 1, 2]
        #expect(message.bytes == head + [1, 0, 0, 0] + attributes)
    }
}
