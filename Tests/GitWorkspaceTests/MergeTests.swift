// Diff and merge: what arrives in the user's checkout, what is refused, and what a crash leaves.

import ClocheModel
import LinuxSystem
import Testing

@testable import GitWorkspace

@Suite struct MergeTests {
    /// A repository whose agent changed `a.txt`, committed `new.txt` and left `loose.txt` uncommitted.
    private func worked(_ fixture: Fixture) throws -> AgentWorktree {
        let worktree = try fixture.made()
        try fixture.write("new.txt", "new\n", below: worktree.workspace)
        try fixture.agent(worktree, "add", ".")
        try fixture.agent(worktree, "commit", "-q", "-m", "agent's")
        try fixture.write("loose.txt", "loose\n", below: worktree.workspace)
        try fixture.sync(worktree)
        return worktree
    }

    @Test func mergeTakesCommitsAndUncommittedChanges() throws {
        let fixture = try Fixture()
        let worktree = try worked(fixture)
        let untouched = try Files.status(fixture.repositoryPath + "/a.txt")
        let result = try worktree.merge(task: "Fix it\nplease")
        #expect(result.branch == "main")
        #expect(result.changedFiles == 2)
        #expect(result.includesUncommitted)
        #expect(try fixture.read("loose.txt") == "loose\n")
        #expect(try fixture.user("log", "-1", "--format=%s|%an") == "Merge agent fixer: Fix it|The User\n")
        #expect(
            try fixture.user("log", "-1", "--format=%s", "HEAD^2") == "cloche: uncommitted changes of fixer\n"
        )
        #expect(try fixture.user("status", "--porcelain") == "")
        #expect(try Files.status(fixture.repositoryPath + "/a.txt") == untouched)
        #expect(try fixture.user("rev-parse", "ORIG_HEAD").withoutFinalNewline == result.previous)
        #expect(try worktree.merge().commit == nil)
        #expect(try fixture.user("fsck", "--strict") == "")
        #expect(try worktree.diff(.names).output.isEmpty)
    }

    @Test func mergeWithoutUncommittedChanges() throws {
        let fixture = try Fixture()
        let worktree = try worked(fixture)
        let result = try worktree.merge(includeUncommitted: false)
        #expect(!result.includesUncommitted)
        #expect(!Files.exists(fixture.repositoryPath + "/loose.txt"))
        #expect(try worktree.diff(.names).output.text == "A\tloose.txt\n")
    }

    /// The agent goes on with what was merged uncommitted: no conflict with itself, whether it commits it or
    /// not.
    @Test(arguments: [false, true]) func mergeAgainAfterUncommittedMerge(commits: Bool) throws {
        let fixture = try Fixture()
        let worktree = try worked(fixture)
        _ = try worktree.merge()
        if commits {
            try fixture.agent(worktree, "add", ".")
            try fixture.agent(worktree, "commit", "-q", "-m", "second")
        }
        try fixture.write("loose.txt", "loose, changed\n", below: worktree.workspace)
        try fixture.sync(worktree)
        #expect(try worktree.diff(.names).output.text == "M\tloose.txt\n")
        let result = try worktree.merge()
        #expect(result.commit != nil)
        #expect(try fixture.read("loose.txt") == "loose, changed\n")
        #expect(try worktree.merge().commit == nil)
    }

    @Test func conflictTouchesNothing() throws {
        let fixture = try Fixture()
        let worktree = try fixture.made()
        try fixture.write("a.txt", "agent\n", below: worktree.workspace)
        try fixture.sync(worktree)
        try fixture.write("a.txt", "user\n")
        try fixture.user("commit", "-q", "-am", "user's")
        let head = try fixture.user("rev-parse", "HEAD")
        let error = #expect(throws: ClocheError.self) { try worktree.merge() }
        #expect(error?.code == .conflict)
        #expect(error?.why == "both changed the same places of 1 file:\n    a.txt")
        #expect(try fixture.user("rev-parse", "HEAD") == head)
        #expect(try fixture.user("status", "--porcelain") == "")
        #expect(try fixture.user("merge", "cloche/fixer/proposal", allowFailure: true).contains("CONFLICT"))
    }

    /// Each puts the checkout into a state that a merge must not touch, and says what the error has to tell.
    static let refusals: [(name: String, script: String, telling: String)] = [
        ("unstaged change", "echo mine >a.txt", "a.txt"),
        ("staged change", "echo mine >a.txt && git add a.txt", "a.txt"),
        ("staged removal", "git rm -q --cached a.txt", "a.txt"),
        ("untracked file in the way", "echo mine >loose.txt", "loose.txt"),
        ("ignored file in the way", "echo loose.txt >.git/info/exclude; echo mine >loose.txt", "loose.txt"),
        ("directory in the way", "mkdir loose.txt && echo mine >loose.txt/x", "loose.txt/x"),
        ("detached HEAD", "git checkout -q --detach", "detached"),
        ("merge going on", "git rev-parse HEAD >.git/MERGE_HEAD", "MERGE_HEAD"),
        ("rebase going on", "mkdir .git/rebase-merge", "rebase"),
    ]

    @Test(arguments: refusals) func refuses(_ refusal: (name: String, script: String, telling: String)) throws
    {
        let fixture = try Fixture()
        let worktree = try worked(fixture)
        try fixture.shell(refusal.script, in: fixture.repositoryPath)
        let state =
            "git rev-parse HEAD; git status --porcelain --ignored; cat a.txt; find . -name .git -prune -o -print"
        let before = try fixture.shell(state, in: fixture.repositoryPath)
        let error = #expect(throws: ClocheError.self) { try worktree.merge() }
        #expect(error?.code == .state)
        #expect(error?.why.contains(refusal.telling) == true)
        #expect(error?.remedy.isEmpty == false)
        #expect(try fixture.shell(state, in: fixture.repositoryPath) == before)
        #expect(!Files.exists(fixture.repositoryPath + "/.git/index.lock"))
        #expect(!Files.exists(fixture.repositoryPath + "/.git/cloche-merge"))
    }

    /// A merge cut short at each of its steps; the next command makes it whole.
    static let cuts: [(name: String, script: String, ends: GitRepository.InterruptedMerge)] = [
        ("nothing written", "", .takenBack),
        ("one file written", "echo new >new.txt", .takenBack),
        ("one file written in part", "printf ne >new.txt", .takenBack),
        ("a file removed to be written", "rm a.txt", .takenBack),
        ("all files written", "git read-tree -m -u $old $new && cp .git/saved .git/index", .takenBack),
        ("index written", "git read-tree -m -u $old $new", .finished),
        ("branch moved", "git reset -q --hard $new", .finished),
    ]

    @Test(arguments: cuts) func interrupted(
        _ cut: (name: String, script: String, ends: GitRepository.InterruptedMerge)
    ) throws {
        let fixture = try Fixture()
        let worktree = try worked(fixture)
        try fixture.write("a.txt", "changed\n", below: worktree.workspace)
        try fixture.sync(worktree)
        let merged = try worktree.merge()
        let new = try #require(merged.commit)
        try fixture.user("reset", "-q", "--hard", merged.previous)
        let journal = MergeJournal(branch: "refs/heads/main", old: merged.previous, new: new)
        try journal.write(fixture.repositoryPath + "/.git")
        let variables = "old=\(merged.previous) new=\(new); cp .git/index .git/saved;"
        try fixture.shell(
            variables + cut.script + "\necho cloche >.git/index.lock",
            in: fixture.repositoryPath
        )
        let repository = try fixture.repository
        #expect(try repository.finishInterruptedMerge() == cut.ends)
        #expect(try fixture.user("status", "--porcelain") == "")
        let expected = cut.ends == .finished ? new : merged.previous
        #expect(try fixture.user("rev-parse", "HEAD").withoutFinalNewline == expected)
        #expect(try repository.finishInterruptedMerge() == nil)
        #expect(try worktree.merge().commit != nil || cut.ends == .finished)
    }

    @Test func interruptedMergeKeepsAnEdit() throws {
        let fixture = try Fixture()
        let worktree = try worked(fixture)
        let merged = try worktree.merge()
        let new = try #require(merged.commit)
        try fixture.user("reset", "-q", "--hard", merged.previous)
        try MergeJournal(branch: "refs/heads/main", old: merged.previous, new: new)
            .write(fixture.repositoryPath + "/.git")
        try fixture.write("new.txt", "typed since\n")
        let repository = try fixture.repository
        #expect(throws: ClocheError.self) { try repository.finishInterruptedMerge() }
        #expect(try fixture.read("new.txt") == "typed since\n")
    }

    @Test func diffTellsWhatToLookAt() throws {
        let fixture = try Fixture()
        let worktree = try fixture.made()
        try fixture.shell(
            """
            mkdir .vscode && echo '{}' >.vscode/tasks.json; ln -s ../../etc out; ln -s dir/b.txt fine; ln -s .git/config in
            printf 'x\\033]52;c;AAAA\\007y\\n' >evil; mkdir sub; printf 'z\\n' >"$(printf 'n\\nl')"
            """,
            in: worktree.workspace
        )
        try fixture.sync(worktree)
        let diff = try worktree.diff(.patch(binary: false), protecting: [ProtectedName(".vscode/")])
        #expect(
            diff.warnings.map(\.text) == [
                ".vscode/tasks.json: programs of yours run or obey it (.vscode/)",
                "in: a link out of the tree, to .git/config",
                "out: a link out of the tree, to ../../etc",
            ]
        )
        let text = DiffText.forTerminal(diff.output, colored: true)
        #expect(text.contains("\u{1B}[32m+x^[]52;c;AAAA^Gy\u{1B}[m"))
        #expect(text.contains("b/n\\nl"))
        #expect(diff.changedFiles == 6)
    }

    @Test func unmergedWorkIsWhatDeletingLoses() throws {
        let fixture = try Fixture()
        let worktree = try worked(fixture)
        try fixture.agent(worktree, "branch", "side")
        try fixture.agent(worktree, "stash", "-u", "-q")
        let sync = try fixture.sync(worktree)
        let work = try worktree.unmergedWork(after: sync)
        #expect(work.commits == 1)
        #expect(work.otherRefs == ["stash"])
        #expect(work.uncommittedFiles == 0)
        #expect(try worktree.unmergedWork(after: nil).unknown.count == 1)
        try fixture.agent(worktree, "stash", "pop", "-q")
        let again = try fixture.sync(worktree)
        #expect(try worktree.unmergedWork(after: again).uncommittedFiles == 1)
        _ = try worktree.merge()
        #expect(try worktree.unmergedWork(after: again).isEmpty)
    }

    @Test func squashedWorkCountsAsMerged() throws {
        let fixture = try Fixture()
        let worktree = try worked(fixture)
        let sync = try fixture.sync(worktree)
        try fixture.user("merge", "-q", "--squash", "refs/cloche/fixer/snapshot")
        try fixture.user("commit", "-q", "-m", "squashed")
        #expect(try worktree.unmergedWork(after: sync).isEmpty)
    }
}
