// Repositories of all kinds: each goes the whole way from a worktree to a merge and the removal.

import ClocheModel
import LinuxSystem
import Testing

@testable import GitWorkspace

@Suite struct RepositoryKindsTests {
    /// The whole way of one agent; the user's checkout is the repository the worktree was made from.
    private func wholeWay(_ fixture: Fixture, _ worktree: AgentWorktree, checkout: String) throws {
        #expect(try fixture.user("status", "--porcelain", in: worktree.workspace) == "")
        #expect(
            try fixture.agent(worktree, "status", "--porcelain", allowFailure: true).hasSuffix("exist")
                == false
        )
        try fixture.write("agent.txt", "agent\n", below: worktree.workspace)
        try fixture.agent(worktree, "add", "agent.txt")
        try fixture.agent(worktree, "commit", "-q", "-m", "agent's")
        try fixture.write("loose \u{FC}.txt", "loose\n", below: worktree.workspace)
        let result = try fixture.sync(worktree)
        #expect(result.commits == 1)
        #expect(result.notices.isEmpty, "\(result.notices.map(\.text))")
        #expect(
            try fixture.user("status", "--porcelain", "-z", in: worktree.workspace) == "?? loose \u{FC}.txt\0"
        )
        #expect(try worktree.diff(.names).output.text == "A\tagent.txt\nA\tloose \u{FC}.txt\n")
        #expect(try worktree.merge().commit != nil)
        let ending = worktree.repository.configuration.value("core.autocrlf") == "true" ? "\r\n" : "\n"
        #expect(try Files.readText(checkout + "/loose \u{FC}.txt") == "loose" + ending)
        #expect(try fixture.user("status", "--porcelain", in: checkout) == "")
        #expect(try fixture.user("fsck", "--no-dangling", in: checkout) == "")
        #expect(try worktree.unmergedWork(after: result).isEmpty)
        #expect(try worktree.remove() == nil)
        #expect(try fixture.user("worktree", "list", in: checkout).contains("agents") == false)
        #expect(try fixture.user("branch", "--list", "cloche/*", in: checkout) == "")
        #expect(!Files.exists(worktree.metadata))
    }

    @Test(arguments: [
        "plain", "with space", "\u{FC}n\u{EF}c\u{F6}de \u{1F33C}", "quote'\"$(x)", "new\nline", "-dash",
    ])
    func pathNames(_ name: String) throws {
        let fixture = try Fixture(name: name)
        try wholeWay(fixture, fixture.made(), checkout: fixture.repositoryPath)
    }

    @Test func sha256() throws {
        let fixture = try Fixture(format: "sha256")
        let worktree = try fixture.made()
        #expect(worktree.repository.objectFormat == "sha256")
        try wholeWay(fixture, worktree, checkout: fixture.repositoryPath)
    }

    /// Ways to make a repository that is not a plain one; `$top` is the checkout that the test goes on with.
    static let kinds: [(name: String, script: String, top: String)] = [
        ("linked worktree", "git worktree add -q ../linked -b other", "linked"),
        ("packed", "git tag -m t v1 && git branch x && git pack-refs --all --prune && git gc -q", "repo"),
        (
            "shallow", "git commit -q --allow-empty -m 2 && git clone -q --depth 1 file://$PWD ../shallow",
            "shallow"
        ),
        (
            "borrowing",
            "git clone -q -s . ../a && git clone -q -s ../a ../b && rm -rf ../b/.git/refs/remotes", "b"
        ),
        (
            "borrowing by relative path",
            "git clone -q -s . ../b && echo ../../../repo/.git/objects >../b/.git/objects/info/alternates",
            "b"
        ),
        (
            "partial",
            "git config uploadpack.allowFilter true && git clone -q --filter=blob:none file://$PWD ../p", "p"
        ),
        ("separate git directory", "git clone -q --separate-git-dir=../g . ../s", "s"),
        (
            "submodule",
            "git init -q ../super && cd ../super && git config user.name U && git config user.email u@e && git -c protocol.file.allow=always submodule -q add file://$OLDPWD m && git commit -qm m",
            "super/m"
        ),
        (
            "with a submodule",
            "git clone -q . ../l && git -c protocol.file.allow=always submodule -q add file://$PWD/../l lib && git commit -qm lib",
            "repo"
        ),
        ("split index", "git config core.splitIndex true && git update-index --split-index", "repo"),
        (
            "untracked cache",
            "git config core.untrackedCache true && git update-index --untracked-cache && git status -s",
            "repo"
        ),
        ("sparse", "git sparse-checkout set dir 2>/dev/null", "repo"),
        ("sparse index", "git sparse-checkout set --sparse-index dir 2>/dev/null", "repo"),
        (
            "hooks that refuse",
            "for h in pre-commit reference-transaction post-checkout pre-merge-commit; do printf '#!/bin/sh\\nexit 1' >.git/hooks/$h; chmod +x .git/hooks/$h; done",
            "repo"
        ),
        (
            "CRLF",
            "git config core.autocrlf true && printf 'x\\r\\n' >crlf && git add crlf && git commit -qm crlf",
            "repo"
        ),
        (
            "odd diff settings",
            "git config diff.noprefix true; git config diff.external false; git config color.ui always; git config log.showSignature true; git config merge.ff only; git config commit.gpgSign true; git config fetch.prune true; git config status.showUntrackedFiles no; git config status.showUntrackedFiles all",
            "repo"
        ),
        (
            "LFS pointers",
            "printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:4d7a\\nsize 12345\\n' >x.bin; echo '*.bin filter=lfs diff=lfs merge=lfs -text' >.gitattributes; git add . && git commit -qm lfs; touch -d '1 hour ago' x.bin; git status -s; for k in process clean smudge; do git config filter.lfs.$k false; done; git config filter.lfs.required true",
            "repo"
        ),
        ("branch with slash", "git checkout -q -b feature/deep/one", "repo"),
    ]

    @Test(arguments: kinds) func kind(_ kind: (name: String, script: String, top: String)) throws {
        let fixture = try Fixture()
        try fixture.shell("set -e\n" + kind.script, in: fixture.repositoryPath)
        let top = fixture.root + "/" + kind.top
        try fixture.shell("git config user.name U; git config user.email u@e", in: top)
        let worktree = try AgentWorktree(
            repository: GitRepository.discover(from: top),
            agent: "fixer",
            workspace: fixture.root + "/agents/w",
            metadata: fixture.root + "/agents/git"
        )
        try worktree.create()
        try wholeWay(fixture, worktree, checkout: top)
    }

    @Test func bareRepositoryHasWorktreesButNoMerge() throws {
        let fixture = try Fixture()
        try fixture.user("clone", "-q", "--bare", ".", "../bare.git")
        try fixture.user("worktree", "add", "-q", "../theirs", "main", in: fixture.root + "/bare.git")
        let worktree = try AgentWorktree(
            repository: GitRepository.discover(from: fixture.root + "/bare.git"),
            agent: "fixer",
            workspace: fixture.root + "/agents/w",
            metadata: fixture.root + "/agents/git"
        )
        try worktree.create()
        #expect(try fixture.user("status", "--porcelain", in: worktree.workspace) == "")
        #expect(try fixture.user("status", "--porcelain", in: fixture.root + "/theirs") == "")
        #expect(
            try fixture.user("rev-parse", "--is-bare-repository", in: fixture.root + "/bare.git") == "true\n"
        )
        try fixture.write("a.txt", "changed\n", below: worktree.workspace)
        try fixture.sync(worktree)
        let error = #expect(throws: ClocheError.self) { try worktree.merge() }
        #expect(error?.why.contains("bare") == true)
    }

    @Test func repositoryWithoutCommits() throws {
        let fixture = try Fixture(commits: false)
        let error = #expect(throws: ClocheError.self) { try fixture.made() }
        #expect(error?.remedy.contains("git commit") == true)
        #expect(!Files.exists(fixture.root + "/agents"))
    }

    @Test func notARepository() throws {
        let fixture = try Fixture()
        let error = #expect(throws: ClocheError.self) { try GitRepository.discover(from: fixture.root) }
        #expect(error?.code == .notFound)
        #expect(error?.remedy.contains("--workspace dir") == true)
    }

    /// What is in the way of a new worktree: an error, and nothing left behind or taken away.
    static let obstacles: [(name: String, script: String, code: ClocheError.Code)] = [
        ("branch exists", "git branch cloche/fixer", .exists),
        ("branch cloche", "git branch cloche", .exists),
        (
            "workspace exists", "mkdir -p ../agents/fixer/workspace && echo >../agents/fixer/workspace/x",
            .exists
        ),
        (
            "read-only .git",
            "chattr +i .git/config 2>/dev/null || { rm .git/config.lock; mkdir .git/config.lock; }", .git
        ),
    ]

    @Test(arguments: obstacles) func obstacle(
        _ obstacle: (name: String, script: String, code: ClocheError.Code)
    ) throws {
        let fixture = try Fixture()
        defer {
            // Most obstacles leave no such attribute to take back.
            _ = try? fixture.shell("chattr -i .git/config 2>/dev/null; true", in: fixture.repositoryPath)
        }
        try fixture.shell(obstacle.script, in: fixture.repositoryPath)
        let state =
            "git for-each-ref; git worktree list; find ../agents -type f | grep -v '/git/lock$' || true"
        let before = try fixture.shell(state, in: fixture.repositoryPath)
        let error = #expect(throws: ClocheError.self) { try fixture.made() }
        #expect(error?.code == obstacle.code)
        #expect(error?.remedy.isEmpty == false)
        #expect(try fixture.shell(state, in: fixture.repositoryPath) == before)
    }

    @Test func baseMayBeNamed() throws {
        let fixture = try Fixture()
        try fixture.user("checkout", "-q", "-b", "feature")
        try fixture.user("commit", "-q", "--allow-empty", "-m", "second")
        let worktree = try fixture.worktree()
        let origin = try worktree.create(base: "main")
        #expect(origin.branch == "refs/heads/main")
        #expect(try worktree.origin() == origin)
        #expect(throws: ClocheError.self) { try fixture.made("other", base: "--no-such") }
    }

    /// A removal cut short at any place is finished by the next, and by a new agent of that name.
    static let leftovers = [
        "rm -rf ../agents/fixer/workspace", "rm -rf .git/worktrees/workspace",
        "git update-ref -d refs/heads/cloche/fixer",
        "rm -rf ../agents/fixer/git", "rm -rf ../agents/fixer .git/worktrees",
        "git update-ref -d refs/cloche/fixer/base",
        "find ../agents/fixer/workspace/dir -depth -exec chmod a-rwx {} +",
        "git worktree prune; rm -rf ../agents",
    ]

    @Test(arguments: leftovers) func removalFinishes(_ script: String) throws {
        let fixture = try Fixture()
        let worktree = try fixture.made()
        try fixture.shell(script, in: fixture.repositoryPath)
        try worktree.remove()
        try worktree.remove()
        #expect(try fixture.user("for-each-ref", "refs/cloche", "refs/heads/cloche") == "")
        #expect(try fixture.user("worktree", "list", "--porcelain").split(separator: "\n\n").count == 1)
        #expect(!Files.exists(worktree.workspace))
        try fixture.made()
    }

    @Test func branchInUseIsKept() throws {
        let fixture = try Fixture()
        let worktree = try fixture.made()
        try fixture.user("checkout", "-q", "--ignore-other-worktrees", "cloche/fixer")
        #expect(try worktree.remove()?.contains("kept") == true)
        #expect(try fixture.user("branch", "--show-current") == "cloche/fixer\n")
        #expect(try fixture.user("status", "--porcelain") == "")
    }

    @Test func agentsDoNotSeeEachOther() throws {
        let fixture = try Fixture()
        let one = try fixture.made("one")
        try fixture.write("one.txt", "1\n", below: one.workspace)
        try fixture.agent(one, "add", ".")
        try fixture.agent(one, "commit", "-q", "-m", "of one")
        try fixture.sync(one)
        let two = try fixture.made("two")
        #expect(try !fixture.agent(two, "log", "--all", "--format=%s").contains("of one"))
        #expect(
            try fixture.agent(two, "for-each-ref", "--format=%(refname)")
                == "refs/heads/cloche/two\nrefs/heads/main\n"
        )
    }

    /// Twenty agents make their worktrees, commit twice and are synchronised at once; then all are merged.
    @Test func manyAtOnce() async throws {
        let fixture = try Fixture()
        try fixture.shell(
            "for i in $(seq 300); do mkdir -p d$i; echo $i >d$i/f; done; git add . && git commit -qm many",
            in: fixture.repositoryPath
        )
        let names = (1...20).map { "agent\($0)" }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for name in names {
                let worktree = try fixture.worktree(name)
                let exporter = fixture.root
                group.addTask { try Self.work(worktree, exporter) }
            }
            try await group.waitForAll()
        }
        for name in names { #expect(try fixture.worktree(name).merge(task: name).commit != nil) }
        #expect(try fixture.user("log", "--format=%s", "--grep=^round").split(separator: "\n").count == 40)
        #expect(try fixture.user("fsck", "--strict") == "")
        #expect(try fixture.user("status", "--porcelain") == "")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for name in names {
                let worktree = try fixture.worktree(name)
                group.addTask { _ = try worktree.remove() }
            }
            try await group.waitForAll()
        }
        #expect(try fixture.user("for-each-ref", "refs/cloche", "refs/heads/cloche") == "")
    }

    private static func work(_ worktree: AgentWorktree, _ root: String) throws {
        try worktree.create()
        for round in 1...2 {
            try Fixture.write("\(worktree.agent).\(round)", "\(round)\n", below: worktree.workspace)
            try Fixture.agent(worktree, ["add", "."])
            try Fixture.agent(worktree, ["commit", "-q", "-m", "round \(round)"])
            try worktree.sync(uploadPackCommand: Fixture.exporter(worktree, root: root))
        }
    }

    /// GitPython reads them by itself, and refuses a header that does not say `peeled`.
    @Test func packedReferencesAreReadByOthersThanGit() throws {
        let fixture = try Fixture()
        try fixture.shell("git tag -m t v1 && git branch other", in: fixture.repositoryPath)
        let worktree = try fixture.made()
        let packed = try Files.readText(worktree.privateGitDirectory + "/packed-refs")
        #expect(packed.contains(" refs/tags/v1\n") && !packed.contains("#"), "\(packed)")
        let commit = try fixture.agent(worktree, "rev-parse", "HEAD")
        #expect(try fixture.agent(worktree, "rev-parse", "v1^{commit}") == commit)
        #expect(try fixture.agent(worktree, "rev-parse", "other") == commit)
    }

    @Test func summaryWithoutASync() throws {
        let fixture = try Fixture()
        let worktree = try fixture.made()
        #expect(worktree.changeSummary().text == "-")
        try fixture.agent(worktree, "commit", "-q", "--allow-empty", "-m", "x")
        #expect(worktree.changeSummary().text == "new")
        try fixture.sync(worktree)
        #expect(worktree.changeSummary().text == "+1")
        try fixture.agent(worktree, "commit", "-q", "--allow-empty", "-m", "y")
        try fixture.agent(worktree, "pack-refs", "--all")
        #expect(worktree.changeSummary().text == "+1?")
        try fixture.write("a.txt", "x", below: worktree.workspace)
        try fixture.sync(worktree)
        #expect(worktree.changeSummary().text == "+2*")
        try fixture.shell("rm HEAD; mkfifo HEAD", in: worktree.privateGitDirectory)
        #expect(worktree.changeSummary().text == "+2*?")
    }
}
