// What of an agent's home and layers is told as changed, on trees that the tests make.

import ClocheModel
import Glibc
import LinuxSystem
import SandboxRuntime
import Testing

@testable import Supervision

@Suite struct OutsideFilesTests {
    /// A home and a layer, and what was kept of them.
    private final class Ground {
        let path = "/tmp/cloche-outside-test.\(getpid()).\(UInt32.random(in: 0...UInt32.max))"
        var kept = KeptFiles([])
        var planned: [[UInt8]: String?] = [:]
        var home: String { path + "/home" }
        var layer: String { path + "/layer" }

        init() throws {
            for folder in ["", "/home", "/layer", "/lower"] { try Files.makeDirectory(path + folder) }
        }

        // What stays behind is in the temporary directory.
        deinit { try? Files.removeTree(path) }

        func write(_ name: String, _ text: String = "x") throws {
            let file = "\(path)/\(name)"
            try Files.makeDirectories(file.parentPath)
            // Not another file of that name: the same.
            let open = try Files.open(file, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
            try open.write(Array(text.utf8))
        }

        /// Looks, and keeps what it has seen.
        func look(since: Int64 = 0, deadline: Int64 = .max) -> OutsideFiles {
            var files = OutsideFiles(kept, since: since, planned: planned, deadline: deadline)
            files.look(
                through: OutsideTree(
                    path: layer,
                    inside: "/usr/local",
                    place: .upper,
                    lower: [path + "/lower"]
                )
            )
            files.look(through: OutsideTree(path: home, inside: "/home/agent", place: .home))
            // As it is written and read.
            kept = KeptFiles(files.end().bytes)
            return files
        }

        /// Everything up to now was there before.
        func settle() { _ = look() }
    }

    private func words(_ files: OutsideFiles) -> [String] {
        files.changes.map { "\($0.change) \(String(decoding: $0.path, as: UTF8.self))" }.sorted()
    }

    @Test func whatIsMadeChangedAndRemovedIsTold() throws {
        let ground = try Ground()
        for name in ["home/old", "home/same", "home/gone", "home/folder/inner"] { try ground.write(name) }
        ground.settle()
        #expect(ground.look().changes.isEmpty)
        try ground.write("home/old", "longer")
        try ground.write("home/new")
        try ground.write("home/deep/er/file")
        try Files.makeSymbolicLink(ground.home + "/link", to: "/etc")
        try Files.remove(ground.home + "/gone")
        let found = ground.look()
        #expect(
            words(found) == [
                "added /home/agent/deep", "added /home/agent/deep/er", "added /home/agent/deep/er/file",
                "added /home/agent/link", "added /home/agent/new", "deleted /home/agent/gone",
                "modified /home/agent/old",
            ]
        )
        // The link is one, and nothing behind it is looked at.
        #expect(found.changes.first { $0.path.last == UInt8(ascii: "k") }?.kind == .link)
        #expect(ground.look().changes.isEmpty)
    }

    @Test func aFileOfTheSameSizeAndTimeThatIsAnotherIsTold() throws {
        let ground = try Ground()
        try ground.write("home/a", "1")
        ground.settle()
        let before = try Files.status(ground.home + "/a")
        try ground.write("home/a", "2")
        // An agent can set the time of a change of content, and not that of its setting.
        var times = [
            timespec(tv_sec: Int(before.modified), tv_nsec: 0),
            timespec(tv_sec: Int(before.modified), tv_nsec: 0),
        ]
        #expect(unsafe utimensat(AT_FDCWD, ground.home + "/a", &times, 0) == 0)
        #expect(words(ground.look()) == ["modified /home/agent/a"])
    }

    @Test func aLayerTellsWhatItStandsFor() throws {
        let ground = try Ground()
        ground.settle()
        try ground.write("lower/bin/tool")
        try ground.write("layer/bin/tool")
        try ground.write("layer/bin/mine")
        // Copied up with what is in it, and no directory of the agent's.
        #expect(words(ground.look()) == ["added /usr/local/bin/mine", "modified /usr/local/bin/tool"])
        guard geteuid() == 0 else { return }
        try Files.remove(ground.layer + "/bin/tool")
        #expect(unsafe mknod(ground.layer + "/bin/tool", S_IFCHR, 0) == 0)
        #expect(words(ground.look()) == ["deleted /usr/local/bin/tool"])
        #expect(ground.look().changes.isEmpty)
        try Files.remove(ground.layer + "/bin/tool")
        #expect(words(ground.look()) == ["added /usr/local/bin/tool"])
    }

    @Test func whatClocheWritesIsNoChangeOfTheAgents() throws {
        let ground = try Ground()
        ground.planned = [
            Array("/usr/local/passwd".utf8): "mine\n", Array("/home/agent/.config".utf8): String?.none,
        ]
        #expect(words(ground.look()) == ["deleted /usr/local/passwd"])
        try ground.write("layer/passwd", "mine\n")
        try Files.makeDirectory(ground.home + "/.config")
        #expect(ground.look().changes.isEmpty)
        try ground.write("layer/passwd", "evil\n")
        #expect(words(ground.look()) == ["modified /usr/local/passwd"])
    }

    @Test func withoutAListTheTimeDecides() throws {
        let ground = try Ground()
        try ground.write("home/seed")
        let since = WallClock.milliseconds * 1_000_000 + 50_000_000
        while WallClock.milliseconds * 1_000_000 < since + 10_000_000 { Pause.milliseconds(10) }
        try ground.write("home/new")
        #expect(words(ground.look(since: since)) == ["added /home/agent/new"])
    }

    @Test func namesAreBytes() throws {
        let ground = try Ground()
        ground.settle()
        let name = Array((ground.home + "/").utf8).map { CChar(bitPattern: $0) } + [-1, 10, 32, 0]
        let made = unsafe open(name, O_CREAT | O_WRONLY, 0o600)
        #expect(made >= 0)
        close(made)
        let found = ground.look()
        #expect(found.changes.map(\.path) == [Array("/home/agent/".utf8) + [0xff, 10, 32]])
        #expect(ground.look().changes.isEmpty)
        #expect(unsafe unlink(name) == 0)
        #expect(ground.look().changes.map(\.change) == ["deleted"])
    }

    @Test func tooManyAreCounted() throws {
        let ground = try Ground()
        ground.settle()
        for number in 0..<(OutsideFiles.mostTold + 7) { try ground.write("home/\(number)") }
        let found = ground.look()
        #expect(
            found.changes.count == OutsideFiles.mostTold && found.untold == [.home: 7] && found.cut.isEmpty
        )
    }

    @Test func timeIsBounded() throws {
        let ground = try Ground()
        try ground.write("home/a")
        ground.settle()
        try Files.remove(ground.home + "/a")
        try ground.write("home/b")
        let found = ground.look(deadline: 0)
        // Nothing is called deleted that was not looked for.
        #expect(found.changes.isEmpty && found.cut == [.home] && !ground.kept.isWhole)
    }

    @Test func aClosedDirectoryIsNamed() throws {
        guard geteuid() != 0 else { return }
        let ground = try Ground()
        try ground.write("home/folder/secret")
        ground.settle()
        #expect(unsafe chmod(ground.home + "/folder", 0) == 0)
        #expect(words(ground.look()) == ["closed /home/agent/folder"])
        #expect(unsafe chmod(ground.home + "/folder", 0o700) == 0)
    }

    @Test func aListThatIsNoneTellsNothing() {
        #expect(!KeptFiles([]).isWhole && !KeptFiles(Array("{}".utf8)).isWhole)
        var kept = KeptFiles()
        kept.files[Array("/a b".utf8)] = .init(kind: .link, inode: 7, changed: -5)
        #expect(KeptFiles(kept.bytes) == kept)
    }

    @Test func aPlanSaysWhatIsCloches() {
        let plan = SandboxPlan(
            identity: SandboxIdentity.current(key: "x"),
            sharesNetwork: false,
            executable: "/bin/true",
            sources: [],
            operations: [
                PlanOperation(
                    .file(content: "root", mode: 0o644),
                    at: "run/layers/etc/files/passwd",
                    optional: false,
                    reason: "etc"
                ),
                PlanOperation(.directory(mode: 0o755), at: "home/agent/.x", optional: false, reason: "b"),
                PlanOperation(.directory(mode: 0o755), at: "opt", optional: false, reason: "b"),
                PlanOperation(
                    .filesystem(
                        kind: "overlay",
                        options: ["lowerdir=etc", "upperdir=run/layers/etc/files", "workdir=w", "userxattr"],
                        attributes: []
                    ),
                    at: "etc",
                    optional: false,
                    reason: "etc"
                ),
            ],
            stubs: []
        )
        let planned = PlannedFiles(plan)
        #expect(planned.layers == ["etc": "/etc"])
        #expect(
            Set(planned.places.keys.map { String(decoding: $0, as: UTF8.self) }) == [
                "/etc/passwd", "/home/agent/.x",
            ]
        )
    }
}
