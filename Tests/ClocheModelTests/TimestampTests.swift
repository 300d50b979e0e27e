// Times as text: read and written again, at the edges of the calendar.

import Testing

@testable import ClocheModel

@Suite struct TimestampTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00.000Z", 0), ("2026-11-21T10:00:05.123Z", 1_795_255_205_123),
            ("2000-02-29T23:59:59.999Z", 951_868_799_999), ("2024-12-31T23:59:60Z", 1_735_689_600_000),
            ("1969-12-31T23:59:59Z", -1000), ("2026-11-21", 1_795_219_200_000),
            ("2026-11-21 10:00", 1_795_255_200_000), ("2026-11-21T10:00:05.1Z", 1_795_255_205_100),
            ("2026-11-21T10:00:05.123456Z", 1_795_255_205_123),
        ] as [(String, Int64)]
    )
    func isRead(_ text: String, _ time: Int64) { #expect(Timestamp.parse(text) == time) }

    @Test(
        arguments: [
            "", "2026", "2026-11", "2026-11-31", "2025-02-29", "2100-02-29", "2026-11-21T", "2026-11-21T10",
            "2026-11-21T24:00", "2026-11-21T10:60", "2026-11-21T10:00:61", "2026-11-21T10:00:05.",
            "2026-11-21X10:00",
            "2026-11-21T10:00:05Zx", "+026-11-21", "٢٠٢٦-11-21", "2026-11-21T10:00+01:00",
        ]
    )
    func isNoTime(_ text: String) { #expect(Timestamp.parse(text) == nil) }

    @Test func everyDayOfFourCenturiesComesBack() {
        for day in stride(from: Int64(-60_000), to: 100_000, by: 1) {
            let time = day * 86_400_000 + 43_199_000
            #expect(Timestamp.parse(Timestamp.short(time)) == time)
        }
        #expect(Timestamp.short(1_795_255_205_123) == "2026-11-21 10:00:05")
        #expect(Timestamp.timeOfDay(1_795_255_205_123) == "10:00:05")
    }
}
