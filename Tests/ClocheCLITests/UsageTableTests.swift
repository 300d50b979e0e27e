// The table of `stats` and `top`: from samples to lines, on terminals of any size.

import Cloche
import ClocheModel
import Testing

@testable import ClocheCLI

/// Samples as supervisors would give them.
enum Samples {
    static func report(at time: Int64, _ change: (inout ResourceReport) -> Void = { _ in }) -> ResourceReport
    {
        var report = ResourceReport(measuredAt: time, source: .cgroup)
        change(&report)
        return report
    }

    static func sample(
        _ name: String,
        _ report: ResourceReport,
        _ limits: [LimitState] = [],
        state: AgentState = .running
    ) -> AgentSample {
        AgentSample(
            name: name,
            state: state,
            usage: AgentUsage(state: state, report: report, limits: limits),
            isSilent: false
        )
    }

    static func silent(_ name: String) -> AgentSample {
        AgentSample(name: name, state: .running, usage: nil, isSilent: true)
    }

    static let memory = LimitState(.memory, value: 2 << 30, used: 512 << 20, holder: .cgroup)

    /// One busy agent, a silent one, and one of which little is known.
    static func three() -> [UsageRow] {
        let before = [
            sample("busy", report(at: 1000) { ($0.cpuMicroseconds, $0.ioReadBytes) = (500_000, 0) })
        ]
        let busy = report(at: 1500) { report in
            (report.cpuMicroseconds, report.memoryBytes, report.tasks) = (1_250_000, 512 << 20, 12)
            (report.ioReadBytes, report.ioWriteBytes, report.diskBytes) = (1 << 20, 7, 3 << 30)
            (report.cpuPressure, report.memoryPressure, report.ioPressure) = (1250, 0, 49)
        }
        let limits = [
            memory, LimitState(.wallClock, value: 3600, used: 1800, holder: .supervisor),
            LimitState(.disk, value: 4 << 30, used: 3 << 30, holder: .nobody),
            LimitState(.logSize, value: 1 << 24, used: nil, holder: .supervisor),
        ]
        return UsageRow.rows(
            [
                silent("mute"), sample("busy", busy, limits),
                sample("bare", report(at: 9), state: .paused),
            ],
            since: before,
            by: .cpu
        )
    }
}

@Suite struct UsageRowTests {
    @Test func ratesAreDifferencesOverTheTimeBetween() {
        let before = Samples.sample(
            "a",
            Samples.report(at: 1000) { report in
                (report.cpuMicroseconds, report.ioReadBytes) = (1_000_000, 1000)
                (report.networkSentBytes, report.networkReceivedBytes) = (500, 10)
            }
        )
        let now = Samples.sample(
            "a",
            Samples.report(at: 1500) { report in
                (report.cpuMicroseconds, report.ioReadBytes) = (1_750_000, 3000)
                (report.networkSentBytes, report.networkReceivedBytes) = (400, nil)
            },
            [
                LimitState(.cpu, value: 2000, used: nil, holder: .cgroup),
                LimitState(.ioRead, value: 9000, used: nil, holder: .cgroup),
            ]
        )
        let row = UsageRow(now, since: before)
        #expect(row.cpuMillicores == 1500, "three quarters of a second in half a second")
        #expect(row.ioRead == 4000)
        #expect(row.ioWritten == nil, "not measured")
        #expect(row.networkSent == nil, "the counter went back: another run")
        #expect(row.networkReceived == nil)
        #expect(row.limits.map(\.used) == [1500, 4000])
    }

    @Test func oneSampleOrTheSameOneAgainGivesNoRate() {
        let sample = Samples.sample("a", Samples.report(at: 1000) { $0.cpuMicroseconds = 5 })
        #expect(UsageRow(sample, since: nil).cpuMillicores == nil)
        #expect(UsageRow(sample, since: sample).cpuMillicores == nil)
    }

    @Test func theLargestComesFirstAndWhatIsNotKnownLast() {
        let memory: [(String, Int64?)] = [("b", 10), ("a", nil), ("d", 30), ("c", 10), ("e", 0)]
        let samples = memory.map { name, bytes in
            Samples.sample(name, Samples.report(at: 1) { $0.memoryBytes = bytes })
        }
        #expect(UsageRow.rows(samples, since: [], by: .memory).map(\.name) == ["d", "b", "c", "e", "a"])
        #expect(UsageRow.rows(samples, since: [], by: .name).map(\.name) == ["a", "b", "c", "d", "e"])
        #expect(UsageRow.rows(samples, since: [], by: .disk).map(\.name) == ["a", "b", "c", "d", "e"])
    }

    @Test func jsonHasTheSameFieldsForAnAgentThatIsSilent() {
        let rows = Samples.three()
        let fields = rows.map { row in row.document(time: 0).entries?.map(\.key) ?? [] }
        #expect(fields[0] == fields[1] && fields[1] == fields[2])
        #expect(Set(fields[0]).count == fields[0].count)
        let busy = rows[0].document(time: 0)
        #expect(busy["cpu-percent"] == .real(150) && busy["cpu-microseconds"] == .integer(1_250_000))
        #expect(busy["limits"]?.list?.first?["unit"]?.string == "bytes")
        let mute = rows.first { $0.name == "mute" }?.document(time: 0)
        #expect(mute?["answered"] == .bool(false) && mute?["source"] == .null)
    }

    @Test func aSilentRoundDoesNotLoseTheSampleBeforeIt() {
        var history = UsageHistory()
        history.add([Samples.sample("a", Samples.report(at: 0) { $0.cpuMicroseconds = 0 })])
        history.add([Samples.silent("a")])
        #expect(history.rows(.cpu)[0].cpuMillicores == nil)
        history.add([Samples.sample("a", Samples.report(at: 2000) { $0.cpuMicroseconds = 1_000_000 })])
        #expect(history.rows(.cpu)[0].cpuMillicores == 500)
        history.add([])
        #expect(history.rows(.cpu).isEmpty)
    }
}

@Suite struct UsageTableTests {
    private static let plain = UsageStyle(unicode: false, colors: false)

    @Test func allColumnsWhereThereIsRoom() {
        let lines = UsageTable(Samples.three(), Self.plain).lines()
        #expect(
            lines == [
                "NAME  STATE     CPU%  MEM                TASKS  IO R/W  NET R/W  DISK                PSI C/M/I  LIMITS",
                "busy  running   150   512M/2.0G ##.....  12     2.0M/-  -        3.0G/4.0G not held  13/0/0     "
                    + "wall-clock 30m/1h ####...",
                "bare  paused    -     -                  -      -       -        -                   -",
                "mute  running?  ?     ?                  ?      ?       ?        ?                   ?",
            ]
        )
    }

    @Test(arguments: 1...130) func noLineIsWiderThanTheTerminal(_ width: Int) {
        let rows = Samples.three()
        for unicode in [false, true] {
            let lines = UsageTable(rows, UsageStyle(unicode: unicode, colors: false)).lines(width: width)
            #expect(lines.count == 4)
            #expect(lines.allSatisfy { $0.count <= width }, "\(lines)")
        }
    }

    @Test func theLeastWantedGoesFirst() {
        let rows = Samples.three()
        func titles(_ width: Int) -> String { UsageTable(rows, Self.plain).lines(width: width)[0] }
        #expect(titles(100).contains("PSI") && !titles(100).contains("LIMITS  "))
        #expect(titles(50).contains("MEM") && !titles(50).contains("PSI"))
        #expect(titles(14).hasPrefix("NAME") && !titles(14).contains("MEM"))
        #expect(titles(3) == "NAM")
    }

    @Test func whatDoesNotFitTheHeightIsCounted() {
        let rows = UsageRow.rows(
            (100..<300).map { Samples.sample("a\($0)", Samples.report(at: 1)) },
            since: [],
            by: .name
        )
        let table = UsageTable(rows, Self.plain)
        let lines = table.lines(width: 80, height: 22)
        #expect(lines.count == 22 && lines[1].hasPrefix("a100 ") && lines[20].hasPrefix("a119 "))
        #expect(lines[21] == "... 180 more")
        #expect(table.lines(height: 201).last?.hasPrefix("a299") == true)
        let scrolled = table.lines(width: 80, height: 22, offset: 10)
        #expect(scrolled[1].hasPrefix("a110 ") && scrolled[21] == "... 170 more")
        let end = table.lines(width: 80, height: 22, offset: 1000)
        #expect(end.last?.hasPrefix("a299") == true && end.count == 22)
        for height in 0...3 { #expect(table.lines(width: 80, height: height).count == height) }
        #expect(UsageTable([], Self.plain).lines(width: 80, height: 10).count == 1)
    }

    @Test(arguments: [
        (0, "......."), (1, "#......"), (50, "####..."), (99, "######."), (100, "#######"), (250, "#######"),
    ]) func aBarTellsNothingFromLittleAndFullFromNearlyFull(_ percent: Int64, _ bar: String) {
        let limit = LimitState(.memory, value: 100, used: percent, holder: .cgroup)
        let row = Samples.sample("a", Samples.report(at: 1) { $0.memoryBytes = percent }, [limit])
        let lines = UsageTable(UsageRow.rows([row], since: [], by: .name), Self.plain).lines()
        #expect(lines[1].contains(" \(bar) "), "\(lines)")
    }

    @Test func coloursChangeNoTextAndNoWidth() {
        let rows = Samples.three()
        let colored = UsageTable(rows, UsageStyle(unicode: true, colors: true)).lines(width: 100)
        let bare = UsageTable(rows, UsageStyle(unicode: true, colors: false)).lines(width: 100)
        #expect(colored != bare && colored.map(stripped) == bare)
    }

    private func stripped(_ line: String) -> String {
        var text = ""
        var isSequence = false
        for character in line {
            if character == "\u{1B}" { isSequence = true }
            if !isSequence { text.append(character) }
            if isSequence && character == "m" { isSequence = false }
        }
        return text
    }

    @Test func theLocaleDecidesOnBlocks() {
        func isUnicode(_ variables: [String: String]) -> Bool { UsageStyle.isUnicode { variables[$0] } }
        #expect(isUnicode(["LANG": "de_DE.UTF-8"]) && isUnicode(["LC_CTYPE": "C.utf8", "LANG": "C"]))
        #expect(!isUnicode([:]) && !isUnicode(["LANG": "C"]))
        #expect(
            !isUnicode(["LC_ALL": "C", "LANG": "C.UTF-8"]) && isUnicode(["LC_ALL": "", "LANG": "C.UTF-8"])
        )
    }
}

@Suite struct AmountTests {
    @Test(
        arguments: [
            (0, "0"), (999, "999"), (1000, "0.9K"), (1536, "1.5K"), (10240, "10K"), (640 << 20, "640M"),
            (1023 << 20, "0.9G"), (2 << 30, "2.0G"), (Int64.max, "8192P"), (-1, "0"),
        ] as [(Int64, String)]
    ) func bytes(_ count: Int64, _ text: String) { #expect(Amount.bytes(count) == text) }

    @Test(
        arguments: [
            (0, "0s"), (59, "59s"), (60, "1m"), (90, "1m30s"), (3600, "1h"), (5400, "1h30m"), (86400, "1d"),
            (180_000, "2d2h"),
        ] as [(Int64, String)]
    ) func duration(_ seconds: Int64, _ text: String) {
        #expect(Amount.duration(seconds) == text)
    }

    @Test func countsAndPercents() {
        #expect([0, 9999, 12_345, 3_250_000].map(Amount.count) == ["0", "9999", "12k", "3.2M"])
        #expect([0, 75, 999, 1000, 2004].map(Amount.percent) == ["0.0", "7.5", "99.9", "100", "200"])
    }
}
