// Keeping a tree: copies of those of its files whose content is not kept yet. A file is known to have a kept content by its
// inode and times; the time of its last change can be set by nobody.

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
    private var linked: [UInt64: Int64] = [:]
    /// Bytes that had to be kept anew.
    private(set) var newBytes: Int64 = 0

    init(_ tree: OpenTree) { self.tree = tree }

    /// Keeps what is new of the tree.
    mutating func keep(_ files: inout [TreeFile], into store: inout ContentStore) throws(SystemError) {
        for index in files.indices {
            let content = files[index].content
            guard
                content == TreeFile.Content.unknown
                    || content > 0 && !store.has(content, size: files[index].size)
            else { continue }
            try keep(&files[index], &store)
        }
    }

    private mutating func keep(_ file: inout TreeFile, _ store: inout ContentStore) throws(SystemError) {
        if file.names > 1, let content = linked[file.inode] {
            file.content = content
            return
        }
        let source = try tree.openToRead(file.path)
        file.content = try store.add(source, size: file.size)
        newBytes = newBytes.addingWithoutOverflow(file.size)
        if file.names > 1 { linked[file.inode] = file.content }
        // A file that was closed was opened up for this, which shows in its time.
        if file.mode & 0o400 == 0 { file.changed = try tree.status(file.path).changed }
    }
}

extension [TreeFile] {
    /// Gives those that nothing has touched the contents that they are known to have; those of others are not known.
    mutating func recognize(_ known: [TreeFile]) {
        var before = FilesByPath(known)
        for index in indices {
            let old = before.index(of: self[index].path)
            guard self[index].kind == .file, self[index].size > 0 else { continue }
            let isKnown = old.map { self[index].isUntouched(since: known[$0]) } ?? false
            self[index].content = isKnown ? old.map { known[$0].content } ?? 0 : TreeFile.Content.unknown
        }
    }

    /// Makes the contents of those unknown that were changed at a moment, in nanoseconds since 1970, or later: another change
    /// may not show in their times.
    mutating func forgetChanged(since moment: Int64) { forgetContents(at: filesChanged(since: moment)) }

    /// The places of files that were changed at a moment or later.
    func filesChanged(since moment: Int64) -> [Int] {
        indices.filter { self[$0].kind == .file && self[$0].changed >= moment }
    }

    /// Makes the contents of those at these places unknown.
    mutating func forgetContents(at places: [Int]) {
        for index in places { self[index].content = TreeFile.Content.unknown }
    }

    /// Makes the contents unknown that are kept and not among these.
    mutating func forgetContents(but kept: [Int64: Int64]) {
        for index in indices where self[index].content > 0 && kept[self[index].content] == nil {
            self[index].content = TreeFile.Content.unknown
        }
    }
}

extension Int64 {
    /// A sum of sizes, which an agent may choose as large as it likes: files without any blocks.
    func addingWithoutOverflow(_ other: Int64) -> Int64 {
        let (sum, isTooLarge) = addingReportingOverflow(other)
        return isTooLarge ? .max : sum
    }
}
