// The index of an agent's worktree on the host, which the user's own `git status` there reads. It follows the agent's
// commits. Every gitlink in it is marked skip-worktree: otherwise git would run `git status` inside that directory, with
// the configuration the agent planted there (`core.fsmonitor` is a command).

internal import ClocheModel
internal import Glibc
internal import LinuxSystem

extension AgentWorktree {
    /// Marks the gitlinks of a newly checked-out worktree.
    func hideNestedRepositories() throws(ClocheError) {
        try replaceIndex { _ throws(ClocheError) in }
    }

    /// Sets the worktree's index to a commit, keeping what is known of files that did not change.
    ///
    /// Touches no file.
    func resetIndex(to commit: String) throws(ClocheError) {
        try replaceIndex { place throws(ClocheError) in
            _ = try repository.git.output(
                ["read-tree", "-m", commit],
                at: place,
                "the worktree's index could not be refreshed"
            )
        }
    }

    /// Changes a copy of the index, marks its gitlinks, and puts it in place in one step: no moment shows a
    /// gitlink without the mark.
    ///
    /// git's own lock file is held meanwhile.
    private func replaceIndex(_ change: (Git.Place) throws(ClocheError) -> Void) throws(ClocheError) {
        let directory = try requiredAdministrativeDirectory()
        let index = directory + "/index"
        let copy = directory + "/index.cloche"
        try takeIndexLock(index + ".lock")
        defer { _ = unsafe unlink(index + ".lock") }
        do {
            try Files.remove(copy + ".lock")
            try Files.writeAtomically(copy, Files.exists(index) ? try Files.read(index) : [], mode: 0o644)
            if !Files.exists(index) { try Files.remove(copy) }
        } catch {
            throw ClocheError("the worktree's index could not be copied", error)
        }
        let place = Git.Place(directory, workTree: workspace, indexFile: copy, directory: workspace)
        try change(place)
        try markGitlinks(place)
        do {
            if Files.exists(copy) { try Files.rename(copy, index) }
        } catch {
            throw ClocheError("the worktree's index could not be replaced", error)
        }
    }

    private func markGitlinks(_ place: Git.Place) throws(ClocheError) {
        let intent = "the worktree's nested repositories could not be marked"
        let listing = try repository.git.output(["ls-files", "-s", "-z"], at: place, intent)
        let links = listing.nulSeparated.filter { $0.starts(with: [UInt8]("160000 ".utf8)) }
        guard !links.isEmpty else { return }
        let names = links.flatMap { entry in
            (entry.firstIndex(of: UInt8(ascii: "\t")).map { [UInt8](entry[($0 + 1)...]) } ?? []) + [0]
        }
        _ = try repository.git.output(
            ["update-index", "-z", "--skip-worktree", "--stdin"],
            at: place,
            input: names,
            intent
        )
    }

    /// git's protocol: who makes `index.lock` may replace the index.
    ///
    /// Ours has a mark in it, so that one left by a killed cloche is known; the agent's lock, which we hold,
    /// says that it is not in use.
    private func takeIndexLock(_ path: String) throws(ClocheError) {
        let mark = [UInt8]("cloche\n".utf8)
        for _ in 0..<500 {
            do {
                let file = try Files.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
                try file.write(mark)
                return
            } catch  where error.errno == .exists {
                // It may vanish between the two calls.
                if let content = try? Files.read(path, limit: 64), content == mark { _ = unsafe unlink(path) }
                usleep(20_000)
            } catch {
                throw ClocheError("the worktree's index could not be locked", error)
            }
        }
        throw ClocheError(
            .git,
            "the worktree's index is locked",
            why: "\(path.visible) exists",
            remedy:
                "another git is at work in \(workspace.visible), or one was killed: if none runs, remove that file"
        )
    }
}
