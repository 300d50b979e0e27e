// From a recorded agent to what its supervisor runs: environment, command line, places, policy.

internal import AgentStore
internal import ClocheModel
internal import ControlGroups
internal import CredentialStore
internal import GitWorkspace
internal import LinuxSystem
internal import ProfileLoading
internal import SandboxRuntime
internal import Snapshots
internal import Supervision

/// How a harness is started; the raw values are words of `cloche internal supervise`.
package enum StartMode: String, Sendable {
    /// The first time, with the task if there is one.
    case first
    /// Again, without a new task.
    case resume
    /// Again, with a new task.
    case resumeWithTask = "resume-with-task"
}

/// Builds requests for sandboxes.
struct AgentLaunch {
    let installation: Installation

    /// What the supervisor of a recorded agent runs.
    func supervisedAgent(
        _ directory: AgentDirectory,
        _ record: AgentRecord,
        _ mode: StartMode,
        keys: FileDescriptor.Shared? = nil
    ) throws(ClocheError) -> SupervisedAgent {
        var policy = try Policy(document: record.held)
        policy.filesystem.workspace = record.access
        policy.credentials = record.given(of: policy.credentials)
        policy.filesystem.binds += try HarnessFiles.skillBinds(policy)
        try installation.refuseOwnFiles(in: policy.filesystem.binds)
        let told = HarnessFiles.telling(policy, of: record.parent)
        let instructions = try HarnessFiles.instructions(told, installation)
        let services = try GatewayKeyReading(installation).services(policy)
        let task = record.task.isEmpty ? nil : record.task
        let own = Self.environment(policy, record.variables) + ["CLOCHE_AGENT=\(record.name)"]
        let programs = try installation.programs(
            policy,
            Self.program(policy, own, task: task, resuming: mode != .first),
            project: record.project,
            workspace: record.workspacePath,
            agentHome: directory.home
        )
        let environment = programs.environment(own)
        var request = SandboxRequest(
            policy: policy,
            identity: .current(key: directory.path),
            hostname: Self.hostname(record.name),
            executable: installation.executable,
            workspace: .init(
                source: record.workspacePath,
                target: InsidePath.workspace,
                mode: record.access,
                isResolved: Self.isUsersOwn(record.workspace)
            ),
            places: try places(directory, record),
            stubRecords: Self.isUsersOwn(record.workspace) ? installation.stubRecords : nil,
            home: directory.home,
            upper: directory.upper,
            etc: EtcTree.last(policy, cache: installation.cacheDirectory),
            network: try policy.network.sandboxRequest(
                asksForNewHosts: policy.ask.classes.contains(.newHost)
            ),
            directory: directory.path
        )
        request.programs = programs
        request.layers = try LayerPool(of: directory).places(of: directory)
        request.hasGateway = !services.isEmpty
        request.shares = try installation.stateRoot.project(record.project).sharedDirectories(policy)
        var agent = SupervisedAgent(
            directory: directory,
            request: request,
            program: try Self.program(
                policy,
                environment,
                task: mode == .resume ? nil : task,
                resuming: mode != .first,
                instructions: instructions
            ),
            // A program that cannot continue its last conversation is given its task again.
            restart: try Self.program(
                policy,
                environment,
                task: policy.harness.resume.isEmpty ? task : nil,
                resuming: true,
                instructions: instructions
            ),
            filterCache: installation.cacheDirectory,
            owner: directory.cgroupOwner,
            trees: Self.trees(directory, record) + request.layers,
            readPolicy: { document throws(ClocheError) in try Policy(document: document) }
        )
        if !services.isEmpty { agent.makeBudget = budget(policy, directory, record) }
        agent.gateway = keys.map { GatewaySettings(services: services, keys: $0) }
        return agent
    }

    /// Makes what counts an agent's requests.
    private func budget(_ policy: Policy, _ directory: AgentDirectory, _ record: AgentRecord)
        -> @Sendable () throws(ClocheError) -> BudgetWatch?
    {
        { [installation] () throws(ClocheError) in
            try BudgetWatch(
                policy,
                directory,
                created: record.created,
                project: installation.stateRoot.project(record.project),
                prices: installation.prices()
            )
        }
    }

    /// What an agent may write on disk.
    static func trees(_ directory: AgentDirectory, _ record: AgentRecord) -> [String] {
        let own = [directory.home, directory.upper, directory.git]
        return record.access == .readWrite ? [record.workspacePath] + own : own
    }

    private static func isUsersOwn(_ workspace: WorkspaceKind) -> Bool {
        if case .directory = workspace { true } else { false }
    }

    /// Mounts on top of the workspace.
    private func places(_ directory: AgentDirectory, _ record: AgentRecord) throws(ClocheError)
        -> [SandboxRequest.Place]
    {
        switch record.workspace {
        case .worktree:
            let worktree = try AgentGit.worktree(directory, record)
            return try worktree.sandboxMounts().map(\.place)
        case .directory(let path): return GitGuard.places(path)
        case .empty: return []
        }
    }

    static func program(
        _ policy: Policy,
        _ environment: [String],
        task: String?,
        resuming: Bool,
        instructions: String = ""
    ) throws(ClocheError) -> ProcessSpec {
        let arguments = policy.harness.commandLine(
            task: task,
            resuming: resuming,
            model: policy.equipment.model,
            instructions: instructions,
            home: InsidePath.home
        )
        guard !arguments.isEmpty else {
            throw ClocheError(
                .configuration,
                "profile \(policy.profile) names no program",
                why: "harness.command is empty",
                remedy: "set harness.command, or give a command"
            )
        }
        return ProcessSpec(arguments: arguments, environment: environment, directory: InsidePath.workspace)
    }

    /// The environment inside: what the profile sets and passes on, credentials, and the command line's
    /// variables.
    static func environment(_ policy: Policy, _ variables: [Document.Entry]) -> [String] {
        var values: [(String, String)] = []
        func set(_ name: String, _ value: String) {
            values.removeAll { $0.0 == name }
            values.append((name, value))
        }
        for name in policy.environment.pass {
            if let value = ProcessEnvironment.value(name) { set(name, value) }
        }
        let intercepted = policy.interceptedServices
        if !intercepted.isEmpty {
            let (list, own) = (InsidePath.certificates, InsidePath.authority)
            for (name, value) in GatewayService.trust(list: list, authority: own) { set(name, value) }
        }
        for entry in policy.environment.set { set(entry.key, entry.value.string ?? "") }
        for case .environment(let name) in policy.credentials.map(\.kind) {
            if let value = ProcessEnvironment.value(name) { set(name, value) }
        }
        let services = policy.gatewayServices
        for service in services {
            for (name, value) in service.environment(gateway: InsideNetwork.gatewayURL) { set(name, value) }
        }
        // git numbers its settings; those that a profile has stay.
        var number = values.last { $0.0 == "GIT_CONFIG_COUNT" }.flatMap { Int($0.1) } ?? 0
        for setting in services.flatMap({ $0.gitSettings(gateway: InsideNetwork.gatewayURL) }) {
            set("GIT_CONFIG_KEY_\(number)", setting.key)
            set("GIT_CONFIG_VALUE_\(number)", setting.value)
            number += 1
            set("GIT_CONFIG_COUNT", "\(number)")
        }
        for entry in variables {
            if let value = entry.value.string ?? ProcessEnvironment.value(entry.key) { set(entry.key, value) }
        }
        let environment = values.map { "\($0.0)=\($0.1)" }
        guard policy.network.isByName, policy.network.proxyVariables else { return environment }
        let own = services.map { String($0.root.dropFirst("http://".count).prefix { $0 != ":" }) }
        return InsideNetwork.addingProxyVariables(to: environment, direct: own + intercepted.map(\.host))
    }

    /// The names of all variables of ours that an agent of this policy may be given: what its supervisor
    /// inherits.
    static func inheritedNames(_ policy: Policy, _ variables: [Document.Entry]) -> Set<String> {
        var names = Set(policy.environment.pass)
        for variable in variables where variable.value == .null { names.insert(variable.key) }
        for case .environment(let name) in policy.credentials.map(\.kind) { names.insert(name) }
        names.formUnion(ProgramPlaces.variables)
        #if CLOCHE_WEAKENED
        names.insert("CLOCHE_WITHOUT")
        #endif
        if !policy.session.commands.isEmpty || policy.session.notice == .desktop {
            names.formUnion(StateNotice.variables)
        }
        return names.union([
            "HOME", "PATH", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME",
        ])
    }

    /// A name as a host name: letters, digits and hyphens.
    static func hostname(_ name: String) -> String {
        String(name.map { $0 == "_" || $0 == "." ? "-" : $0 })
    }
}

extension AgentDirectory {
    /// Whom a cgroup is made for: the folder of a project is its name among all of them.
    var cgroupOwner: AgentCgroup.Owner {
        AgentCgroup.Owner(project: path.parentPath.lastComponent, agent: name)
    }
}

/// Which credentials of a profile an agent gets.
///
/// All required ones, the first optional one that is there, and services without a key that no other one is for. The
/// command that starts an agent chooses, once.
enum CredentialChoice {
    static func choose(_ credentials: [CredentialPolicy], _ installation: Installation) throws(ClocheError)
        -> [CredentialPolicy]
    {
        try positions(credentials, installation).map { credentials[$0] }
    }

    /// The same as positions in the list.
    static func positions(_ credentials: [CredentialPolicy], _ installation: Installation) throws(ClocheError)
        -> [Int]
    {
        var chosen: [Int] = []
        var haveOptional = false
        for (position, credential) in credentials.enumerated() where credential.publicService == nil {
            guard isThere(credential.kind, installation) else {
                if credential.required { throw missing(credential.kind) }
                continue
            }
            if !credential.required {
                if haveOptional { continue }
                haveOptional = true
            }
            chosen.append(position)
        }
        var served = Set(chosen.compactMap { credentials[$0].service?.name })
        for (position, credential) in credentials.enumerated() {
            guard let name = credential.publicService, served.insert(name).inserted else { continue }
            chosen.append(position)
        }
        return chosen
    }

    static func isThere(_ kind: CredentialPolicy.Kind, _ installation: Installation) -> Bool {
        switch kind {
        case .service(_, .environment(let name)):
            ProcessEnvironment.value(name).map { !$0.isEmpty } ?? false
        case .service(_, .file(let path)), .service(_, .login(let path)): Files.exists(path)
        case .service(_, .command), .service(_, nil): true
        // One that cannot be read is there, and stops the start.
        case .service(_, .kept(let name)): installation.credentials.holds(name)
        case .environment(let name): ProcessEnvironment.value(name).map { !$0.isEmpty } ?? false
        case .file(let source, _): Files.exists(source)
        }
    }

    private static func remedy(_ source: CredentialSource?) -> String {
        if case .login? = source { return "log in once with the program on the host" }
        return "set it, keep one with `cloche credential add`"
    }

    private static func missing(_ kind: CredentialPolicy.Kind) -> ClocheError {
        switch kind {
        case .service(let service, let source):
            ClocheError(
                .configuration,
                "the key for \(service.name) is missing",
                why: "there is no \(source?.description ?? "source")",
                remedy: remedy(source) + ", or set `required: false` in the profile"
            )
        case .environment(let name):
            ClocheError(
                .configuration,
                "a required credential is missing",
                why: "the variable \(name) is not set",
                remedy: "export \(name), or set `required: false` in the profile"
            )
        case .file(let source, _):
            ClocheError(
                .configuration,
                "a required credential is missing",
                why: "\(source) does not exist",
                remedy: "log in with the agent program once, or set `required: false` in the profile"
            )
        }
    }
}
