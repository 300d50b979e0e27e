// What has to be done to a tree so that it is again as it was: a comparison of two lists, without a look at any file.

package import LinuxSystem

/// The difference between a tree as it is and as it shall be.
package struct TreeChanges: Equatable, Sendable {
    /// What goes, a directory with everything in it.
    package var removed: [[UInt8]] = []
    /// What is made, directories before what is in them; of files, those that get another content too.
    package var made: [TreeFile] = []
    /// What is there and gets another mode or time.
    package var altered: [TreeFile] = []
    /// Files that are further names of another one, by the paths of both.
    package var linked: [(path: [UInt8], to: [UInt8])] = []
    /// Files that stay just as they are, by their places in the list of what is there, in the order of what is wanted.
    package var untouched: [Int] = []

    /// Compares.
    ///
    /// Both lists have directories before what is in them, and contents of the same store.
    package init(from present: [TreeFile], to wanted: [TreeFile]) {
        var there = FilesByPath(present)
        var first: [UInt64: [UInt8]] = [:]
        // Files that are there and stay, of those that shall have several names: another group needs another one.
        var taken: Set<UInt64> = []
        var kept = [Bool](repeating: false, count: present.count)
        untouched.reserveCapacity(present.count)
        for place in wanted.indices {
            let index = there.index(of: wanted[place].path)
            if let index, present[index].kind == wanted[place].kind { kept[index] = true }
            if wanted[place].kind == .file, wanted[place].names > 1 {
                let file = wanted[place]
                if let other = first[file.inode] {
                    // Whether they are one already does not pay to find out: such files are few.
                    linked.append((file.path, other))
                    continue
                }
                first[file.inode] = file.path
            }
            guard let index, present[index].kind == wanted[place].kind else {
                made.append(wanted[place])
                continue
            }
            var difference = Self.difference(from: present[index], to: wanted[place])
            if difference != .content, wanted[place].kind == .file, wanted[place].names > 1,
                !taken.insert(present[index].inode).inserted
            {
                difference = .content
            }
            switch difference {
            case .content: made.append(wanted[place])
            case .attributes: altered.append(wanted[place])
            case nil: if wanted[place].kind == .file { untouched.append(index) }
            }
        }
        remove(present, but: kept)
    }

    private enum Difference { case content, attributes }

    private static func difference(from old: TreeFile, to file: TreeFile) -> Difference? {
        switch file.kind {
        case .file where old.content != file.content || old.size != file.size: return .content
        // Another name of it may be what shall be something else.
        case .file where old.names > 1 && file.names == 1: return .content
        case .link where old.target != file.target: return .content
        default: return old.mode != file.mode || old.modified != file.modified ? .attributes : nil
        }
    }

    private mutating func remove(_ present: [TreeFile], but kept: [Bool]) {
        var gone: Set<[UInt8]> = []
        for index in present.indices where !kept[index] {
            let path = present[index].path
            gone.insert(path)
            if !gone.contains(Self.parent(of: path)) { removed.append(path) }
        }
    }

    /// The directory that a path is in.
    static func parent(of path: [UInt8]) -> [UInt8] {
        path.lastIndex(of: UInt8(ascii: "/")).map { Array(path[..<$0]) } ?? []
    }

    /// Directories whose mode or time is another one than it shall be, or will be when the rest was done.
    var directories: Set<[UInt8]> {
        var found = Set((made + altered).lazy.filter { $0.kind == .directory }.map(\.path))
        for path in removed { found.insert(Self.parent(of: path)) }
        for file in made { found.insert(Self.parent(of: file.path)) }
        for (path, _) in linked { found.insert(Self.parent(of: path)) }
        return found
    }

    /// Whether nothing has to be done.
    package var isEmpty: Bool { removed.isEmpty && made.isEmpty && altered.isEmpty && linked.isEmpty }

    /// See `Equatable`.
    package static func == (one: TreeChanges, other: TreeChanges) -> Bool {
        one.removed == other.removed && one.made == other.made && one.altered == other.altered
            && one.linked.elementsEqual(other.linked) { $0.path == $1.path && $0.to == $1.to }
    }
}
