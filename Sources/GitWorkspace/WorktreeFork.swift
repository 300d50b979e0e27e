// What going back and forking need of git: files of the first commit as they were checked out, a second worktree from the
// same commit, and an agent's private git directory under another branch's name. The private directory is the agent's: its
// files are read as texts, through no link, and git is not run on it.

package import ClocheModel
internal import Glibc
internal import LinuxSystem

extension AgentWorktree {
    /// Makes a worktree that starts from the same commit as another agent's.
    package func create(like other: AgentWorktree, waiting: (String) -> Void = { _ in }) throws(ClocheError) {
        try repository.checkVersion()
        try create(from: try other.origin(), waiting)
    }

    /// The commit that the agent started from.
    package func base() throws(ClocheError) -> String { try origin().commit }

    /// Writes files of the first commit below a directory, just as they were checked out.
    ///
    /// - Returns: where they are.
    package func checkOut(_ paths: [[UInt8]], in directory: String) throws(ClocheError) -> String {
        let files = directory + "/checkout"
        do throws(SystemError) {
            try Files.makeDirectories(files)
        } catch { throw ClocheError("no directory for the files of the first commit can be made", error) }
        let command = ["checkout-index", "-f", "-q", "-z", "--stdin"]
        let input = Array(paths.joined(separator: [0])) + [0]
        var place = Git.Place(
            administrativeDirectory() ?? repository.commonDirectory,
            workTree: files,
            indexFile: firstIndexFile,
            directory: files
        )
        // A power cut may have taken it, and agents of old have none: then the commit is read.
        if Files.exists(firstIndexFile), try repository.git.run(command, at: place, input: input).status == 0
        {
            return files
        }
        place.indexFile = directory + "/index"
        let intent = "the files of the first commit could not be written"
        _ = try repository.git.output(["read-tree", try base()], at: place, intent)
        _ = try repository.git.output(command, at: place, input: input, intent)
        return files
    }

    /// Lets a private git directory that was another agent's be this one's: its branch has this agent's name.
    package func takeOverPrivateGit(of other: String) throws(ClocheError) {
        do throws(SystemError) {
            let directory = try Files.open(privateGitDirectory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
            let (old, new) = ("heads/cloche/" + other, "heads/cloche/" + agent)
            try change("HEAD", in: directory) { $0 == "ref: refs/" + old ? "ref: refs/" + new : $0 }
            for (file, prefix) in [("packed-refs", " refs/"), ("seeded-refs", " ")] {
                try change(file, in: directory) { line in
                    line.hasSuffix(prefix + old) ? line.dropLast(old.utf8.count) + new : line
                }
            }
            for folder in ["refs/heads/cloche", "logs/refs/heads/cloche"] {
                try rename(other, agent, in: folder, of: directory)
            }
        } catch {
            throw ClocheError(
                "the branch of \(other) in the agent's own git directory could not be renamed",
                error,
                remedy: "resume \(other) and see what `git status` says there"
            )
        }
    }

    /// As much as git's own files of refs are ever long.
    private static let longest = 256 << 20

    private func change(
        _ name: String,
        in directory: borrowing FileDescriptor,
        _ body: (Substring) -> Substring
    )
        throws(SystemError)
    {
        let file: FileDescriptor
        do throws(SystemError) {
            file = try Files.openBeneath(directory, name, O_RDONLY | O_NONBLOCK)
        } catch  where error.errno == .noEntry { return }
        guard try Files.status(of: file).kind == .regular else { return }
        let bytes = try file.readToEnd(limit: Self.longest)
        // Names of refs are no UTF-8 by rule; a text that is none is left as it is.
        guard let text = String(validating: bytes, as: UTF8.self) else { return }
        let changed = text.split(separator: "\n", omittingEmptySubsequences: false).map(body)
            .joined(separator: "\n")
        if changed != text { try Files.replaceFile(name, at: directory, Array(changed.utf8), mode: 0o644) }
    }

    private func rename(
        _ old: String,
        _ new: String,
        in folder: String,
        of directory: borrowing FileDescriptor
    ) throws(SystemError) {
        do throws(SystemError) {
            let place = try Files.openBeneath(directory, folder, O_RDONLY | O_DIRECTORY)
            try Files.rename(old, new, at: place)
        } catch  where error.errno == .noEntry {}
    }
}
