// A walk through a tree that an agent made, in pieces that two threads can take: what is in some of its directories.

internal import CLinux
internal import Glibc

/// A list of what is in a tree, and the directories that are still to be listed.
struct TreeListing: Sendable {
    /// What was found, directories before what is in them.
    private(set) var found: [TreeFile] = []
    /// Directories that are closed to their owner.
    var closed: [[UInt8]] = []
    private var waiting: [[UInt8]] = []
    private var bytes = 0

    /// Room for so many costs nothing before they are there, and a list that grows is copied again and again.
    private static let usual = 8192

    private let root: CInt
    private let tree: String
    private let skipping: [UInt8]?
    private let limit: OpenTree.Bounds

    /// - Parameters:
    ///   - root: open, and not closed before the list is whole.
    ///   - tree: its path, for messages.
    ///   - skipping: a name right below the root that is not of the tree.
    init(_ root: CInt, _ tree: String, _ skipping: [UInt8]?, _ limit: OpenTree.Bounds) {
        (self.root, self.tree, self.skipping, self.limit) = (root, tree, skipping, limit)
    }

    /// Notes the root itself, which waits.
    mutating func begin(with root: TreeFile) {
        found.reserveCapacity(Self.usual)
        found.append(root)
        waiting.append([])
    }

    /// Lists the directories that wait, and those in them, until so many wait: of all parts of the tree, since those that were
    /// found first are listed first.
    mutating func goOn(until enough: Int) throws(SystemError) {
        var next = 0
        while next < waiting.count, waiting.count - next < enough {
            next += 1
            try list(waiting[next - 1])
        }
        waiting.removeFirst(next)
    }

    /// Lists all directories that wait, and those in them.
    mutating func goOn() throws(SystemError) {
        while let folder = waiting.popLast() { try list(folder) }
    }

    /// Lists a directory that was closed, and those in it.
    mutating func goOn(in folder: [UInt8]) throws(SystemError) {
        try list(folder)
        try goOn()
    }

    /// Gives away every other directory that waits; nil when none does.
    mutating func half() -> TreeListing? {
        if waiting.count < 2 { return nil }
        var other = TreeListing(root, tree, skipping, limit)
        other.found.reserveCapacity(Self.usual / 2)
        var kept: [[UInt8]] = []
        for (index, folder) in waiting.enumerated() {
            if index % 2 == 0 { kept.append(folder) } else { other.waiting.append(folder) }
        }
        waiting = kept
        return other
    }

    /// Takes over what another one has found.
    mutating func add(_ other: TreeListing) throws(SystemError) {
        found += other.found
        closed += other.closed
        bytes += other.bytes
        try checkBounds()
    }

    private func checkBounds() throws(SystemError) {
        if found.count > limit.files || bytes > limit.bytes {
            throw SystemError("readdir", Errno(EOVERFLOW), tree)
        }
    }

    private mutating func list(_ folder: [UInt8]) throws(SystemError) {
        let stream: DirectoryStream
        do throws(SystemError) {
            stream = try DirectoryStream(
                try OpenTree.open(folder, of: root, O_RDONLY | O_DIRECTORY, tree)
            )
        } catch {
            if error.errno != .access { throw error }
            closed.append(folder)
            return
        }
        while let (path, status) = try stream.nextStatus(below: folder) {
            if folder.isEmpty && path == skipping { continue }
            guard var file = TreeFile(path, status) else {
                throw SystemError("mknod", Errno(ENOTSUP), OpenTree.shown(path, of: tree))
            }
            bytes += path.count
            if file.kind == .link {
                let name = Array(path[(folder.isEmpty ? 0 : folder.count + 1)...])
                file.target = try OpenTree.target(
                    OpenTree.name(name),
                    in: stream.number,
                    OpenTree.shown(path, of: tree)
                )
            }
            bytes += file.target.count
            if file.kind == .directory { waiting.append(path) }
            found.append(file)
            try checkBounds()
        }
    }
}
