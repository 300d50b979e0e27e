// Going back to a snapshot, and beginning a new agent from one. What takes long goes on side by side: the list of the snapshot is
// read while the trees are listed, and git writes files of the first commit while those that will go are kept.

internal import AgentStore
package import ClocheModel
internal import Glibc
package import LinuxSystem

extension SnapshotDirectory {
    /// Begins to bring files of the first commit, by their paths, into a directory below another; that is the result.
    package typealias Checkout = (_ paths: [[UInt8]], _ directory: String) throws(ClocheError) -> Beside<
        Result<String, ClocheError>
    >

    /// The snapshot that the agent was being put back to when that was cut off.
    package var unfinishedRollback: String? {
        // None, as a rule.
        (try? Files.readText(rollbackFile)).flatMap { $0.isEmpty ? nil : $0 }
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
        // While git goes on.
        try deleteOldAutomatic(but: snapshot.name)
        try finish(restoration, snapshot, trees)
        return before
    }

    /// Goes on with putting back what was cut off: it compares with what is there now.
    package func finishRollback(to snapshot: Snapshot, _ trees: [KeptTree], checkout: Checkout)
        throws(ClocheError)
    {
        try clean()
        let restoration = try restoration(trees, try files(of: snapshot.name), checkout)
        try finish(restoration, snapshot, trees)
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
        let known = try carryOut(restoration, trees, storeOf: other)
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

    private func finish(_ restoration: Restoration, _ snapshot: Snapshot, _ trees: [KeptTree])
        throws(ClocheError)
    {
        do throws(SystemError) {
            try Files.writeAtomically(rollbackFile, Array(snapshot.name.utf8), sync: false)
        } catch { throw StoreError.cannotWrite(error) }
        let known = try carryOut(restoration, trees, storeOf: self)
        let removal = Beside { [scratch] in Result { () throws(SystemError) in try Files.removeTree(scratch) }
        }
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
    }

    /// - Returns: what is known of the trees then.
    private func carryOut(_ restoration: Restoration, _ trees: [KeptTree], storeOf other: SnapshotDirectory)
        throws(ClocheError) -> SnapshotFiles
    {
        let source = try restoration.checkout?.value.get()
        let store = try attempt(intent) { () throws(SystemError) in try ContentStore(other.path + "/store") }
        var known = restoration.present
        for tree in trees {
            guard let changes = restoration.changes[tree.tree] else { continue }
            known.trees[tree.tree] = try attempt(intent) { () throws(SystemError) in
                let place = "\(scratch)/\(tree.tree)"
                try Files.makeDirectories(place)
                var work = TreeRestoration(
                    try OpenTree(tree.path),
                    scratch: FileDescriptor.Shared(
                        try Files.open(place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
                    ),
                    store: store,
                    checkout: try source.map { path throws(SystemError) in try OpenTree(path) },
                    // Numbers of another agent's contents are none of this one's.
                    knowsContents: other.path == path
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
}
