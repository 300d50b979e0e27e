// An agent's snapshots on disk: `NAME.json` is a snapshot's record and is written last, so that what has none is the rest of
// something that was cut off; `NAME.files` has the files of its trees, `store` their contents, `known` which files of the
// agent have which of these contents now, `rollback` the name of a snapshot that the agent is being put back to.

package import AgentStore
package import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import StructuredText
internal import TerminalText

/// A tree of an agent's that is kept file by file.
package struct KeptTree: Sendable {
    /// Which one.
    package let tree: SnapshotFiles.Tree
    /// Where it is.
    package let path: String
    /// A name right below it that is Cloche's, and not of the tree.
    package let skipping: [UInt8]?

    /// A tree.
    package init(_ tree: SnapshotFiles.Tree, _ path: String, skipping: String? = nil) {
        self.tree = tree
        self.path = path
        self.skipping = skipping.map { Array($0.utf8) }
    }
}

/// What is in an agent's trees now, and which of the kept contents.
package struct PresentFiles: Sendable {
    /// All there is.
    let files: SnapshotFiles
    /// Since when, in nanoseconds since 1970.
    let moment: Int64
}

/// The snapshots of one agent.
package struct SnapshotDirectory: Sendable {
    /// How many snapshots made before rollbacks are left.
    private static let mostAutomatic = 3
    /// The name of a snapshot that Cloche makes before a rollback begins with this.
    private static let automatic = "before-rollback-"

    private let agent: AgentDirectory
    private var path: String { agent.snapshots }
    private var knownFile: String { path + "/known" }
    private var rollbackFile: String { path + "/rollback" }
    /// There while a snapshot is being made: contents may be kept that are of none.
    private var makingFile: String { path + "/making" }
    private var scratch: String { path + "/scratch" }

    /// Those of an agent.
    package init(_ agent: AgentDirectory) { self.agent = agent }

    // MARK: Reading

    /// All snapshots, in the order of their making.
    package func list() throws(ClocheError) -> [Snapshot] {
        // No directory, no snapshots.
        guard let names = try? Files.list(path) else { return [] }
        var found: [Snapshot] = []
        for file in names where file.hasSuffix(".json") {
            do {
                guard
                    let snapshot = Snapshot(
                        document: try JSONText.parse(try Files.read("\(path)/\(file)"), file: file)
                    ), file == snapshot.name + ".json"
                else { throw SystemError("read", Errno(EINVAL), file) }
                found.append(snapshot)
            } catch {
                throw ClocheError(
                    .state,
                    "cannot read a snapshot of agent \(agent.name)",
                    why: "\(path)/\(file): \(error)",
                    remedy: "remove that file; the others are as they were"
                )
            }
        }
        return found.sorted { ($0.created, $0.name) < ($1.created, $1.name) }
    }

    /// Whether there has been anything of snapshots.
    package var areThere: Bool { Files.isDirectory(path) }

    /// How many there are.
    package var count: Int {
        // No directory, no snapshots.
        (try? Files.list(path))?.count { $0.hasSuffix(".json") } ?? 0
    }

    /// A snapshot by its name.
    package func snapshot(_ name: String) throws(ClocheError) -> Snapshot {
        let all = try list()
        if let found = all.first(where: { $0.name == name }) { return found }
        throw ClocheError(
            .notFound,
            "agent \(agent.name) has no snapshot \(name.debugDescription)",
            why: all.isEmpty ? "it has none" : "it has " + all.map(\.name).joined(separator: ", "),
            remedy: "`cloche snapshot \(agent.name) --list` shows them"
        )
    }

    private func files(of name: String) throws(ClocheError) -> SnapshotFiles {
        // Told below.
        if let bytes = try? Files.read("\(path)/\(name).files"), let files = SnapshotFiles(bytes) {
            return files
        }
        throw ClocheError(
            .state,
            "snapshot \(name) of agent \(agent.name) cannot be used",
            why: "its list of files is not whole: \(path)/\(name).files",
            remedy: "remove it: cloche snapshot \(agent.name) --delete \(name)"
        )
    }

    /// The kept contents of a snapshot; nil when its list cannot be read.
    private func contents(of name: String) -> [Int64]? {
        // All that is asked for, as a rule.
        for limit in [64 << 10, Int.max] {
            // What cannot be read tells nothing.
            if let bytes = try? Files.read("\(path)/\(name).files", limit: limit),
                let found = SnapshotFiles.contents(ofBeginning: bytes)
            {
                return found
            }
        }
        return nil
    }

    /// Which files have which kept contents; what is not known is kept anew.
    private func known() -> SnapshotFiles {
        // Then nothing is known: see above.
        (try? Files.read(knownFile)).flatMap { SnapshotFiles($0) } ?? SnapshotFiles()
    }

    private func write(known: SnapshotFiles) throws(SystemError) {
        try Files.writeAtomically(knownFile, known.bytes, sync: false)
    }

    /// The next name for a snapshot that is given none.
    package func freeName(automatic: Bool = false) throws(ClocheError) -> String {
        let prefix = automatic ? Self.automatic : "snap-"
        let numbers = try list().compactMap {
            $0.name.hasPrefix(prefix) ? Int($0.name.dropFirst(prefix.utf8.count)) : nil
        }
        return prefix + String((numbers.max() ?? 0) + 1)
    }

    // MARK: Making

    /// Notes that a tree is just as git has checked it out, so that its files need not be kept.
    package func noteCheckout(_ workspace: KeptTree) throws(ClocheError) {
        do throws(SystemError) {
            let now = WallClock.nanoseconds
            var files = try OpenTree(workspace.path).files(
                skipping: workspace.skipping,
                limit: TreeCapture.most
            )
            for index in files.indices { files[index].content = TreeFile.Content.checkout }
            var known = SnapshotFiles()
            known.trees[workspace.tree] = files.settled(at: now)
            try Files.makeDirectories(path)
            try write(known: known)
        } catch { throw StoreError.cannotWrite(error) }
    }

    /// Makes a snapshot; the agent does not run, and the caller has the right to change it.
    ///
    /// - Returns: its record, and what is there, for who goes back at once.
    package func take(_ name: String, _ trees: [KeptTree], automatic: Bool = false)
        throws(ClocheError) -> (snapshot: Snapshot, present: PresentFiles)
    {
        if Files.exists("\(path)/\(name).json") {
            throw ClocheError(
                .exists,
                "agent \(agent.name) has a snapshot \(name) already",
                remedy: "choose another name, or `cloche snapshot \(agent.name) --delete \(name)` first"
            )
        }
        try clean()
        let (present, newBytes) = try attempt("make a snapshot of agent \(agent.name)") {
            () throws(SystemError) in
            try Files.writeAtomically(makingFile, [], sync: false)
            let found = try capture(trees)
            try Files.writeAtomically("\(path)/\(name).files", found.present.files.bytes, sync: false)
            return found
        }
        let pool = LayerPool(of: agent)
        let lock = try pool.lock()
        defer { _ = lock.isLocked }
        try pool.freeze(agent)
        let snapshot = Snapshot(
            name: name,
            created: WallClock.milliseconds,
            isAutomatic: automatic,
            layers: try pool.layers(of: agent),
            files: Int64(present.files.trees.values.reduce(0) { $0 + $1.count }),
            newBytes: newBytes
        )
        do throws(SystemError) {
            // What is in the agent's own layer is to be compared with an empty one from now on.
            try Files.remove(agent.keptFiles)
            try Files.writeAtomically(
                "\(path)/\(name).json",
                JSONText.serializeBytes(snapshot.document),
                sync: false
            )
            try Files.remove(makingFile)
        } catch { throw StoreError.cannotWrite(error) }
        return (snapshot, present)
    }

    private func capture(_ trees: [KeptTree]) throws(SystemError) -> (present: PresentFiles, newBytes: Int64)
    {
        let now = WallClock.nanoseconds
        var (files, known, bytes) = (SnapshotFiles(), known(), Int64(0))
        var store = try ContentStore(path + "/store", after: known.largestContent)
        for tree in trees {
            var capture = try TreeCapture(tree.path, known: known.trees[tree.tree] ?? [])
            files.trees[tree.tree] = try capture.capture(skipping: tree.skipping, into: &store)
            bytes += capture.newBytes
        }
        if bytes > 0 {
            for (tree, found) in files.trees { known.trees[tree] = found.settled(at: now) }
            try write(known: known)
        }
        return (PresentFiles(files: files, moment: now), bytes)
    }

    /// Removes what was cut off: files without a record, and what was moved out of the way.
    private func clean() throws(ClocheError) {
        do throws(SystemError) {
            try Files.makeDirectories(path)
            try Files.removeTree(scratch)
            let names = try Files.list(path)
            for name in names where name.hasSuffix(".files") {
                if names.contains(name.dropLast(".files".utf8.count) + ".json") { continue }
                try Files.remove("\(path)/\(name)")
            }
        } catch { throw StoreError.cannotWrite(error) }
        if Files.exists(makingFile) {
            try removeUnusedContents()
            do throws(SystemError) { try Files.remove(makingFile) } catch {
                throw StoreError.cannotWrite(error)
            }
        }
    }

    /// What is known may go on naming them: none of their numbers is given again while it does.
    private func removeUnusedContents() throws(ClocheError) {
        var used: Set<Int64> = []
        for snapshot in try list() {
            // One whose list cannot be read may have any of them; it can be deleted itself.
            guard let numbers = contents(of: snapshot.name) else { return }
            used.formUnion(numbers)
        }
        do throws(SystemError) {
            var store = try ContentStore(path + "/store")
            try store.keep(used)
        } catch { throw StoreError.cannotWrite(error) }
    }

    // MARK: Going back

    /// The snapshot that the agent was being put back to when that was cut off.
    package var unfinishedRollback: String? {
        // None, as a rule.
        (try? Files.readText(rollbackFile)).flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Puts the agent's trees and layers back; the caller has made a snapshot of what is there.
    ///
    /// What is cut off is finished by the same call: it compares with what is there then.
    ///
    /// - Parameters:
    ///   - present: what is there, where the caller has just seen it.
    ///   - checkout: brings files of the first commit, by their paths, into a directory.
    package func restore(
        _ snapshot: Snapshot,
        _ trees: [KeptTree],
        present: PresentFiles? = nil,
        checkout: ([[UInt8]], _ directory: String) throws(ClocheError) -> String
    ) throws(ClocheError) {
        let wanted = try files(of: snapshot.name)
        let pool = LayerPool(of: agent)
        do throws(SystemError) {
            try Files.writeAtomically(rollbackFile, Array(snapshot.name.utf8), sync: false)
        } catch { throw StoreError.cannotWrite(error) }
        try restore(wanted, trees, present, storeOf: self, checkout: checkout)
        let lock = try pool.lock()
        defer { _ = lock.isLocked }
        try pool.repair(agent)
        try pool.set(snapshot.layers, of: agent)
        do throws(SystemError) {
            try Files.remove(agent.keptFiles)
            try Files.remove(rollbackFile)
            try Files.removeTree(scratch)
        } catch { throw StoreError.cannotWrite(error) }
    }

    /// Gives a new agent the trees and layers of a snapshot of another agent.
    ///
    /// - Parameter trees: those of the new agent, the workspace as git has checked it out.
    package func begin(
        from snapshot: Snapshot,
        of other: SnapshotDirectory,
        _ trees: [KeptTree],
        checkout: ([[UInt8]], _ directory: String) throws(ClocheError) -> String
    ) throws(ClocheError) {
        try takeLayers(of: snapshot, of: other)
        let wanted = try other.files(of: snapshot.name)
        try restore(wanted, trees, nil, storeOf: other, checkout: checkout)
        do throws(SystemError) { try Files.removeTree(scratch) } catch { throw StoreError.cannotWrite(error) }
    }

    private func takeLayers(of snapshot: Snapshot, of other: SnapshotDirectory) throws(ClocheError) {
        let pool = LayerPool(of: agent)
        let lock = try pool.lock()
        defer { _ = lock.isLocked }
        // Under the lock, so that they cannot go while they are taken over.
        _ = try other.snapshot(snapshot.name)
        try pool.set(snapshot.layers, of: agent)
    }

    private func restore(
        _ wanted: SnapshotFiles,
        _ trees: [KeptTree],
        _ present: PresentFiles?,
        storeOf other: SnapshotDirectory,
        checkout: ([[UInt8]], _ directory: String) throws(ClocheError) -> String
    ) throws(ClocheError) {
        try clean()
        let intent = "put the files of agent \(agent.name) back"
        let seen: PresentFiles
        if let present {
            seen = present
        } else {
            seen = try attempt(intent) { () throws(SystemError) in try look(trees) }
        }
        var known = SnapshotFiles()
        for tree in trees {
            guard let there = seen.files.trees[tree.tree] else { continue }
            let untouched = try restore(tree, from: there, wanted, storeOf: other, checkout: checkout)
            // What was put there just now may change again without its time showing it.
            known.trees[tree.tree] = untouched.settled(at: seen.moment)
        }
        do throws(SystemError) { try write(known: known) } catch { throw StoreError.cannotWrite(error) }
    }

    /// - Returns: the files that stay as they were.
    private func restore(
        _ tree: KeptTree,
        from present: [TreeFile],
        _ wanted: SnapshotFiles,
        storeOf other: SnapshotDirectory,
        checkout: ([[UInt8]], _ directory: String) throws(ClocheError) -> String
    ) throws(ClocheError) -> [TreeFile] {
        guard let files = wanted.trees[tree.tree] else { return present }
        let changes = TreeChanges(from: present, to: files)
        let missing = changes.made.filter { $0.content == TreeFile.Content.checkout }.map(\.path)
        let source = missing.isEmpty ? nil : try checkout(missing, scratch)
        let place = "\(scratch)/\(tree.tree)"
        try attempt("put the files of agent \(agent.name) back") { () throws(SystemError) in
            try Files.makeDirectories(place)
            var restoration = try TreeRestoration(
                tree.path,
                scratch: FileDescriptor.Shared(try Files.open(place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)),
                store: try ContentStore(other.path + "/store"),
                checkout: try source.map { path throws(SystemError) in try OpenTree(path) }
            )
            try restoration.carryOut(changes, from: present, to: files)
        }
        return changes.untouched
    }

    private func attempt<Result>(_ intent: String, _ body: () throws(SystemError) -> Result)
        throws(ClocheError)
        -> Result
    {
        do throws(SystemError) {
            return try body()
        } catch { throw Self.failure(intent, error) }
    }

    /// What is there, with the contents that are known.
    private func look(_ trees: [KeptTree]) throws(SystemError) -> PresentFiles {
        let (now, known) = (WallClock.nanoseconds, known())
        var found = SnapshotFiles()
        for tree in trees {
            let open = try OpenTree(tree.path)
            defer { open.closeAgain() }
            var files = try open.files(skipping: tree.skipping, limit: TreeCapture.most)
            files.recognize(known.trees[tree.tree] ?? [])
            found.trees[tree.tree] = files
        }
        return PresentFiles(files: found, moment: now)
    }

    // MARK: Removing

    /// The snapshots that have files of the workspace, or objects of git, that the agent itself has not any more.
    package func withOwnWork(_ trees: [KeptTree]) throws(ClocheError) -> [String] {
        let all = try list()
        if all.isEmpty { return [] }
        let present = try attempt("look at the files of agent \(agent.name)") { () throws(SystemError) in
            try look(trees.filter { $0.tree != .home }).files.trees
        }
        return all.filter { snapshot in
            // What cannot be read may be anything.
            guard let files = try? files(of: snapshot.name) else { return true }
            return present.contains { tree, there in
                TreeChanges(from: there, to: files.trees[tree] ?? there).made.contains { file in
                    file.kind == .file && file.content > 0
                        && (tree == .workspace || file.path.starts(with: Array("objects/".utf8)))
                }
            }
        }.map(\.name)
    }

    /// Removes a snapshot and what only it had.
    package func delete(_ name: String) throws(ClocheError) {
        _ = try snapshot(name)
        try remove([name])
    }

    /// Removes the oldest of the snapshots that were made before rollbacks, but the last few.
    ///
    /// - Parameter kept: the name of one that stays.
    package func deleteOldAutomatic(but kept: String) throws(ClocheError) {
        let old = try list().filter(\.isAutomatic).dropLast(Self.mostAutomatic).map(\.name)
        try remove(old.filter { $0 != kept })
    }

    private func remove(_ names: [String]) throws(ClocheError) {
        if names.isEmpty { return }
        let pool = LayerPool(of: agent)
        let lock = try pool.lock()
        defer { _ = lock.isLocked }
        do throws(SystemError) {
            for name in names { try Files.remove("\(path)/\(name).json") }
        } catch { throw StoreError.cannotWrite(error) }
        try clean()
        try removeUnusedContents()
        try pool.removeUnused()
    }

    private static func failure(_ intent: String, _ error: SystemError) -> ClocheError {
        let (why, remedy): (String, String) =
            switch error.errno.number {
            case ENAMETOOLONG:
                (
                    "its directories are deeper than a path can be: \(error.subject.prefix(200))",
                    "remove them inside"
                )
            case EOVERFLOW:
                (
                    "it has more than \(TreeCapture.most.files) files, or more than "
                        + "\(Amount.bytes(Int64(TreeCapture.most.bytes))) of paths",
                    "remove some inside"
                )
            case ENOTSUP:
                (
                    "it has what is neither file, directory, link, FIFO nor socket: \(error.subject)",
                    "remove it inside"
                )
            case ENOSPC, EDQUOT:
                (error.description, "make room, or remove snapshots: cloche snapshot --delete")
            default: (error.description, "mend that, and run it again")
            }
        return ClocheError(.system, "cannot " + intent, why: visible(why, limit: 400), remedy: remedy)
    }
}
