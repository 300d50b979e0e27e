// Keeping a tree: a list of all that is in it, and copies of those files whose content is not kept yet. A file is known to
// have a kept content by its inode and times; the time of its last change can be set by nobody.

internal import Glibc
internal import LinuxSystem

/// Takes one tree into a store.
struct TreeCapture {
    /// More than this is no agent's work, and would take the memory of whoever reads the list: so many files, and so many bytes
    /// of their paths.
    static let most = OpenTree.Bounds(files: 1_000_000, bytes: 128 << 20)
    /// Times of file systems stand still for as long as this, in nanoseconds: a file that was changed so recently may
    /// be changed again without its time showing it.
    static let tick: Int64 = 20_000_000

    private let tree: OpenTree
    private let known: [TreeFile]
    private var linked: [UInt64: Int64] = [:]
    /// Bytes that had to be kept anew.
    private(set) var newBytes: Int64 = 0

    /// - Parameters:
    ///   - known: files as they were when their contents were kept.
    init(_ path: String, known: [TreeFile]) throws(SystemError) {
        tree = try OpenTree(path)
        self.known = known
    }

    /// Lists the tree and keeps what is new.
    mutating func capture(skipping: [UInt8]?, into store: inout ContentStore) throws(SystemError)
        -> [TreeFile]
    {
        defer { tree.closeAgain() }
        var files = try tree.files(skipping: skipping, limit: Self.most, expected: known.count)
        files.recognize(known)
        for index in files.indices {
            let content = files[index].content
            guard content == TreeFile.Content.unknown || content > 0 && !store.numbers.contains(content)
            else { continue }
            try keep(&files[index], &store)
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
    /// Gives those that nothing has touched the contents that they are known to have; those of others are not known.
    mutating func recognize(_ known: [TreeFile]) {
        var before = FilesByPath(known)
        for index in indices where self[index].kind == .file && self[index].size > 0 {
            let old = before.index(of: self[index].path)
            let isKnown = old.map { self[index].isUntouched(since: known[$0]) } ?? false
            self[index].content = isKnown ? old.map { known[$0].content } ?? 0 : TreeFile.Content.unknown
        }
    }

    /// The files that are known again by their times: not those that are so new that another change may not show.
    func settled(at now: Int64) -> [TreeFile] {
        filter {
            $0.kind == .file && $0.changed <= now - TreeCapture.tick && $0.content != TreeFile.Content.unknown
        }
    }
}
