// What a commit of an agent may be made of before the host writes it out. Trees name other trees, so that a few kilobytes of
// objects can stand for millions of paths, and a compressed object for gigabytes: whoever reads such a commit into an index or
// a directory first asks here. What git lists is read as it comes, and git is ended at the first bound.

package import ClocheModel
internal import LinuxSystem

/// How large the tree of a commit may be.
package struct TreeBounds: Equatable, Sendable {
    /// Files, links and submodules.
    package var paths: Int64
    /// Bytes of their paths, together.
    package var nameBytes: Int64
    /// Bytes of the files and links as they are checked out.
    package var contentBytes: Int64

    /// More than the largest repositories that people have checked out, and less than what fills a disk or an index beyond
    /// the host's memory.
    package static let standard = TreeBounds(
        paths: 1_000_000,
        nameBytes: 128 << 20,
        contentBytes: 64 << 30
    )

    /// These.
    package init(paths: Int64, nameBytes: Int64, contentBytes: Int64) {
        (self.paths, self.nameBytes, self.contentBytes) = (paths, nameBytes, contentBytes)
    }

    /// The standard ones, or what an agent may have on disk where that is less.
    package init(_ limits: LimitsPolicy) {
        self = .standard
        if let most = limits.diskFiles { paths = min(paths, most) }
        if let most = limits.diskBytes { contentBytes = min(contentBytes, most) }
    }

    /// So much beside what is there already.
    func beside(_ size: TreeSize) -> TreeBounds {
        TreeBounds(
            paths: paths + size.paths,
            nameBytes: nameBytes + size.nameBytes,
            contentBytes: contentBytes + size.contentBytes
        )
    }

    /// What there is too much of, for a sentence; nil when all is within them.
    func excess(_ size: TreeSize) -> String? {
        if size.paths > paths { return "it has more than \(paths) paths" }
        if size.nameBytes > nameBytes {
            return "its paths have more than \(Amount.bytes(nameBytes)) together"
        }
        if size.contentBytes > contentBytes {
            return "its files have more than \(Amount.bytes(contentBytes)) when they are written out"
        }
        return nil
    }
}

/// How large a tree is.
struct TreeSize: Equatable {
    var paths: Int64 = 0
    var nameBytes: Int64 = 0
    var contentBytes: Int64 = 0
}

extension GitRepository {
    /// Why a commit is not to be written out; nil when it may be.
    func excess(of commit: String, beyond bounds: TreeBounds) throws(ClocheError) -> String? {
        var size = try namesSize(commit, within: bounds)
        if let excess = bounds.excess(size) { return excess }
        // The empty tree.
        let nothing = try git.output(
            ["hash-object", "-t", "tree", "--stdin"],
            at: store,
            "a tree cannot be named"
        ).text.withoutFinalNewline
        size.contentBytes = try contentSize(from: nothing, to: commit, within: bounds)
        return bounds.excess(size)
    }

    /// How many paths a commit has, and how long they are: all of it, or as much as is beyond the bounds.
    ///
    /// Looks at trees alone: what the files have takes ten times as long to find out.
    fileprivate func namesSize(_ commit: String, within bounds: TreeBounds?) throws(ClocheError) -> TreeSize {
        var size = TreeSize()
        try git.stream(
            ["ls-tree", "-r", "-z", "--name-only", "--full-tree", commit],
            at: store,
            "the files of a commit cannot be listed"
        ) { part in
            let ends = part.reduce(0) { $1 == 0 ? $0 + 1 : $0 }
            size.paths += Int64(ends)
            size.nameBytes += Int64(part.count - ends)
            return bounds?.excess(size) == nil
        }
        return size
    }

    /// The bytes of the files that a commit has and another, or a tree, has not at the same place.
    ///
    /// Only for commits whose number of paths is known to be within bounds.
    fileprivate func contentSize(from old: String, to new: String, within bounds: TreeBounds)
        throws(ClocheError)
        -> Int64
    {
        var objects = ChangedObjects()
        let intent = "the changes could not be listed"
        let arguments = ["diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new, "--"]
        try git.stream(arguments, at: store, intent) { part in
            objects.add(part)
            return true
        }
        if objects.list.isEmpty { return 0 }
        var sum = NumberSum()
        let sizes = ["cat-file", "--batch-check=%(objectsize)", "--buffer"]
        try git.stream(sizes, at: store, input: objects.list, intent) { part in
            sum.add(part)
            return sum.total <= bounds.contentBytes
        }
        return sum.total
    }
}

/// The objects of the new side in the output of `git diff-tree --raw -z`, a line each, of pieces that may end anywhere.
struct ChangedObjects {
    private(set) var list: [UInt8] = []
    /// `:MODE MODE OBJECT OBJECT LETTER`, as far as it has come.
    private var facts: [UInt8] = []
    private var isPath = false

    mutating func add(_ output: [UInt8]) {
        for byte in output {
            if byte != 0 {
                if !isPath { facts.append(byte) }
                continue
            }
            if !isPath { take() }
            isPath.toggle()
        }
    }

    private mutating func take() {
        let fields = facts.split(separator: UInt8(ascii: " "))
        facts.removeAll(keepingCapacity: true)
        // A file or a link: what is gone has no size, nor has a submodule.
        guard fields.count >= 5, fields[1].first == UInt8(ascii: "1"), fields[1] != Self.submodule else {
            return
        }
        list += fields[3]
        list.append(UInt8(ascii: "\n"))
    }

    private static let submodule = Array("160000".utf8)[...]
}

/// The sum of numbers, a line each, of pieces that may end anywhere.
struct NumberSum {
    private(set) var total: Int64 = 0
    private var number: Int64 = 0

    /// Larger ones are counted as this: no sum of what there is room for overflows then.
    private static let most: Int64 = 1 << 40

    mutating func add(_ output: [UInt8]) {
        for byte in output {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                number = min(number * 10 + Int64(byte - UInt8(ascii: "0")), Self.most)
            default:
                total += number
                number = 0
            }
        }
    }
}

extension AgentWorktree {
    /// Refuses commits that a fetch has brought, before anything of them is read into an index.
    ///
    /// What the agent began with is the user's, and as large as it likes: bounds are of what is beside it.
    ///
    /// - Parameter known: commits that were there before.
    func refuseExcess(_ commits: Set<String>, known: Set<String>, _ bounds: TreeBounds) throws(ClocheError) {
        for commit in commits.subtracting(known).sorted() {
            guard let excess = try excess(of: commit, beyond: bounds) else { continue }
            try forgetFetched()
            throw ClocheError(
                .state,
                "the work of \(agent) was not taken over: it is too large",
                why: "beside what it began with, \(excess)",
                remedy: """
                    have it take that out of its commit and of its workspace, \(workspace.visible); or give it more, if its \
                    profile has `limits.disk` or `limits.disk-files`
                    """
            )
        }
    }

    private func excess(of commit: String, beyond bounds: TreeBounds) throws(ClocheError) -> String? {
        let first = try origin().commit
        var size = try repository.namesSize(commit, within: bounds)
        if let excess = bounds.excess(size) {
            let more = bounds.beside(try repository.namesSize(first, within: nil))
            size = try repository.namesSize(commit, within: more)
            if more.excess(size) != nil { return excess }
        }
        let added = try repository.contentSize(from: first, to: commit, within: bounds)
        return bounds.excess(TreeSize(contentBytes: added))
    }

    /// Nothing of the user's may come upon what was refused.
    private func forgetFetched() throws(ClocheError) {
        let names = [refs.fetchedHead, refs.fetchedSnapshot]
        _ = try repository.git.output(
            ["update-ref", "--no-deref", "--stdin"],
            at: repository.store,
            input: [UInt8](names.map { "delete \($0)\n" }.joined().utf8),
            "the agent's refs could not be removed"
        )
    }
}
