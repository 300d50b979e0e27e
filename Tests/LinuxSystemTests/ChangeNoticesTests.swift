// Notices of changes in directories: their form, and those of a real directory.

import Glibc
import Testing

@testable import LinuxSystem

@Suite struct ChangeNoticesTests {
    private static func bytes(_ watch: Int32, _ mask: UInt32, _ cookie: UInt32, _ name: String, room: Int)
        -> [UInt8]
    {
        let words = [UInt32(bitPattern: watch), mask, cookie, UInt32(room)]
        let head = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) } }
        return head + Array(name.utf8) + [UInt8](repeating: 0, count: room - name.utf8.count)
    }

    @Test func formIsRead() {
        let bytes =
            Self.bytes(3, 0x100, 0, "new", room: 16) + Self.bytes(-1, 0x4000, 0, "", room: 0)
            + Self.bytes(4, 0x4000_0040, 77, "folder", room: 16)
        #expect(
            ChangeNotices.parse(bytes) == [
                ChangeNotice(.created, watch: 3, name: Array("new".utf8)),
                ChangeNotice(.overflow, watch: -1, name: []),
                ChangeNotice(.left, watch: 4, cookie: 77, name: Array("folder".utf8), isDirectory: true),
            ]
        )
        // Cut off anywhere, it is what came before.
        for count in bytes.indices { #expect(ChangeNotices.parse(Array(bytes[..<count])).count < 3) }
    }

    @Test func aDirectoryIsWatched() throws {
        let folder = try TemporaryFolder()
        let root = FileDescriptor.Shared(try Files.open(folder.path, Files.placeOnly | O_DIRECTORY))
        let notices = try ChangeNotices()
        let watch = try notices.add(try DirectoryStream(beneath: root, []))
        #expect(notices.take().isEmpty)
        try Files.makeDirectory(folder.path + "/below")
        let file = try Files.open(folder.path + "/file", O_WRONLY | O_CREAT)
        try file.write([1])
        try Files.rename(folder.path + "/file", folder.path + "/other")
        try Files.remove(folder.path + "/other")
        let found = notices.take()
        #expect(found.map(\.change) == [.created, .created, .written, .left, .arrived, .removed])
        #expect(found.allSatisfy { $0.watch == watch })
        #expect(found.first?.isDirectory == true)
        #expect(found[3].cookie == found[4].cookie && found[3].cookie != 0)
        notices.remove(watch)
        #expect(notices.take().map(\.change) == [.ended])
        try Files.makeDirectory(folder.path + "/unseen")
        #expect(notices.take().isEmpty)
    }
}
