import ClocheModel
import Testing

@testable import Supervision

/// When messages are typed.
struct MessagePaceTests {
    private func finding(_ activity: HarnessState.Activity, _ source: HarnessState.Source)
        -> StateWatch.Finding
    {
        StateWatch.Finding(activity: activity, source: source, since: 0)
    }

    @Test(arguments: HarnessState.Activity.allCases, HarnessState.Source.allCases)
    func whoIsReadyGetsThem(activity: HarnessState.Activity, source: HarnessState.Source) {
        let isReady =
            switch activity {
            case .starting: false
            case .working: source == .output
            case .waiting, .idle, .done, .failed: source != .exit
            }
        #expect(MessagePace().mayType(finding(activity, source), at: 0) == isReady)
    }

    @Test func enterComesLater() {
        var pace = MessagePace()
        pace.typed(enter: true, answers: false, at: 1000)
        #expect(pace.nextMoment == 1150 && !pace.mayType(finding(.idle, .silence), at: 1100))
        let early = pace.pressesEnter(at: 1149)
        let due = pace.pressesEnter(at: 1150)
        let again = pace.pressesEnter(at: 1151)
        #expect(!early && due && !again && pace.nextMoment == nil)
        #expect(pace.mayType(finding(.idle, .silence), at: 1151))
    }

    @Test func whoAnswersIsGivenTime() {
        var pace = MessagePace()
        pace.typed(enter: true, answers: true, at: 1000)
        _ = pace.pressesEnter(at: 1150)
        let idle = finding(.idle, .hook)
        #expect(!pace.mayType(idle, at: 2999) && pace.isUnsettled(at: 2999) && pace.nextMoment == 3000)
        #expect(pace.mayType(idle, at: 3000))
        let early = pace.settles(at: 2999)
        let due = pace.settles(at: 3000)
        #expect(!early && due && pace.nextMoment == nil)
        pace.typed(enter: true, answers: true, at: 4000)
        _ = pace.pressesEnter(at: 4150)
        pace.reacted()
        #expect(pace.mayType(idle, at: 4200))
    }

    @Test func withoutEnterThereIsNoAnswer() {
        var pace = MessagePace()
        pace.typed(enter: false, answers: true, at: 1000)
        #expect(pace.mayType(finding(.idle, .hook), at: 1000))
    }

    @Test func aNewProgramIsTypedNothingOfTheOldOnes() {
        var pace = MessagePace()
        pace.typed(enter: true, answers: true, at: 1000)
        pace.interrupted()
        #expect(pace == MessagePace() && pace.nextMoment == nil)
    }

    @Test func agentsInterruptSeldom() {
        var pace = MessagePace()
        let busy = finding(.working, .hook)
        #expect(pace.step(to: 1, isOfAgent: true, busy, at: 1000) == .interrupt)
        #expect(pace.step(to: 1, isOfAgent: true, busy, at: 1150) == .type)
        pace.typed(enter: false, answers: false, at: 1150)
        #expect(pace.step(to: 2, isOfAgent: true, busy, at: 10_999) == .wait)
        #expect(pace.nextMoment == 11_000)
        // A person has it interrupted at any time.
        #expect(pace.step(to: 3, isOfAgent: false, busy, at: 5000) == .interrupt)
        pace.endInterruption(at: 11_000)
        #expect(pace.step(to: 2, isOfAgent: true, busy, at: 11_000) == .interrupt)
    }

    @Test func aBusyProgramIsInterruptedOnceAndThenTypedTo() {
        var pace = MessagePace()
        let busy = finding(.working, .hook)
        let steps = [1000, 1100, 1149, 1150].map { pace.step(to: 5, isOfAgent: false, busy, at: $0) }
        #expect(steps == [.interrupt, .wait, .wait, .type] && pace.nextMoment == 1150)
        let other = pace.step(to: 6, isOfAgent: false, busy, at: 1150)
        #expect(other == .interrupt)
        pace.typed(enter: true, answers: false, at: 2000)
        let early = pace.step(to: 7, isOfAgent: false, busy, at: 2100)
        #expect(early == .wait && pace.interruption == nil)
        let starting = pace.step(to: 7, isOfAgent: false, finding(.starting, .start), at: 5000)
        #expect(starting == .wait)
    }

    @Test func whatWasInterruptedForAndNotTypedIsForgotten() {
        var pace = MessagePace()
        _ = pace.step(to: 5, isOfAgent: false, finding(.working, .hook), at: 1000)
        pace.endInterruption(at: 1149)
        #expect(pace.nextMoment == 1150)
        pace.endInterruption(at: 1150)
        #expect(pace.nextMoment == nil)
    }
}

/// What is told of a change, and how often.
struct StateNoticeTests {
    private func notice(_ activity: HarnessState.Activity, _ text: String = "") -> StateNotice {
        StateNotice(agent: "a", project: "/p", state: HarnessState(activity, since: 0, by: .hook, text: text))
    }

    @Test func commandsHaveItInVariables() {
        let environment = notice(.waiting, "$(x) `y`; z").environment
        for variable in [
            "CLOCHE_AGENT=a", "CLOCHE_PROJECT=/p", "CLOCHE_STATE=waiting", "CLOCHE_STATE_BY=hook",
            "CLOCHE_STATE_TEXT=$(x) `y`; z",
        ] {
            #expect(environment.contains(variable))
        }
    }

    @Test func peopleAreToldWhatNeedsThem() {
        let told = HarnessState.Activity.allCases.filter { notice($0).isWorthANotice }
        #expect(told == [.waiting, .done, .failed])
        #expect(notice(.waiting).title == "a waits for you")
        #expect(notice(.done).title == "a is done")
        #expect(notice(.failed).title == "a has failed")
    }

    @Test func aNotificationHasNoMarks() {
        #expect(StateNotice.plain("<a href='x'>y</a> & z") == "&lt;a href='x'&gt;y&lt;/a&gt; &amp; z")
        #expect(StateNotice.plain("\\074b\\076") == "\\\\074b\\\\076")
    }

    @Test func aFloodIsCounted() {
        var allowance = Allowance(most: 3, interval: 1000)
        let first = (0..<5).map { _ in allowance.take(at: 10_000) }
        #expect(first == [0, 0, 0, nil, nil])
        let early = allowance.take(at: 10_999)
        let later = allowance.take(at: 11_000)
        let next = allowance.take(at: 11_001)
        #expect(early == nil && later == 3 && next == nil)
        let rested = (0..<4).map { _ in allowance.take(at: 100_000) }
        #expect(rested == [1, 0, 0, nil])
    }
}
