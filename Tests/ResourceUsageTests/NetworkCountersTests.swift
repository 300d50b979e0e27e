// The counters of interfaces, as text and of a real namespace.

import Glibc
import ResourceUsage
import Testing

@Suite struct NetworkCountersTests {
    private let head = """
        Inter-|   Receive                                                |  Transmit
         face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier

        """

    private func counters(_ lines: String) -> NetworkCounters? { NetworkCounters(Array((head + lines).utf8)) }

    @Test func loopbackIsLeftOut() throws {
        let found = try #require(
            counters(
                "    lo: 1000 1 0 0 0 0 0 0 2000 2 0 0 0 0 0 0\n  eth0:5 1 0 0 0 0 0 0 7 2 0 0 0 0 0 0\n"
                    + " a:b%lo: 10 1 0 0 0 0 0 0 20 2 0 0 0 0 0 0\n"
            )
        )
        #expect(found.receivedBytes == 15 && found.sentBytes == 27)
    }

    @Test func otherTextIsNone() {
        #expect(NetworkCounters([]) == nil)
        #expect(NetworkCounters(Array("a\nb\n".utf8)) == nil)
        #expect(counters("eth0 1 2 3\n") == nil)
        #expect(counters("eth0: 1 2 3\n") == nil)
    }

    @Test func ofAProcess() throws {
        let box = try Box("")
        #expect(NetworkCounters(of: box.pid)?.receivedBytes == 0)
        #expect(NetworkCounters(of: getpid()) != nil)
        #expect(NetworkCounters(of: 0x3fff_ffff) == nil)
    }
}
