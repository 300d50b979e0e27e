import Testing

@testable import Supervision

/// What is read of a program that writes for ever.
struct OutputPaceTests {
    @Test func aLotIsReadAtAnySpeed() {
        var pace = OutputPace()
        for _ in 0..<20 { #expect(pace.took(1_000_000, at: 5) == nil) }
        #expect(pace.took(1, at: 5) == 5 + OutputPace.shortestPause)
    }

    @Test func thenTheRateHolds() {
        var pace = OutputPace()
        var now: Int64 = 1000
        var used: Int64 = 0
        while now < 3_600_000 {
            used += 1500
            now = pace.took(1500, at: now) ?? now + 1
        }
        let most = OutputPace.reserve + now * OutputPace.rate
        #expect(used <= most + 1500 && used > most * 8 / 10)
    }

    @Test func whatCostsMuchPausesLong() {
        var pace = OutputPace()
        let until = pace.took(OutputPace.reserve + 1_670_000, at: 0)
        #expect(until == 10_000)
        #expect(pace.took(1, at: 10_001) == nil)
    }

    @Test func aBurstIsMuchInAShortTime() {
        let most = OutputBurst.much
        let (slot, later) = (100 + OutputBurst.slot - 1, 100 + OutputBurst.slot)
        var burst = OutputBurst()
        let taken = [
            (most - 1, 100), (1, slot), (1, slot),
            // A new time begins.
            (most - 1, later), (most - 1, later + OutputBurst.slot), (most, 5000),
        ]
        .map { burst.took($0.0, at: $0.1) }
        #expect(taken == [false, true, true, false, false, true])
    }
}
