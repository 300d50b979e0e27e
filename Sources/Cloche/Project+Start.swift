// Starting an agent. The order makes every failure and every kill recoverable: what can be refused is refused
// before anything is made; the record comes first and says `creating`; worktree and home follow; then the
// supervisor. A first start that fails takes away what it made.

internal import AgentStore
internal import AuditRecords
public import ClocheModel
internal import GitWorkspace
internal import LinuxSystem
internal import ProfileLoading
internal import Supervision
internal import TerminalText

/// Where an agent works.
public enum WorkspaceChoice: Equatable, Sendable {
    /// A git worktree of its own, from a commit (nil: the one checked out).
    case worktree(base: String?)
    /// A directory of the user's; nil is the project's own.
    case directory(String?)
    /// An empty directory of its own.
    case empty
}

/// What a new agent is to be.
public struct StartOptions: Sendable {
    /// The agent's name.
    public var name: String
    /// What it is to do; empty starts the program without a task.
    public var task: String
    /// A profile's name or file; nil is the project's default.
    public var profile: String?
    /// `key=value` overrides of the profile.
    public var overrides: [String]
    /// Where it works.
    public var workspace: WorkspaceChoice
    /// Whether the workspace is read-only whatever the profile says.
    public var readOnly: Bool
    /// Variables for the program; one without a value (null) is passed on from this process's environment, at
    /// each start anew, and its value is written nowhere.
    public var variables: [Document.Entry]
    /// Its labels; see `AgentLabel.changed`.
    public var labels: [Document.Entry] = []
    /// One that waits already; nil starts one.
    public var supervisor: WaitingSupervisor?
    /// For an agent that another one starts: its parent, and the profile that came of what was asked for.
    var child: Child?

    /// See `child`.
    struct Child: Sendable {
        let profile: StartProfile
        let parent: ParentReference
        /// From the parent's gateway; nil without services.
        let keys: FileDescriptor.Shared?
    }

    /// A new agent with the project's default profile in a worktree of its own.
    public init(
        name: String,
        task: String = "",
        profile: String? = nil,
        overrides: [String] = [],
        workspace: WorkspaceChoice = .worktree(base: nil),
        readOnly: Bool = false,
        variables: [Document.Entry] = [],
        supervisor: WaitingSupervisor? = nil
    ) {
        self.name = name
        self.task = task
        self.profile = profile
        self.overrides = overrides
        self.workspace = workspace
        self.readOnly = readOnly
        self.variables = variables
        self.supervisor = supervisor
    }
}

/// The profile that an agent is started with.
struct StartProfile: Sendable {
    let name: String
    let document: Document
    let policy: Policy

    init(name: String, document: Document, policy: Policy) {
        (self.name, self.document, self.policy) = (name, document, policy)
    }

    init(_ effective: EffectiveProfile) {
        self.init(name: effective.name, document: effective.document, policy: effective.policy)
    }
}

extension Project {
    /// Makes an agent and starts it; returns when its program runs.
    ///
    /// - Parameters:
    ///   - options: what it is to be.
    ///   - progress: called with a sentence for each step that can take a while.
    /// - Throws: why it cannot be; nothing is left behind then.
    public func start(_ options: StartOptions, progress: (String) -> Void = { _ in }) throws(ClocheError)
        -> AgentInfo
    {
        let directory = try agentDirectory(options.name)
        if directory.exists {
            throw ClocheError(
                .exists,
                "an agent named \(options.name) exists already",
                why: directory.path,
                remedy: "choose another name, or `cloche delete \(options.name)` first"
            )
        }
        let effective: StartProfile
        if let child = options.child {
            effective = child.profile
        } else {
            effective = StartProfile(try profiles.load(name: options.profile, overrides: options.overrides))
        }
        var (record, policy) = (try newRecord(options, effective, directory), effective.policy)
        if options.child == nil {
            try choose(&policy, &record)
        } else {
            // Its parent was given all of them.
            record.given = policy.credentials.indices.map { Int64($0) }
        }
        try checkProgram(policy, record)
        _ = try sharedDirectories(policy)
        try state.prepare()
        let lock = try directory.create(record)
        defer { _ = lock.isLocked }
        do throws(ClocheError) {
            try furnish(directory, record, policy)
            if case .worktree(let base) = options.workspace {
                progress("making a worktree on branch cloche/\(record.name)")
                try AgentGit.worktree(directory, record).create(
                    base: base,
                    // Of a person's own choice there is nothing to refuse.
                    within: options.child == nil ? nil : TreeBounds(policy.limits),
                    waiting: progress
                )
                try noteCheckout(directory, record)
            }
            try auditLog(directory, record).append(
                .create,
                [
                    "profile": .string(record.profile), "task": .string(record.task),
                    "parent": .optional(record.parent?.name),
                ],
                // The supervisor puts it on disk together with the start.
                .left
            )
            let hooks = policy.hooks.preStart.map { words in
                (words.prefix(2) == ["/bin/sh", "-c"] ? words.dropFirst(2) : words[...]).joined(
                    separator: " "
                )
            }
            if !hooks.isEmpty { progress("hooks.pre-start: " + visible(hooks.joined(separator: "; "))) }
            try launch(
                directory,
                holding: lock,
                .first,
                policy,
                record.variables,
                by: options.supervisor,
                options.child?.keys
            )
        } catch {
            let cause = DiskSpace.explain(error, at: state.path)
            progress("taking back what was made")
            discard(directory, unless: error.code == .exists)
            throw cause
        }
        return infoAfterStart(directory, record)
    }

    /// The agent runs: a look at it that fails now does not make its start a failure.
    func infoAfterStart(_ directory: AgentDirectory, _ record: AgentRecord) -> AgentInfo {
        // See above.
        (try? info(directory))
            ?? AgentInfo(
                record: record,
                state: .running,
                activity: nil,
                changes: "?",
                queuedMessages: 0,
                questions: [],
                result: nil,
                directory: directory.path
            )
    }

    private func newRecord(
        _ options: StartOptions,
        _ effective: StartProfile,
        _ directory: AgentDirectory
    )
        throws(ClocheError) -> AgentRecord
    {
        let access = options.readOnly ? .readOnly : effective.policy.filesystem.workspace
        let (kind, path) = try workspace(options.workspace, access, options.name, directory)
        var record = AgentRecord(
            name: options.name,
            project: self.directory,
            workspace: kind,
            access: access,
            workspacePath: path,
            profile: effective.name,
            effective: effective.document,
            task: options.task,
            created: WallClock.milliseconds
        )
        record.variables = options.variables
        record.labels = options.labels
        record.auditLog = AuditLog.newID()
        record.parent = options.child?.parent
        return record
    }

    private func workspace(
        _ choice: WorkspaceChoice,
        _ access: AccessMode,
        _ name: String,
        _ directory: AgentDirectory
    ) throws(ClocheError) -> (WorkspaceKind, String) {
        switch choice {
        case .worktree(let base):
            let repository = try GitRepository.discover(from: self.directory)
            let branch = "cloche/" + name
            let path = repository.topLevel ?? repository.gitDirectory
            // Asked before anything is recorded, so that whatever removes a half-made agent knows the branch
            // for its own.
            if try repository.commit("refs/heads/" + branch) != nil {
                throw ClocheError(
                    .exists,
                    "the branch \(branch) exists already",
                    why: "it may hold work of an earlier agent",
                    remedy: "choose another name, or remove the branch: git branch -D \(branch)"
                )
            }
            return (.worktree(repository: path, branch: branch, base: base ?? ""), directory.workspace)
        case .directory(let path):
            let chosen = path ?? self.directory
            // Missing, or behind a directory that the user may not search: no directory for the agent either
            // way.
            guard let real = try? Files.canonicalPath(chosen), Files.isDirectory(real) else {
                throw ClocheError(
                    .notFound,
                    "no such directory: \(chosen)",
                    remedy: "make it first, or use --workspace none"
                )
            }
            try installation.refuseOwnFiles(in: real)
            try GitGuard.refuseGitDirectory(real, access)
            return (.directory(path: real), real)
        case .empty: return (.empty, directory.workspace)
        }
    }

    /// Chooses the credentials of one start; the record says which, so that nobody chooses otherwise.
    func choose(_ policy: inout Policy, _ record: inout AgentRecord) throws(ClocheError) {
        let positions = try CredentialChoice.positions(policy.credentials, installation)
        record.given = positions.map { Int64($0) }
        policy.credentials = record.given(of: policy.credentials)
    }

    /// Refuses a program that is missing before anything is made.
    private func checkProgram(_ policy: Policy, _ record: AgentRecord) throws(ClocheError) {
        let environment = AgentLaunch.environment(policy, record.variables)
        let task = record.task.isEmpty ? nil : record.task
        _ = try installation.programs(
            policy,
            AgentLaunch.program(policy, environment, task: task, resuming: false),
            project: record.project,
            workspace: record.workspacePath
        )
        try HarnessFiles.check(policy, installation)
    }

    /// The empty workspace, and the home's first files.
    private func furnish(
        _ directory: AgentDirectory,
        _ record: AgentRecord,
        _ policy: Policy
    ) throws(ClocheError) {
        do throws(SystemError) {
            for seed in policy.harness.seeds {
                let path = directory.home + "/" + seed.path
                try Files.makeDirectories(path.parentPath, mode: 0o755)
                try Files.writeAtomically(path, Array(seed.content.utf8), mode: 0o644, sync: false)
            }
            if record.workspace == .empty { try Files.makeDirectory(directory.workspace, mode: 0o755) }
        } catch { throw StoreError.cannotWrite(error) }
    }

    /// Takes away an agent whose first start failed.
    ///
    /// What fails for a moment is tried once more. What cannot be taken away stays with its record, is listed as
    /// incomplete and can be deleted; the failure that led here is the one to tell.
    func discard(_ directory: AgentDirectory, unless isForeign: Bool) {
        for _ in 0..<2 {
            do throws(ClocheError) {
                var record = try directory.read()
                record.state = .deleting
                // On a full disk the old record stays: `creating` is as true.
                try? directory.write(record)
                // A branch that somebody made since we asked for it is not ours to take away.
                if !isForeign, case .worktree = record.workspace {
                    try AgentGit.worktree(directory, record).remove()
                }
                return try directory.remove()
            } catch { continue }
        }
    }

    /// Starts the supervisor as a process of its own and waits until it says that the program runs, or why not.
    ///
    /// - Parameters:
    ///   - lock: the right to change the agent.
    ///   - policy: has the credentials that were chosen.
    func launch(
        _ directory: AgentDirectory,
        holding lock: borrowing FileLock,
        _ mode: StartMode,
        _ policy: Policy,
        _ variables: [Document.Entry],
        by waiting: WaitingSupervisor? = nil,
        _ handed: FileDescriptor.Shared? = nil
    ) throws(ClocheError) {
        // What it said of an earlier task is not this one's.
        try directory.write(result: nil)
        let record = try directory.read()
        let told = HarnessFiles.telling(policy, of: record.parent)
        try HarnessFiles.write(told, installation, home: directory.home)
        let environment = AgentLaunch.inheritedNames(policy, variables).sorted().compactMap { name in
            ProcessEnvironment.value(name).map { "\(name)=\($0)" }
        }
        let keys = if let handed { handed } else { try GatewayKeyReading(installation).keys(policy) }
        let supervisor: WaitingSupervisor
        if let waiting {
            supervisor = waiting
        } else {
            supervisor = try WaitingSupervisor(installation, ownNetwork: policy.network.mode != .host)
        }
        try supervisor.begin(
            SupervisorOrder(
                directory: directory.path,
                agent: record.auditLog ?? "",
                mode: mode.rawValue,
                environment: environment
            ),
            holding: lock,
            keys: keys
        )
        try GatewayKeyReading(installation).takeBackRevoked(policy)
    }
}

/// git does not always say that the disk was full.
private enum DiskSpace {
    /// Less than this is full, for anything that writes files.
    private static let little: Int64 = 65536

    static func explain(_ error: ClocheError, at path: String) -> ClocheError {
        guard !error.why.contains("No space left"), let free = Files.freeBytes(path), free < little else {
            return error
        }
        return ClocheError(
            error.code,
            error.what,
            why: "No space left on device, at \(path)",
            remedy: "free some space and try again; nothing was left behind"
        )
    }
}
