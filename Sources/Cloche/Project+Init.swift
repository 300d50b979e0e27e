// `cloche init`: looks at what is installed and writes `.cloche/config.yaml`.

public import ClocheModel
internal import LinuxSystem
internal import ProfileLoading

/// An agent program that a profile can run here.
public struct FoundProgram: Equatable, Sendable {
    /// The profile.
    public let profile: String
    /// The program's name.
    public let program: String
    /// The first credential of the profile that is there, by variable name or path; nil when none is.
    public let credential: String?
    /// Where the program is on the host; nil when a sandbox cannot be given it.
    public let place: String?
    /// Why one that is there is not brought into a sandbox.
    public let refusal: String?
    /// How to install it.
    public let install: String

    /// Whether a sandbox can be given it.
    public var isInstalled: Bool { place != nil }
}

extension Project {
    /// The agent programs that bundles are for, those that can be used at once first, else in the order of `harness.rank`.
    public func findPrograms() -> [FoundProgram] {
        var found: [(program: FoundProgram, rank: Int64)] = []
        for name in profiles.bundleNames() {
            // A profile of the user's that is broken is told when it is used.
            guard let policy = try? profiles.load(name: name).policy, let rank = policy.harness.rank else {
                continue
            }
            let program = policy.harness.program
            let index = policy.credentials.firstIndex { CredentialChoice.isThere($0.kind, installation) }
            let look = look(for: program, policy)
            let credential: String? = index.map { index in
                switch policy.credentials[index].kind {
                case .environment(let name): name
                case .file(let source, _): source
                case .service(let service, let source): source?.description ?? service.name
                }
            }
            let entry = FoundProgram(
                profile: name,
                program: program,
                credential: credential,
                place: look.place,
                refusal: look.refusal,
                install: policy.harness.install
            )
            found.append((entry, (entry.isInstalled ? 0 : 1 << 32) + (index == nil ? 1 << 31 : 0) + rank))
        }
        let order = found.sorted { ($0.rank, $0.program.profile) < ($1.rank, $1.program.profile) }
        return order.map(\.program)
    }

    /// Where a program of the host's is, or why it is not brought in.
    private func look(for program: String, _ policy: Policy) -> (place: String?, refusal: String?) {
        let host = installation.programHost(policy, project: directory, workspace: nil)
        let lookup = ProgramLookup(policy: policy, host: host)
        switch lookup.find(program, AgentLaunch.environment(policy, [])) {
        case .visible(let path): return (path, nil)
        case .brought(let file, _): return (file.path, nil)
        case .absent(let refusal): return (nil, refusal.map { "\($0.path): \($0.why)" })
        }
    }

    /// Writes `.cloche/config.yaml` with a default profile, and returns its path.
    ///
    /// - Throws: when there is one already and `force` is false.
    public func writeConfiguration(profile: String, force: Bool) throws(ClocheError) -> String {
        let folder = directory + "/.cloche"
        let path = folder + "/config.yaml"
        if Files.exists(path) && !force {
            throw ClocheError(
                .exists,
                "this project is prepared already",
                why: path,
                remedy: "edit it, or `cloche init --force`"
            )
        }
        let text = """
            # Cloche's settings for this project; docs/profiles.md of Cloche describes every key.

            # What `cloche start` uses when no --profile is given; `cloche profile list` shows all.
            profile: \(profile)

            # Keys here are merged over whichever profile is used, for example:
            # overrides:
            #   limits: {wall-clock: 2h}

            """
        do {
            try Files.makeDirectories(folder, mode: 0o755)
            try Files.writeAtomically(path, Array(text.utf8), mode: 0o644)
        } catch {
            throw ClocheError(
                .system,
                "cannot write \(path)",
                why: "\(error.errno)",
                remedy: "make the directory writable"
            )
        }
        // The user chose this profile just now; without trust the file could not choose one that grants
        // something.
        try ProjectTrust(configDirectory: installation.configDirectory).trust(path)
        return path
    }
}
