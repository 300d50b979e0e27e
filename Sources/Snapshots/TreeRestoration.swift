// Putting a tree back: what the comparison says, and nothing else. No file is written into: a new one takes the place of the
// old one, so that no other name of the old one changes; what goes is moved out first and removed in the end.

internal import Glibc
internal import LinuxSystem

/// Changes one tree.
struct TreeRestoration {
    private let tree: OpenTree
    private let scratch: FileDescriptor.Shared
    private let store: ContentStore
    /// The files of the first commit that are needed, by their paths.
    private let checkout: OpenTree?
    private var hasOpened = false
    private var moved = 0
    private var put = 0

    /// Whether the store is the agent's own.
    private let knowsContents: Bool

    /// - Parameters:
    ///   - scratch: a directory of Cloche's on the same file system; what goes is left in it.
    ///   - knowsContents: whether the store is the agent's own, whose numbers it may remember.
    init(
        _ tree: OpenTree,
        scratch: FileDescriptor.Shared,
        store: ContentStore,
        checkout: OpenTree?,
        knowsContents: Bool
    ) {
        self.tree = tree
        self.scratch = scratch
        self.store = store
        self.checkout = checkout
        self.knowsContents = knowsContents
    }

    /// Makes the tree what is wanted, by the difference from what is there.
    ///
    /// - Returns: the tree, and what is known of its files' contents.
    mutating func carryOut(_ changes: TreeChanges, from present: [TreeFile], to wanted: [TreeFile])
        throws(SystemError) -> [TreeFile]
    {
        // Until the end, every directory has to be open to its owner.
        for file in present where file.kind == .directory && file.mode & 0o700 != 0o700 {
            try tree.openUp(file.path)
            hasOpened = true
        }
        for path in changes.removed { try moveAway(path) }
        for file in changes.made { try make(file) }
        for (path, other) in changes.linked { try link(path, to: other) }
        for file in changes.altered where file.kind != .directory { try finish(file) }
        let known = try known(changes, present, wanted)
        try finishDirectories(wanted, changes)
        tree.forgetOpened()
        return known
    }

    /// Files that stay as they were, and those that were just put there, by their new inodes and times.
    private func known(_ changes: TreeChanges, _ present: [TreeFile], _ wanted: [TreeFile])
        throws(SystemError) -> [TreeFile]
    {
        var files = wanted
        var untouched = changes.untouched[...]
        for index in files.indices where files[index].kind == .file {
            if let same = untouched.first, present[same].path == files[index].path {
                files[index] = present[same]
                untouched.removeFirst()
                continue
            }
            let content = files[index].content
            if files[index].names == 1, knowsContents || content <= 0 {
                files[index] = try tree.status(files[index].path)
                files[index].content = content
            } else {
                files[index].content = TreeFile.Content.unknown
            }
        }
        return files
    }

    private mutating func moveAway(_ path: [UInt8]) throws(SystemError) {
        moved += 1
        let name = "gone-\(moved)"
        try scratch.borrowed { place throws(SystemError) in try tree.moveAway(path, to: place, as: name) }
    }

    private mutating func make(_ file: TreeFile) throws(SystemError) {
        guard file.kind == .file else {
            // A link that points elsewhere, say; a directory stays one.
            if file.kind != .directory, (try? tree.status(file.path)) != nil { try moveAway(file.path) }
            try tree.make(file)
            if file.kind != .directory { try finish(file) }
            return
        }
        if file.content == TreeFile.Content.checkout { return try putCheckedOut(file) }
        put += 1
        let name = "new-\(put)"
        try scratch.borrowed { place throws(SystemError) in try putKept(file, from: place, name) }
        try finish(file)
    }

    /// The checkout was made for this alone: its file itself goes into the tree.
    private func putCheckedOut(_ file: TreeFile) throws(SystemError) {
        guard let checkout else { throw SystemError("open", .noEntry, tree.shown(file.path)) }
        let made = try checkout.status(file.path)
        try tree.put(from: checkout, at: file.path)
        try finish(file, hasMode: made.mode == file.mode)
    }

    private func putKept(_ file: TreeFile, from place: borrowing FileDescriptor, _ name: String)
        throws(SystemError)
    {
        guard let made = try Files.makeFile(name, at: place, mode: 0o600) else {
            throw SystemError("open", .exists, name)
        }
        if file.content != TreeFile.Content.none {
            try store.copy(file.content, size: file.size, to: made)
        }
        guard try Files.status(of: made).size == file.size else { throw differs(file) }
        try tree.put(name, of: place, at: file.path)
    }

    /// The content that is there is not the one that was kept.
    private func differs(_ file: TreeFile) -> SystemError {
        SystemError("copy", Errno(EIO), tree.shown(file.path))
    }

    private func link(_ path: [UInt8], to other: [UInt8]) throws(SystemError) {
        // As a rule it is that already; and there may be no room for one more name of it.
        if let there = try? tree.status(path), there.kind == .file,
            try there.inode == tree.status(other).inode
        {
            return
        }
        try scratch.borrowed { place throws(SystemError) in
            let name = "new"
            try tree.link(other, as: name, in: place)
            try tree.put(name, of: place, at: path)
        }
    }

    private func finish(_ file: TreeFile, hasMode: Bool = false) throws(SystemError) {
        if !hasMode && file.kind != .link && file.kind != .absence { try tree.setMode(file.path, file.mode) }
        try tree.setModified(file.path, file.modified)
    }

    /// The deepest first, since one that is closed cannot be passed any more.
    private func finishDirectories(_ wanted: [TreeFile], _ changes: TreeChanges) throws(SystemError) {
        let touched = changes.directories
        let directories = wanted.filter { file in
            file.kind == .directory && (hasOpened || touched.contains(file.path))
        }
        for file in directories.sorted(by: { $0.path.count > $1.path.count }) {
            let now = try tree.status(file.path)
            if now.modified != file.modified && !file.path.isEmpty {
                try tree.setModified(file.path, file.modified)
            }
            if now.mode != file.mode { try tree.setMode(file.path, file.mode) }
        }
    }
}
