// Removing trees that an agent made: names are bytes and need not be UTF-8, directories may be closed to
// their owner, and nested deeper than a process may have files open. No link is followed.

internal import Glibc

extension Files {
    /// A level below which directories are moved up to the root of the removal, so that few are open at once.
    private static let deepest = 100

    /// Removes a file or a whole tree without following a link out of it; absent is fine.
    ///
    /// Directories that the owner may not search or write (an agent can leave mode 000 behind) are opened up
    /// first.
    package static func removeTree(_ path: String) throws(SystemError) {
        let parent: FileDescriptor
        do {
            parent = try open(path.parentPath, O_RDONLY | O_DIRECTORY)
        } catch  where error.errno == .noEntry { return }
        let name = path.lastComponent.utf8CString.map { $0 }
        if try removeFile(at: parent, name, path) { return }
        let root = try openForRemoval(at: parent, name, path)
        var moved = 0
        repeat {
            moved = 0
            for child in try names(of: root, path) {
                try remove(at: root, child, path, depth: 1, root: root, moved: &moved)
            }
        } while moved > 0
        let number = parent.number
        try check("rmdir", path) { unsafe unlinkat(number, name, AT_REMOVEDIR) }
    }

    private static func remove(
        at parent: borrowing FileDescriptor,
        _ name: [CChar],
        _ path: String,
        depth: Int,
        root: borrowing FileDescriptor,
        moved: inout Int
    ) throws(SystemError) {
        if try removeFile(at: parent, name, path) { return }
        let number = parent.number
        if depth > deepest {
            try moveUp(from: number, name, path, root: root.number, &moved)
            return
        }
        let directory = try openForRemoval(at: parent, name, path)
        for child in try names(of: directory, path) {
            try remove(at: directory, child, path, depth: depth + 1, root: root, moved: &moved)
        }
        try check("rmdir", path) { unsafe unlinkat(number, name, AT_REMOVEDIR) }
    }

    /// Gives a directory a name of its own at the root; to move it, its owner has to be able to write to it.
    private static func moveUp(
        from parent: CInt,
        _ name: [CChar],
        _ path: String,
        root: CInt,
        _ moved: inout Int
    ) throws(SystemError) {
        _ = unsafe fchmodat(parent, name, 0o700, 0)
        while true {
            moved += 1
            let target = ".cloche-removal.\(moved)"
            if unsafe renameat(parent, name, root, target) == 0 { return }
            let failure = Errno(errno)
            // The name is taken by one moved before, or by the agent.
            guard failure == .exists || failure.number == ENOTEMPTY || failure == .notDirectory else {
                throw SystemError("renameat", failure, path)
            }
        }
    }

    /// Removes what is no directory; false when it is one.
    private static func removeFile(
        at parent: borrowing FileDescriptor,
        _ name: [CChar],
        _ path: String
    ) throws(SystemError) -> Bool {
        if unsafe unlinkat(parent.number, name, 0) == 0 || errno == ENOENT { return true }
        let failure = Errno(errno)
        guard failure.number == EISDIR || failure == .notPermitted || failure == .access else {
            throw SystemError("unlinkat", failure, path)
        }
        return false
    }

    private static func openForRemoval(
        at parent: borrowing FileDescriptor,
        _ name: [CChar],
        _ path: String
    ) throws(SystemError) -> FileDescriptor {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        var opened = unsafe openat(parent.number, name, flags)
        if opened < 0 && errno == EACCES {
            _ = unsafe fchmodat(parent.number, name, 0o700, 0)
            opened = unsafe openat(parent.number, name, flags)
        }
        guard opened >= 0 else { throw SystemError("openat", Errno(errno), path) }
        let directory = FileDescriptor(owning: opened)
        fchmod(directory.number, 0o700)
        return directory
    }

    /// The names in a directory as the kernel gives them, each with its ending zero, without `.` and `..`.
    private static func names(of directory: borrowing FileDescriptor, _ path: String) throws(SystemError)
        -> [[CChar]]
    {
        let copy = try directory.duplicate().release()
        guard let stream = unsafe fdopendir(copy) else { throw SystemError("fdopendir", Errno(errno), path) }
        defer { unsafe closedir(stream) }
        // The duplicate shares its position with an earlier listing.
        unsafe rewinddir(stream)
        var names: [[CChar]] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe bytes.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
            }
            if name != [46, 0] && name != [46, 46, 0] { names.append(name) }
        }
        return names
    }
}
