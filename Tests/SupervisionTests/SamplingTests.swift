// When samples of what an agent uses are taken, and which are written down.

import AgentStore
import AuditRecords
import ClocheModel
import Testing

@testable import Supervision

@Suite struct SamplingTests {
    private func sample(_ at: Int64, cpu: Int64?, memory: Int64 = 1, tasks: Int64 = 2) -> Sampling.Sample {
        var report = ResourceReport(measuredAt: at, source: .cgroup)
        (report.cpuMicroseconds, report.memoryBytes, report.tasks) = (cpu, memory, tasks)
        report.cpuPressure = at
        return Sampling.Sample(report: report, time: AuditTime(wall: at, text: "t\(at)", boot: at))
    }

    @Test func oneIsDueAMinuteOrEveryTenSeconds() {
        for (level, interval) in [(AuditPolicy.Level.standard, Int64(60_000)), (.full, 10_000)] {
            var sampling = Sampling(level)
            #expect(sampling.due == nil && !sampling.isDue(1_000_000))
            sampling.began(at: 500)
            #expect(sampling.due == 500 + interval && !sampling.isDue(499 + interval))
            #expect(sampling.isDue(700 + interval) && sampling.due == 700 + 2 * interval)
            sampling.ended()
            #expect(sampling.due == nil)
        }
        var none = Sampling(.minimal)
        none.began(at: 0)
        #expect(none.due == nil)
    }

    @Test func anIdleAgentWritesNone() {
        var sampling = Sampling(.standard)
        sampling.began(at: 0)
        #expect(sampling.note(sample(1, cpu: 5)).map(\.time.boot) == [1])
        for at in Int64(2)...9 { #expect(sampling.note(sample(at, cpu: 5, memory: at)).isEmpty) }
        // Before it does something again, it is told how long it did nothing.
        #expect(sampling.note(sample(10, cpu: 6)).map(\.time.boot) == [9, 10])
        #expect(sampling.note(sample(11, cpu: 7)).map(\.time.boot) == [11])
        #expect(sampling.note(sample(12, cpu: 7, tasks: 3)).map(\.time.boot) == [12])
        #expect(
            sampling.note(sample(13, cpu: nil)).isEmpty && sampling.note(sample(14, cpu: 8, tasks: 0)).isEmpty
        )
        sampling.began(at: 20)
        #expect(sampling.note(sample(21, cpu: 7, tasks: 3)).count == 1)
    }

    @Test func aRecordHasTheFactsOfTheTable() {
        let event = sample(1, cpu: 5).event
        let known = Set(EventKind.sample.fields.map(\.name))
        #expect(event.facts.allSatisfy { known.contains($0.key) })
        #expect(event.facts.contains { $0.key == "cpu-microseconds" && $0.value == .integer(5) })
        // What the report draws, and what a report of resources has, go by the same names.
        var report = ResourceReport(measuredAt: 0, source: .cgroup)
        report.cpuMicroseconds = 1
        let all = Set((report.document.entries ?? []).map(\.key))
        #expect(known.subtracting(all).isEmpty)
        #expect(all.subtracting(known) == ["measured-at", "cpu-pressure", "memory-pressure", "io-pressure"])
    }
}
