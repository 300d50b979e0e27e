// Making an agent's worktree: a branch and a worktree of the user's repository with no file checked out by a
// hook or filter, its configuration hardened before the first file is there, then the agent's private git
// directory. Whatever fails, what was made is taken away again; after kill -9 `remove` does that.

package import ClocheModel
internal import Glibc
internal import LinuxSystem

extension AgentWorktree {
    /// What an agent starts from.
    package struct Origin: Equatable, Sendable {
        /// The commit.
        package let commit: String
        /// The branch that it was the tip of, as a full ref name; nil when a commit was named.
        package let branch: String?
    }

    /// Makes the branch, the worktree and the private git directory.
    ///
    /// - Parameters:
    ///   - base: a revision to start from; nil means the commit that is checked out.
    ///   - bounds: what may be checked out, where an agent chose it.
    ///   - waiting: called with a sentence when another cloche holds the repository for more than half a
    ///     second.
    /// - Returns: what it starts from.
    /// - Throws: `.exists` when the branch or the directory is there, `.notFound` when there is no such
    ///   commit, `.state` when its files are more than the bounds allow.
    @discardableResult
    package func create(
        base: String? = nil,
        within bounds: TreeBounds? = nil,
        waiting: (String) -> Void = { _ in }
    ) throws(ClocheError) -> Origin {
        try repository.checkVersion()
        let origin = try findOrigin(base)
        if let bounds, let excess = try repository.excess(of: origin.commit, beyond: bounds) {
            throw ClocheError(
                .state,
                "the files of \(agent) would be too large",
                why: "of the commit that it is to begin with: \(excess)",
                remedy: "give it a larger `limits.disk`"
            )
        }
        return try create(from: origin, waiting)
    }

    /// The same from what is known to be a commit.
    @discardableResult
    func create(from origin: Origin, _ waiting: (String) -> Void) throws(ClocheError) -> Origin {
        try checkIsFree()
        do {
            try Files.makeDirectories(metadata)
            try Files.makeDirectories(workspace.parentPath)
        } catch {
            throw ClocheError("the agent's directory could not be made", error)
        }
        return try exclusively { worktree throws(ClocheError) in
            // Again, now that nobody else can be making the same.
            try worktree.checkIsFree()
            try worktree.make(origin, waiting)
            return origin
        }
    }

    /// Makes everything, or takes away what was made.
    private func make(_ origin: Origin, _ waiting: (String) -> Void) throws(ClocheError) {
        var isAdded = false
        do throws(ClocheError) {
            isAdded = try repository.locked(waiting: waiting) { repository throws(ClocheError) in
                try addWorktree(origin, repository)
                return true
            }
            try checkOut(origin)
            try keepIndex()
            try makePrivateGitDirectory()
            try hideNestedRepositories()
            try recordOrigin(origin)
        } catch {
            // The first failure is the one to tell. A branch that git did not make for us is not ours to
            // delete.
            _ = try? removeAll(keepBranch: !isAdded)
            throw error
        }
    }

    private func checkIsFree() throws(ClocheError) {
        try checkWorkspaceIsFree()
        try checkBranchIsFree()
    }

    private func findOrigin(_ base: String?) throws(ClocheError) -> Origin {
        if let base {
            guard let commit = try repository.commit(base) else {
                throw ClocheError(
                    .notFound,
                    "no commit \(base.visible)",
                    why: "git knows no revision of that name",
                    remedy: "see `git branch -a` for what there is"
                )
            }
            let full = try repository.git.run(
                ["rev-parse", "-q", "--verify", "--symbolic-full-name", "--end-of-options", base],
                at: Git.Place(repository.gitDirectory)
            ).outputText.withoutFinalNewline
            return Origin(commit: commit, branch: full.hasPrefix("refs/heads/") ? full : nil)
        }
        guard let commit = try repository.commit("HEAD") else {
            throw ClocheError(
                .git,
                "the repository has no commit yet",
                why: "an agent's worktree starts from one",
                remedy: "make the first: git commit --allow-empty -m 'first commit'"
            )
        }
        return Origin(commit: commit, branch: try repository.currentBranch())
    }

    private func checkWorkspaceIsFree() throws(ClocheError) {
        guard Files.exists(workspace) else { return }
        // A path that cannot be listed is not free.
        guard let names = try? Files.list(workspace), names.isEmpty else {
            throw ClocheError(
                .exists,
                "the workspace of \(agent) exists already",
                why: "\(workspace.visible) is not empty",
                remedy: "delete the agent that owns it, or move that directory away"
            )
        }
    }

    private func checkBranchIsFree() throws(ClocheError) {
        let taken = try repository.refs(below: ["refs/heads/cloche", branch])
        if taken["refs/heads/cloche"] != nil {
            throw ClocheError(
                .exists,
                "the branch \(branchName) cannot be made",
                why: "there is a branch named cloche",
                remedy: "rename it: git branch -m cloche <other name>"
            )
        }
        if taken[branch] != nil {
            throw ClocheError(
                .exists,
                "the branch \(branchName) exists already",
                remedy: "choose another name for the agent, or remove the branch: git branch -D \(branchName)"
            )
        }
    }

    /// The worktree with its branch and refs, and still without files.
    private func addWorktree(_ origin: Origin, _ repository: GitRepository) throws(ClocheError) {
        try WorktreeConfiguration.enable(in: repository)
        if !Files.exists(workspace), let left = administrativeDirectory() {
            do {
                try Files.removeTree(left)
            } catch {
                throw ClocheError("what an earlier worktree left could not be removed", error)
            }
        }
        _ = try repository.git.output(
            [
                "worktree", "add", "--no-checkout", "--no-track", "-b", branchName, "--", workspace,
                origin.commit,
            ],
            at: repository.store,
            "the worktree could not be made"
        )
        let lines = [refs.base, refs.head, refs.snapshot].map { "update \($0) \(origin.commit)\n" }
        _ = try repository.git.output(
            ["update-ref", "--stdin"],
            at: repository.store,
            input: [UInt8](lines.joined().utf8),
            "the agent's refs could not be made"
        )
        try WorktreeConfiguration.harden(try requiredAdministrativeDirectory(), repository)
    }

    /// Writes the files.
    ///
    /// Line ends and the like follow the repository's settings; filters do not run, so a file kept in LFS is
    /// its pointer.
    private func checkOut(_ origin: Origin) throws(ClocheError) {
        let place = Git.Place(
            try requiredAdministrativeDirectory(),
            workTree: workspace,
            directory: workspace
        )
        _ = try repository.git.output(
            ["read-tree", "--reset", "-u", origin.commit],
            at: place,
            "the files could not be checked out"
        )
    }

    /// Keeps the index as it is now: who goes back to this checkout need not read the whole commit.
    private func keepIndex() throws(ClocheError) {
        let directory = try requiredAdministrativeDirectory()
        do throws(SystemError) {
            let index = try Files.open(directory + "/index")
            let kept = try Files.open(firstIndexFile, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
            try Files.copyContent(from: index, to: kept)
        } catch {
            throw ClocheError("the agent's git state could not be written", error)
        }
    }

    private func recordOrigin(_ origin: Origin) throws(ClocheError) {
        do {
            try Files.writeAtomically(originFile, [UInt8]("\(origin.commit)\n\(origin.branch ?? "")\n".utf8))
        } catch {
            throw ClocheError("the agent's git state could not be written", error)
        }
    }

    /// What the agent started from, as recorded when it was made.
    func origin() throws(ClocheError) -> Origin {
        let lines =
            // Without the record the ref still tells the commit.
            (try? Files.readText(originFile))?.split(separator: "\n", omittingEmptySubsequences: false) ?? []
        if lines.count >= 2 {
            return Origin(commit: String(lines[0]), branch: lines[1].isEmpty ? nil : String(lines[1]))
        }
        guard let commit = try repository.commit(refs.base) else {
            throw ClocheError(
                .git,
                "what \(agent) started from is not known",
                why: "\(refs.base) and \(originFile) are gone",
                remedy: "its workspace is still at \(workspace.visible)"
            )
        }
        return Origin(commit: commit, branch: nil)
    }
}
