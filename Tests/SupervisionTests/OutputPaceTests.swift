import Testing

@testable import Supervision

/// What is read of a program that writes for ever.
struct OutputPaceTests {
    @Test func aLotIsReadAtAnySpeed() {
        var pace = OutputPace()
        for _ in 0..<4096 { #expect(pace.took(1 << 17, at: 5) == nil) }
        #expect(pace.took(1, at: 5) == 5 + OutputPace.pause)
    }

    @Test func thenTheRateHolds() {
        var pace = OutputPace()
        var now: Int64 = 1000
        var read: Int64 = 0
        while now < 3_600_000 {
            read += 65536
            now = pace.took(65536, at: now) ?? now + 1
        }
        let most = OutputPace.reserve + now * OutputPace.rate
        #expect(read <= most + 65536 && read > most * 9 / 10)
    }

    @Test func whatWasNotUsedComesBack() {
        var pace = OutputPace()
        #expect(pace.took(Int(OutputPace.reserve) + 1, at: 0) != nil)
        #expect(pace.took(1 << 20, at: 1000) == nil)
        #expect(pace.took(Int(OutputPace.reserve), at: 10_000_000) == nil)
        #expect(pace.took(1, at: 10_000_000) != nil)
    }
}
