// Merging the work of several agents at once: fetched, merged on objects, tried in a sandbox, and only then the branch moves.

internal import AgentStore
internal import AuditRecords
package import ClocheModel
package import GitWorkspace
internal import LinuxSystem
internal import ProfileLoading
internal import StructuredText

/// What is to be merged, and how.
package struct MergeOptions: Sendable {
    /// The agents, in this order.
    package var agents: [String]
    /// Where their work goes.
    package var destination = MergeDestination.checkout
    /// What the history looks like.
    package var strategy = MergeStrategy.sequential
    /// Message of the one commit of an octopus.
    package var message: String?
    /// Whether agents in conflict are left out.
    package var leavesOut = false
    /// A shell's command line that must succeed with the merged files; nil for none.
    package var check: String?
    /// The profile of the sandbox that it runs in.
    package var checkProfile = CheckProfile.named("shell")
    /// The profile of an agent that is started at each conflict to resolve it; nil leaves that to a person.
    package var resolveProfile: String?
    /// `key=value` overrides of it.
    package var resolveSettings: [String] = []
    /// Whether branch and checkout stay as they are.
    package var dryRun = false

    /// These agents into the branch that is checked out, one after the other.
    package init(_ agents: [String]) { self.agents = agents }
}

/// The profile of the sandbox of a check.
package enum CheckProfile: Sendable {
    /// One of the user's, by name.
    case named(String)
    /// An effective profile.
    case given(Document)

    /// What may be written for it: an agent's check has a part of what that may have on disk.
    var bounds: TreeBounds? {
        get throws(ClocheError) {
            guard case .given(let document) = self else { return nil }
            return TreeBounds(try Policy(document: document).limits)
        }
    }
}

/// What came of a merge of several agents.
package struct MergeOutcome {
    /// The merge.
    package let merge: GroupMerge
    /// What each fetch found.
    package let synced: [(agent: String, result: SyncResult)]
    /// What a person should look at before running it.
    package let warnings: [(agent: String, warning: DiffWarning)]
}

/// An agent whose work was fetched to be merged.
struct MergedAgent {
    let directory: AgentDirectory
    let record: AgentRecord
    let worktree: AgentWorktree
    let synced: SyncResult
    let warnings: [DiffWarning]
}

extension Project {
    /// Fetches, merges and tries the work of several agents, and moves the branch when all of that went well.
    ///
    /// - Parameters:
    ///   - isWanted: is asked while a check runs, which is ended when it says no.
    ///   - progress: is told what is being done.
    /// - Throws: `.conflict` when agents do not go together, `.check` when the check fails; nothing has moved then.
    package func merge(
        _ options: MergeOptions,
        isWanted: () -> Bool = { true },
        progress: (String) -> Void = { _ in }
    ) throws(ClocheError) -> MergeOutcome {
        if let twice = options.agents.first(where: { name in options.agents.filter { $0 == name }.count > 1 })
        {
            throw ClocheError(.usage, "\(twice) is named twice", remedy: "name each agent once")
        }
        // A profile that cannot be read is told of before anything is fetched.
        if options.check != nil, case .named(let name) = options.checkProfile {
            _ = try profiles.load(name: name)
        }
        if let profile = options.resolveProfile {
            _ = try profiles.load(name: profile, overrides: options.resolveSettings)
        }
        // In the order of their names: two that merge the same agents never wait for each other.
        var (sides, merging) = try locking(options.agents.sorted()[...]) { () throws(ClocheError) in
            var sides: [MergedAgent] = []
            for name in options.agents {
                progress("fetching from \(name)")
                sides.append(try mergedAgent(name))
            }
            return (sides, try begin(sides, options, progress))
        }
        while let conflict = merging.conflict {
            if let resolver = try settle(conflict, &merging, sides, options, progress) {
                sides.append(resolver)
            }
        }
        let merge = try merging.finish(options.strategy, message: options.message)
        if !merge.isEmpty {
            let repository = sides[0].worktree.repository
            if let check = options.check {
                progress("checking: \(check)")
                let files = try ScratchFiles.make(
                    merge.result,
                    of: repository,
                    within: try options.checkProfile.bounds
                )
                try run(check, in: files.directory, options.checkProfile, isWanted)
            }
            if !options.dryRun { try land(merge, sides, repository, progress) }
        }
        return MergeOutcome(
            merge: merge,
            synced: sides.map { ($0.record.name, $0.synced) },
            warnings: sides.flatMap { side in side.warnings.map { (side.record.name, $0) } }
        )
    }

    /// Takes the last merge of this repository back.
    package func undoMerge(progress: (String) -> Void = { _ in }) throws(ClocheError) -> UndoneMerge {
        try GitRepository.discover(from: directory).undoLastMerge(waiting: progress)
    }

    /// Runs `body` while nothing else is done with these agents.
    private func locking<R>(_ names: ArraySlice<String>, _ body: () throws(ClocheError) -> R)
        throws(ClocheError) -> R
    {
        guard let name = names.first else { return try body() }
        let lock = try agentDirectory(name).lockForOperation(wait: true)
        defer { _ = lock.isLocked }
        return try locking(names.dropFirst(), body)
    }

    private func begin(_ sides: [MergedAgent], _ options: MergeOptions, _ progress: (String) -> Void)
        throws(ClocheError) -> GroupMerging
    {
        progress("merging")
        return try sides[0].worktree.repository.beginMerge(
            sides.map { MergeSide($0.worktree, $0.synced, task: $0.record.task) },
            into: options.destination,
            waiting: progress
        )
    }

    /// Goes past a conflict; the agent that resolved it, if one did.
    private func settle(
        _ conflict: MergeConflict,
        _ merging: inout GroupMerging,
        _ sides: [MergedAgent],
        _ options: MergeOptions,
        _ progress: (String) -> Void
    ) throws(ClocheError) -> MergedAgent? {
        var refusal = conflict.refusal()
        if let profile = options.resolveProfile {
            let repository = sides[0].worktree.repository
            let agent = try ResolvingAgent(self, repository, conflict)
            switch try agent.resolve(profile, options.resolveSettings, sides.map(\.record), progress) {
            case .resolved(let tree, let resolver):
                try merging.resolve(with: tree, by: resolver.record.name, waiting: progress)
                return resolver
            case .unresolved(let why): refusal = conflict.refusal((agent.name, why))
            }
        }
        guard options.leavesOut else { throw refusal }
        try merging.leaveOut(waiting: progress)
        return nil
    }

    /// Fetches the work of an agent that is to be merged.
    func mergedAgent(_ name: String) throws(ClocheError) -> MergedAgent {
        let (directory, record, worktree) = try gitAgent(name)
        let synced = try sync(directory, record, worktree)
        let warnings = try worktree.diff(.names, protecting: Self.protected(record)).warnings
        return MergedAgent(
            directory: directory,
            record: record,
            worktree: worktree,
            synced: synced,
            warnings: warnings
        )
    }

    private func land(
        _ merge: GroupMerge,
        _ sides: [MergedAgent],
        _ repository: GitRepository,
        _ progress: (String) -> Void
    ) throws(ClocheError) {
        try repository.land(merge, waiting: progress)
        let merged = merge.merged + merge.parts.compactMap(\.resolvedBy)
        // One that was deleted while the check ran has no log any more.
        for side in sides where merged.contains(side.record.name) && side.directory.exists {
            try auditLog(side.directory, side.record).append(
                .merge,
                [
                    "commit": .string(merge.result), "into": .string(merge.branchName),
                    "resolved-by": .optional(
                        merge.parts.first { $0.agent == side.record.name }?.resolvedBy
                    ),
                ]
            )
        }
    }

    /// Runs a command line with the merged files, in a throw-away sandbox: agents wrote what it runs.
    ///
    /// Its output goes to our standard error, as it comes.
    private func run(
        _ check: String,
        in files: String,
        _ profile: CheckProfile,
        _ isWanted: () -> Bool
    ) throws(ClocheError) {
        let status: Int32
        do throws(SystemError) {
            var process = try Subprocess(
                installation.executable,
                [
                    "-C", directory, "run", "--workspace", "dir:\(files)",
                    // What stands for protected names in a user's directory would be files of the merge here.
                    "--set", "filesystem.protect=[]",
                ],
                environment: ProcessEnvironment.atStart(),
                directory: directory
            )
            switch profile {
            case .named(let name):
                process.arguments += ["--profile", name, "--", "/bin/sh", "-c", check]
                let null = try Files.openForUpdate("/dev/null")
                status = try Subprocess.wait(process.spawn(stdin: null.number, stdout: 2, stderr: 2))
            case .given(let document):
                process.arguments = ["internal", "check", directory, files, check]
                status = try Self.run(process, Array(JSONText.serialize(document).utf8), isWanted)
            }
        } catch {
            throw ClocheError(.system, "cannot start the sandbox of the check", why: error.description)
        }
        if status == 0 { return }
        // Of Cloche itself, which has said why.
        if status == 125 {
            throw ClocheError(.sandbox, "the check could not be run; nothing was merged", why: "see above")
        }
        throw ClocheError(
            .check,
            "the check failed; nothing was merged and no file was touched",
            why: "`\(check)` ended with exit code \(status)",
            remedy: "its output is above; `--dry-run` merges without moving anything"
        )
    }

    /// Runs a program that an agent waits for, and passes on the beginning of its output.
    private static func run(_ process: Subprocess, _ input: [UInt8], _ isWanted: () -> Bool)
        throws(SystemError) -> Int32
    {
        let stdin = try MemoryFile.make()
        try stdin.write(input)
        try stdin.rewind()
        let pipe = try Pipe()
        let pid = try process.spawn(
            stdin: stdin.number,
            stdout: pipe.writeEnd.number,
            stderr: pipe.writeEnd.number,
            newSession: true
        )
        let errors = FileDescriptor(duplicating: 2)
        let output = pipe.readOnlyEnd()
        var room = 1 << 20
        // It ends, or is ended, before the pipe does.
        while true {
            let ready = try Poll.wait([Poll.Interest(output.number, readable: true)], milliseconds: 200)[0]
            // Its sandbox ends with it.
            if !isWanted() { Subprocess.kill(session: pid) }
            guard ready else { continue }
            let part = try output.read(upTo: 65536)
            if part.isEmpty { break }
            try errors?.write(Array(part.prefix(room)))
            room -= min(room, part.count)
        }
        return try Subprocess.wait(pid)
    }

    /// Runs a command line in a throw-away sandbox of this profile, with a directory as its workspace.
    package func runCheck(_ check: String, in files: String, _ profile: Document) throws(ClocheError) -> Int32
    {
        let options = RunOptions(command: ["/bin/sh", "-c", check], workspace: .directory(files))
        return try run(try Policy(document: profile), options, in: files) { _ in }
    }
}
