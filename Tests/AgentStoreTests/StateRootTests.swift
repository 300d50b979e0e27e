// Names of agents and projects, and what a state directory is found to hold.

import AgentStore
import ClocheModel
import LinuxSystem
import Testing

@Suite struct AgentNameTests {
    static let valid = [
        "a", "7", "fixer", "Fixer-2", "a.b_c", "x" + String(repeating: "y", count: 47), "a.locks",
    ]

    static let invalid = [
        "", ".", "..", ".hidden", "-rf", "_x", "a/b", "a b", "a\n", "a\u{0}", "ä", "a..b", "a.", "a.lock",
        "x" + String(repeating: "y", count: 48), "a:b", "a~1", "a@{b", "a\\b", "a*",
    ]

    @Test(arguments: valid) func accepts(_ name: String) throws {
        #expect(AgentName.isValid(name))
        try AgentName.check(name)
    }

    @Test(arguments: invalid) func refuses(_ name: String) {
        #expect(!AgentName.isValid(name))
        let error = #expect(throws: ClocheError.self) { try AgentName.check(name) }
        #expect(error?.code == .usage)
    }
}

@Suite struct StateRootTests {
    @Test func aProjectsFolderIsReadableAndItsOwn() {
        let root = StateRoot(path: "/state")
        let first = root.project("/home/a/some project")
        let second = root.project("/home/b/some project")
        #expect(first.path.hasPrefix("/state/some_project-"))
        #expect(second.path.hasPrefix("/state/some_project-"))
        #expect(first.path != second.path)
        #expect(first == root.project("/home/a/some project"))
    }

    static let odd = ["/", "/ü/äö", "/a/..", "/" + String(repeating: "x", count: 300), "/a\nb", "/-rf"]

    @Test(arguments: odd) func anyPathGivesOneComponent(_ directory: String) {
        let folder = StateRoot(path: "/state").project(directory).path.dropFirst("/state/".count)
        #expect(!folder.contains("/") && folder.utf8.count <= 57)
        #expect(folder.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f })
    }

    @Test func projectsAreFoundAgain() throws {
        let state = try TemporaryState()
        #expect(state.root.projects().isEmpty)
        let project = try state.project("/p/one")
        try project.prepare()
        // Neither a stray folder nor a stray file is a project.
        try Files.makeDirectory(state.root.path + "/stray")
        try Files.writeAtomically(state.root.path + "/file", [])
        #expect(state.root.projects() == [project])
        #expect(try Files.status(project.path).mode == 0o700)
    }

    @Test func agentsAreThoseWithARecord() throws {
        let state = try TemporaryState()
        let project = try state.project()
        #expect(project.agents().isEmpty)
        for name in ["b", "a"] { _ = try project.agent(name).create(.full(name)) }
        // What a crash in the middle of making and of deleting leaves.
        for name in ["half", ".new-c-1", ".deleted-d-1"] {
            try Files.makeDirectory("\(project.path)/\(name)")
        }
        try Files.writeAtomically("\(project.path)/.deleted-d-1/agent.json", [])
        #expect(project.agents() == [project.agent("a"), project.agent("b")])
    }

    @Test func aPlaceThatCannotBeWrittenIsToldWithARemedy() throws {
        let state = try TemporaryState()
        try Files.writeAtomically(state.root.path + "/file", [])
        let project = StateRoot(path: state.root.path + "/file").project("/p")
        let error = #expect(throws: ClocheError.self) { try project.prepare() }
        #expect(error?.code == .system)
        #expect(error?.remedy.contains("XDG_STATE_HOME") == true)
    }
}
