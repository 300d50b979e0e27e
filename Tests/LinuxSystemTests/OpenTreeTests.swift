// Trees that agents made, as they are read from outside: all of it once and in one order, what is closed to its owner too;
// and a file that takes another one's place.

import Glibc
import LinuxSystem
import Testing

@Suite struct OpenTreeTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    private func setMode(_ path: String, _ mode: UInt32) { _ = unsafe chmod(path, mode) }

    /// Forty directories, so many that two threads list them, with one below each, and four files and a link in each of these.
    private func makeWide() throws -> Set<String> {
        var paths: Set<String> = [""]
        for number in 0..<40 {
            for file in 0..<4 { try folder.write("tree/d\(number)/in/f\(file)", "\(number) \(file)") }
            try Files.makeSymbolicLink(folder.path + "/tree/d\(number)/in/link", to: "/target\(number)")
            paths.formUnion(["d\(number)", "d\(number)/in", "d\(number)/in/link"])
            paths.formUnion((0..<4).map { "d\(number)/in/f\($0)" })
        }
        return paths
    }

    private static let limit = OpenTree.Bounds(files: 1000, bytes: 1 << 20)

    @Test func everythingIsListedOnceAndDirectoriesFirst() throws {
        let paths = try makeWide()
        try folder.write("tree/.git", "not of the tree")
        let files = try OpenTree(folder.path + "/tree").files(
            skipping: bytes(".git"),
            limit: Self.limit
        )
        let names = files.map { String(decoding: $0.path, as: UTF8.self) }
        #expect(Set(names) == paths && names.count == paths.count)
        for (index, name) in names.enumerated() where name.contains("/") {
            let parent = String(name[..<(name.lastIndex(of: "/") ?? name.startIndex)])
            #expect(names[..<index].contains(parent), "\(name)")
        }
        for file in files where file.kind == .link {
            let number = file.path.dropFirst().prefix { $0 != UInt8(ascii: "/") }
            #expect(file.target == bytes("/target") + number)
        }
        #expect(files.filter { $0.kind == .file }.allSatisfy { $0.size > 2 && $0.inode > 0 })
        let again = try OpenTree(folder.path + "/tree").files(
            skipping: bytes(".git"),
            limit: Self.limit
        )
        #expect(files == again, "in the same order")
    }

    @Test func whatIsClosedIsListedAndClosedAgain() throws {
        let paths = try makeWide()
        let closed = ["/tree/d3", "/tree/d4/in", "/tree/d7", "/tree/d30"].map { folder.path + $0 }
        for path in closed { setMode(path, 0) }
        let tree = try OpenTree(folder.path + "/tree")
        let files = try tree.files(limit: Self.limit)
        tree.closeAgain()
        #expect(files.count == paths.count)
        #expect(files.first { $0.path == bytes("d3") }?.mode == 0)
        for path in closed { #expect(try Files.status(path).mode & 0o777 == 0) }
        for path in closed { setMode(path, 0o700) }
    }

    @Test func moreThanTheLimitIsRefused() throws {
        let paths = try makeWide()
        let room = OpenTree.Bounds(files: paths.count, bytes: 1 << 20)
        _ = try OpenTree(folder.path + "/tree").files(limit: room)
        // Each link is `dN/in/link`, and points to `/targetN`.
        let names = paths.reduce(0) { sum, path in
            sum + path.utf8.count
                + (path.hasSuffix("link") ? path.utf8.count - "d/in/link".utf8.count + 7 : 0)
        }
        for (files, bytes) in [(1000, names - 1), (0, 1 << 20)] {
            let error = #expect(throws: SystemError.self) {
                _ = try OpenTree(folder.path + "/tree").files(limit: .init(files: files, bytes: bytes))
            }
            #expect(error?.errno.number == EOVERFLOW)
        }
        _ = try OpenTree(folder.path + "/tree").files(limit: .init(files: 1000, bytes: names))
        for limit in [1, 20, 50, paths.count / 2 + 10, paths.count - 1] {
            #expect(throws: SystemError.self) {
                _ = try OpenTree(folder.path + "/tree").files(limit: .init(files: limit, bytes: 1 << 20))
            }
        }
    }

    /// Further names of a long link cost an agent nothing, and a list has each.
    @Test func whatLinksPointToCounts() throws {
        try folder.write("tree/file", "x")
        let target = String(repeating: "x", count: 1000)
        #expect(unsafe symlink(target, folder.path + "/tree/link") == 0)
        let tree = folder.path + "/tree"
        #expect(throws: SystemError.self) {
            _ = try OpenTree(tree).files(limit: .init(files: 10, bytes: 1000))
        }
        #expect(try OpenTree(tree).files(limit: .init(files: 10, bytes: 1008)).count == 3)
    }

    @Test func aFileTakesThePlaceOfAnother() throws {
        try folder.write("from/new", "new")
        try folder.write("from/absent", "absent")
        try folder.write("tree/new", "old")
        let (tree, other) = (try OpenTree(folder.path + "/tree"), try OpenTree(folder.path + "/from"))
        try tree.put(from: other, at: bytes("new"))
        try tree.put(from: other, at: bytes("absent"))
        #expect(try Files.readText(folder.path + "/tree/new") == "new")
        #expect(try Files.readText(folder.path + "/tree/absent") == "absent")
        #expect(!Files.exists(folder.path + "/from/absent"))
        // A link is replaced and never followed.
        let outside = try folder.write("outside", "kept")
        try Files.makeSymbolicLink(folder.path + "/tree/link", to: outside)
        try folder.write("from/link", "new")
        try tree.put(from: other, at: bytes("link"))
        #expect(try Files.readText(outside) == "kept")
        #expect(try Files.status(folder.path + "/tree/link", followLinks: false).kind == .regular)
    }
}
