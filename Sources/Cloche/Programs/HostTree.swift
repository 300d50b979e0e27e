// The host's files as the search for programs reads them. What cannot be looked at is as absent: a program that its
// user may not read could not be brought in either.

internal import LinuxSystem

/// The host's files below a root, which tests choose.
struct HostTree: Sendable {
    /// Put before each path; empty for the host itself.
    let root: String

    init(root: String = "") { self.root = root }

    /// What is at a path, a link not followed.
    func status(_ path: String) -> FileStatus? {
        // See above, as below.
        try? Files.status(root + path, followLinks: false)
    }

    func link(_ path: String) -> String? {
        // See above.
        try? Files.readLink(root + path)
    }

    func names(_ path: String) -> [String] {
        // See above.
        (try? Files.list(root + path)) ?? []
    }

    /// The first bytes of a regular file.
    func head(_ path: String, _ count: Int) -> [UInt8] {
        // See above.
        guard status(path)?.kind == .regular else { return [] }
        // See above.
        return (try? Files.read(root + path, limit: count)) ?? []
    }

    /// The lines of a small text.
    func lines(_ path: String) -> [Substring] {
        String(decoding: head(path, 65536), as: UTF8.self).split(whereSeparator: \.isNewline)
    }
}

extension String {
    /// Whether this path is a directory or lies below it.
    func isWithin(_ directory: String) -> Bool {
        self == directory || directory == "/" || hasPrefix(directory + "/")
    }
}
