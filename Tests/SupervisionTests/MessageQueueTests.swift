import ClocheModel
import Testing

@testable import Supervision

/// Messages that wait, and when they are typed.
struct MessageQueueTests {
    private func message(_ text: String) -> QueuedMessage {
        QueuedMessage(text: text, enter: true, user: 1000, time: 5)
    }

    private func finding(_ activity: HarnessState.Activity, _ source: HarnessState.Source)
        -> StateWatch.Finding
    {
        StateWatch.Finding(activity: activity, source: source, since: 0)
    }

    @Test func theyKeepTheirOrder() {
        var queue = MessageQueue()
        #expect(queue.add(message("a")) == 1)
        #expect(queue.add(message("b")) == 2)
        let first = queue.next()
        #expect(first == message("a"))
        queue.putBack(message("a"))
        #expect(queue.waiting == [message("a"), message("b")])
    }

    @Test func theirNumberIsBounded() {
        var queue = MessageQueue()
        for _ in 0..<MessageQueue.most {
            #expect(queue.hasRoom(for: ""))
            _ = queue.add(message(""))
        }
        #expect(!queue.hasRoom(for: ""))
    }

    @Test func theirBytesAreBounded() {
        let queue = MessageQueue([message(String(repeating: "x", count: MessageQueue.mostBytes - 10))])
        #expect(queue.hasRoom(for: "0123456789"))
        #expect(!queue.hasRoom(for: "0123456789x"))
    }

    @Test(arguments: HarnessState.Activity.allCases, HarnessState.Source.allCases)
    func whoIsReadyGetsThem(activity: HarnessState.Activity, source: HarnessState.Source) {
        let isReady =
            switch activity {
            case .starting: false
            case .working: source == .output
            case .waiting, .idle, .done, .failed: source != .exit
            }
        #expect(MessageQueue().mayType(finding(activity, source), at: 0) == isReady)
    }

    @Test func enterComesLater() {
        var queue = MessageQueue()
        queue.typed(enter: true, answers: false, at: 1000)
        #expect(queue.nextMoment == 1150 && !queue.mayType(finding(.idle, .silence), at: 1100))
        let early = queue.pressesEnter(at: 1149)
        let due = queue.pressesEnter(at: 1150)
        let again = queue.pressesEnter(at: 1151)
        #expect(!early && due && !again && queue.nextMoment == nil)
        #expect(queue.mayType(finding(.idle, .silence), at: 1151))
    }

    @Test func whoAnswersIsGivenTime() {
        var queue = MessageQueue()
        queue.typed(enter: true, answers: true, at: 1000)
        _ = queue.pressesEnter(at: 1150)
        let idle = finding(.idle, .hook)
        #expect(!queue.mayType(idle, at: 2999) && queue.isUnsettled(at: 2999) && queue.nextMoment == 3000)
        #expect(queue.mayType(idle, at: 3000))
        let early = queue.settles(at: 2999)
        let due = queue.settles(at: 3000)
        #expect(!early && due && queue.nextMoment == nil)
        queue.typed(enter: true, answers: true, at: 4000)
        _ = queue.pressesEnter(at: 4150)
        queue.reacted()
        #expect(queue.mayType(idle, at: 4200))
    }

    @Test func withoutEnterThereIsNoAnswer() {
        var queue = MessageQueue()
        queue.typed(enter: false, answers: true, at: 1000)
        #expect(queue.mayType(finding(.idle, .hook), at: 1000))
    }

    @Test func aNewProgramIsTypedNothingOfTheOldOnes() {
        var queue = MessageQueue([message("a")])
        queue.typed(enter: true, answers: true, at: 1000)
        queue.interrupted()
        #expect(queue.nextMoment == nil && queue.waiting == [message("a")])
    }

    @Test func messagesAreKept() {
        let one = message("a\nü\u{1F419}")
        #expect(QueuedMessage(document: one.document) == one)
        var document = one.document
        document["by"] = .integer(-1)
        #expect(QueuedMessage(document: document) == nil)
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
