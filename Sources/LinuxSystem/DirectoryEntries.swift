// Names made and removed below an open directory, one component each, so that no link on the way can lead elsewhere.

internal import CLinux
internal import Glibc

extension Files {
    /// `mkdirat(2)`; false when the name is taken.
    package static func makeDirectory(
        _ name: String,
        at parent: borrowing FileDescriptor,
        mode: UInt32
    ) throws(SystemError) -> Bool {
        let number = parent.number
        do {
            try check("mkdir", name) { unsafe mkdirat(number, name, mode) }
            return true
        } catch  where error.errno == .exists { return false }
    }

    /// A new file; nil when the name is taken.
    package static func makeFile(
        _ name: String,
        at parent: borrowing FileDescriptor,
        mode: UInt32
    ) throws(SystemError) -> FileDescriptor? {
        let number = parent.number
        do {
            return FileDescriptor(
                owning: try check("open", name) {
                    unsafe openat(number, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
                }
            )
        } catch  where error.errno == .exists { return nil }
    }

    /// Opens the directory at a path below another, through no link; it and those on the way are made if they are missing.
    package static func makeDirectoriesBeneath(
        _ directory: borrowing FileDescriptor,
        _ path: String,
        mode: UInt32
    ) throws(SystemError) -> FileDescriptor {
        do {
            return try openBeneath(directory, path, O_RDONLY | O_DIRECTORY)
        } catch  where error.errno == .noEntry {}
        if path.contains("/") {
            let parent = try makeDirectoriesBeneath(directory, path.parentPath, mode: mode)
            _ = try makeDirectory(path.lastComponent, at: parent, mode: mode)
        } else {
            _ = try makeDirectory(path, at: directory, mode: mode)
        }
        return try openBeneath(directory, path, O_RDONLY | O_DIRECTORY)
    }

    /// Puts a file into a directory in the place of what has its name, so that a crash leaves the one or the other: a link of
    /// that name is replaced and never followed.
    package static func replaceFile(
        _ name: String,
        at parent: borrowing FileDescriptor,
        _ bytes: [UInt8],
        mode: UInt32
    ) throws(SystemError) {
        let temporary = ".cloche-\(getpid()).new"
        // What an earlier process of this number left is a file of ours.
        try? removeFile(temporary, at: parent)
        guard let file = try makeFile(temporary, at: parent, mode: mode) else {
            throw SystemError("open", .exists, temporary)
        }
        do {
            try file.write(bytes)
            let number = parent.number
            try check("rename", name) { unsafe renameat(number, temporary, number, name) }
        } catch {
            // The failure before this one is what is told.
            try? removeFile(temporary, at: parent)
            throw error
        }
    }

    /// Gives what is open to another owner, `fchown(2)`; not by name, which somebody else may have put on another file.
    package static func changeOwner(of file: borrowing FileDescriptor, user: UInt32, group: UInt32)
        throws(SystemError)
    {
        let number = file.number
        try check("fchown", "") { fchown(number, user, group) }
    }

    /// A directory below another as a place only (`O_PATH`), through no link and on the same mount, whatever its mode.
    package static func openDirectoryPlace(at parent: CInt, _ name: EntryName) throws(SystemError)
        -> FileDescriptor
    {
        let flags = UInt64(clinux_O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        let resolve = UInt64(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)
        return FileDescriptor(
            owning: try check("openat2") { unsafe clinux_openat2(parent, name, flags, 0, resolve) }
        )
    }

    /// `rmdir(2)`: nothing that holds anything.
    package static func removeEmptyDirectory(_ name: String, at parent: borrowing FileDescriptor)
        throws(SystemError)
    {
        let number = parent.number
        try check("rmdir", name) { unsafe unlinkat(number, name, AT_REMOVEDIR) }
    }

    /// `rename(2)` within a directory.
    package static func rename(_ old: String, _ new: String, at parent: borrowing FileDescriptor)
        throws(SystemError)
    {
        let number = parent.number
        try check("rename", old) { unsafe renameat(number, old, number, new) }
    }

    /// `unlink(2)`.
    package static func removeFile(_ name: String, at parent: borrowing FileDescriptor) throws(SystemError) {
        let number = parent.number
        try check("unlink", name) { unsafe unlinkat(number, name, 0) }
    }
}

/// A file whose holders are counted by the kernel: it knows when the last one is gone, be it killed.
package final class SharedRecord {
    private enum Byte {
        static let change: Int64 = 0
        static let presence: Int64 = 1
    }

    private let path: String
    private let file: FileDescriptor

    /// Joins the holders of a file, which is made if it is missing, and locks it for a change.
    package init(_ path: String) throws(SystemError) {
        self.path = path
        while true {
            let file = try Files.open(path, O_RDWR | O_CREAT | O_NOFOLLOW)
            let number = file.number
            try check("fcntl", path) { clinux_lock_byte(number, Byte.change, CInt(F_WRLCK), 1) }
            // Its last holder may have removed it meanwhile; then the next try makes another.
            guard let status = try? Files.status(path), try status == Files.status(of: file) else { continue }
            try check("fcntl", path) { clinux_lock_byte(number, Byte.presence, CInt(F_RDLCK), 0) }
            self.file = file
            return
        }
    }

    /// Lets others change it.
    package func unlock() {
        // Giving up a lock that is held does not fail.
        _ = clinux_lock_byte(file.number, Byte.change, CInt(F_UNLCK), 0)
    }

    /// Whether there is no other holder; locks it for a change, until this one ends.
    package func isLast() throws(SystemError) -> Bool {
        let number = file.number
        try check("fcntl", path) { clinux_lock_byte(number, Byte.change, CInt(F_WRLCK), 1) }
        return clinux_lock_byte(number, Byte.presence, CInt(F_WRLCK), 0) == 0
    }

    /// What it holds.
    package func text() throws(SystemError) -> String {
        try file.rewind()
        return String(decoding: try file.readToEnd(), as: UTF8.self)
    }

    /// Puts another text in its place.
    package func replace(_ text: String) throws(SystemError) {
        let number = file.number
        try check("ftruncate", path) { ftruncate(number, 0) }
        try file.rewind()
        try file.write(Array(text.utf8))
    }

    /// Takes it away.
    package func remove() throws(SystemError) { try Files.remove(path) }
}
