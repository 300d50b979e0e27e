// What is known of one agent between commands: the content of `agent.json`. Values only; AgentStore keeps
// the file, and the state that a person sees is judged from the record together with the supervisor's lock.

/// Where an agent is in its life.
public enum AgentState: String, Equatable, Sendable, CaseIterable {
    /// Being made: worktree and directories may be incomplete.
    case creating
    /// The supervisor builds the sandbox.
    case starting
    /// The harness runs.
    case running
    /// The harness runs, and every process of the sandbox is frozen.
    case paused
    /// Asked to end.
    case stopping
    /// Ended by a person.
    case stopped
    /// The harness ended by itself.
    case exited
    /// It could not be started, or a limit ended it.
    case failed
    /// Being removed.
    case deleting
    /// Only ever shown: the record says that it runs, but no supervisor lives.
    case lost
    /// Only ever shown: a command was making or removing it and was ended half-way; `delete` finishes that.
    case incomplete

    /// Whether a supervisor is at work, if the record is true.
    public var isSupervised: Bool { [.starting, .running, .paused, .stopping].contains(self) }
}

/// Why an agent ended.
public enum EndReason: String, Equatable, Sendable {
    /// The harness returned.
    case exited
    /// A signal killed the harness, or the sandbox's first process.
    case signalled
    /// `limits.wall-clock` was reached.
    case wallClock = "wall-clock"
    /// `limits.idle` was reached.
    case idle
    /// `limits.memory` was reached.
    case memory
    /// `limits.cpu-time` was reached.
    case cpuTime = "cpu-time"
    /// `limits.processes` or `limits.process-starts` was reached.
    case pids
    /// `limits.disk` or `limits.disk-files` was reached.
    case disk
    /// `limits.output` was reached.
    case output
    /// The agent that started it has ended.
    case parentEnded = "parent-ended"
    /// A shared directory that it may write holds more than it may.
    case share
    /// A person stopped it.
    case operatorStop = "operator"
    /// The supervisor died, and the sandbox with it.
    case supervisorLost = "supervisor-lost"
    /// The harness never ran.
    case startFailed = "start-failed"
    /// Its audit log could not be written any more.
    case auditLog = "audit-log"
    /// Its supervisor could not go on.
    case supervisorFailed = "supervisor-failed"
}

extension EndReason {
    /// Whether the agent was stopped, and did nothing wrong.
    public var isStop: Bool { self == .operatorStop || self == .parentEnded }

    /// The reason as a sentence without its subject: "the agent ..." precedes it.
    public var text: String {
        switch self {
        case .exited: "ended by itself"
        case .signalled: "was ended by a signal"
        case .wallClock: "took longer than `limits.wall-clock` allows"
        case .idle: "was silent for longer than `limits.idle` allows"
        case .memory: "used more memory than `limits.memory` allows"
        case .cpuTime: "used more processor time than `limits.cpu-time` allows"
        case .pids: "had more processes, or started more, than `limits` allows"
        case .disk: "used more of the disk than `limits.disk` or `limits.disk-files` allows"
        case .output: "wrote more to its terminal than `limits.output` allows"
        case .parentEnded: "was stopped because the agent that started it has ended"
        case .share: "may write a shared directory that holds more than it may"
        case .operatorStop: "was stopped by its user"
        case .supervisorLost: "was lost: its supervisor died"
        case .startFailed: "could not be started"
        case .auditLog: "was ended because its audit log could not be written"
        case .supervisorFailed: "was ended because its supervisor could not go on"
        }
    }
}

/// The working files of an agent.
public enum WorkspaceKind: Equatable, Sendable {
    /// A git worktree of its own on a branch of its own.
    case worktree(repository: String, branch: String, base: String)
    /// A directory of the user's.
    case directory(path: String)
    /// Nothing of the host; kept with the agent.
    case empty
}

/// One agent.
public struct AgentRecord: Equatable, Sendable {
    /// The format of the file; a newer one is refused.
    public static let version: Int64 = 1

    /// Its name, unique in the project.
    public var name: String
    /// The project's directory.
    public var project: String
    /// Where it is in its life, as last written; `lost` is never written.
    public var state: AgentState
    /// What its working files are.
    public var workspace: WorkspaceKind
    /// Whether the agent may write its workspace.
    public var access: AccessMode
    /// Where the working files are on the host.
    public var workspacePath: String
    /// Name of the profile it was made with.
    public var profile: String
    /// The merged profile, from which the policy is decoded.
    public var effective: Document
    /// The task last given.
    public var task: String
    /// Variables given on the command line.
    public var variables: [Document.Entry]
    /// How often the harness was started, restarts included.
    public var starts: Int64
    /// When it was made, in milliseconds since 1970.
    public var created: Int64
    /// When it was last started, in milliseconds since 1970; nil before the first start.
    public var started: Int64?
    /// When the last run ended, in milliseconds since 1970; nil while it runs.
    public var ended: Int64?
    /// Why the last run ended; nil while it runs.
    public var endReason: EndReason?
    /// Exit code of the harness, or 128 plus a signal.
    public var exitCode: Int64?
    /// Why the last start or run failed, in words.
    public var failure: String?
    /// Who holds each limit that the last start set: `LimitHolder`s by the limits' names.
    public var limits: [Document.Entry]
    /// Which of its profile's credentials the last start gave it, as positions in the list; nil in a record of a version that
    /// did not note it.
    public var given: [Int64]?
    /// The id of its audit log; nil in a record of a version whose logs had none.
    public var auditLog: String?
    /// The agent that started it; nil for one that a person did.
    public var parent: ParentReference?
    /// Words by which several agents are meant at once, by key.
    public var labels: [Document.Entry]
    /// The agent that it was forked from, if it was.
    public var forkedFrom: String?
    /// When it was last resumed, in milliseconds since 1970; nil before.
    ///
    /// A restart of its program is none.
    public var resumed: Int64?
    /// What is left of its limits and budgets beside what agents that it started have: those sections of a profile; nil when it
    /// never started any.
    public var left: Document?
    /// What its last run used, as far as it was measured at its end; nil while it runs, of one that was lost, and of one that no
    /// agent started.
    public var used: ResourceReport?

    /// A new agent.
    public init(
        name: String,
        project: String,
        workspace: WorkspaceKind,
        access: AccessMode,
        workspacePath: String,
        profile: String,
        effective: Document,
        task: String,
        created: Int64
    ) {
        self.name = name
        self.project = project
        state = .creating
        self.workspace = workspace
        self.access = access
        self.workspacePath = workspacePath
        self.profile = profile
        self.effective = effective
        self.task = task
        variables = []
        limits = []
        labels = []
        starts = 0
        self.created = created
    }

    /// The limits with a certain holder, by name.
    public func limits(heldBy holder: LimitHolder) -> [String] {
        limits.filter { $0.value.string == holder.rawValue }.map(\.key)
    }

    /// Those of some credentials that the last start gave it; what a record does not tell of, all.
    public func given<Credential>(of credentials: [Credential]) -> [Credential] {
        guard let given else { return credentials }
        return credentials.enumerated().filter { given.contains(Int64($0.offset)) }.map(\.element)
    }

    /// When its run began, however often its program was restarted since.
    public var runBegan: Int64 { resumed ?? created }

    /// The profile that holds for itself: with what is left of its limits and budgets beside those that it started.
    public var held: Document {
        var held = effective
        for name in ["limits", "budget"] where left?[name]?.entries != nil { held[name] = left?[name] }
        return held
    }

    /// The branch, if the workspace is a worktree.
    public var branch: String? {
        if case .worktree(_, let branch, _) = workspace { branch } else { nil }
    }
}

extension AgentRecord {
    /// The record as it is written.
    public var document: Document {
        .object([
            "version": .integer(Self.version),
            "name": .string(name),
            "project": .string(project),
            "state": .string(state.rawValue),
            "workspace": workspaceDocument,
            "access": .string(access.rawValue),
            "workspace-path": .string(workspacePath),
            "profile": .string(profile),
            "task": .string(task),
            "variables": .map(variables),
            "starts": .integer(starts),
            "created": .integer(created),
            "started": .optional(started),
            "ended": .optional(ended),
            "end-reason": .optional(endReason?.rawValue),
            "exit-code": .optional(exitCode),
            "failure": .optional(failure),
            "limits": .map(limits),
            "given": given.map { .list($0.map { .integer($0) }) } ?? .null,
            "audit-log": .optional(auditLog),
            "parent": parent?.document ?? .null,
            "labels": .map(labels),
            "forked-from": .optional(forkedFrom),
            "resumed": .optional(resumed),
            "left": left ?? .null,
            "used": used?.document ?? .null,
            "effective": effective,
        ])
    }

    private var workspaceDocument: Document {
        switch workspace {
        case .worktree(let repository, let branch, let base):
            .object([
                "kind": .string("worktree"), "repository": .string(repository), "branch": .string(branch),
                "base": .string(base),
            ])
        case .directory(let path): .object(["kind": .string("directory"), "path": .string(path)])
        case .empty: .object(["kind": .string("none")])
        }
    }

    /// Reads a record; nil when a part is missing or of the wrong kind.
    public init?(document: Document) {
        guard let name = document["name"]?.string, let project = document["project"]?.string,
            let state = document["state"]?.string.flatMap(AgentState.init),
            let workspace = document["workspace"].flatMap(Self.workspace),
            let access = document["access"]?.string.flatMap(AccessMode.init),
            let path = document["workspace-path"]?.string, let profile = document["profile"]?.string,
            let effective = document["effective"], let created = document["created"]?.integer
        else { return nil }
        self.init(
            name: name,
            project: project,
            workspace: workspace,
            access: access,
            workspacePath: path,
            profile: profile,
            effective: effective,
            task: document["task"]?.string ?? "",
            created: created
        )
        self.state = state
        variables = document["variables"]?.entries ?? []
        starts = document["starts"]?.integer ?? 0
        started = document["started"]?.integer
        ended = document["ended"]?.integer
        endReason = document["end-reason"]?.string.flatMap(EndReason.init)
        exitCode = document["exit-code"]?.integer
        failure = document["failure"]?.string
        limits = document["limits"]?.entries ?? []
        given = document["given"]?.list?.compactMap(\.integer)
        auditLog = document["audit-log"]?.string
        parent = document["parent"].flatMap { ParentReference(document: $0) }
        labels = document["labels"]?.entries ?? []
        forkedFrom = document["forked-from"]?.string
        resumed = document["resumed"]?.integer
        left = document["left"].flatMap { $0.entries == nil ? nil : $0 }
        used = document["used"].flatMap { ResourceReport(document: $0) }
    }

    private static func workspace(_ document: Document) -> WorkspaceKind? {
        switch document["kind"]?.string {
        case "worktree":
            guard let repository = document["repository"]?.string, let branch = document["branch"]?.string,
                let base = document["base"]?.string
            else { return nil }
            return .worktree(repository: repository, branch: branch, base: base)
        case "directory": return document["path"]?.string.map { .directory(path: $0) }
        case "none": return .empty
        default: return nil
        }
    }
}
