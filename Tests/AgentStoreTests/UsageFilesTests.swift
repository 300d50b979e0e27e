// Ledgers on disk: kept, passed on when an agent is deleted, and never taken for empty when they cannot be read.

import ClocheModel
import LinuxSystem
import ModelUsage
import Testing

@testable import AgentStore

@Suite struct UsageFilesTests {
    static func ledger(_ id: String, requests: Int = 1) -> UsageLedger {
        var ledger = UsageLedger(id: id)
        let reading = UsageReading(model: "m", usage: TokenUsage(input: 1, output: 2), isEstimated: false)
        for _ in 0..<requests { ledger.add(reading, .nothing, day: 20_000) }
        return ledger
    }

    private let state: TemporaryState
    private let project: ProjectState

    init() throws {
        state = try TemporaryState()
        project = try state.project()
    }

    private func agent(_ name: String) throws -> AgentDirectory {
        let directory = project.agent(name)
        _ = try directory.create(.full(name))
        return directory
    }

    @Test func isReadAsItWasWritten() throws {
        let directory = try agent("a")
        #expect(try directory.readUsage() == nil)
        #expect(try directory.readUsage(created: 7).id == "a 7")
        let ledger = Self.ledger("a 7")
        for sync in [false, true] {
            try directory.write(ledger, sync: sync)
            #expect(try directory.readUsage(created: 8) == ledger)
        }
    }

    @Test(arguments: [
        "", "{", "{}", "[]", "{\"version\":2}", "{\"version\":1,\"agent\":\"a 7\",\"used\":[{}]}",
    ])
    func whatCannotBeReadIsAnError(_ text: String) throws {
        let directory = try agent("a")
        try Files.writeAtomically(directory.usageFile, Array(text.utf8))
        #expect(throws: ClocheError.self) { try directory.readUsage() }
        #expect(throws: ClocheError.self) { try project.keepUsage(of: directory) }
        try Files.remove(directory.usageFile)
        try Files.writeAtomically(project.usageFile, Array(text.utf8))
        #expect(throws: ClocheError.self) { try project.readDeletedUsage() }
        // The control.
        try Files.remove(project.usageFile)
        #expect(try directory.readUsage() == nil)
        #expect(try project.readDeletedUsage() == DeletedUsage())
    }

    @Test func whatADeletedAgentUsedIsKeptForItsProject() throws {
        let (first, second) = (try agent("a"), try agent("b"))
        try project.keepUsage(of: first)
        #expect(!Files.exists(project.usageFile))
        try first.write(Self.ledger("a 7", requests: 2), sync: false)
        try second.write(Self.ledger("b 7"), sync: false)
        for directory in [first, first, second] { try project.keepUsage(of: directory) }
        #expect(try project.readDeletedUsage().agents.map { $0.sum().requests } == [2, 1])
        // The files beside agents are none.
        #expect(project.agents().map(\.name) == ["a", "b"])
    }
}
