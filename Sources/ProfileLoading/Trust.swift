// Which files of which projects the user trusts. Trusting a file keeps an exact copy of it in the user's own
// configuration; a file is trusted while it is equal to its copy, so an edit (by a pull, or by an agent whose
// branch was merged) ends the trust, and no digest can be fooled.

package import ClocheModel
internal import Glibc
internal import LinuxSystem

/// Trust in a project's files.
package struct ProjectTrust: Sendable {
    private let directory: String

    /// `configDirectory` is the user's, as a rule `~/.config/cloche`.
    package init(configDirectory: String) { directory = configDirectory + "/trusted" }

    /// Whether the file is, byte for byte, the one that was trusted.
    package func isTrusted(_ file: String) -> Bool {
        // What cannot be read cannot be trusted.
        guard let bytes = try? Trust.read(file) else { return false }
        return isTrusted(file, bytes)
    }

    /// The same for content already read, so that what is judged is what is used.
    func isTrusted(_ file: String, _ bytes: [UInt8]) -> Bool {
        // Where there is no copy, there is no trust.
        guard let copy = try? copy(of: file), let known = try? Trust.read(copy) else { return false }
        return known == bytes
    }

    /// Trusts the file as it is now.
    package func trust(_ file: String) throws(ClocheError) {
        do {
            let copy = try copy(of: file)
            try Files.makeDirectories(copy.parentPath)
            try Files.writeAtomically(copy, Trust.read(file))
        } catch {
            throw ClocheError(.system, "cannot trust \(file)", why: error.description)
        }
    }

    /// Ends the trust; it is fine if there was none.
    package func distrust(_ file: String) throws(ClocheError) {
        do {
            try Files.remove(copy(of: file))
        } catch {
            throw ClocheError(.system, "cannot end the trust in \(file)", why: error.description)
        }
    }

    /// Where the copy is: the file's own path below the directory of copies.
    ///
    /// Links of the project's own are not followed: what is trusted in one project would be in every one that links to it.
    private func copy(of file: String) throws(SystemError) -> String {
        let mark = "/.cloche/"
        guard let end = file.indices.last(where: { file[$0...].hasPrefix(mark) }) else {
            return directory + (try Files.canonicalPath(file))
        }
        let project = try Files.canonicalPath(end == file.startIndex ? "/" : String(file[..<end]))
        return directory + (project == "/" ? "" : project) + file[end...]
    }
}

/// Reading what may come from anybody, and refusing it.
enum Trust {
    /// The file's content; a FIFO or a device is refused instead of waited for.
    static func read(_ path: String) throws(SystemError) -> [UInt8] {
        let file = try Files.open(path, O_RDONLY | O_NONBLOCK)
        guard try Files.status(of: file).kind == .regular else {
            throw SystemError("open", Errno(EINVAL), path)
        }
        return try file.readToEnd(limit: 2 << 20)
    }

    static func refusal(_ place: String, _ reason: String) -> Diagnostic {
        Diagnostic(
            place,
            "\(reason), and this project's file is not trusted",
            remedy: "read the file; if you agree with it, run `cloche config trust`"
        )
    }
}
