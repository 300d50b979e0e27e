// Taking an agent's worktree away, from whatever state a crash left it in. Nothing here asks git about the
// worktree, since git would look into it: the directory, its administrative directory, the refs and the
// private state go in an order in which each step finds what it needs if the one before was cut short.

package import ClocheModel
internal import LinuxSystem

extension AgentWorktree {
    /// Removes the worktree, its refs and private state; what is gone already is fine.
    ///
    /// - Parameter keepBranch: leaves `cloche/<agent>` as it is. A branch that is checked out elsewhere is
    ///   kept anyhow.
    /// - Returns: a sentence when the branch was kept although it should go; nil otherwise.
    @discardableResult
    package func remove(keepBranch: Bool = false, waiting: (String) -> Void = { _ in }) throws(ClocheError)
        -> String?
    {
        guard Files.isDirectory(metadata) else {
            return try removeAll(keepBranch: keepBranch, waiting: waiting)
        }
        return try exclusively { worktree throws(ClocheError) in
            try worktree.removeAll(keepBranch: keepBranch, waiting: waiting)
        }
    }

    func removeAll(keepBranch: Bool, waiting: (String) -> Void = { _ in }) throws(ClocheError) -> String? {
        do {
            try Files.removeTree(workspace)
        } catch {
            throw ClocheError(
                "the workspace of \(agent) could not be removed",
                error,
                remedy: "remove \(workspace.visible) by hand"
            )
        }
        let kept = try repository.locked(waiting: waiting) { repository throws(ClocheError) in
            try removeFromRepository(repository, keepBranch: keepBranch)
        }
        do {
            try Files.removeTree(metadata)
        } catch {
            throw ClocheError(
                "the git state of \(agent) could not be removed",
                error,
                remedy: "remove \(metadata.visible) by hand"
            )
        }
        return kept
    }

    private func removeFromRepository(_ repository: GitRepository, keepBranch: Bool) throws(ClocheError)
        -> String?
    {
        if let directory = administrativeDirectory() {
            do {
                try Files.removeTree(directory)
            } catch {
                throw ClocheError("the worktree's entry in the repository could not be removed", error)
            }
        }
        let elsewhere = try keepBranch ? nil : whereCheckedOut(repository)
        let listing = try repository.git.output(
            ["for-each-ref", "--format=%(refname)", refs.prefix]
                + (keepBranch || elsewhere != nil ? [] : [branch]),
            at: repository.store,
            "the agent's refs cannot be listed"
        )
        let lines = listing.text.split(separator: "\n").map { "delete \($0)\n" }
        if !lines.isEmpty {
            _ = try repository.git.output(
                ["update-ref", "--no-deref", "--stdin"],
                at: repository.store,
                input: [UInt8](lines.joined().utf8),
                "the agent's branch could not be deleted"
            )
        }
        return elsewhere.map { "the branch \(branchName) is checked out in \($0.visible) and was kept" }
    }

    /// A worktree that has the agent's branch checked out.
    private func whereCheckedOut(_ repository: GitRepository) throws(ClocheError) -> String? {
        let listing = try repository.git.output(
            ["worktree", "list", "--porcelain", "-z"],
            at: repository.store,
            "the worktrees cannot be listed"
        )
        var path = ""
        for field in listing.nulSeparated.map(\.text) {
            if field.hasPrefix("worktree ") { path = String(field.dropFirst("worktree ".count)) }
            if field == "branch " + branch { return path }
        }
        return nil
    }
}
