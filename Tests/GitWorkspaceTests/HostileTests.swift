// What an agent can plant in its workspace and its git directory, and that neither Cloche's git nor the
// user's own `git status` runs any of it. Each attack has a canary: a script that leaves a file behind when
// it is run.

import ClocheModel
import LinuxSystem
import Testing

@testable import GitWorkspace

@Suite struct HostileTests {
    /// A script that tells when it was run; as a filter it passes its input on.
    private func canary(_ fixture: Fixture) throws -> (program: String, fired: () -> Bool) {
        let mark = fixture.root + "/FIRED"
        let program = fixture.root + "/canary"
        try fixture.write("canary", "#!/bin/sh\necho \"$0 $*\" >>\(mark)\ncat\n", below: fixture.root)
        try fixture.shell("chmod 755 canary", in: fixture.root)
        return (program, { Files.exists(mark) })
    }

    /// Commits a nested repository as a gitlink, with a configuration that runs the canary on `git status`.
    private func plantNestedRepository(_ fixture: Fixture, _ worktree: AgentWorktree, _ program: String)
        throws
    {
        try fixture.shell(
            """
            git init -q sub && cd sub && echo 1 >f && git add f && git -c user.name=x -c user.email=x@y commit -qm sub
            git config core.fsmonitor \(program); git config core.hooksPath /; echo 2 >f
            git config filter.x.clean \(program); echo '* filter=x' >.gitattributes
            """,
            in: worktree.workspace
        )
        try fixture.write(
            ".gitmodules",
            "[submodule \"sub\"]\n\tpath = sub\n\turl = ./sub\n\tignore = none\n",
            below: worktree.workspace
        )
        try fixture.agent(worktree, "-c", "core.fsmonitor=false", "add", "--", "sub", ".gitmodules")
        try fixture.agent(worktree, "-c", "core.fsmonitor=false", "commit", "-q", "-m", "gitlink")
    }

    @Test func nestedRepositoryIsNotEntered() throws {
        let fixture = try Fixture()
        let (program, fired) = try canary(fixture)
        let worktree = try fixture.made()
        try plantNestedRepository(fixture, worktree, program)
        try Files.removeTree(fixture.root + "/FIRED")
        try fixture.sync(worktree)
        for command in [
            "status", "diff", "diff HEAD", "status --ignore-submodules=none", "add -A", "stash list",
        ] {
            try fixture.shell("git \(command)", in: worktree.workspace)
            #expect(!fired(), "git \(command)")
        }
        _ = try worktree.diff(.patch(binary: true))
        _ = try worktree.merge()
        _ = try worktree.unmergedWork(after: nil)
        try fixture.user("status")
        #expect(!fired())
        // Without the mark it fires: the canary works, and the mark is what stops it.
        try fixture.user("update-index", "--no-skip-worktree", "sub", in: worktree.workspace)
        try fixture.user("status", in: worktree.workspace)
        #expect(fired())
    }

    @Test func submoduleOfTheRepositoryIsMarkedFromTheStart() throws {
        let fixture = try Fixture()
        try fixture.shell(
            """
            git init -q lib && (cd lib && git -c user.name=x -c user.email=x@y commit -q --allow-empty -m 1)
            git -c protocol.file.allow=always -c advice.addEmbeddedRepo=false add lib && git commit -qm lib
            """,
            in: fixture.repositoryPath
        )
        let (program, fired) = try canary(fixture)
        let worktree = try fixture.made()
        try fixture.shell(
            "rmdir lib; git clone -q '\(fixture.repositoryPath)/lib' lib; git -C lib config core.fsmonitor \(program)",
            in: worktree.workspace
        )
        try fixture.user("status", in: worktree.workspace)
        #expect(!fired())
        try fixture.user("update-index", "--no-skip-worktree", "lib", in: worktree.workspace)
        try fixture.user("status", in: worktree.workspace)
        #expect(fired())
    }

    /// Everything below the private git directory is replaced by what runs the canary where git would let it.
    @Test func hostilePrivateDirectoryRunsNothing() throws {
        let fixture = try Fixture()
        let (program, fired) = try canary(fixture)
        let worktree = try fixture.made()
        try fixture.write("a.txt", "changed\n", below: worktree.workspace)
        try fixture.write(".gitattributes", "* filter=x diff=x merge=x\n", below: worktree.workspace)
        try fixture.shell(
            """
            for k in core.fsmonitor core.sshCommand core.editor core.pager core.askPass diff.external gpg.program \
              filter.x.clean filter.x.smudge filter.x.process diff.x.command diff.x.textconv merge.x.driver \
              credential.helper uploadpack.packObjectsHook core.alternateRefsCommand core.gitProxy alias.status; do
              git config --file config $k \(program); done
            git config --file config alias.add '!\(program)'; git config --file config filter.x.required true
            git config --file config core.hooksPath \(fixture.root)/hooks; git config --file config core.worktree /
            cp config evil; git config --file config include.path evil
            for h in pre-commit post-checkout post-index-change reference-transaction post-merge pre-auto-gc; do
              mkdir -p hooks \(fixture.root)/hooks; cp \(program) hooks/$h; cp \(program) \(fixture.root)/hooks/$h; done
            cp config config.worktree
            """,
            in: worktree.privateGitDirectory
        )
        let result = try fixture.sync(worktree)
        #expect(result.hasUncommittedChanges)
        _ = worktree.changeSummary()
        _ = try worktree.diff(.patch(binary: false))
        try fixture.user("status", in: worktree.workspace)
        _ = try worktree.merge()
        _ = try worktree.unmergedWork(after: result)
        try worktree.remove()
        #expect(!fired())
        #expect(try fixture.read("a.txt") == "changed\n")
    }

    /// The user's own hooks, monitors and filters that are named by a relative path: the agent wrote those
    /// files.
    static let relative: [(name: String, set: String, file: String)] = [
        ("hook", "core.hooksPath .husky", ".husky/post-index-change"),
        ("monitor", "core.fsmonitor ./tools/monitor", "tools/monitor"),
        ("filter", "filter.x.clean ./tools/clean", "tools/clean"),
        ("process", "filter.x.process ./tools/clean", "tools/clean"),
        ("textconv", "diff.x.textconv ./tools/show", "tools/show"),
        ("diff driver", "diff.x.command ./tools/show", "tools/show"),
        ("external diff", "diff.external ./tools/show", "tools/show"),
    ]

    @Test(arguments: relative) func relativeCommandsOfTheUser(
        _ attack: (name: String, set: String, file: String)
    ) throws {
        let fixture = try Fixture()
        let (program, fired) = try canary(fixture)
        try fixture.shell("git config \(attack.set)", in: fixture.repositoryPath)
        let worktree = try fixture.made()
        try fixture.write(".gitattributes", "* filter=x diff=x\n", below: worktree.workspace)
        try fixture.write("a.txt", "different\n", below: worktree.workspace)
        try fixture.shell(
            "mkdir -p tools .husky; cp \(program) \(attack.file); touch -d '1 hour ago' dir/b.txt",
            in: worktree.workspace
        )
        try fixture.sync(worktree)
        try fixture.user("status", in: worktree.workspace, allowFailure: true)
        try fixture.user("diff", in: worktree.workspace, allowFailure: true)
        _ = try worktree.diff(.patch(binary: false))
        #expect(!fired(), "\(attack.name)")
        // Without the worktree's own settings the same command runs what the agent wrote.
        let directory = try #require(worktree.administrativeDirectory())
        try Files.remove(directory + "/config.worktree")
        let look = "touch -d '2 hours ago' dir/b.txt; git status || true; git diff || true"
        try fixture.shell(look, in: worktree.workspace)
        #expect(fired(), "\(attack.name)")
    }

    /// Whatever an agent does to its git directory, its files reach the host and nothing stalls.
    static let damages: [(name: String, script: String)] = [
        ("emptied", "rm -rf *"), ("HEAD is garbage", "echo x >HEAD"),
        ("HEAD is a FIFO", "rm HEAD; mkfifo HEAD"),
        ("HEAD is a link", "rm HEAD; ln -s /etc/passwd HEAD"),
        ("HEAD is huge", "yes | head -c 9000000 >HEAD"),
        ("refs is a file", "rm -rf refs; echo >refs"),
        ("refs hold FIFOs", "mkfifo refs/heads/x refs/heads/main"),
        ("packed-refs is garbage", "yes >packed-refs & sleep 0.1; kill $!"),
        ("index is garbage", "echo x >index"),
        ("index is a FIFO", "rm index; mkfifo index"), ("index is cut", "head -c 100 index >i; mv i index"),
        ("branch is a loop", "echo 'ref: refs/heads/cloche/fixer' >refs/heads/cloche/fixer"),
        ("branch is elsewhere", "echo 1234567890123456789012345678901234567890 >refs/heads/cloche/fixer"),
        ("exclude is a FIFO", "rm info/exclude; mkfifo info/exclude"),
        ("shallow is garbage", "echo x >shallow"),
    ]

    @Test(arguments: damages) func damagedPrivateDirectory(_ damage: (name: String, script: String)) throws {
        let fixture = try Fixture()
        let worktree = try fixture.made()
        try fixture.write("a.txt", "changed\n", below: worktree.workspace)
        try fixture.shell(damage.script, in: worktree.privateGitDirectory)
        let result = try fixture.sync(worktree)
        #expect(try fixture.user("show", "\(result.snapshot):a.txt") == "changed\n")
        _ = worktree.changeSummary()
        try worktree.remove()
        #expect(try fixture.user("for-each-ref", "refs/cloche", "refs/heads/cloche") == "")
    }

    @Test func oddFilesDoNotStopAnExport() throws {
        let fixture = try Fixture()
        let worktree = try fixture.made()
        let long = String(repeating: "n", count: 255)
        try fixture.shell(
            """
            rm dir/b.txt; mkfifo dir/b.txt fifo; ln -s / root; ln -s nowhere dangling; : >\(long); mkdir empty
            git init -q bare-of-commits; git init -q inner; git -C inner -c user.name=x -c user.email=x@y commit -q \
              --allow-empty -m x; echo secret >inner/file; printf '%s' x >"$(printf 'a\\nb\\tc')"; printf x >"$(printf 'b\\377')"
            mkdir -p hidden/.git; echo 'ref: refs/heads/main' >hidden/.git/HEAD; echo x >hidden/g
            """,
            in: worktree.workspace
        )
        let result = try fixture.sync(worktree)
        let names = try fixture.user("ls-tree", "-r", "--name-only", "-z", result.snapshot).split(
            separator: "\0"
        )
        #expect(names.contains(Substring(long)))
        #expect(names.contains("root"))
        #expect(names.contains("a\nb\tc"))
        #expect(!names.contains("fifo"))
        #expect(!names.contains("inner"))
        #expect(
            result.notices.contains(.nestedRepositories(["bare-of-commits", "hidden", "inner"])),
            "\(result.notices)"
        )
        #expect(try worktree.unmergedWork(after: result).unknown.count == 2)
        let merged = try worktree.merge()
        #expect(merged.commit != nil)
        #expect(try fixture.user("status", "--porcelain") == "")
    }

    /// FIFOs where git opens a file of its own: the export gives up on the uncommitted changes and says so.
    @Test(arguments: [
        "mkfifo .gitignore", "mkfifo .gitattributes",
        "mkdir -p x/.git/refs/heads x/.git/objects; mkfifo x/.git/HEAD",
    ])
    func blockingFilesAreGivenUpOn(_ script: String) throws {
        let fixture = try Fixture()
        let worktree = try fixture.made()
        try fixture.write("c.txt", "c\n", below: worktree.workspace)
        try fixture.agent(worktree, "add", "c.txt")
        try fixture.agent(worktree, "commit", "-q", "-m", "c")
        // A file that git must read; one whose times it knows needs no attributes.
        try fixture.write("c.txt", "changed\n", below: worktree.workspace)
        try fixture.shell(script, in: worktree.workspace)
        let result = try worktree.sync(uploadPackCommand: fixture.exporter(worktree, snapshotSeconds: 1))
        #expect(result.commits == 1)
        #expect(result.notices.contains { if case .noSnapshot = $0 { true } else { false } })
        #expect(try !worktree.unmergedWork(after: result).unknown.isEmpty)
    }

    /// Trees that git refuses to check out must not even arrive.
    @Test(arguments: [".git", ".GIT", "git~1", "..", "."]) func malformedTreesAreRefused(_ name: String)
        throws
    {
        let fixture = try Fixture()
        let worktree = try fixture.made()
        try fixture.write("blob", "x\n", below: fixture.root)
        let blob = try fixture.agent(worktree, "hash-object", "-w", fixture.root + "/blob")
            .withoutFinalNewline
        try fixture.write("tree", "100644 blob \(blob)\t\(name)\n", below: fixture.root)
        let tree = try fixture.shell(
            "GIT_DIR=\(worktree.privateGitDirectory) git mktree <\(fixture.root)/tree 2>/dev/null",
            in: fixture.root
        )
        let commit = try fixture.agent(worktree, "commit-tree", "-m", "bad", tree.withoutFinalNewline)
        try fixture.agent(worktree, "update-ref", "refs/heads/cloche/fixer", commit.withoutFinalNewline)
        let before = try fixture.user("rev-parse", "cloche/fixer")
        #expect(throws: ClocheError.self) { try fixture.sync(worktree) }
        #expect(try fixture.user("rev-parse", "cloche/fixer") == before)
    }

    /// Names that are no UTF-8, directories closed to their owner, and nesting deeper than files may be open.
    @Test func oddTreesAreRemoved() throws {
        let fixture = try Fixture()
        let worktree = try fixture.made()
        try fixture.shell(
            """
            printf x >"$(printf 'b\\377')"; mkdir "$(printf 'd\\377')" shut; echo >shut/f; chmod 000 shut
            for i in $(seq 30); do mkdir -p $(printf 'a/%.0s' $(seq 100)); cd $(printf 'a/%.0s' $(seq 100)); done
            echo >deep; mkdir .cloche-removal.1
            """,
            in: worktree.workspace
        )
        try worktree.remove()
        #expect(!Files.exists(worktree.workspace))
    }

    /// Should an agent get at the worktree's `.git` file after all, Cloche does not read it, and puts it
    /// back.
    @Test func replacedPointerIsPutBack() throws {
        let fixture = try Fixture()
        let (program, fired) = try canary(fixture)
        let worktree = try fixture.made()
        try fixture.shell(
            "rm .git && git init -q . && git config core.fsmonitor \(program)",
            in: worktree.workspace
        )
        let result = try fixture.sync(worktree)
        #expect(result.notices == [.pointerRestored(worktree.workspace)])
        _ = try worktree.diff(.names)
        #expect(!fired())
        try fixture.user("status", in: worktree.workspace)
        #expect(!fired())
        #expect(try fixture.sync(worktree).notices.isEmpty)
    }

    /// A commit that the user made in the agent's worktree is not overwritten.
    @Test func commitOfTheUserOnTheAgentsBranchStays() throws {
        let fixture = try Fixture()
        let worktree = try fixture.made()
        try fixture.user("commit", "-q", "--allow-empty", "-m", "user's", in: worktree.workspace)
        let users = try fixture.user("rev-parse", "cloche/fixer")
        try fixture.write("c.txt", "c\n", below: worktree.workspace)
        try fixture.agent(worktree, "add", "c.txt")
        try fixture.agent(worktree, "commit", "-q", "-m", "c")
        let result = try fixture.sync(worktree)
        #expect(try fixture.user("rev-parse", "cloche/fixer") == users)
        #expect(
            result.notices.contains(.branchMovedOnHost("cloche/fixer", commit: users.withoutFinalNewline))
        )
        #expect(try worktree.merge().commit != nil)
    }

    /// An agent may rewrite its own history; the branch follows.
    @Test func rewrittenHistoryFollows() throws {
        let fixture = try Fixture()
        let worktree = try fixture.made()
        for text in ["1", "2"] {
            try fixture.write("c.txt", text, below: worktree.workspace)
            try fixture.agent(worktree, "add", "c.txt")
            try fixture.agent(worktree, "commit", "-q", "-m", text)
            try fixture.sync(worktree)
            try fixture.agent(worktree, "reset", "-q", "--soft", "HEAD^")
        }
        let result = try fixture.sync(worktree)
        #expect(result.commits == 0)
        #expect(result.hasUncommittedChanges)
        #expect(try fixture.user("rev-parse", "cloche/fixer") == fixture.user("rev-parse", "main"))
    }
}
