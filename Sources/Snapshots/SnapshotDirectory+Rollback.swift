// Going back to a snapshot, and beginning a new agent from one. What takes long goes on side by side: the list of the snapshot is
// read while the trees are listed, and git writes files of the first commit while those that will go are kept.

internal import AgentStore
package import ClocheModel
internal import Glibc
package import LinuxSystem
internal import TerminalText

extension SnapshotDirectory {
    /// Begins to bring files of the first commit, by their paths, into a directory below another; that is the result.
    package typealias Checkout = (_ paths: [[UInt8]], _ directory: String) throws(ClocheError) -> Beside<
        Result<String, ClocheError>
    >

    /// The snapshot that the agent was being put back to when that was cut off; empty when that is not known.
    package var unfinishedRollback: String? {
        guard Files.exists(rollbackFile) else { return nil }
        // A power cut may have taken what was in it.
        return (try? Files.readText(rollbackFile)) ?? ""
    }

    /// Puts the agent's trees and layers back, after a snapshot of what is there; of these, the last few are left.
    ///
    /// - Returns: the snapshot of what was there.
    package func goBack(to snapshot: Snapshot, _ trees: [KeptTree], checkout: Checkout) throws(ClocheError)
        -> Snapshot
    {
        let name = try freeName(automatic: true)
        try clean()
        let wanted = Beside { Result { () throws(ClocheError) in try files(of: snapshot.name) } }
        let present = try attempt(intent) { () throws(SystemError) in try look(trees) }
        let restoration: Restoration
        do throws(ClocheError) {
            restoration = try Restoration(present, try wanted.value.get(), scratch, checkout)
        } catch {
            present.closeAgain()
            throw error
        }
        let before = try keep(present, as: name, automatic: true)
        let contents: Sources
        do throws(ClocheError) {
            contents = try sources(of: restoration, snapshot, in: self)
        } catch {
            // Nothing was changed, and it must not make an older one go: should it stay, the next rollback has a use for it.
            try? remove([before.name])
            throw error
        }
        try finish(restoration, contents, snapshot, trees) {
            // All that is known of what is there is in the two that stay.
            Beside { Result { () throws(ClocheError) in try deleteOldAutomatic(but: snapshot.name) } }
        }
        return before
    }

    /// Goes on with putting back what was cut off, to the same snapshot or to another: it compares with what is there now.
    ///
    /// What was there before is kept already.
    package func finishRollback(to snapshot: Snapshot, _ trees: [KeptTree], checkout: Checkout)
        throws(ClocheError)
    {
        try clean()
        let restoration = try restoration(trees, try files(of: snapshot.name), checkout)
        let contents = try sources(of: restoration, snapshot, in: self)
        try finish(restoration, contents, snapshot, trees)
    }

    /// Gives a new agent the trees and layers of a snapshot of another agent.
    ///
    /// - Parameter trees: those of the new agent, the workspace as git has checked it out.
    package func begin(
        from snapshot: Snapshot,
        of other: SnapshotDirectory,
        _ trees: [KeptTree],
        checkout: Checkout
    ) throws(ClocheError) {
        try takeLayers(of: snapshot, of: other)
        try clean()
        let restoration = try restoration(trees, try other.files(of: snapshot.name), checkout)
        let known = try carryOut(restoration, try sources(of: restoration, snapshot, in: other), trees)
        do throws(SystemError) {
            try Files.removeTree(scratch)
            try write(known: known)
        } catch { throw StoreError.cannotWrite(error) }
    }

    private func takeLayers(of snapshot: Snapshot, of other: SnapshotDirectory) throws(ClocheError) {
        let pool = LayerPool(of: agent)
        let lock = try pool.lock()
        defer { _ = lock.isLocked }
        // Under the lock, so that they cannot go while they are taken over.
        _ = try other.snapshot(snapshot.name)
        try pool.set(snapshot.layers, of: agent)
    }

    private var intent: String { "put the files of agent \(agent.name) back" }

    /// What is to be done to the trees as they are.
    private func restoration(_ trees: [KeptTree], _ wanted: SnapshotFiles, _ checkout: Checkout)
        throws(ClocheError) -> Restoration
    {
        let present = try attempt(intent) { () throws(SystemError) in try look(trees) }
        present.closeAgain()
        return try Restoration(present, wanted, scratch, checkout)
    }

    /// Changes what differs.
    ///
    /// All contents have been found: what cannot be had must not leave half of it done.
    ///
    /// - Parameter beside: begins what can go on meanwhile.
    private func finish(
        _ restoration: Restoration,
        _ contents: Sources,
        _ snapshot: Snapshot,
        _ trees: [KeptTree],
        beside: () -> Beside<Result<Void, ClocheError>>? = { nil }
    ) throws(ClocheError) {
        do throws(SystemError) {
            try Files.writeAtomically(rollbackFile, Array(snapshot.name.utf8), sync: false)
        } catch { throw StoreError.cannotWrite(error) }
        let other = beside()
        let known = try carryOut(restoration, contents, trees)
        let removal = Beside { [scratch] in Result { () throws(SystemError) in try Files.removeTree(scratch) }
        }
        let otherResult = other?.value
        let pool = LayerPool(of: agent)
        let lock = try pool.lock()
        defer { _ = lock.isLocked }
        try pool.repair(agent)
        try pool.set(snapshot.layers, of: agent)
        do throws(SystemError) {
            try Files.remove(agent.keptFiles)
            try Files.remove(rollbackFile)
            // As late as this: what was put back at the same tick of the file system's clock is not known again.
            try write(known: known)
            try removal.value.get()
        } catch { throw StoreError.cannotWrite(error) }
        try otherResult?.get()
    }

    /// Where the contents are, all of them.
    private func sources(
        of restoration: Restoration,
        _ snapshot: Snapshot,
        in other: SnapshotDirectory
    ) throws(ClocheError) -> Sources {
        let checkout = try restoration.checkout?.value.get()
        let intent = "take the contents of snapshot \(snapshot.name)"
        var found = try attempt(intent) { () throws(SystemError) -> Sources in
            Sources(
                store: try ContentStore(other.path + "/store"),
                checkout: try checkout.map { path throws(SystemError) in try OpenTree(path) },
                isOwn: other.path == path
            )
        }
        guard let (tree, file) = restoration.missing(in: &found) else { return found }
        let shown = visible(String(decoding: file.path, as: UTF8.self), limit: 400)
        let isOfGit = file.content == TreeFile.Content.checkout
        throw ClocheError(
            .state,
            "cannot \(self.intent)",
            why: isOfGit
                ? "git writes another \(shown) than it did when the agent was made"
                : "what snapshot \(snapshot.name) has kept of \(shown) (\(tree)) is not whole",
            remedy: isOfGit
                ? "put the repository's settings back (core.autocrlf, core.eol, attributes), and run it again"
                : "nothing was changed; use another snapshot, and remove this one"
        )
    }

    /// - Returns: what is known of the trees then.
    private func carryOut(_ restoration: Restoration, _ sources: Sources, _ trees: [KeptTree])
        throws(ClocheError) -> SnapshotFiles
    {
        var known = restoration.present
        for tree in trees {
            guard let changes = restoration.changes[tree.tree] else { continue }
            known.trees[tree.tree] = try attempt(intent) { () throws(SystemError) in
                let place = "\(scratch)/\(tree.tree)"
                try Files.makeDirectories(place)
                let folder = try Files.open(place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
                var work = TreeRestoration(
                    try OpenTree(tree.path),
                    scratch: FileDescriptor.Shared(folder),
                    store: sources.store,
                    checkout: sources.checkout,
                    // Numbers of another agent's contents are none of this one's.
                    knowsContents: sources.isOwn
                )
                return try work.carryOut(
                    changes,
                    from: restoration.present.trees[tree.tree] ?? [],
                    to: restoration.wanted.trees[tree.tree] ?? []
                )
            }
        }
        return known
    }
}

/// Where contents come from.
private struct Sources {
    /// Those that were kept.
    var store: ContentStore
    /// Those that git has, as they are checked out.
    let checkout: OpenTree?
    /// Whether they are the agent's own.
    let isOwn: Bool
}

/// What has to be done so that an agent's trees are as a snapshot has them.
private struct Restoration {
    /// What is there.
    let present: SnapshotFiles
    /// What shall be there.
    let wanted: SnapshotFiles
    /// What differs; a tree that the snapshot has not stays as it is.
    let changes: [SnapshotFiles.Tree: TreeChanges]
    /// Brings what git has of it.
    let checkout: Beside<Result<String, ClocheError>>?

    /// Compares, and begins to bring what git has.
    init(
        _ present: PresentFiles,
        _ wanted: SnapshotFiles,
        _ scratch: String,
        _ checkout: SnapshotDirectory.Checkout
    ) throws(ClocheError) {
        (self.present, self.wanted) = (present.files, wanted)
        var changes: [SnapshotFiles.Tree: TreeChanges] = [:]
        for (tree, files) in wanted.trees {
            guard let there = present.files.trees[tree] else { continue }
            changes[tree] = TreeChanges(from: there, to: files)
        }
        self.changes = changes
        let missing = changes[.workspace, default: TreeChanges(from: [], to: [])].made
            .filter { $0.content == TreeFile.Content.checkout }.map(\.path)
        self.checkout = missing.isEmpty ? nil : try checkout(missing, scratch)
    }

    /// A file whose content cannot be had as it was.
    func missing(in sources: inout Sources) -> (tree: SnapshotFiles.Tree, file: TreeFile)? {
        for (tree, changes) in changes {
            for file in changes.made where file.kind == .file {
                if file.content == TreeFile.Content.checkout {
                    // What is not there is missing.
                    let made = try? sources.checkout?.status(file.path)
                    if made?.kind != .file || made?.size != file.size { return (tree, file) }
                } else if file.content > 0, !sources.store.has(file.content, size: file.size) {
                    return (tree, file)
                }
            }
        }
        return nil
    }
}
