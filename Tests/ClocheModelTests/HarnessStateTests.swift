import Testing

@testable import ClocheModel

/// What an agent's program does, judged from its record.
struct HarnessStateTests {
    private static func record(_ change: (inout AgentRecord) -> Void = { _ in }) -> AgentRecord {
        var record = AgentRecord(
            name: "a",
            project: "/p",
            workspace: .empty,
            access: .readWrite,
            workspacePath: "/w",
            profile: "shell",
            effective: .map([]),
            task: "",
            created: 100
        )
        (record.started, record.ended) = (1000, 2000)
        change(&record)
        return record
    }

    @Test func aRunningOneDoesWhatItsSupervisorSawLast() {
        let last = HarnessState(.waiting, since: 1500, by: .hook, text: "for you")
        for state in [AgentState.running, .paused, .stopping] {
            #expect(HarnessState(of: Self.record(), in: state, last: last) == last)
        }
    }

    @Test func whatAnEarlierRunLeftCountsForNothing() {
        let last = HarnessState(.waiting, since: 999, by: .hook)
        let found = HarnessState(of: Self.record(), in: .running, last: last)
        #expect(found == HarnessState(.starting, since: 1000, by: .start))
        #expect(HarnessState(of: Self.record(), in: .starting, last: nil)?.activity == .starting)
    }

    private static let ends: [(AgentState, Int64?, HarnessState.Activity)] = [
        (.exited, 0, .done), (.exited, 1, .failed), (.exited, nil, .failed),
        (.failed, 0, .failed), (.stopped, 143, .done), (.stopped, nil, .done),
    ]

    @Test(arguments: ends)
    func oneThatHasEndedIsDoneOrHasFailed(
        state: AgentState,
        code: Int64?,
        activity: HarnessState.Activity
    ) {
        let record = Self.record { $0.exitCode = code }
        let last = HarnessState(.working, since: 1500, by: .hook)
        let found = HarnessState(of: record, in: state, last: last)
        #expect(found == HarnessState(activity, since: 2000, by: .exit))
    }

    @Test func oneThatIsLostHasFailed() {
        let last = HarnessState(.working, since: 1500, by: .output)
        let record = Self.record { $0.ended = nil }
        #expect(
            HarnessState(of: record, in: .lost, last: last) == HarnessState(.failed, since: 1500, by: .exit)
        )
        #expect(HarnessState(of: record, in: .lost, last: nil)?.since == 1000)
    }

    @Test(arguments: [AgentState.creating, .deleting, .incomplete])
    func whatNeverRanDoesNothing(state: AgentState) {
        #expect(HarnessState(of: Self.record(), in: state, last: nil) == nil)
    }

    @Test func itIsKept() {
        let state = HarnessState(.idle, since: 5, by: .silence)
        #expect(HarnessState(document: state.document) == state)
        let told = HarnessState(.failed, since: 5, by: .hook, text: "no more tokens")
        #expect(HarnessState(document: told.document) == told)
        var document = state.document
        document["state"] = .string("asleep")
        #expect(HarnessState(document: document) == nil)
    }
}
