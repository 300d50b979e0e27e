// Counting what trees take on disk while an agent changes them: in steps, following no link, leaving no tree, with few
// directories open however deep it is. Names vanish, and directories are moved: what cannot be found again is passed over.

internal import Glibc
internal import LinuxSystem

/// What trees take on disk.
package struct DiskUsage: Equatable, Sendable {
    /// Bytes as `du` counts them: blocks, not sizes.
    package var bytes: Int64 = 0
    /// Files, directories and all else that has a name; several names of one file count once.
    package var files: Int64 = 0
    /// Directories that could not be looked into, or were moved away while they were.
    package var passedOver: Int64 = 0

    /// These numbers.
    package init(bytes: Int64 = 0, files: Int64 = 0, passedOver: Int64 = 0) {
        (self.bytes, self.files, self.passedOver) = (bytes, files, passedOver)
    }
}

/// A walk under way.
///
/// Directories that an agent has closed to their owner, which Cloche is, are opened for the time of the walk; without
/// that, `chmod 0` would hide any amount.
package struct DiskWalk {
    /// Directories that are open at once; those above are found again by `..`.
    private static let mostOpen = 32
    /// Files with several names that are told apart; beyond, each name counts.
    private static let mostFiles = 1 << 20
    /// Names of directories that are kept to be walked; so many are in no tree that anybody works in.
    static let mostWaiting = 1 << 18

    private var trees: [String]
    private var stack: [DirectoryLevel] = []
    private var seen: Set<FileKey> = []
    private var usage = DiskUsage()
    /// Names of directories that are kept, on all levels.
    private var waiting = 0
    private let mostWaiting: Int
    /// Whether there were more directories than names can be kept of.
    package private(set) var isUncountable = false

    /// Begins; a tree that is not there has nothing, and none may be within another.
    package init(_ trees: [String]) { self.init(trees, mostWaiting: Self.mostWaiting) }

    /// With another bound, for tests.
    init(_ trees: [String], mostWaiting: Int) {
        self.trees = trees.reversed()
        self.mostWaiting = mostWaiting
    }

    /// Goes on for so many names or until the clock (`MonotonicClock.microseconds`) is at `deadline`; the result when
    /// the end is reached.
    package mutating func step(names: Int = .max, deadline: Int64 = .max) -> DiskUsage? {
        var left = names
        while left > 0 {
            guard let level = stack.last else {
                guard let tree = trees.popLast() else { return usage }
                begin(tree)
                continue
            }
            if let stream = level.stream, !level.isListed {
                left -= count(level, stream)
            } else if let stream = level.stream, let name = level.directories.popLast() {
                waiting -= 1
                push { () throws(SystemError) in try OpenedDirectory(stream.number, name) }
                left -= 1
            } else {
                leave(level)
            }
            if MonotonicClock.microseconds >= deadline { return nil }
        }
        return nil
    }

    private mutating func begin(_ tree: String) {
        // Nothing there: nothing to count.
        guard let place = try? Files.open(tree, Files.placeOnly | O_DIRECTORY | O_NOFOLLOW) else { return }
        push { () throws(SystemError) in try OpenedDirectory(place.number, [46, 0]) }
    }

    /// Counts at most 64 names of a directory; returns how many it were.
    private mutating func count(_ level: DirectoryLevel, _ stream: DirectoryStream) -> Int {
        for done in 0..<64 {
            guard let name = stream.nextName() else {
                level.isListed = true
                return done
            }
            var status = stat()
            guard unsafe fstatat(stream.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                if waiting < mostWaiting {
                    level.directories.append(name)
                    waiting += 1
                } else {
                    isUncountable = true
                }
            } else {
                add(status)
            }
        }
        return 64
    }

    private mutating func add(_ status: stat) {
        if status.st_nlink > 1 {
            let key = FileKey(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
            if seen.contains(key) { return }
            if seen.count < Self.mostFiles { seen.insert(key) }
        }
        usage.files += 1
        usage.bytes += Int64(status.st_blocks) * 512
    }

    /// Goes down into a directory.
    private mutating func push(_ open: () throws(SystemError) -> OpenedDirectory) {
        do throws(SystemError) {
            let opened = try open()
            if !stack.isEmpty { usage.files += 1 }
            usage.bytes += opened.bytes
            if stack.count >= Self.mostOpen { stack[stack.count - Self.mostOpen].stream = nil }
            stack.append(DirectoryLevel(opened))
        } catch {
            // What is gone is nothing, and another file system is not the tree's.
            let isNothing = [ENOENT, ENOTDIR, ELOOP, EXDEV].contains(error.errno.number)
            if !isNothing { usage.passedOver += 1 }
        }
    }

    /// Goes up; a directory above that was closed meanwhile is opened again if it is still the one that it was.
    private mutating func leave(_ level: DirectoryLevel) {
        stack.removeLast()
        guard let parent = stack.last, parent.stream == nil else { return }
        if let stream = level.stream, let above = OpenedDirectory.parent(of: stream, parent.key) {
            parent.stream = above
        } else {
            // Moved away: nothing above it can be found either, as far as it is closed.
            usage.passedOver += Int64(parent.directories.count)
            waiting -= parent.directories.count
            parent.directories = []
        }
    }
}

/// One directory of those that lead to where a walk is.
private final class DirectoryLevel {
    /// Nil while it is closed.
    var stream: DirectoryStream?
    let key: FileKey
    /// The mode that it had, if it had to be opened up.
    let mode: UInt32?
    var isListed = false
    /// Directories in it that are still to be walked.
    var directories: [EntryName] = []

    init(_ opened: OpenedDirectory) { (stream, key, mode) = (opened.stream, opened.key, opened.mode) }

    /// A walk may be given up half-way.
    deinit { restoreMode() }

    private func restoreMode() {
        guard let mode, let stream else { return }
        var status = stat()
        // The agent may have changed it itself meanwhile.
        guard unsafe fstat(stream.number, &status) == 0, status.st_mode & 0o7777 == mode | 0o500 else {
            return
        }
        fchmod(stream.number, mode)
    }
}

/// A directory as it was opened.
private struct OpenedDirectory {
    let stream: DirectoryStream
    let key: FileKey
    let bytes: Int64
    /// The mode that it had, if it had to be opened up.
    let mode: UInt32?

    /// Opens a directory of a directory, on the same mount and through no link.
    init(_ parent: CInt, _ name: EntryName) throws(SystemError) {
        // As a place, it opens whatever its mode is.
        let place = try Files.openDirectoryPlace(at: parent, name)
        var status = stat()
        let number = place.number
        try check("fstat") { unsafe fstat(number, &status) }
        let old = UInt32(status.st_mode & 0o7777)
        let isClosed = old & 0o500 != 0o500 && geteuid() != 0
        if isClosed { try check("chmod") { unsafe chmod("/proc/self/fd/\(number)", old | 0o500) } }
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let opened = try check("openat") { unsafe openat(number, ".", flags) }
        stream = try DirectoryStream(FileDescriptor(owning: opened))
        key = FileKey(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        bytes = Int64(status.st_blocks) * 512
        mode = isClosed ? old : nil
    }

    /// The directory above, if it is this one.
    static func parent(of child: DirectoryStream, _ key: FileKey) -> DirectoryStream? {
        let opened = unsafe openat(child.number, "..", O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC)
        guard opened >= 0 else { return nil }
        let directory = FileDescriptor(owning: opened)
        var status = stat()
        guard unsafe fstat(directory.number, &status) == 0,
            key == FileKey(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        else { return nil }
        return try? DirectoryStream(directory)  // nil is told
    }
}
