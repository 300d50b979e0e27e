// How large a commit may be that the host expands, and what is read of git's listings for it.

import ClocheModel
import Testing

@testable import GitWorkspace

@Suite struct TreeBoundsTests {
    @Test(arguments: [1, 2, 7, 1000]) func changedObjectsAreReadInPieces(of size: Int) {
        let listing = """
            :000000 100644 00 a1 A\u{0}a b\u{0}:100644 100755 b0 b1 M\u{0}x/:1 2 3 4 5\u{0}:100644 000000 c1 00 D\u{0}gone\u{0}\
            :000000 160000 00 d1 A\u{0}lib\u{0}:120000 120000 e0 e1 M\u{0}link\u{0}
            """
        var objects = ChangedObjects()
        for piece in pieces(Array(listing.utf8), size) { objects.add(piece) }
        #expect(objects.list.text == "a1\nb1\ne1\n")
    }

    @Test(arguments: [1, 3, 1000]) func sizesAreAddedInPieces(of size: Int) {
        var sum = NumberSum()
        for piece in pieces(Array("12\n0\n300\n".utf8), size) { sum.add(piece) }
        #expect(sum.total == 312)
        for _ in 0..<1000 { sum.add(Array("99999999999999999999999999\n".utf8)) }
        #expect(sum.total > 1 << 45)
    }

    private func pieces(_ bytes: [UInt8], _ size: Int) -> [[UInt8]] {
        stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
    }

    @Test func limitsOfAnAgentAreBounds() {
        var limits = LimitsPolicy()
        #expect(TreeBounds(limits) == .standard)
        limits.diskBytes = 60 << 20
        limits.diskFiles = 5000
        #expect(TreeBounds(limits).contentBytes == 60 << 20 && TreeBounds(limits).paths == 5000)
        limits.diskBytes = 1 << 50
        #expect(TreeBounds(limits).contentBytes == TreeBounds.standard.contentBytes)
    }

    @Test(arguments: ["sha1", "sha256"]) func whatIsMeasuredIsBesideTheBeginning(_ format: String) throws {
        let fixture = try Fixture(format: format)
        let worktree = try fixture.made()
        try fixture.write("new/c.txt", "12345", below: worktree.workspace)
        let exporter = try fixture.exporter(worktree)
        func sync(_ paths: Int64, _ names: Int64, _ contents: Int64) throws -> SyncResult {
            let bounds = TreeBounds(paths: paths, nameBytes: names, contentBytes: contents)
            return try worktree.sync(uploadPackCommand: exporter, within: bounds)
        }
        // a.txt and dir/b.txt were there: one more path with nine bytes and five of content.
        for (bounds, word) in [((0, 100, 100), "paths"), ((9, 8, 100), "paths have"), ((9, 100, 4), "files")]
        {
            let (paths, names, contents) = bounds
            let error = #expect(throws: ClocheError.self) {
                try sync(Int64(paths), Int64(names), Int64(contents))
            }
            #expect(error?.why.contains(word) == true, "\(error.map { "\($0)" } ?? "")")
            #expect(try fixture.user("for-each-ref", "refs/cloche/fixer/fetched/head").isEmpty)
        }
        #expect(try sync(1, 9, 5).hasUncommittedChanges)
    }

    @Test func aCheckoutThatIsTooLargeIsNotBegun() throws {
        let fixture = try Fixture()
        let small = TreeBounds(paths: 10, nameBytes: 100, contentBytes: 7)
        let head = try fixture.user("rev-parse", "HEAD").split(separator: "\n").map(String.init)[0]
        let worktree = try fixture.worktree()
        let repository = try fixture.repository
        #expect(throws: ClocheError.self) { try worktree.create(within: small) }
        #expect(throws: ClocheError.self) {
            _ = try ScratchFiles.make(head, of: repository, in: fixture.root, within: small)
        }
        // Eight bytes there are.
        let enough = TreeBounds(paths: 2, nameBytes: 14, contentBytes: 8)
        _ = try ScratchFiles.make(head, of: repository, in: fixture.root, within: enough)
        try worktree.create(within: enough)
    }

    @Test func filesOfAResultAreNotRead() throws {
        let fixture = try Fixture()
        let repository = try fixture.repository
        #expect(try repository.hasFile("dir/b.txt", in: "HEAD") && !repository.hasFile("dir", in: "HEAD"))
        #expect(try !repository.hasFile("dir/c.txt", in: "HEAD"))
    }
}
