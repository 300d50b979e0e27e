// A sandbox in the foreground, inside this very process, thrown away at its end.

internal import AgentStore
public import ClocheModel
internal import ControlGroups
internal import Glibc
internal import LinuxSystem
internal import ProfileLoading
internal import SandboxRuntime
internal import Supervision

enum OneShot {
    /// Builds the sandbox, runs the program with this process's standard input and output, and returns its
    /// exit code.
    static func run(
        _ request: SandboxRequest,
        _ spec: ProcessSpec,
        _ owner: AgentCgroup.Owner,
        installation: Installation,
        recording: Recording? = nil,
        gateway: GatewaySettings? = nil,
        notice: (String) -> Void = { _ in }
    ) throws -> Int32 {
        // Nobody may clear the tree away while the sandbox sees it.
        defer { withExtendedLifetime(request.etc) {} }
        let measures = recording?.recorder.measures == true
        let resources = try LimitWatch(
            request.policy,
            owner,
            trees: request.trees,
            shares: request.shares,
            always: measures
        )
        var running: SandboxProgram?
        defer {
            if recording == nil { for sentence in running?.refusals.sentences ?? [] { notice(sentence) } }
        }
        var request = request
        var client = try gateway.map { gateway throws(ClocheError) in
            try GatewayClient(installation.executable, gateway, request.policy.network)
        }
        // From then on it is the running program's.
        defer { if running == nil { client?.kill() } }
        if !request.policy.interceptedServices.isEmpty {
            // Its certificate is a part of the sandbox.
            try client?.awaitReady()
            request.authority = client?.authority
        }
        func launch(_ program: SpawnRequest) throws -> SandboxProgram {
            let sandbox = try Sandbox.launch(
                request,
                filters(request.policy, recording, installation.cacheDirectory),
                starting: program,
                in: resources.cgroup
            )
            tell(resources, notice)
            let program = try SandboxProgram(
                sandbox,
                program.id,
                resources,
                request.policy,
                recorder: recording?.recorder,
                gateway: client
            )
            running = program
            return program
        }
        if Terminal.isTerminal(0) && Terminal.isTerminal(1) {
            let size = Terminal.size(0) ?? TerminalSize(columns: 80, rows: 24)
            return try ForegroundSession.runOnTerminal(launch(SpawnRequest(1, spec, size: size)))
        }
        let streams = try ForegroundSession.Streams()
        let signals = try ForegroundSession.signals()
        let program = try launch(SpawnRequest(1, spec, stdio: streams.numbers))
        return try ForegroundSession.run(program, streams, signals)
    }
}

extension SandboxRequest {
    /// What a throw-away sandbox may write on disk.
    fileprivate var trees: [String] {
        workspace.map { $0.mode == .readWrite ? [$0.source] : [] } ?? []
    }
}

extension OneShot {
    /// How a run is looked at.
    struct Recording {
        /// Who is told.
        let recorder: RunRecorder
        /// Calls beyond these are told, and go on if the policy allows them; nil to be told of refusals alone.
        let beyond: SyscallPolicy?
    }

    private static func filters(_ policy: Policy, _ recording: Recording?, _ cache: String)
        throws(ClocheError) -> SandboxFilters
    {
        guard let recording else { return try SandboxFilters(policy.syscalls, cache: cache) }
        guard let smaller = recording.beyond else {
            return try SandboxFilters(policy.syscalls, cache: cache, listening: .full)
        }
        return try SandboxFilters(recording: policy.syscalls, beyond: smaller, cache: cache)
    }

    /// A limit that was asked for and does not hold is not passed over in silence.
    private static func tell(_ resources: LimitWatch, _ notice: (String) -> Void) {
        let loose = resources.holders.filter { $0.value.string == LimitHolder.nobody.rawValue }.map(\.key)
        if loose.isEmpty { return }
        notice("held by nobody here: limits \(loose.joined(separator: ", ")); see `cloche doctor`")
    }
}

/// What `run` is to do.
public struct RunOptions: Sendable {
    /// The program and its arguments; empty runs the profile's.
    public var command: [String]
    /// A profile's name or file; nil is the project's default.
    public var profile: String?
    /// `key=value` overrides of the profile.
    public var overrides: [String]
    /// Where it works; nil is the current directory.
    public var workspace: WorkspaceChoice
    /// Whether the workspace is read-only whatever the profile says.
    public var readOnly: Bool
    /// Variables for the program.
    public var variables: [Document.Entry]

    /// One program.
    public init(
        command: [String],
        profile: String? = nil,
        overrides: [String] = [],
        workspace: WorkspaceChoice = .directory(nil),
        readOnly: Bool = false,
        variables: [Document.Entry] = []
    ) {
        self.command = command
        self.profile = profile
        self.overrides = overrides
        self.workspace = workspace
        self.readOnly = readOnly
        self.variables = variables
    }
}

extension Project {
    /// Runs one program in a sandbox of its own, in the foreground, and returns its exit code.
    ///
    /// - Parameters:
    ///   - options: what to run.
    ///   - current: the caller's directory, the workspace unless `options` names another.
    ///   - notice: called with a sentence for the user about what is weaker than asked for.
    public func run(
        _ options: RunOptions,
        in current: String,
        notice: (String) -> Void = { _ in }
    ) throws(ClocheError) -> Int32 {
        let policy = try profiles.load(name: options.profile, overrides: options.overrides).policy
        return try run(policy, options, in: current, notice: notice)
    }

    /// The same under a policy that is there, and perhaps looked at.
    func run(
        _ policy: Policy,
        _ options: RunOptions,
        in current: String,
        recording: OneShot.Recording? = nil,
        notice: (String) -> Void
    ) throws(ClocheError) -> Int32 {
        var policy = policy
        try Self.refuseQuestions(policy)
        policy.credentials = try CredentialChoice.choose(policy.credentials, installation)
        if policy.network.hasRulesInVain {
            notice("there is no network; with --set network.mode=allow, the rules of 'network.allow' hold")
        }
        if options.readOnly { policy.filesystem.workspace = .readOnly }
        var instructions = ""
        // Another program than the profile's is given nothing of what is for that.
        if options.command.isEmpty {
            try HarnessFiles.check(policy, installation, hasHome: false)
            policy.filesystem.binds += try HarnessFiles.skillBinds(policy)
            instructions = try HarnessFiles.instructions(policy, installation)
        }
        try installation.refuseOwnFiles(in: policy.filesystem.binds)
        let environment = AgentLaunch.environment(policy, options.variables)
        var spec: ProcessSpec
        if options.command.isEmpty {
            spec = try AgentLaunch.program(
                policy,
                environment,
                task: nil,
                resuming: false,
                instructions: instructions
            )
        } else {
            spec = ProcessSpec(
                arguments: options.command,
                environment: environment,
                directory: InsidePath.workspace
            )
        }
        let place = try workspacePlace(options.workspace, current, policy.filesystem.workspace)
        let services = try GatewayKeyReading(installation).services(policy)
        if !services.isEmpty { try Self.refuseBudgets(policy) }
        let keys = try GatewayKeyReading(installation).keys(policy)
        // The agent's own directories are the sandbox's to search; init says when there is no such program.
        let programs = try installation.programs(
            policy,
            spec,
            project: directory,
            workspace: place?.source,
            required: options.command.isEmpty
        )
        spec.environment = programs.environment(environment)
        var request = SandboxRequest(
            policy: policy,
            identity: .current(key: place?.source ?? directory),
            hostname: "cloche",
            executable: installation.executable,
            workspace: place,
            places: place.map { GitGuard.places($0.source) } ?? [],
            stubRecords: installation.stubRecords,
            etc: EtcTree.last(policy, cache: installation.cacheDirectory),
            network: try policy.network.sandboxRequest()
        )
        request.hasGateway = !services.isEmpty
        request.programs = programs
        request.shares = try sharedDirectories(policy)
        do {
            return try OneShot.run(
                request,
                spec,
                cgroupOwner,
                installation: installation,
                recording: recording,
                gateway: keys.map { GatewaySettings(services: services, keys: $0) },
                notice: notice
            )
        } catch let error as ClocheError {
            throw Self.naming(spec.arguments[0], error)
        } catch { throw ClocheError(.system, "cannot run \(spec.arguments[0])", why: "\(error)") }
    }

    private static func refuseQuestions(_ policy: Policy) throws(ClocheError) {
        let asked = policy.ask.classes.filter { policy.canAsk($0) }
        guard !asked.isEmpty else { return }
        throw ClocheError(
            .configuration,
            "`run` and `learn` have nobody asked",
            why:
                "the profile has \(asked.map(\.description).joined(separator: ", ")) held until "
                + "a person approves of it, and only an agent of `start` has somebody who is asked",
            remedy: "use `cloche start`, or take the classes away with --set 'ask=[]'"
        )
    }

    private static func refuseBudgets(_ policy: Policy) throws(ClocheError) {
        guard policy.budget.isSet || policy.projectBudget.isSet else { return }
        throw ClocheError(
            .configuration,
            "`run` holds no budget",
            why: "what it uses would be counted by nobody",
            remedy: "use `cloche start`, or a profile without `budget`"
        )
    }

    private func workspacePlace(_ choice: WorkspaceChoice, _ current: String, _ mode: AccessMode)
        throws(ClocheError) -> SandboxRequest.Place?
    {
        switch choice {
        case .empty: return nil
        case .worktree:
            throw ClocheError(
                .usage,
                "run makes no worktree",
                remedy: "use `cloche start`, or --workspace dir or none"
            )
        case .directory(let path):
            // Missing, or behind a directory that the user may not search: no directory for the agent either
            // way.
            guard let real = try? Files.canonicalPath(path ?? current), Files.isDirectory(real) else {
                throw ClocheError(
                    .notFound,
                    "no such directory: \(path ?? current)",
                    remedy: "make it first, or use --workspace none"
                )
            }
            try installation.refuseOwnFiles(in: real)
            try GitGuard.refuseGitDirectory(real, mode)
            return .init(source: real, target: InsidePath.workspace, mode: mode, isResolved: true)
        }
    }

    /// A run has no name; a colon is in no agent's.
    private var cgroupOwner: AgentCgroup.Owner {
        AgentCgroup.Owner(project: state.path.lastComponent, agent: "run:\(getpid())")
    }

    /// Init does not know a program's name as the user wrote it.
    static func naming(_ program: String, _ error: ClocheError) -> ClocheError {
        switch error.code {
        case .programNotFound:
            ClocheError(
                error.code,
                "\(program): not found in the sandbox",
                why: error.why,
                remedy: error.remedy
            )
        case .programNotExecutable:
            ClocheError(error.code, "\(program): cannot be executed", why: error.why, remedy: error.remedy)
        default: error
        }
    }
}
