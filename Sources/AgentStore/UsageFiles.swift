// The ledgers of what was used of model APIs: one in each agent's directory, written by its supervisor, and one for the
// deleted agents of a project, so that budgets of projects and days do not begin anew when an agent is deleted.

package import ClocheModel
internal import LinuxSystem
package import ModelUsage
internal import StructuredText

extension AgentDirectory {
    /// What the agent used of model APIs: a `UsageLedger`.
    package var usageFile: String { path + "/usage.json" }

    /// What the agent used; nothing where there is no file.
    ///
    /// - Parameter created: when the agent was made, which tells it from others of its name.
    package func readUsage(created: Int64) throws(ClocheError) -> UsageLedger {
        try readUsage() ?? UsageLedger(id: "\(name) \(created)")
    }

    /// What the agent used; nil where there is no file.
    package func readUsage() throws(ClocheError) -> UsageLedger? {
        try UsageFile.read(usageFile) { UsageLedger(document: $0) }
    }

    /// Keeps what the agent used; with `sync`, so that no power cut takes it away.
    package func write(_ usage: UsageLedger, sync: Bool) throws(ClocheError) {
        do throws(SystemError) {
            try Files.writeAtomically(usageFile, JSONText.serializeBytes(usage.document), sync: sync)
        } catch { throw StoreError.cannotWrite(error) }
    }
}

extension AgentDirectory {
    /// What agents below this one used that have been deleted: a file for each, named by the id of its log.
    private var descendants: String { path + "/descendants" }

    /// What agents below this one used that have been deleted, as parts of profiles, and when they were.
    package func readDescendantsUse() throws(ClocheError) -> [(deleted: Int64, used: [Document])] {
        guard Files.isDirectory(descendants) else { return [] }
        let names: [String]
        do throws(SystemError) {
            names = try Files.list(descendants)
        } catch { throw StoreError.cannotWrite(error) }
        var found: [(deleted: Int64, used: [Document])] = []
        for name in names where name.hasSuffix(".json") {
            let document = try UsageFile.read("\(descendants)/\(name)") { $0 }
            guard let deleted = document?["deleted"]?.integer, let used = document?["used"]?.list else {
                continue
            }
            found.append((deleted, used))
        }
        return found
    }

    /// Adds processor time that checks of this agent may have used, to that of others since its run began.
    package func addUse(ofChecks seconds: Int64, since began: Int64) throws(ClocheError) {
        let name = "checks"
        let before = try UsageFile.read("\(descendants)/\(name).json") { $0 }
        var sum = seconds
        if let before, let last = before["deleted"]?.integer, last >= began {
            sum += before["used"]?.list?.first?.value(at: ["limits", "cpu-time"])?.integer ?? 0
        }
        try keepDescendantsUse([.object(["limits": .object(["cpu-time": .integer(sum)])])], of: name)
    }

    /// Keeps what an agent below this one used that is about to be deleted.
    package func keepDescendantsUse(_ used: [Document], of id: String) throws(ClocheError) {
        do throws(SystemError) {
            try Files.makeDirectories(descendants, mode: 0o700)
            let document = Document.object([
                "deleted": .integer(WallClock.milliseconds), "used": .list(used),
            ])
            try Files.writeAtomically("\(descendants)/\(id).json", JSONText.serializeBytes(document))
        } catch { throw StoreError.cannotWrite(error) }
    }
}

extension ProjectState {
    // No agent's name begins with a dot.
    /// What deleted agents used: a `DeletedUsage`.
    package var usageFile: String { path + "/.usage.json" }
    private var usageLock: String { path + "/.usage.lock" }

    /// What deleted agents used.
    package func readDeletedUsage() throws(ClocheError) -> DeletedUsage {
        try UsageFile.read(usageFile) { DeletedUsage(document: $0) } ?? DeletedUsage()
    }

    /// Keeps what an agent used that is about to be deleted.
    package func keepUsage(of agent: AgentDirectory) throws(ClocheError) {
        guard let usage = try agent.readUsage() else { return }
        // Agents that are deleted at the same time wait for each other.
        let lock = try lockUsage()
        defer { _ = lock.isLocked }
        var deleted = try readDeletedUsage()
        deleted.keep(usage)
        do throws(SystemError) {
            try Files.writeAtomically(usageFile, JSONText.serializeBytes(deleted.document))
        } catch { throw StoreError.cannotWrite(error) }
    }

    private func lockUsage() throws(ClocheError) -> FileLock {
        do throws(SystemError) {
            if let lock = try FileLock(usageLock, wait: true) { return lock }
            throw SystemError("fcntl", .wouldBlock, usageLock)
        } catch { throw StoreError.cannotWrite(error) }
    }
}

/// What both kinds of files have in common.
enum UsageFile {
    /// Far more than the largest that is written.
    private static let limit = 16 << 20

    static func read<Value>(_ path: String, _ value: (Document) -> Value?) throws(ClocheError) -> Value? {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Files.read(path, limit: limit)
        } catch {
            if error.errno == .noEntry { return nil }
            throw damaged(path, error.description)
        }
        let document: Document
        do throws(StructuredTextError) {
            document = try JSONText.parse(bytes, file: path)
        } catch { throw damaged(path, error.description) }
        if let version = document["version"]?.integer, version > UsageLedger.version {
            throw ClocheError(
                .state,
                "a newer Cloche wrote what was used of model APIs",
                why: "\(path) has version \(version)",
                remedy: "use that version, or one later"
            )
        }
        guard let value = value(document) else { throw damaged(path, "\(path) is not complete") }
        return value
    }

    private static func damaged(_ path: String, _ why: String) -> ClocheError {
        ClocheError(
            .state,
            "cannot read what was used of model APIs",
            why: why,
            remedy: "budgets are counted from it; to begin anew, remove \(path)"
        )
    }
}
