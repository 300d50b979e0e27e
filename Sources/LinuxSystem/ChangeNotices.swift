// What the kernel tells of changes in directories. See `inotify(7)`: it tells which name in which directory, and not who.

internal import Glibc

/// One thing that happened in a watched directory.
package struct ChangeNotice: Equatable, Sendable {
    /// What happened.
    package enum Change: Sendable {
        /// A name came to be.
        case created
        /// The content of a file changed.
        case written
        /// A name went, or went elsewhere.
        case removed
        /// A name left for another; the number is that of the `arrived` which belongs to it.
        case left
        /// A name came from another.
        case arrived
        /// The directory is watched no more: it is gone.
        case ended
        /// Notices were lost, there were too many.
        case overflow
    }

    /// What happened.
    package let change: Change
    /// The number of the watch.
    package let watch: Int32
    /// Joins `left` and `arrived`.
    package let cookie: UInt32
    /// The name in the directory: bytes, not always UTF-8.
    package let name: [UInt8]
    /// Whether the name is a directory's.
    package let isDirectory: Bool

    /// A notice.
    package init(_ change: Change, watch: Int32, cookie: UInt32 = 0, name: [UInt8], isDirectory: Bool = false)
    {
        (self.change, self.watch, self.cookie) = (change, watch, cookie)
        (self.name, self.isDirectory) = (name, isDirectory)
    }
}

/// Watches directories for changes.
package struct ChangeNotices: ~Copyable {
    /// `IN_Q_OVERFLOW`, `IN_IGNORED`, `IN_ISDIR`, `IN_ONLYDIR`: Glibc's module has the flags of an enumeration only.
    private static let (overflow, ignored, directory, onlyDirectories): (UInt32, UInt32, UInt32, UInt32) = (
        0x4000, 0x8000, 0x4000_0000, 0x0100_0000
    )
    private static let (modified, movedFrom, movedTo, created, deleted):
        (UInt32, UInt32, UInt32, UInt32, UInt32) = (
            0x2, 0x40, 0x80, 0x100, 0x200
        )

    /// Readable while notices wait; non-blocking.
    package let descriptor: FileDescriptor

    /// Watches nothing yet.
    package init() throws(SystemError) {
        // IN_NONBLOCK and IN_CLOEXEC are those of open(2).
        let flags = O_NONBLOCK | O_CLOEXEC
        descriptor = FileDescriptor(owning: try check("inotify_init1") { inotify_init1(flags) })
    }

    /// Watches an open directory and returns the number of the watch; that of one which is watched already is its own.
    package borrowing func add(_ directory: DirectoryStream) throws(SystemError) -> Int32 {
        let (set, path) = (descriptor.number, "/proc/self/fd/\(directory.number)")
        let mask =
            Self.modified | Self.movedFrom | Self.movedTo | Self.created | Self.deleted | Self.onlyDirectories
        return try check("inotify_add_watch", path) { unsafe inotify_add_watch(set, path, mask) }
    }

    /// Watches a directory no more.
    package borrowing func remove(_ watch: Int32) { _ = inotify_rm_watch(descriptor.number, watch) }

    /// What has come in, at most so many bytes of it.
    package borrowing func take(upTo bytes: Int = 1 << 18) -> [ChangeNotice] {
        var notices: [ChangeNotice] = []
        var taken = 0
        // It would block: there is no more.
        while taken < bytes, let some = try? descriptor.read(upTo: 1 << 16), !some.isEmpty {
            taken += some.count
            notices += Self.parse(some)
        }
        return notices
    }

    /// `struct inotify_event`, one after another: watch, mask, cookie, length, name.
    static func parse(_ bytes: [UInt8]) -> [ChangeNotice] {
        var notices: [ChangeNotice] = []
        var place = 0
        func word(_ offset: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(bytes[place + offset + $1]) << UInt32(8 * $1) }
        }
        while place + 16 <= bytes.count {
            let (mask, length) = (word(4), Int(word(12)))
            guard place + 16 + length <= bytes.count else { break }
            let name = Array(bytes[(place + 16)..<(place + 16 + length)].prefix { $0 != 0 })
            if let change = change(mask) {
                notices.append(
                    ChangeNotice(
                        change,
                        watch: Int32(bitPattern: word(0)),
                        cookie: word(8),
                        name: name,
                        isDirectory: mask & directory != 0
                    )
                )
            }
            place += 16 + length
        }
        return notices
    }

    private static func change(_ mask: UInt32) -> ChangeNotice.Change? {
        let rows: [(UInt32, ChangeNotice.Change)] = [
            (overflow, .overflow), (ignored, .ended), (created, .created), (modified, .written),
            (deleted, .removed), (movedFrom, .left), (movedTo, .arrived),
        ]
        return rows.first { mask & $0.0 != 0 }?.1
    }
}
