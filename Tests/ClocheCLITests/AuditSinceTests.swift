// What `--since` takes: durations and times, at a clock that stands still.

import ClocheModel
import Testing

@testable import ClocheCLI

@Suite struct AuditSinceTests {
    /// 2026-11-21T10:00:00Z.
    static let now: Int64 = 1_795_255_200_000

    @Test(
        arguments: [
            ("10m", 600), ("90s", 90), ("1h30m", 5400), ("2d", 172_800), ("45", 45), ("0s", 0),
            ("2026-11-21T09:59:00Z", 60), ("2026-11-21 09:59", 60), ("2026-11-21", 36000), ("09:59", 60),
            ("09:59:30.500", 29.5), ("10:00", 0), ("10:01", 86340), ("99999w", 1_795_255_200),
        ] as [(String, Double)]
    )
    func isATime(_ text: String, _ ago: Double) throws {
        #expect(try AuditSince.time(text, now: Self.now) == Self.now - Int64(ago * 1000))
    }

    @Test(arguments: [
        "", "soon", "-1m", "10 m", "25:00", "2026-13-01", "2026-02-29", "2026-11-21T10:00+01:00",
        "\u{1b}[31m",
    ])
    func isNone(_ text: String) {
        #expect(throws: ClocheError.self) { try AuditSince.time(text, now: Self.now) }
    }
}
