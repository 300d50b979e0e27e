// `cloche-last-merge` in the shared git directory: what the last `cloche merge` moved, so that it can be taken back.

package import ClocheModel
internal import LinuxSystem

/// The last move of a branch by a merge.
struct LastMerge: Equatable {
    let branch: String
    /// Nil if the merge made the branch.
    let old: String?
    let new: String

    private static func path(_ commonDirectory: String) -> String { commonDirectory + "/cloche-last-merge" }

    func write(_ commonDirectory: String) throws(ClocheError) {
        do {
            let text = "\(branch)\n\(old ?? "-")\n\(new)\n"
            try Files.writeAtomically(Self.path(commonDirectory), Array(text.utf8))
        } catch { throw ClocheError("the merge is done, and could not be noted for `--undo`", error) }
    }

    static func read(_ commonDirectory: String) throws(ClocheError) -> LastMerge? {
        guard Files.exists(path(commonDirectory)) else { return nil }
        do {
            let lines = try Files.readText(path(commonDirectory)).split(separator: "\n").map(String.init)
            guard lines.count == 3 else { return nil }
            return LastMerge(branch: lines[0], old: lines[1] == "-" ? nil : lines[1], new: lines[2])
        } catch { throw ClocheError("the record of the last merge cannot be read", error) }
    }

    static func remove(_ commonDirectory: String) throws(ClocheError) {
        do {
            try Files.remove(path(commonDirectory))
        } catch { throw ClocheError("the record of the last merge could not be removed", error) }
    }
}

/// A merge that was taken back.
package struct UndoneMerge: Equatable, Sendable {
    /// The branch's short name.
    package let branch: String
    /// Where it was.
    package let merge: String
    /// Where it is again; nil if the merge had made the branch, which is gone.
    package let previous: String?
}

extension GitRepository {
    /// Takes the last merge back: branch, and files where it is checked out.
    ///
    /// The commits stay until git collects what nothing refers to.
    ///
    /// - Throws: `.state` when there is none, when the branch has moved since, or when the checkout is not clean.
    package func undoLastMerge(waiting: (String) -> Void = { _ in }) throws(ClocheError) -> UndoneMerge {
        try locked(waiting: waiting) { repository throws(ClocheError) in
            if repository.topLevel != nil { _ = try repository.finishInterruptedMergeLocked() }
            guard let last = try LastMerge.read(repository.commonDirectory) else {
                throw ClocheError(.state, "there is no merge to take back")
            }
            let name = last.branch.withoutPrefix("refs/heads/")
            guard try repository.commit(last.branch) == last.new else {
                throw ClocheError(
                    .state,
                    "\(name.visible) has moved since the last merge",
                    why: "it is not at \(last.new.prefix(12)) any more",
                    remedy: "`git revert -m 1 \(last.new.prefix(12))` takes the merge back by another commit"
                )
            }
            try repository.takeBack(last)
            try LastMerge.remove(repository.commonDirectory)
            return UndoneMerge(branch: name, merge: last.new, previous: last.old)
        }
    }

    private func takeBack(_ last: LastMerge) throws(ClocheError) {
        let reason = "cloche merge --undo"
        var isCurrent = false
        if topLevel != nil { isCurrent = try currentBranch() == last.branch }
        if isCurrent, let old = last.old {
            let state = try cleanCheckout()
            let changes = try changes(from: last.new, to: old)
            return try moveCheckout(state, to: old, changes, reason: reason)
        }
        try refuseCheckedOutElsewhere(last.branch)
        if let old = last.old {
            return try moveUncheckedBranch(last.branch, to: old, from: last.new, reason)
        }
        _ = try git.output(
            ["update-ref", "-m", reason, "-d", last.branch, last.new],
            at: store,
            "the branch could not be removed"
        )
    }
}
