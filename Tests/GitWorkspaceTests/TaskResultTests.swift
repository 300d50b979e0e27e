// Results of tasks: merged on objects alone, told by both sides where they do not go together, and moved to a branch once.

import ClocheModel
import LinuxSystem
import Testing

@testable import GitWorkspace

@Suite struct TaskResultTests {
    /// A commit on top of another in which a file is this.
    private func commit(_ fixture: Fixture, _ file: String, _ text: String, on base: String = "main") throws
        -> String
    {
        let script = """
            export GIT_INDEX_FILE=/tmp/index.$$; trap 'rm -f $GIT_INDEX_FILE' EXIT
            git read-tree \(base)
            blob=$(printf '\(text)' | git hash-object -w --stdin)
            git update-index --add --cacheinfo 100644,$blob,\(file)
            git commit-tree $(git write-tree) -p \(base) -m '\(file)'
            """
        let output = try fixture.shell(script, in: fixture.repositoryPath)
        return output.split(separator: "\n").last.map(String.init) ?? ""
    }

    @Test func resultsAreMergedOnceAndLandOnce() throws {
        let fixture = try Fixture()
        let repository = try fixture.repository.durable
        let head = try #require(try repository.commit("HEAD"))
        let results = [
            TaskResult(task: "a", commit: try commit(fixture, "x", "1\\n"), ref: "r/a"),
            TaskResult(task: "b", commit: try commit(fixture, "y", "2\\n"), ref: "r/b"),
        ]
        let refs = ResultRefs(plan: "p")
        let end = try repository.merge(results, onto: head, called: "base", as: refs.end)
        #expect(try repository.text(of: "x", in: end, limit: 10) == "1\n")
        #expect(try repository.text(of: "y", in: end, limit: 10) == "2\n")
        #expect(try repository.text(of: "y", in: end, limit: 1) == nil)
        #expect(try repository.text(of: "dir", in: end, limit: 10) == nil)
        // What is in it already makes no commit.
        #expect(try repository.merge(results, onto: end, called: "base", as: refs.end) == end)
        #expect(try repository.land(end, on: "release", from: nil))
        #expect(try repository.commit("refs/heads/release") == end)
        // Whoever was killed before that was on record does it again, to no effect.
        #expect(try repository.land(end, on: "release", from: nil))
        // One that has moved is not moved back, and the checkout's own never moves.
        let other = try commit(fixture, "z", "3\\n", on: "release")
        try fixture.user("branch", "-f", "release", other)
        #expect(try repository.land(end, on: "release", from: nil))
        #expect(try repository.commit("refs/heads/release") == other)
        let apart = try commit(fixture, "w", "4\\n", on: end)
        #expect(try !repository.land(apart, on: "release", from: end))
        #expect(throws: ClocheError.self) { try repository.land(apart, on: "main", from: head) }
        #expect(try repository.commit("HEAD") == head)
        try repository.forget(below: refs.all)
        #expect(try repository.commit(refs.end) == nil)
        try fixture.user("fsck", "--strict")
    }

    @Test func bothSidesOfAConflictAreNamed() throws {
        let fixture = try Fixture()
        let repository = try fixture.repository
        let results = [
            TaskResult(task: "left", commit: try commit(fixture, "a.txt", "l\\n"), ref: "r/left"),
            TaskResult(task: "right", commit: try commit(fixture, "a.txt", "r\\n"), ref: "r/right"),
        ]
        let error = #expect(throws: ClocheError.self) {
            try repository.merge(results, onto: "main", called: "base", as: ResultRefs(plan: "p").end)
        }
        #expect(error?.code == .conflict && error?.why.contains("a.txt: task right and task left") == true)
    }

    @Test func candidatesStandSideBySide() throws {
        let fixture = try Fixture()
        let repository = try fixture.repository
        let commits = [(number: 1, commit: "main"), (number: 3, commit: try commit(fixture, "x", "3\\n"))]
        let made = try repository.sideBySide(commits, as: ResultRefs(plan: "p").base("t"))
        #expect(try repository.text(of: "1/a.txt", in: made, limit: 10) == "one\n")
        #expect(try repository.text(of: "3/x", in: made, limit: 10) == "3\n")
        #expect(try repository.text(of: "1/x", in: made, limit: 10) == nil)
    }

    @Test func onlyLocksFromBeforeTheStartAreRemoved() throws {
        let fixture = try Fixture()
        let git = fixture.repositoryPath + "/.git"
        let old = ["packed-refs.lock", "config.lock", "refs/heads/main.lock"].map { git + "/" + $0 }
        for path in old { try Files.writeAtomically(path, []) }
        try fixture.shell("touch -d @1 \(old.joined(separator: " "))", in: "/")
        let new = git + "/refs/heads/other.lock"
        try Files.writeAtomically(new, [])
        try Files.writeAtomically(git + "/index.lock", [])
        try fixture.shell("touch -d @1 \(git)/index.lock", in: "/")
        try fixture.repository.removeLocksFromBeforeBoot()
        #expect(old.allSatisfy { !Files.exists($0) })
        // One of a git that may be at work, and one that is the user's own.
        #expect(Files.exists(new) && Files.exists(git + "/index.lock"))
    }
}
