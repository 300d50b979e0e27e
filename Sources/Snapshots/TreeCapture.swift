// Keeping a tree: a list of all that is in it, and copies of those files whose content is not kept yet. A file is known to
// have a kept content by its inode and times; the time of its last change can be set by nobody.

internal import Glibc
internal import LinuxSystem

/// Takes one tree into a store.
struct TreeCapture {
    /// More than this is no agent's work, and would take the memory of whoever reads the list.
    static let mostFiles = 4_000_000
    /// Times of file systems stand still for as long as this, in nanoseconds: a file that was changed so recently may
    /// be changed again without its time showing it.
    static let tick: Int64 = 20_000_000

    private let tree: OpenTree
    private var known: [[UInt8]: TreeFile]
    private var linked: [UInt64: Int64] = [:]
    /// Bytes that had to be kept anew.
    private(set) var newBytes: Int64 = 0

    /// - Parameters:
    ///   - known: files as they were when their contents were kept.
    init(_ path: String, known: [TreeFile]) throws(SystemError) {
        tree = try OpenTree(path)
        self.known = [:]
        self.known.reserveCapacity(known.count)
        for file in known { self.known[file.path] = file }
    }

    /// Lists the tree and keeps what is new.
    mutating func capture(skipping: [UInt8]?, into store: inout ContentStore) throws(SystemError)
        -> [TreeFile]
    {
        defer { tree.closeAgain() }
        var files = try tree.files(skipping: skipping, limit: Self.mostFiles)
        for index in files.indices where files[index].kind == .file && files[index].size > 0 {
            if let old = known[files[index].path], files[index].isUntouched(since: old) {
                files[index].content = old.content
            } else {
                try keep(&files[index], &store)
            }
        }
        return files
    }

    private mutating func keep(_ file: inout TreeFile, _ store: inout ContentStore) throws(SystemError) {
        if file.names > 1, let content = linked[file.inode] {
            file.content = content
            return
        }
        let source = try tree.openToRead(file.path)
        file.content = try store.add(source)
        newBytes += file.size
        if file.names > 1 { linked[file.inode] = file.content }
        // A file that was closed was opened up for this, which shows in its time.
        if file.mode & 0o400 == 0 { file.changed = try tree.status(file.path).changed }
    }
}

extension [TreeFile] {
    /// The files that are known again by their times: not those that are so new that another change may not show.
    func settled(at now: Int64) -> [TreeFile] {
        filter { $0.kind == .file && $0.changed <= now - TreeCapture.tick }
    }
}
