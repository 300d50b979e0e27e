// The user's checkout before a merge: what branch it is on, and whether anything of the user's is in the way.
// Reading only; nothing in this file changes a file.

internal import ClocheModel
internal import LinuxSystem

/// A checkout that a merge may move.
struct CheckoutState: Equatable {
    /// The branch, as a full ref name.
    let branch: String
    /// Its tip.
    let commit: String
}

extension GitRepository {
    /// What in a git directory says that an operation is going on, and how it is finished.
    private static let operations = [
        ("MERGE_HEAD", "a merge", "git merge --continue, or git merge --abort"),
        ("rebase-merge", "a rebase", "git rebase --continue, or git rebase --abort"),
        ("rebase-apply", "a rebase or am", "git rebase --continue, or git rebase --abort (git am --abort)"),
        ("CHERRY_PICK_HEAD", "a cherry-pick", "git cherry-pick --continue, or git cherry-pick --abort"),
        ("REVERT_HEAD", "a revert", "git revert --continue, or git revert --abort"),
        ("BISECT_LOG", "a bisection", "git bisect reset"),
    ]

    /// The branch and commit of a checkout that has no change of its own.
    ///
    /// - Throws: `.state` when HEAD is detached, an operation is going on, or a tracked file is changed.
    func cleanCheckout() throws(ClocheError) -> CheckoutState {
        let place = try checkout()
        for (name, operation, remedy) in Self.operations where Files.exists(gitDirectory + "/" + name) {
            throw ClocheError(
                .state,
                "the checkout is in the middle of \(operation)",
                why: "\(gitDirectory.visible)/\(name) exists",
                remedy: "finish it first: \(remedy)"
            )
        }
        guard let branch = try currentBranch() else {
            throw ClocheError(
                .state,
                "the checkout is not on a branch",
                why: "HEAD is detached, so a merge would be on no branch",
                remedy: "check one out first: git switch <branch>, or git switch -c <new branch>"
            )
        }
        guard let commit = try commit("HEAD") else {
            throw ClocheError(
                .state,
                "the branch \(branch.visible) has no commit yet",
                remedy: "make one first: git commit"
            )
        }
        let changed = try changedFiles(place, commit)
        guard changed.isEmpty else { throw dirty(changed) }
        return CheckoutState(branch: branch, commit: commit)
    }

    /// Tracked files that differ from the commit, in the index or on disk.
    private func changedFiles(_ place: Git.Place, _ commit: String) throws(ClocheError) -> [String] {
        let intent = "the checkout could not be compared with its commit"
        // A submodule's own work is not touched by a merge, and looking at it would run git in there.
        let onDisk = try git.output(
            [
                "status", "--porcelain=v1", "-z", "--untracked-files=no", "--ignore-submodules=all",
                "--no-renames",
            ],
            at: place,
            intent
        )
        let staged = try git.output(
            ["diff-index", "--cached", "--name-only", "-z", "--ignore-submodules=none", commit, "--"],
            at: place,
            intent
        )
        let names = onDisk.nulSeparated.map { [UInt8]($0.dropFirst(3)).text }
        return names + staged.nulSeparated.map(\.text).filter { !names.contains($0) }
    }

    private func dirty(_ files: [String]) -> ClocheError {
        let shown = files.prefix(5).map(\.visible).joined(separator: ", ")
        let more = files.count > 5 ? " and \(files.count - 5) more" : ""
        var remedy = "commit or stash them first: git stash"
        if configuration.entries.contains(where: { $0.key.hasPrefix("filter.") }) {
            remedy += "; if `git status` says there are none, run it once: it brings git's index up to date"
        }
        return ClocheError(
            .state,
            "the checkout has changes that are not committed",
            why: shown + more,
            remedy: remedy
        )
    }

    /// Untracked files, ignored ones included, that the new files of a merge would replace.
    func filesInTheWay(of changes: [FileChange], _ place: Git.Place) throws(ClocheError) -> [String] {
        guard let topLevel else { return [] }
        let leaving = Set(changes.filter { !$0.isAdded }.map(\.path))
        var inTheWay: [String] = []
        var parentsSeen: Set<[UInt8]> = []
        for change in changes where change.isAdded {
            for parent in Self.parents(of: change.path) where parentsSeen.insert(parent).inserted {
                // Absent, or not readable: git itself tells then.
                guard let status = try? Files.status(topLevel + "/" + parent.text, followLinks: false) else {
                    continue
                }
                if status.kind != .directory && !leaving.contains(parent) { inTheWay.append(parent.text) }
            }
            // As above.
            guard let status = try? Files.status(topLevel + "/" + change.path.text, followLinks: false) else {
                continue
            }
            if status.kind != .directory {
                inTheWay.append(change.path.text)
            } else if change.newMode != "160000" {
                let untracked = try git.output(
                    ["ls-files", "--others", "-z", "--", change.path.text],
                    at: place,
                    "the files cannot be listed"
                )
                inTheWay += untracked.nulSeparated.map(\.text)
            }
        }
        return inTheWay
    }

    /// `a` and `a/b` of `a/b/c`.
    private static func parents(of path: [UInt8]) -> [[UInt8]] {
        path.indices.filter { path[$0] == UInt8(ascii: "/") }.map { [UInt8](path[..<$0]) }
    }
}
