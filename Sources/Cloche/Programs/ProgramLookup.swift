// Whether a program will be there inside, and what of the host is brought in for it: asked before anything is made, and
// again by whoever builds the sandbox.

internal import AgentStore
internal import ClocheModel
internal import LinuxSystem
internal import ProfileLoading
internal import SandboxRuntime

/// Looks up the program that a sandbox starts.
struct ProgramLookup {
    let policy: Policy
    let host: ProgramHost
    /// The agent's home on the host, if it has one: what it has installed for itself is there, too.
    var agentHome: String?

    /// What was found of a program.
    enum Finding {
        /// It is there by itself: the system's, in a bind of the profile, or the agent's own.
        case visible(path: String)
        /// It is there with these brought in.
        case brought(FoundFile, HostPrograms)
        /// It is nowhere, or it was refused.
        case absent(ProgramRefusal?)
    }

    /// Looks for a program by name, as `PATH` of this environment has it inside.
    func find(_ name: String, _ environment: [String]) -> Finding {
        let path = environment.last { $0.hasPrefix("PATH=") }?.dropFirst(5) ?? "/usr/bin:/bin"
        if name.contains("/") {
            let isThere = isOwn(name) || hostPath(name).map(isExecutable) ?? false
            return isThere ? .visible(path: name) : .absent(nil)
        }
        let directories = path.split(separator: ":").map(String.init)
        for directory in directories {
            // What a profile binds is what its author means.
            guard let bound = boundPath("\(directory)/\(name)"), isExecutable(bound) else { continue }
            return .visible(path: bound)
        }
        var gathering = ProgramGathering(host, policy, insidePath: directories)
        if let file = gathering.bring(name) {
            let programs = gathering.programs
            return programs == HostPrograms() ? .visible(path: file.path) : .brought(file, programs)
        }
        for directory in directories {
            let place = "\(directory)/\(name)"
            if let path = hostPath(place), isExecutable(path) { return .visible(path: path) }
            if let home = agentHome, place.isWithin(InsidePath.home),
                Files.exists(home + place.dropFirst(InsidePath.home.utf8.count))
            {
                return .visible(path: place)
            }
        }
        return .absent(gathering.refusal)
    }

    /// What is brought in for the program of a command line.
    ///
    /// - Throws: when it is refused; or `required` and nowhere.
    func programs(_ spec: ProcessSpec, required: Bool) throws(ClocheError) -> HostPrograms {
        guard let first = spec.arguments.first else { return HostPrograms() }
        let name = first == policy.harness.command.first ? policy.harness.program : first
        switch find(name, spec.environment) {
        case .visible: return HostPrograms()
        case .brought(_, let programs): return programs
        case .absent(let refusal?): throw Self.refused(name, refusal)
        case .absent(nil):
            if !required { return HostPrograms() }
            let hint = policy.harness.install
            throw ClocheError(
                .programNotFound,
                "\(name) is not installed where a sandbox can see it",
                why: "it is neither in PATH nor where package managers put programs",
                remedy: hint.isEmpty
                    ? "install it below /usr, or bind its directory with filesystem.binds" : hint
            )
        }
    }

    private static func refused(_ name: String, _ refusal: ProgramRefusal) -> ClocheError {
        ClocheError(
            .programNotFound,
            "\(name) is not brought into the sandbox",
            why: "\(refusal.path): \(refusal.why)",
            remedy: "install it where only you can write, or bind what it needs with filesystem.binds"
        )
    }

    private func isExecutable(_ path: String) -> Bool { ProcessEnvironment.findProgram(path) != nil }

    /// Relative to the workspace, or in a directory of the agent's: only the sandbox knows.
    private func isOwn(_ path: String) -> Bool {
        !path.hasPrefix("/")
            || [InsidePath.workspace, InsidePath.home, "/tmp"].contains { path.hasPrefix($0 + "/") }
    }

    /// The host file behind a path in a bind of the profile.
    private func boundPath(_ path: String) -> String? {
        policy.filesystem.binds.first { path.isWithin($0.target) }
            .map { $0.source + path.dropFirst($0.target.utf8.count) }
    }

    /// The host file behind a path inside.
    private func hostPath(_ path: String) -> String? {
        boundPath(path) ?? (policy.filesystem.system.contains { path.hasPrefix($0 + "/") } ? path : nil)
    }
}

extension Installation {
    /// What is brought in for the program of a command line in a sandbox of this policy.
    func programs(
        _ policy: Policy,
        _ spec: ProcessSpec,
        project: String,
        workspace: String?,
        agentHome: String? = nil,
        required: Bool = true
    ) throws(ClocheError) -> HostPrograms {
        let host = programHost(policy, project: project, workspace: workspace)
        return try ProgramLookup(policy: policy, host: host, agentHome: agentHome)
            .programs(spec, required: required)
    }

    /// This host, for a sandbox of this policy.
    func programHost(_ policy: Policy, project: String, workspace: String?) -> ProgramHost {
        ProgramHost(
            home: home,
            user: .current,
            variable: { ProcessEnvironment.value($0) },
            writable: {
                let agents = AgentWritable(installation: self)
                return agents.places(policy, project: project, workspace: workspace)
            }
        )
    }
}
