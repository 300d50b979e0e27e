// The log of an inbox on disk: several writers, torn lines, compaction, what an earlier version kept.

import ClocheModel
import LinuxSystem
import StructuredText
import Testing

@testable import AgentStore
@testable import Messaging

@Suite struct InboxFileTests {
    private let state: TemporaryState
    private let directory: AgentDirectory

    init() throws {
        state = try TemporaryState()
        directory = try state.project().agent("fixer")
        try Files.makeDirectories(directory.path)
    }

    @discardableResult
    private func send(_ text: String, to file: InboxFile, key: String? = nil) throws -> Int64 {
        var id: Int64 = 0
        try file.change(durably: true) { (inbox) throws(ClocheError) in
            // The typed error of a closure is another one.
            switch try? inbox.admit(NewMessage(text, key: key), from: .person(user: 1), at: 5) {
            case .new(let message)?:
                id = message.id
                return [.message(message)]
            case .duplicate(let first)?:
                id = first
                return []
            case nil: throw ClocheError(.state, "full")
            }
        }
        return id
    }

    private func texts(_ file: InboxFile) throws -> [String] {
        try file.refresh()
        return file.inbox.messages.map(\.content.text)
    }

    @Test func whatIsWrittenIsReadByOthers() throws {
        let (one, other) = (directory.inbox, directory.inbox)
        #expect(try texts(one) == [] && !Files.exists(one.path))
        #expect(try send("a", to: one) == 1)
        #expect(try send("b", to: other) == 2)
        #expect(try send("c", to: one, key: "k") == 3)
        #expect(try send("d", to: other, key: "k") == 3)
        #expect(try texts(one) == ["a", "b", "c"] && texts(other) == ["a", "b", "c"])
        #expect(directory.queuedMessages == 3)
        #expect(try Files.status(one.path).mode == 0o600)
    }

    @Test func aTornLineIsCutOffByTheNextWriter() throws {
        let file = directory.inbox
        try send("a", to: file)
        let whole = try Files.read(file.path)
        let line = JSONText.serializeBytes(
            InboxRecord.message(
                Message(id: 2, sender: .person(user: 1), time: 0, content: NewMessage("torn"))
            ).document
        )
        for count in 1...line.count {
            try Files.writeAtomically(file.path, whole + line.prefix(count))
            let reader = directory.inbox
            #expect(try texts(reader) == ["a"])
            #expect(try send("b", to: reader) == 2)
            #expect(try texts(directory.inbox) == ["a", "b"])
        }
        // The control: with its end it counts.
        try Files.writeAtomically(file.path, whole + line + [0x0A])
        #expect(try texts(directory.inbox) == ["a", "torn"])
    }

    @Test func whatIsNoLineSaysNothing() throws {
        let file = directory.inbox
        try send("a", to: file)
        let whole = try Files.read(file.path)
        try Files.writeAtomically(file.path, whole + [0, 0, 0x0A] + Array("{\"id\":1}\nxyz\n".utf8))
        #expect(try send("b", to: directory.inbox) == 2)
        #expect(try texts(file) == ["a", "b"])
    }

    @Test func aNewerVersionIsRefused() throws {
        let file = directory.inbox
        try Files.writeAtomically(file.path, Array("{\"version\":2,\"next\":1}\n".utf8))
        #expect(throws: ClocheError.self) { try file.refresh() }
        #expect(throws: ClocheError.self) { try send("a", to: directory.inbox) }
    }

    @Test func compactionIsSeenByThoseWhoReadBefore() throws {
        let (writer, reader) = (directory.inbox, directory.inbox)
        try send("first", to: writer)
        #expect(try texts(reader) == ["first"])
        for number in 1...600 {
            let id = try send("\(number)", to: writer, key: "\(number)")
            try writer.change(durably: false) { (inbox) throws(ClocheError) in
                inbox.changes([id], to: .acknowledged, at: 1)
            }
        }
        let lines = try Files.readText(writer.path).split(separator: "\n").count
        #expect(lines < 1300)
        try reader.refresh()
        #expect(reader.inbox.messages == writer.inbox.messages && reader.inbox.queue(at: 0).map(\.id) == [1])
        #expect(try send("again", to: reader, key: "3") == 4)
        #expect(try send("new", to: reader) == 602)
    }

    @Test func whoeverDoesNotWaitIsToldThatItIsLocked() throws {
        let file = directory.inbox
        try send("a", to: file)
        let other = directory.inbox
        var isDone = true
        try file.change(durably: false) { (_) throws(ClocheError) in
            isDone = try other.change(durably: false, within: 0) { (_) throws(ClocheError) in [] }
            return []
        }
        #expect(!isDone)
        #expect(try other.change(durably: false, within: 0) { (_) throws(ClocheError) in [] })
    }

    @Test func nothingIsWrittenWhenTheBodyThrows() throws {
        let file = directory.inbox
        try send("a", to: file)
        #expect(throws: ClocheError(.state, "no")) {
            try file.change(durably: true) { (_) throws(ClocheError) in throw ClocheError(.state, "no") }
        }
        #expect(try texts(directory.inbox) == ["a"])
    }

    @Test func whatAnEarlierVersionKeptIsAdopted() throws {
        let old = directory.path + "/messages.json"
        let list =
            "[{\"text\":\"a\",\"enter\":true,\"by\":7,\"time\":1},{\"text\":\"b\",\"enter\":false,\"by\":7,\"time\":1},{\"by\":7}]"
        try Files.writeAtomically(old, Array(list.utf8))
        #expect(directory.queuedMessages == 3)
        let file = directory.inbox
        try directory.adoptOldMessages(into: file)
        #expect(try texts(file) == ["a", "b"] && file.inbox[2]?.content.enter == false && !Files.exists(old))
        #expect(file.inbox[1]?.sender == .person(user: 7))
        // As after a crash before the old file was gone.
        try Files.writeAtomically(old, Array(list.utf8))
        try directory.adoptOldMessages(into: file)
        #expect(try texts(file) == ["a", "b"])
    }
}
