// The files of a commit in a directory of their own, to try something with them. There is no git directory in it: what is
// tried may be an agent's work, and whoever tries it needs no history.

package import ClocheModel
internal import Glibc
internal import LinuxSystem

/// The files of one commit, removed when the value ends.
package struct ScratchFiles: ~Copyable {
    private let place: String

    /// A directory that only its user can enter.
    package var directory: String { place + "/files" }

    private init(place: String) { self.place = place }

    deinit {
        // What cannot be removed is in the temporary directory.
        try? Files.removeTree(place)
    }

    /// Writes them, as the checkout of the repository would have them.
    ///
    /// - Parameters:
    ///   - parent: where; nil is the temporary directory.
    ///   - bounds: what may be written.
    /// - Throws: `.state` when it is more; nothing is written then.
    package static func make(
        _ commit: String,
        of repository: GitRepository,
        in parent: String? = nil,
        within bounds: TreeBounds? = nil
    ) throws(ClocheError) -> ScratchFiles {
        if let bounds, let excess = try repository.excess(of: commit, beyond: bounds) {
            throw ClocheError(
                .state,
                "the merged files are too large to be checked",
                why: excess,
                remedy: "give the agent that wants it a larger `limits.disk`, or check without it"
            )
        }
        let place = parent ?? ProcessEnvironment.value("TMPDIR") ?? "/var/tmp"
        let files = ScratchFiles(place: try directory(in: place))
        do throws(SystemError) {
            try Files.makeDirectory(files.directory)
        } catch { throw ClocheError("no temporary directory can be made", error) }
        let git = Git.Place(
            repository.commonDirectory,
            workTree: files.directory,
            indexFile: files.place + "/index",
            directory: files.directory
        )
        let intent = "the merged files could not be written to be checked"
        _ = try repository.git.output(["read-tree", commit], at: git, intent)
        _ = try repository.git.output(["checkout-index", "-a", "-f", "-q"], at: git, intent)
        return files
    }

    private static func directory(in parent: String) throws(ClocheError) -> String {
        var template = Array("\(parent)/cloche-merge-XXXXXX".utf8CString)
        let made = unsafe template.withUnsafeMutableBufferPointer { buffer -> String? in
            guard let base = buffer.baseAddress, let path = unsafe mkdtemp(base) else { return nil }
            return unsafe String(cString: path)
        }
        if let made { return made }
        throw ClocheError("no temporary directory can be made", SystemError("mkdtemp", Errno(errno), parent))
    }
}
