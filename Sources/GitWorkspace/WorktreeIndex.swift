// The index of an agent's worktree on the host, which the user's own `git status` there reads. It follows the
// agent's commits. Every gitlink in it is marked skip-worktree: otherwise git would run `git status` inside
// that directory, with the configuration the agent planted there (`core.fsmonitor` is a command).

internal import ClocheModel
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
                ["read-tree", "--reset", commit],
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
        let lock = try IndexLock(directory)
        defer { lock.release() }
        try lock.copyIndex()
        let place = Git.Place(directory, workTree: workspace, indexFile: lock.copy, directory: workspace)
        try change(place)
        try markGitlinks(place)
        try lock.replaceIndex()
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
}
