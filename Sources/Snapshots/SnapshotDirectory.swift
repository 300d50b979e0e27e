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
struct PresentFiles {
    /// All there is.
    var files = SnapshotFiles()
    /// The trees, in which what was closed to its owner is open.
    var trees: [SnapshotFiles.Tree: OpenTree] = [:]
    /// Since when, in nanoseconds since 1970.
    let moment: Int64
    /// The largest number of a content that somebody knows.
    var largestContent: Int64 = 0

    /// Closes what was opened up.
    func closeAgain() { for tree in trees.values { tree.closeAgain() } }
}

/// The snapshots of one agent.
package struct SnapshotDirectory: Sendable {
    /// How many snapshots made before rollbacks are left.
    private static let mostAutomatic = 3
    /// The name of a snapshot that Cloche makes before a rollback begins with this.
    private static let automatic = "before-rollback-"

    let agent: AgentDirectory
    var path: String { agent.snapshots }
    private var knownFile: String { path + "/known" }
    var rollbackFile: String { path + "/rollback" }
    /// There while a snapshot is being made or removed: contents may be kept that are of none.
    private var makingFile: String { path + "/making" }
    var scratch: String { path + "/scratch" }

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

    func files(of name: String) throws(ClocheError) -> SnapshotFiles {
        // Told below.
        if let bytes = try? Files.read("\(path)/\(name).files"), let files = SnapshotFiles(bytes) {
            return files
        }
        throw ClocheError(
            .state,
            "snapshot \(name) of agent \(agent.name) cannot be used",
            why: "its list of files is not whole, or of another version: \(path)/\(name).files",
            remedy: "remove it: cloche snapshot \(agent.name) --delete \(name)"
        )
    }

    /// The kept contents of a snapshot, and their sizes; nil when its list cannot be read.
    private func contents(of name: String) -> [Int64: Int64]? {
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
        guard
            // What cannot be read tells nothing.
            let written = try? Files.modificationTime(knownFile), let bytes = try? Files.read(knownFile),
            var known = SnapshotFiles(bytes)
        else { return SnapshotFiles() }
        // The clock of that file system had gone on since the others were changed: another change would show.
        for tree in known.trees.keys { known.trees[tree]?.forgetChanged(since: written) }
        return known
    }

    func write(known: SnapshotFiles) throws(SystemError) {
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
            files.forgetChanged(since: now - TreeCapture.tick)
            var known = SnapshotFiles()
            known.trees[workspace.tree] = files
            try Files.makeDirectories(path)
            try write(known: known)
        } catch { throw StoreError.cannotWrite(error) }
    }

    /// Makes a snapshot; the agent does not run, and the caller has the right to change it.
    package func take(_ name: String, _ trees: [KeptTree]) throws(ClocheError) -> Snapshot {
        try refuseTaken(name)
        try clean()
        let intent = "make a snapshot of agent \(agent.name)"
        let present = try attempt(intent) { () throws(SystemError) in try look(trees) }
        return try keep(present, as: name) { known throws(SystemError) in try write(known: known) }
    }

    private func refuseTaken(_ name: String) throws(ClocheError) {
        if !Files.exists("\(path)/\(name).json") { return }
        throw ClocheError(
            .exists,
            "agent \(agent.name) has a snapshot \(name) already",
            remedy: "choose another name, or `cloche snapshot \(agent.name) --delete \(name)` first"
        )
    }

    /// Makes a snapshot of what was seen.
    ///
    /// - Parameter remember: gets what is known then, unless that is what was known before.
    func keep(
        _ present: PresentFiles,
        as name: String,
        automatic: Bool = false,
        remember: (SnapshotFiles) throws(SystemError) -> Void = { _ throws(SystemError) in }
    ) throws(ClocheError) -> Snapshot {
        defer { present.closeAgain() }
        let newBytes: Int64
        do throws(ClocheError) {
            newBytes = try attempt("make a snapshot of agent \(agent.name)") { () throws(SystemError) in
                try keepFiles(of: present, as: name, remember)
            }
        } catch {
            // It gives the room back that it has taken, on a full disk; if that fails, the next one does.
            try? removeUnfinished()
            throw error
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
        return snapshot
    }

    /// - Returns: how many bytes had to be kept anew.
    private func keepFiles(
        of present: PresentFiles,
        as name: String,
        _ remember: (SnapshotFiles) throws(SystemError) -> Void
    ) throws(SystemError) -> Int64 {
        try Files.writeAtomically(makingFile, [], sync: false)
        var files = present.files
        let newBytes = try keepContents(&files, of: present)
        if newBytes > 0 {
            var known = files
            for (tree, listed) in present.files.trees {
                // By the times as they were: one that was closed was opened up to be kept.
                let recent = listed.filesChanged(since: present.moment - TreeCapture.tick)
                known.trees[tree]?.forgetContents(at: recent)
            }
            try remember(known)
        }
        try Files.writeAtomically("\(path)/\(name).files", files.bytes, sync: false)
        return newBytes
    }

    /// - Returns: how many bytes had to be kept anew.
    private func keepContents(_ files: inout SnapshotFiles, of present: PresentFiles) throws(SystemError)
        -> Int64
    {
        var store = try ContentStore(path + "/store", after: present.largestContent)
        var bytes: Int64 = 0
        for tree in SnapshotFiles.Tree.allCases {
            guard let open = present.trees[tree] else { continue }
            var capture = TreeCapture(open)
            try capture.keep(&files.trees[tree, default: []], into: &store)
            bytes = bytes.addingWithoutOverflow(capture.newBytes)
        }
        try store.finish()
        return bytes
    }

    /// What is there, with the contents that are known.
    func look(_ trees: [KeptTree]) throws(SystemError) -> PresentFiles {
        let memory = Beside { self.known() }
        var found = PresentFiles(moment: WallClock.nanoseconds)
        do throws(SystemError) {
            for tree in trees {
                let open = try OpenTree(tree.path)
                found.trees[tree.tree] = open
                found.files.trees[tree.tree] = try open.files(
                    skipping: tree.skipping,
                    limit: TreeCapture.most
                )
            }
        } catch {
            found.closeAgain()
            throw error
        }
        let known = memory.value
        found.largestContent = known.largestContent
        for tree in trees { found.files.trees[tree.tree]?.recognize(known.trees[tree.tree] ?? []) }
        return found
    }

    /// Removes what was cut off: files without a record, and what was moved out of the way.
    func clean() throws(ClocheError) {
        do throws(SystemError) {
            try Files.makeDirectories(path)
            try Files.removeTree(scratch)
        } catch { throw StoreError.cannotWrite(error) }
        try removeUnfinished()
    }

    private func removeUnfinished() throws(ClocheError) {
        do throws(SystemError) {
            let names = try Files.list(path)
            // One that was being written when its writer was killed.
            for name in names where name.hasSuffix(".new") { try Files.remove("\(path)/\(name)") }
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
        var used: [Int64: Int64] = [:]
        for snapshot in try list() {
            // One whose list cannot be read may have any of them; it can be deleted itself.
            guard let contents = contents(of: snapshot.name) else { return }
            used.merge(contents) { $1 }
        }
        do throws(SystemError) {
            var store = try ContentStore(path + "/store")
            try store.removeFiles(without: used)
            let wasteful = try store.wasteful(used)
            if wasteful.isEmpty { return }
            var known = known()
            for tree in known.trees.keys { known.trees[tree]?.forgetContents(but: used) }
            try write(known: known)
            try store.giveBack(wasteful)
        } catch { throw StoreError.cannotWrite(error) }
    }

    // MARK: Removing

    /// The snapshots that have files of the workspace, or objects of git, that the agent itself has not any more.
    package func withOwnWork(_ trees: [KeptTree]) throws(ClocheError) -> [String] {
        let all = try list()
        if all.isEmpty { return [] }
        let present = try attempt("look at the files of agent \(agent.name)") { () throws(SystemError) in
            let seen = try look(trees.filter { $0.tree != .home })
            seen.closeAgain()
            return seen.files.trees
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
    func deleteOldAutomatic(but kept: String) throws(ClocheError) {
        try remove(try automatic().dropLast(Self.mostAutomatic).filter { $0 != kept })
    }

    /// The snapshots that were made before rollbacks, by their numbers: the clock may have been put back.
    private func automatic() throws(ClocheError) -> [String] {
        try list().filter(\.isAutomatic).map {
            (Int($0.name.dropFirst(Self.automatic.utf8.count)) ?? 0, $0.name)
        }
        .sorted { $0 < $1 }.map(\.1)
    }

    /// What was there before the last rollback; nil if there was none.
    package func lastAutomatic() throws(ClocheError) -> String? { try automatic().last }

    func remove(_ names: [String]) throws(ClocheError) {
        if names.isEmpty { return }
        let pool = LayerPool(of: agent)
        let lock = try pool.lock()
        defer { _ = lock.isLocked }
        do throws(SystemError) {
            // Whoever comes next looks for what nobody needs any more.
            try Files.writeAtomically(makingFile, [], sync: false)
            for name in names { try Files.remove("\(path)/\(name).json") }
        } catch { throw StoreError.cannotWrite(error) }
        try removeUnfinished()
        try pool.removeUnused()
    }

    func attempt<Result>(_ intent: String, _ body: () throws(SystemError) -> Result) throws(ClocheError)
        -> Result
    {
        do throws(SystemError) {
            return try body()
        } catch { throw Self.failure(intent, error) }
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
                        + "\(Amount.bytes(Int64(TreeCapture.most.bytes))) of paths and of what links point to",
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
