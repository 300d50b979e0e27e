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
    /// Files that stay just as they are.
    package var untouched: [TreeFile] = []

    /// Compares.
    ///
    /// Both lists have directories before what is in them, and contents of the same store.
    package init(from present: [TreeFile], to wanted: [TreeFile]) {
        var there = FilesByPath(present)
        var first: [UInt64: [UInt8]] = [:]
        var kept = [Bool](repeating: false, count: present.count)
        untouched.reserveCapacity(present.count)
        for file in wanted {
            let index = there.index(of: file.path)
            let old = index.map { present[$0] }
            if let index, present[index].kind == file.kind { kept[index] = true }
            if file.kind == .file, file.names > 1 {
                if let other = first[file.inode] {
                    // Whether they are one already does not pay to find out: such files are few.
                    linked.append((file.path, other))
                    continue
                }
                first[file.inode] = file.path
            }
            note(file, old)
        }
        remove(present, but: kept)
    }

    private mutating func note(_ file: TreeFile, _ old: TreeFile?) {
        guard let old, old.kind == file.kind else { return made.append(file) }
        switch file.kind {
        case .file where old.content != file.content || old.size != file.size: made.append(file)
        case .file where old.names > 1 && file.names == 1:
            // Another name of it may be what shall be something else.
            made.append(file)
        case .link where old.target != file.target: made.append(file)
        default:
            if old.mode != file.mode || old.modified != file.modified {
                altered.append(file)
            } else if old.kind == .file {
                untouched.append(old)
            }
        }
    }

    private mutating func remove(_ present: [TreeFile], but kept: [Bool]) {
        var gone: Set<[UInt8]> = []
        for (file, isKept) in zip(present, kept) where !isKept {
            gone.insert(file.path)
            if !gone.contains(Self.parent(of: file.path)) { removed.append(file.path) }
        }
    }

    /// The directory that a path is in.
    static func parent(of path: [UInt8]) -> [UInt8] {
        path.lastIndex(of: UInt8(ascii: "/")).map { Array(path[..<$0]) } ?? []
    }

    /// Whether nothing has to be done.
    package var isEmpty: Bool { removed.isEmpty && made.isEmpty && altered.isEmpty && linked.isEmpty }

    /// See `Equatable`.
    package static func == (one: TreeChanges, other: TreeChanges) -> Bool {
        one.removed == other.removed && one.made == other.made && one.altered == other.altered
            && one.linked.elementsEqual(other.linked) { $0.path == $1.path && $0.to == $1.to }
    }
}
