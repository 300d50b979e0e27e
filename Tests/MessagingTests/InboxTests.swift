// An inbox: states, order, duplicates, expiry, bounds, compaction, and that any beginning of a log is one.

import ClocheModel
import Testing

@testable import Messaging

/// An inbox with its log, as a file would have them.
struct LoggedInbox {
    var inbox = Inbox()
    var log: [InboxRecord] = [.next(1)]

    mutating func write(_ records: [InboxRecord]) {
        for record in records { inbox.apply(record) }
        log += records
    }

    @discardableResult
    mutating func send(_ content: NewMessage, from sender: MessageSender = .a, at now: Int64 = 0) throws
        -> Int64
    {
        switch try inbox.admit(content, from: sender, at: now) {
        case .duplicate(let id): return id
        case .new(let message):
            write([.message(message)])
            return message.id
        }
    }

    @discardableResult
    mutating func send(_ text: String, from sender: MessageSender = .a, at now: Int64 = 0) throws -> Int64 {
        try send(NewMessage(text), from: sender, at: now)
    }

    mutating func become(_ state: MessageState, _ ids: Int64..., isSettled: Bool = true, at now: Int64 = 1) {
        write(inbox.changes(ids, to: state, isSettled: isSettled, at: now))
    }

    static func replay(_ log: some Sequence<InboxRecord>) -> Inbox {
        log.reduce(into: Inbox()) { $0.apply($1) }
    }
}

extension MessageSender {
    static let a = MessageSender.agent(name: "a", log: "1")
    static let b = MessageSender.agent(name: "b", log: "2")
    static let person = MessageSender.person(user: 1000)
}

@Suite struct InboxTests {
    private var it = LoggedInbox()

    @Test mutating func numbersCountAndOrderIsKept() throws {
        #expect(try it.send("one") == 1)
        #expect(try it.send("two", from: .b) == 2)
        #expect(try it.send(NewMessage("three", isUrgent: true)) == 3)
        #expect(try it.send(NewMessage("four", interrupts: true), from: .b) == 4)
        #expect(it.inbox.queue(at: 5).map(\.id) == [3, 4, 1, 2])
        #expect(it.inbox.next(at: 5)?.id == 3)
        #expect(it.inbox.next(at: 5, without: [3, 4])?.id == 1)
    }

    @Test mutating func statesFollowEachOther() throws {
        for text in ["a", "b", "c", "d"] { try it.send(text) }
        it.become(.delivered, 1, 2)
        it.become(.acknowledged, 2, 3)
        it.become(.expired, 1, 4)
        #expect(it.inbox.messages.map(\.state) == [.delivered, .acknowledged, .acknowledged, .expired])
        // Nothing goes back, and nothing that is not there becomes anything.
        #expect(it.inbox.changes([2, 3, 4, 9], to: .delivered, at: 2).isEmpty)
        #expect(it.inbox.changes([1, 2, 3, 4], to: .queued, at: 2).isEmpty)
        it.write([.change(id: 2, state: .queued, time: 3, isSettled: true)])
        #expect(it.inbox[2]?.state == .acknowledged && it.inbox.waitingCount == 0)
    }

    @Test mutating func whatIsNotSettledIsQueuedAgain() throws {
        for text in ["a", "b", "c"] { try it.send(text) }
        it.become(.delivered, 1, 2, isSettled: false)
        it.write([.settled([1])])
        #expect(it.inbox.unsettled == [2] && it.inbox.queue(at: 0).map(\.id) == [3])
        it.write(it.inbox.changes(it.inbox.unsettled, to: .queued, at: 5))
        #expect(it.inbox.queue(at: 0).map(\.id) == [2, 3] && it.inbox.unsettled.isEmpty)
    }

    @Test mutating func theSameKeyOfTheSameSenderIsOneMessage() throws {
        let content = NewMessage("x", key: "k")
        #expect(try it.send(content) == 1)
        #expect(try it.send(content, from: .b) == 2)
        // A deleted agent's name does not make another one the same sender.
        #expect(try it.send(content, from: .agent(name: "a", log: "other")) == 3)
        it.become(.acknowledged, 1)
        #expect(try it.send(NewMessage("other words", key: "k")) == 1)
        #expect(it.inbox.messages.count == 3)
    }

    @Test mutating func whatIsTooLateIsNotDelivered() throws {
        try it.send(NewMessage("short", lifetime: 100), at: 1000)
        try it.send("long", at: 1000)
        #expect(it.inbox.queue(at: 1099).map(\.id) == [1, 2] && it.inbox.nextMoment(after: 1000) == 1100)
        #expect(it.inbox.queue(at: 1100).map(\.id) == [2] && it.inbox.overdue(at: 1100).map(\.id) == [1])
        it.become(.expired, 1, at: 1100)
        #expect(it.inbox.overdue(at: 1100).isEmpty && it.inbox.nextMoment(after: 1100) == nil)
        try it.send(NewMessage("for ever", lifetime: .max), at: 1000)
        #expect(it.inbox.queue(at: .max - 1).map(\.id) == [2, 3])
    }

    @Test mutating func aQuestionIsOpenUntilItIsAnsweredOrTooLate() throws {
        try it.send(NewMessage("which?", asks: true, lifetime: 100))
        it.become(.delivered, 1)
        #expect(it.inbox.questions(at: 99).map(\.id) == [1] && it.inbox.questions(at: 100).isEmpty)
        #expect(it.inbox.overdue(at: 100).map(\.id) == [1])
        it.become(.acknowledged, 1)
        #expect(it.inbox.questions(at: 99).isEmpty && it.inbox.overdue(at: 100).isEmpty)
    }

    @Test mutating func anAwaitedAnswerIsLeftToWhoeverWaitsAndKeepsItsPlace() throws {
        guard
            case .new(let held) = try it.inbox.admit(
                NewMessage("yes"),
                from: .a,
                isAnswerAwaited: true,
                at: 0
            )
        else { return }
        it.write([.message(held)])
        try it.send("behind it")
        try it.send(NewMessage("urgent", isUrgent: true))
        try it.send("of another", from: .b)
        #expect(it.inbox.next(at: 1)?.id == 3 && it.inbox.next(at: 1, without: [3])?.id == 4)
        #expect(it.inbox.next(at: Inbox.hold, without: [3, 4])?.id == 1)
        #expect(it.inbox.nextMoment(after: 1) == Inbox.hold)
        it.become(.delivered, 1)
        #expect(it.inbox.next(at: 1, without: [3, 4])?.id == 2)
    }

    @Test mutating func noSenderFillsAnInbox() throws {
        for _ in 0..<Inbox.Bounds.oneSender.messages { try it.send("x") }
        #expect(throws: InboxFull(count: 512, isOfSender: true)) { try it.send("x") }
        #expect(try it.send("x", from: .b) == 513)
        // A duplicate takes no room, and what was delivered gives it back.
        it.become(.delivered, 1)
        try it.send(NewMessage("x", key: "k"))
        #expect(try it.send(NewMessage("x", key: "k")) == 514)
        #expect(throws: InboxFull.self) { try it.send("x") }
    }

    @Test mutating func aFamilyIsOneSender() throws {
        let family: Set<String> = ["1", "2"]
        let kin = family.sorted().map { MessageSender.agent(name: "kin", log: $0) }
        for number in 0..<Inbox.Bounds.oneSender.messages { try it.send("x", from: kin[number % 2]) }
        func admit(from sender: MessageSender, _ family: Set<String>) throws(InboxFull) {
            _ = try it.inbox.admit(NewMessage("x"), from: sender, family: family, at: 0)
        }
        let third = MessageSender.agent(name: "kin", log: "3")
        #expect(throws: InboxFull(count: 512, isOfSender: true)) { try admit(from: third, ["1", "2", "3"]) }
        #expect(throws: Never.self) { try admit(from: third, ["3"]) }
        #expect(throws: Never.self) { try admit(from: kin[0], []) }
    }

    @Test mutating func someAreNotTyped() throws {
        try it.send("of an agent")
        #expect(it.inbox.next(at: 1) { $0.sender.isPerson } == nil && it.inbox.next(at: 1)?.id == 1)
        try it.send("of a person", from: .person(user: 1))
        #expect(it.inbox.next(at: 1) { $0.sender.isPerson }?.id == 2 && it.inbox.lastID == 2)
    }

    @Test mutating func bytesAreBounded() throws {
        let half = String(repeating: "x", count: Inbox.Bounds.oneSender.bytes / 2)
        try it.send(half)
        try it.send(half)
        #expect(throws: InboxFull(count: 2, isOfSender: true)) { try it.send("x") }
        for number in 0..<15 {
            let sender = MessageSender.agent(name: "c", log: "\(number)")
            try it.send(half, from: sender)
            try it.send(half, from: sender)
        }
        #expect(throws: InboxFull(count: 32, isOfSender: false)) { try it.send("x", from: .b) }
    }

    @Test mutating func compactionKeepsWhatMatters() throws {
        for number in 1...1000 {
            try it.send(NewMessage("\(number)", key: "\(number)"))
            it.become(.delivered, Int64(number))
        }
        try it.send("waits")
        try it.send(NewMessage("open", asks: true), from: .b)
        it.become(.delivered, 1002)
        try it.send("typed")
        it.become(.delivered, 1003, isSettled: false)
        #expect(it.inbox.isWorthCompacting == false)
        for number in 2000...4000 {
            try it.send(NewMessage("\(number)", key: "\(number)"))
            it.become(.delivered, it.inbox.next - 1)
        }
        #expect(it.inbox.isWorthCompacting)
        var after = LoggedInbox.replay(it.inbox.compacted)
        #expect(
            after.waitingCount == 1 && after.questions(at: 0).map(\.id) == [1002] && after.unsettled == [1003]
        )
        #expect(after.messages.count == Inbox.keptMessages + 3 && after.next == it.inbox.next)
        #expect(!after.isWorthCompacting)
        // Keys of the newest are known still.
        guard case .duplicate = try after.admit(NewMessage("", key: "3000"), from: .a, at: 0) else {
            Issue.record("a key was lost")
            return
        }
        after.apply(.message(Message(id: 5, sender: .a, time: 0, content: NewMessage("an old number"))))
        #expect(after[5] == nil)
    }

    @Test mutating func recordsSurviveTheirDocuments() throws {
        let full = NewMessage(
            "a\nü\u{1F419}",
            replyTo: 7,
            interrupts: true,
            asks: true,
            choices: ["y", "n"],
            isAwaited: true,
            lifetime: 5,
            key: "k",
            enter: false
        )
        try it.send(full, from: .person, at: 9)
        guard case .new(let held) = try it.inbox.admit(full, from: .a, isAnswerAwaited: true, at: 3) else {
            return
        }
        let records: [InboxRecord] =
            it.log + [
                .message(held), .change(id: 1, state: .delivered, time: 4, isSettled: false),
                .change(id: 1, state: .acknowledged, time: 4, isSettled: true), .settled([1, 2]),
                .seen(id: 4, sender: .b, key: "x"),
            ]
        for record in records { #expect(InboxRecord(document: record.document) == record) }
        for key in ["message", "id", "seen", "sender", "next"] {
            #expect(InboxRecord(document: .map([.init(key, .bool(true))])) == nil)
        }
    }
}

/// Random lives of an inbox.
@Suite struct InboxHistoryTests {
    private static let senders: [MessageSender] = [.a, .b, .person]

    private func live(_ seed: UInt64, steps: Int) throws -> (LoggedInbox, sent: [MessageSender: [String]]) {
        var random = SplitMix(state: seed)
        var it = LoggedInbox()
        var sent: [MessageSender: [String]] = [:]
        for step in 0..<steps {
            let now = Int64(step)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<4:
                let sender = Self.senders[Int.random(in: 0..<3, using: &random)]
                let content = NewMessage(
                    "\(step)",
                    isUrgent: Bool.random(using: &random),
                    asks: Int.random(in: 0..<4, using: &random) == 0,
                    lifetime: Int.random(in: 0..<5, using: &random) == 0 ? 20 : nil,
                    key: Bool.random(using: &random) ? "\(Int.random(in: 0..<200, using: &random))" : nil
                )
                let count = it.inbox.messages.count
                try it.send(content, from: sender, at: now)
                if it.inbox.messages.count > count { sent[sender, default: []].append("\(step)") }
            case 4..<8:
                if let next = it.inbox.next(at: now) {
                    it.become(.delivered, next.id, isSettled: Bool.random(using: &random), at: now)
                }
            case 8: it.write(it.inbox.changes(it.inbox.overdue(at: now).map(\.id), to: .expired, at: now))
            default:
                let ids = it.inbox.messages.map(\.id)
                if let id = ids.randomElement(using: &random) { it.become(.acknowledged, id, at: now) }
                if Bool.random(using: &random) { it.write([.settled(it.inbox.unsettled)]) }
            }
        }
        return (it, sent)
    }

    @Test(arguments: 1...20) func aLogSaysAllAndAnyBeginningIsOne(seed: UInt64) throws {
        let (it, sent) = try live(seed, steps: 300)
        #expect(LoggedInbox.replay(it.log).messages == it.inbox.messages)
        for sender in Self.senders {
            #expect(
                it.inbox.messages.filter { $0.sender == sender }.map(\.content.text) == sent[sender] ?? []
            )
        }
        for count in 0...it.log.count {
            let before = LoggedInbox.replay(it.log.prefix(count))
            #expect(before.messages.map(\.id) == it.inbox.messages.prefix(before.messages.count).map(\.id))
            #expect(before.waitingCount == before.messages.count { $0.state == .queued })
            #expect(before.next == Int64(before.messages.count + 1))
        }
    }

    @Test(arguments: 1...20) func compactionChangesNothingOfWhatWaits(seed: UInt64) throws {
        let (it, _) = try live(seed, steps: 1500)
        let after = LoggedInbox.replay(it.inbox.compacted)
        #expect(after.queue(at: 1500) == it.inbox.queue(at: 1500))
        #expect(after.questions(at: 1500) == it.inbox.questions(at: 1500))
        #expect(
            after.unsettled == it.inbox.unsettled && after.next == it.inbox.next
                && after.keys == it.inbox.keys
        )
        #expect(LoggedInbox.replay(after.compacted).messages == after.messages)
    }

    @Test(arguments: 1...20) func orderIsKeptPerSenderWithinAPriority(seed: UInt64) throws {
        var (it, _) = try live(seed, steps: 500)
        var delivered: [Message] = []
        while let next = it.inbox.next(at: 0) {
            delivered.append(next)
            it.become(.delivered, next.id)
        }
        for sender in Self.senders {
            for isUrgent in [true, false] {
                let ids = delivered.filter { $0.sender == sender && $0.content.isUrgent == isUrgent }.map(
                    \.id
                )
                #expect(ids == ids.sorted())
            }
        }
        #expect(it.inbox.waitingCount == 0)
    }
}

/// Random numbers that a seed repeats.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
