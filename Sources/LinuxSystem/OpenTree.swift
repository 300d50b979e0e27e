// A tree that an agent made, read and changed from outside: every step begins at the open root, follows no link and stays
// on its mount, and names are bytes. The agent does not run meanwhile; what it left behind is as bad as it likes.

internal import CLinux
internal import Glibc

/// A tree that is worked on.
package final class OpenTree {
    private let root: FileDescriptor
    /// The tree's own path, for messages.
    package let path: String
    /// The directory that was used last, since files come in order.
    private var last: (path: [UInt8], directory: FileDescriptor.Shared)?
    /// Directories that were closed to their own owner, and how.
    private var opened: [(path: [UInt8], mode: UInt32)] = []

    /// Opens a tree.
    package init(_ path: String) throws(SystemError) {
        root = try Files.open(path, Files.placeOnly | O_DIRECTORY | O_NOFOLLOW)
        self.path = path
    }

    private static let resolve = UInt64(
        RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV
    )

    static func name(_ path: [UInt8]) -> EntryName {
        path.isEmpty ? [46, 0] : path.map { CChar(bitPattern: $0) } + [0]
    }

    private func open(_ path: [UInt8], _ flags: CInt) throws(SystemError) -> FileDescriptor {
        try Self.open(path, of: root.number, flags, self.path)
    }

    /// Opens what is at a path below an open root.
    ///
    /// - Parameter tree: the root's own path, for messages.
    static func open(_ path: [UInt8], of root: CInt, _ flags: CInt, _ tree: String) throws(SystemError)
        -> FileDescriptor
    {
        let name = name(path)
        return FileDescriptor(
            owning: try check("openat2", shown(path, of: tree)) {
                unsafe clinux_openat2(root, name, UInt64(flags | O_NOFOLLOW | O_CLOEXEC), 0, resolve)
            }
        )
    }

    /// A path of the tree, for messages of ours that make it harmless.
    package func shown(_ path: [UInt8]) -> String { Self.shown(path, of: self.path) }

    static func shown(_ path: [UInt8], of tree: String) -> String {
        tree + "/" + String(decoding: path, as: UTF8.self)
    }

    /// The directory that a path is in, as a place.
    private func parent(of path: [UInt8]) throws(SystemError) -> (directory: CInt, name: EntryName) {
        let slash = path.lastIndex(of: UInt8(ascii: "/"))
        let folder = slash.map { Array(path[..<$0]) } ?? []
        let name = Self.name(slash.map { Array(path[($0 + 1)...]) } ?? path)
        if let last, last.path == folder { return (last.directory.number, name) }
        let directory = FileDescriptor.Shared(try open(folder, clinux_O_PATH | O_DIRECTORY))
        last = (folder, directory)
        return (directory.number, name)
    }

    // MARK: Reading

    /// How much a list may be of.
    package struct Bounds: Sendable {
        /// Files and all else.
        package let files: Int
        /// Bytes of their paths, and of what links point to.
        package let bytes: Int

        /// These.
        package init(files: Int, bytes: Int) { (self.files, self.bytes) = (files, bytes) }
    }

    /// Everything in the tree, its root first, directories before what is in them.
    ///
    /// What is closed to its owner stays open until `closeAgain`.
    ///
    /// - Parameters:
    ///   - skipping: a name right below the root that is not of the tree.
    ///   - limit: how much there may be.
    /// - Throws: also when there is what cannot be reached by a path, or a kind that no agent makes.
    package func files(skipping: [UInt8]? = nil, limit: Bounds) throws(SystemError) -> [TreeFile] {
        var listing = TreeListing(root.number, path, skipping, limit)
        listing.begin(with: try rootStatus())
        try listing.goOn(until: Self.enoughForTwo)
        if let other = listing.half() {
            let beside = Beside { () -> Result<TreeListing, SystemError> in
                Result { () throws(SystemError) in
                    var other = other
                    try other.goOn()
                    return other
                }
            }
            try listing.goOn()
            try listing.add(try beside.value.get())
        }
        while let folder = listing.closed.popLast() {
            try openUp(folder)
            try listing.goOn(in: folder)
        }
        return listing.found
    }

    /// So many directories make a second thread worth its while.
    private static let enoughForTwo = 32

    /// Lets a directory be worked in that is closed to its own owner, until `closeAgain`.
    package func openUp(_ folder: [UInt8]) throws(SystemError) {
        opened.append((folder, try status(folder).mode))
        try setMode(folder, 0o700)
    }

    /// Closes what was opened up; what is gone meanwhile, or was given a mode, is none of these.
    package func closeAgain() {
        while let (folder, mode) = opened.popLast() {
            // Left open it gives nobody but its owner anything.
            try? setMode(folder, mode)
        }
    }

    /// Leaves the directories that were opened up to whoever gives all of them their modes.
    package func forgetOpened() { opened = [] }

    private func look(_ name: EntryName, in directory: CInt, _ path: [UInt8]) throws(SystemError) -> TreeFile
    {
        var status = stat()
        try check("fstatat", shown(path)) {
            unsafe fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW)
        }
        guard var file = TreeFile(path, status) else {
            throw SystemError("mknod", Errno(ENOTSUP), shown(path))
        }
        if file.kind == .link { file.target = try Self.target(name, in: directory, shown(path)) }
        return file
    }

    /// Where a link points.
    static func target(_ name: EntryName, in directory: CInt, _ shown: @autoclosure () -> String)
        throws(SystemError) -> [UInt8]
    {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = try check("readlinkat", shown()) {
            unsafe readlinkat(directory, name, &bytes, Int(PATH_MAX))
        }
        return bytes.prefix(count).map { UInt8(bitPattern: $0) }
    }

    /// What is at a path now.
    package func status(_ path: [UInt8]) throws(SystemError) -> TreeFile {
        if path.isEmpty { return try rootStatus() }
        let (directory, name) = try parent(of: path)
        return try look(name, in: directory, path)
    }

    private func rootStatus() throws(SystemError) -> TreeFile {
        var status = stat()
        let number = root.number
        try check("fstat", path) { unsafe fstat(number, &status) }
        guard let file = TreeFile([], status) else { throw SystemError("fstat", .notDirectory, path) }
        return file
    }

    /// Opens a file to be read, one that is closed to its owner too.
    package func openToRead(_ path: [UInt8]) throws(SystemError) -> FileDescriptor {
        do {
            return try open(path, O_RDONLY | O_NONBLOCK)
        } catch  where error.errno == .access {
            let before = try status(path)
            guard before.kind == .file else { throw error }
            try setMode(path, 0o600)
            // It could be read a moment ago: left so, it gives nobody but its owner anything.
            defer { try? setMode(path, before.mode) }
            return try open(path, O_RDONLY | O_NONBLOCK)
        }
    }

    // MARK: Changing

    /// Sets permission bits, never of what a link points to.
    package func setMode(_ path: [UInt8], _ mode: UInt32) throws(SystemError) {
        if path.isEmpty {
            // By its descriptor: a directory that may not be searched does not find itself.
            let place = "/proc/self/fd/\(root.number)"
            try check("chmod", self.path) { unsafe chmod(place, mode) }
            return
        }
        let (directory, name) = try parent(of: path)
        try check("fchmodat", shown(path)) { unsafe fchmodat(directory, name, mode, AT_SYMLINK_NOFOLLOW) }
    }

    /// Sets when the content was changed last.
    package func setModified(_ path: [UInt8], _ time: TreeFile.Time) throws(SystemError) {
        let (directory, name) = path.isEmpty ? (root.number, [46, 0]) : try parent(of: path)
        let moment = timespec(tv_sec: Int(time.seconds), tv_nsec: Int(time.nanoseconds))
        try check("utimensat", shown(path)) {
            unsafe utimensat(directory, name, [moment, moment], AT_SYMLINK_NOFOLLOW)
        }
    }

    /// Makes what has no content: a directory, link, FIFO, socket or absence.
    package func make(_ file: TreeFile) throws(SystemError) {
        let (directory, name) = try parent(of: file.path)
        let path = shown(file.path)
        switch file.kind {
        case .file: preconditionFailure("a file is put into place")
        case .directory: try check("mkdirat", path) { unsafe mkdirat(directory, name, 0o700) }
        case .link:
            let target = Self.name(file.target)
            try check("symlinkat", path) { unsafe symlinkat(target, directory, name) }
        case .pipe: try check("mkfifoat", path) { unsafe mkfifoat(directory, name, 0o600) }
        case .socket: try check("mknodat", path) { unsafe mknodat(directory, name, S_IFSOCK | 0o600, 0) }
        case .absence: try check("mknodat", path) { unsafe mknodat(directory, name, S_IFCHR, 0) }
        }
    }

    /// Puts a file of another directory at a path; what was there and no directory is gone.
    ///
    /// For a moment nothing is there: renamed onto another one, it would be written to disk at once by ext4 and btrfs, and to
    /// exchange the two takes twice as long.
    package func put(_ name: String, of place: borrowing FileDescriptor, at path: [UInt8]) throws(SystemError)
    {
        try put(name.utf8CString.map { $0 }, of: place.number, at: path)
    }

    /// As the other one, with a file of the same path in another tree.
    package func put(from other: OpenTree, at path: [UInt8]) throws(SystemError) {
        let (place, name) = try other.parent(of: path)
        try put(name, of: place, at: path)
    }

    private func put(_ name: EntryName, of place: CInt, at path: [UInt8]) throws(SystemError) {
        let (directory, target) = try parent(of: path)
        if unsafe unlinkat(directory, target, 0) < 0, errno != ENOENT {
            throw SystemError("unlinkat", Errno(errno), shown(path))
        }
        try check("renameat", shown(path)) { unsafe renameat(place, name, directory, target) }
    }

    /// Makes a second name for a file of the tree in another directory.
    package func link(_ path: [UInt8], as name: String, in place: borrowing FileDescriptor)
        throws(SystemError)
    {
        let (directory, source) = try parent(of: path)
        let number = place.number
        try check("linkat", shown(path)) { unsafe linkat(directory, source, number, name, 0) }
    }

    /// Moves what is at a path out of the tree, with everything in it.
    package func moveAway(_ path: [UInt8], to place: borrowing FileDescriptor, as name: String)
        throws(SystemError)
    {
        let (directory, source) = try parent(of: path)
        let number = place.number
        try check("renameat", shown(path)) { unsafe renameat(directory, source, number, name) }
        last = nil
    }
}

extension Files {
    /// Gives a file the content of another: its blocks shared where the file system can, or else copied without holes.
    package static func copyContent(from source: borrowing FileDescriptor, to file: borrowing FileDescriptor)
        throws(SystemError)
    {
        let (input, output) = (source.number, file.number)
        var status = stat()
        try check("fstat") { unsafe fstat(input, &status) }
        if status.st_size <= smallest { return try copyRange(input, output, 0, status.st_size, at: 0) }
        if clinux_share_blocks(output, input) == 0 { return }
        var position: off_t = 0
        while position < status.st_size {
            let start = lseek(input, position, Seek.data)
            if start < 0 && errno == ENXIO { break }
            try check("lseek") { start < 0 ? -1 : 0 }
            let end = try check("lseek") { lseek(input, start, Seek.hole) }
            try copyRange(input, output, start, min(end, status.st_size), at: start)
            position = max(end, position + 1)
        }
        try check("ftruncate") { ftruncate(output, status.st_size) }
    }

    /// To share what was just written, it has to be on disk: waiting for that takes longer than copying so much.
    package static var smallest: Int64 { 64 << 10 }

    /// Writes a part of a file to the beginning of another.
    ///
    /// - Throws: also when the file is shorter than that.
    package static func copyPart(
        of source: borrowing FileDescriptor,
        from place: Int64,
        count: Int64,
        to file: borrowing FileDescriptor
    ) throws(SystemError) {
        try copyRange(source.number, file.number, off_t(place), off_t(place + count), at: 0)
    }

    private static func copyRange(
        _ input: CInt,
        _ output: CInt,
        _ start: off_t,
        _ end: off_t,
        at target: off_t
    ) throws(SystemError) {
        var (position, target) = (start, target)
        var buffer = [UInt8](repeating: 0, count: min(Int(end - start), 1 << 20))
        while position < end {
            let most = min(Int(end - position), buffer.count)
            let count = try check("pread") { unsafe pread(input, &buffer, most, position) }
            // Shorter than it was: nobody writes it, so that cannot be.
            guard count > 0 else { throw SystemError("pread", Errno(EIO)) }
            var written = 0
            while written < count {
                written += try check("pwrite") {
                    unsafe buffer.withUnsafeBytes {
                        let rest = unsafe $0.baseAddress?.advanced(by: written)
                        return unsafe pwrite(output, rest, count - written, target + off_t(written))
                    }
                }
            }
            position += off_t(count)
            target += off_t(count)
        }
    }

    /// What `lseek(2)` looks for; GNU-only names.
    private enum Seek {
        static let data: CInt = 3
        static let hole: CInt = 4
    }
}
