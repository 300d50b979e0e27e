// Contents of files that were kept, in files of Cloche's own that no sandbox ever sees and whose contents are written once. So
// several snapshots may share one. Small contents have a file in common: to make one for each would take most of the time.

internal import Glibc
internal import LinuxSystem

/// The kept contents of one agent.
struct ContentStore {
    /// Contents are known by numbers that say where they are.
    private struct Place {
        /// The number that is the name of the file.
        let file: Int64
        /// Where in it the content begins.
        let offset: Int64

        init(file: Int64, offset: Int64) { (self.file, self.offset) = (file, offset) }
        init(_ content: Int64) { (file, offset) = (content >> 32, content & 0xffff_ffff) }
        var content: Int64 { file << 32 | offset }
    }

    /// Larger contents have a file of their own, which can share its blocks with the agent's.
    private static let small = Files.smallest
    /// A file of small contents is no larger.
    private static let largestFile: Int64 = 4 << 20
    /// So much of a file may be of no use any more before it is given back.
    private static let mostWasted: Int64 = 1 << 20

    private let directory: FileDescriptor.Shared
    private var files: Set<Int64> = []
    private var next: Int64 = 1
    /// How long files are of which that was asked.
    private var lengths: [Int64: Int64] = [:]
    /// The file that small contents go to.
    private var bundle: (number: Int64, file: FileDescriptor.Shared)?
    /// What is to be written to it.
    private var waiting: [UInt8] = []

    /// Opens the store, which is made if it is missing.
    ///
    /// - Parameter known: the largest number that somebody knows, who must not take another content for it.
    init(_ path: String, after known: Int64 = 0) throws(SystemError) {
        try Files.makeDirectories(path)
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
        directory = FileDescriptor.Shared(try Files.open(path, flags))
        let stream = try DirectoryStream(try Files.open(path, flags))
        while let number = stream.nextLargeNumber() { files.insert(number) }
        next = max(Place(known).file, files.max() ?? 0) + 1
    }

    /// Whether there is a content of that number and size; after a power cut a file may be shorter than it was.
    mutating func has(_ content: Int64, size: Int64) -> Bool {
        let place = Place(content)
        guard files.contains(place.file) else { return false }
        let length = lengths[place.file] ?? self.length(of: place.file)
        lengths[place.file] = length
        return length - place.offset >= size
    }

    private func length(of number: Int64) -> Int64 {
        do throws(SystemError) {
            return try Files.status(of: try open(number, O_RDONLY)).size
        } catch { return 0 }  // what cannot be opened is not there
    }

    // MARK: Keeping

    /// Keeps a content, which is there for others after `finish`.
    ///
    /// - Parameter size: its bytes; what a file has beyond is not kept.
    /// - Returns: its number.
    mutating func add(_ source: borrowing FileDescriptor, size: Int64) throws(SystemError) -> Int64 {
        if size <= Self.small { return try addSmall(source, size) }
        let (number, file) = try makeFile()
        try file.borrowed { file throws(SystemError) in try Files.copyContent(from: source, to: file) }
        return Place(file: number, offset: 0).content
    }

    private mutating func addSmall(_ source: borrowing FileDescriptor, _ size: Int64) throws(SystemError)
        -> Int64
    {
        let bytes = try source.readToEnd(limit: Int(size))
        // Shorter than it was: nobody writes it, so that cannot be.
        guard bytes.count == size else { throw SystemError("read", Errno(EIO)) }
        if Int64(waiting.count) + size > Self.largestFile { try finish() }
        if bundle == nil { bundle = try makeFile() }
        guard let number = bundle?.number else { preconditionFailure("there is a file") }
        let place = Place(file: number, offset: Int64(waiting.count))
        waiting += bytes
        return place.content
    }

    /// Writes what was kept and is not written yet.
    mutating func finish() throws(SystemError) {
        try bundle?.file.write(waiting)
        bundle = nil
        waiting.removeAll(keepingCapacity: true)
    }

    private mutating func makeFile() throws(SystemError) -> (number: Int64, file: FileDescriptor.Shared) {
        let number = next
        next += 1
        let made = try directory.borrowed { directory throws(SystemError) -> FileDescriptor in
            if let made = try Files.makeFile(String(number), at: directory, mode: 0o600) { return made }
            throw SystemError("open", .exists, String(number))
        }
        files.insert(number)
        return (number, FileDescriptor.Shared(made))
    }

    // MARK: Reading

    /// Writes a content into an empty file.
    func copy(_ content: Int64, size: Int64, to file: borrowing FileDescriptor) throws(SystemError) {
        let place = Place(content)
        let source = try open(place.file, O_RDONLY)
        if size > Self.small {
            try Files.copyContent(from: source, to: file)
        } else {
            try Files.copyPart(of: source, from: place.offset, count: size, to: file)
        }
    }

    private func open(_ number: Int64, _ flags: CInt) throws(SystemError) -> FileDescriptor {
        try directory.borrowed { directory throws(SystemError) -> FileDescriptor in
            try Files.openBeneath(directory, String(number), flags | O_NOFOLLOW)
        }
    }

    // MARK: Removing

    /// Removes the files that have none of the wanted contents.
    mutating func removeFiles(without wanted: [Int64: Int64]) throws(SystemError) {
        let used = Set(wanted.keys.lazy.map { Place($0).file })
        for number in files where !used.contains(number) {
            try directory.borrowed { directory throws(SystemError) in
                try Files.removeFile(String(number), at: directory)
            }
            files.remove(number)
        }
    }

    /// The files of which much is of no use to who wants these contents: what is, as places and sizes.
    ///
    /// - Parameter wanted: contents, and their sizes.
    func wasteful(_ wanted: [Int64: Int64]) throws(SystemError) -> [Int64: [(offset: Int64, size: Int64)]] {
        var parts: [Int64: [(offset: Int64, size: Int64)]] = [:]
        for (content, size) in wanted where size <= Self.small {
            let place = Place(content)
            parts[place.file, default: []].append((place.offset, size))
        }
        var found: [Int64: [(offset: Int64, size: Int64)]] = [:]
        for (number, used) in parts where files.contains(number) {
            let allocated = try open(number, O_RDONLY).allocatedBytes()
            if allocated > used.reduce(0, { $0 + $1.size }) + Self.mostWasted { found[number] = used }
        }
        return found
    }

    /// Gives the room of all else in these files back; nobody may know it any more.
    func giveBack(_ wasteful: [Int64: [(offset: Int64, size: Int64)]]) throws(SystemError) {
        for (number, used) in wasteful {
            let file = try open(number, O_RDWR)
            var end: Int64 = 0
            for (offset, size) in used.sorted(by: { $0.offset < $1.offset }) + [(Self.largestFile, 0)] {
                if offset > end { try file.giveBack(from: end, count: offset - end) }
                end = offset + size
            }
        }
    }
}
