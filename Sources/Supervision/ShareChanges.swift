// What changes in the shared directories that an agent may write, for its audit log. The kernel says which name in which
// directory, and not whose doing it is: while several agents may write a directory, each of their logs has all changes.
//
// Bounded: so many directories are watched, so many paths are told at one time; the rest is counted. What is written
// through a mapping of memory is not told at all.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import SandboxRuntime

/// Collects changes of names until they are written down.
///
/// Pure: paths and notices in, changes out.
struct ShareChangeList {
    /// What became of one path.
    struct Change: Equatable, Sendable {
        let share: String
        var path: [UInt8]
        var change: String
        var from: [UInt8]?
    }

    /// Paths that are told at one time.
    static let mostPaths = 32

    private(set) var changes: [Change] = []
    /// By share: changes of further paths.
    private(set) var untold: [String: Int64] = [:]
    private var places: [[UInt8]: Int] = [:]

    var isEmpty: Bool { changes.isEmpty && untold.isEmpty }

    /// Notes a change; of several of one path, the one that says most is kept.
    mutating func note(_ share: String, _ path: [UInt8], _ change: String, from: [UInt8]? = nil) {
        let key = Array(share.utf8) + [0] + path
        if let place = places[key] {
            // What was made and then written was made.
            if change == "written" { return }
            changes[place].change = change
            changes[place].from = from ?? changes[place].from
            return
        }
        guard changes.count < Self.mostPaths else {
            untold[share, default: 0] += 1
            return
        }
        places[key] = changes.count
        changes.append(Change(share: share, path: path, change: change, from: from))
    }

    /// Notes changes without their paths.
    mutating func noteUntold(_ share: String, _ count: Int64) { untold[share, default: 0] += count }

    /// What was collected, which is forgotten.
    mutating func take() -> [AuditEvent] {
        defer { self = ShareChangeList() }
        func text(_ path: [UInt8]) -> Document { .string(String(decoding: path, as: UTF8.self)) }
        let told = changes.map { change in
            AuditEvent(
                .share,
                [
                    .init("name", .string(change.share)), .init("change", .string(change.change)),
                    .init("path", text(change.path)), .init("from", change.from.map(text) ?? .null),
                ]
            )
        }
        let rest = untold.sorted { $0.key < $1.key }.map { share, count in
            AuditEvent(
                .share,
                [
                    .init("name", .string(share)), .init("change", .string("untold")),
                    .init("count", .integer(count)),
                ]
            )
        }
        return told + rest
    }
}

/// Watches the shared directories that an agent may write.
final class ShareChanges {
    /// Directories that are watched.
    static let mostDirectories = 512
    /// Milliseconds from a change until it is written down, together with those that come meanwhile.
    static let pause: Int64 = 2000
    /// Milliseconds between two looks at what has changed: a new directory is watched soon, and a flood costs little.
    static let rest: Int64 = 50

    private let notices: ChangeNotices
    private let roots: [(share: String, root: FileDescriptor.Shared)]
    /// By the number of the watch.
    private var directories: [Int32: (root: Int, path: [UInt8])] = [:]
    private var list = ShareChangeList()
    /// What has left its name and not arrived at another yet, by the number that both have.
    private var left: [UInt32: (root: Int, path: [UInt8], isDirectory: Bool)] = [:]
    /// When changes are written down, in milliseconds of the monotonic clock; nil while there are none.
    private(set) var due: Int64?
    /// When it is looked again; nil while the kernel is to tell.
    private(set) var lookAgain: Int64?

    /// Watches what of these an agent may write; nil where that is nothing.
    init?(_ shares: [SharedDirectory]) throws(SystemError) {
        let written = shares.filter { $0.mode == .readWrite }
        if written.isEmpty { return nil }
        notices = try ChangeNotices()
        var roots: [(String, FileDescriptor.Shared)] = []
        for share in written {
            let root = try Files.open(share.files, Files.placeOnly | O_DIRECTORY | O_NOFOLLOW)
            roots.append((share.name, FileDescriptor.Shared(root)))
        }
        self.roots = roots
        for index in roots.indices { watch(index, [], isNew: false) }
    }

    /// Readable while there is something to read.
    var number: CInt { notices.descriptor.number }

    /// Something can be read: takes it, and rests.
    func look(_ now: Int64) {
        for notice in notices.take() { note(notice) }
        due = due ?? now + Self.pause
        lookAgain = now + Self.rest
    }

    /// The rest is over: the kernel is to tell of the next change.
    func wake() { lookAgain = nil }

    /// What has changed up to now, as records.
    func take() -> [AuditEvent] {
        due = nil
        for notice in notices.take() { note(notice) }
        // What left and did not arrive is not in the shared directory any more.
        for place in left.values {
            list.note(roots[place.root].share, place.path, "deleted")
            if place.isDirectory { forget(place.root, place.path) }
        }
        left = [:]
        return list.take()
    }

    private func note(_ notice: ChangeNotice) {
        if notice.change == .overflow {
            for (share, _) in roots { list.noteUntold(share, 1) }
            return
        }
        guard let place = directories[notice.watch] else { return }
        if notice.change == .ended {
            directories[notice.watch] = nil
            return
        }
        let (root, share) = (place.root, roots[place.root].share)
        let path = place.path.isEmpty ? notice.name : place.path + [UInt8(ascii: "/")] + notice.name
        switch notice.change {
        case .created:
            list.note(share, path, "created")
            if notice.isDirectory { watch(root, path, isNew: true) }
        case .written: list.note(share, path, "written")
        case .removed: list.note(share, path, "deleted")
        case .left: left[notice.cookie] = (root, path, notice.isDirectory)
        case .arrived:
            guard let from = left.removeValue(forKey: notice.cookie), from.root == root else {
                list.note(share, path, "created")
                if notice.isDirectory { watch(root, path, isNew: true) }
                return
            }
            list.note(share, path, "renamed", from: from.path)
            if notice.isDirectory { move(root, from.path, to: path) }
        case .ended, .overflow: break
        }
    }

    /// A directory has another name, and so has all that is below it.
    private func move(_ root: Int, _ old: [UInt8], to new: [UInt8]) {
        for (watch, place) in directories where place.root == root {
            if place.path == old {
                directories[watch]?.path = new
            } else if place.path.starts(with: old + [UInt8(ascii: "/")]) {
                directories[watch]?.path = new + place.path.dropFirst(old.count)
            }
        }
    }

    /// A directory is not there any more.
    private func forget(_ root: Int, _ path: [UInt8]) {
        for (watch, place) in directories
        where place.root == root
            && (place.path == path || place.path.starts(with: path + [UInt8(ascii: "/")]))
        {
            notices.remove(watch)
        }
    }

    /// Watches a directory and those below it; in a new one, what was made before it was watched is told.
    private func watch(_ root: Int, _ path: [UInt8], isNew: Bool) {
        var waiting = [path]
        while let path = waiting.popLast() {
            guard directories.count < Self.mostDirectories else {
                list.noteUntold(roots[root].share, Int64(waiting.count + 1))
                return
            }
            // Gone or replaced meanwhile: that has a notice of its own.
            guard let stream = try? DirectoryStream(beneath: roots[root].root, path) else { continue }
            // Beyond `fs.inotify.max_user_watches`: what changes there is not told.
            guard let number = try? notices.add(stream) else {
                list.noteUntold(roots[root].share, 1)
                continue
            }
            directories[number] = (root, path)
            while let entry = stream.nextEntry() {
                let below = path.isEmpty ? entry.name : path + [UInt8(ascii: "/")] + entry.name
                if isNew { list.note(roots[root].share, below, "created") }
                if entry.mayBeDirectory { waiting.append(below) }
            }
        }
    }
}
