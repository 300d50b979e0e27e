// Two lists of one tree have nearly the same files in nearly the same order. So a file of the one is mostly found in the
// other without a search, and the table of all paths is only made where something came or went.

internal import LinuxSystem

/// Finds the files of a list by their paths.
struct FilesByPath {
    /// So many that are in the list alone are passed over before a search.
    private static let mostPassed = 4

    private let files: [TreeFile]
    private var next = 0
    private var places: [[UInt8]: Int]?

    init(_ files: [TreeFile]) { self.files = files }

    /// The place of a file in the list; nil when it is not in it.
    mutating func index(of path: [UInt8]) -> Int? {
        for index in next..<min(next + Self.mostPassed, files.count) where files[index].path == path {
            next = index + 1
            return index
        }
        guard let index = search(path) else { return nil }
        next = index + 1
        return index
    }

    private mutating func search(_ path: [UInt8]) -> Int? {
        if let places { return places[path] }
        var all = [[UInt8]: Int](minimumCapacity: files.count)
        for index in files.indices { all[files[index].path] = index }
        places = all
        return all[path]
    }
}
