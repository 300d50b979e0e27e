// Starts per minute, from process ids.

import ResourceUsage
import Testing

@Suite struct StartRateTests {
    private func expect(_ value: Bool, _ wanted: Bool, at place: SourceLocation = #_sourceLocation) {
        #expect(value == wanted, sourceLocation: place)
    }

    @Test func countsFromTheFirstProcessOn() {
        var rate = StartRate(limit: 10, pidMax: 32768)
        expect(rate.counted(11, now: 5), false)
        #expect(rate.startsInLastMinute == 10)
        expect(rate.counted(12, now: 6), true)
    }

    @Test func forgetsWhatIsOlderThanAMinute() {
        var rate = StartRate(limit: 100, pidMax: 32768)
        expect(rate.counted(90, now: 0), false)
        expect(rate.counted(101, now: 59_000), false)
        expect(rate.counted(102, now: 59_999), true)
        expect(rate.counted(103, now: 60_000), false)
        #expect(rate.startsInLastMinute == 13)
        expect(rate.counted(103, now: 600_000), false)
        #expect(rate.startsInLastMinute == 0)
    }

    @Test func goesOnAfterTheHighestId() {
        var rate = StartRate(limit: 1_000_000, pidMax: 32768)
        _ = rate.counted(32_760, now: 0)
        _ = rate.counted(32_760, now: 100_000)
        #expect(rate.startsInLastMinute == 0)
        _ = rate.counted(302, now: 100_001)
        #expect(rate.startsInLastMinute == 10)
    }

    @Test func senselessAnswersCountNothing() {
        var rate = StartRate(limit: 0, pidMax: 0)
        expect(rate.counted(-1, now: 0), false)
        expect(rate.counted(1, now: 0), false)
        expect(rate.counted(0, now: .max), false)
    }
}
