// Contents that are kept: each comes back as it was, small ones out of a file that they have in common, and what nobody wants
// any more gives its room back without any other content being touched.

import Glibc
import LinuxSystem
import Testing

@testable import Snapshots

@Suite("Kept contents")
struct ContentStoreTests {
    private final class Folder {
        let path = "/tmp/cloche-store-test.\(getpid()).\(UInt32.random(in: 0...UInt32.max))"
        init() throws { try Files.makeDirectory(path) }
        // What stays behind is in the temporary directory.
        deinit { try? Files.removeTree(path) }
    }

    private let folder: Folder
    private var store: String { folder.path + "/store" }

    init() throws { folder = try Folder() }

    /// Another one for each number.
    private func bytes(_ number: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 31) ^ (number &* 7) ^ ($0 >> 8) &+ number) }
    }

    private func add(_ bytes: [UInt8], _ kept: inout ContentStore) throws -> Int64 {
        let path = folder.path + "/source"
        try Files.writeAtomically(path, bytes, sync: false)
        return try kept.add(try Files.open(path), size: Int64(bytes.count))
    }

    private func read(_ content: Int64, _ size: Int, _ kept: ContentStore) throws -> [UInt8] {
        let path = folder.path + "/target"
        try Files.remove(path)
        try kept.copy(content, size: Int64(size), to: try Files.open(path, O_WRONLY | O_CREAT, mode: 0o600))
        return try Files.read(path)
    }

    private func allocated() throws -> Int64 {
        var bytes: Int64 = 0
        for name in try Files.list(store) { bytes += try Files.open(store + "/" + name).allocatedBytes() }
        return bytes
    }

    @Test("Whatever their sizes, they come back, small ones from few files")
    func comeBack() throws {
        var kept = try ContentStore(store)
        let sizes = [1, 700, 65_535, 65_536, 65_537, 300_000] + Array(repeating: 40_000, count: 120)
        let contents = try sizes.enumerated().map { try add(bytes($0, $1), &kept) }
        try kept.finish()
        #expect(Set(contents).count == sizes.count && contents.allSatisfy { $0 > 0 })
        for var reader in [kept, try ContentStore(store)] {
            for (number, size) in sizes.enumerated() {
                let (isThere, isLonger) = (
                    reader.has(contents[number], size: Int64(size)),
                    reader.has(contents[number], size: 5 << 20)
                )
                #expect(isThere && !isLonger)
                #expect(try read(contents[number], size, reader) == bytes(number, size))
            }
        }
        // Five megabytes of small ones, and two large ones.
        #expect(try (4...6).contains(Files.list(store).count))
    }

    @Test("A file that became shorter is not kept as something else, a longer one as it was listed")
    func changedMeanwhile() throws {
        var kept = try ContentStore(store)
        let path = folder.path + "/source"
        try Files.writeAtomically(path, bytes(1, 100), sync: false)
        #expect(throws: SystemError.self) { _ = try kept.add(try Files.open(path), size: 101) }
        let content = try kept.add(try Files.open(path), size: 60)
        try kept.finish()
        #expect(try read(content, 60, kept) == Array(bytes(1, 100).prefix(60)))
        #expect(throws: SystemError.self) { _ = try read(content, 61, kept) }
    }

    @Test("No number is given twice while somebody knows it")
    func numbers() throws {
        var kept = try ContentStore(store)
        let one = try add([1], &kept)
        try kept.finish()
        try kept.removeFiles(without: [:])
        let isThere = kept.has(one, size: 1)
        #expect(!isThere)
        #expect(try Files.list(store).isEmpty)
        var later = try ContentStore(store, after: one)
        #expect(try add([2], &later) > one)
    }

    @Test("What nobody wants gives its room back, and the rest is untouched")
    func room() throws {
        var kept = try ContentStore(store)
        let contents = try (0..<120).map { try add(bytes($0, 50_000), &kept) }
        try kept.finish()
        let before = try allocated()
        // Every twentieth, so that each file has some.
        let wanted = contents.indices.filter { $0 % 20 == 0 }
        let used = Dictionary(uniqueKeysWithValues: wanted.map { (contents[$0], Int64(50_000)) })
        // A little is not worth it.
        let most = Dictionary(uniqueKeysWithValues: contents.dropLast(5).map { ($0, Int64(50_000)) })
        #expect(try kept.wasteful(most).isEmpty)
        try kept.removeFiles(without: used)
        let wasteful = try kept.wasteful(used)
        #expect(wasteful.count == 2 && wasteful.values.reduce(0) { $0 + $1.count } == wanted.count)
        try kept.giveBack(wasteful)
        for number in wanted { #expect(try read(contents[number], 50_000, kept) == bytes(number, 50_000)) }
        #expect(try allocated() < before / 4, "on a file system that can")
        #expect(try kept.wasteful(used).isEmpty)
    }
}
