// Times, rates, addresses that stand for names, pipes, and what is asked of the user's own proxy.

import LinuxSystem
import NetworkRules
import Testing

@testable import NetworkRelay

@Suite struct TimerQueueTests {
    @Test func comesInOrderWhateverTheOrderIs() {
        var queue = TimerQueue()
        var random = SystemRandomNumberGenerator()
        let times = (0..<2000).map { _ in Int64.random(in: 0..<500, using: &random) }
        for (index, time) in times.enumerated() { queue.add(time, UInt64(index)) }
        #expect(queue.count == 2000 && queue.next == times.min())
        var taken: [Int64] = []
        var seen: Set<UInt64> = []
        for now in stride(from: Int64(0), to: 500, by: 7) {
            while let id = queue.take(now) {
                #expect(times[Int(id)] <= now)
                seen.insert(id)
                taken.append(times[Int(id)])
            }
            #expect(queue.next.map { $0 > now } ?? true)
        }
        while let id = queue.take(500) {
            seen.insert(id)
            taken.append(times[Int(id)])
        }
        #expect(taken == times.sorted())
        #expect(seen.count == 2000 && queue.next == nil && queue.take(.max) == nil)
    }

    @Test func forgetsWhoIsGone() {
        var queue = TimerQueue()
        for index in (0..<100).reversed() { queue.add(Int64(index), UInt64(index)) }
        queue.keep { $0 % 3 == 0 }
        #expect(queue.count == 34)
        var taken: [UInt64] = []
        while let id = queue.take(.max) { taken.append(id) }
        #expect(taken == (0..<100).filter { $0 % 3 == 0 })
    }
}

@Suite struct RateTests {
    private func question(_ name: String, type: String = "A", refused: Bool = true) -> NetworkEvent {
        .question(name: name, type: type, refused ? Refusal(.hostNotAllowed, "no") : nil)
    }

    private func connected(_ id: UInt64) -> NetworkEvent {
        .connected(ConnectionFacts(id: id, path: .transparent, began: 0, socket: -1))
    }

    @Test func aQuestionIsToldOnceAMinute() {
        var throttle = EventThrottle()
        func admits(_ event: NetworkEvent, _ now: Int64) -> Bool { throttle.admits(event, now) }
        #expect(admits(question("a"), 1000))
        #expect(!admits(question("a"), 1001))
        #expect(admits(question("a", type: "AAAA"), 1002))
        #expect(admits(question("a", refused: false), 1003))
        #expect(admits(question("b"), 1004))
        #expect(!admits(question("a"), 60_999))
        #expect(admits(question("a"), 61_000))
        // What repeats is no event.
        #expect(throttle.due(.max).isEmpty)
    }

    @Test func ofManyOnlyTheirNumberIsTold() {
        var throttle = EventThrottle()
        func admits(_ event: NetworkEvent, _ now: Int64) -> Bool { throttle.admits(event, now) }
        let told = (0..<1000).filter { admits(question("\($0)"), 5000) }.count
        #expect(told < 1000 && told > 50)
        // A flood of one kind hides nothing of another.
        #expect(admits(connected(1), 5001))
        #expect(throttle.nextTelling == 6000)
        #expect(throttle.due(5999).isEmpty)
        guard case .untold(let count)? = throttle.due(6000).first else { return #expect(Bool(false)) }
        #expect(told + count == 1000)
        #expect(throttle.due(.max).isEmpty && throttle.nextTelling == nil)
        // One that was not told is told when it comes again.
        #expect(admits(question("999"), 6100))
        #expect(!admits(question("999"), 6101))
        let connections = (0..<10_000).filter { admits(connected(UInt64($0)), 8000) }.count
        #expect(connections >= 1000 && connections < 10_000)
    }

    @Test func remembersSoMany() {
        var throttle = EventThrottle()
        for index in 0..<20_000 { _ = throttle.admits(question("\(index)"), Int64(index) * 20) }
        // Nothing to measure but that what comes after is told.
        let isTold = throttle.admits(question("new"), 500_000)
        #expect(isTold)
    }

    @Test func newNamesAreFew() throws {
        var rate = NoveltyRate()
        func admits(_ name: String, _ now: Int64) throws -> Bool { rate.admits(try HostName(name), now) }
        let first = try (0..<300).filter { try admits("a\($0).test", 1000) }.count
        #expect(first == 100)
        #expect(try admits("a0.test", 1000))
        #expect(try !admits("b.test", 1999))
        #expect(try admits("b.test", 2000))
        #expect(try !admits("c.test", 2000))
        #expect(try admits("c.test", 3500))
        #expect(try !admits("d.test", 3999))
        #expect(try admits("d.test", 4000))
        // No more than the first hundred after however long.
        let later = try (0..<300).filter { try admits("e\($0).test", 100_000_000) }.count
        #expect(later == 100)
    }
}

@Suite struct SyntheticNamesTests {
    private func of(_ name: HostName, _ names: inout SyntheticNames) -> (
        ipv4: UInt32, high: UInt64, low: UInt64
    )? {
        names.addresses(of: name)
    }

    @Test func eachNameHasItsOwnAddressForEver() throws {
        var names = SyntheticNames()
        var seen: Set<UInt32> = []
        for index in 0..<1000 {
            let name = try HostName("n\(index).test")
            let found = try #require(of(name, &names))
            #expect(seen.insert(found.ipv4).inserted)
            #expect(IPAddress.v4(found.ipv4).kind == .synthetic)
            #expect(IPAddress.v6(found.high, found.low).kind == .synthetic)
            let again = try #require(of(name, &names))
            #expect(again == found)
            #expect(names.name(of: SocketAddress(ipv4: found.ipv4, port: 1)) == name)
            #expect(names.name(of: SocketAddress(high: found.high, low: found.low, port: 1)) == name)
        }
    }

    @Test func otherAddressesStandForNone() throws {
        var names = SyntheticNames()
        let found = try #require(of(try HostName("a.test"), &names))
        for address in [
            SocketAddress(ipv4: found.ipv4 + 1, port: 1), SocketAddress(ipv4: found.ipv4 - 1, port: 1),
            SocketAddress(ipv4: 0, port: 1), SocketAddress(ipv4: .max, port: 1),
            SocketAddress(high: found.high, low: found.low | 1 << 32, port: 1),
            SocketAddress(high: found.high + 1, low: found.low, port: 1),
            SocketAddress(high: 0, low: found.low, port: 1),
            SocketAddress(high: found.high, low: UInt64(UInt32.max), port: 1),
        ] { #expect(names.name(of: address) == nil) }
    }

    @Test func thereAreNotMoreThanTheyHaveRoomFor() throws {
        var names = SyntheticNames()
        var last: UInt32 = 0
        for index in 0..<(1 << 16) { last = try #require(of(try HostName("n\(index).t"), &names)).ipv4 }
        // All of them are within 198.18.0.0/15.
        #expect(last < 198 << 24 | 20 << 16)
        #expect(names.addresses(of: try HostName("one-more.t")) == nil)
        #expect(names.addresses(of: try HostName("n7.t")) != nil)
    }
}

@Suite struct PipePoolTests {
    @Test func pipesGetSmallerWithTheirNumber() throws {
        let pool = PipePool(most: 70)
        var pipes: [RelayPipe] = []
        while let pipe = pool.take() { pipes.append(pipe) }
        #expect(pipes[0].size == PipePool.size && pipes[64].size < PipePool.size)
        #expect(pool.taken == 70)
        let first = pipes[0]
        for pipe in pipes { pool.give(pipe) }
        #expect(pool.taken == 0)
        #expect(pool.take()?.size == PipePool.size)
        first.count = 1
        pool.give(first)
        pool.empty()
        // One that is not empty is not given out again.
        for _ in 0..<8 { #expect(pool.take() !== first) }
    }
}

@Suite struct UpstreamRequestTests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy"),
        ("a:b\u{e9}~?", "YTpiw6l+Pw=="),
    ])
    func base64(_ text: String, _ encoded: String) {
        #expect(Base64.encode(Array(text.utf8)) == encoded)
    }

    @Test func asksForAName() throws {
        let destination = try Destination(authority: "a.test:443")
        let plain = try UpstreamProxy("http://proxy.test:3128")
        #expect(
            String(decoding: plain.request(for: destination), as: UTF8.self)
                == "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n"
        )
        let known = try UpstreamProxy("http://foo:b%40r@proxy.test:3128/")
        #expect(
            String(decoding: known.request(for: destination), as: UTF8.self)
                == "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nProxy-Authorization: Basic Zm9vOmJAcg==\r\n\r\n"
        )
    }
}
