// The processes of a sandbox, looked at from outside through its own /proc: complete, whatever an agent does, and named
// by their ids inside. The agent chooses what its processes are called, how many there are and when they vanish; each
// look takes a file of the kernel's, into one buffer, and passes over what is gone.

internal import Glibc
internal import LinuxSystem

/// The `/proc` of a sandbox, held open.
///
/// It belongs to the pid namespace and not to a process: a file in it costs one lookup of the process and one read.
struct ProcessTable: ~Copyable {
    private let directory: DirectoryStream
    private var path: [CChar] = []
    private var buffer = [UInt8](repeating: 0, count: 8192)
    private var link = [CChar](repeating: 0, count: 4097)

    /// Opens that of the namespace whose init has this process id here.
    init(ofInit pid: Int32) throws(SystemError) {
        let root = try ProcessFiles(of: pid).root()
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK
        let directory = try DirectoryStream(Files.openBeneath(root, "proc", flags))
        guard Files.isProcessFileSystem(directory.number) else {
            throw SystemError("openat2", .noEntry, "/proc/\(pid)/root/proc")
        }
        self.directory = directory
    }

    /// Begins a listing anew.
    mutating func rewind() { directory.rewind() }

    /// A second listing of the same, from the beginning; nil when there is no descriptor to be had.
    func listing() -> DirectoryStream? {
        let opened = unsafe openat(directory.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        return opened < 0 ? nil : try? DirectoryStream(FileDescriptor(owning: opened))  // nil is told
    }

    /// The next process of the listing.
    mutating func next() -> Int32? { directory.nextNumber() }

    /// A file of a process, as far as the buffer goes; nil when the process is gone or does not let itself be read.
    mutating func read(_ pid: Int32, _ name: StaticString) -> ArraySlice<UInt8>? {
        let file = open(pid, name, O_RDONLY)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var filled = 0
        while filled < buffer.count {
            let count = fill(file, from: filled)
            guard count >= 0 else { return nil }
            if count == 0 { break }
            filled += count
        }
        return buffer[..<filled]
    }

    /// Opens a file of a process whose content may be long.
    mutating func openFile(_ pid: Int32, _ name: StaticString) -> FileDescriptor? {
        let file = open(pid, name, O_RDONLY)
        return file < 0 ? nil : FileDescriptor(owning: file)
    }

    /// The threads of a process; nil when it is gone.
    mutating func threads(_ pid: Int32) -> DirectoryStream? {
        let opened = open(pid, "task", O_RDONLY | O_DIRECTORY)
        return opened < 0 ? nil : try? DirectoryStream(FileDescriptor(owning: opened))  // nil is told
    }

    /// What the kernel tells of each descriptor (`fdinfo`), also of processes that do not let them be opened.
    mutating func descriptorTexts(_ pid: Int32) -> DirectoryStream? {
        let opened = open(pid, "fdinfo", O_RDONLY | O_DIRECTORY)
        return opened < 0 ? nil : try? DirectoryStream(FileDescriptor(owning: opened))  // nil is told
    }

    /// The beginning of a file that such a listing has; nil when it is gone.
    static func text(_ listing: DirectoryStream, _ number: Int32) -> [UInt8]? {
        let file = unsafe openat(listing.number, String(number), O_RDONLY | O_CLOEXEC)
        // What is gone tells nothing.
        return file < 0 ? nil : try? FileDescriptor(owning: file).read(upTo: 1024)
    }

    /// A thread that shows the memory of a process whose first thread has ended; nil when no other is left.
    ///
    /// The one that has ended shows none. The kernel lists processes only, but finds a thread as well.
    mutating func survivor(_ pid: Int32) -> Int32? {
        guard let threads = threads(pid) else { return nil }
        while let thread = threads.nextNumber() {
            // What has no memory has zeros here.
            if thread != pid, let text = read(thread, "statm"), text.first != 48 { return thread }
        }
        return nil
    }

    /// The descriptors of a process or of one of its threads; nil when it is gone, or not ours to look at.
    mutating func descriptors(_ pid: Int32) -> DirectoryStream? {
        let opened = open(pid, "fd", O_RDONLY | O_DIRECTORY)
        // A process that has ended meanwhile has none.
        return opened < 0 ? nil : try? DirectoryStream(FileDescriptor(owning: opened))
    }

    /// The regular file without a name that a descriptor of the listed process has open.
    ///
    /// The text of the link tells most descriptors from these without a look at the file itself. An agent can make it
    /// too long to be read; then the file is looked at.
    mutating func unlinkedFile(_ descriptors: DirectoryStream, _ number: Int32) -> OpenFile? {
        path.removeAll(keepingCapacity: true)
        append(number)
        path.append(0)
        let length = unsafe readlinkat(descriptors.number, path, &link, link.count)
        if length < 0 && errno != ENAMETOOLONG { return nil }
        if length >= 0 && length < link.count && !isDeleted(length) { return nil }
        var status = stat()
        guard unsafe fstatat(descriptors.number, path, &status, 0) == 0,
            status.st_nlink == 0, status.st_mode & S_IFMT == S_IFREG
        else { return nil }
        let file = FileKey(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        return OpenFile(file: file, bytes: Int64(status.st_blocks) * 512)
    }

    /// Whether a link's text ends as the kernel ends that of a file without a name.
    private func isDeleted(_ length: Int) -> Bool {
        let ending = Self.deleted
        guard length >= ending.count else { return false }
        for index in 0..<ending.count where link[length - ending.count + index] != ending[index] {
            return false
        }
        return true
    }

    private static let deleted = " (deleted)".utf8.map { CChar(bitPattern: $0) }

    private mutating func open(_ pid: Int32, _ name: StaticString, _ flags: CInt) -> CInt {
        path.removeAll(keepingCapacity: true)
        append(pid)
        path.append(47)
        name.withUTF8Buffer { text in
            for index in text.indices { path.append(CChar(bitPattern: unsafe text[index])) }
        }
        path.append(0)
        return unsafe openat(directory.number, path, flags | O_CLOEXEC | O_NONBLOCK)
    }

    private mutating func append(_ number: Int32) {
        let start = path.count
        var rest = number
        repeat {
            path.insert(CChar(48 + rest % 10), at: start)
            rest /= 10
        } while rest > 0
    }

    private mutating func fill(_ file: CInt, from start: Int) -> Int {
        unsafe buffer.withUnsafeMutableBytes { bytes in
            unsafe Glibc.read(file, bytes.baseAddress?.advanced(by: start), bytes.count - start)
        }
    }
}

/// A file, whatever its paths are.
struct FileKey: Hashable {
    let device: UInt64
    let inode: UInt64
}

/// A file that a process has open.
struct OpenFile {
    let file: FileKey
    let bytes: Int64
}
