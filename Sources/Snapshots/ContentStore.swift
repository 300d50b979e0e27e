// Contents of files that were kept: each a file of Cloche's own under a number, written once, which no sandbox ever sees.
// So several snapshots may share one.

internal import Glibc
internal import LinuxSystem

/// The kept contents of one agent.
struct ContentStore {
    let path: String
    /// The numbers of those that are there.
    private(set) var numbers: Set<Int64> = []
    private var next: Int64 = 1

    /// Opens the store, which is made if it is missing.
    ///
    /// - Parameter known: the largest number that somebody knows, who must not take another content for it.
    init(_ path: String, after known: Int64 = 0) throws(SystemError) {
        try Files.makeDirectories(path)
        self.path = path
        let stream = try DirectoryStream(try Files.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
        while let number = Self.number(stream.nextName()) {
            if number > 0 { numbers.insert(number) }
        }
        next = max(known, numbers.max() ?? 0) + 1
    }

    /// 0 for a name that is no number; nil at the end.
    private static func number(_ name: EntryName?) -> Int64? {
        guard let name else { return nil }
        return Int64(String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)) ?? 0
    }

    /// Keeps a content.
    ///
    /// - Returns: its number.
    mutating func add(_ source: borrowing FileDescriptor) throws(SystemError) -> Int64 {
        let number = next
        next += 1
        let path = "\(path)/\(number)"
        let file = try Files.open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
        try Files.copyContent(from: source, to: file)
        numbers.insert(number)
        return number
    }

    /// Opens a content.
    func open(_ number: Int64) throws(SystemError) -> FileDescriptor {
        try Files.open("\(path)/\(number)", O_RDONLY | O_NOFOLLOW)
    }

    /// Removes all contents but these.
    mutating func keep(_ wanted: Set<Int64>) throws(SystemError) {
        for number in numbers where !wanted.contains(number) {
            try Files.remove("\(path)/\(number)")
            numbers.remove(number)
        }
    }
}
