// Files and directories of the host that only Cloche's own user writes: state, profiles, repositories.
// What an agent could have made is opened through `openBeneath`, which follows no link.

internal import CLinux
internal import Glibc

/// Facts about a file, from `fstatat(2)`.
package struct FileStatus: Equatable, Sendable {
    /// Kinds of file that are told apart.
    package enum Kind: Sendable {
        case regular, directory, symbolicLink, fifo, socket, characterDevice, other
    }

    /// What it is.
    package let kind: Kind
    /// Permission bits including set-id and sticky.
    package let mode: UInt32
    /// User id of the owner, as this user namespace sees it.
    package let owner: UInt32
    /// Group id, as this user namespace sees it.
    package let group: UInt32
    /// Bytes.
    package let size: Int64
    /// The file system; with `inode` it names the file whatever its paths are.
    package let device: UInt64
    /// The file's number in its file system.
    package let inode: UInt64
    /// Seconds since 1970.
    package let modified: Int64

    init(_ status: stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            case S_IFIFO: .fifo
            case S_IFSOCK: .socket
            case S_IFCHR: .characterDevice
            default: .other
            }
        mode = status.st_mode & 0o7777
        owner = status.st_uid
        group = status.st_gid
        size = Int64(status.st_size)
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        modified = Int64(status.st_mtim.tv_sec)
    }
}

/// Operations on paths.
package enum Files {
    /// `O_PATH`: what is opened is a place and cannot be read.
    package static var placeOnly: CInt { clinux_O_PATH }

    /// `open(2)` with `O_CLOEXEC`.
    package static func open(_ path: String, _ flags: CInt = O_RDONLY, mode: UInt32 = 0o600)
        throws(SystemError)
        -> FileDescriptor
    {
        FileDescriptor(
            owning: try check("open", path) { unsafe Glibc.open(path, flags | O_CLOEXEC, mode) }
        )
    }

    /// Bytes that this user may still write on a path's file system; nil when it cannot be told.
    package static func freeBytes(_ path: String) -> Int64? {
        guard let place = try? open(path) else { return nil }  // nothing there: nothing to tell
        let bytes = clinux_free_bytes(place.number)
        return bytes < 0 ? nil : bytes
    }

    /// Opens for reading and writing.
    package static func openForUpdate(_ path: String) throws(SystemError) -> FileDescriptor {
        try open(path, O_RDWR)
    }

    /// Opens for appending, making the file if it is missing.
    package static func openForAppending(_ path: String) throws(SystemError) -> FileDescriptor {
        try open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW)
    }

    /// Opens `path` below a directory, following no symbolic link and never leaving it: for whatever an agent
    /// could have made.
    ///
    /// `openat2(2)` with `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS`.
    package static func openBeneath(
        _ directory: borrowing FileDescriptor,
        _ path: String,
        _ flags: CInt = O_RDONLY,
        mode: UInt64 = 0
    ) throws(SystemError) -> FileDescriptor {
        let number = directory.number
        let resolve = UInt64(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
        return FileDescriptor(
            owning: try check("openat2", path) {
                unsafe clinux_openat2(number, path, UInt64(flags | O_CLOEXEC), mode, resolve)
            }
        )
    }

    /// Opens what an absolute path names as a place only (`O_PATH`), if no component of it is a symbolic link.
    ///
    /// `openat2(2)` with `RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS`.
    package static func openPlace(_ path: String) throws(SystemError) -> FileDescriptor {
        let flags = UInt64(clinux_O_PATH | O_CLOEXEC)
        let resolve = UInt64(RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
        return FileDescriptor(
            owning: try check("openat2", path) {
                unsafe clinux_openat2(AT_FDCWD, path, flags, 0, resolve)
            }
        )
    }

    /// `fstatat(2)`; with `followLinks` false, of a link itself.
    package static func status(_ path: String, followLinks: Bool = true) throws(SystemError) -> FileStatus {
        var status = stat()
        try check("stat", path) {
            unsafe fstatat(AT_FDCWD, path, &status, followLinks ? 0 : AT_SYMLINK_NOFOLLOW)
        }
        return FileStatus(status)
    }

    /// `fstat(2)`.
    package static func status(of descriptor: borrowing FileDescriptor) throws(SystemError) -> FileStatus {
        var status = stat()
        let number = descriptor.number
        try check("fstat") { unsafe fstat(number, &status) }
        return FileStatus(status)
    }

    /// When the content of a file was changed last, in nanoseconds since 1970.
    package static func modificationTime(_ path: String) throws(SystemError) -> Int64 {
        var status = stat()
        try check("stat", path) { unsafe fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) }
        return Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
    }

    /// Whether something is there, a dangling link included.
    package static func exists(_ path: String) -> Bool {
        var status = stat()
        return unsafe fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) == 0
    }

    /// Whether a directory is there.
    package static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return unsafe fstatat(AT_FDCWD, path, &status, 0) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Throws unless this user may write there, `faccessat(2)`.
    package static func checkWritable(_ path: String) throws(SystemError) {
        try check("faccessat", path) { unsafe clinux_may(path, W_OK) }
    }

    /// The whole of a file.
    package static func read(_ path: String, limit: Int = .max) throws(SystemError) -> [UInt8] {
        let file = try open(path)
        do {
            return try file.readToEnd(limit: limit)
        } catch { throw SystemError(error.call, error.errno, path) }
    }

    /// The whole of a file as text; broken UTF-8 is replaced.
    package static func readText(_ path: String) throws(SystemError) -> String {
        String(decoding: try read(path), as: UTF8.self)
    }

    /// Writes a file so that a crash leaves the old or the new content, never a part: a temporary name beside
    /// it, `fdatasync(2)`, `rename(2)`.
    ///
    /// Without `sync` the same holds for every kill of any process; only a power cut may then leave an empty file.
    package static func writeAtomically(
        _ path: String,
        _ bytes: [UInt8],
        mode: UInt32 = 0o600,
        sync: Bool = true
    )
        throws(SystemError)
    {
        let temporary = "\(path).\(getpid()).new"
        do {
            let file = try open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: mode)
            try file.write(bytes)
            if sync { try file.synchronize() }
            try rename(temporary, path)
        } catch {
            unsafe unlink(temporary)
            throw SystemError(error.call, error.errno, path)
        }
    }

    /// `mkdir(2)`.
    package static func makeDirectory(_ path: String, mode: UInt32 = 0o700) throws(SystemError) {
        try check("mkdir", path) { unsafe mkdir(path, mode) }
    }

    /// Makes a directory and those above it, as far as they are missing.
    package static func makeDirectories(_ path: String, mode: UInt32 = 0o700) throws(SystemError) {
        if isDirectory(path) { return }
        let parent = path.parentPath
        if parent != path { try makeDirectories(parent, mode: mode) }
        do {
            try makeDirectory(path, mode: mode)
        } catch  where error.errno == .exists && isDirectory(path) {}
    }

    /// `rename(2)`.
    package static func rename(_ old: String, _ new: String) throws(SystemError) {
        try check("rename", old) { unsafe Glibc.rename(old, new) }
    }

    /// `renameat2(2)` with `RENAME_NOREPLACE`: fails when the new name is taken.
    package static func renameWithoutReplacing(_ old: String, _ new: String) throws(SystemError) {
        try check("renameat2", new) {
            unsafe clinux_renameat2(AT_FDCWD, old, AT_FDCWD, new, clinux_RENAME_NOREPLACE)
        }
    }

    /// A second name for a file, `link(2)`.
    package static func link(_ path: String, as other: String) throws(SystemError) {
        try check("link", other) { unsafe Glibc.link(path, other) }
    }

    /// Puts the names in a directory on disk, `fsync(2)`.
    package static func synchronizeDirectory(_ path: String) throws(SystemError) {
        let directory = try open(path, O_RDONLY | O_DIRECTORY)
        let number = directory.number
        try check("fsync", path) { fsync(number) }
    }

    /// `unlink(2)`; absent is fine.
    package static func remove(_ path: String) throws(SystemError) {
        do {
            try check("unlink", path) { unsafe unlink(path) }
        } catch  where error.errno == .noEntry {}
    }

    /// Makes a FIFO for this user alone, `mkfifo(3)`.
    package static func makePipe(_ path: String) throws(SystemError) {
        try check("mkfifo", path) { unsafe mkfifo(path, 0o600) }
    }

    /// `symlink(2)`.
    package static func makeSymbolicLink(_ path: String, to target: String) throws(SystemError) {
        try check("symlink", path) { unsafe symlink(target, path) }
    }

    /// Where a symbolic link points, `readlink(2)`.
    package static func readLink(_ path: String) throws(SystemError) -> String {
        var failure: Errno?
        let target = unsafe String(unsafeUninitializedCapacity: 4096) { buffer in
            let count = unsafe clinux_readlink(path, buffer.baseAddress, buffer.count)
            if count < 0 { failure = Errno(errno) }
            return max(0, count)
        }
        if let failure { throw SystemError("readlink", failure, path) }
        return target
    }

    /// The path without links and dots, `realpath(3)`.
    package static func canonicalPath(_ path: String) throws(SystemError) -> String {
        guard let resolved = unsafe realpath(path, nil) else {
            throw SystemError("realpath", Errno(errno), path)
        }
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
    }

    /// The names in a directory, sorted, without `.` and `..`.
    package static func list(_ path: String) throws(SystemError) -> [String] {
        guard let stream = unsafe opendir(path) else { throw SystemError("opendir", Errno(errno), path) }
        defer { unsafe closedir(stream) }
        return unsafe names(in: stream)
    }

    private static func names(in stream: OpaquePointer) -> [String] {
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}

extension String {
    /// Everything before the last component: `/` of `/a`, `.` of `a`.
    package var parentPath: String {
        guard let slash = utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == startIndex ? "/" : String(self[..<slash])
    }

    /// The part after the last slash.
    package var lastComponent: String {
        guard let slash = utf8.lastIndex(of: UInt8(ascii: "/")) else { return self }
        return String(self[index(after: slash)...])
    }
}
