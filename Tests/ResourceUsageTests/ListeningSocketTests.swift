// What listens in a namespace, and who: the kernel's table taken apart, and real sockets of real processes.

import LinuxSystem
import Testing

@testable import ResourceUsage

@Suite struct ListeningSocketTests {
    private static let head =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

    @Test func aLineOfEachFamilyIsReadAndOthersArePassedOver() {
        let text = """
               0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0
               1: 0100007F:0BB9 0100007F:8000 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0 20 4 30 10 -1
               2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713
              10: 00000000000000000000000001000000:FFFF 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4714 1
              11: 0000000000000000FFFF00000100007F:0001 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4715 1
            broken
              12: 0100007F:0BB8
              13: 0100007:0BB8 00000000:0000 0A 0:0 00:0 0 0 0 4716 1
              14: 0100007F:10000 00000000:0000 0A 0:0 00:0 0 0 0 4717 1

            """
        let found = SocketTable.listening(Array((Self.head + text).utf8))
        #expect(
            found.map(\.address) == [
                SocketAddress(ipv4: 0x7f00_0001, port: 3000), SocketAddress(ipv4: 0, port: 80),
                SocketAddress(high: 0, low: 1, port: 65535), SocketAddress(ipv4: 0x7f00_0001, port: 1),
            ]
        )
        #expect(found.map(\.inode) == [4711, 4713, 4714, 4715])
        #expect(SocketTable.listening([]).isEmpty)
    }

    @Test func socketsOfANamespaceHaveTheProcessesThatHoldThem() throws {
        let box = try Box(
            """
            def listen(family, address, port):
                made = socket.socket(family); made.bind((address, port)); made.listen(); return made
            os.system("/usr/sbin/ip link set lo up")
            kept = listen(socket.AF_INET, "127.0.0.1", 3000)
            def other():
                name("second")
                global six
                six = listen(socket.AF_INET6, "::1", 4000)
                kept.detach()
            pid = child(other)
            unbound = socket.socket(socket.AF_INET)
            """
        )
        let found = try ListeningSocket.all(ofInit: box.pid)
        #expect(found.map(\.address.port) == [3000, 4000])
        #expect(found.first?.owners.map(\.pid).first == 1 && found.first?.owners.count == 2)
        #expect(found.last?.owners.map(\.program) == ["second"])
    }

    @Test func theOwnerOfAConnectionIsFoundInTime() throws {
        let box = try Box(
            """
            def holder():
                name("holder")
                global made
                made = [socket.socket() for _ in range(300)]
                inodes = [os.fstat(one.fileno()).st_ino for one in made]
                print(os.getpid(), *inodes, file=open("/tmp/sockets", "w"), flush=True)
            child(holder)
            """
        )
        let text = try Files.readText("/proc/\(box.pid)/root/tmp/sockets")
        let numbers = text.split { $0 == " " || $0 == "\n" }.compactMap { UInt64($0) }
        let (pid, inodes) = (Int32(numbers[0]), Array(numbers.dropFirst()))
        #expect(inodes.count == 300)
        var owners = try SocketOwners(ofInit: box.pid)
        let patience = MonotonicClock.microseconds + 60_000_000
        for inode in [inodes[0], inodes[299], inodes[298], inodes[3]] {
            #expect(owners.owner(of: inode, until: patience) == SocketOwner(pid: pid, program: "holder"))
        }
        #expect(owners.owner(of: 1, until: patience) == nil)
        // With no time left, only what is next to the last one is found.
        #expect(owners.owner(of: inodes[5], until: 0)?.pid == pid)
        #expect(owners.owner(of: inodes[250], until: 0) == nil)
    }

    @Test func aSandboxThatIsGoneIsAnError() {
        #expect(throws: SystemError.self) { try ListeningSocket.all(ofInit: .max) }
    }
}
