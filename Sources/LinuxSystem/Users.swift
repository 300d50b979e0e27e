// Who runs Cloche, and which ids the host lends for sandboxes.

internal import CLinux
internal import Glibc

/// This process's user.
package enum CurrentUser {
    /// Whether seccomp filters lie on this process, `prctl(2)` with `PR_GET_SECCOMP`.
    package static var hasFilters: Bool { clinux_has_filters() != 0 }

    /// The effective user id, `geteuid(2)`.
    package static var id: UInt32 { geteuid() }
    /// The effective group id, `getegid(2)`.
    package static var group: UInt32 { getegid() }
    /// Whether sandboxes get ids other than the caller's: only root may lend some.
    package static var isRoot: Bool { geteuid() == 0 }

    /// The login name by `/etc/passwd`; the number where it has none.
    ///
    /// The file is read as text: `getpwuid(3)` would load other libraries into a static program.
    package static var name: String {
        // No file: nobody has a name.
        let text = (try? Files.readText("/etc/passwd")) ?? ""
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            if fields.count > 2, fields[2] == "\(id)" { return String(fields[0]) }
        }
        return String(id)
    }
}

/// The heap of this process.
package enum Heap {
    /// Gives back to the system what start-up needed and nothing needs any more: a supervisor idles for hours.
    package static func trim() { clinux_trim_heap() }
}

/// A range of subordinate ids.
package struct SubordinateRange: Equatable, Sendable {
    package var first: UInt32
    package var count: UInt32

    /// `count` ids from `first` on.
    package init(first: UInt32, count: UInt32) {
        self.first = first
        self.count = count
    }

    /// The first range of a user in a file of the form of `subuid(5)`: `name:first:count`.
    ///
    /// - Parameters:
    ///   - names: login name and user id, either of which the file may use.
    ///   - text: the file's content.
    package static func parse(_ names: [String], in text: String) -> SubordinateRange? {
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count == 3, names.contains(String(fields[0])), let first = UInt32(fields[1]),
                let count = UInt32(fields[2]), count > 0, first > 0
            else { continue }
            return SubordinateRange(first: first, count: count)
        }
        return nil
    }
}
