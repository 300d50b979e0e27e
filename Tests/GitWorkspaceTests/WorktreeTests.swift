// Making a worktree, what a sandbox gets of it, and bringing the agent's work back.

import ClocheModel
import LinuxSystem
import Testing

@testable import GitWorkspace

@Suite struct WorktreeTests {
    @Test func createdWorktreeIsAGitWorktreeOnItsBranch() throws {
        let fixture = try Fixture()
        let worktree = try fixture.made()
        #expect(try fixture.user("worktree", "list").contains("[cloche/fixer]"))
        #expect(try fixture.user("status", "--porcelain", in: worktree.workspace) == "")
        #expect(try Files.readText(worktree.workspace + "/dir/b.txt") == "two\n")
        #expect(try fixture.agent(worktree, "status", "--porcelain") == "")
        #expect(try fixture.agent(worktree, "branch", "--show-current") == "cloche/fixer\n")
        #expect(try fixture.user("status", "--porcelain") == "")
    }

    @Test func aSyncTellsWhatIsNewSinceTheOneBefore() throws {
        let fixture = try Fixture()
        let worktree = try fixture.made()
        func changes() throws -> [String] {
            try worktree.changedFiles(of: fixture.sync(worktree)).map { file in
                let from = file.from.map { " from " + String(decoding: $0, as: UTF8.self) } ?? ""
                return "\(file.change) \(file.kind) \(String(decoding: file.path, as: UTF8.self))\(from)"
            }
        }
        #expect(try changes() == [])
        try fixture.write("new\tname", "new\n", below: worktree.workspace)
        try fixture.write("a.txt", "changed\n", below: worktree.workspace)
        try Files.makeSymbolicLink(worktree.workspace + "/link", to: "a.txt")
        #expect(try changes() == ["modified file a.txt", "added link link", "added file new\tname"])
        #expect(try changes() == [])
        // That it is committed now is no other file.
        try fixture.agent(worktree, "add", ".")
        try fixture.agent(worktree, "commit", "-q", "-m", "agent's")
        #expect(try changes() == [])
        try fixture.agent(worktree, "mv", "dir/b.txt", "c.txt")
        try fixture.agent(worktree, "rm", "-q", "link")
        #expect(try changes() == ["renamed file c.txt from dir/b.txt", "deleted link link"])
    }

    @Test func commitsAndUncommittedChangesArrive() throws {
        let fixture = try Fixture()
        let worktree = try fixture.made()
        try fixture.write("new.txt", "new\n", below: worktree.workspace)
        try fixture.agent(worktree, "add", ".")
        try fixture.agent(worktree, "commit", "-q", "-m", "agent's")
        try fixture.write("a.txt", "changed\n", below: worktree.workspace)
        try fixture.write("loose.txt", "loose\n", below: worktree.workspace)
        let result = try fixture.sync(worktree)
        #expect(result.commits == 1)
        #expect(result.notices.isEmpty)
        #expect(result.hasUncommittedChanges)
        #expect(try fixture.user("log", "--format=%s %an", "-1", "cloche/fixer") == "agent's The User\n")
        #expect(try fixture.user("show", "\(result.snapshot):loose.txt") == "loose\n")
        #expect(
            try fixture.user("status", "--porcelain", in: worktree.workspace) == " M a.txt\n?? loose.txt\n"
        )
        var again = try fixture.sync(worktree)
        #expect(again.previous == result.snapshot)
        again.previous = result.previous
        #expect(again == result)
        #expect(try fixture.user("fsck", "--strict") == "")
    }
}
