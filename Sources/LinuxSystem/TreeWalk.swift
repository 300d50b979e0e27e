// Going through a tree that an agent may have made, an entry at a time: through no link, onto no other mount, one
// directory open at once. Names are bytes.

internal import CLinux
internal import Glibc

/// One thing in a tree.
package struct TreeEntry: Equatable, Sendable {
    /// Kinds that are told apart; the raw values are letters in files.
    package enum Kind: UInt8, Sendable {
        case file = 0x66
        case directory = 0x64
        case link = 0x6c
        case other = 0x6f
        /// What stands in an overlay's upper layer for something of the lower one that was removed.
        case absence = 0x77
    }

    /// Where, below the tree.
    package var path: [UInt8]
    /// What it is.
    package var kind: Kind
    /// Its number in its file system.
    package var inode: UInt64
    /// Nanoseconds since 1970 of the last change of content, name or modes; nobody can set it.
    package var changed: Int64
    /// The same of its making, where the file system tells.
    package var made: Int64?

    /// An entry.
    package init(path: [UInt8], kind: Kind, inode: UInt64, changed: Int64, made: Int64? = nil) {
        (self.path, self.kind, self.inode, self.changed, self.made) = (path, kind, inode, changed, made)
    }
}

/// A walk under way.
package struct TreeWalk: ~Copyable {
    /// The names of directories that are still to be looked into take at most so many bytes.
    private static let mostWaiting = 4 << 20

    private let root: FileDescriptor
    private var waiting: [[UInt8]] = [[]]
    private var waitingBytes = 0
    private var open: (path: [UInt8], stream: DirectoryStream)?
    /// Directories that could not be looked into.
    package private(set) var closed: [[UInt8]] = []
    /// Whether something was passed over because there is too much.
    package private(set) var isCut = false

    /// Begins at a directory.
    package init(_ tree: String) throws(SystemError) {
        root = try Files.open(tree, Files.placeOnly | O_DIRECTORY | O_NOFOLLOW)
    }

    /// The next entry, in no order that can be relied on; nil at the end.
    package mutating func next() -> TreeEntry? {
        while true {
            guard let open else {
                guard let path = waiting.popLast() else { return nil }
                waitingBytes -= path.count
                enter(path)
                continue
            }
            guard let name = open.stream.nextName() else {
                self.open = nil
                continue
            }
            if let entry = look(open.stream.number, name, in: open.path) { return entry }
        }
    }

    private mutating func enter(_ path: [UInt8]) {
        do throws(SystemError) {
            open = (path, try DirectoryStream(beneath: root, path))
        } catch {
            switch error.errno.number {
            // Gone or replaced meanwhile, or not of this tree.
            case ENOENT, ENOTDIR, ELOOP, EXDEV: break
            case ENAMETOOLONG: isCut = true
            default: closed.append(path)
            }
        }
    }

    private mutating func look(_ directory: CInt, _ name: EntryName, in parent: [UInt8]) -> TreeEntry? {
        var found = clinux_entry()
        // Gone meanwhile.
        guard unsafe clinux_entry(directory, name, &found) == 0 else { return nil }
        let bytes = name.dropLast().map { UInt8(bitPattern: $0) }
        let path = parent.isEmpty ? bytes : parent + [UInt8(ascii: "/")] + bytes
        let kind = Self.kind(found)
        if kind == .directory {
            if waitingBytes + path.count > Self.mostWaiting {
                isCut = true
            } else {
                waiting.append(path)
                waitingBytes += path.count
            }
        }
        return TreeEntry(
            path: path,
            kind: kind,
            inode: found.inode,
            changed: found.changed,
            made: found.made == 0 ? nil : found.made
        )
    }

    private static func kind(_ found: clinux_entry) -> TreeEntry.Kind {
        switch found.mode & S_IFMT {
        case S_IFREG: .file
        case S_IFDIR: .directory
        case S_IFLNK: .link
        case S_IFCHR: found.is_device_zero != 0 ? .absence : .other
        default: .other
        }
    }
}

extension DirectoryStream {
    /// Opens a directory below another, through no link and on the same mount; no path is the directory itself.
    package convenience init(beneath root: FileDescriptor.Shared, _ path: [UInt8]) throws(SystemError) {
        try self.init(openedBeneath: root.number, path)
    }

    /// Opens a directory below another, through no link and on the same mount; no path is the directory itself.
    convenience init(beneath root: borrowing FileDescriptor, _ path: [UInt8]) throws(SystemError) {
        try self.init(openedBeneath: root.number, path)
    }

    private convenience init(openedBeneath root: CInt, _ path: [UInt8]) throws(SystemError) {
        let name: EntryName = path.isEmpty ? [46, 0] : path.map { CChar(bitPattern: $0) } + [0]
        let flags = UInt64(O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        let resolve = UInt64(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)
        try self.init(
            FileDescriptor(
                owning: try check("openat2") { unsafe clinux_openat2(root, name, flags, 0, resolve) }
            )
        )
    }
}

extension Files {
    /// Whether something is there, a dangling link included, of a path that may be no UTF-8.
    package static func exists(_ path: [UInt8]) -> Bool {
        var status = stat()
        let name = path.map { CChar(bitPattern: $0) } + [0]
        return unsafe fstatat(AT_FDCWD, name, &status, AT_SYMLINK_NOFOLLOW) == 0
    }
}
