// Shared directories: made, listed, deleted, and added to on behalf of a person or of an agent that may only append.

internal import AgentStore
internal import AuditRecords
public import ClocheModel
internal import LinuxSystem
internal import ProfileLoading
internal import ResourceUsage
internal import SandboxRuntime
internal import TerminalText

/// What is known of a shared directory.
public struct ShareInfo: Equatable, Sendable {
    /// Its name.
    public let name: String
    /// The directory on the host with what is shared.
    public let files: String
    /// When it was made, in milliseconds since 1970.
    public let created: Int64
    /// The most bytes that it may hold, as `du` counts them.
    public let mostBytes: Int64
    /// The most files and directories.
    public let mostFiles: Int64
    /// What it holds now.
    public let bytes: Int64
    /// Files and directories in it.
    public let count: Int64
    /// The agents that have it, and what each may do.
    public let agents: [Document.Entry]
}

extension Project {
    /// Makes a shared directory.
    ///
    /// - Parameters:
    ///   - name: its name in the project.
    ///   - bytes: the most that it may hold, as `du` counts.
    ///   - files: the most files and directories.
    public func createShare(_ name: String, bytes: Int64 = 1 << 30, files: Int64 = 100_000)
        throws(ClocheError)
    {
        try ShareName.check(name)
        guard bytes > 0, files > 0 else {
            throw ClocheError(
                .usage,
                "a shared directory must be able to hold something",
                why: "\(bytes) bytes and \(files) files were asked for",
                remedy: "for example --size 1GiB --files 1000"
            )
        }
        try state.prepare()
        try state.share(name).create(
            ShareRecord(created: WallClock.milliseconds, bytes: bytes, files: files)
        )
    }

    /// All shared directories of the project, by name; one whose record cannot be read is named in `damaged`.
    public func shares() -> (shares: [ShareInfo], damaged: [ClocheError]) {
        let grants = shareGrants()
        var found: [ShareInfo] = []
        var damaged: [ClocheError] = []
        for share in state.shares() {
            do throws(ClocheError) {
                let record = try share.read()
                let usage = Self.usage(of: share)
                found.append(
                    ShareInfo(
                        name: share.name,
                        files: share.files,
                        created: record.created,
                        mostBytes: record.bytes,
                        mostFiles: record.files,
                        bytes: usage.bytes,
                        count: usage.files,
                        agents: grants.filter { $0.grant.name == share.name }.map {
                            Document.Entry($0.agent.name, .string($0.grant.mode.rawValue))
                        }
                    )
                )
            } catch { damaged.append(error) }
        }
        return (found, damaged)
    }

    /// Deletes a shared directory with all that is in it.
    ///
    /// - Parameters:
    ///   - name: the directory.
    ///   - force: also when an agent has it, or when there is something in it. Agents that run keep what they have mounted,
    ///     without a name on the host; they do not start again until one of that name is there.
    public func deleteShare(_ name: String, force: Bool = false) throws(ClocheError) {
        try ShareName.check(name)
        let share = state.share(name)
        if !share.exists { _ = try share.read() }
        let lock = try share.lock()
        defer { _ = lock.isLocked }
        let owners = shareGrants().filter { $0.grant.name == name }
        if !force {
            if !owners.isEmpty {
                let (names, isOne) = (owners.map(\.agent.name), owners.count == 1)
                throw ClocheError(
                    .state,
                    isOne
                        ? "agent \(names[0]) has the shared directory \(name)"
                        : "agents have the shared directory \(name): \(names.joined(separator: ", "))",
                    why: "\(isOne ? "it" : "they") could not be started again without it",
                    remedy:
                        "delete the agent\(isOne ? "" : "s") first, or `cloche share delete --force \(name)`"
                )
            }
            if !share.isEmpty {
                throw ClocheError(
                    .wouldLose,
                    "the shared directory \(name) has files in it",
                    why: share.files,
                    remedy: "copy what is needed, then `cloche share delete --force \(name)`"
                )
            }
        }
        for owner in owners {
            let facts: KeyValuePairs<String, Document> = [
                "action": .string("deleted"), "name": .string(name),
                "mode": .string(owner.grant.mode.rawValue),
            ]
            try auditLog(owner.agent, owner.record).append(.shareGrant, facts)
        }
        try share.remove()
    }

    /// Adds bytes to the end of a file of a shared directory, and makes the file if it is missing.
    ///
    /// What is added at one time stands together, whoever else adds.
    ///
    /// - Parameters:
    ///   - name: the shared directory.
    ///   - file: the path of the file in it; directories on the way must be there, and none may be a link.
    ///   - bytes: what is added.
    ///   - agent: the agent that adds it, which must have the directory with `append` or `rw`; nil for a person.
    public func addToShare(_ name: String, file: String, bytes: [UInt8], by agent: String? = nil)
        throws(ClocheError)
    {
        try ShareName.check(name)
        try Self.checkFile(file)
        let share = state.share(name)
        var writer: (directory: AgentDirectory, record: AgentRecord)?
        if let agent {
            let directory = try agentDirectory(agent)
            writer = (directory, try directory.read())
            try Self.refuseReader(writer?.record.shareGrants ?? [], agent, name)
        }
        // Who has none is not told which there are.
        let record = try share.read()
        let lock = try share.lock()
        defer { _ = lock.isLocked }
        let usage = Self.usage(of: share)
        let isNew: Bool
        try Self.refuseMore(usage, bytes.count, record, name)
        do throws(SystemError) {
            isNew = try share.append(bytes, to: file)
        } catch {
            throw ClocheError(
                error.errno == .noSpace ? .system : .usage,
                "cannot add to \(visible(file)) in the shared directory \(name)",
                why: "\(error.errno)",
                remedy: "it must be a file, in directories that are there, and no link may be on the way"
            )
        }
        if let writer {
            try auditLog(writer.directory, writer.record).append(
                .share,
                [
                    "name": .string(name), "change": .string(isNew ? "created" : "appended"),
                    "path": .string(file), "bytes": .integer(Int64(bytes.count)),
                ]
            )
        }
    }
}

extension Project {
    /// The shared directories of a policy as a sandbox gets them.
    ///
    /// - Throws: when one of them is not there.
    func sharedDirectories(_ policy: Policy) throws(ClocheError) -> [SharedDirectory] {
        try state.sharedDirectories(policy)
    }

    /// Which agents have which shared directories; one whose record cannot be read is passed over.
    private func shareGrants() -> [(agent: AgentDirectory, record: AgentRecord, grant: ShareGrant)] {
        state.agents().flatMap { agent in
            // `list` names those whose record cannot be read.
            guard let record = try? agent.read() else {
                return [] as [(AgentDirectory, AgentRecord, ShareGrant)]
            }
            return record.shareGrants.map { (agent, record, $0) }
        }
    }

    private static func usage(of share: ShareDirectory) -> DiskUsage {
        var walk = DiskWalk([share.files])
        return walk.step() ?? DiskUsage()
    }

    /// A path below the directory, in characters that are no control characters.
    private static func checkFile(_ file: String) throws(ClocheError) {
        let components = file.split(separator: "/", omittingEmptySubsequences: false)
        let isPlain = file.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
        if isPlain, file.utf8.count < 4096, !components.contains(where: { ["", ".", ".."].contains($0) }) {
            return
        }
        throw ClocheError(
            .usage,
            "not a path in a shared directory: \(visible(file))",
            why: "it begins with no slash, and has neither . nor .. nor control characters in it",
            remedy: "for example notes.md"
        )
    }

    private static func refuseReader(_ grants: [ShareGrant], _ agent: String, _ name: String)
        throws(ClocheError)
    {
        guard let grant = grants.first(where: { $0.name == name }), grant.mode != .readOnly else {
            throw ClocheError(
                .configuration,
                "agent \(agent) may not add to the shared directory \(name)",
                why: grants.contains { $0.name == name } ? "it has it with `ro`" : "it does not have it",
                remedy: "start it with --share \(name):append"
            )
        }
    }

    private static func refuseMore(_ usage: DiskUsage, _ more: Int, _ record: ShareRecord, _ name: String)
        throws(ClocheError)
    {
        let (bytes, overflow) = usage.bytes.addingReportingOverflow(Int64(more))
        if !overflow, bytes <= record.bytes, usage.files < record.files { return }
        throw ClocheError(
            .state,
            "the shared directory \(name) is full",
            why:
                "it holds \(Amount.bytes(usage.bytes)) and \(usage.files) files, at most \(Amount.bytes(record.bytes))"
                + " and \(record.files) may be",
            remedy: "take something away from it"
        )
    }
}

extension ProjectState {
    /// The shared directories of a policy as a sandbox gets them.
    ///
    /// - Throws: when one of them is not there.
    func sharedDirectories(_ policy: Policy) throws(ClocheError) -> [SharedDirectory] {
        var found: [SharedDirectory] = []
        for grant in policy.shares {
            let share = self.share(grant.name)
            let record = try share.read()
            found.append(
                SharedDirectory(
                    name: grant.name,
                    mode: grant.mode,
                    files: share.files,
                    bytes: record.bytes,
                    count: record.files
                )
            )
        }
        return found
    }
}

extension AgentRecord {
    /// The shared directories that it was granted.
    var shareGrants: [ShareGrant] {
        (effective["shares"]?.entries ?? []).compactMap { entry in
            entry.value.string.flatMap(ShareMode.init).map { ShareGrant(entry.key, $0) }
        }
    }
}
