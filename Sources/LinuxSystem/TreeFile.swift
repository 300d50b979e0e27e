// One thing in a tree that is kept and put back: what it is, and by what it is known to be unchanged.

internal import CLinux
internal import Glibc

/// A file, directory or other thing in a tree, as it was at one moment.
package struct TreeFile: Equatable, Sendable {
    /// Kinds that are told apart; the raw values are letters in files.
    package enum Kind: UInt8, Sendable {
        case file = 0x66
        case directory = 0x64
        case link = 0x6c
        case pipe = 0x70
        case socket = 0x73
        /// A device of number 0, which stands in an overlay for something that was removed; everybody may make one.
        case absence = 0x77
    }

    /// Where, below the tree; bytes, not always UTF-8.
    package var path: [UInt8]
    /// What it is.
    package var kind: Kind
    /// Permission bits, without those that give a program other ids.
    package var mode: UInt32
    /// Bytes of a file.
    package var size: Int64
    /// When its content was changed last; its owner can set it to anything.
    package var modified: Time
    /// When anything of it was changed last, in nanoseconds since 1970; nobody can set it.
    package var changed: Int64
    /// Its number in its file system.
    package var inode: UInt64
    /// How many names it has.
    package var names: UInt64
    /// Where a symbolic link points.
    package var target: [UInt8]
    /// Which of the kept contents a file has: a number of theirs, or one of `Content`.
    package var content: Int64

    /// A time since 1970, of any century.
    package struct Time: Equatable, Sendable {
        /// Whole seconds.
        package var seconds: Int64
        /// What is left, less than a second.
        package var nanoseconds: Int64

        /// A time.
        package init(_ seconds: Int64, _ nanoseconds: Int64 = 0) {
            (self.seconds, self.nanoseconds) = (seconds, nanoseconds)
        }
    }

    /// Contents that have no number of their own.
    package enum Content {
        /// Not kept.
        package static let none: Int64 = 0
        /// Not known.
        package static let unknown: Int64 = -2
        /// As the checkout of the agent's first commit made it: git has it.
        package static let checkout: Int64 = -1
    }

    /// A thing.
    package init(
        path: [UInt8],
        kind: Kind,
        mode: UInt32 = 0o644,
        size: Int64 = 0,
        modified: Time = Time(0),
        changed: Int64 = 0,
        inode: UInt64 = 0,
        names: UInt64 = 1,
        target: [UInt8] = [],
        content: Int64 = Content.none
    ) {
        self.path = path
        self.kind = kind
        self.mode = mode
        self.size = size
        self.modified = modified
        self.changed = changed
        self.inode = inode
        self.names = names
        self.target = target
        self.content = content
    }

    /// What stat tells of it; nil for a kind that no agent can make.
    init?(_ path: [UInt8], _ status: stat) {
        let kind: Kind
        switch status.st_mode & S_IFMT {
        case S_IFREG: kind = .file
        case S_IFDIR: kind = .directory
        case S_IFLNK: kind = .link
        case S_IFIFO: kind = .pipe
        case S_IFSOCK: kind = .socket
        case S_IFCHR where status.st_rdev == 0: kind = .absence
        default: return nil
        }
        self.init(
            path: path,
            kind: kind,
            mode: status.st_mode & 0o1777,
            size: kind == .file ? Int64(status.st_size) : 0,
            modified: Time(Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec)),
            changed: Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec),
            inode: UInt64(status.st_ino),
            names: UInt64(status.st_nlink)
        )
    }

    /// Whether this is the very file that the other one was, and nothing has touched it since.
    package func isUntouched(since other: TreeFile) -> Bool {
        kind == other.kind && inode == other.inode && changed == other.changed
            && modified == other.modified && size == other.size
    }
}
