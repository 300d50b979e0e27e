// What is to be done so that a tree is again as it was: by lists alone.

import LinuxSystem
import Testing

@testable import Snapshots

@Suite("Differences of trees")
struct TreeChangesTests {
    private func path(_ text: String) -> [UInt8] { Array(text.utf8) }

    private func file(
        _ name: String,
        _ content: Int64 = 1,
        mode: UInt32 = 0o644,
        inode: UInt64 = 7,
        names: UInt64 = 1
    ) -> TreeFile {
        TreeFile(
            path: path(name),
            kind: .file,
            mode: mode,
            size: 5,
            inode: inode,
            names: names,
            content: content
        )
    }

    private func directory(_ name: String, mode: UInt32 = 0o755) -> TreeFile {
        TreeFile(path: path(name), kind: .directory, mode: mode)
    }

    @Test("The same tree needs nothing")
    func same() {
        let tree = [directory(""), directory("d"), file("d/f")]
        #expect(TreeChanges(from: tree, to: tree).isEmpty)
        #expect(TreeChanges(from: tree, to: tree).untouched == [2])
    }

    @Test("What is new goes, a directory once, and what is missing is made, directories first")
    func removedAndMade() {
        let present = [directory(""), directory("new"), file("new/a"), directory("new/in"), file("new/in/b")]
        let wanted = [directory(""), directory("old"), file("old/f")]
        let changes = TreeChanges(from: present, to: wanted)
        #expect(changes.removed == [path("new")])
        #expect(changes.made.map(\.path) == [path("old"), path("old/f")])
        #expect(changes.altered.isEmpty && changes.linked.isEmpty)
    }

    @Test("Another content is made anew; another mode or time is set")
    func contents() {
        let present = [directory(""), file("a", 1), file("b", 1), file("c", TreeFile.Content.unknown)]
        let wanted = [directory("", mode: 0o700), file("a", 2), file("b", 1, mode: 0o600), file("c", 3)]
        let changes = TreeChanges(from: present, to: wanted)
        #expect(changes.made.map(\.path) == [path("a"), path("c")])
        #expect(changes.altered.map(\.path) == [path(""), path("b")] && changes.untouched.isEmpty)
    }

    @Test("Of two groups of names that became one file, one gets another file")
    func groups() {
        func group(_ one: UInt64, _ other: UInt64) -> [TreeFile] {
            [
                directory(""), file("a", 0, inode: one, names: 2), file("b", 0, inode: one, names: 2),
                file("c", 0, inode: other, names: 2), file("d", 0, inode: other, names: 2),
            ]
        }
        let changes = TreeChanges(from: group(1, 1), to: group(1, 2))
        #expect(changes.made.map(\.path) == [path("c")])
        #expect(changes.linked.map(\.path) == [path("b"), path("d")])
        #expect(TreeChanges(from: group(1, 2), to: group(1, 2)).made.isEmpty)
    }

    @Test("A file in the place of a directory, and the other way round")
    func kinds() {
        let present = [directory(""), directory("x"), file("x/in"), file("y")]
        let wanted = [directory(""), file("x"), directory("y"), file("y/in")]
        let changes = TreeChanges(from: present, to: wanted)
        #expect(changes.removed == [path("x"), path("y")])
        #expect(changes.made.map(\.path) == [path("x"), path("y"), path("y/in")])
    }

    @Test("A link that points elsewhere is made anew")
    func links() {
        let one = TreeFile(path: path("l"), kind: .link, target: path("a"))
        let other = TreeFile(path: path("l"), kind: .link, target: path("b"))
        #expect(TreeChanges(from: [one], to: [other]).made == [other])
        #expect(TreeChanges(from: [one], to: [one]).isEmpty)
    }

    @Test("Names of one file are linked; one that was only linked since is made anew")
    func hardLinks() {
        let pair = [directory(""), file("a", 1, names: 2), file("b", 1, names: 2)]
        let changes = TreeChanges(from: [directory("")], to: pair)
        #expect(changes.made.map(\.path) == [path("a")])
        #expect(changes.linked.map(\.path) == [path("b")] && changes.linked.map(\.to) == [path("a")])
        // Written through its other name, `a` would change with it.
        let single = TreeChanges(from: pair, to: [directory(""), file("a", 1)])
        #expect(single.made.map(\.path) == [path("a")] && single.removed == [path("b")])
    }

    @Test("A file is known again by inode, size and both times, and by nothing less")
    func untouched() {
        let one = TreeFile(
            path: [1],
            kind: .file,
            size: 3,
            modified: TreeFile.Time(10),
            changed: 20,
            inode: 4
        )
        #expect(one.isUntouched(since: one))
        for change: (inout TreeFile) -> Void in [
            { $0.inode = 5 }, { $0.size = 4 }, { $0.modified.nanoseconds = 11 }, { $0.changed = 21 },
            { $0.kind = .pipe },
        ] {
            var other = one
            change(&other)
            #expect(!other.isUntouched(since: one))
        }
    }
}

@Suite("Files found by their paths")
struct FilesByPathTests {
    private func files(_ paths: Range<Int>) -> [TreeFile] {
        paths.map { TreeFile(path: Array("f\($0)".utf8), kind: .file) }
    }

    @Test("In any order, with some that are in the one list only")
    func any() {
        let list = files(0..<100)
        var inOrder = FilesByPath(list)
        #expect(list.map { inOrder.index(of: $0.path) } == Array(0..<100))
        var backwards = FilesByPath(list)
        #expect(list.reversed().map { backwards.index(of: $0.path) } == (0..<100).reversed())
        var passing = FilesByPath(list)
        for index in stride(from: 0, to: 100, by: 7) {
            #expect(passing.index(of: list[index].path) == index)
            #expect(passing.index(of: Array("other\(index)".utf8)) == nil)
        }
        // The same one twice, and none at all.
        #expect(passing.index(of: list[3].path) == 3 && passing.index(of: list[3].path) == 3)
        var empty = FilesByPath([])
        #expect(empty.index(of: []) == nil)
    }

    @Test("What nothing has touched has the content that is known, and nothing else has")
    func recognized() {
        var present = [
            TreeFile(path: [], kind: .directory),
            TreeFile(path: [1], kind: .file, size: 5, changed: 7, inode: 1),
            TreeFile(path: [2], kind: .file, size: 5, changed: 7, inode: 2),
            TreeFile(path: [3], kind: .file, size: 0, changed: 7, inode: 3),
            TreeFile(path: [4], kind: .file, size: 5, changed: 7, inode: 4),
        ]
        var known = present.filter { $0.path != [4] }
        for index in known.indices { known[index].content = Int64(index) }
        known[2].changed = 6
        present.recognize(known)
        let unknown = TreeFile.Content.unknown
        #expect(present.map(\.content) == [0, 1, unknown, 0, unknown])
        // In a list that has the directories as well, as in one that has files alone.
        present.recognize(known.filter { $0.kind == .file })
        #expect(present.map(\.content) == [0, 1, unknown, 0, unknown])
    }

    @Test("What changed at a moment or later is not known, and other kinds stay as they are")
    func forgotten() {
        var files = [
            TreeFile(path: [], kind: .directory, changed: 9),
            TreeFile(path: [1], kind: .file, size: 5, changed: 6, content: 3),
            TreeFile(path: [2], kind: .file, size: 5, changed: 7, content: TreeFile.Content.checkout),
            TreeFile(path: [3], kind: .file, size: 5, changed: 8, content: 4),
        ]
        files.forgetChanged(since: 7)
        #expect(files.map(\.content) == [0, 3, TreeFile.Content.unknown, TreeFile.Content.unknown])
    }
}

@Suite("Lists of files on disk")
struct SnapshotFilesTests {
    private var sample: SnapshotFiles {
        var files = SnapshotFiles()
        files.trees[.workspace] = [
            TreeFile(path: [], kind: .directory, mode: 0o755),
            TreeFile(
                path: [0xff, 0x0a, 0x20],
                kind: .file,
                mode: 0o1777,
                size: .max,
                modified: TreeFile.Time(.min, 999_999_999),
                changed: .max,
                inode: .max,
                names: 3,
                content: TreeFile.Content.unknown
            ),
            TreeFile(path: [1], kind: .link, target: Array("/etc".utf8), content: 9),
        ]
        files.trees[.home] = []
        return files
    }

    @Test("What is written is read again")
    func roundTrip() { #expect(SnapshotFiles(sample.bytes) == sample) }

    @Test("What is cut anywhere, or has any byte changed, is never read as something longer or stops us")
    func broken() {
        let bytes = sample.bytes
        for count in bytes.indices { #expect(SnapshotFiles(Array(bytes.prefix(count))) == nil) }
        for index in bytes.indices {
            var other = bytes
            other[index] ^= 0xff
            // Nil or other values: only that it comes back at all.
            _ = SnapshotFiles(other)
        }
    }

    @Test("Its contents are read without the rest")
    func contents() {
        var files = sample
        files.trees[.git] = [3, 10, .max - 2].map {
            TreeFile(path: [2], kind: .file, size: $0 / 3, content: $0)
        }
        let all: [Int64: Int64] = [3: 1, 9: 0, 10: 3, .max - 2: (.max - 2) / 3]
        #expect(files.contents == all && files.largestContent == .max - 2)
        let bytes = files.bytes
        #expect(SnapshotFiles.contents(ofBeginning: bytes) == all)
        #expect(SnapshotFiles.contents(ofBeginning: SnapshotFiles().bytes) == [:])
        for count in bytes.indices {
            let found = SnapshotFiles.contents(ofBeginning: Array(bytes.prefix(count)))
            #expect(found == nil || found == all)
        }
        // A number of contents that there is no room for.
        let lies = Array("cloche-snapshot-3\n".utf8) + [0xff, 0xff, 0xff, 0xff, 0x0f] + Array("end\n".utf8)
        #expect(SnapshotFiles.contents(ofBeginning: lies) == nil && SnapshotFiles(lies) == nil)
    }
}
