// `cloche-merge` in the git directory of a checkout: what a merge is about to do, written before it touches a
// file. After a crash the next merge reads it and finishes or takes back, so that the checkout is the old or
// the new commit.
//
//   branch at new                  everything was done but tidying up: done
//   branch at old, index at new    files are complete: the branch moves
//   branch at old, index at old    files are old, new, or cut short: put back, unless the user edited one
//   branch elsewhere               the user went on by themselves: forgotten

package import ClocheModel
internal import Glibc
internal import LinuxSystem

/// The move of one branch from a commit to another.
struct MergeJournal: Equatable {
    let branch: String
    let old: String
    let new: String

    private static func path(_ gitDirectory: String) -> String { gitDirectory + "/cloche-merge" }

    /// Reads the journal; nil when there is none, as after every merge that was not cut short.
    static func read(_ gitDirectory: String) throws(ClocheError) -> MergeJournal? {
        guard Files.exists(path(gitDirectory)) else { return nil }
        do {
            let lines = try Files.readText(path(gitDirectory)).split(separator: "\n").map(String.init)
            guard lines.count == 3 else { return nil }
            return MergeJournal(branch: lines[0], old: lines[1], new: lines[2])
        } catch {
            throw ClocheError("the record of an interrupted merge cannot be read", error)
        }
    }

    func write(_ gitDirectory: String) throws(ClocheError) {
        do {
            try Files.writeAtomically(Self.path(gitDirectory), [UInt8]("\(branch)\n\(old)\n\(new)\n".utf8))
        } catch {
            throw ClocheError("the merge could not be recorded", error, remedy: "make room, or .git writable")
        }
    }

    static func remove(_ gitDirectory: String) throws(ClocheError) {
        do {
            try Files.remove(path(gitDirectory))
        } catch {
            throw ClocheError("the record of the merge could not be removed", error)
        }
    }
}

extension GitRepository {
    /// How an interrupted merge ended.
    package enum InterruptedMerge: Equatable, Sendable {
        /// The branch is at the merge.
        case finished
        /// The checkout is as it was before.
        case takenBack
        /// The user had moved on; nothing was done.
        case forgotten
    }

    /// Finishes or takes back a merge that was cut short in this checkout; nil when there is none.
    ///
    /// - Throws: `.state` when a file was edited since, so that neither is safe.
    @discardableResult
    package func finishInterruptedMerge(
        waiting: (String) -> Void = { _ in }
    ) throws(ClocheError) -> InterruptedMerge? {
        guard Files.exists(gitDirectory + "/cloche-merge") else { return nil }
        return try locked(waiting: waiting) { repository throws(ClocheError) in
            try repository.finishInterruptedMergeLocked()
        }
    }

    func finishInterruptedMergeLocked() throws(ClocheError) -> InterruptedMerge? {
        guard let journal = try MergeJournal.read(gitDirectory) else { return nil }
        let tip = try commit(journal.branch)
        var outcome = InterruptedMerge.forgotten
        if tip == journal.new {
            try releaseStaleLock()
            outcome = .finished
        } else if tip == journal.old, try currentBranch() == journal.branch {
            let lock = try IndexLock(gitDirectory)
            defer { lock.release() }
            if try indexHolds(journal.new) {
                try moveBranch(journal, "cloche merge (finished)")
                outcome = .finished
            } else {
                try rollBack(journal, lock)
                outcome = .takenBack
            }
        }
        try MergeJournal.remove(gitDirectory)
        return outcome
    }

    /// Takes the index lock and gives it up, which removes one that a killed cloche left.
    private func releaseStaleLock() throws(ClocheError) {
        guard Files.exists(gitDirectory + "/index.lock") else { return }
        try IndexLock(gitDirectory).release()
    }

    private func indexHolds(_ commit: String) throws(ClocheError) -> Bool {
        let arguments = ["diff-index", "--cached", "--quiet", "--ignore-submodules=none", commit, "--"]
        return try git.run(arguments, at: try checkout()).status == 0
    }

    /// Puts every file that the move may have touched back to the old commit, and the index with it.
    func rollBack(_ journal: MergeJournal, _ lock: IndexLock) throws(ClocheError) {
        let place = try checkout()
        let changes = try changes(from: journal.old, to: journal.new)
        var edited: [FileChange] = []
        for change in changes where try !isOurs(change) { edited.append(change) }
        guard edited.isEmpty else {
            throw ClocheError(
                .state,
                "a merge was cut short, and files of it were edited since",
                why: edited.prefix(10).map(\.path.text.visible).joined(separator: ", "),
                remedy: """
                    save those files elsewhere, run `git checkout \(journal.old.prefix(12)) -- <file>` for each (remove new \
                    ones), and merge again
                    """
            )
        }
        for change in changes where change.isAdded { removeAdded(change.path.text) }
        try lock.copyIndex()
        var copied = place
        copied.indexFile = lock.copy
        _ = try git.output(
            ["read-tree", "--reset", journal.old],
            at: copied,
            "the index could not be put back"
        )
        let kept: [UInt8] = changes.filter { !$0.isAdded && $0.oldMode != "160000" }.flatMap { $0.path + [0] }
        _ = try git.output(
            ["checkout-index", "-f", "-u", "-z", "--stdin"],
            at: copied,
            input: kept,
            "files could not be put back"
        )
        _ = try git.run(["update-index", "-q", "--refresh"], at: copied)
        try lock.replaceIndex()
    }

    /// Whether what is at a path can only come from the move: absent, the old or the new file, or the start
    /// of the new.
    private func isOurs(_ change: FileChange) throws(ClocheError) -> Bool {
        guard let topLevel else { return false }
        let path = topLevel + "/" + change.path.text
        // Absent, or below something that is not a directory: the move got to its parent.
        guard let status = try? Files.status(path, followLinks: false) else { return true }
        switch status.kind {
        case .directory: return true
        case .symbolicLink:
            // A link that vanished in between is the user's doing.
            guard let target = try? Files.readLink(path) else { return false }
            for object in [change.oldObject, change.newObject] where object.contains(where: { $0 != "0" }) {
                if try blob(object).text == target { return true }
            }
            return false
        case .regular:
            if status.size == 0 { return true }
            let id = try git.line(
                ["hash-object", "--", change.path.text],
                at: try checkout(),
                "a file cannot be read"
            )
            if id == change.oldObject || id == change.newObject { return true }
            // What cannot be read is not known to be ours, so it is not overwritten.
            guard !change.isDeleted, let bytes = try? Files.read(path) else { return false }
            return try blob(change.newObject).starts(with: bytes)
        default: return false
        }
    }

    /// Removes a file that the move added, and the directories that are empty then.
    private func removeAdded(_ path: String) {
        guard let topLevel else { return }
        var path = path
        // A link that the old commit has in the place of a directory of the new: nothing was made behind it.
        guard let root = try? Files.open(topLevel, O_RDONLY | O_DIRECTORY),
            // See above.
            (try? Files.openBeneath(root, path.parentPath, O_RDONLY | O_DIRECTORY)) != nil
        else { return }
        guard unsafe unlink(topLevel + "/" + path) == 0 else { return }
        while path.utf8.contains(UInt8(ascii: "/")) {
            path = path.parentPath
            guard unsafe rmdir(topLevel + "/" + path) == 0 else { return }
        }
    }
}
