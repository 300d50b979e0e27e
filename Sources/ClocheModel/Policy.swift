// The effective, fully resolved profile of one agent, as typed values. `ProfileLoading` makes it from the
// merged YAML layers; the planner, the supervisor and `explain` read it. Data only: rules are elsewhere.

/// Everything that decides how one agent runs.
public struct Policy: Equatable, Sendable {
    /// The profile's name, for display.
    public var profile: String
    /// What it is for, one line.
    public var summary: String
    /// How the agent program is started.
    public var harness: HarnessPolicy
    /// What it is given beside its task.
    public var equipment: AgentEquipment
    /// What of the host is there, and what may be written.
    public var filesystem: FilesystemPolicy
    /// The project's shared directories that it has.
    public var shares: [ShareGrant]
    /// Environment variables inside.
    public var environment: EnvironmentPolicy
    /// Credentials, in the order of the profile.
    public var credentials: [CredentialPolicy]
    /// Which system calls are allowed.
    public var syscalls: SyscallPolicy
    /// The kernel's mechanisms that confine it.
    public var confinement: ConfinementPolicy
    /// What of the network is there.
    public var network: NetworkSettings
    /// Limits of one run.
    public var limits: LimitsPolicy
    /// Limits of all agents of the project together.
    public var projectLimits: ResourceLimits
    /// How much of model APIs the agent may use.
    public var budget: BudgetPolicy
    /// How much all agents of the project may use together.
    public var projectBudget: BudgetPolicy
    /// What is held until a person approves of it.
    public var ask: ApprovalPolicy
    /// What the agent may do with others.
    public var agents: AgentsPolicy
    /// Commands in the sandbox before and after the harness.
    public var hooks: HooksPolicy
    /// When the supervisor starts the harness again.
    public var restart: RestartPolicy
    /// How the agent is stopped.
    public var stop: StopPolicy
    /// Terminal sessions.
    public var session: SessionPolicy
    /// The audit log.
    public var audit: AuditPolicy

    /// A policy of the given parts.
    public init(
        profile: String,
        summary: String = "",
        harness: HarnessPolicy,
        equipment: AgentEquipment = AgentEquipment(),
        filesystem: FilesystemPolicy = FilesystemPolicy(),
        shares: [ShareGrant] = [],
        environment: EnvironmentPolicy = EnvironmentPolicy(),
        credentials: [CredentialPolicy] = [],
        syscalls: SyscallPolicy = SyscallPolicy(),
        confinement: ConfinementPolicy = ConfinementPolicy(),
        network: NetworkSettings = NetworkSettings(),
        limits: LimitsPolicy = LimitsPolicy(),
        projectLimits: ResourceLimits = ResourceLimits(),
        budget: BudgetPolicy = BudgetPolicy(),
        projectBudget: BudgetPolicy = BudgetPolicy(),
        ask: ApprovalPolicy = ApprovalPolicy(),
        agents: AgentsPolicy = AgentsPolicy(),
        hooks: HooksPolicy = HooksPolicy(),
        restart: RestartPolicy = .never,
        stop: StopPolicy = StopPolicy(),
        session: SessionPolicy = SessionPolicy(),
        audit: AuditPolicy = AuditPolicy()
    ) {
        self.profile = profile
        self.summary = summary
        self.harness = harness
        self.equipment = equipment
        self.filesystem = filesystem
        self.shares = shares
        self.environment = environment
        self.credentials = credentials
        self.syscalls = syscalls
        self.confinement = confinement
        self.network = network
        self.limits = limits
        self.projectLimits = projectLimits
        self.budget = budget
        self.projectBudget = projectBudget
        self.ask = ask
        self.agents = agents
        self.hooks = hooks
        self.restart = restart
        self.stop = stop
        self.session = session
        self.audit = audit
    }
}

extension Policy {
    /// Whether there can be anything of a class that a person is asked about.
    public func canAsk(_ kind: ApprovalClass) -> Bool {
        switch kind {
        case .push, .credential: !gatewayServices.isEmpty
        case .newHost: network.mode == .allow
        }
    }

    /// The services that a gateway is for, with those that go along, numbered.
    public var gatewayServices: [GatewayService] {
        var services = credentials.compactMap(\.service)
        for service in services.flatMap(\.along) where !services.contains(where: { $0.name == service.name })
        {
            services.append(service)
        }
        for index in services.indices { services[index].number = UInt16(clamping: index + 1) }
        return services
    }
}

/// How an agent program is started, given a task and resumed.
///
/// In the lists of the command line `{task}` stands for the task.
public struct HarnessPolicy: Equatable, Sendable {
    /// The program and its fixed arguments.
    public var command: [String]
    /// The program that must be there; as a rule the first word of `command`, and empty where there is none.
    public var program: String
    /// Arguments added when there is a task.
    public var task: [String]
    /// Arguments added when there is none.
    public var interactive: [String]
    /// Arguments added on `resume` without a new task; if empty, those of `interactive`.
    public var resume: [String]
    /// Arguments added on `resume` with a new task; if empty, those of `task`.
    public var resumeTask: [String]
    /// Files seeded in the agent's home before its first start, by path below it.
    public var seeds: [HomeSeed]
    /// The sentence that tells how to install the program when it is missing.
    public var install: String
    /// Arguments that choose a model, in which `{model}` stands for it; empty if the program takes none.
    public var model: [String]
    /// How it takes instructions.
    public var instructions: InstructionsForm
    /// The directory below its home in which it looks for skills; nil if it has none.
    public var skills: String?
    /// Where it keeps its MCP servers; nil if it has none.
    public var servers: ServersForm?
    /// Whether messages of other agents are typed, and not only in its inbox.
    public var takesMessages: Bool
    /// The keys that interrupt it, as `cloche keys` takes them.
    public var interrupt: [String]
    /// A command that ends well if the program is there and works, for example by printing its version.
    public var check: [String]
    /// Its place among the programs that `init` proposes; nil for none.
    public var rank: Int64?

    /// A harness that runs `command`.
    public init(
        command: [String],
        program: String = "",
        task: [String] = [],
        interactive: [String] = [],
        resume: [String] = [],
        resumeTask: [String] = [],
        seeds: [HomeSeed] = [],
        install: String = "",
        model: [String] = [],
        instructions: InstructionsForm = InstructionsForm(),
        skills: String? = nil,
        servers: ServersForm? = nil,
        takesMessages: Bool = false,
        interrupt: [String] = [],
        check: [String] = [],
        rank: Int64? = nil
    ) {
        self.command = command
        self.program = program.isEmpty ? command.first ?? "" : program
        self.task = task
        self.interactive = interactive
        self.resume = resume
        self.resumeTask = resumeTask
        self.seeds = seeds
        self.install = install
        self.model = model
        self.instructions = instructions
        self.skills = skills
        self.servers = servers
        self.takesMessages = takesMessages
        self.interrupt = interrupt
        self.check = check
        self.rank = rank
    }

    /// Program and arguments for a start or a `resume`, with or without a task; empty if there is no command.
    ///
    /// - Parameters:
    ///   - task: what it is to do.
    ///   - resuming: whether it ran before.
    ///   - model: the model to use; empty for none in particular.
    ///   - instructions: their text; empty if there are none.
    ///   - home: where its home is for it, for the path of a file of instructions.
    public func commandLine(
        task: String?,
        resuming: Bool = false,
        model: String = "",
        instructions: String = "",
        home: String = ""
    ) -> [String] {
        if command.isEmpty { return [] }
        let fresh = task == nil ? interactive : self.task
        let continued = task == nil ? resume : resumeTask
        let arguments = resuming && !continued.isEmpty ? continued : fresh
        func filled(_ words: [String], _ marks: KeyValuePairs<String, String>) -> [String] {
            words.map { HarnessPolicy.replacing(marks, in: $0) }
        }
        let modelArguments = model.isEmpty ? [] : filled(self.model, ["{model}": model])
        let file = "\(home)/\(self.instructions.file ?? "")"
        let instructionArguments =
            instructions.isEmpty
            ? []
            : filled(
                self.instructions.arguments,
                [InstructionsForm.textMark: instructions, InstructionsForm.fileMark: file]
            )
        // What is general comes first: a subcommand, or a task that stands alone, is last.
        return filled(command, ["{task}": task ?? ""]) + modelArguments + instructionArguments
            + filled(arguments, ["{task}": task ?? ""])
    }

    /// What stands in a mark's place is text and never looked at again, whatever it says.
    private static func replacing(_ marks: KeyValuePairs<String, String>, in text: String) -> String {
        var result = ""
        var rest = text[...]
        while let character = rest.first {
            if let (mark, replacement) = marks.first(where: { rest.hasPrefix($0.key) }) {
                result += replacement
                rest = rest.dropFirst(mark.count)
            } else {
                result.append(character)
                rest = rest.dropFirst()
            }
        }
        return result
    }
}

/// A file made in a new agent's home.
public struct HomeSeed: Equatable, Sendable {
    /// Relative to the home.
    public var path: String
    /// The whole text.
    public var content: String

    /// A file of that content.
    public init(path: String, content: String) {
        self.path = path
        self.content = content
    }
}

/// Read-only or writable.
public enum AccessMode: String, Equatable, Sendable {
    case readOnly = "ro"
    case readWrite = "rw"
}

/// What of the host is in the sandbox.
///
/// Paths are absolute; `~` was expanded by the loader.
public struct FilesystemPolicy: Equatable, Sendable {
    /// How the workspace is mounted.
    public var workspace: AccessMode
    /// Host directories shown read-only at their own place, as overlay lower layers.
    public var system: [String]
    /// Directories below `system`, `/etc` or `/var` in which the agent may create files (its own upper
    /// layer).
    public var writable: [String]
    /// Names below the host's `/etc` that are shown; `*` stands for any characters of one component
    /// (`NamePattern`).
    public var etc: [String]
    /// Further host paths, each at the place named.
    public var binds: [BindPolicy]
    /// Names in the workspace that the user's programs obey by themselves (`ProtectedName`).
    public var protect: [String]
    /// Size limits of `/tmp`, `/run`, `/dev/shm` in bytes.
    public var temporaryBytes: Int64
    /// Inode limit of each of them.
    public var temporaryInodes: Int64

    /// The defaults of the built-in profiles are in `profiles/base.yaml`; these serve tests and embedders.
    public init(
        workspace: AccessMode = .readWrite,
        system: [String] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt"],
        writable: [String] = [],
        etc: [String] = [],
        binds: [BindPolicy] = [],
        protect: [String] = [],
        temporaryBytes: Int64 = 1 << 30,
        temporaryInodes: Int64 = 1 << 20
    ) {
        self.workspace = workspace
        self.system = system
        self.writable = writable
        self.etc = etc
        self.binds = binds
        self.protect = protect
        self.temporaryBytes = temporaryBytes
        self.temporaryInodes = temporaryInodes
    }
}

/// One host path brought in by a profile.
public struct BindPolicy: Equatable, Sendable {
    /// Absolute host path.
    public var source: String
    /// Absolute path inside.
    public var target: String
    /// Read-only unless asked otherwise.
    public var mode: AccessMode
    /// If true, a missing source is left out instead of stopping the start.
    public var optional: Bool
    /// If true, sockets of the host may be in it, to which the agent can connect.
    public var sockets: Bool

    /// Shows `source` at `target`.
    public init(
        source: String,
        target: String,
        mode: AccessMode = .readOnly,
        optional: Bool = false,
        sockets: Bool = false
    ) {
        self.sockets = sockets
        self.source = source
        self.target = target
        self.mode = mode
        self.optional = optional
    }
}

/// Environment variables inside the sandbox.
///
/// Nothing else of the host's environment is there.
public struct EnvironmentPolicy: Equatable, Sendable {
    /// Variables with fixed values, in order.
    public var set: [Document.Entry]
    /// Names passed on from the caller's environment when they are set there (`LANG`, `TERM`).
    public var pass: [String]

    /// An environment of these.
    public init(set: [Document.Entry] = [], pass: [String] = []) {
        self.set = set
        self.pass = pass
    }
}

/// One credential an agent may be given.
public struct CredentialPolicy: Equatable, Sendable {
    /// Where it comes from and where it goes.
    public enum Kind: Equatable, Sendable {
        /// A variable of the caller's environment, given under the same name. Never written to disk.
        case environment(name: String)
        /// One host file, bound read-only at a path inside.
        case file(source: String, target: String)
        /// A gateway has it, and adds it to requests for a service; without a source, there is none to be added.
        case service(GatewayService, CredentialSource?)
    }

    /// Where it comes from and where it goes.
    public var kind: Kind
    /// If true, the start fails when it is not there.
    public var required: Bool

    /// A credential.
    public init(_ kind: Kind, required: Bool = false) {
        self.kind = kind
        self.required = required
    }

    /// The service, of one that a gateway has.
    public var service: GatewayService? { if case .service(let service, _) = kind { service } else { nil } }

    /// The name of a service that no key is shown to.
    public var publicService: String? {
        if case .service(let service, nil) = kind { service.name } else { nil }
    }
}

/// The system-call filter.
public struct SyscallPolicy: Equatable, Sendable {
    /// The groups of an ordinary agent, as `profiles/base.yaml` lists them.
    public static let standardGroups = [
        "files", "aio", "memory", "processes", "sandboxing", "events", "sockets", "ipc", "information",
    ]

    /// Groups of calls that are allowed.
    public var groups: [String]
    /// Names of calls allowed beyond the groups.
    public var allow: [String]
    /// Names of calls refused although the groups allow them; refusing wins.
    public var deny: [String]
    /// The groups that are not built in, by name, each as the YAML text of its file.
    public var definitions: [Document.Entry]

    /// These groups with these changes.
    public init(
        groups: [String] = SyscallPolicy.standardGroups,
        allow: [String] = [],
        deny: [String] = [],
        definitions: [Document.Entry] = []
    ) {
        self.groups = groups
        self.allow = allow
        self.deny = deny
        self.definitions = definitions
    }
}

/// When the supervisor starts the harness again by itself.
public enum RestartPolicy: Equatable, Sendable {
    /// Never.
    case never
    /// After a failure, at most `attempts` times, waiting longer each time.
    case onFailure(attempts: Int64)
}

/// How an agent is asked to end.
public struct StopPolicy: Equatable, Sendable {
    /// The signal sent to the harness's process group first.
    public var signal: Int32
    /// Seconds until everything is killed.
    public var graceSeconds: Int64

    /// SIGTERM (15), ten seconds.
    public init(signal: Int32 = 15, graceSeconds: Int64 = 10) {
        self.signal = signal
        self.graceSeconds = graceSeconds
    }
}
