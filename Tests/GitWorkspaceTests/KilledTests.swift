// kill -9 before and instead of each git command of an operation ("after" one is the same as "instead of" the
// next). Whatever was running goes on by itself; the same operation, or the removal, makes the state whole
// afterwards.

import ClocheModel
import Glibc
import LinuxSystem
import Testing

@testable import GitWorkspace

@Suite(.serialized) struct KilledTests {
    enum Operation: String, CaseIterable, Codable { case create, sync, merge, remove }

    /// Where a git command stands when its parent is killed.
    static let moments = ["before", "instead"]

    /// A stand-in for git that kills the process that runs it, at its n-th call.
    private func killer(_ fixture: Fixture, call: Int, moment: String) throws {
        try fixture.write(
            "git",
            """
            #!/bin/sh
            n=$(($(cat \(fixture.root)/calls 2>/dev/null || echo 0) + 1)); echo $n >\(fixture.root)/calls
            [ $n = \(call) ] || exec /usr/bin/git "$@"
            case \(moment) in
            before) kill -9 $PPID; exec /usr/bin/git "$@" ;;
            instead) kill -9 $PPID ;;
            esac
            """,
            below: fixture.root
        )
        try fixture.shell("chmod 755 git", in: fixture.root)
    }

    /// Runs an operation with the stand-in as git; true when the process was killed on the way.
    private func runUntilKilled(_ operation: Operation, _ fixture: Fixture) async throws -> Bool {
        let result = await #expect(processExitsWith: .failure) {
            [operation = operation as Operation, root = fixture.root as String] in
            let found = try GitRepository.discover(from: root + "/repo")
            var git = found.git
            git.program = root + "/git"
            let worktree = try AgentWorktree(
                repository: GitRepository(
                    topLevel: found.topLevel,
                    gitDirectory: found.gitDirectory,
                    commonDirectory: found.commonDirectory,
                    objectFormat: found.objectFormat,
                    configuration: found.configuration,
                    git: git
                ),
                agent: "fixer",
                workspace: root + "/agents/fixer/workspace",
                metadata: root + "/agents/fixer/git"
            )
            switch operation {
            case .create: try worktree.create()
            case .sync:
                let plain = try AgentWorktree(
                    repository: found,
                    agent: "fixer",
                    workspace: worktree.workspace,
                    metadata: worktree.metadata
                )
                try worktree.sync(uploadPackCommand: Fixture.exporter(plain, root: root))
            case .merge: _ = try worktree.merge()
            case .remove: try worktree.remove()
            }
            exit(3)
        }
        return result?.exitStatus == .signal(SIGKILL)
    }

    /// Calls are tried one after the other until the operation ends before its n-th.
    @Test(arguments: Operation.allCases, moments) func everyCommand(_ operation: Operation, moment: String)
        async throws
    {
        var reached = 0
        // The first two only find the repository.
        for call in 3...60 {
            let fixture = try Fixture()
            let worktree = try fixture.worktree()
            if operation != .create {
                try worktree.create()
                try fixture.shell(
                    "rm dir/b.txt; echo x >>a.txt; mkdir -p n/m; echo y >n/m/f",
                    in: worktree.workspace
                )
                try fixture.agent(worktree, "add", "a.txt")
                try fixture.agent(worktree, "commit", "-q", "-m", "agent's")
            }
            if operation == .merge { try fixture.sync(worktree) }
            try killer(fixture, call: call, moment: moment)
            guard try await runUntilKilled(operation, fixture) else { break }
            reached = call
            switch operation {
            case .create: try checkCreate(fixture, worktree)
            case .sync: try checkSync(fixture, worktree)
            case .merge: try checkMerge(fixture, worktree)
            case .remove: try checkRemove(fixture, worktree)
            }
        }
        #expect((3...50).contains(reached), "\(operation) \(moment)")
    }

    private func checkCreate(_ fixture: Fixture, _ worktree: AgentWorktree) throws {
        try checkRemove(fixture, worktree)
        try worktree.create()
        #expect(try fixture.user("status", "--porcelain", in: worktree.workspace) == "")
    }

    private func checkRemove(_ fixture: Fixture, _ worktree: AgentWorktree) throws {
        try worktree.remove()
        #expect(try fixture.user("for-each-ref", "--format=%(refname)") == "refs/heads/main\n")
        #expect(try fixture.user("worktree", "list", "--porcelain").split(separator: "\n\n").count == 1)
        #expect(!Files.exists(worktree.workspace))
        #expect(!Files.exists(worktree.metadata))
        #expect(try fixture.user("status", "--porcelain") == "")
    }

    private func checkSync(_ fixture: Fixture, _ worktree: AgentWorktree) throws {
        let result = try fixture.sync(worktree)
        #expect(result.notices.isEmpty)
        #expect(try fixture.user("rev-parse", "cloche/fixer").withoutFinalNewline == result.head)
        #expect(
            try fixture.user("status", "--porcelain", in: worktree.workspace) == " D dir/b.txt\n?? n/\n"
        )
        #expect(try fixture.user("fsck") == "")
    }

    private func checkMerge(_ fixture: Fixture, _ worktree: AgentWorktree) throws {
        _ = try fixture.repository.finishInterruptedMerge()
        #expect(try fixture.user("status", "--porcelain") == "")
        _ = try worktree.merge()
        #expect(try fixture.user("status", "--porcelain") == "")
        #expect(try fixture.read("n/m/f") == "y\n")
        #expect(!Files.exists(fixture.repositoryPath + "/dir/b.txt"))
        #expect(try fixture.user("rev-list", "--count", "--first-parent", "HEAD") == "2\n")
    }
}
