// The pace of looking, on growth that is computed instead of run.

import Testing

@testable import ResourceUsage

@Suite struct SamplingPaceTests {
    private static let mebibyte: Int64 = 1 << 20

    /// The use at which a process is stopped that idles for `idle` ms and then grows, with `reaction` ms from a look to
    /// its end.
    private func peak(limit: Int64, base: Int64, perSecond: Int64, idle: Int64, reaction: Int64 = 10) -> Int64
    {
        func used(_ now: Int64) -> Int64 { base + max(0, now - idle) * perSecond / 1000 }
        var now: Int64 = 0
        var last: (at: Int64, used: Int64) = (0, base)
        while used(now) <= limit {
            let elapsed = now - last.at
            let growth = elapsed > 0 ? (used(now) - last.used) * 1000 / elapsed : 0
            last = (now, used(now))
            now += SamplingPace.delay(limit: limit, used: used(now), growth: growth)
        }
        return used(now + reaction)
    }

    @Test(arguments: [32, 64, 128, 256, 512, 1024, 4096] as [Int64], [0, 50, 90, 99] as [Int64])
    func aRunawayIsStoppedBelowTwiceItsLimit(_ size: Int64, _ percent: Int64) {
        let limit = size * Self.mebibyte
        for idle in stride(from: 0 as Int64, through: 1200, by: 7) {
            let base = limit * percent / 100
            #expect(peak(limit: limit, base: base, perSecond: 1 << 30, idle: idle) < 2 * limit)
        }
    }

    @Test func slowGrowthIsStoppedCloseToItsLimit() {
        let limit = 512 * Self.mebibyte
        let end = peak(limit: limit, base: 0, perSecond: 50 * Self.mebibyte, idle: 333)
        #expect(end < limit + 4 * Self.mebibyte)
    }

    @Test func idleCostsOneLookASecond() {
        #expect(SamplingPace.delay(limit: 4 << 30, used: 100 << 20) == 1000)
        #expect(SamplingPace.delay(limit: nil, used: 1 << 40) == 1000)
    }

    @Test func neverMoreOftenThanEveryTenMilliseconds() {
        #expect(SamplingPace.delay(limit: 1, used: 0) == 10)
        #expect(SamplingPace.delay(limit: 1 << 30, used: 3 << 30) == 10)
        #expect(SamplingPace.delay(limit: 1 << 30, used: (1 << 30) - 1, growth: .max) == 10)
        #expect(SamplingPace.delay(limit: .max, used: .max, growth: .max) == 10)
        #expect(SamplingPace.delay(limit: 0, used: -1, growth: -1) == 10)
    }
}
