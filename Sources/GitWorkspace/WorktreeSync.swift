// Bringing an agent's work to the host: `git fetch` over a pipe to a program inside a one-shot sandbox, every
// object checked, then the branch moves and the worktree's index follows. The agent's git directory is never
// opened here.

package import ClocheModel
internal import LinuxSystem

/// What a sync brought.
package struct SyncResult: Equatable, Sendable {
    /// The agent's commit.
    package let head: String
    /// The same with uncommitted changes on top; equal to `head` when there are none.
    package let snapshot: String
    /// Commits since the agent started, as of `head`.
    package let commits: Int
    /// Things to tell the user.
    package let notices: [SyncNotice]
    /// What the sync before brought, or what the agent began with; nil when that is not known.
    package var previous: String?

    /// Whether the workspace differs from the agent's commit.
    package var hasUncommittedChanges: Bool { head != snapshot }
}

extension AgentWorktree {
    /// Fetches the agent's commits and uncommitted changes, moves its branch and refreshes the worktree's
    /// index.
    ///
    /// - Parameters:
    ///   - uploadPackCommand: the program and arguments that run `exportCommand()` in a sandbox with
    ///     `exportMounts()`, passing standard input and output through.
    ///   - environment: further variables that command needs, `NAME=value`.
    ///   - bounds: how large the agent's trees may be, beside what it began with.
    ///   - count: is told how many bytes have come into the repository, also when nothing of it is taken over.
    /// - Throws: `.git` when the export or the check of its objects fails, `.state` when there is more than the bounds allow.
    ///   The branch is as it was then.
    @discardableResult
    package func sync(
        uploadPackCommand: [String],
        environment: [String] = [],
        within bounds: TreeBounds = .standard,
        counting count: ((Int64) throws(ClocheError) -> Void)? = nil
    ) throws(ClocheError) -> SyncResult {
        try exclusively { worktree throws(ClocheError) in
            let before = try worktree.ownRefs()
            let unfinished = worktree.unfinishedPackBytes
            do throws(ClocheError) {
                try worktree.fetch(uploadPackCommand, environment)
            } catch {
                try count?(max(0, worktree.unfinishedPackBytes - unfinished))
                throw error
            }
            let after = try worktree.ownRefs()
            if let count { try count(try worktree.broughtBytes(before: before, after: after)) }
            return try worktree.take(after, before: before, bounds)
        }
    }

    /// Takes over what a fetch has brought.
    private func take(_ after: [String: String], before: [String: String], _ bounds: TreeBounds)
        throws(ClocheError) -> SyncResult
    {
        guard let head = after[refs.fetchedHead], let snapshot = after[refs.fetchedSnapshot] else {
            throw ClocheError(
                .git,
                "the sandbox exported no commit of \(agent)",
                remedy: "see its log: cloche logs \(agent)"
            )
        }
        let known = [refs.base, refs.head, refs.snapshot].compactMap { before[$0] }
        try refuseExcess([head, snapshot], known: Set(known), bounds)
        var notices = try SyncReport.read(self)
        // Values of the branch that are the agent's own and may be replaced.
        let own = [refs.base, refs.head, refs.fetchedHead].compactMap { before[$0] }
        if let notice = try moveBranch(from: after, to: head, snapshot: snapshot, known: own) {
            notices.append(notice)
        }
        if try restorePointer() { notices.append(.pointerRestored(workspace)) }
        if let notice = try refreshWorktree(head) { notices.append(notice) }
        let result = SyncResult(
            head: head,
            snapshot: snapshot,
            commits: try commitCount(to: head),
            notices: notices,
            previous: before[refs.snapshot] ?? before[refs.base]
        )
        try recordSync(result)
        return result
    }

    private func ownRefs() throws(ClocheError) -> [String: String] {
        try repository.refs(below: [refs.prefix, branch])
    }

    /// How often a fetch is tried again that met a worktree in the making.
    private static let patience = 10

    private func fetch(_ command: [String], _ environment: [String]) throws(ClocheError) {
        var git = repository.git
        git.settings.append(GitSetting("protocol.file.allow", "always"))
        // The exporter is a child of this command, and what is in a sandbox holds no descriptor of the
        // host's.
        git.inherited = []
        git.environment += environment
        // git adds the repository's path as an argument; the function leaves it out.
        let exporter =
            "cloche_export() { \(command.map(\.shellQuoted).joined(separator: " ")); }; cloche_export"
        let arguments = [
            "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
            "--no-auto-maintenance",
            "--no-show-forced-updates", "--prune", "--upload-pack=\(exporter)", "--",
            SandboxPath.privateGitDirectory,
            "+refs/cloche/head:\(refs.fetchedHead)", "+refs/cloche/snapshot:\(refs.fetchedSnapshot)",
            "+refs/cloche/report:\(refs.fetchedReport)", "+refs/cloche/other/*:\(refs.other)*",
        ]
        var result = try git.run(arguments, at: repository.store)
        // git looks at the HEAD of every worktree, and one that another cloche is just adding has none for a moment.
        for _ in 0..<Self.patience
        where result.status != 0 && result.errorText.contains("bad object worktrees/") {
            Pause.milliseconds(200)
            result = try git.run(arguments, at: repository.store)
        }
        guard result.status == 0 else {
            throw ClocheError(
                .git,
                "the work of \(agent) could not be brought to the host",
                why: Git.reason(result),
                remedy:
                    "its files are untouched at \(workspace.visible); in its sandbox, `git fsck` tells what is wrong"
            )
        }
    }

    /// Moves the branch and what we remember of it in one transaction; nil, or the reason why the branch
    /// stayed.
    private func moveBranch(
        from current: [String: String],
        to head: String,
        snapshot: String,
        known: [String]
    ) throws(ClocheError) -> SyncNotice? {
        var lines: [String] = []
        var notice: SyncNotice?
        if current[refs.head] != head { lines.append("update \(refs.head) \(head)\n") }
        if current[refs.snapshot] != snapshot { lines.append("update \(refs.snapshot) \(snapshot)\n") }
        if let tip = current[branch], tip != head {
            let isOlder = try repository.isAncestor(tip, of: head)
            if isOlder || known.contains(tip) {
                lines.append("update \(branch) \(head) \(tip)\n")
            } else {
                notice = .branchMovedOnHost(branchName, commit: tip)
            }
        } else if current[branch] == nil {
            lines.append("create \(branch) \(head)\n")
        }
        guard !lines.isEmpty else { return notice }
        _ = try repository.git.output(
            ["update-ref", "-m", "cloche sync", "--stdin"],
            at: repository.store,
            input: [UInt8](lines.joined().utf8),
            "the branch \(branchName) could not be moved"
        )
        return notice
    }

    /// Lets the host's index follow, unless the user checked out something else there.
    private func refreshWorktree(_ head: String) throws(ClocheError) -> SyncNotice? {
        guard let directory = administrativeDirectory() else { return .worktreeForgotten(workspace) }
        try WorktreeConfiguration.harden(directory, repository)
        let checkedOut = try repository.git.run(["symbolic-ref", "-q", "HEAD"], at: Git.Place(directory))
        guard checkedOut.outputText.withoutFinalNewline == branch, try repository.commit(branch) == head
        else {
            return .worktreeElsewhere(workspace)
        }
        try resetIndex(to: head)
        return nil
    }

    /// Puts the worktree's `.git` file back if it is not the one that the host wrote; true when it was not.
    ///
    /// The sandbox covers it with another, so that an agent cannot touch it. The user's own git trusts it.
    private func restorePointer() throws(ClocheError) -> Bool {
        guard let directory = administrativeDirectory() else { return false }
        let expected = [UInt8]("gitdir: \(directory)\n".utf8)
        if plainFile(".git", below: workspace, limit: 8192) == expected { return false }
        do {
            try Files.removeTree(workspace + "/.git")
            try Files.writeAtomically(workspace + "/.git", expected, mode: 0o644)
        } catch {
            throw ClocheError("the worktree's .git file could not be put back", error)
        }
        return true
    }

    /// Commits that the agent has and what it started from has not.
    func commitCount(to head: String) throws(ClocheError) -> Int {
        let origin = try origin()
        let text = try repository.git.line(
            ["rev-list", "--count", head, "^\(origin.commit)"],
            at: repository.store,
            "the agent's commits cannot be counted"
        )
        return Int(text) ?? 0
    }
}
