// Limits beside what is used of them.

import ClocheModel
import Testing

@Suite struct LimitStateTests {
    private static let everything = LimitsPolicy(
        shares: ResourceLimits(
            memoryBytes: 1,
            memoryHighBytes: 2,
            swapBytes: 3,
            processes: 4,
            cpuMillicores: 5,
            cpuWeight: 6,
            ioReadBytes: 7,
            ioWriteBytes: 8,
            ioReadOperations: 9,
            ioWriteOperations: 10
        ),
        wallClockSeconds: 11,
        idleSeconds: 12,
        cpuSeconds: 13,
        startsPerMinute: 14,
        diskBytes: 15,
        diskFiles: 16,
        openFiles: 17,
        fileBytes: 18,
        outputBytes: 19,
        logBytes: 20
    )

    private static var report: ResourceReport {
        var report = ResourceReport(measuredAt: 0, source: .cgroup)
        report.memoryBytes = 100
        report.swapBytes = 101
        report.tasks = 102
        report.cpuMicroseconds = 103_999_999
        report.diskBytes = 104
        report.diskFiles = 105
        report.outputBytes = 106
        return report
    }

    private func states(_ limits: LimitsPolicy, _ report: ResourceReport = report) -> [LimitState] {
        LimitState.all(limits, report, elapsedSeconds: 200, idleSeconds: 201) { name in
            name == .memory ? .cgroup : .supervisor
        }
    }

    @Test func everyLimitThatIsSetIsThereOnceWithItsValue() {
        let states = states(Self.everything)
        #expect(states.map(\.name) == LimitName.allCases)
        #expect(states.map(\.value) == Array(1...20))
    }

    @Test func whatIsNotSetIsNotThere() {
        #expect(states(LimitsPolicy()).map(\.name) == [.logSize])
        let memory = LimitsPolicy(shares: ResourceLimits(memoryBytes: 1 << 30))
        #expect(
            states(memory).first == LimitState(.memory, value: 1 << 30, used: 100, holder: .cgroup)
        )
    }

    @Test func eachIsHeldAgainstItsOwnNumber() {
        let used = Dictionary(uniqueKeysWithValues: states(Self.everything).map { ($0.name, $0.used) })
        let known: [LimitName: Int64] = [
            .memory: 100, .memoryHigh: 100, .swap: 101, .processes: 102, .cpuTime: 103, .disk: 104,
            .diskFiles: 105, .output: 106, .wallClock: 200, .idle: 201,
        ]
        for name in LimitName.allCases { #expect(used[name] == known[name], "\(name)") }
    }

    @Test func whatIsNotMeasuredIsNotKnown() {
        let nothing = ResourceReport(measuredAt: 0, source: .supervisor)
        let known = states(Self.everything, nothing).filter { $0.used != nil }
        #expect(known.map(\.name) == [.wallClock, .idle])
    }

    @Test func anAnswerSurvivesAsADocument() {
        let usage = AgentUsage(state: .paused, report: Self.report, limits: states(Self.everything))
        #expect(AgentUsage(document: usage.document) == usage)
    }

    @Test func aLimitOfANewerVersionIsLeftOut() {
        var usage = AgentUsage(state: .running, report: Self.report, limits: []).document
        usage["limits"] = .list([.object(["name": .string("magic"), "limit": .integer(1)])])
        #expect(AgentUsage(document: usage)?.limits == [])
        usage["report"] = .null
        #expect(AgentUsage(document: usage) == nil)
    }
}
