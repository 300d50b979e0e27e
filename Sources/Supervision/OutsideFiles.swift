// What an agent made, changed and removed outside its workspace: its home and its layers over the system's directories,
// looked through when it has ended, and compared with what was there when it ended before. Bounded in names and in time:
// what is too much is counted, or said to be cut.

internal import Glibc
internal import LinuxSystem

/// One file that is another than before.
struct OutsideChange: Equatable {
    enum Place: String {
        case home, upper
    }

    let path: [UInt8]
    /// `added`, `modified`, `deleted` or `closed`.
    let change: String
    let kind: TreeEntry.Kind
    let place: Place
}

/// A tree that is looked through.
struct OutsideTree {
    let path: String
    /// Where the agent sees it.
    let inside: String
    let place: OutsideChange.Place
    /// What is below it, of a layer: where a name that is here is there, too, it was not added.
    var lower: [String] = []
}

/// Looks through some trees.
struct OutsideFiles {
    /// How many changes are told one by one.
    static let mostTold = 1000
    /// How many bytes their names have.
    private static let mostToldBytes = 256 << 10
    /// How many directories that cannot be looked into are named.
    private static let mostClosed = 64
    /// How many names, and bytes of them, are remembered.
    static let mostKept = 8192
    private static let mostKeptBytes = 1 << 20

    /// What was there before.
    private let before: KeptFiles
    /// Whatever is older was there before, if that is not known.
    private let since: Int64
    private let deadline: Int64
    /// What Cloche puts there itself, with its content if it is a file with any.
    private let planned: [[UInt8]: String?]

    /// What of that is there.
    private var found: Set<[UInt8]> = []

    private var now = KeptFiles()
    private var keptBytes = 0
    private(set) var changes: [OutsideChange] = []
    private var toldBytes = 0
    /// What was changed beyond those.
    private(set) var untold: [OutsideChange.Place: Int] = [:]
    /// Where not everything was looked at.
    private(set) var cut: Set<OutsideChange.Place> = []
    /// Directories that could not be looked into.
    private var closed: [[UInt8]] = []
    /// Where the home is inside.
    private var home: [UInt8] = []

    /// Begins.
    ///
    /// - Parameters:
    ///   - since: nanoseconds since 1970.
    ///   - deadline: of `MonotonicClock.microseconds`.
    init(_ before: KeptFiles, since: Int64, planned: [[UInt8]: String?] = [:], deadline: Int64 = .max) {
        (self.before, self.since, self.planned, self.deadline) = (before, since, planned, deadline)
    }

    /// Looks through a tree.
    mutating func look(through tree: OutsideTree) {
        // None there, nothing in it.
        guard var walk = try? TreeWalk(tree.path) else { return }
        let prefix = Array(tree.inside.utf8) + [UInt8(ascii: "/")]
        if tree.place == .home { home = prefix }
        while let entry = walk.next() {
            if MonotonicClock.microseconds >= deadline {
                cut.insert(tree.place)
                return
            }
            note(entry, at: prefix + entry.path, in: tree)
        }
        if walk.closed.count > Self.mostClosed { cut.insert(tree.place) }
        for path in walk.closed.prefix(Self.mostClosed) {
            let inside = path.isEmpty ? Array(tree.inside.utf8) : prefix + path
            closed.append(inside + [UInt8(ascii: "/")])
            tell(OutsideChange(path: inside, change: "closed", kind: .directory, place: tree.place))
        }
        if walk.isCut { cut.insert(tree.place) }
    }

    /// Ends: what is not there any more was deleted.
    ///
    /// - Returns: what the next looking through compares with.
    mutating func end() -> KeptFiles {
        if !cut.isEmpty {
            now.isWhole = false
            return now
        }
        for (path, content) in planned where content != nil && !found.contains(path) && !isHidden(path) {
            tell(OutsideChange(path: path, change: "deleted", kind: .file, place: .upper))
        }
        for (path, old) in before.files
        where now.files[path] == nil && planned[path] == nil && !isHidden(path) {
            // One that was not kept for want of room may still be there.
            if !now.isWhole { break }
            // What stood for a removed file is gone: the file is back.
            let change = old.kind == .absence ? "added" : "deleted"
            let place: OutsideChange.Place = path.starts(with: home) ? .home : .upper
            tell(OutsideChange(path: path, change: change, kind: old.kind, place: place))
        }
        return now
    }

    private func isHidden(_ path: [UInt8]) -> Bool {
        closed.contains { path.starts(with: $0) }
    }

    private mutating func note(_ entry: TreeEntry, at path: [UInt8], in tree: OutsideTree) {
        keep(entry, path)
        let content = planned[path]
        if content != nil { found.insert(path) }
        guard var change = judge(entry, at: path, in: tree) else { return }
        if let content {
            if isOurs(entry, content, tree) { return }
            if change == "added" { change = "modified" }
        }
        tell(OutsideChange(path: path, change: change, kind: entry.kind, place: tree.place))
    }

    private mutating func keep(_ entry: TreeEntry, _ path: [UInt8]) {
        guard now.files.count < Self.mostKept, keptBytes + path.count <= Self.mostKeptBytes else {
            now.isWhole = false
            return
        }
        now.files[path] = KeptFiles.File(kind: entry.kind, inode: entry.inode, changed: entry.changed)
        keptBytes += path.count
    }

    /// What became of it; nil for nothing.
    private func judge(_ entry: TreeEntry, at path: [UInt8], in tree: OutsideTree) -> String? {
        if let old = before.files[path] {
            if entry.kind == .absence { return old.kind == .absence ? nil : "deleted" }
            if old.kind == .absence { return entry.kind == .directory ? nil : "modified" }
            if old.kind == entry.kind
                && (entry.kind == .directory || old.inode == entry.inode && old.changed == entry.changed)
            {
                return nil
            }
            return "modified"
        }
        if !before.isWhole && max(entry.changed, entry.made ?? 0) < since { return nil }
        if entry.kind == .absence { return "deleted" }
        let isOld = !before.isWhole && (entry.made ?? 0) < since || isBelow(entry, tree)
        if isOld { return entry.kind == .directory ? nil : "modified" }
        return "added"
    }

    private func isBelow(_ entry: TreeEntry, _ tree: OutsideTree) -> Bool {
        tree.lower.contains { Files.exists(Array(($0 + "/").utf8) + entry.path) }
    }

    /// Whether it is as Cloche puts it there.
    private func isOurs(_ entry: TreeEntry, _ content: String?, _ tree: OutsideTree) -> Bool {
        guard let content else { return entry.kind != .absence }
        let name = String(decoding: entry.path, as: UTF8.self)
        // What cannot be read as planned is not as planned.
        do throws(SystemError) {
            let folder = try Files.open(tree.path, Files.placeOnly)
            let file = try Files.openBeneath(folder, name, O_RDONLY | O_NONBLOCK)
            guard try Files.status(of: file).kind == .regular else { return false }
            return try file.readToEnd(limit: content.utf8.count + 1) == Array(content.utf8)
        } catch { return false }
    }

    private mutating func tell(_ change: OutsideChange) {
        if changes.count < Self.mostTold, toldBytes + change.path.count <= Self.mostToldBytes {
            toldBytes += change.path.count
            changes.append(change)
        } else {
            untold[change.place, default: 0] += 1
        }
    }
}

/// Names and what they were, from one end of an agent to the next.
struct KeptFiles: Equatable {
    struct File: Equatable {
        let kind: TreeEntry.Kind
        let inode: UInt64
        let changed: Int64
    }

    var files: [[UInt8]: File] = [:]
    /// Whether that is all there was.
    var isWhole = true

    private static let title = Array("cloche-files-1".utf8)

    /// Nothing.
    init() {}

    /// Reads what was written; what is none tells nothing.
    init(_ bytes: [UInt8]) {
        var records = bytes.split(separator: 0)[...]
        guard let head = records.popFirst(), head.starts(with: Self.title) else {
            isWhole = false
            return
        }
        isWhole = head.last == UInt8(ascii: "+")
        for record in records {
            // Kind, inode, time, path.
            let words = record.split(separator: UInt8(ascii: " "), maxSplits: 3)
            guard words.count == 4, let kind = words[0].first.flatMap(TreeEntry.Kind.init),
                let inode = UInt64(String(decoding: words[1], as: UTF8.self)),
                let changed = Int64(String(decoding: words[2], as: UTF8.self))
            else {
                isWhole = false
                continue
            }
            files[Array(words[3])] = File(kind: kind, inode: inode, changed: changed)
        }
    }

    /// As it is written.
    var bytes: [UInt8] {
        var bytes = Self.title + [UInt8(ascii: isWhole ? "+" : "-"), 0]
        for (path, file) in files {
            bytes.append(file.kind.rawValue)
            bytes += Array(" \(file.inode) \(file.changed) ".utf8)
            bytes += path
            bytes.append(0)
        }
        return bytes
    }
}
