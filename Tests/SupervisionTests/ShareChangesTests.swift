// Changes in shared directories, as they come onto record: coalesced, bounded, and none from elsewhere.

import AgentStore
import ClocheModel
import Glibc
import LinuxSystem
import SandboxRuntime
import Testing

@testable import Supervision

@Suite struct ShareChangesTests {
    private final class Folder {
        let path = "/tmp/cloche-share-test.\(getpid()).\(UInt32.random(in: 0...UInt32.max))"
        init() throws { try Files.makeDirectories(path + "/files") }
        // What stays behind is in the temporary directory.
        deinit { try? Files.removeTree(path) }
    }

    private let folder: Folder
    private var files: String { folder.path + "/files" }

    init() throws { folder = try Folder() }

    private func watched(_ mode: ShareMode = .readWrite) throws -> ShareChanges? {
        try ShareChanges([SharedDirectory(name: "notes", mode: mode, files: files, bytes: 1, count: 1)])
    }

    /// The records, each as its change and path.
    private static func words(_ events: [AuditEvent]) -> [String] {
        events.map { event in
            let facts = Document.map(event.facts)
            let rest = facts["path"]?.string ?? "\(facts["count"]?.integer ?? 0)"
            let from = facts["from"]?.string.map { " from \($0)" } ?? ""
            return "\(facts["change"]?.string ?? "?") \(rest)\(from)"
        }.sorted()
    }

    private func write(_ name: String) throws {
        try Files.open(files + "/" + name, O_WRONLY | O_CREAT, mode: 0o644).write([1])
    }

    @Test func onlyWhatMayBeWrittenIsWatched() throws {
        #expect(try watched(.readOnly) == nil)
        #expect(try watched(.append) == nil)
        #expect(try watched() != nil)
    }

    @Test func changesOfEachPathAreTold() throws {
        try write("old")
        try write("gone")
        try write("name")
        let changes = try #require(try watched())
        try write("new")
        try write("old")
        try Files.remove(files + "/gone")
        try Files.rename(files + "/name", files + "/other")
        #expect(
            Self.words(changes.take()) == [
                "created new", "deleted gone", "renamed other from name", "written old",
            ]
        )
        #expect(changes.take().isEmpty)
    }

    @Test func directoriesAreFollowed() throws {
        try Files.makeDirectories(files + "/a/b")
        let changes = try #require(try watched())
        try write("a/b/deep")
        // Made before anybody can have watched it.
        try Files.makeDirectories(files + "/c/d")
        try write("c/d/early")
        #expect(
            Self.words(changes.take()) == [
                "created a/b/deep", "created c", "created c/d", "created c/d/early",
            ]
        )
        try write("c/d/late")
        try Files.rename(files + "/a", files + "/e")
        #expect(Self.words(changes.take()) == ["created c/d/late", "renamed e from a"])
        try write("e/b/later")
        // Out of the directory: gone, and of no interest any more.
        try Files.rename(files + "/c", folder.path + "/c")
        #expect(Self.words(changes.take()) == ["created e/b/later", "deleted c"])
        try Files.open(folder.path + "/c/d/elsewhere", O_WRONLY | O_CREAT).write([1])
        #expect(changes.take().isEmpty)
    }

    @Test func linksAreNotFollowed() throws {
        try Files.makeDirectory(folder.path + "/elsewhere")
        try Files.makeSymbolicLink(files + "/link", to: folder.path + "/elsewhere")
        let changes = try #require(try watched())
        try Files.open(folder.path + "/elsewhere/file", O_WRONLY | O_CREAT).write([1])
        #expect(changes.take().isEmpty)
    }

    @Test func manyAreCounted() throws {
        let changes = try #require(try watched())
        for number in 0..<100 { try write("file-\(number)") }
        let words = Self.words(changes.take())
        #expect(words.count == ShareChangeList.mostPaths + 1)
        // Each was made and written.
        #expect(words.last == "untold \(2 * (100 - ShareChangeList.mostPaths))")
        try write("file-0")
        #expect(Self.words(changes.take()) == ["written file-0"])
    }

    @Test func whatSaysMostIsKept() {
        var list = ShareChangeList()
        let path = Array("file".utf8)
        list.note("notes", path, "created")
        list.note("notes", path, "written")
        #expect(list.changes.map(\.change) == ["created"])
        list.note("notes", path, "deleted")
        #expect(list.changes.map(\.change) == ["deleted"])
    }
}
