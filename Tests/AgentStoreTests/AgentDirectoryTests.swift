// An agent's directory: made and removed in one step each, its record replaced whole, its locks held and
// told.

import ClocheModel
import LinuxSystem
import StructuredText
import Testing

@testable import AgentStore

@Suite struct AgentRecordTests {
    static let records: [AgentRecord] = {
        var plain = AgentRecord(
            name: "a",
            project: "/p",
            workspace: .empty,
            access: .readWrite,
            workspacePath: "/w",
            profile: "shell",
            effective: .object([:]),
            task: "",
            created: 0
        )
        plain.state = .creating
        var directory = AgentRecord.full()
        directory.workspace = .directory(path: "/home/user/ä")
        return [plain, .full(), directory]
    }()

    @Test(arguments: records) func survivesTheFile(_ record: AgentRecord) throws {
        #expect(AgentRecord(document: record.document) == record)
        let text = JSONText.serialize(record.document, pretty: true)
        #expect(AgentRecord(document: try JSONText.parse(text)) == record)
    }

    static let required = [
        "name", "project", "state", "workspace", "access", "workspace-path", "profile", "effective",
        "created",
    ]

    @Test(arguments: required) func isNoneWithout(_ key: String) {
        var document = AgentRecord.full().document
        document[key] = nil
        #expect(AgentRecord(document: document) == nil)
        document = AgentRecord.full().document
        if key != "effective" {
            document[key] = .list([])
            #expect(AgentRecord(document: document) == nil)
        }
    }

    @Test func everyStateAndReasonIsRead() {
        for state in AgentState.allCases {
            var record = AgentRecord.full()
            record.state = state
            #expect(AgentRecord(document: record.document)?.state == state)
        }
    }

    @Test func onlyAWorktreeHasABranch() {
        #expect(Self.records.map(\.branch) == [nil, "cloche/fixer", nil])
    }
}

@Suite struct AgentDirectoryTests {
    private let state: TemporaryState
    private let project: ProjectState
    private let agent: AgentDirectory

    init() throws {
        state = try TemporaryState()
        project = try state.project()
        agent = project.agent("fixer")
    }

    @Test func isMadeWhole() throws {
        _ = try agent.create(.full())
        #expect(agent.exists && agent.name == "fixer")
        #expect(try agent.read() == .full())
        #expect(try Files.list(agent.path) == ["agent.json", "home", "operation.lock", "upper"])
        #expect(try Files.list(agent.upper) == ["layers", "var"])
        #expect(try Files.status(agent.path).mode == 0o700)
        #expect(try Files.status(agent.upper).mode == 0o700)
        #expect(try Files.status(agent.recordFile).mode == 0o600)
        #expect(try Files.list(project.path) == ["fixer", "project"])
    }

    @Test func aSecondOfTheSameNameChangesNothing() throws {
        _ = try agent.create(.full())
        var other = AgentRecord.full()
        other.task = "something else"
        let error = #expect(throws: ClocheError.self) { _ = try agent.create(other) }
        #expect(error?.code == .exists)
        #expect(try agent.read() == .full())
        #expect(try Files.list(project.path) == ["fixer", "project"])
    }

    @Test func aFailureLeavesNothing() throws {
        // A file in the place of the agent: no directory can be renamed to it.
        try Files.writeAtomically(agent.path, Array("file".utf8))
        #expect(throws: ClocheError.self) { _ = try agent.create(.full()) }
        #expect(try Files.list(project.path) == ["fixer", "project"])
        #expect(try Files.readText(agent.path) == "file")
        #expect(throws: ClocheError.self) {
            _ = try state.root.project("/never/made").agent("a").create(.full())
        }
    }

    @Test func aRecordIsReplacedWhole() throws {
        _ = try agent.create(.full())
        var record = try agent.read()
        record.state = .running
        record.failure = nil
        try agent.write(record)
        #expect(try agent.read() == record)
        #expect(try Files.list(agent.path) == ["agent.json", "home", "operation.lock", "upper"])
    }

    @Test func removingTakesEverything() throws {
        _ = try agent.create(.full())
        try Files.makeDirectories(agent.home + "/a")
        try Files.makeDirectory(agent.home + "/a/closed", mode: 0)
        try agent.remove()
        #expect(!agent.exists)
        #expect(try Files.list(project.path) == ["project"])
        #expect(throws: ClocheError.self) { try agent.remove() }
    }

    static let broken: [(content: String, code: ClocheError.Code)] = [
        ("", .state), ("{", .state), ("[]", .state), ("{}", .state), ("{\"version\":1}", .state),
        ("{\"version\":2}", .state), ("{\"name\":\"a\",\"name\":\"b\"}", .state),
    ]

    @Test(arguments: broken)
    func aBrokenRecordIsToldAndLeft(_ content: String, _ code: ClocheError.Code) throws {
        _ = try agent.create(.full())
        try Files.writeAtomically(agent.recordFile, Array(content.utf8))
        let error = #expect(throws: ClocheError.self) { try agent.read() }
        #expect(error?.code == code && error?.remedy.isEmpty == false)
        #expect(try Files.readText(agent.recordFile) == content)
    }

    @Test func aRecordOfANewerClocheIsNotTouched() throws {
        var document = AgentRecord.full().document
        document["version"] = .integer(AgentRecord.version + 1)
        _ = try agent.create(.full())
        try Files.writeAtomically(agent.recordFile, Array(JSONText.serialize(document).utf8))
        let error = #expect(throws: ClocheError.self) { try agent.read() }
        #expect(error?.what.contains("newer") == true)
    }

    @Test func whatIsNotThereIsNotFound() throws {
        let reading = #expect(throws: ClocheError.self) { try agent.read() }
        #expect(reading?.code == .notFound)
        let locking = #expect(throws: ClocheError.self) { _ = try agent.lockForOperation() }
        #expect(locking?.code == .notFound)
    }

    @Test func oneCommandAtATimeChangesAnAgent() throws {
        _ = try agent.create(.full())
        do {
            let lock = try agent.lockForOperation()
            let error = #expect(throws: ClocheError.self) { _ = try agent.lockForOperation() }
            #expect(error?.code == .state)
            let isHeld = lock.isLocked
            #expect(isHeld)
        }
        let again = try agent.lockForOperation().isLocked
        #expect(again)
    }

    static let judged: [(recorded: AgentState, supervised: AgentState, alone: AgentState)] = [
        (.creating, .creating, .incomplete), (.starting, .starting, .lost), (.running, .running, .lost),
        (.stopping, .stopping, .lost), (.stopped, .stopped, .stopped), (.exited, .exited, .exited),
        (.failed, .failed, .failed), (.deleting, .deleting, .incomplete), (.lost, .lost, .lost),
    ]

    @Test(arguments: judged)
    func theLockTellsTheLivingFromTheDead(
        _ recorded: AgentState,
        _ supervised: AgentState,
        _ alone: AgentState
    ) throws {
        #expect(AgentStatus.judge(recorded, supervised: true, operated: true) == supervised)
        #expect(AgentStatus.judge(recorded, supervised: false, operated: false) == alone)
    }

    @Test func aStatusLooksAtTheLock() throws {
        var record = AgentRecord.full()
        record.state = .running
        _ = try agent.create(record)
        #expect(try AgentStatus(of: agent).state == .lost)
        do {
            guard let lock = try FileLock(agent.supervisorLock) else { throw LockHeld() }
            let status = try AgentStatus(of: agent)
            #expect(status.state == .running && status.isRunning && agent.isSupervised)
            let isHeld = lock.isLocked
            #expect(isHeld)
        }
        #expect(try !AgentStatus(of: agent).isRunning && !agent.isSupervised)
    }
}

/// Nobody else holds a lock in a directory of the test's own.
private struct LockHeld: Error {}
