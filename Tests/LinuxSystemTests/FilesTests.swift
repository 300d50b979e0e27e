// Files and directories, above all where an agent could have laid a trap: links, modes, names that are taken.

import Glibc
import LinuxSystem
import Testing

@Suite struct FilesTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    // MARK: Writing where an agent could have laid a link

    @Test func directoriesBeneathAreMadeThroughNoLink() throws {
        try folder.write("outside/file", "kept")
        try Files.makeDirectory(folder.path + "/home")
        let home = try Files.open(folder.path + "/home")
        let made = try Files.makeDirectoriesBeneath(home, "a/b/c", mode: 0o755)
        try Files.replaceFile("file", at: made, Array("new".utf8), mode: 0o600)
        #expect(try Files.readText(folder.path + "/home/a/b/c/file") == "new")
        try Files.makeSymbolicLink(folder.path + "/home/link", to: folder.path + "/outside")
        // The control: by its path, one gets there.
        #expect(try Files.readText(folder.path + "/home/link/file") == "kept")
        for path in ["link", "link/below", "../outside"] {
            #expect(throws: SystemError.self) {
                _ = try Files.makeDirectoriesBeneath(home, path, mode: 0o755)
            }
        }
        #expect(try Files.list(folder.path + "/outside") == ["file"])
    }

    @Test func aFileTakesThePlaceOfALinkAndNotOfWhatItNames() throws {
        let outside = try folder.write("outside/file", "kept")
        try Files.makeDirectory(folder.path + "/home")
        try Files.makeSymbolicLink(folder.path + "/home/file", to: outside)
        let home = try Files.open(folder.path + "/home")
        try Files.replaceFile("file", at: home, Array("new".utf8), mode: 0o640)
        #expect(try Files.readText(outside) == "kept")
        #expect(try Files.readText(folder.path + "/home/file") == "new")
        #expect(try Files.status(folder.path + "/home/file", followLinks: false).kind == .regular)
        // A directory of that name stays, and so does nothing of ours.
        try Files.makeDirectory(folder.path + "/home/taken")
        #expect(throws: SystemError.self) { try Files.replaceFile("taken", at: home, [], mode: 0o600) }
        #expect(try Files.list(folder.path + "/home") == ["file", "taken"])
    }

    // MARK: Removing

    @Test func removesDirectoriesThatNobodyMaySearch() throws {
        let tree = folder.path + "/tree"
        try folder.write("tree/a/b/file")
        try folder.write("tree/closed/inner/file")
        for path in ["/closed/inner", "/closed", "/a/b"] {
            let changed = unsafe chmod(tree + path, 0)
            #expect(changed == 0)
        }
        try Files.removeTree(tree)
        #expect(!Files.exists(tree))
    }

    @Test func removesLinksAndNotWhatTheyName() throws {
        let outside = try folder.write("outside/file", "kept")
        try Files.makeDirectory(folder.path + "/tree")
        try Files.makeSymbolicLink(folder.path + "/tree/directory", to: folder.path + "/outside")
        try Files.makeSymbolicLink(folder.path + "/tree/file", to: outside)
        try Files.makeSymbolicLink(folder.path + "/tree/dangling", to: "/nowhere")
        let mode = try Files.status(folder.path + "/outside").mode
        try Files.removeTree(folder.path + "/tree")
        #expect(!Files.exists(folder.path + "/tree"))
        #expect(try Files.readText(outside) == "kept")
        #expect(try Files.status(folder.path + "/outside").mode == mode)
    }

    @Test func removesALinkInTheTreesPlace() throws {
        try folder.write("outside/file")
        try Files.makeSymbolicLink(folder.path + "/tree", to: "outside")
        try Files.removeTree(folder.path + "/tree")
        #expect(try Files.list(folder.path) == ["outside"])
        #expect(try Files.list(folder.path + "/outside") == ["file"])
    }

    @Test func whatIsAbsentIsRemovedAlready() throws {
        try Files.removeTree(folder.path + "/none")
        try Files.removeTree(folder.path + "/none/deeper")
        try Files.remove(folder.path + "/none")
    }

    // MARK: Writing

    @Test func replacesAFileWhole() throws {
        let file = try folder.write("file", "old")
        let before = try Files.status(file)
        try Files.writeAtomically(file, Array("new".utf8))
        #expect(try Files.readText(file) == "new")
        #expect(try Files.status(file).mode == 0o600)
        #expect(try Files.status(file).inode != before.inode)
        #expect(try Files.list(folder.path) == ["file"])
    }

    @Test func aFailedReplacementLeavesNoTrace() throws {
        try folder.write("taken/file")
        let error = #expect(throws: SystemError.self) {
            try Files.writeAtomically(folder.path + "/taken", [1])
        }
        #expect(error?.call == "rename" && error?.subject == folder.path + "/taken")
        #expect(try Files.list(folder.path) == ["taken"])
        #expect(try Files.list(folder.path + "/taken") == ["file"])
    }

    @Test func replacesALinkAndNotWhatItNames() throws {
        let outside = try folder.write("outside", "kept")
        try Files.makeSymbolicLink(folder.path + "/link", to: outside)
        try Files.writeAtomically(folder.path + "/link", Array("new".utf8))
        #expect(try Files.readText(outside) == "kept")
        #expect(try Files.status(folder.path + "/link", followLinks: false).kind == .regular)
    }

    @Test func aNameThatIsTakenIsNotReplaced() throws {
        let (first, second) = (try folder.write("first"), try folder.write("second", "kept"))
        let error = #expect(throws: SystemError.self) { try Files.renameWithoutReplacing(first, second) }
        #expect(error?.errno == .exists)
        try Files.renameWithoutReplacing(first, folder.path + "/third")
        #expect(try Files.list(folder.path) == ["second", "third"])
        #expect(try Files.readText(second) == "kept")
    }

    @Test func makesMissingDirectoriesOnly() throws {
        try Files.makeDirectories(folder.path + "/a/b/c", mode: 0o700)
        try Files.makeDirectories(folder.path + "/a/b/c", mode: 0o700)
        #expect(Files.isDirectory(folder.path + "/a/b/c"))
        let file = try folder.write("file")
        #expect(throws: SystemError.self) { try Files.makeDirectories(file + "/below") }
        #expect(throws: SystemError.self) { try Files.makeDirectories(file) }
    }

    // MARK: Opening what an agent made

    @Test func opensBelowADirectory() throws {
        try folder.write("a/b/file", "text")
        let directory = try Files.open(folder.path, O_RDONLY | O_DIRECTORY)
        let file = try Files.openBeneath(directory, "a/b/file")
        #expect(try file.readToEnd() == Array("text".utf8))
    }

    static let traps: [(path: String, answers: [CInt])] = [
        ("link", [ELOOP]), ("directory/file", [ELOOP]), ("inside", [ELOOP]), ("../outside", [EXDEV]),
        ("a/../../outside", [EXDEV]), ("/etc/passwd", [EXDEV]), ("none", [ENOENT]),
    ]

    @Test(arguments: traps) func followsNothingOutOfIt(_ path: String, _ answers: [CInt]) throws {
        try folder.write("outside", "secret")
        try folder.write("root/a/file")
        for (name, target) in [("link", "../outside"), ("directory", ".."), ("inside", "a/file")] {
            try Files.makeSymbolicLink("\(folder.path)/root/\(name)", to: target)
        }
        let directory = try Files.open(folder.path + "/root", O_RDONLY | O_DIRECTORY)
        let error = #expect(throws: SystemError.self) { _ = try Files.openBeneath(directory, path) }
        #expect(error.map { answers.contains($0.errno.number) } == true)
    }

    // MARK: Looking

    @Test func tellsKindsApart() throws {
        let file = try folder.write("file", "four")
        try Files.makeSymbolicLink(folder.path + "/link", to: "file")
        #expect(try Files.status(file).kind == .regular && Files.status(file).size == 4)
        #expect(try Files.status(folder.path).kind == .directory)
        #expect(try Files.status(folder.path + "/link").kind == .regular)
        #expect(try Files.status(folder.path + "/link", followLinks: false).kind == .symbolicLink)
        #expect(try Files.status("/dev/null").kind == .characterDevice)
        #expect(try Files.readLink(folder.path + "/link") == "file")
        #expect(try Files.canonicalPath(folder.path + "/./link") == file)
    }

    @Test func readsAtMostAsMuchAsAsked() throws {
        let file = try folder.write("file", String(repeating: "x", count: 100_000))
        #expect(try Files.read(file).count == 100_000)
        #expect(try Files.read(file, limit: 70_000).count == 70_000)
        let error = #expect(throws: SystemError.self) { try Files.read(folder.path) }
        #expect(error?.subject == folder.path)
    }

    static let paths: [(path: String, parent: String, last: String)] = [
        ("/a/b", "/a", "b"), ("/a", "/", "a"), ("a", ".", "a"), ("a/b", "a", "b"), ("/", "/", ""),
        ("", ".", ""),
        ("/ä/ö", "/ä", "ö"),
    ]

    @Test(arguments: paths) func splitsPaths(_ path: String, _ parent: String, _ last: String) {
        #expect(path.parentPath == parent)
        #expect(path.lastComponent == last)
    }
}
