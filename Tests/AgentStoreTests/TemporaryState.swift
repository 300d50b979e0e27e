// A state directory for one test, and an agent's record to put into it.

import AgentStore
import ClocheModel
import Glibc
import LinuxSystem

/// A state root below /tmp; removed with everything below it when the value goes.
final class TemporaryState {
    let root: StateRoot

    init() throws {
        root = StateRoot(path: "/tmp/cloche-store-test.\(getpid()).\(UInt32.random(in: 0...UInt32.max))")
        try Files.makeDirectories(root.path)
    }

    // What stays behind is in the temporary directory.
    deinit { try? Files.removeTree(root.path) }

    /// A project whose state directory is there.
    func project(_ directory: String = "/home/user/some project") throws -> ProjectState {
        let project = root.project(directory)
        try project.prepare()
        return project
    }
}

extension AgentRecord {
    /// A record with every part set to something that is no default.
    static func full(_ name: String = "fixer") -> AgentRecord {
        var record = AgentRecord(
            name: name,
            project: "/home/user/some project",
            workspace: .worktree(repository: "/repo", branch: "cloche/fixer", base: "main"),
            access: .readOnly,
            workspacePath: "/state/fixer/workspace",
            profile: "claude",
            effective: .object(["limits": .object(["idle": .string("5m")]), "list": .strings(["a", "b"])]),
            task: "make \"it\"\nwork",
            created: 1_700_000_000_123
        )
        record.state = .failed
        record.variables = [Document.Entry("B", .string("2")), Document.Entry("A", .string("1"))]
        record.starts = 3
        record.started = 1_700_000_001_000
        record.ended = 1_700_000_002_000
        record.endReason = .wallClock
        record.exitCode = 137
        record.failure = "the disk is full"
        return record
    }
}
