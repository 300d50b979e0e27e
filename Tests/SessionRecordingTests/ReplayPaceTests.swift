// When events are shown again, and times as people type them.

import SessionRecording
import Testing

@Suite struct ReplayPaceTests {
    @Test func speedDividesAndTheLimitCuts() {
        #expect(ReplayPace().delay(from: 1_000_000, to: 3_500_000) == 2_500_000)
        #expect(ReplayPace(speed: 4).delay(from: 0, to: 2_000_000) == 500_000)
        #expect(ReplayPace(speed: 0.5).delay(from: 0, to: 2_000_000) == 4_000_000)
        let short = ReplayPace(speed: 4, idleLimit: 2_000_000)
        // The limit is in the recording's seconds: first cut, then divided.
        #expect(short.delay(from: 0, to: 3_600_000_000) == 500_000)
        #expect(short.delay(from: 0, to: 1_000_000) == 250_000)
        #expect(short.delay(from: 5, to: 3) == 0, "time does not go back")
        #expect(ReplayPace(idleLimit: 0).delay(from: 0, to: 9) == 0)
    }

    @Test func theWholeLastsAsLongAsItsParts() {
        let times: [Int64] = [0, 300_000, 300_000, 90_000_000, 90_500_000, 91_500_000]
        let pace = ReplayPace(speed: 2, idleLimit: 1_000_000)
        let delays = zip(times, times.dropFirst()).map { pace.delay(from: $0, to: $1) }
        #expect(delays == [150_000, 0, 500_000, 250_000, 500_000])
    }

    @Test func aPlaceBetweenTwoEvents() {
        let pace = ReplayPace(speed: 4)
        #expect(pace.position(from: 1_000_000, to: 9_000_000, left: 1_000_000) == 5_000_000)
        #expect(pace.position(from: 1_000_000, to: 9_000_000, left: -5) == 9_000_000)
        #expect(pace.position(from: 1_000_000, to: 2_000_000, left: 9_000_000) == 1_000_000)
    }

    @Test(
        arguments: [
            ("0", 0), ("632", 632_000_000), ("1.5", 1_500_000), ("0.0000019", 1), ("10:32", 632_000_000),
            ("0:05.25", 5_250_000), ("90:00", 5_400_000_000), ("1:02:03", 3_723_000_000),
        ] as [(String, Int64)]
    )
    func timesAreRead(_ text: String, _ microseconds: Int64) {
        #expect(RecordingTime.microseconds(text) == microseconds)
    }

    @Test(arguments: [
        "", ":", "1:", ":1", "x", "-1", "+1", "1:60", "1:61:00", "1:2:3:4", "1.5:00", "1e3", ".5", "5.",
        "1..2",
        "9999999999", "10:32pm", " 1", "9999999:00",
    ])
    func whatIsNoTimeIsRefused(_ text: String) {
        #expect(RecordingTime.microseconds(text) == nil)
    }
}
